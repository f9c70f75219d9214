local mc = require "spec.support.mc"
local task = require "smpp.base.task"

describe("smpp.server.shutdown", function()
  it("is told once, with what was left, when no connection is open any more", function()
    mc.world(function(w)
      local server, told = w:server {}, {}
      server:on("stopped", function(left) told[#told + 1] = { left, server.connections.count } end)
      local esme = w:bind {}
      local left = server:close()
      w:sleep(0.1)
      assert.same({ { { sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }, 0 } }, told)
      assert.equal(left, told[1][1])
      assert.is_true(esme.closed)
      assert.equal(left, server:close())
      assert.equal(1, #told)
    end)
  end)

  it("comes at once where there is no connection, and closes what is not a session yet", function()
    mc.world(function(w)
      local server, before = w:server { proxy_protocol = true }, w.loop:now()
      local transport, ended = w:transport(), false
      transport:start(function() end, function() ended = true end)
      w:sleep(0.1)
      assert.equal(1, server.acceptor.pending_count)
      server:close()
      w:sleep(0.1)
      assert.same({ true, 0, {} }, { ended, server.acceptor.pending_count, w.errors })
      assert.near(before + 0.1, w.loop:now(), 0.11)
      transport:close()
    end)
  end)

  it("lets running handlers answer, and counts those that do not in time", function()
    for seconds, expected in pairs { [2] = { 0, 0 }, [20] = { 1, 1 } } do
      mc.world(function(w)
        local server, code = w:server { answer_timeout_s = 60, submit_sm = function()
          w:sleep(seconds)
          return "1"
        end }, nil
        local esme = w:bind { response_s = 100 }
        esme:submit_sm({ destination_addr = "1" }, function(response, _, why) code = response and "ok" or why end)
        w:sleep(0.1)
        local before = w.loop:now()
        local left = server:close(5)
        assert.same(expected, { left.sessions, left.unanswered })
        assert.near(math.min(seconds, 5), w.loop:now() - before, 0.3)
        w:sleep(0.1)
        assert.equal(seconds < 5 and "ok" or "connection_lost", code)
      end)
    end
  end)

  it("takes no connection, message or outbind any more", function()
    mc.world(function(w)
      local server = w:server { submit_sm = function()
        w:sleep(2)
        return "1"
      end }
      local esme = w:bind {}
      esme:submit_sm({ destination_addr = "1" }, function() end)
      w:sleep(0.1)
      task.spawn(function() server:close() end)
      local _, _, code = server:deliver("esme1", { short_message = "x" })
      assert.equal("closed", code)
      assert.equal("closed", (select(3, server:outbind { host = "127.0.0.1", port = 1 })))
      assert.has_error(function() w:transport() end)
      w:sleep(5)
    end)
  end)
end)
