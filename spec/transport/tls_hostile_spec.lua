if not pcall(require, "smpp.openssl") then
  describe("smpp.transport.tls", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local async = require "spec.support.async"
local few = require "spec.support.few"
local openssl = require "smpp.openssl"
local property = require "spec.support.property"
local smpp = require "smpp"

local CERT, KEY = openssl.self_signed("mc", "DNS:localhost,IP:127.0.0.1", 30)
local PIN = openssl.certificates(CERT)[1].pin

local function serve(o)
  local given = { port = 0, host = "127.0.0.1", accounts = { me = "secret" }, submit_sm = function() return "1" end, tls = { cert = CERT, key = KEY } }
  for name, value in pairs(o or {}) do given[name] = value end
  if given.authenticate then given.accounts = nil end
  local server = assert(smpp.server(given))
  server.problems = {}
  server:on("error", function(message) table.insert(server.problems, message) end)
  return server
end

--- A listener between client and server.  `spoil(side, octets, at)` gives what goes on of octets of "client" or "server" that
--- begin at that place of the stream: a string, a list of strings, or nil, which ends both connections.
local function between(loop, server, spoil, before)
  return loop:listen({ host = "127.0.0.1", port = 0 }, function(down)
    loop:connect({ host = "127.0.0.1", port = server.port }, function(up)
      local over
      local function finish()
        if over then return end
        over = true
        down:close_after_flush(1)
        up:close_after_flush(1)
      end
      if before then up:write(before) end
      local function pipe(side, from, to)
        local seen = 0
        from:start(function(octets)
          local at = seen + 1
          seen = seen + #octets
          local passed = spoil(side, octets, at)
          if passed == nil then return finish() end
          for _, piece in ipairs(type(passed) == "table" and passed or { passed }) do
            if not over and piece ~= "" then to:write(piece) end
          end
        end, finish)
      end
      pipe("client", down, up)
      pipe("server", up, down)
    end)
  end)
end

--- Binds, submits and closes through it: true, or nil, message, code.
local function try(port, tls)
  local esme, message, code = smpp.connect { ("smpps://me:secret@localhost:%d"):format(port), tls = tls or { pin = PIN }, reconnect = false,
    bind_timeout_s = 2, response_timeout_s = 2 }
  if not esme then return nil, message, code end
  local response
  response, message, code = esme:submit_sm { destination_addr = "491", short_message = "x" }
  esme:close(0.1)
  return response and response.message_id, message, code
end

local function pieces(octets, size)
  local list = {}
  for at = 1, #octets, size do list[#list + 1] = octets:sub(at, at + size - 1) end
  return list
end

describe("smpp.transport.tls: octets that come oddly", function()
  for _, version in ipairs { "1.2", "1.3" } do
    it("may come in any pieces, TLS " .. version, async.virtual(function(loop)
      local server = serve()
      for _, size in ipairs { 1, 2, 3, 4, 5, 6, 7, 13, 100, 517, 1400 } do
        local relay = between(loop, server, function(_, octets) return pieces(octets, size) end)
        assert.equal("1", try(relay.port, { pin = PIN, min = version, max = version }))
        relay:close()
      end
      server:close()
    end))

    it("may be split at any octet, TLS " .. version, async.virtual(function(loop)
      local server = serve()
      for place = 1, 2000, few(17, 53) do
        for _, spoilt in ipairs { "client", "server" } do
          local relay = between(loop, server, function(side, octets, at)
            local cut = place - at
            if side ~= spoilt or cut < 1 or cut >= #octets then return octets end
            return { octets:sub(1, cut), octets:sub(cut + 1) }
          end)
          assert.equal("1", try(relay.port, { pin = PIN, min = version, max = version }))
          relay:close()
        end
      end
      server:close()
    end))
  end

  it("end one connection at most when they are cut, changed, repeated or inserted", function()
    property.holds(few(150, 40), function(random, case)
      case.version = random(2) == 1 and "1.3" or "1.2"
      case.side = random(2) == 1 and "client" or "server"
      case.what = ({ "change", "cut", "repeat", "insert", "drop" })[random(5)]
      case.place = random(3000)
      case.octet = random(255)
      async.virtual(function(loop)
        local server = serve()
        local relay = between(loop, server, function(side, octets, at)
          local i = case.place - at + 1
          if side ~= case.side or i < 1 or i > #octets then return octets end
          if case.what == "cut" then return nil end
          local head, octet, tail = octets:sub(1, i - 1), octets:sub(i, i), octets:sub(i + 1)
          if case.what == "change" then return head .. string.char((octet:byte() + case.octet) % 256) .. tail end
          if case.what == "repeat" then return octets .. octets:sub(i) end
          if case.what == "insert" then return head .. string.char(case.octet) .. octet .. tail end
          return head .. tail
        end)
        local id, message, code = try(relay.port, { pin = PIN, min = case.version, max = case.version })
        assert(id == "1" or (type(message) == "string" and type(code) == "string"))
        relay:close()
        smpp.sleep(12)
        assert(try(server.port), "the server serves others")
        server:close(0)
      end)()
    end)
  end)

  it("are refused when they only begin like TLS", function()
    property.holds(100, function(random, case)
      local list = { ({ "\22\3\1", "\22\3\3", "\23\3\3", "\21\3\3", "\20\3\3", "\128", "GET ", "\0\0\0\16" })[random(8)] }
      for i = 2, random(60) do list[i] = string.char(random(256) - 1) end
      case.octets = table.concat(list)
      async.virtual(function(loop)
        local server, closed = serve(), nil
        loop:connect({ host = "127.0.0.1", port = server.port }, function(transport)
          transport:start(function(octets)
            assert(octets:byte() == 21, "nothing but an alert")
          end, function()
            closed = true
            transport:close()
          end)
          transport:write(case.octets)
        end)
        smpp.sleep(12)
        assert(closed, "ended in time")
        assert(try(server.port))
        server:close(0)
      end)()
    end)
  end)
end)

describe("smpp.transport.tls: behind a balancer", function()
  it("comes after the PROXY header, which says who the client is", async.virtual(function(loop)
    local host
    local server = serve { proxy_protocol = true, authenticate = function(session)
      host = session.peer.host
      return session.tls.version == "1.3"
    end }
    local relay = between(loop, server, function(_, octets) return octets end, "PROXY TCP4 192.0.2.7 192.0.2.1 50000 8775\r\n")
    assert.equal("1", try(relay.port))
    assert.equal("192.0.2.7", host)
    assert.is_nil((try(server.port)))
    relay:close()
    server:close()
  end))
end)

describe("smpp.transport.tls: the end of a connection", function()
  --- A client of bare TLS, bound: what it has received since, and its transport.
  local function raw(loop, server)
    local context = openssl.context "client"
    context:verify "none"
    local connection, done = context:connection(), nil
    local got = { octets = "", closed = false, closed_word = nil, connection = connection }
    loop:connect({ host = "127.0.0.1", port = server.port }, function(transport)
      got.transport = transport
      transport:start(function(octets)
        connection:feed(octets)
        if not done then done = connection:handshake() end
        if done then
          local more, word = connection:read()
          got.octets = got.octets .. more
          if word == "closed" then got.closed_word = word end
        end
        local out = connection:output()
        if out then transport:write(out) end
      end, function() got.closed = true end)
      connection:handshake()
      transport:write(connection:output())
    end)
    function got.write(octets)
      assert(connection:write(octets))
      got.transport:write(connection:output())
    end
    smpp.sleep(0.1)
    got.write(smpp.encode { command = "bind_transceiver", sequence_number = 1, system_id = "me", password = "secret", interface_version = 0x34 })
    smpp.sleep(0.1)
    assert.equal(1, #server.sessions)
    return got
  end

  local SUBMIT = smpp.encode { command = "submit_sm", sequence_number = 2, destination_addr = "491", short_message = "x" }

  it("answers what came before close_notify, and says close_notify itself", async.virtual(function(loop)
    local server = serve()
    local peer = raw(loop, server)
    local before = #peer.octets
    peer.connection:write(SUBMIT)
    peer.connection:shutdown()
    peer.transport:write(peer.connection:output())
    smpp.sleep(1)
    assert.equal("submit_sm_resp", smpp.decode(peer.octets:sub(before + 1)).command)
    assert.equal("closed", peer.closed_word)
    peer.transport:close()
    server:close(0)
  end))

  it("answers what came before a FIN without close_notify", async.virtual(function(loop)
    local server = serve()
    local peer = raw(loop, server)
    local before = #peer.octets
    peer.write(SUBMIT)
    peer.transport:shutdown()
    smpp.sleep(1)
    assert.equal("submit_sm_resp", smpp.decode(peer.octets:sub(before + 1)).command)
    assert.same({}, server.problems)
    peer.transport:close()
    server:close(0)
  end))

  it("is truncated when a FIN comes inside a PDU", async.virtual(function(loop)
    local server, reason = serve(), nil
    server:on("closed", function(_, why) reason = why end)
    local peer = raw(loop, server)
    peer.write(SUBMIT:sub(1, 20))
    peer.transport:shutdown()
    smpp.sleep(1)
    assert.matches("truncated", reason)
    peer.transport:close()
    server:close(0)
  end))
end)
