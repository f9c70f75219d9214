local bound = require "spec.support.bound"
local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"

describe("bind_session: a request that is spent", function()
  it("can be answered, and serves another after that", function()
    local codec = core.codec({}, {})
    local mc, slots = codec.session { role = "mc", now = 0 }, {}
    local function receive(fields)
      mc:receive(pdus.encode(fields), 0, slots)
      return slots[2]
    end
    codec.spend((codec.decode(pdus.encode { command = "unbind" })))
    local bind = receive { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 }
    codec.spend(bind)
    assert.equal("a", bind.system_id)
    assert.is_true(mc:respond(bind, {}, 0))
    mc:poll(slots)
    assert.is_nil(bind.system_id)
    local before
    for i = 2, 5 do
      local pdu = receive { command = "submit_sm", sequence_number = i, destination_addr = tostring(i) }
      assert.is_true(rawequal(pdu, before or pdu))
      before = pdu
      assert.same({ i, tostring(i), true }, { pdu.sequence_number, pdu.destination_addr, mc:is_answerable(pdu) })
      codec.spend(pdu)
      assert.is_true(mc:is_answerable(pdu))
      assert.is_true(mc:answer(pdu, nil, "id", 0))
      assert.is_false(mc:is_answerable(pdu))
    end
    local kept = receive { command = "submit_sm", sequence_number = 6, destination_addr = "6" }
    assert.is_true(mc:answer(kept, nil, "id", 0))
    assert.equal("6", kept.destination_addr)
    codec.spend(kept) -- answered already
    assert.is_nil(kept.destination_addr)
    local stream = pdus.decode(mc:output(), 1)
    assert.equal("bind_transceiver_resp", stream.command)
  end)
end)

describe("bind_session: accept", function()
  local COMMANDS = { "submit_sm", "data_sm", "query_sm", "cancel_sm", "replace_sm", "submit_multi", "unbind", "alert_notification" }
  local RESULTS = { "id", "", ("x"):rep(64), ("x"):rep(65), "a\0b", true, false, 42, {}, print }

  --- Whether answer takes a result that means status 0, and the octets that it makes.
  local function answered(mc, pdu, result)
    local is_plain = result == nil or result == true or type(result) == "string"
    local ok = is_plain and mc:is_answerable(pdu) and mc:answer(pdu, nil, type(result) == "string" and result or nil, 5) or false
    return ok, mc:is_answerable(pdu), mc:unanswered(), mc:output() or ""
  end
  local function accepted(mc, pdu, result)
    local ok = mc:accept(pdu, result, 5)
    return ok, mc:is_answerable(pdu), mc:unanswered(), mc:output() or ""
  end

  it("does what answer does with a message_id or nothing, and nothing where that would refuse", function()
    property.holds(500, function(random, case)
      local worlds = {}
      for i = 1, 2 do worlds[i] = { bound.mc() } end
      local command, result, before = COMMANDS[random(#COMMANDS)], RESULTS[random(#RESULTS + 1)], random(4)
      case.command, case.result, case.before = command, tostring(result), before
      local outcomes = {}
      for i, world in ipairs(worlds) do
        local mc, slots = world[1], world[2]
        mc:receive(pdus.encode { command = command, sequence_number = 7 }, 0, slots)
        local pdu = type(slots[2]) == "userdata" and slots[2] or pdus.decode(pdus.encode { command = command, sequence_number = 7 })
        if before == 1 and mc:is_answerable(pdu) then mc:answer(pdu, "ESME_RSYSERR", nil, 1) end
        if before == 2 then pdu = pdus.decode(pdus.encode { command = command, sequence_number = 7 }) end -- not received by this session
        if before == 3 then mc:close() end
        outcomes[i] = { (i == 1 and answered or accepted)(mc, pdu, result) }
      end
      assert.same(outcomes[1], outcomes[2])
    end)
  end)

  it("makes a request that was spent serve another, and raises on what is no PDU", function()
    local codec = core.codec({}, {})
    local mc, slots = bound.mc(codec)
    codec.spend((codec.decode(pdus.encode { command = "unbind" })))
    mc:receive(pdus.encode { command = "submit_sm", sequence_number = 2, destination_addr = "2" }, 0, slots)
    codec.spend(slots[2])
    assert.is_true(mc:accept(slots[2], "id", 0))
    assert.is_nil(slots[2].destination_addr)
    assert.has_error(function() mc:accept({}, "id", 0) end)
  end)
end)
