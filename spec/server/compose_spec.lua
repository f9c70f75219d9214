local compose = require "smpp.server.compose"
local text = require "smpp.text"

describe("smpp.server.compose", function()
  it("makes the fields of a message for people", function()
    local list = assert(compose.pdus { from = "+49151", to = "Info", text = "Grüße", registered_delivery = 1 })
    assert.equal(1, #list)
    local fields = list[1]
    assert.same({ "49151", 1, 1, "Info", 5, 0, 1 }, {
      fields.source_addr, fields.source_addr_ton, fields.source_addr_npi, fields.destination_addr, fields.dest_addr_ton, fields.dest_addr_npi,
      fields.registered_delivery,
    })
    assert.equal("Grüße", text.read(fields))
    assert.is_nil(fields.text)
  end)

  it("cuts long texts, the way that is asked for", function()
    local long = ("long "):rep(50)
    for _, way in ipairs { "concat_8bit", "concat_16bit", "sar" } do
      local list = assert(compose.pdus { from = "1", to = "2", text = long, long = way, reference = 7 })
      assert.equal(2, #list)
      assert.equal(way == "sar" and 7 or nil, list[2].sar_msg_ref_num)
      assert.equal(way == "sar" and 0 or 0x40, list[1].esm_class)
    end
    local list = assert(compose.pdus { from = "1", to = "2", text = ("long "):rep(60), long = "payload" })
    assert.equal(1, #list)
    assert.is_truthy(list[1].message_payload)
  end)

  it("carries octets", function()
    assert.same({ { short_message = "\1\2", data_coding = 4 } }, compose.pdus { data = "\1\2" })
    assert.equal(300, #compose.pdus({ data = ("x"):rep(300), data_coding = 2 })[1].message_payload)
  end)

  it("says what is wrong with an address or a text", function()
    assert.equal("too_long", select(3, compose.pdus { from = "a name that is too long", text = "x" }))
    assert.is_nil((compose.pdus { from = "1", text = "三", encoding = "gsm7" }))
  end)
end)
