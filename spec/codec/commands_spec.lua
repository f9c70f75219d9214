local commands = require "smpp.codec.commands"

--- Names of the commands with a role, in order.
local function with(role)
  local names = {}
  for id in pairs(commands.roles[role]) do names[#names + 1] = commands.rows[id].name end
  table.sort(names)
  return table.concat(names, " ")
end

describe("smpp.codec.commands", function()
  it("knows ids by name and rows by id", function()
    assert.equal(0x04, commands.ids.submit_sm)
    assert.equal(0x80000103, commands.ids.data_sm_resp)
    assert.equal("submit_sm", commands.rows[0x04].name)
    assert.equal(0x80000004, commands.rows[0x04].response_id)
    assert.is_nil(commands.ids.probe_sm)
  end)

  it("lists requests, and neither responses nor generic_nack", function()
    for _, command in ipairs(commands.requests) do assert.is_true(command.id < 0x80000000, command.name) end
    assert.equal("bind_receiver", commands.requests[1].name)
  end)

  it("says what each command is for the layers above", function()
    assert.equal("bind_receiver bind_transceiver bind_transmitter", with "bind")
    assert.equal("bind_receiver bind_transceiver bind_transmitter enquire_link outbind unbind", with "session")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "submit")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "message_id")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "limited")
    assert.equal("data_sm submit_sm", with "ordered")
    assert.equal("data_sm submit_multi submit_sm", with "defaults")
    assert.equal("broadcast_sm data_sm deliver_sm replace_sm submit_multi submit_sm", with "text")
    assert.equal("alert_notification outbind", with "unanswered")
  end)
end)
