local mc = require "spec.support.mc"
local owners = require "smpp.server.session"
local pdus = require "smpp.codec"

describe("smpp.server.session", function()
  it("backs off a second, then two, up to thirty, and short again after something was taken", function()
    local owner = owners.new { codec = pdus.codec }
    local now, lengths = 100, {}
    for i = 1, 7 do
      local at = owner:back_off(now)
      lengths[i] = at - now
      assert.is_nil(owner:back_off(now)) -- what was refused had been sent before
      assert.is_true(owner:is_backing_off(at - 0.1))
      assert.is_false(owner:is_backing_off(at))
      now = at
    end
    assert.same({ 1, 2, 4, 8, 16, 30, 30 }, lengths)
    owner:recovered()
    assert.equal(now + 1, owner:back_off(now))
  end)

  it("gives an id where the response has one and the handler returns nothing", function()
    mc.world(function(w)
      local n = 0
      local server = w:server {
        message_id = function()
          n = n + 1
          return "made " .. n
        end,
        submit_sm = function() end, data_sm = function() return "own" end, query_sm = function() end, cancel_sm = function() return nil, "ESME_RCANCELFAIL" end,
      }
      local esme = w:bind()
      assert.equal("made 1", assert(esme:submit_sm { destination_addr = "1", short_message = "x" }).message_id)
      assert.equal("own", assert(esme:data_sm { destination_addr = "1", message_payload = "x" }).message_id)
      assert.equal("ESME_RCANCELFAIL", select(3, esme:cancel_sm { message_id = "1" }))
      assert.equal("ESME_RINVCMDID", select(3, esme:replace_sm { message_id = "1" }))
      assert.equal(1, n)
      assert.equal(server.sessions[1].owner.account, server.accounts.esme1)
      esme:unbind()
      server:close()
    end)
  end)
end)
