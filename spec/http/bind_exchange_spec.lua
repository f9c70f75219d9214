local async = require "spec.support.async"
local http = require "smpp.http"
local run = require "smpp.loop.run"
local web = require "spec.support.web"

local exchange, results

local ROUTES = {
  { "GET", "/raw", function(request)
    exchange = request.exchange
    results = {
      started = exchange:start(200, 10, 1), again = exchange:start(200, 10, 1), answered = exchange:answer(200, ""),
      room = exchange:room(), taken = exchange:write("0123456789abc", 2), none = exchange:write("x", 0), rest = exchange:room(true), open = exchange:is_open(),
    }
    for _, arguments in ipairs { { "x", 2 }, { "x", -1 }, { "x" }, {} } do
      results[#results + 1] = select(2, pcall(exchange.write, exchange, (table.unpack or unpack)(arguments))) -- luacheck: compat
    end
    results.resumed = exchange:resume() -- no body is read: nothing
    run.sleep(0.01)
    results.full = exchange:write("0123456789a", 0)
    exchange:finish()
    results.ended = exchange:write("x", 0)
  end },
  { "GET", "/wrong", function(request)
    results = {}
    for _, arguments in ipairs { { 199, 1, 1 }, { 600, 1, 1 }, { 200, 0, 1 }, { 200, 1, 0 }, { 200, 1, 0 / 0 }, {} } do
      results[#results + 1] = pcall(request.exchange.start, request.exchange, (table.unpack or unpack)(arguments)) -- luacheck: compat
    end
    return { status = 200, body = "answered" }
  end },
}

describe("bind_exchange", function()
  it("takes what there is room for", web.served({ routes = ROUTES, on_error = function() end }, function(server)
    assert.equal("23456789ab0123456789", assert(http.request { url = server.url .. "/raw" }).body)
    assert.same({ started = true, again = false, answered = false, room = 10, taken = 10, none = 0, rest = 0, open = true, full = 10 },
      (function()
        local plain = {}
        for name, value in pairs(results) do
          if type(name) == "string" then plain[name] = value end
        end
        return plain
      end)())
    for i = 1, 4 do assert.is_string(results[i]) end
    async.wait_until(function() return not exchange:is_open() end)
    assert.is_nil(exchange:write("x", 0))
    assert.is_nil(exchange:room())
    assert.is_false(exchange:start(200, 10, 1))
    assert.is_false(exchange:answer(200, ""))
    exchange:finish()
    exchange:cut()
    exchange:resume()
  end))

  it("refuses arguments that make no answer", web.served({ routes = ROUTES }, function(server)
    assert.equal("answered", assert(http.request { url = server.url .. "/wrong" }).body)
    assert.same({ false, false, false, false, false, false }, results)
  end))
end)
