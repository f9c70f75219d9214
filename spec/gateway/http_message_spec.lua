local json = require "smpp.http.json"
local message = require "smpp.gateway.http_message"
local virtual = require "smpp.loop.virtual"

describe("smpp.gateway.http_message", function()
  local NOW = 1772323200

  local function check(body) return message.check(message.rows, json.read(body), NOW, require("smpp.http.address").rule()) end

  it("composes the PDUs of a message", function()
    local composer = message.composer(virtual.new())
    local values, faults = check('{"from":"Shop","to":"+491761234567","text":"' .. ("ä"):rep(200) .. '","validity_s":60,"priority":1,"receipt":"intermediate"}')
    assert.same({}, faults)
    local pdus, info = message.compose(composer, values, "+491761234567", NOW)
    assert.same({ 2, "gsm7" }, { #pdus, info.encoding })
    for _, pdu in ipairs(pdus) do
      assert.same({ "submit_sm", "Shop", 5, "491761234567", 1, 0x11, 1, "000000000100000R" }, {
        pdu.command, pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr, pdu.dest_addr_ton, pdu.registered_delivery, pdu.priority_flag,
        pdu.validity_period,
      })
    end
  end)

  it("schedules only what is in the future", function()
    local composer = message.composer(virtual.new())
    local later = check '{"from":"1","to":"+491","text":"x","at":"2026-03-01T01:00:00Z"}'
    assert.equal("260301010000000+", message.compose(composer, later, "+491", NOW)[1].schedule_delivery_time)
    local now, faults = check '{"from":"1","to":"+491","text":"x","at":"2026-02-28T23:59:30Z"}'
    assert.same({}, faults)
    assert.equal("", message.compose(composer, now, "+491", NOW)[1].schedule_delivery_time)
  end)

  it("knows which recipients are numbers", function()
    for _, to in ipairs { "1", "+49 176 1234567", "0049-176.1234567", "22222" } do assert.is_nil(message.recipient_wrong(to), to) end
    for _, to in ipairs { "", "+", " ", "49a", "(0)49", "1,2", ("1"):rep(21), "٤٩", 5, true, json.null } do
      assert.is_string(message.recipient_wrong(to), tostring(to))
    end
  end)
end)
