local mc = require "spec.support.mc"
local task = require "smpp.base.task"

local function submit(fields)
  local pdu = { source_addr = "TestApp", source_addr_ton = 5, destination_addr = "491761234567", dest_addr_ton = 1, short_message = "hi" }
  for name, value in pairs(fields or {}) do pdu[name] = value end
  return pdu
end

describe("smpp.server", function()
  it("lets anybody bind when it has neither accounts nor authenticate", function()
    mc.world(function(w)
      local server = w:server {}
      local esme = w:bind { system_id = "whoever" }
      assert.equal("BOUND_TRX", esme.state)
      assert.equal("smpp", esme.bind_resp.system_id)
      assert.equal(1, #server.sessions)
      local session = server.sessions[1]
      assert.equal("whoever", session.system_id)
      assert.equal("BOUND_TRX", session.state)
      assert.equal("127.0.0.1", session.peer.host)
      assert.same({}, session.data)
      esme:unbind()
      w:sleep(0.1)
      assert.equal(0, #server.sessions)
      assert.is_nil(server.accounts.whoever)
      server:close()
    end)
  end)

  it("negotiates the version and sends sc_interface_version only to peers of 3.4 and later", function()
    for _, case in ipairs {
      { 0x00, 0x33 }, { 0x33, 0x33 }, { 0x34, 0x34, 0x34 }, { 0x40, 0x34, 0x34 }, { 0x50, 0x50, 0x50 }, { 0x60, 0x50, 0x50 },
      { 0x50, 0x34, 0x34, offers = "3.4" }, { 0x34, 0x33, nil, offers = "3.3" },
    } do
      mc.world(function(w)
        local server = w:server { version = case.offers }
        local esme = assert(w:bind { interface_version = case[1], type = "transmitter" })
        assert.equal(case[2], server.sessions[1].version)
        assert.equal(case[3], esme.bind_resp.sc_interface_version)
        esme:unbind()
        server:close()
      end)
    end
  end)

  it("knows no bind_transceiver when it offers 3.3", function()
    mc.world(function(w)
      local server = w:server { version = 3.3 }
      local _, _, code = w:bind()
      assert.equal("ESME_RINVCMDID", code)
      server:close()
    end)
  end)

  it("takes a handler's string, table, nothing, status and error for answers", function()
    mc.world(function(w)
      local results = {
        function() return "id-1" end,
        function() return { message_id = "id-2" } end,
        function() end,
        function() return nil, "ESME_RINVDSTADR" end,
        function() return nil, 0x400 end,
        function() error "oops" end,
        function() return 42 end,
        function()
          w:sleep(2)
          return "late"
        end,
      }
      local n = 0
      local server = w:server { submit_sm = function(session, pdu)
        assert(session.system_id == "esme1" and pdu.short_message == "hi")
        n = n + 1
        return results[n]()
      end }
      local esme = w:bind()
      assert.equal("id-1", esme:submit_sm(submit()).message_id)
      assert.equal("id-2", esme:submit_sm(submit()).message_id)
      assert.matches("^%x%x%x%x%x%x%x%x$", esme:submit_sm(submit()).message_id)
      assert.equal("ESME_RINVDSTADR", select(3, esme:submit_sm(submit())))
      assert.equal("0x00000400", select(3, esme:submit_sm(submit())))
      assert.equal("ESME_RSYSERR", select(3, esme:submit_sm(submit())))
      assert.equal("ESME_RSYSERR", select(3, esme:submit_sm(submit())))
      local before = w.loop:now()
      assert.equal("late", esme:submit_sm(submit()).message_id)
      assert.equal(2, w.loop:now() - before)
      assert.equal(2, #w.errors)
      assert.matches("submit_sm failed: .*oops", w.errors[1])
      assert.matches("invalid result of the handler of %S+: expected .*, got a number", w.errors[2])
      esme:unbind()
      server:close()
    end)
  end)

  it("answers ESME_RSYSERR for a handler that takes too long", function()
    mc.world(function(w)
      local server = w:server { answer_timeout_s = 3, submit_sm = function() w:sleep(60) end }
      local esme = w:bind()
      local before = w.loop:now()
      assert.equal("ESME_RSYSERR", select(3, esme:submit_sm(submit())))
      assert.equal(3, w.loop:now() - before)
      esme:unbind()
      server:close()
    end)
  end)

  it("answers ESME_RINVCMDID where it has no handler", function()
    mc.world(function(w)
      local server = w:server {}
      local esme = w:bind()
      assert.equal("ESME_RINVCMDID", select(3, esme:submit_sm(submit())))
      assert.equal("ESME_RINVCMDID", select(3, esme:query_sm { message_id = "1" }))
      assert.is_truthy(esme:enquire_link())
      esme:unbind()
      server:close()
    end)
  end)

  it("gives different ids that a 3.3 session can carry, and none to answers that have no room for one", function()
    mc.world(function(w)
      local server = w:server { submit_sm = function() end, cancel_sm = function() end, query_sm = function() end }
      local esme, seen = w:bind { interface_version = 0x33, type = "transmitter" }, {}
      for _ = 1, 50 do
        local id = esme:submit_sm(submit()).message_id
        assert.equal(8, #id)
        assert.is_nil(seen[id])
        seen[id] = true
      end
      assert.is_truthy(esme:cancel_sm { message_id = "1" })
      assert.equal("", esme:query_sm({ message_id = "1" }).message_id)
      esme:unbind()
      server:close()
    end)
  end)

  it("sends requests of its own", function()
    mc.world(function(w)
      local got
      local server = w:server {}
      local esme = w:bind { deliver_sm = function(_, pdu)
        got = pdu.short_message
      end }
      assert.is_truthy(server.sessions[1]:deliver_sm { short_message = "MO" })
      assert.equal("MO", got)
      esme:unbind()
      server:close()
    end)
  end)

  it("tells of sessions, states, PDUs and refusals", function()
    mc.world(function(w)
      local told = {}
      local server = w:server { accounts = { a = "p" } }
      server:on("session", function(session) told[#told + 1] = "session " .. session.system_id end)
      server:on("closed", function(session, reason) told[#told + 1] = "closed " .. session.system_id .. " " .. reason end)
      server:on("state", function(_, to, from) told[#told + 1] = from .. ">" .. to end)
      server:on("refused", function(_, id, status) told[#told + 1] = "refused " .. id .. " " .. status end)
      server:on("pdu", function(_, pdu, direction) told[#told + 1] = direction .. " " .. pdu.command end)
      w:bind { system_id = "b" }
      w:sleep(1)
      assert.is_nil(table.concat(told, "\n"):find "closed") -- of bound ones only
      told = {}
      local esme = w:bind { system_id = "a", password = "p" }
      esme:unbind()
      w:sleep(1)
      assert.same({
        "in bind_transceiver", "OPEN>BOUND_TRX", "session a", "out bind_transceiver_resp", "in unbind",
        "BOUND_TRX>UNBOUND", "UNBOUND>CLOSED", "out unbind_resp", "closed a unbound",
      }, told)
      server:close()
    end)
  end)

  it("tells of PDUs of sessions that were there before, once to each who listens", function()
    mc.world(function(w)
      local server, told = w:server {}, {}
      local esme = w:bind {}
      for i = 1, 2 do server:on("pdu", function(_, pdu, direction) told[#told + 1] = i .. direction .. " " .. pdu.command end) end
      esme:enquire_link()
      assert.same({ "1in enquire_link", "2in enquire_link", "1out enquire_link_resp", "2out enquire_link_resp" }, told)
      server:close()
    end)
  end)

  it("calls nobody who is not there, and nobody any more when it closes", function()
    mc.world(function(w)
      local server, results, calls = w:server {}, {}, 0
      local session, message, code = server:outbind { host = "127.0.0.1", port = 9 }
      assert.same({ nil, "connect_failed" }, { session, code })
      assert.matches("connection refused", message)
      local listener = w.loop:listen({ host = "127.0.0.1", port = 2776 }, function(transport)
        calls = calls + 1
        transport:start(function() end, function() transport:close() end)
      end)
      for i = 1, 2 do
        task.spawn(function() results[i] = { server:outbind { host = "127.0.0.1", port = 2776 } } end)
        if i == 1 then server:close() end -- while it connects
      end
      w:sleep(1)
      for i = 1, 2 do assert.same({ nil, "the server is closing", "closed" }, results[i]) end
      assert.equal(1, calls)
      listener:close()
    end)
  end)

  it("keeps sessions in the order of their binds, whichever ends", function()
    mc.world(function(w)
      local server, esmes = w:server {}, {}
      for i = 1, 9 do esmes[i] = w:bind { system_id = "e" .. i } end
      for _, i in ipairs { 5, 1, 9, 2 } do esmes[i]:unbind() end
      w:sleep(1)
      local ids = {}
      for i, session in ipairs(server.sessions) do ids[i] = session.system_id end
      assert.same({ "e3", "e4", "e6", "e7", "e8" }, ids)
      server:close()
    end)
  end)

  it("refuses misspelt options, two sources of accounts, a used port", function()
    mc.world(function(w)
      assert.has_error(function() w:server { acounts = {} } end, "unknown option 'acounts'; did you mean 'accounts'?")
      assert.has_error(function() w:server { { accounts = {} } } end, "expected name = value, got a table without a name")
      assert.has_error(function() w:server { accounts = {}, authenticate = function() end } end)
      assert.has_error(function() w:server { submit_sm = "yes" } end)
      for _, name in ipairs { "bind_transmitter", "unbind", "enquire_link", "deliver_sm", "outbind", "alert_notification" } do
        assert.has_error(function() w:server { [name] = function() end } end) -- nothing would ever call it
      end
      assert.has_error(function() w:server { version = "4.0" } end)
      local server = w:server {}
      local second, message, code = require("smpp.server").new { loop = w.loop, port = server.port }
      assert.is_nil(second)
      assert.matches("address already in use", message)
      assert.equal("connect_failed", code)
      server:close()
    end)
  end)

  describe("that closes", function()
    it("answers what runs, unbinds each session, takes no new ones, and says that nothing was left", function()
      mc.world(function(w)
        local server = w:server { submit_sm = function()
          w:sleep(1)
          return "done"
        end }
        local reasons, esme = {}, w:bind()
        w:bind():on("closed", function(reason) reasons[#reasons + 1] = reason end)
        local answer
        task.spawn(function() answer = esme:submit_sm(submit()) end)
        w:sleep(0.1)
        local left = server:close(5)
        assert.same({ sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }, left)
        assert.equal("done", answer.message_id)
        w:sleep(0.1)
        assert.is_true(esme.closed)
        assert.equal(1, #reasons)
        local refused
        w.loop:connect({ host = "127.0.0.1", port = w.port }, function(_, message) refused = message end)
        w:sleep(1)
        assert.matches("connection refused", refused)
      end)
    end)

    it("leaves nobody in doubt who goes on submitting", function()
      mc.world(function(w)
        local taken = 0
        local server = w:server { submit_sm = function()
          w:sleep(0.1)
          taken = taken + 1
          return "1"
        end }
        local esme, codes, closing = w:bind {}, {}, nil
        for i = 1, 10 do
          task.spawn(function()
            local code
            repeat
              local response, _, why = esme:submit_sm(submit())
              code = response and "ok" or why
              codes[code] = (codes[code] or 0) + 1
              w:sleep(0.001 * i)
            until code ~= "ok"
          end)
        end
        w:sleep(1)
        closing = w.loop:now()
        assert.same({ sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }, server:close(5))
        assert.is_true(w.loop:now() - closing < 0.5)
        w:sleep(1)
        assert.equal(10, (codes.closed or 0) + (codes.not_sent or 0))
        assert.equal(taken, codes.ok)
      end)
    end)

    it("unbinds the oldest first", function()
      mc.world(function(w)
        local server, order = w:server {}, {}
        for i = 1, 5 do w:bind { system_id = "e" .. i } end
        server:on("closed", function(session) order[#order + 1] = session.system_id end)
        server:close()
        assert.same({ "e1", "e2", "e3", "e4", "e5" }, order)
      end)
    end)

    it("gives up in time and counts what it left", function()
      mc.world(function(w)
        local server = w:server { submit_sm = function() w:sleep(30) end, answer_timeout_s = 60 }
        local esme = w:bind { deliver_sm = function() w:sleep(60) end }
        task.spawn(function() esme:submit_sm(submit()) end)
        task.spawn(function() server.sessions[1]:deliver_sm { short_message = "MO" } end)
        w:sleep(0.1)
        local before = w.loop:now()
        assert.same({ sessions = 1, unanswered = 1, unacknowledged = 1, waiting = 0 }, server:close(2))
        assert.near(2, w.loop:now() - before, 0.01)
      end)
    end)
  end)
end)
