local scenarios = require "spec.support.scenarios"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

describe("smpp.scenario.esme", function()
  it("connects behind the script, and waits with the first call", on_both(function(t)
    local smsc = t:smsc()
    local esme = t:esme { smsc, "acme:secret", bind = "tx", window = 3 }
    t:equal(esme.client, nil)
    local sent = t:go(function() return esme:send { to = "+491", text = "Hello" } end)
    smsc:expect("bind_transmitter", { system_id = "acme", password = "secret" }):answer()
    smsc:expect("submit_sm"):answer { message_id = "x" }
    t:equal(sent:result().message_id, "x")
    t:equal({ esme.system_id, esme.state, esme:capacity() }, { "acme", "bound", 3 })
    t:check(esme:connected())
  end))

  it("says why it was not bound", on_both(function(t)
    local smsc = t:smsc { bind = true, accounts = { acme = "secret" } }
    local esme = t:esme { smsc, "acme:wrong", reconnect = false }
    local ok, _, code = esme:connected()
    t:equal({ ok == nil, code }, { true, "ESME_RINVPASWD" })
    local sent, message, again = esme:send { to = "+491", text = "x" }
    t:equal({ sent == nil, message:find "refused the bind" ~= nil, again }, { true, true, "ESME_RINVPASWD" })
  end))

  it("has listeners before it is bound", on_both(function(t)
    local smsc, got = t:smsc(), nil
    local esme = t:esme { smsc, "a:x" }
    esme:on("message", function(message) got = message.text end)
    local session = smsc:bound()
    session:send("deliver_sm", { source_addr = "1", destination_addr = "2", short_message = "hi" }):expect()
    t:pause(0.05)
    t:equal(got, "hi")
  end))

  it("takes several hosts, and is unbound at the end", on_both(function(t)
    local one, two = t:smsc { bind = true }, t:smsc { bind = true }
    one:stop()
    local esme = t:esme { { one, two }, "a:x" }
    t:check(esme:connected())
    t:equal(two:session().system_id, "a")
    t:defer(function() t:equal(two:expect_closed(), "unbound") end)
  end))

  it("connected with a limit: nil and timeout", passes(function(t)
    local smsc = t:smsc { unexpected = "ignore" }
    local ok, _, code = t:esme({ smsc, "a:x" }):connected(2)
    t:equal({ ok == nil, code, t:now() }, { true, "timeout", 2 })
    smsc:expect("bind"):answer()
  end))

  it("loses its connections when it is stopped, and comes back", passes(function(t)
    local smsc = t:smsc()
    local esme = t:esme { smsc, "a:x" }
    smsc:bound()
    t:check(esme:connected())
    esme:stop()
    t:equal(smsc:expect_closed(), "reset")
    smsc:expect("bind", {}, { within_s = 30 }):answer()
  end))

  it("refuses wrong options and targets", function()
    fails("script", "esme: unknown option 'windw'; did you mean 'window'", function(t) t:esme { t:smsc(), "a:x", windw = 1 } end, nil, 0)
    fails("script", "expected an actor", function(t) t:esme { 7, "a:x" } end)
    fails("script", "expected an actor that listens", function(t) t:esme { {}, "a:x" } end)
  end)
end)
