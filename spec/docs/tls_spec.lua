-- The blocks of docs/tls.md: what they give smpp.connect and smpp.server are options that exist, with values that fit.
-- Connections over TLS are in spec/transport/tls_spec.lua.
local client = require("smpp.client.options").schema
local loadstring = loadstring or load -- luacheck: compat
local server = require "smpp.server"

local function page()
  local file = assert(io.open "docs/tls.md")
  local text = file:read "*a"
  file:close()
  return text
end

describe("docs/tls.md", function()
  it("gives options that exist", function()
    local calls = 0
    local smpp = {
      connect = function(given)
        calls = calls + 1
        given = type(given) == "table" and given or { given }
        assert.is_nil(client:problem(given))
        return {}
      end,
      server = function(given)
        calls = calls + 1
        assert.is_nil(server.schema:problem(given))
        return {}
      end,
    }
    for block in page():gmatch "```lua\n(.-)\n```" do assert(loadstring("local smpp = ... " .. block, "=docs/tls.md"))(smpp) end
    assert.equal(5, calls)
  end)
end)
