local shell = require "spec.support.shell"

describe("bind_server", function()
  local has, library = pcall(require, "smpp.libhttp")
  if not has then
    it("is not built", function() shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end)
    return
  end

  local LIMITS = {
    host = "127.0.0.1", port = "0", max_connections = 4, max_header_octets = 1024, max_body_octets = 1024, header_s = 1, body_s = 1, idle_s = 1,
  }

  it("is closed twice, and by the garbage collector", function()
    local server, port = library.serve(LIMITS, {})
    assert.is_true(port > 0 and server:fd() >= 0)
    assert.equal(0, server:sweep())
    server:close()
    server:close()
    assert.has_error(function() server:run() end, "the server is closed")
    server = library.serve(LIMITS, {})
    assert.is_truthy(server)
    server = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end)

  it("says why it cannot listen", function()
    local server, port = library.serve(LIMITS, {})
    local again = {}
    for name, value in pairs(LIMITS) do again[name] = value end
    again.port = ("%d"):format(port)
    local second, message = library.serve(again, {})
    assert.is_nil(second)
    assert.matches("[Aa]ddress already in use", message)
    server:close()
    again.host = "host.invalid"
    second, message = library.serve(again, {})
    assert.is_nil(second)
    assert.is_string(message)
  end)

  it("refuses a certificate that is none", function()
    local options = { cert = "x", key = "y" }
    for name, value in pairs(LIMITS) do options[name] = value end
    assert.same({ n = 2, nil, "the certificate or its key cannot be used" }, (function(...) return { n = select("#", ...), ... } end)(library.serve(options, {})))
  end)
end)
