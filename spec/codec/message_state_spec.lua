local message_state = require "smpp.codec.message_state"

describe("smpp.codec.message_state", function()
  it("has the states of 5.0, 4.7.15, in the order of their numbers", function()
    assert.same({
      "SCHEDULED", "ENROUTE", "DELIVERED", "EXPIRED", "DELETED", "UNDELIVERABLE", "ACCEPTED", "UNKNOWN", "REJECTED", "SKIPPED",
    }, message_state.names)
  end)

  it("knows which of them end a message", function()
    assert.equal(8, #message_state.finals)
    for _, name in ipairs(message_state.names) do
      assert.equal(name ~= "SCHEDULED" and name ~= "ENROUTE", message_state.final[name] == true, name)
    end
  end)
end)
