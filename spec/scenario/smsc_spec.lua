local scenarios = require "spec.support.scenarios"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

describe("smpp.scenario.smsc", function()
  it("bound: takes any bind, of one account if asked, and answers it", on_both(function(t)
    local smsc = t:smsc { accounts = { acme = "secret" } }
    t:esme { smsc, "acme:secret", bind = "tx" }
    local session = smsc:bound "acme"
    t:equal({ session.system_id, session.number, session.bound }, { "acme", 1, "bind_transmitter" })
  end))

  it("bound of another account fails", function()
    fails("expect", 'expected bind with system_id "b", got "a"', function(t)
      local smsc = t:smsc()
      t:esme { smsc, "a:x" }
      smsc:bound "b"
    end, nil, 3)
  end)

  it("bind = true: accounts decide, and bound is the session that they took", on_both(function(t)
    local smsc = t:smsc { bind = true, accounts = { acme = "secret" } }
    local refused = t:esme { smsc, "acme:wrong", scripted = true }
    refused:send("bind_receiver", { system_id = "acme", password = "wrong" }):expect "ESME_RINVPASWD"
    local esme = t:esme { smsc, "acme:secret" }
    t:check(esme:connected())
    t:equal(smsc:bound("acme").number, 2)
  end))

  it("session: the n-th connection, which it waits for", function()
    passes(function(t)
      local smsc = t:smsc()
      t:go(function()
        t:pause(1)
        t:peer { smsc }:write ""
      end)
      t:equal(smsc:session(1, 2).number, 1)
    end)()
    fails("expect", "expected connection 2, there are 0", function(t) t:smsc():session(2, 1) end, nil, 0)
  end)

  it("expect_closed: each end once, the oldest first", function()
    fails("expect", "expected the end of a connection, none within 1 s", function(t)
      local smsc = t:smsc { bind = true }
      local esme = t:esme { smsc, "a:x", scripted = true }
      esme:bind()
      esme:send("unbind"):expect()
      t:equal(smsc:expect_closed(), "unbound")
      smsc:expect_closed(1)
    end, nil, 6)
  end)

  it("refuses unknown options", function()
    fails("script", "smsc: unknown option 'account'; did you mean 'accounts'", function(t) t:smsc { account = {} } end, nil, 0)
    fails("script", "smsc: expected a table of options", function(t) t:smsc(7) end)
  end)
end)
