-- The log of both sides over what happens to them: the same session has the same id everywhere, and strangers cannot flood it.
local logs = require "smpp.base.log"
local mc = require "spec.support.mc"
local metrics = require "smpp.metrics"
local smpp = require "smpp"

local function recorder(level)
  local list = {}
  return list, { level = level or "trace", write = function(record) list[#list + 1] = record end }
end

local function first(list, event)
  for _, record in ipairs(list) do
    if record.event == event then return record end
  end
end

describe("the log", function()
  it("names sessions as `session.id` and the exemplars of metrics do, on both sides", function()
    mc.world(function(w)
      local of_server, server_log = recorder()
      local of_client, client_log = recorder()
      local server = w:server { log = server_log, submit_sm = function() return "1" end }
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", loop = w.loop, log = client_log, name = "logged" })
      assert(esme:submit_sm { destination_addr = "491761234567" })
      local own, other = esme.session.id, server.sessions[1].id
      assert.are_not.equal(own, other)
      assert.same({ own, "client", "localhost:2775", "me" }, { first(of_client, "bind_up").session, first(of_client, "bind_up").role, first(of_client, "bind_up").peer,
        first(of_client, "bind_up").system_id })
      assert.same({ other, "server" }, { first(of_server, "bound").session, first(of_server, "bound").role })
      assert.same({ own, "out", "bind_transceiver" }, { first(of_client, "pdu").session, first(of_client, "pdu").direction, first(of_client, "pdu").command })
      assert.truthy(metrics.text():find(('target="logged",le="0.001"} 1 # {session="%s"}'):format(own), 1, true))
      esme:close()
      server:close()
      assert.equal(own, first(of_client, "bind_closed").session)
      assert.equal("stopped", of_server[#of_server].event)
      for _, list in ipairs { of_server, of_client } do
        for _, record in ipairs(list) do
          assert.equal(logs.events[record.event], record.level)
          for _, format in ipairs { "logfmt", "json", "journal" } do assert.is_nil(logs.line(record, format):find "%c") end
        end
      end
    end)
  end)

  it("has what strangers do to a server", function()
    mc.world(function(w)
      local list, log = recorder "warn"
      local server = w:server { log = log, max_connections = 1 }
      w:talk "GET / HTTP/1.1\r\n\r\n"
      w:talk "\22\3\1\2\0\1\0\1\252\3\3"
      local esme = assert(w:bind())
      w:talk ""
      w:sleep(1)
      assert.same({ "looks like HTTP" }, { first(list, "malformed").message:match "looks like HTTP" })
      assert.equal("TLS ClientHello on the plain port", first(list, "tls_failed").reason)
      assert.equal("max_connections 1", first(list, "connection_refused").reason)
      for _, record in ipairs(list) do assert.truthy(record.peer, record.event) end
      esme:close()
      server:close()
    end)
  end)

  it("has what went wrong with TLS, on both sides, and in metrics, and what is resumed", function()
    local made = assert(smpp.tls.self_signed())
    mc.world(function(w)
      local list, log = recorder "info"
      local failed = metrics.get("smpp_tls_handshakes", { role = "server", result = "failed" })
      local server = w:server { port = 8775, log = log, tls = { cert = made.cert, key = made.key, handshake_timeout_s = 3 } }
      w:talk "\0\0\0\16\0\0\0\21\0\0\0\0\0\0\0\1"
      assert.equal("plain SMPP on the TLS port", first(list, "tls_failed").reason)
      local slow = w:transport()
      slow:start(function() end, function() end)
      w:sleep(4)
      slow:close()
      assert.equal("no TLS handshake within 3 s", list[#list].reason)
      assert.equal(failed + 2, metrics.get("smpp_tls_handshakes", { role = "server", result = "failed" }))
      local of_client, client_log = recorder "info"
      local esme = assert(smpp.connect { "smpps://me:secret@localhost", loop = w.loop, tls = { pin = made.pin }, log = client_log, reconnect = { fixed_s = 1 } })
      server.sessions[1]:reset "cut"
      w:sleep(10)
      local resumed = {}
      for _, record in ipairs(of_client) do
        if record.event == "bind_up" then resumed[#resumed + 1] = { record.tls, record.tls_resumed } end
      end
      assert.same({ { "1.3", false }, { "1.3", true } }, resumed)
      assert.is_true(first(list, "bound").tls == "1.3")
      assert.is_true(metrics.get("smpp_tls_handshakes", { role = "client", result = "ok", resumed = "true" }) > 0)
      assert.is_true(metrics.get("smpp_tls_certificate_not_after_timestamp_seconds", { role = "server", name = "localhost" }) > os.time())
      esme:close()
      server:close()
    end)
  end)

  it("has a failed reload, and errors that nobody hears", function()
    mc.world(function(w)
      local path = os.tmpname()
      local function write(text)
        local file = assert(io.open(path, "w"))
        file:write(text)
        file:close()
      end
      write 'return { me = "secret" }'
      local list, log = recorder "info"
      local server = assert(smpp.server { log = log, accounts = path, loop = w.loop, port = 2775 })
      write "return {"
      w.loop:raise "SIGHUP"
      w:sleep(0.1)
      write 'return { me = "other" }'
      w.loop:raise "SIGHUP"
      w:sleep(0.1)
      os.remove(path)
      server:emit("error", "a sentence")
      local words = {}
      for i, record in ipairs(list) do words[i] = record.event end
      assert.same({ "listening", "reload_failed", "reloaded", "error" }, words)
      assert.equal("a sentence", list[4].message)
      assert.truthy(list[2].message:find(path, 1, true))
      server:close()
    end)
  end)
end)
