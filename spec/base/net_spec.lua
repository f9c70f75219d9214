local net = require "smpp.base.net"

describe("smpp.base.net", function()
  it("writes an IPv6 address in brackets", function()
    assert.equal("[::1]:2775", net.address("::1", 2775))
    assert.equal("h:2775", net.address("h", 2775))
  end)
end)
