local pdus = require "smpp.codec"

local RESPONSE = 2
local BIND = { system_id = "a", password = "b", system_type = "", interface_version = 0x34, address_range = "" }

--- The last four slots of the event that an answer to a submit_sm makes: kind, pdu, cookie, command_status.
local function answered_with(answer)
  local esme, slots = pdus.codec.session { role = "esme", now = 0 }, {}
  local sequence = esme:request(0x09, BIND, 1, 0)
  esme:receive(pdus.encode { command = "bind_transceiver_resp", sequence_number = sequence, system_id = "mc" }, 0, slots)
  answer.sequence_number = esme:request(0x04, { destination_addr = "1" }, 7, 0)
  assert.equal(6, (esme:receive(pdus.encode(answer), 0, slots)) + 1)
  return slots[1], slots[2].command, slots[3], slots[4]
end

describe("bind_session: the event of a response", function()
  it("carries cookie and command_status", function()
    assert.same({ RESPONSE, "submit_sm_resp", 7, 0 }, { answered_with { command = "submit_sm_resp", message_id = "x" } })
    assert.same({ RESPONSE, "submit_sm_resp", 7, 0x58 }, { answered_with { command = "submit_sm_resp", status = "ESME_RTHROTTLED" } })
  end)

  it("never takes a generic_nack for an acceptance", function()
    assert.same({ RESPONSE, "generic_nack", 7, 3 }, { answered_with { command = "generic_nack", status = "ESME_RINVCMDID" } })
    assert.same({ RESPONSE, "generic_nack", 7, 0xFF }, { answered_with { command = "generic_nack" } })
  end)
end)
