local async = require "spec.support.async"
local http = require "smpp.http"
local pki = require "spec.support.pki"
local run = require "smpp.loop.run"
local web = require "spec.support.web"

local outs, results = {}, {} -- of the routes below, the last ones

--- A route whose body is written by `fn`; its results are kept under the path.
local function streaming(path, fn, o)
  return { "GET", path, function()
    local response = { status = 200, type = "text/plain", stream = function(out)
      outs[path] = out
      results[path] = { fn(out) }
    end }
    for name, value in pairs(o or {}) do response[name] = value end
    return response
  end }
end

local written = 0

local ROUTES = {
  { "GET", "/", function() return { status = 200, type = "text/plain", body = "here" } end },
  streaming("/three", function(out)
    for i = 1, 3 do
      assert(out:write(("%d."):format(i)))
      run.sleep(0.002)
    end
    out:write ""
  end),
  streaming("/idle", function(out) return out:wait() end),
  streaming("/wait", function(out) return out:wait(0.01) end),
  streaming("/writer", function(out)
    while true do
      local ok, message, code = out:write(("x"):rep(1000))
      if not ok then return ok, message, code end
      run.sleep(0.002)
    end
  end),
  streaming("/large", function(out)
    written = 0
    for i = 1, 3000 do
      assert(out:write(("%06d "):format(i):rep(1000)))
      written = written + 7000
    end
  end, { max_queued_octets = 10000, stall_s = 3 }),
  streaming("/medium", function(out)
    for i = 1, 100 do assert(out:write(("%06d "):format(i):rep(1000))) end
  end, { max_queued_octets = 10000 }),
  streaming("/stalls", function(out)
    while out:write(("x"):rep(50000)) do end
    return out:wait()
  end, { max_queued_octets = 10000, stall_s = 0.5 }),
  streaming("/offers", function(out)
    local rooms = 0
    out.on_room = function() rooms = rooms + 1 end
    local taken, refused = 0, 0
    while refused < 3 do
      if assert(out:offer(("o"):rep(1000)) ~= nil) and out:offer(("o"):rep(1000)) then taken = taken + 1 else refused = refused + 1 end
      if refused == 1 then run.sleep(0.001) end
    end
    out:wait()
    return taken, refused, rooms
  end, { max_queued_octets = 5000 }),
  streaming("/raises", function(out)
    out:write "abc"
    run.sleep(0.01)
    error "on purpose"
  end),
}

local function request(line) return line .. " HTTP/1.1\r\nHost: x\r\n\r\n" end

--- The body of an answer in chunks; nil when its head or its last chunk is missing.
local function unchunked(octets)
  local body, head_end = {}, select(2, octets:find("\r\n\r\n", 1, true))
  local at = head_end and head_end + 1
  while at do
    local size, from = octets:match("^(%x+)\r\n()", at)
    if not size then return nil end
    if tonumber(size, 16) == 0 then return table.concat(body) end
    body[#body + 1] = octets:sub(from, from + tonumber(size, 16) - 1)
    at = from + tonumber(size, 16) + 2
  end
end

local function connect(loop, server, octets)
  local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
  local got = async.collect(transport)
  transport:write(octets)
  return transport, got
end

describe("smpp.http.stream", function()
  local function it_serves(name, fn, o)
    o = o or {}
    o.routes = ROUTES
    it(name, web.served(o, function(...)
      outs, results = {}, {}
      return fn(...)
    end))
  end

  it_serves("sends a body in chunks, and keeps the connection", function(server, loop)
    local transport, got = connect(loop, server, request "GET /three" .. request "GET /")
    async.wait_until(function() return got.octets:find "here$" end)
    assert.matches("^HTTP/1.1 200 OK\r\n.*Transfer%-Encoding: chunked\r\n\r\n2\r\n1%.\r\n2\r\n2%.\r\n2\r\n3%.\r\n0\r\n\r\nHTTP/1.1 200", got.octets)
    assert.is_nil(got.octets:match "^(.-)\r\n\r\n":find "Content%-Length")
    transport:close()
    assert.equal("1.2.3.", assert(http.request { url = server.url .. "/three" }).body)
  end)

  it_serves("ends the body with the connection for HTTP/1.0, and has none for HEAD", function(server, loop)
    local octets, closed = web.raw(loop, server.port, "GET /three HTTP/1.0\r\nHost: x\r\n\r\n")
    assert.is_true(closed)
    assert.matches("\r\n\r\n1%.2%.3%.$", octets)
    octets = web.raw(loop, server.port, request "HEAD /idle")
    assert.matches("^HTTP/1.1 200 OK\r\n.*Content%-Type: text/plain\r\n\r\n$", octets)
    assert.is_nil(octets:find "Content%-Length")
    assert.is_nil(results["/idle"])
  end)

  it_serves("waits for a slow client, keeps little, holds up nobody", function(server, loop)
    local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local pieces, closed = {}, false
    transport:start(function(octets) pieces[#pieces + 1] = octets end, function() closed = true end)
    transport:write(request "GET /large")
    async.wait_until(function() return pieces[1] end)
    transport:pause()
    local before
    async.wait_until(function()
      local same = written == before
      before = written
      if same then return true end
      run.sleep(0.05)
    end)
    run.sleep(0.8) -- longer than all limits
    assert.equal(before, written)
    assert.is_true(written < 16e6, written) -- 21e6 are wanted; the rest is the system's buffers
    assert.is_true(outs["/large"].exchange:room() < 10000)
    assert.equal("here", assert(http.request { url = server.url .. "/" }).body)
    transport:resume()
    async.wait_until(function() return pieces[#pieces]:find "0\r\n\r\n$" end)
    local body = unchunked(table.concat(pieces))
    assert.equal(21e6, #body)
    assert.is_false(closed)
    for i = 1, 3000 do assert(body:sub((i - 1) * 7000 + 1, i * 7000) == ("%06d "):format(i):rep(1000), i) end
    async.wait_until(function() return closed end) -- idle, as after every request
    transport:close()
  end, { header_s = 0.3, body_s = 0.3, idle_s = 0.3 })

  it_serves("is not ended by limits while nothing is written", function(server, loop)
    local transport, got = connect(loop, server, request "GET /idle")
    async.wait_until(function() return outs["/idle"] end)
    run.sleep(2.2) -- two sweeps
    assert.is_nil(results["/idle"])
    assert.equal(0, got.closed)
    assert.is_true(outs["/idle"]:wake())
    async.wait_until(function() return unchunked(got.octets) end)
    assert.same({ true }, results["/idle"])
    transport:close()
  end, { header_s = 0.3, body_s = 0.3, idle_s = 0.3 })

  it_serves("cuts off a client that takes nothing", function(server, loop)
    local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    transport:write(request "GET /stalls")
    async.wait_until(function() return results["/stalls"] end)
    assert.equal("connection_lost", results["/stalls"][3])
    transport:close()
  end)

  it_serves("waits for a time", function(server)
    assert.equal("", assert(http.request { url = server.url .. "/wait" }).body)
    assert.same({ false }, results["/wait"])
  end)

  it_serves("offers without waiting", function(server, loop)
    local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    transport:write(request "GET /offers")
    async.wait_until(function() return outs["/offers"] and outs["/offers"].sleeper end)
    local got = async.collect(transport)
    async.wait_until(function() return outs["/offers"]:offer(("p"):rep(4990)) end)
    outs["/offers"]:wake()
    async.wait_until(function() return unchunked(got.octets) end)
    local body = unchunked(got.octets)
    local taken, refused, rooms = results["/offers"][1], results["/offers"][2], results["/offers"][3]
    assert.is_true(taken >= 2)
    assert.equal(3, refused)
    assert.is_true(rooms >= 1)
    assert.matches("^o+p+$", body)
    assert.equal(0, (#body - 4990) % 1000) -- whole ones only
    assert.same({ nil, "the answer has ended", "finished" }, { outs["/offers"]:offer "x" })
    transport:close()
  end)

  it_serves("tells that the client has gone, whether something is written or not", function(server, loop)
    for _, path in ipairs { "/idle", "/writer" } do
      for _, way in ipairs { "close", "reset" } do
        results[path], outs[path] = nil, nil
        local transport = connect(loop, server, request("GET " .. path))
        async.wait_until(function() return outs[path] end)
        local told
        outs[path].on_end = function(code) told = code end
        run.sleep(0.01)
        transport[way](transport)
        async.wait_until(function() return results[path] end)
        assert.same({ nil, "the client has gone", "connection_lost" }, results[path], path .. way)
        assert.equal("connection_lost", told)
        assert.same({ nil, "the client has gone", "connection_lost" }, { outs[path]:wait() })
      end
    end
    async.wait_until(function() return server.active == 0 end)
  end)

  it_serves("is ended when the server closes", function(server, loop)
    local idle, of_idle = connect(loop, server, request "GET /idle")
    local writer, of_writer = connect(loop, server, request "GET /writer")
    async.wait_until(function() return outs["/idle"] and outs["/writer"] end)
    assert.equal(2, server.active)
    assert.equal(0, server:close(5))
    async.wait_until(function() return of_idle.closed + of_writer.closed == 2 end)
    for _, path in ipairs { "/idle", "/writer" } do assert.same({ nil, "the server shuts down", "shutting_down" }, results[path]) end
    assert.equal("", unchunked(of_idle.octets))
    assert.matches("^x+$", unchunked(of_writer.octets))
    idle:close()
    writer:close()
  end)

  it_serves("is ended when the server does not wait", function(server, loop)
    local idle, got = connect(loop, server, request "GET /idle")
    async.wait_until(function() return outs["/idle"] end)
    server:close(0)
    async.wait_until(function() return got.closed == 1 and results["/idle"] end)
    assert.equal("shutting_down", results["/idle"][3])
    idle:close()
  end)

  it_serves("cuts the connection when the function raises", function(server, loop, errors)
    local octets, closed = web.raw(loop, server.port, request "GET /raises")
    assert.is_true(closed)
    assert.matches("\r\n\r\n3\r\nabc", octets)
    assert.is_nil(unchunked(octets))
    assert.matches("on purpose", table.remove(errors))
    assert.equal("here", assert(http.request { url = server.url .. "/" }).body)
  end)

  it("works over TLS", web.served({ routes = ROUTES }, function()
    outs, results = {}, {}
    local made = pki.new()
    local own = made:issue { cn = "localhost", names = "DNS:localhost,IP:127.0.0.1" }
    local server = assert(http.serve { port = 0, routes = ROUTES, tls = { cert = own.cert, key = own.key } })
    local body = assert(http.request { url = server.url .. "/medium", insecure = true }).body
    assert.equal(700000, #body)
    assert.matches("^000001 .*000100 $", body)
    local answer, _, code = http.request { url = server.url .. "/idle", insecure = true, timeout_s = 0.2 }
    assert.same({ nil, "timeout" }, { answer, code })
    async.wait_until(function() return results["/idle"] end)
    assert.equal("connection_lost", results["/idle"][3])
    server:close(0)
    made:remove()
  end))
end)
