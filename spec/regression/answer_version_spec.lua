-- A peer that binds as 3.3, or says no version, with bind_transceiver, or sends data_sm then: answers with an id were
-- refused as too long, since 3.3 has no such response.
local core = require "smpp.core"

local codec = core.codec({}, nil)

describe("session:answer", function()
  it("writes a response that the peer's version lacks with the widest limits", function()
    local mc, slots = codec.session { role = "mc", now = 0 }, {}
    local function receive(fields)
      mc:receive(assert(codec.encode(fields)), 0, slots)
      return slots[2]
    end
    assert(mc:answer(receive { command = "bind_transceiver", system_id = "esme" }, nil, "centre", 0))
    assert.equal("centre", codec.decode(mc:output()).system_id)
    mc:poll(slots)
    assert.equal(0x33, mc:info().version)
    assert(mc:answer(receive { command = "data_sm", destination_addr = "1" }, nil, ("i"):rep(64), 0))
    assert.equal(("i"):rep(64), codec.decode(mc:output()).message_id)
    local pdu = receive { command = "submit_sm", destination_addr = "1" }
    assert.equal("too_long", (select(3, mc:answer(pdu, nil, ("i"):rep(9), 0)))) -- 3.3 has submit_sm_resp, with 8 characters
    assert(mc:answer(pdu, nil, ("i"):rep(8), 0))
  end)
end)
