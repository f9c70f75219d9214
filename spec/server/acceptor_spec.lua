local mc = require "spec.support.mc"
local task = require "smpp.base.task"
local util = require "spec.support.util"

local unhex = util.unhex

local BIND = require("smpp.codec").encode { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 }

describe("smpp.server.acceptor: listen", function()
  it("is a list of addresses, each with a chain of its own", function()
    mc.world(function(w)
      local server = w:server { listen = {
        { port = 3001 }, { host = "::1", port = 0, proxy_protocol = true }, { host = "10.0.0.1", proxy_protocol = { "127.0.0.0/8" } },
      } }
      local list = {}
      for i, address in ipairs(server.addresses) do list[i] = address.host .. " " .. address.port end
      assert.same({ "127.0.0.1 3001", "::1 " .. server.addresses[2].port, "10.0.0.1 2775" }, list)
      assert.same({ "127.0.0.1", 3001 }, { server.host, server.port })
      assert.is_true(server.addresses[2].port > 0)

      local function talk(host, port, octets)
        local token, got = task.current(), ""
        w.loop:connect({ host = host, port = port }, function(transport) task.wake_for(token, w, transport) end)
        local transport = task.wait(w)
        transport:start(function(chunk) got = got .. chunk end, function() end)
        transport:write(octets)
        w:sleep(0.1)
        local peer = server.sessions[1] and server.sessions[1].peer.host
        transport:close()
        w:sleep(0.1)
        return #got > 16, peer
      end
      assert.same({ true, "127.0.0.1" }, { talk("127.0.0.1", 3001, BIND) })
      assert.same({ false }, { talk("::1", server.addresses[2].port, BIND) })
      assert.same({ true, "192.0.2.1" }, { talk("::1", server.addresses[2].port, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" .. BIND) })
      assert.same({ false }, { talk("10.0.0.1", 2775, BIND) })
      assert.same({ 1, 2 }, { #w.errors, server.reporter.kinds.failed.count })
      server:close()
      for _, address in ipairs(list) do
        local host, port = address:match "^(.*) (%d+)$"
        local refused
        w.loop:connect({ host = host, port = tonumber(port) }, function(transport) refused = transport == nil end)
        w:sleep(0.1)
        assert.is_true(refused, address)
      end
    end)
  end)

  it("listens on all of them or on none", function()
    mc.world(function(w)
      local other = assert(w.loop:listen({ host = "127.0.0.1", port = 3002 }, function() end))
      local new = require("smpp.server").new
      local server, message, code = new { loop = w.loop, listen = { { port = 3001 }, { port = 3002 } } }
      assert.is_nil(server)
      assert.matches("3002: address already in use", message)
      assert.equal("connect_failed", code)
      other:close()
      server = assert(new { loop = w.loop, listen = { { port = 3001 }, { port = 3002 } } })
      server:close()
    end)
  end)

  it("has the port of TLS where that is asked for, and says that it is not installed", function()
    if pcall(require, "smpp.transport.tls") then return end
    mc.world(function(w)
      for _, o in ipairs { { tls = true }, { listen = { { port = 3001 }, { tls = true } } } } do
        o.loop = w.loop
        local server, message, code = require("smpp.server").new(o)
        assert.is_nil(server)
        assert.same({ "TLS support is not installed (rock smpp-tls)", "tls" }, { message, code })
      end
      local o = require("smpp.server.options").read({ listen = { { tls = true }, {} } }, 1)
      assert.same({ 8775, 2775 }, { o.addresses[1].port, o.addresses[2].port })
    end)
  end)

  it("refuses what is no address, and one given twice", function()
    mc.world(function(w)
      local new = require("smpp.server").new
      local function wrong(o)
        o.loop = w.loop
        local ok, message = pcall(new, o)
        return not ok and message or nil
      end
      assert.matches("listen: ", wrong { listen = {} })
      assert.matches("listen%[2%].port: ", wrong { listen = { {}, { port = 65536 } } })
      assert.matches("unknown option 'listen%[1%].prot'", wrong { listen = { { prot = 1 } } })
      assert.matches("listen%[1%].proxy_protocol: ", wrong { listen = { { proxy_protocol = "yes" } } })
      assert.matches("listen or port, not both", wrong { port = 1, listen = { {} } })
      assert.matches("listen or proxy_protocol, not both", wrong { proxy_protocol = true, listen = { {} } })
    end)
  end)

  it("puts the filters it is given on each connection, the last next to the session", function()
    local filter = require "smpp.transport.filter"
    mc.world(function(w)
      local function put(name)
        local new = filter.class(name, {})
        return function(inner) return new(inner) end
      end
      local server, seen = w:server { filters = { put "one", put "two" } }, {}
      server:on("connection", function(session) seen[#seen + 1] = tostring(session.transport) end)
      assert.is_truthy(w:bind {})
      assert.matches("^two over one over memory", seen[1])
      local listener = assert(w.loop:listen({ host = "127.0.0.1", port = 2776 }, function(transport) transport:start(function() end, function()
        transport:close()
      end) end))
      assert.is_truthy(server:outbind { host = "127.0.0.1", port = 2776 })
      assert.matches("^two over one over memory", seen[2])
      listener:close()
      server:close(0)
    end)
  end)
end)

describe("smpp.server.acceptor: limits", function()
  it("hold for connections that are pending, by the host that is known", function()
    local filter = require "smpp.transport.filter"
    mc.world(function(w)
      local slow = filter.class("slow", { awaits = "handshake", establish = function() end })
      local server = w:server { max_connections_per_address = 3, bind_timeout_s = 5, filters = { function(inner) return slow(inner) end } }
      local closed, transports = 0, {}
      for i = 1, 5 do
        transports[i] = w:transport()
        transports[i]:start(function() end, function() closed = closed + 1 end)
      end
      w:sleep(0.1)
      assert.same({ 3, 2, { ["127.0.0.1"] = 3 } }, { server.acceptor.pending_count, closed, server.acceptor.pending_per_address })
      assert.matches("max_connections_per_address 3$", w.errors[1])
      w:sleep(6)
      assert.same({ 0, 5, {} }, { server.acceptor.pending_count, closed, server.acceptor.pending_per_address })
      assert.matches("connection from 127.0.0.1: no handshake within 5 s", w.errors[2])
      for i = 1, 5 do transports[i]:close() end
      server:close()
    end)
  end)
end)

describe("smpp.server.acceptor: PROXY protocol", function()
  local V2 = "\r\n\r\n\0\r\nQUIT\n"
  local v4 = V2 .. unhex "21 11 000c c0000201 c0000202 dc04 0ad7"
  local v6 = V2 .. unhex "21 21 0027 20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 0ad7 03 0000"

  it("tells a server who is there", function()
    for header, host in pairs {
      ["PROXY TCP4 192.0.2.1 192.0.2.2 56324 2775\r\n"] = "192.0.2.1", [v4] = "192.0.2.1", [v6] = "2001:db8:0:0:0:0:0:1",
      ["PROXY UNKNOWN\r\n"] = "127.0.0.1", [V2 .. unhex "20 00 0000"] = "127.0.0.1",
    } do
      for _, size in ipairs { 1, 7, 1000 } do
        mc.world(function(w)
          local server = w:server { proxy_protocol = true, accounts = { a = { addresses = { host } } } }
          local transport, octets = w:transport(), header .. BIND
          transport:start(function() end, function() end)
          for at = 1, #octets, size do
            transport:write(octets:sub(at, at + size - 1))
            w:sleep(0.01)
          end
          assert.equal(host, server.sessions[1].peer.host)
          transport:close()
          w:sleep(0.1)
          assert.same({ {}, 0 }, { server.connections.per_address, server.acceptor.pending_count })
          server:close()
        end)
      end
    end
  end)

  it("is demanded of proxies, and of nobody else", function()
    mc.world(function(w)
      local server = w:server { proxy_protocol = true, bind_timeout_s = 3 }
      local answer, closed = w:talk(BIND)
      assert.same({ "", true }, { answer, closed })
      assert.matches("missing PROXY header", w.errors[1])
      w:sleep(10)
      local transport = w:transport()
      transport:start(function() end, function() end)
      transport:write "PROXY "
      w:sleep(4)
      assert.matches("no PROXY header within 3 s", w.errors[2])
      transport:close()
      w:sleep(10)
      w:talk "PROXY TCP4 192"
      w:sleep(0.1)
      assert.matches("closed before", w.errors[3])
      assert.equal(0, server.acceptor.pending_count)
      transport = w:transport()
      w:sleep(0.1)
      server:close()
      assert.same({ 3, 0 }, { #w.errors, server.acceptor.pending_count })
      transport:close()
    end)
    mc.world(function(w) -- before the header there is a limit, too
      local server = w:server { proxy_protocol = true, max_connections = 2 }
      local transports, closed = {}, 0
      for i = 1, 5 do
        transports[i] = w:transport()
        transports[i]:start(function() end, function() closed = closed + 1 end)
      end
      w:sleep(0.1)
      assert.same({ 2, 3 }, { server.acceptor.pending_count, closed })
      for i = 1, 5 do transports[i]:close() end
      server:close()
    end)
    mc.world(function(w)
      local server = w:server { proxy_protocol = true, bind_timeout_s = 0 }
      local transport, answer = w:transport(), ""
      transport:start(function(octets) answer = answer .. octets end, function() end)
      w:sleep(100)
      transport:write("PROXY UNKNOWN\r\n" .. BIND)
      w:sleep(1)
      assert.is_true(#answer > 16)
      transport:close()
      server:close()
    end)
    mc.world(function(w)
      local server = w:server { proxy_protocol = { "10.0.0.0/8" } }
      assert.is_truthy(w:bind {})
      for _, wrong in ipairs { { "x" }, "yes", 1 } do
        assert.has_error(function() w:server { proxy_protocol = wrong } end)
      end
      server:close()
    end)
  end)
end)

describe("smpp.server.acceptor: refuse", function()
  local async = require "spec.support.async"
  local smpp = require "smpp"

  local function refuses(seconds)
    return function()
      local server = assert(smpp.server { port = 0 })
      local url = ("smpp://me:secret@127.0.0.1:%d"):format(server.port)
      local esme = assert(smpp.connect(url))
      server:refuse(seconds)
      server:refuse(seconds)
      assert.equal("connect_failed", select(3, smpp.connect { url, reconnect = false }))
      assert(esme:enquire_link())
      smpp.sleep(seconds * 1.5)
      local again = assert(smpp.connect(url))
      again:close()
      server:refuse(100)
      esme:close()
      server:close(0)
    end
  end

  it("closes its ports for a time, and nothing else", async.virtual(refuses(10)))
  it("keeps the port on sockets", async.luv(refuses(0.1)))
end)
