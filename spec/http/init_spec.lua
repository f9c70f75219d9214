local http = require "smpp.http"
local virtual = require "smpp.loop.virtual"
local web = require "spec.support.web"

describe("smpp.http", function()
  local ROUTES = { { "GET", "/", function() return { status = 200, type = "text/plain", body = "hello" } end } }

  it("serves, and calls with a callback", web.served({ routes = ROUTES }, function(server)
    assert.equal("http://127.0.0.1:" .. server.port, server.url)
    assert.equal("hello", assert(http.request { url = server.url }).body)
    local answer
    assert.is_true(http.request({ url = server.url }, function(...) answer = { ... } end))
    require("spec.support.async").wait_until(function() return answer end)
    assert.equal(200, answer[1].status)
  end))

  it("says what is wrong with its options", function()
    assert.has_error(function() http.serve { port = 0, rotues = {} } end, "unknown option 'rotues'; did you mean 'routes'?")
    assert.has_error(function() http.request { url = "http://x" } end, "call it inside smpp.run, or pass a callback")
  end)

  it("has no connections on the virtual loop", function()
    local server, message, code = http.serve { port = 0, routes = ROUTES, loop = virtual.new() }
    assert.is_nil(server)
    assert.is_true(code == "connect_failed" or code == "missing", message)
  end)
end)
