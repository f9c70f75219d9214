local checks = require "smpp.server.checks"
local codec = require("smpp.codec").codec
local core = require "smpp.core"
local property = require "spec.support.property"

local submit = core.submit

local function view(o)
  o.command, o.sequence_number = o.command or "submit_sm", 1
  return (assert(codec.decode((assert(codec.encode(o))))))
end

describe("bind_submit", function()
  it("says text and priority of a submit_sm that is usual, and nothing of others", function()
    assert.same({ "hello", 3 }, { submit.usual(view { short_message = "hello", priority_flag = 3, registered_delivery = 3, esm_class = 0x43 }) })
    assert.same({ "", 0 }, { submit.usual(view { user_message_reference = 5 }) })
    for _, o in ipairs {
      { command = "data_sm" }, { esm_class = 2 }, { registered_delivery = 0x11 }, { replace_if_present_flag = 1 }, { message_payload = "x" },
      { validity_period = "000000000002000R" }, { schedule_delivery_time = "000000000002000R" }, { qos_time_to_live = 5 }, { ussd_service_op = 1 },
      { its_session_info = "ab" },
    } do
      assert.same({}, { submit.usual(view(o)) })
    end
    assert.is_false((pcall(submit.usual, {})))
  end)

  it("calls plain only what the checks let pass (seeded)", function()
    local TIMES, plain, valid = { "", "", "", "000000000002000R", "xx" }, 0, 0
    property.holds(3000, function(random, case)
      local function rarely(usual, ...)
        local list = { ... }
        if random(25) > 1 then return usual end
        return list[random(#list)]
      end
      case.submit = {
        source_addr_ton = rarely(1, 6, 7), source_addr_npi = rarely(1, 0, 18, 2, 19), dest_addr_ton = rarely(1, 0, 5, 6, 7), dest_addr_npi = rarely(1, 0, 8, 2),
        destination_addr = rarely("4917", "+49", "+", "", "4x", "49+"), esm_class = rarely(0, 3, 0x43, 4, 8, 0x10, 0x14, 0x20), registered_delivery = rarely(1, 2, 3, 16, 31, 32),
        priority_flag = rarely(0, 3, 4, 5), replace_if_present_flag = rarely(0, 1, 2), schedule_delivery_time = rarely("", TIMES[random(5)]),
        validity_period = rarely("", TIMES[random(5)]), sm_default_msg_id = rarely(0, 1, 255), short_message = rarely("text", "", ("x"):rep(100), ("x"):rep(101)),
        qos_time_to_live = rarely(nil, 5), message_payload = rarely(nil, "payload"), tlvs = rarely(nil, { { 0x0204, "x" } }, { { 0x0002, "\99" } }, { { 0x0204, "xx" } }),
      }
      case.submit.command, case.submit.sequence_number = "submit_sm", 1
      local octets = codec.encode(case.submit)
      if not octets then return end
      local pdu = assert(codec.decode(octets))
      local version = ({ 0x33, 0x34, 0x50 })[random(3)]
      local o = { digits = random(2) == 1, default_messages = random(2) == 1 and 0 or 255, max_octets = 100, tlv_lengths = random(3) > 1 }
      local check, is_plain = checks.new(o)
      local status = check(pdu, version, 1.7e9, nil)
      valid = valid + (status and 0 or 1)
      if not is_plain(pdu, version) then return end
      plain = plain + 1
      assert.is_nil(status)
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or (plain > 300 and valid > plain))
  end)

  it("calls nothing plain where checks ask for more", function()
    for _, o in ipairs { { ton = { 1 } }, { data_coding = { 0 } }, { service_types = { "" } }, { decodable = true }, { max_units = 160 } } do
      local _, is_plain = checks.new(o)
      assert.is_false(is_plain(view { destination_addr = "49", short_message = "x" }, 0x34) or false)
    end
    local _, is_plain = checks.new {}
    assert.is_true(is_plain(view { destination_addr = "49", short_message = "x" }, 0x34))
  end)
end)
