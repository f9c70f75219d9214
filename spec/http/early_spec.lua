-- Answers that begin before the body has been read.
local async = require "spec.support.async"
local http = require "smpp.http"
local pki = require "spec.support.pki"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"
local task = require "smpp.base.task"
local web = require "spec.support.web"

local results = {}

local function streaming(path, fn, o)
  return { "POST", path, function(request)
    local response = { status = 202, type = "text/plain", stream = function(out)
      results[path] = nil
      results[path] = { fn(request, out) }
    end }
    for name, value in pairs(o or {}) do response[name] = value end
    return response
  end, stream = true }
end

local written = 0

local ROUTES = {
  { "GET", "/", function() return { status = 200, body = "here" } end },
  streaming("/echo", function(request, out)
    while true do
      local piece, _, code = request:read()
      if not piece then return code end
      local ok, _, gone = out:write("<" .. piece .. ">")
      if not ok then return gone end
    end
  end),
  streaming("/large", function(request, out)
    written = 0
    local piece = request:read()
    while piece do
      for i = 1, 30 do
        if not out:write(("%06d "):format(i):rep(#piece)) then return "lost" end
        written = written + 7 * #piece
      end
      piece = request:read()
    end
  end, { max_queued_octets = 10000, stall_s = 1 }),
  streaming("/refuses", function(request, out)
    request:read()
    out:write "enough"
  end),
  streaming("/raises", function(request, out)
    out:write(request:read())
    run.sleep(0.01)
    error "on purpose"
  end),
  streaming("/first", function(request, out)
    out:write "first " -- before anything was read
    while request:read() do end
    out:write "last"
  end, { headers = { "X-Own", "1" } }),
  streaming("/waits", function(_, out) return select(3, out:wait()) end),
  streaming("/forges", function(request) request:read() end, { headers = { "X-Own", "1\r\nX-Other: 2" } }),
}

local function head(path, headers, version) return ("POST %s HTTP/%s\r\nHost: x\r\n%s\r\n"):format(path, version or "1.1", headers) end

local CHUNKED = "Transfer-Encoding: chunked\r\n"

local function connect(loop, server, octets)
  local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
  local got = async.collect(transport)
  transport:write(octets)
  return transport, got
end

local function unchunked(octets)
  local body, at = {}, octets:find("\r\n\r\n", 1, true) + 4
  while true do
    local size, from = octets:match("^(%x+)\r\n()", at)
    if not size then return nil end
    if tonumber(size, 16) == 0 then return table.concat(body) end
    body[#body + 1] = octets:sub(from, from + tonumber(size, 16) - 1)
    at = from + tonumber(size, 16) + 2
  end
end

describe("early", function()
  local function it_serves(name, fn, o)
    o = o or {}
    o.routes = ROUTES
    it(name, web.served(o, function(...)
      results = {}
      return fn(...)
    end))
  end

  it_serves("answers while it reads, then closes", function(server, loop)
    local transport, got = connect(loop, server, head("/echo", CHUNKED))
    for i = 1, 3 do
      transport:write(("2\r\n#%d\r\n"):format(i))
      async.wait_until(function() return got.octets:find(("<#%d>\r\n"):format(i), 1, true) end)
      assert.equal(0, got.closed)
    end
    transport:write "0\r\n\r\n"
    async.wait_until(function() return got.closed > 0 end)
    assert.matches("^HTTP/1.1 202 Accepted\r\nDate: %a%a%a, %d%d %a%a%a %d+ [%d:]+ GMT\r\n.*\r\nTransfer%-Encoding: chunked\r\nConnection: close\r\n\r\n", got.octets)
    assert.equal("<#1><#2><#3>", unchunked(got.octets))
    assert.equal(0, #results["/echo"])
    transport:close()
    assert.equal("<abc>", assert(http.request { url = server.url .. "/echo", body = "abc" }).body)
    assert.equal("", assert(http.request { url = server.url .. "/echo", method = "POST" }).body)
  end)

  it_serves("has no chunks in HTTP/1.0, and waits with all behind 100", function(server, loop)
    local octets, closed = web.raw(loop, server.port, head("/echo", "Content-Length: 3\r\n", "1.0") .. "abc")
    assert.is_true(closed)
    assert.matches("Connection: close\r\n\r\n<abc>$", octets)
    assert.is_nil(octets:find "chunked")
    octets = web.raw(loop, server.port, { head("/first", "Expect: 100-continue\r\nContent-Length: 3\r\n"), "abc" })
    assert.same({ 100, 202 }, web.statuses(octets))
    assert.matches("\r\nX%-Own: 1\r\n", octets)
    assert.equal("first last", unchunked(octets:match "^.-\r\n\r\n(.*)$"))
  end)

  it_serves("waits for a slow client, whose body waits, too; holds up nobody", function(server, loop)
    local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    local pieces, closed = {}, false
    transport:write(head("/large", "Content-Length: 200000\r\n"))
    transport:write(("x"):rep(200000))
    local before
    async.wait_until(function()
      local same = written > 0 and written == before
      before = written
      run.sleep(0.05)
      return same
    end)
    assert.is_true(written < 30e6, written) -- 42e6 are wanted; the rest is the system's buffers
    assert.equal("here", assert(http.request { url = server.url .. "/" }).body)
    transport:start(function(octets) pieces[#pieces + 1] = octets end, function() closed = true end)
    async.wait_until(function() return closed end)
    assert.equal(42e6, #unchunked(table.concat(pieces)))
    transport:close()
  end)

  it_serves("cuts off a client that takes nothing", function(server, loop)
    local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = server.port }, done) end))
    transport:write(head("/large", "Content-Length: 200000\r\n") .. ("x"):rep(200000))
    async.wait_until(function() return results["/large"] end)
    assert.same({ "lost" }, results["/large"])
    transport:close()
  end)

  it_serves("learns that the client has gone", function(server, loop)
    for _, way in ipairs { "close", "reset" } do
      results["/echo"] = nil
      local transport, got = connect(loop, server, head("/echo", CHUNKED) .. "2\r\n#1\r\n")
      async.wait_until(function() return got.octets:find "<#1>" end)
      transport[way](transport)
      async.wait_until(function() return results["/echo"] end)
      assert.same({ "connection_lost" }, results["/echo"])
    end
    async.wait_until(function() return server.active == 0 end)
  end)

  it_serves("ends the connection when the rest of the body is not wanted", function(server, loop, errors)
    for path, body in pairs { ["/refuses"] = "enough", ["/raises"] = "#1" } do
      local transport, got = connect(loop, server, head(path, CHUNKED) .. "2\r\n#1\r\n")
      async.wait_until(function() return got.closed > 0 end)
      assert.equal(path == "/refuses" and body or nil, unchunked(got.octets))
      assert.is_truthy(got.octets:find(body, 1, true))
      transport:close()
    end
    assert.matches("on purpose", table.remove(errors))
    async.wait_until(function() return server.active == 0 end)
  end)

  it_serves("does not send a header that would be two", function(server, loop)
    local octets, closed = web.raw(loop, server.port, head("/forges", "Content-Length: 2\r\n") .. "#1")
    assert.is_true(closed)
    assert.equal("", octets)
  end)

  it_serves("is ended when the server closes, and by a body that comes too slowly", function(server, loop)
    local transport, got = connect(loop, server, head("/waits", CHUNKED) .. "2\r\n#1\r\n")
    async.wait_until(function() return server.active == 1 end)
    run.sleep(0.01)
    local slow, of_slow = connect(loop, server, head("/echo", CHUNKED) .. "2\r\n#1\r\n")
    async.wait_until(function() return of_slow.closed > 0 end)
    assert.same({ "connection_lost" }, results["/echo"])
    assert.same({ 202 }, web.statuses(of_slow.octets)) -- no 408 in the middle of it
    slow:close()
    server:close(0.1)
    async.wait_until(function() return got.closed > 0 end)
    assert.same({ "shutting_down" }, results["/waits"])
    transport:close()
  end, { body_s = 0.3 })

  it_serves("goes on while the server closes", function(server, loop)
    local transport, got = connect(loop, server, head("/echo", CHUNKED) .. "2\r\n#1\r\n")
    async.wait_until(function() return got.octets:find "<#1>" end)
    local unanswered
    task.spawn(function() unanswered = server:close(5) end)
    run.sleep(0.01)
    transport:write "2\r\n#2\r\n0\r\n\r\n"
    async.wait_until(function() return got.closed > 0 end)
    assert.equal("<#1><#2>", unchunked(got.octets))
    async.wait_until(function() return unanswered end)
    assert.equal(0, unanswered)
    transport:close()
  end)

  it("works over TLS", web.served({ routes = ROUTES }, function(_, loop)
    shell.need "openssl"
    results = {}
    local made = pki.new()
    local own = made:issue { cn = "localhost", names = "DNS:localhost,IP:127.0.0.1" }
    local server = assert(http.serve { port = 0, routes = ROUTES, tls = { cert = own.cert, key = own.key } })
    assert.equal("<abc>", assert(http.request { url = server.url .. "/echo", body = "abc", insecure = true }).body)
    local answer = assert(http.request { url = server.url .. "/large", body = ("x"):rep(10000), insecure = true, max_octets = 3e6 })
    assert.equal(2.1e6, #answer.body)
    local client = ("(printf '%s2\\r\\n#1\\r\\n'; sleep 0.2; printf '2\\r\\n#2\\r\\n0\\r\\n\\r\\n'; sleep 0.2) | openssl s_client -quiet -connect 127.0.0.1:%d 2>/dev/null"):format(
      head("/echo", CHUNKED):gsub("\r\n", "\\r\\n"), server.port)
    local output = async.await(function(done) loop:run_command("unset LD_PRELOAD; " .. client, 10, done) end)
    assert.equal("<#1><#2>", unchunked(output))
    server:close(0)
    made:remove()
  end))
end)
