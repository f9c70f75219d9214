local codec = require("smpp.codec").codec
local fields = require "smpp.cli.fields"

describe("smpp.cli.fields", function()
  for _, case in ipairs {
    { "service_type=1234", "service_type", "1234" }, { "protocol_id=0x40", "protocol_id", 64 }, { "dest_addr_ton=national", "dest_addr_ton", "national" },
    { "source_port=5000", "source_port", 5000 }, { "its_session_info=5,2", "its_session_info", "\5\4" }, { "its_session_info=255,127,end", "its_session_info", "\255\255" },
    { "its_session_info=hex:0102", "its_session_info", "\1\2" }, { "message_payload=hex:00ff", "message_payload", "\0\255" },
    { "message_payload=abc", "message_payload", "abc" }, { "alert_on_message_delivery=", "alert_on_message_delivery", true },
    { "validity_s=60", "validity_s", 60 }, { "flash=true", "flash", true }, { "lane=1", "lane", 1 }, { "user_message_reference=7", "user_message_reference", 7 },
  } do
    it("sets " .. case[1], function()
      local message = {}
      assert.is_nil(fields.set(message, codec, case[1]))
      assert.same({ [case[2]] = case[3] }, message)
    end)
  end

  for _, case in ipairs {
    { "x", "NAME=VALUE" }, { "recipt=true", "did you mean 'receipt'?" }, { "servce_type=1", "did you mean 'service_type'?" }, { "flash=often", "flash: expected true or false" },
    { "its_session_info=256,1", "0 to 255" }, { "its_session_info=1,2,last", "SESSION,SEQUENCE" }, { "message_payload=hex:0", "message_payload: " },
  } do
    it("refuses " .. case[1], function() assert.is_truthy(fields.set({}, codec, case[1]):find(case[2], 1, true)) end)
  end

  it("adds TLVs by tag and by name", function()
    local message = {}
    for _, word in ipairs { "0x1400=abc", "5121=hex:616263", "user_response_code=7" } do assert.is_nil(fields.tlv(message, codec, word)) end
    assert.same({ tlvs = { { 0x1400, "abc" }, { 0x1401, "abc" } }, user_response_code = 7 }, message)
    assert.is_truthy(fields.tlv({}, codec, "0x10000=1"):find("0 to 0xFFFF", 1, true))
    assert.is_truthy(fields.tlv({}, codec, "campain=1"):find("unknown TLV", 1, true))
  end)
end)
