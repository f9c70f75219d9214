local codec = require "smpp.codec"
local routes = require "spec.support.routes"

local w = routes.words()

local function decide(list, message, o, state)
  local msg = routes.message(message)
  return routes.compile(list, o):decide(msg, state or routes.state()), msg
end

describe("smpp.route.actions", function()
  it("decide", function()
    assert.same({ action = "via", line = 1, carriers = { "a" }, names = { "a" } }, decide { { via = "a" } })
    assert.same({ action = "via", line = 1, carriers = { "a" }, names = { "a" }, through = true }, decide { { via = "a", through = true } })
    assert.same({ action = "deliver", line = 1, deliver = "acme" }, decide { { deliver = "acme" } })
    assert.same({ action = "reject", line = 1, reject = "ESME_RTHROTTLED" }, decide { { reject = 0x58 } })
    assert.same({ action = "reject", line = 1, reject = "0x00000400" }, decide { { reject = 0x400 } })
    assert.same({ action = "drop", line = 1, drop = true }, decide { { drop = true } })
    assert.same({ action = "reply", line = 1, reply = "Hi" }, decide({ { reply = "Hi" } }, nil, { kind = "incoming" }))
    assert.same({ action = "reject", reject = "ESME_RINVDSTADR" }, decide {})
    assert.same({ action = "reject", reject = "ESME_RX_P_APPN" }, decide({}, nil, { kind = "incoming" }))
  end)

  it("decide for good where no carrier is available, unless the next rule is wanted", function()
    local state = routes.state { available = function(name) return name ~= "a" end }
    assert.same({ action = "via", line = 1, carriers = {}, names = { "a" } }, decide({ { text = "Hi", via = "a" }, { via = "b" } }, nil, nil, state))
    assert.same({ "b" }, decide({ { via = "a", else_next = true }, { via = "b" } }, nil, nil, state).carriers)
  end)

  it("ask for an encoding and for how parts are marked, and go on", function()
    local decision, msg = decide { { encoding = "ucs2" }, { long = "sar" }, { drop = true } }
    assert.same({ "drop", "ucs2", "sar" }, { decision.action, msg.encoding, msg.long })
    assert.equal('1: long: expected one of "concat_8bit", "concat_16bit", "sar", "payload", got \'x\'', routes.mistakes({ { long = "x" } })[1])
  end)

  it("change fields, TLVs, tags and copies, and go on", function()
    local decision, msg = decide {
      { set = { source_addr = "12345", source_addr_ton = "network_specific", user_message_reference = 7 }, tag = { "a", "b" }, copy = "c" },
      { from = "12345", set = { protocol_id = function(m) return #m.text end }, copy = { "d" }, call = function(m) return { priority_flag = m.tags.a and 2 or 0 } end },
      { tagged = "b", via = "x" },
    }
    assert.equal("x", decision.carriers[1])
    assert.same({ source_addr = "12345", source_addr_ton = 3, user_message_reference = 7, protocol_id = 2, priority_flag = 2 }, msg.changes)
    assert.same({ "c", "d" }, msg.copies)
    assert.same({ 3, "12345" }, { msg.from_ton, msg.from })
  end)

  it("let later rules see another destination, also those of an index", function()
    local list = { { to = w.prefix "0", set = { destination_addr = w.e164 { country = "49" } } } }
    for i = 10, 50 do list[#list + 1] = { to = w.prefix("49" .. i), via = "c" .. i } end
    assert.equal("c17", decide(list, { destination_addr = "0172" }).carriers[1])
    assert.equal("ESME_RINVDSTADR", decide(list, { destination_addr = "172" }).reject)
  end)

  it("remove a TLV", function()
    local _, msg = decide({ { set = { user_message_reference = codec.none }, drop = true } }, { user_message_reference = 1 })
    assert.equal(codec.none, msg.changes.user_message_reference)
  end)

  it("report a function that fails, and go on", function()
    local errors = {}
    local state = routes.state { on_error = function(message) table.insert(errors, message) end }
    local rule = { set = { protocol_id = function() error("a", 0) end }, call = function() error("b", 0) end, drop = true }
    local decision, msg = decide({ rule }, nil, nil, state)
    assert.same({ "drop", {}, { "set: a", "call: b" } }, { decision.action, msg.changes, errors })
  end)

  it("refuse what is no action, and more than one decision", function()
    for _, case in ipairs {
      { {}, "a rule without an action: expected via, deliver, reject, drop, set, tag, copy, call, long or encoding" },
      { { to = "1" }, "a rule without an action: expected via, deliver, reject, drop, set, tag, copy, call, long or encoding" },
      { { via = "a", drop = true }, "via and drop: a rule decides one thing" },
      { { drop = true, else_next = true }, "else_next without via" }, { { drop = true, through = true }, "through without via" },
      { { drop = true, zone = "UTC" }, "zone without between or days" },
      { { reject = "ESME_RTHROTLED" }, "reject: unknown command_status 'ESME_RTHROTLED'; did you mean ESME_RTHROTTLED?" },
      { { reject = 0 }, "reject: expected the name or number of a command_status other than ESME_ROK, got 0" },
      { { drop = false }, "drop: expected true, got false" }, { { set = {} }, "set: expected a table of fields, got a table" },
      { { set = { sourse_addr = "1" } }, "set: sourse_addr: no such parameter or TLV in submit_sm; did you mean source_addr?" },
      { { set = { nothing = function() end } }, "set: unknown field 'nothing'" },
      { { reply = "x" }, "unknown option 'reply'" },
      { { via = w.failover { "telco_x" } }, "via: unknown carrier 'telco_x'; did you mean 'telco_a'?" },
      { { copy = "telco_x", drop = true }, "copy: unknown carrier 'telco_x'; did you mean 'telco_a'?" },
      { { deliver = "acm" }, "deliver: unknown account 'acm'; did you mean 'acme'?" },
      { { account = { "acme", "bnk" }, drop = true }, "account: unknown account 'bnk'; did you mean 'bank'?" },
    } do
      local found = routes.mistakes({ case[1] }, { carriers = { telco_a = {}, a = {} }, accounts = { acme = true, bank = true } })
      assert.equal(1, #found)
      assert.equal("1: " .. case[2], found[1])
    end
    assert.same({ "1: carrier: unknown carrier 'b'" }, routes.mistakes({ { carrier = "b", drop = true } }, { kind = "incoming", carriers = { telco_a = {} } }))
  end)
end)
