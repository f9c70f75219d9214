local json = require "smpp.codec.json"
local pdus = require "smpp.codec"
local tally = require "smpp.cli.tally"

local function response(status)
  return pdus.decode(pdus.encode { command = "submit_sm_resp", sequence_number = 1, command_status = status })
end

describe("smpp.cli.tally", function()
  it("says how many responses have which status, the most frequent first", function()
    local counted = tally.new()
    for _ = 1, 54 do counted:add(response(0), true) end
    for _ = 1, 6 do counted:add(response(0x58), true) end
    for _ = 1, 2 do counted:add(response(8), false) end
    assert.same({ "submit_sm_resp: 6 of 62 ESME_RTHROTTLED, 2 of 62 ESME_RSYSERR" }, counted:lines())
    local object = json.object {}
    counted:add_json(object)
    assert.equal('{"pdus":62,"shown":60,"commands":{"submit_sm_resp":62},'
      .. '"statuses":{"submit_sm_resp":{"ESME_ROK":54,"ESME_RSYSERR":2,"ESME_RTHROTTLED":6}}}', json.encode(object))
  end)

  it("keeps a limited number of statuses that a peer invents", function()
    local counted = tally.new()
    for i = 1, 1000 do counted:add(response(0x10000 + i), true) end
    local names, total = 0, 0
    for _, n in pairs(counted.statuses.submit_sm_resp) do
      names, total = names + 1, total + n
    end
    assert.is_true(names <= 201)
    assert.equal(1000, total)
  end)
end)
