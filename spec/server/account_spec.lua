local mc = require "spec.support.mc"

describe("smpp.server.account", function()
  it("outlives its binds where accounts were given, and goes with the last where not", function()
    for _, accounts in ipairs { { esme1 = "secret" }, false } do
      mc.world(function(w)
        local server = w:server { accounts = accounts or nil }
        local one, two = w:bind {}, w:bind {}
        local account = server.accounts.esme1
        assert.same({ 2, 2, "account esme1" }, { #account.binds, #account.receivers, tostring(account) })
        one:close()
        w:sleep(0.1)
        assert.same({ 1, 1 }, { #account.binds, #account.receivers })
        two:close()
        w:sleep(0.1)
        assert.equal(accounts and account or nil, server.accounts.esme1)
        server:close()
      end)
    end
  end)

  it("has its rate over all binds, which share one bucket", function()
    mc.world(function(w)
      local server = w:server { accounts = { esme1 = { rate_per_s = 10, burst = 4 } }, submit_sm = function() return "1" end }
      local esmes, taken = { w:bind {}, w:bind {} }, 0
      for i = 1, 20 do taken = taken + (esmes[i % 2 + 1]:submit_sm { destination_addr = "1" } and 1 or 0) end
      assert.equal(4, taken)
      w:sleep(0.25)
      for i = 1, 20 do taken = taken + (esmes[i % 2 + 1]:submit_sm { destination_addr = "1" } and 1 or 0) end
      assert.equal(6, taken)
      server:close()
    end)
  end)

  it("takes new settings while sessions are bound: windows, text, rate", function()
    mc.world(function(w)
      local server = w:server { accounts = { esme1 = { window = 1, deliver_window = 3, default_alphabet = "latin1" } }, submit_sm = function()
        w:sleep(1)
        return "1"
      end }
      local esme = w:bind {}
      local session = server.sessions[1]
      assert.same({ 3, "latin1" }, { session.window, session.peer_text.default_alphabet })
      local codes = {}
      local function submit() esme:submit_sm({ destination_addr = "1" }, function(_, _, code) codes[#codes + 1] = code or "ok" end) end
      submit()
      submit()
      w:sleep(2)
      assert.same({ "ESME_RTHROTTLED", "ok" }, codes)
      server:set_accounts { esme1 = { window = 2 } }
      assert.same({ 10, nil }, { session.window, session.peer_text.default_alphabet })
      submit()
      submit()
      w:sleep(2)
      assert.same({ "ESME_RTHROTTLED", "ok", "ok", "ok" }, codes)
      server:close()
    end)
  end)
end)
