local has_openssl, openssl = pcall(require, "smpp.openssl")

if not has_openssl then
  describe("bind_tls", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local CERT, KEY = openssl.self_signed("mc", "DNS:mc.example,DNS:*.wild.example,IP:127.0.0.1", 30)

local function server(cert, key)
  local context = openssl.context "server"
  assert(context:certificate(cert or CERT, key or KEY))
  context:session_context "spec"
  return context
end

local function client(cert)
  local context = openssl.context "client"
  assert(context:trust(cert or CERT))
  context:verify "required"
  return context
end

--- Goes on with the handshake of a side; a server takes `context` when it has seen the ClientHello.
---@return string|true|nil result  true: done; nil: more octets are needed; or the word it failed with
local function go_on(side, context)
  local ok, word = side:handshake()
  if word == "hello" then
    assert(side:use(context))
    ok, word = side:handshake()
  end
  if ok then return true end
  return word ~= "more" and word or nil
end

--- Hands octets to and fro, at most `step` at once, until both handshakes ended or one failed.
---@return string|true of_client  true, or the word it failed with
---@return string|true of_server
local function shake(a, b, context, step)
  local sides, results = { a, b }, {}
  for _ = 1, 20 do
    for i, side in ipairs(sides) do
      results[i] = results[i] or go_on(side, context)
      local octets = side:output() or ""
      for at = 1, #octets, step or 65536 do
        sides[3 - i]:feed(octets:sub(at, at + (step or 65536) - 1))
        if step then results[3 - i] = results[3 - i] or go_on(sides[3 - i], context) end
      end
    end
    for i = 1, 2 do
      if results[i] and (results[i] ~= true or results[3 - i]) then return results[1], results[2] end
    end
  end
end

local function pair(o)
  o = o or {}
  local of_server, of_client = o.server or server(), o.client or client()
  local a, b = of_client:connection(), of_server:connection()
  assert(a:expect(o.name or "mc.example", o.name or "mc.example"))
  if o.ticket then a:resume(o.ticket) end
  return a, b, of_server
end

describe("bind_tls: a connection", function()
  it("carries octets both ways and ends with close_notify", function()
    local a, b, context = pair()
    assert.same({ true, true }, { shake(a, b, context) })
    assert(a:write "hello")
    b:feed(a:output())
    assert.same({ "hello", "more" }, { (b:read()), (select(2, b:read())) })
    local long = ("x"):rep(100000)
    assert(b:write(long))
    a:feed(b:output())
    assert.is_true(a:read() == long)
    b:shutdown()
    a:feed(b:output())
    assert.same({ "", "closed" }, { a:read() })
    assert.equal("1.3", a:info().version)
    assert.equal("mc.example", b:server_name())
  end)

  it("does so when octets come one at a time", function()
    local a, b, context = pair()
    assert.same({ true, true }, { shake(a, b, context, 1) })
  end)

  it("speaks 1.2 when that is the most", function()
    local old = server()
    assert(old:versions("1.2", "1.2"))
    local a, b, context = pair { server = old }
    assert.same({ true, true }, { shake(a, b, context) })
    assert.equal("1.2", a:info().version)
  end)

  it("refuses a certificate for another name, and one of an unknown authority", function()
    local a, b, context = pair { name = "other.example" }
    assert.equal("verify", (shake(a, b, context)))
    local number, _, depth, certificate = a:failure()
    assert.same({ 62, 0, "mc" }, { number, depth, certificate.cn })
    local other = openssl.self_signed("other", "DNS:mc.example", 30)
    a, b, context = pair { client = client(other) }
    assert.equal("verify", (shake(a, b, context)))
  end)

  it("takes a wildcard for one label only", function()
    for name, right in pairs { ["a.wild.example"] = true, ["a.b.wild.example"] = "verify", ["wild.example"] = "verify" } do
      local a, b, context = pair { name = name }
      assert.equal(right, (shake(a, b, context)))
    end
  end)

  it("is resumed with a ticket, and not by a server of another session context", function()
    local context = server()
    context:tickets(true)
    local one = client()
    local a, b = pair { server = context, client = one }
    assert.same({ true, true }, { shake(a, b, context) })
    assert(b:write "x")
    a:feed(b:output())
    a:read()
    local ticket = assert(a:ticket())
    a, b = pair { server = context, client = one, ticket = ticket }
    assert.same({ true, true }, { shake(a, b, context) })
    assert.is_true(a:info().resumed)
    local other = server()
    other:ticket_keys(context:ticket_keys())
    other:session_context "other"
    a, b = pair { server = other, client = one, ticket = ticket }
    shake(a, b, other)
    assert.is_false(a:info().resumed)
  end)

  it("says what plain octets are", function()
    local b = server():connection()
    b:feed(("\0\0\0\16\0\0\0\21\0\0\0\0\0\0\0\1"):rep(2))
    local ok, word = b:handshake()
    assert.is_nil(ok)
    assert.equal("plain", word)
  end)

  it("survives a handshake that is cut or changed at any octet", function()
    local of_server, of_client = server(), client()
    local first = of_client:connection()
    first:expect("mc.example", "mc.example")
    first:handshake()
    local hello = first:output()
    for i = 1, #hello do
      local b = of_server:connection()
      b:feed(hello:sub(1, i - 1) .. string.char((hello:byte(i) + 1) % 256) .. hello:sub(i + 1))
      local _, word = b:handshake()
      if word == "hello" then b:use(of_server) b:handshake() end
      b:output()
      local c = of_server:connection()
      c:feed(hello:sub(1, i))
      c:handshake()
      c:close()
    end
  end)

  it("cannot be used when it is closed", function()
    local a = client():connection()
    a:close()
    a:close()
    assert.has_error(function() a:read() end)
    assert.has_error(function() a.output(io.stdout) end)
    collectgarbage()
  end)

  it("keeps the lines of a key log where asked", function()
    local context, of_client = server(), client()
    of_client:keylog()
    local a, b = pair { server = context, client = of_client }
    shake(a, b, context)
    assert.is_truthy(a:keylog():find "^SERVER_HANDSHAKE_TRAFFIC_SECRET %x+ %x+\n")
    assert.is_nil(a:keylog())
    assert.is_nil(b:keylog())
  end)
end)
