-- Carriers give out passwords longer than the standard's 8 characters: a client must be able to bind with them.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local function bind(profile)
  local asked, code
  smpp.run(function()
    local server = assert(smpp.server { port = 0, authenticate = function(_, pdu)
      asked = pdu.password
      return true
    end })
    local esme, _, why = smpp.connect { "smpp://me:twelve-chars@127.0.0.1:" .. server.port, profile = profile }
    code = why
    if esme then esme:close() end
    server:close()
  end, { loop = virtual.new { seed = 1 } })
  return asked, code
end

describe("a password of twelve characters", function()
  it("is sent", function() assert.equal("twelve-chars", bind()) end)

  it("is refused by the strict profile and by smpp.encode", function()
    local asked, code = bind "strict"
    assert.is_nil(asked)
    assert.equal("too_long", code)
    assert.equal("too_long", (select(3, smpp.encode { command = "bind_transceiver", password = "twelve-chars" })))
  end)
end)
