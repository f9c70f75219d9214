local checks = require "smpp.server.checks"
local mc = require "spec.support.mc"
local pdus = require "smpp.codec"
local property = require "spec.support.property"

local BASE = { source_addr = "1234", destination_addr = "491761234567", dest_addr_ton = 1, dest_addr_npi = 1, short_message = "hi" }

--- Each case: what differs from a good request, and the status it gets ("ok": none).
local function walk(options, command, base, cases, bind)
  mc.world(function(w)
    local answer = function() return command == "replace_sm" and true or "1" end
    local server = w:server { checks = options, [command] = answer, version = "5.0" }
    local esme = w:bind(bind or {})
    for i, case in ipairs(cases) do
      local fields = {}
      for name, value in pairs(base) do fields[name] = value end
      for name, value in pairs(case) do fields[name] = value ~= false and value or nil end
      local expected = fields[1]
      fields[1] = nil
      local response, message, code = esme[command](esme, fields)
      assert.equal(expected, response and "ok" or code, ("case %d: %s"):format(i, message or ""))
    end
    server:close()
  end)
end

-- The virtual loop starts on 2023-11-14 22:13:20 UTC.
local COMMON = {
  { "ok" },
  { "ESME_RINVSRCTON", source_addr_ton = 7 }, { "ok", source_addr_ton = 6 },
  { "ESME_RINVSRCNPI", source_addr_npi = 2 }, { "ok", source_addr_npi = 18 },
  { "ESME_RINVDSTTON", dest_addr_ton = 7 }, { "ESME_RINVDSTTON", dest_addr_ton = 255 },
  { "ESME_RINVDSTNPI", dest_addr_npi = 5 }, { "ESME_RINVDSTNPI", dest_addr_npi = 19 },
  { "ESME_RINVDSTADR", destination_addr = "" }, { "ESME_RINVDSTADR", destination_addr = "", dest_addr_ton = 5 }, { "ESME_RINVDSTADR", destination_addr = "49x" }, { "ok", destination_addr = "+49" },
  { "ok", destination_addr = "name", dest_addr_ton = 5, dest_addr_npi = 0 },
  { "ESME_RINVESMCLASS", esm_class = 0x04 }, { "ESME_RINVESMCLASS", esm_class = 0x20 }, { "ESME_RINVESMCLASS", esm_class = 0x3C },
  { "ok", esm_class = 0x08 }, { "ok", esm_class = 0x10 }, { "ok", esm_class = 3 },
  { "ESME_RINVTLVLEN", tlvs = { { 0x0204, "1" } } }, { "ESME_RINVTLVLEN", tlvs = { { 0x020E, "" } } }, { "ok", tlvs = { { 0x1400, "a vendor's" } } },
  { "ok", tlvs = { { 0x0381, "\1\1\0491" } } }, { "ok", dest_addr_subunit = 5 }, -- reserved before 5.0
  { "ESME_RINVREGDLVFLG", registered_delivery = 32 }, { "ESME_RINVREGDLVFLG", registered_delivery = 3 }, { "ok", registered_delivery = 0x1E },
}
local TIMED = {
  { "ESME_RINVPRTFLG", priority_flag = 4 }, { "ok", priority_flag = 3 },
  { "ESME_RINVREPFLAG", replace_if_present_flag = 2 },
  { "ESME_RINVSCHED", schedule_delivery_time = "231314221320000+" }, { "ESME_RINVSCHED", schedule_delivery_time = "abcdefghijklmnop" },
  { "ESME_RINVSCHED", schedule_delivery_time = "231114221300000+" }, { "ok", schedule_delivery_time = "231114221400000+" },
  { "ok", schedule_delivery_time = "000000000100000R" },
  { "ESME_RINVEXPIRY", validity_period = "231114221320499+" }, { "ESME_RINVEXPIRY", validity_period = "231114221319000+" },
  { "ESME_RINVEXPIRY", validity_period = "231114221320000X" },
  { "ok", validity_period = "000000000100000R" }, { "ok", validity_period = "231114231400004+" },
  { "ESME_RINVEXPIRY", schedule_delivery_time = "000001000000000R", validity_period = "000000230000000R" },
  { "ESME_RINVMSGLEN", short_message = "x", message_payload = "y" }, { "ok", short_message = "", message_payload = "y" },
}

describe("smpp.server.checks", function()
  it("of submit_sm", function()
    local all = {}
    for _, case in ipairs(COMMON) do all[#all + 1] = case end
    for _, case in ipairs(TIMED) do all[#all + 1] = case end
    walk({}, "submit_sm", BASE, all)
  end)

  it("of submit_sm are the same for one that is as most are as one by one", function()
    local at_once, one_by_one = checks.new {}, checks.new { max_units = 65535 }
    local now = 1700000000
    property.holds(2000, function(random, case)
      local function any(...) return random(3) > 1 and (...) or (select(random(select("#", ...)), ...)) end
      local fields = {
        command = "submit_sm", sequence_number = 1, source_addr_ton = any(1, 6, 7), source_addr_npi = any(1, 2), dest_addr_ton = any(1, 0, 2, 7),
        dest_addr_npi = any(1, 0, 8, 5), destination_addr = any("49", "", "+49", "name"), esm_class = any(0, 3, 8, 0x40, 0x10, 0x3C, 0x20),
        registered_delivery = any(0, 1, 3, 31, 32), priority_flag = any(0, 3, 4, 5), replace_if_present_flag = any(0, 1, 2),
        schedule_delivery_time = any("", "000000000001000R", "200101000000000+"), validity_period = any("", "000000000002000R", "200101000000000+"),
        sm_default_msg_id = any(0, 5, 255), short_message = any("hi", ""), message_payload = any(nil, nil, "x"), qos_time_to_live = any(nil, nil, 5),
        dest_addr_subunit = any(nil, nil, 5, 1),
      }
      local version = ({ 0x34, 0x50 })[random(2)]
      case.fields, case.version = fields, version
      local pdu = pdus.decode(pdus.encode(fields))
      assert.equal(one_by_one(pdu, version, now), at_once(pdu, version, now))
    end)
  end)

  it("of submit_sm of a 5.0 session", function()
    walk({}, "submit_sm", BASE, {
      { "ok", registered_delivery = 3 }, { "ok", priority_flag = 4 }, { "ESME_RINVPRTFLG", priority_flag = 5 },
      { "ok", validity_period = "231114221319000+", qos_time_to_live = 60 },
      { "ESME_RINVSRCADDRSUBUNIT", source_addr_subunit = 5 }, { "ok", source_addr_subunit = 4 }, { "ESME_RINVDSTADDRSUBUNIT", dest_addr_subunit = 255 },
    }, { interface_version = 0x50, version = 0x50 })
  end)

  it("of data_sm", function()
    local base = {}
    for name, value in pairs(BASE) do base[name] = value end
    base.short_message, base.message_payload = nil, "hi"
    walk({}, "data_sm", base, COMMON)
  end)

  it("of submit_multi", function()
    local base = { short_message = "hi", dest_address = { { destination_addr = "49" } } }
    local cases = {
      { "ok" }, { "ESME_RINVSRCTON", source_addr_ton = 9 }, { "ESME_RINVESMCLASS", esm_class = 4 },
      { "ESME_RINVNUMDESTS", dest_address = {} },
    }
    for _, case in ipairs(TIMED) do cases[#cases + 1] = case end
    walk({}, "submit_multi", base, cases)
  end)

  it("of each destination of a submit_multi, for its handler", function()
    mc.world(function(w)
      local refused
      local server = w:server { checks = { ton = { 1, 2 } }, accounts = { esme1 = { rate_per_s = 10 } }, submit_multi = function(_, _, list)
        refused = list
        return "1"
      end }
      local esme = w:bind {}
      local function submit(...) return esme:submit_multi { short_message = "x", dest_address = { ... } } end
      local right, list = { dest_addr_ton = 1, destination_addr = "49" }, { dl_name = "friends" }
      assert.is_truthy(submit(right, { destination_addr = "49" }, list, { dest_addr_ton = 1, destination_addr = "49x" }))
      assert.same({ [2] = "ESME_RINVDSTTON", [4] = "ESME_RINVDSTADR" }, refused)
      assert.is_truthy(submit(right, list))
      assert.is_nil(refused)
      server:close()
    end)
  end)

  it("of replace_sm", function()
    walk({}, "replace_sm", { message_id = "1", short_message = "x" }, {
      { "ok" }, { "ESME_RINVREGDLVFLG", registered_delivery = 64 }, { "ESME_RINVSCHED", schedule_delivery_time = "231314221320000+" },
      { "ESME_RINVEXPIRY", validity_period = "231114221319000+" },
      { "ESME_RINVTLVLEN", tlvs = { { 0x0204, "123" } } },
    })
  end)

  it("of broadcast_sm", function()
    local base = {
      broadcast_area_identifier = "\0town", broadcast_content_type = "\1\0\1", broadcast_rep_num = 3,
      broadcast_frequency_interval = "\8\0\5", message_payload = "x",
    }
    local cases = { { "ok" }, { "ESME_RINVSRCTON", source_addr_ton = 9 }, { "ok", priority_flag = 4 }, { "ESME_RINVPRTFLG", priority_flag = 5 } }
    for _, case in ipairs {
      { "ESME_RINVBCASTAREAFMT", broadcast_area_identifier = "\3town" }, { "ok", broadcast_area_identifier = "\2" },
      { "ESME_RINVBCASTAREAFMT", tlvs = { { 0x0606, "\0more" }, { 0x0606, "\9" } }, broadcast_area_identifier = false },
      { "ESME_RINVBCASTCNTTYPE", broadcast_content_type = "\4\0\1" }, { "ESME_RINVTLVLEN", tlvs = { { 0x0601, "\1" } }, broadcast_content_type = false },
      { "ESME_RINVBCASTFREQINT", broadcast_frequency_interval = "\1\0\5" }, { "ok", broadcast_frequency_interval = "\0\0\0" },
      { "ESME_RINVBCASTFREQINT", broadcast_frequency_interval = "\15\0\5" }, { "ok", broadcast_frequency_interval = "\14\0\5" },
      { "ESME_RINVBCASTMSGCLASS", broadcast_message_class = 4 }, { "ok", broadcast_message_class = 3 },
      { "ESME_RINVBCASTCHANIND", broadcast_channel_indicator = 2 }, { "ok", broadcast_channel_indicator = 1 },
    } do cases[#cases + 1] = case end
    for _, name in ipairs { "broadcast_area_identifier", "broadcast_content_type", "broadcast_rep_num", "broadcast_frequency_interval" } do
      cases[#cases + 1] = { "ESME_RMISSINGTLV", [name] = false }
    end
    walk({}, "broadcast_sm", base, cases, { interface_version = 0x50, version = 0x50 })
  end)

  it("a service asks for", function()
    walk({
      ton = { 0, 1 }, data_coding = { 0, 1, 3, 8 }, decodable = true, max_octets = 20, schedule = false, service_types = { "", "CMT" },
      default_messages = 2, digits = false,
    }, "submit_sm", BASE, {
        { "ok" }, { "ESME_RINVDSTTON", dest_addr_ton = 2 }, { "ok", destination_addr = "any*" }, { "ESME_RSUBMITFAIL", data_coding = 4 },
        { "ESME_RSUBMITFAIL", short_message = "\200" }, { "ESME_RSUBMITFAIL", data_coding = 1, short_message = "\200" },
        { "ok", data_coding = 3, short_message = "\200" }, { "ESME_RSUBMITFAIL", data_coding = 8, short_message = "\216\1" },
        { "ESME_RSUBMITFAIL", data_coding = 8, short_message = "abc" }, { "ok", data_coding = 8, short_message = "\216\61\220\75" },
        { "ok", esm_class = 0x40, short_message = "\5\0\3\1\2\1hi" }, { "ESME_RINVESMCLASS", esm_class = 0x40, short_message = "\50\0\3" },
        { "ESME_RSUBMITFAIL", esm_class = 0x40, data_coding = 8, short_message = "\5\0\3\1\2\1\216\1" },
        { "ESME_RINVMSGLEN", short_message = ("x"):rep(21) }, { "ESME_RINVSCHED", schedule_delivery_time = "000000000100000R" },
        { "ok", service_type = "CMT" }, { "ESME_RINVSERTYP", service_type = "VMN" },
        { "ok", sm_default_msg_id = 2 }, { "ESME_RINVDFTMSGID", sm_default_msg_id = 3 },
      })
    walk({ data_coding = { 0 }, decodable = true }, "submit_sm", BASE, { -- 3.4 has no such status
      { "ESME_RINVDCS", data_coding = 4 }, { "ESME_RINVDCS", short_message = "\200" },
    }, { interface_version = 0x50, version = 0x50 })
    walk({ tlv_lengths = false }, "submit_sm", BASE, {
      { "ok", tlvs = { { 0x0204, "a reference" } } }, { "ok", tlvs = { { 0x0005, "" } } },
    })
    walk({ max_units = 70 }, "submit_sm", BASE, {
      { "ok", data_coding = 8, short_message = ("\0x"):rep(70) }, { "ESME_RINVMSGLEN", data_coding = 8, short_message = ("\0x"):rep(71) },
      { "ok", short_message = ("x"):rep(70) }, { "ESME_RINVMSGLEN", short_message = ("x"):rep(71) },
      { "ok", esm_class = 0x40, short_message = "\5\0\3\1\2\1" .. ("x"):rep(100) },
    })
  end)

  it("know the account's alphabet", function()
    mc.world(function(w)
      local server = w:server {
        checks = { decodable = true }, accounts = { a = { default_alphabet = "latin1" }, b = {} },
        submit_sm = function() return "1" end,
      }
      local a, b = w:bind { system_id = "a" }, w:bind { system_id = "b" }
      assert.is_truthy(a:submit_sm { destination_addr = "1", short_message = "\200" })
      assert.equal("ESME_RSUBMITFAIL", select(3, b:submit_sm { destination_addr = "1", short_message = "\200" }))
      assert.has_error(function() w:server { checks = { decodeable = true } } end, "unknown option 'checks.decodeable'; did you mean 'checks.decodable'?")
      server:close()
    end)
  end)

  it("read moments", function()
    assert.is_nil(checks.moment("", 0))
    assert.is_false(checks.moment("x", 0))
    assert.equal(60, checks.moment("000000000100000R", 0))
  end)
end)
