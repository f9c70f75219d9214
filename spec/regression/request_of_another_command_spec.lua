-- session:submit_sm(pdu) sent whatever command the PDU was of.
local core = require "smpp.core"

local codec = core.codec({}, nil)

describe("session:request with a PDU", function()
  it("sends only a PDU of that command", function()
    local esme = codec.session { role = "esme", now = 0, unchecked = true }
    local query = codec.decode(assert(codec.encode { command = "query_sm", message_id = "1" }))
    local sequence, message, code = esme:request(0x04, query, 1, 0)
    assert.is_nil(sequence)
    assert.equal("bad_value", code)
    assert.truthy(message:find("submit_sm", 1, true))
    assert.is_nil(esme:output())
    assert.equal(1, esme:request(0x03, query, 1, 0))
    assert.equal("query_sm", codec.decode(esme:output()).command)
  end)
end)
