local dkjson = require "dkjson"
local json = require "smpp.codec.json"
local pdus = require "smpp.codec"

describe("smpp.codec.json", function()
  it("keeps keys in the order in which they were set, and leaves nil values out", function()
    local object = json.object({ "z", 1, "gone", nil, "a", json.list {}, "m", json.object {} }, 8)
    json.add(object, "b", false)
    json.add(object, "gone", nil)
    assert.equal('{"z":1,"a":[],"m":{},"b":false}', json.encode(object))
  end)

  it("reads what it wrote, and says what is no JSON", function()
    assert.same({ a = { 1, 2 } }, json.decode '{"a":[1,2]}')
    for _, line in ipairs { "", "{", '{"a":1', "to,name" } do
      local value, message = json.decode(line)
      assert.is_nil(value)
      assert.is_string(message)
    end
  end)

  it("keeps UTF-8, and shows other octets as the Latin-1 characters of their values", function()
    assert.equal("grüße 😀 ", json.text "grüße 😀 ")
    assert.equal("\195\191\194\128a", json.text "\255\128a")
    assert.equal("\195\131", json.text "\195") -- an UTF-8 sequence that was cut
    assert.equal("00ff41", json.hex "\0\255A")
  end)

  it("shows a PDU with all that it carries; passwords as asterisks until told", function()
    local octets = assert(pdus.encode { command = "bind_receiver", sequence_number = 4294967295, system_id = "me", password = "s3cret" })
    local view = assert(pdus.decode(octets))
    local shown = dkjson.decode(json.encode(json.pdu(view)))
    assert.equal("bind_receiver", shown.command)
    assert.equal(4294967295, shown.sequence_number)
    assert.equal("******", shown.fields.password)
    assert.same({ "password" }, shown.hidden)
    assert.is_nil(shown.hex:find(json.hex "s3cret", 1, true))
    shown = dkjson.decode(json.encode(json.pdu(view, true)))
    assert.equal(json.hex(octets), shown.hex)
    assert.equal("s3cret", shown.fields.password)
    assert.is_nil(shown.hidden)
  end)

  it("shows destinations, TLVs without a name, and octets behind the last", function()
    local octets = assert(pdus.encode { command = "submit_multi", dest_address = { { destination_addr = "491" }, { dl_name = "friends" } }, tlvs = { { 0x1400, "\1\2" } } })
    local shown = json.pdu((assert(pdus.decode(octets))))
    assert.same({ 2, "friends" }, { #shown.fields.dest_address, shown.fields.dest_address[2].dl_name })
    assert.same({ "0x1400", "0102" }, { shown.tlvs[1].tag, shown.tlvs[1].value })
    local odd = assert(pdus.encode { command = "unbind" })
    local trailing = json.pdu((assert(pdus.decode("\0\0\0\18" .. odd:sub(5) .. "\9\8"))))
    assert.equal("0908", trailing.trailing)
    local padded = assert(pdus.encode { command = "submit_sm", short_message = "x", padding = "\0", user_message_reference = 1 })
    padded = dkjson.decode(json.encode(json.pdu(assert(pdus.decode(padded)))))
    assert.same({ "00", nil, 1 }, { padded.padding, padded.trailing, #padded.tlvs })
    assert.is_true(#trailing.problems > 0)
  end)
end)
