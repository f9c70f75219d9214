local codec = require("smpp.codec").codec
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local lifecycle = require "smpp.service.lifecycle"
local property = require "spec.support.property"
local receipts = require "smpp.receipt"

describe("bind_finish", function()
  it("gives a message its planned state as a change of its fields does (seeded)", function()
    local own, over = core.record(kinds.names), kinds.over
    local finish, seen = own.finisher(over), 0
    local VALUES = {
      state = { "ENROUTE", "ENROUTE", "ENROUTE", "SCHEDULED", 5 }, planned = { "DELIVERED", "EXPIRED", ("x"):rep(70), false, 7 },
      planned_at = { 5, 99.5, 100, 100.5, 1e300, -3, "x" }, planned_error = { 0, 7, 300, nil, "e" }, notify_at = { nil, nil, nil, 5 },
      outcome = { nil, nil, nil, { reply = "x" } }, registered_delivery = { 0, 0, 4, 1, 17, "x" }, done = { nil, 1 }, error = { 0, 3 }, bind = { 1, 700 },
      octets = { "", ("o"):rep(100), "x" }, other = { nil, "y", { 1 } },
    }
    local fields = {}
    for name in pairs(VALUES) do fields[#fields + 1] = name end
    table.sort(fields)
    property.holds(3000, function(random, case)
      for _, name in ipairs(fields) do
        if random(12) > 1 then case[name] = VALUES[name][random(name == "notify_at" and 4 or name == "outcome" and 4 or name == "planned_error" and 5 or math.max(1, #VALUES[name]))] end
      end
      local octets = own.write(case)
      local new, state = finish(octets, 123.5, 100)
      local is_due = case.state == "ENROUTE" and type(case.planned) == "string" and type(case.planned_at) == "number" and case.planned_at <= 100
        and type(case.registered_delivery) == "number" and case.registered_delivery % 4 == 0 and not case.notify_at and not case.outcome
        and case.planned_error ~= "e"
      assert.equal(is_due, new ~= nil)
      if not new then return end
      seen = seen + 1
      assert.equal(case.planned, state)
      assert.same(own.read(own.change(octets, { state = case.planned, done = 123.5, error = case.planned_error or 0 }, over)), own.read(new))
      for length = 0, #octets - 1 do finish(octets:sub(1, length), 123.5, 100) end -- cut anywhere
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 50)
    assert.error_matches(function() core.record { "key" }.finisher {} end, "'state' is not among the names")
    assert.error_matches(function() own.finisher { "unknown" } end, "'unknown' is not among the names")
  end)

  it("writes the receipt that is written by the long way (seeded)", function()
    local own, seen = core.record(kinds.names), 0
    local finish = own.finisher(kinds.over)
    local VALUES = {
      planned = { "DELIVERED", "EXPIRED", "UNDELIVERABLE", "REJECTED", "DELIVRD", "OWN" }, planned_error = { 0, 7, 1234, 70000, 1.5 },
      registered_delivery = { 1, 1, 2, 3, 0x11, 0 }, id = { "1", "a b", "", ("i"):rep(64), ("i"):rep(65), "x\0y" }, system_id = { "me" }, bind = { 5, nil },
      submitted = { 1700000000.75, 0, 1e9, -1, 1e12 }, version = { 0x33, 0x34, 0x50 }, data_coding = { 0, 0, 0, 8 }, esm_class = { 0, 0, 3, 0x40, 0x43 },
      octets = { "", "Hello", ("long "):rep(10), "a\27e", "\200", "\0\1\2", ("x"):rep(20) }, receipt = { nil, nil, nil, nil, { err = "x" } },
      source_addr = { "", "12345", ("1"):rep(20), ("1"):rep(21) }, destination_addr = { "491761234567", "" }, user_message_reference = { nil, nil, 0, 700, 70000 },
      source_addr_ton = { 0, 5 }, source_addr_npi = { 0, 1 }, dest_addr_ton = { 1, 256 }, dest_addr_npi = { 1 },
    }
    local SIZES = { bind = 2, receipt = 5, user_message_reference = 5 } -- of lists with nil
    local fields = {}
    for name in pairs(VALUES) do fields[#fields + 1] = name end
    table.sort(fields)
    property.holds(3000, function(random, case)
      for _, name in ipairs(fields) do
        if random(60) > 1 then case[name] = VALUES[name][random(8) > 1 and 1 or random(SIZES[name] or #VALUES[name])] end
      end
      case.state, case.planned_at = "ENROUTE", 5
      local has_tlvs, now = random(2) == 1, ({ 1700000001.5, 2e9 })[random(2)]
      local new, state, octets, system_id, bind = finish(own.write(case), now, 10, has_tlvs)
      if not new then return end
      local wanted = receipts.wanted(case.registered_delivery, state)
      assert.equal(wanted, octets ~= nil)
      assert.is_nil((finish(own.write(case), now, 10) or nil) and case.registered_delivery % 4 ~= 0 or nil)
      if not wanted then return end
      seen = seen + 1
      local _, pdu = assert(receipts.write {
        id = case.id, state = state, err = case.planned_error or 0, submitted = case.submitted, done = now, submit = case, version = case.version,
        text = lifecycle.text(case, {}),
      })
      if not has_tlvs then pdu.receipted_message_id, pdu.message_state = nil, nil end
      assert.same(assert(codec.decode((assert(codec.encode(pdu))))):totable(), assert(codec.decode(octets)):totable())
      assert.equal((codec.encode(pdu)), octets)
      assert.same({ case.system_id, case.bind }, { system_id, bind })
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 100)
  end)
end)
