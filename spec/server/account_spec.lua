local accounts = require "smpp.server.account"
local mc = require "spec.support.mc"

--- An account, and why it refuses a bind.
local function account_of(given, o)
  local server = { options = o or {}, handlers = {}, directory = {}, loop = { now = function() return 0 end } }
  local account = accounts.new("me", accounts.check("me", given, 1), server)
  return account, function(kind, host, password) return (account:refusal(kind or "trx", host or "127.0.0.1", password or "secret")) end
end

describe("smpp.server.account", function()
  it("takes a string for its password", function()
    local _, refusal = account_of "secret"
    assert.is_nil(refusal())
    assert.equal("ESME_RINVPASWD", refusal(nil, nil, "wrong"))
    _, refusal = account_of {}
    assert.is_nil(refusal(nil, nil, "anything"))
  end)

  it("refuses by address, password and bind type, in this order", function()
    local _, refusal = account_of { password = "secret", addresses = { "10.0.0.0/8" }, bind = { "tx", "rx" } }
    assert.equal("ESME_RBINDFAIL", refusal("trx", "192.0.2.1", "wrong"))
    assert.equal("ESME_RINVPASWD", refusal("trx", "10.1.2.3", "wrong"))
    assert.equal("ESME_RBINDFAIL", refusal("trx", "10.1.2.3"))
    assert.is_nil(refusal("tx", "10.1.2.3"))
  end)

  it("refuses a bind above max_binds: its own, the server's", function()
    local account, refusal = account_of({ max_binds = 1 }, { max_binds = 5 })
    assert.is_nil(refusal())
    account.binds[1] = {}
    assert.equal("ESME_RALYBND", refusal())
    account, refusal = account_of({}, { max_binds = 1 })
    account.binds[1] = {}
    assert.equal("ESME_RALYBND", refusal())
  end)

  it("raises for settings that are none, and names the account", function()
    for _, given in ipairs { { passwort = "x" }, { bind = "both" }, { addresses = { "x" } }, { window = 0 }, { spread = "random" } } do
      local ok, err = pcall(accounts.check, "me", given, 1)
      assert.is_false(ok)
      assert.matches("me", err)
    end
  end)

  it("lets so many messages a second pass, over all its binds, and nothing else is counted", function()
    mc.world(function(w)
      local server = w:server { accounts = { esme1 = { password = "secret", rate_per_s = 2 } }, submit_sm = function() return "x" end }
      local one, two = assert(w:bind {}), assert(w:bind {})
      local function submit(esme) return select(3, esme:submit_sm { destination_addr = "1" }) or "ok" end
      assert.same({ "ok", "ok", "ESME_RTHROTTLED" }, { submit(one), submit(two), submit(one) })
      assert.is_truthy(one:enquire_link())
      w:sleep(0.5)
      assert.same({ "ok", "ESME_RTHROTTLED" }, { submit(two), submit(one) })
      server:set_accounts { esme1 = { password = "secret" } }
      for _ = 1, 10 do assert.equal("ok", submit(one)) end
      server:close()
    end)
  end)
end)
