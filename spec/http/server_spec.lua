local async = require "spec.support.async"
local http = require "smpp.http"
local pki = require "spec.support.pki"
local run = require "smpp.loop.run"
local web = require "spec.support.web"

local function text(body) return { status = 200, type = "text/plain", body = body } end

local ROUTES = {
  { "GET", "/", function(request) return text("at " .. request.host) end },
  { "POST", "/", function(request) return text(request.body) end },
  { "GET", "/wait", function(request)
    run.sleep(tonumber(request.query))
    return text(request.query)
  end },
  { "GET", "/large", function() return text(("x"):rep(40e6)) end },
  { "GET", "/fails", function() error "on purpose" end },
  { "POST", "/guarded", function(request) return text(request.body) end, guard = function(request)
    if not request.headers.authorization then return http.problem("unauthorized", "no token") end
  end },
  { "POST", "/small", function(request) return text(request.body) end, max_octets = 10 },
  { "POST", "/pieces", function(request)
    local count, octets = 0, 0
    while true do
      local piece, message, code = request:read()
      if not piece then return code and error(message) or text(("%d in %s"):format(octets, count > 1 and "pieces" or "one")) end
      count, octets = count + 1, octets + #piece
      run.sleep(0.002)
    end
  end, stream = true },
}

local function request(line, headers, body) return ("%s HTTP/1.1\r\nHost: x\r\n%s\r\n%s"):format(line, headers or "", body or "") end

local function post(path, body, headers)
  return request("POST " .. path, ("%sContent-Length: %d\r\n"):format(headers or "", #body), body)
end

describe("smpp.http.server", function()
  local function it_serves(name, fn, o)
    o = o or {}
    o.routes = ROUTES
    it(name, web.served(o, fn))
  end

  it_serves("answers GET, HEAD, OPTIONS, unknown paths and wrong methods", function(server, loop)
    local octets = web.raw(loop, server.port, request "GET /", 1)
    assert.matches("^HTTP/1.1 200 OK\r\nDate: .*\r\nX%-Content%-Type%-Options: nosniff\r\nContent%-Type: text/plain\r\n.*\r\n\r\nat x$", octets)
    assert.matches("\r\nContent%-Length: 4\r\n\r\n$", (web.raw(loop, server.port, request "HEAD /", 1)))
    assert.matches("^HTTP/1.1 204 .*\r\nAllow: GET, HEAD, OPTIONS, POST\r\n", (web.raw(loop, server.port, request "OPTIONS /", 1)))
    assert.matches("^HTTP/1.1 204 ", (web.raw(loop, server.port, request "OPTIONS *", 1)))
    assert.matches("^HTTP/1.1 404 .*application/problem%+json.*\"code\":\"not_found\"", (web.raw(loop, server.port, request "GET /none", 1)))
    assert.matches("^HTTP/1.1 405 .*\r\nAllow: OPTIONS, POST\r\n", (web.raw(loop, server.port, request "GET /small", 1)))
    assert.matches("at y$", (web.raw(loop, server.port, request "GET http://y/", 1)))
  end)

  it_serves("keeps connections, and answers what is pipelined in order", function(server, loop)
    local octets = web.raw(loop, server.port, request "GET /wait?0.03" .. request "GET /wait?0" .. post("/", "abc") .. request "GET /", 4)
    assert.same({ 200, 200, 200, 200 }, web.statuses(octets))
    assert.matches("\r\n\r\n0%.03HTTP.*\r\n\r\n0HTTP.*\r\n\r\nabcHTTP.*\r\n\r\nat x$", octets)
  end)

  it_serves("closes after HTTP/1.0", function(server, loop)
    local octets, closed = web.raw(loop, server.port, "GET / HTTP/1.0\r\nHost: x\r\n\r\n" .. request "GET /")
    assert.is_true(closed)
    assert.equal(1, #web.statuses(octets))
  end)

  it_serves("does not let one that waits hold up the others", function(server, loop)
    local done = {}
    http.request({ url = server.url .. "/wait?0.2" }, function() done[#done + 1] = "slow" end)
    for _ = 1, 5 do assert(http.request { url = server.url .. "/" }) end
    done[#done + 1] = "fast"
    async.wait_until(function() return done[2] end)
    assert.same({ "fast", "slow" }, done)
    assert.matches("at x$", (web.raw(loop, server.port, request "GET /", 1)))
  end)

  it_serves("answers 500 for a handler that raises, and reports it", function(server, loop, errors)
    local octets = web.raw(loop, server.port, request "GET /fails", 1)
    assert.matches("^HTTP/1.1 500 .*\"code\":\"internal\"", octets)
    assert.is_nil(octets:find("purpose", 1, true))
    assert.matches("on purpose", table.remove(errors))
  end)

  it_serves("refuses a body over the limit, by its length or as it comes", function(server, loop)
    assert.matches("^HTTP/1.1 200 .*0123456789$", (web.raw(loop, server.port, post("/small", "0123456789"), 1)))
    local octets, closed = web.raw(loop, server.port, post("/small", "01234567890") .. request "GET /")
    assert.is_true(closed)
    assert.same({ 413 }, web.statuses(octets))
    octets, closed = web.raw(loop, server.port, request("POST /small", "Transfer-Encoding: chunked\r\n", "9\r\n012345678\r\n9\r\n012345678\r\n"))
    assert.is_true(closed)
    assert.same({ 413 }, web.statuses(octets))
    assert.matches("\"code\":\"too_large\"", octets)
  end)

  it_serves("refuses a header or a target over the limit", function(server, loop)
    for size, status in pairs { [3000] = 431, [9000] = 431, [30000] = 431, [1000] = 200 } do
      local octets = web.raw(loop, server.port, request("GET /", "X-A: " .. ("a"):rep(size) .. "\r\n"), 1)
      assert.equal(status, web.statuses(octets)[1], size)
    end
    for size, status in pairs { [8000] = 431, [8500] = 414, [100000] = 414, [1000] = 200 } do
      local octets = web.raw(loop, server.port, request("GET /?" .. ("a"):rep(size)), 1)
      assert.equal(status, web.statuses(octets)[1], size)
    end
  end, { max_header_octets = 2048 })

  it_serves("ends connections that are too slow, or idle", function(server, loop)
    local octets, closed = web.raw(loop, server.port, { "GET / HTTP/1.1\r\n", "Host: x\r\n", "X-" })
    assert.is_true(closed)
    assert.same({ 408 }, web.statuses(octets))
    octets, closed = web.raw(loop, server.port, request("POST /", "Content-Length: 10\r\n", "abc"))
    assert.is_true(closed)
    assert.same({ 408 }, web.statuses(octets))
    assert.matches("\"code\":\"timeout\"", octets)
    octets, closed = web.raw(loop, server.port, request "GET /") -- and then nothing
    assert.is_true(closed)
    assert.same({ 200 }, web.statuses(octets))
  end, { header_s = 0.3, body_s = 0.3, idle_s = 0.5 })

  it_serves("ends a client that takes nothing of an answer, not one that is slow", function(server, loop)
    local stalled = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local slow = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local octets, ended = 0, false
    slow:start(function(piece)
      octets = octets + #piece
      slow:pause()
    end, function() ended = true end)
    for _, one in ipairs { stalled, slow } do one:write(request "GET /large") end
    for _ = 1, 45 do -- 3.4 s, in which it takes a part
      run.sleep(0.075)
      slow:resume()
    end
    assert.is_true(octets < 40e6, octets)
    local got = async.collect(stalled)
    async.wait_until(function() return got.closed > 0 end)
    assert.is_true(#got.octets < 40e6)
    assert.is_false(ended)
    slow:close()
    stalled:close()
  end, { header_s = 0.3, body_s = 0.3, idle_s = 0.5 })

  it_serves("changes its limits while it runs", function(server, loop)
    local function ask(path, body) return web.statuses((web.raw(loop, server.port, post(path, body), 1)))[1] end
    assert.equal(200, ask("/", ("x"):rep(2000)))
    assert.is_true(server:set_limits { max_body_octets = 1000, max_header_octets = 2000 })
    assert.equal(413, ask("/", ("x"):rep(1001)))
    assert.equal(200, ask("/", ("x"):rep(1000)))
    assert.equal(431, web.statuses((web.raw(loop, server.port, request("GET /", "X-A: " .. ("a"):rep(3000) .. "\r\n"), 1)))[1])
    local idle = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local got = async.collect(idle)
    assert.is_true(server:set_limits { max_connections = 1, idle_s = 0.3 })
    idle:write(request "GET /")
    async.wait_until(function() return got.octets:find "at x$" end)
    local _, closed = web.raw(loop, server.port, request "GET /")
    assert.is_true(closed) -- one too many
    async.wait_until(function() return got.closed > 0 end) -- idle
    idle:close()
    server:set_limits { max_header_octets = 2000, max_body_octets = 1000 }
    assert.same({ nil, "max_header_octets has grown", "restart" }, { server:set_limits { max_header_octets = 2 ^ 20 } })
    assert.equal(2000, server.options.max_header_octets)
    assert.equal(1048576, server.options.max_body_octets) -- the others have changed
    assert.equal(200, ask("/", ("x"):rep(2000)))
    assert.has_error(function() server:set_limits { idle_s = -1 } end)
  end)

  it_serves("asks for a body that is expected, and refuses it by the header alone", function(server, loop)
    local octets = web.raw(loop, server.port, { request("POST /", "Expect: 100-continue\r\nContent-Length: 3\r\n"), "abc" }, 2)
    assert.same({ 100, 200 }, web.statuses(octets))
    for path, status in pairs { ["/guarded"] = 401, ["/small"] = 413, ["/none"] = 404 } do
      octets = web.raw(loop, server.port, request("POST " .. path, "Expect: 100-continue\r\nContent-Length: 100\r\n"), 1)
      assert.same({ status }, web.statuses(octets))
    end
    octets = web.raw(loop, server.port, { request("POST /guarded", "Authorization: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"), "abc" }, 2)
    assert.same({ 100, 200 }, web.statuses(octets))
  end)

  it_serves("gives a body in pieces to a handler that reads", function(server, loop)
    local body = ("x"):rep(200000)
    assert.equal("200000 in pieces", assert(http.request { url = server.url .. "/pieces", body = body }).body)
    assert.equal("0 in one", assert(http.request { url = server.url .. "/pieces", method = "POST" }).body)
    local octets = web.raw(loop, server.port, { request("POST /pieces", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"), "2\r\nde\r\n0\r\n\r\n" }, 1)
    assert.matches("5 in pieces$", octets)
  end)

  it_serves("survives peers that leave in the middle", function(server, loop, errors)
    for _, octets in ipairs { "GET / HT", request "GET /wait?0.01", request("POST /", "Content-Length: 10\r\n", "abc"),
      request("POST /pieces", "Content-Length: 10\r\n", "abc") } do
      local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
      async.collect(transport)
      transport:write(octets)
      run.sleep(0.02)
      transport:reset()
    end
    async.wait_until(function() return server.active == 0 end)
    assert.matches("the connection has ended", table.remove(errors)) -- what the handler raised
    assert.same({}, errors)
    assert.matches("at x$", (web.raw(loop, server.port, request "GET /", 1)))
  end)

  it_serves("has a limit of connections", function(server, loop)
    local list = {}
    for i = 1, 4 do list[i] = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end)) end
    local got = {}
    for i = 1, 4 do got[i] = async.collect(list[i]) end
    async.wait_until(function() return got[3].closed + got[4].closed == 2 end)
    assert.equal(0, got[1].closed + got[2].closed)
    for i = 1, 4 do list[i]:close() end
    run.sleep(0.02)
    assert.matches("at x$", (web.raw(loop, server.port, request "GET /", 1)))
  end, { max_connections = 2 })

  it_serves("drains: requests that run get their answers, others 503", function(server, loop)
    local kept = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local late = async.collect(kept)
    kept:write(request "GET /")
    async.wait_until(function() return late.octets:find "at x$" end)
    local slow
    http.request({ url = server.url .. "/wait?0.1" }, function(answer) slow = answer end)
    async.wait_until(function() return server.active == 1 end)
    kept:write(request "GET /")
    local unanswered = server:close(5)
    async.wait_until(function() return late.closed > 0 and slow end)
    assert.equal(0, unanswered)
    assert.equal("0.1", slow.body)
    assert.same({ 200, 503 }, web.statuses(late.octets))
    kept:close()
  end)

  it("serves TLS", web.served({ routes = ROUTES }, function()
    local made = pki.new()
    local authority = made:issue { cn = "authority", ca = true }
    local own = made:issue { cn = "localhost", names = "DNS:localhost,IP:127.0.0.1", issuer = authority }
    local server = assert(http.serve { port = 0, routes = ROUTES, tls = { cert = own.cert, key = own.key } })
    assert.matches("^https://", server.url)
    assert.equal("abc", assert(http.request { url = server.url, body = "abc", ca = authority.cert }).body)
    local answer, message, code = http.request { url = server.url }
    assert.same({ nil, "tls" }, { answer, code })
    assert.is_string(message)
    assert.equal(200, assert(http.request { url = server.url, insecure = true }).status)
    server:close(0)
    local _, _, wrong = http.serve { port = 0, routes = ROUTES, tls = { cert = own.cert, key = "/nowhere" } }
    assert.equal("tls", wrong)
    made:remove()
  end))
end)
