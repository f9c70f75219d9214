local codec = require("smpp.codec").codec
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local property = require "spec.support.property"

local own = core.record(kinds.names)
local NOW = 1.7e9

local function new() return own.records(kinds.kinds, kinds.over, "8 octets") end

local function message(key, o)
  local record = { key = key, id = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2", octets = "text" }
  for name, value in pairs(o or {}) do record[name] = value end
  return record
end

local function add(record) return { op = "add", kind = "message", record = record } end

describe("bind_records_due", function()
  it("finishes a message that is due as a change does, and as it is drafted (seeded)", function()
    local finish, seen = own.finisher(kinds.over), 0
    property.holds(400, function(random)
      local record = message("1", {
        planned = ({ "DELIVERED", "EXPIRED", "OWN" })[random(3)], planned_at = NOW - 10 + random(20), planned_error = random(300) - 1, version = 0x34,
        registered_delivery = random(8) - 1, submitted = NOW - 60, data_coding = 0, esm_class = 0, source_addr_ton = 1, source_addr_npi = 1,
        dest_addr_ton = 1, dest_addr_npi = 1, bind = random(3) == 1 and 5 or nil, notify_at = random(6) == 1 and NOW - 30 or nil,
      })
      local new_octets, state = finish(own.write(record), NOW + 0.5, NOW)
      local silent = new()
      assert(silent:commit { add(record) })
      local is_final = state and kinds.is_final(state)
      assert.equal(is_final and state or nil, (silent:finish_due("1", NOW + 0.5, NOW)))
      local expected = is_final and own.read(new_octets) or record
      expected.serial = 1
      assert.same(expected, silent:get("message", "1"))
      record.serial = nil
      local drafts = new()
      assert(drafts:commit { add(record) })
      local octets, planned, pdu, system_id, bind = finish(own.write(record), NOW + 0.5, NOW, true)
      assert.same({ planned, system_id, bind }, { drafts:draft_due("1", NOW + 0.5, NOW, true) })
      local serial, _, code = drafts:commit_due("1", "outbound", "run-", 17, NOW)
      assert.same({ pdu and 1 or false, not pdu and "conflict" or nil }, { serial or false, code })
      record.serial = 1
      if not pdu then return assert.same(record, (drafts:get("message", "1"))) end
      seen = seen + 1
      expected = own.read(octets)
      expected.serial = 1
      assert.same(expected, (drafts:get("message", "1")))
      assert.same({ key = "run-17", system_id = "a", octets = pdu, since = NOW, bind = bind, serial = 1 }, (drafts:get("outbound", "run-17")))
      assert.equal(pdu, (drafts:octets_at("outbound", 1)))
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 20)
  end)

  it("commits a draft only as long as nothing else has changed", function()
    local records = new()
    local function due(key)
      return add(message(key, {
        planned = "EXPIRED", planned_at = 5, planned_error = 0, registered_delivery = 1, version = 0x34, submitted = NOW, data_coding = 0, esm_class = 0,
        source_addr_ton = 1, source_addr_npi = 1, dest_addr_ton = 1, dest_addr_npi = 1,
      }))
    end
    local function commit_due(key, number) return select(3, records:commit_due(key, "outbound", "run-", number or 1, 5)) end
    assert(records:commit { due "1", due "2", { op = "add", kind = "outbound", record = { key = "run-7" } } })
    assert.equal("conflict", commit_due "1")
    assert.equal("EXPIRED", (records:draft_due("2", NOW, 9, true)))
    assert.equal("conflict", commit_due "1")
    assert.equal("EXPIRED", (records:draft_due("1", NOW, 9, true)))
    assert(records:commit { { op = "change", kind = "message", key = "1", from = "ENROUTE", set = { text = "newer" } } })
    assert.equal("conflict", commit_due "1")
    assert.equal("EXPIRED", (records:draft_due("1", NOW, 9, true)))
    assert.equal("duplicate", commit_due("1", 7))
    assert.equal("ENROUTE", records:get("message", "1").state)
    assert.is_nil(commit_due("1", 9007199254740991))
    assert.equal("EXPIRED", records:get("message", "1").state)
    assert.equal("a", records:get("outbound", "run-9007199254740991").system_id)
    assert.equal("conflict", commit_due "1")
    assert.is_false((pcall(records.commit_due, records, "1", "message", "run-", 1, 5)))
    assert.is_false((pcall(records.commit_due, records, "1", "outbound", ("x"):rep(99), 1, 5)))
    assert.is_false((pcall(records.commit_due, records, "1", "outbound", "run-", -1, 5)))
  end)

  it("reads and removes by serial", function()
    local records = new()
    for i = 1, 5 do assert(records:commit { { op = "add", kind = "outbound", record = { key = "k" .. i, octets = ("o"):rep(i * 500) } } }) end
    for i = 1, 5 do assert.equal(("o"):rep(i * 500), (records:octets_at("outbound", i))) end
    records:remove_at("outbound", { 2, 4, 4, 99, -1, 0.5, 5 }, 6)
    local keys = {}
    for i, record in ipairs(records:find { kind = "outbound" }) do keys[i] = record.key end
    assert.same({ "k1", "k3", "k5" }, keys)
    for _, serial in ipairs { 2, 0, -5, 99, 2 ^ 60, 1 / 0 } do assert.is_nil((records:octets_at("outbound", serial))) end
    assert(records:commit { { op = "add", kind = "outbound", record = { key = "none" } } })
    assert.is_nil((records:octets_at("outbound", 6)))
  end)

  it("adds a usual submit_sm as a commit with its PDU does (seeded)", function()
    local records, other, serial = new(), new(), 0
    property.holds(300, function(random, case)
      local function any(list) return list[random(#list)] end
      case.submit = {
        command = "submit_sm", sequence_number = 1, source_addr = any { "", "Shop" }, source_addr_ton = random(6), destination_addr = any { "", "49176" },
        esm_class = any { 0, 3, 64 }, data_coding = random(20) - 1, registered_delivery = random(4) - 1, priority_flag = random(4) - 1,
        short_message = ("x"):rep(random(254)), service_type = any { "", "CMT" }, user_message_reference = any { nil, 0, 700 },
        replace_if_present_flag = any { 0, 2 }, protocol_id = random(3),
      }
      local pdu = assert(codec.decode((assert(codec.encode(case.submit)))))
      local version, bind, now, planned = any { 0x33, 0x34, 0x50 }, any { 1, false } or nil, 1.7e9 + random(999) / 8, any { "DELIVERED", false }
      local at, code, expires = planned and now + random(9) or nil, planned and random(500) or nil, any { false, now + 60 } or nil
      serial = serial + 1
      local id = tostring(serial)
      assert.is_true((assert(records:add_due(pdu, id, "me", version, bind, now, planned, at, code, expires))))
      assert(other:commit { { op = "add", kind = "message", pdu = pdu, record = {
        key = id, id = id, state = "ENROUTE", command = "submit_sm", system_id = "me", version = version, bind = bind, submitted = now, error = 0,
        octets = pdu.short_message, planned = planned, planned_at = at, planned_error = code, expires = expires,
        user_message_reference = pdu.user_message_reference,
      } } })
      assert.same((other:get("message", id)), (records:get("message", id)))
      assert.equal("duplicate", select(3, records:add_due(pdu, id, "me", version, bind, now, planned, at, code, expires)))
      assert.same({ other:load() }, { records:load() })
    end)
  end)

  it("refuses above the limits, and raises for what is not a usual submit_sm", function()
    local records = new()
    records:configure(1, 1000, 10)
    local function pdu(o)
      o.command, o.sequence_number = o.command or "submit_sm", 1
      return (assert(codec.decode((assert(codec.encode(o))))))
    end
    local function put(view, id) return records:add_due(view, id, "me", 0x34, 1, 5, "DELIVERED", 6, 0) end
    assert(put(pdu { short_message = "x" }, "1"))
    assert.equal("queue_full", select(3, put(pdu { short_message = "x" }, "2")))
    records:configure(10, 300, 10)
    assert.equal("queue_full", select(3, put(pdu { short_message = ("x"):rep(200) }, "2")))
    for _, wrong in ipairs { pdu { esm_class = 2 }, pdu { message_payload = "x" }, pdu { command = "data_sm" }, pdu { registered_delivery = 16 } } do
      assert.error_matches(function() put(wrong, "3") end, "expected a usual submit_sm")
    end
    assert.is_false((pcall(put, {}, "3")))
    assert.equal(1, (records:load()))
  end)
end)
