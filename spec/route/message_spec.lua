local message = require "smpp.route.message"
local routes = require "spec.support.routes"
local text = require "smpp.text"

describe("smpp.route.message", function()
  it("reads addresses, and the text when it is asked for", function()
    local msg = routes.message { source_addr = "Shop", source_addr_ton = 5, destination_addr = "+49 176", dest_addr_ton = 1, short_message = "Hi you", account = "acme" }
    assert.same({ "acme", "Shop", 5, "49176", 1 }, { msg.account, msg.from, msg.from_ton, msg.to, msg.to_ton })
    assert.is_nil(rawget(msg, "text"))
    assert.same({ "Hi you", 6, 1 }, { msg.text, msg.length, msg.parts })
    assert.same({}, msg.tags)
    assert.is_nil(msg.nothing)
  end)

  it("reads what is behind a user data header, and in message_payload", function()
    local parts = assert(text.split(("ä"):rep(200), { encoding = "ucs2" }))
    local msg = routes.message { short_message = parts[2].octets, esm_class = 0x40, data_coding = 8 }
    assert.same({ #parts, "ucs2", parts[2].text }, { msg.parts, msg.coding, msg.text })
    msg = routes.message { message_payload = ("a"):rep(400) }
    assert.same({ 3, 400 }, { msg.parts, msg.length })
    assert.equal(2, routes.message({ sar_msg_ref_num = 1, sar_total_segments = 2, sar_segment_seqnum = 1 }).parts)
  end)

  it("shows what rules have set", function()
    local msg = routes.message { source_addr = "1", short_message = "old" }
    assert.equal("old", msg.text)
    assert.is_true(message.set(msg, { source_addr = "+2 2", source_addr_ton = 5 }))
    assert.is_false(message.set(msg, { source_addr = "22", protocol_id = 1 }))
    assert.is_true(message.set(msg, { destination_addr = "7", dest_addr_ton = 2 }))
    assert.is_false(message.set(msg, { short_message = "new text" }))
    assert.same({ "22", 5, "7", 2, "new text", 8 }, { msg.from, msg.from_ton, msg.to, msg.to_ton, msg.text, msg.length })
    assert.equal("old", msg.pdu.short_message)
    assert.same({ source_addr = "22", source_addr_ton = 5, protocol_id = 1, destination_addr = "7", dest_addr_ton = 2, short_message = "new text" }, msg.changes)
  end)

  it("is one destination of several", function()
    local msg = routes.message { destination_addr = "1" }
    assert.equal("2", message.new({ pdu = msg.pdu, to = "2", to_ton = 1 }).to)
  end)
end)
