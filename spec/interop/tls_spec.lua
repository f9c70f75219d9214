--- TLS beside others: the tools of OpenSSL and GnuTLS, node-smpp by itself and behind stunnel, and tshark with our key log.
if not pcall(require, "smpp.openssl") then
  describe("TLS", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local async = require "spec.support.async"
local node = require "spec.support.node"
local packets = require "spec.support.packets"
local peers = require "spec.support.peers"
local pki = require "spec.support.pki"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local BIND = smpp.encode { command = "bind_transceiver", sequence_number = 1, system_id = "me", password = "secret", interface_version = 0x34 }

local files, ca, certificates

setup(function()
  files = pki.new()
  ca = files:issue { cn = "Root", ca = true }
  certificates = {
    ECDSA = files:issue { cn = "ec", names = "DNS:localhost,IP:127.0.0.1", issuer = ca },
    RSA = files:issue { cn = "rsa", names = "DNS:localhost,IP:127.0.0.1", issuer = ca, key = "rsa:2048" },
  }
  shell.write(files.folder .. "/bind", BIND)
end)

teardown(function() files.remove() end)

--- Versions and keys: name -> version, certificate.
local function each(fn)
  for _, version in ipairs { "1.2", "1.3" } do
    for _, key in ipairs { "ECDSA", "RSA" } do fn(version, key) end
  end
end

local function serve(key)
  local one = certificates[key]
  local server = assert(smpp.server {
    port = 0, accounts = { me = "secret", node = "secret" }, submit_sm = function() return "1" end, tls = { cert = one.cert, key = one.key },
  })
  peers.closes { close = function() server:close(0) end } -- tools do not answer an unbind
  server.problems = {}
  server:on("error", function(message) table.insert(server.problems, message) end)
  return server
end

local function only(server)
  return peers.wait("one session", function() return server.sessions[1] end)
end

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

--- A tool as client that binds; its stdin stays open for a while.
local function client_tool(name, command)
  return peers.start(name, { "sh", "-c", ("(cat %s/bind; sleep 20) | %s"):format(files.folder, command) })
end

--- A connection of ours to a tool that listens, as soon as it does.
local function open(port, tls)
  local session, message
  peers.wait("the tool to listen", function()
    local code
    session, message, code = smpp.open { ("smpps://localhost:%d"):format(port), tls = tls }
    return session or code ~= "connect_failed"
  end)
  return session, message
end

describe("openssl s_client", function()
  each(function(version, key)
    it(("binds to our server: TLS %s, %s"):format(version, key), function()
      peers.run(function()
        local server = serve(key)
        client_tool("s_client", ("openssl s_client -quiet -connect 127.0.0.1:%d -servername localhost -verify_return_error -CAfile %s -tls%s"):format(
          server.port, ca.cert, (version:gsub("%.", "_"))))
        local session = only(server)
        assert.same({ version, "localhost", false }, { session.tls.version, session.tls.server_name, session.tls.resumed })
        assert.truthy(session.is_bound)
      end)
    end)
  end)

  it("cannot renegotiate, and keeps its session; key updates are taken", function()
    peers.run(function()
      for version, letter in pairs { ["1_2"] = "R", ["1_3"] = "K" } do
        local server = serve "ECDSA"
        -- commands of s_client are lines, so no bind: a connection suffices
        local tool = peers.start("s_client", words(("openssl s_client -connect 127.0.0.1:%d -CAfile %s -tls%s"):format(server.port, ca.cert, version)))
        local session = peers.wait("a connection", function() return server.connections:list()[1] end)
        peers.wait("the handshake", function() return #tool.lines > 20 end)
        tool:write(letter)
        if letter == "K" then
          smpp.sleep(0.3)
          assert.is_false(session.closed or false)
        else
          peers.wait("the refusal", function() return table.concat(tool.lines, "\n"):find "renegotiation" or session.closed end)
        end
        tool:stop()
        server:close(0)
      end
    end)
  end)
end)

describe("openssl s_client that updates its keys without end", function()
  it("is cut off", function()
    peers.run(function()
      local server = serve "ECDSA"
      local tool = peers.start("s_client", words(("openssl s_client -connect 127.0.0.1:%d -CAfile %s -tls1_3"):format(server.port, ca.cert)))
      local session = peers.wait("a connection", function() return server.connections:list()[1] end)
      peers.wait("the handshake", function() return #tool.lines > 20 end)
      for _ = 1, 30 do
        tool:write "K"
        smpp.sleep(0.01)
      end
      peers.wait("the end", function() return session.closed end)
      assert.equal("127.0.0.1: too many TLS key updates", session.end_reason)
    end)
  end)
end)

describe("openssl s_server", function()
  each(function(version, key)
    it(("is verified by our client: TLS %s, %s"):format(version, key), function()
      peers.run(function()
        local port, one = peers.free_ports(1), certificates[key]
        peers.start("s_server", words(("openssl s_server -accept 127.0.0.1:%d -cert %s -key %s -tls%s -quiet"):format(port, one.cert, one.key,
          (version:gsub("%.", "_")))))
        local session = assert(open(port, { ca = ca.cert }))
        assert.equal(version, session.tls.version)
        assert.equal("CN=" .. key:lower():gsub("ecdsa", "ec"), session.tls.server.subject)
        session:close()
        local _, message = open(port, true)
        assert.matches("^certificate of localhost is issued by 'Root'", message)
      end)
    end)
  end)

  it("asks for a client certificate", function()
    peers.run(function()
      for _, version in ipairs { "1_2", "1_3" } do
        local port, one = peers.free_ports(1), certificates.ECDSA
        local mine = files:issue { cn = "acme", issuer = ca }
        peers.start("s_server", words(("openssl s_server -accept 127.0.0.1:%d -cert %s -key %s -CAfile %s -Verify 1 -verify_return_error -tls%s -quiet"):format(
          port, one.cert, one.key, ca.cert, version)))
        local session = assert(open(port, { ca = ca.cert, cert = mine.cert, key = mine.key }))
        session:close()
        local esme, message, code = smpp.connect { ("smpps://me:secret@localhost:%d"):format(port), tls = { ca = ca.cert }, reconnect = false }
        assert.is_nil(esme)
        assert.same({ "localhost asks for a client certificate: give cert and key", "tls" }, { message, code })
      end
    end)
  end)
end)

describe("GnuTLS", function()
  each(function(version, key)
    local priority = ("NORMAL:-VERS-ALL:+VERS-TLS%s"):format(version)

    it(("binds to our server: TLS %s, %s"):format(version, key), function()
      shell.need("gnutls-cli", "gnutls-bin")
      peers.run(function()
        local server = serve(key)
        client_tool("gnutls-cli", ("gnutls-cli --x509cafile %s --priority %s -p %d localhost"):format(ca.cert, priority, server.port))
        assert.equal(version, only(server).tls.version)
      end)
    end)

    it(("is verified by our client: TLS %s, %s"):format(version, key), function()
      shell.need("gnutls-serv", "gnutls-bin")
      peers.run(function()
        local port, one = peers.free_ports(1), certificates[key]
        peers.start("gnutls-serv", words(("gnutls-serv --echo -p %d --x509certfile %s --x509keyfile %s --priority %s"):format(port, one.cert, one.key,
          priority)))
        local session = assert(open(port, { ca = ca.cert }))
        assert.equal(version, session.tls.version)
        session:close()
      end)
    end)
  end)
end)

describe("node-smpp over its own TLS", function()
  each(function(version, key)
    local versions = { minVersion = "TLSv" .. version, maxVersion = "TLSv" .. version }

    it(("is an ESME of our server: TLS %s, %s"):format(version, key), function()
      node.need()
      peers.run(function()
        local server = serve(key)
        versions.ca, versions.servername = ca.cert, "localhost"
        local esme = node.connect(server.port, versions)
        assert.equal(0, esme:bind("transceiver").command_status)
        assert.equal(version, only(server).tls.version)
        assert.equal("1", esme:request("submit_sm", { destination_addr = "491", short_message = "x" }).message_id)
        assert.truthy(server.sessions[1]:deliver_sm { source_addr = "1", destination_addr = "2", short_message = ("x"):rep(200) })
        assert.equal(0, esme:request("unbind").command_status)
        assert.same({ {}, {} }, { esme.errors, server.problems })
      end)
    end)

    it(("is the message centre of our client: TLS %s, %s"):format(version, key), function()
      node.need()
      peers.run(function()
        local mc = node.listen(0, { cert = certificates[key].cert, key = certificates[key].key, minVersion = versions.minVersion, maxVersion = versions.maxVersion })
        local esme = assert(smpp.connect { ("smpps://me:secret@localhost:%d"):format(mc.port), tls = { ca = ca.cert } })
        for n = 1, 20 do assert.equal(tostring(n), assert(esme:submit_sm { destination_addr = "491", short_message = "x" }).message_id) end
        assert.equal(version, esme.session.tls.version)
        esme:close()
        assert.same({}, mc.errors)
      end)
    end)
  end)
end)

describe("stunnel", function()
  --- Starts it with one service; returns the port it listens on.
  local function stunnel(lines)
    shell.need("stunnel4", "stunnel4")
    local port = peers.free_ports(1)
    local path = ("%s/stunnel-%d.conf"):format(files.folder, port)
    shell.write(path, ("foreground = yes\npid =\nsyslog = no\n[smpp]\naccept = 127.0.0.1:%d\n%s\n"):format(port, lines))
    local process = peers.start("stunnel", { "stunnel4", path })
    peers.wait("stunnel to be ready", function() return table.concat(process.lines, "\n"):find "Configuration successful" end)
    return port
  end

  it("carries node-smpp to our server", function()
    node.need()
    peers.run(function()
      local server = serve "RSA"
      local port = stunnel(("client = yes\nconnect = 127.0.0.1:%d\nCAfile = %s\nverifyChain = yes\ncheckHost = localhost"):format(server.port, ca.cert))
      local esme = node.connect(port)
      assert.equal(0, esme:bind("transceiver").command_status)
      assert.equal("1", esme:request("submit_sm", { destination_addr = "491", short_message = "x" }).message_id)
      assert.truthy(only(server).tls.version)
      assert.equal(0, esme:request("unbind").command_status)
    end)
  end)

  it("carries our client to node-smpp", function()
    node.need()
    peers.run(function()
      local mc = node.listen()
      local port = stunnel(("connect = 127.0.0.1:%d\ncert = %s\nkey = %s"):format(mc.port, certificates.ECDSA.cert, certificates.ECDSA.key))
      local esme = assert(smpp.connect { ("smpps://me:secret@localhost:%d"):format(port), tls = { ca = ca.cert } })
      assert.equal("1", assert(esme:submit_sm { destination_addr = "491", short_message = "x" }).message_id)
      esme:close()
    end)
  end)
end)

describe("tshark with our key log", function()
  for _, version in ipairs { "1.2", "1.3" } do
    it("reads the octets of SMPP in TLS " .. version, function()
      shell.need("tshark", "tshark")
      local conversation = packets.conversation({ mc = { "10.0.0.2", 8775 } }):handshake()
      local keylog = ("%s/keys-%s.log"):format(files.folder, version)
      async.virtual(function(loop)
        local one = certificates.ECDSA
        local server = assert(smpp.server { port = 0, accounts = { me = "secret" }, tls = { cert = one.cert, key = one.key, min = version, max = version } })
        --- A relay that writes down what passes.
        local relay = loop:listen({ host = "127.0.0.1", port = 0 }, function(down)
          loop:connect({ host = "127.0.0.1", port = server.port }, function(up)
            for side, ends in pairs { esme = { down, up }, mc = { up, down } } do
              ends[1]:start(function(octets)
                conversation:send(side, octets)
                ends[2]:write(octets)
              end, function()
                ends[1]:close()
                ends[2]:close_after_flush(1)
              end)
            end
          end)
        end)
        local esme = assert(smpp.connect { ("smpps://me:secret@localhost:%d"):format(relay.port), tls = { ca = ca.cert, keylog = keylog } })
        esme:close()
        relay:close()
        server:close()
      end)()
      local capture = ("%s/%s.pcap"):format(files.folder, version)
      shell.write(capture, packets.pcap(conversation.packets))
      local text = shell.must(("tshark -r %s -o tls.keylog_file:%s -d tcp.port==8775,tls -q -z follow,tls,raw,0"):format(capture, keylog)):gsub("%s", "")
      local hex = BIND:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
      assert.is_truthy(text:find("736563726574", 1, true), text) -- the password
      assert.is_truthy(text:find(hex:sub(9, 16), 1, true), text) -- bind_transceiver
    end)
  end
end)
