local scenarios = require "spec.support.scenarios"

describe("smpp.scenario.listening", function()
  it("keeps its port over stop and start; meanwhile connects are refused", scenarios.passes_on_both(function(t)
    for _, actor in ipairs { t:smsc { bind = true }, t:sim(), t:peer { listen = true } } do
      local port = actor.port
      local before = t:peer { actor }
      before:write ""
      if actor.session then actor:session() end
      actor:stop()
      actor:stop()
      t:equal(before:expect_closed(), "reset")
      local refused = t:peer { actor }
      local ok, message = refused:connected()
      t:equal(ok, nil)
      t:check(message:find "refused", message)
      actor:start()
      actor:start()
      t:equal({ actor.port, actor.host }, { port, "127.0.0.1" })
      t:check(t:peer { actor }:connected())
    end
  end))

  it("has a URL for each account", scenarios.passes(function(t)
    local smsc = t:smsc { accounts = { b = "x", a = { password = "y" } } }
    t:equal(smsc:url(), ("smpp://a:y@127.0.0.1:%d"):format(smsc.port))
    t:equal(smsc.url "b", smsc:url "b")
    t:equal(smsc.url(), smsc:url())
    t:equal(smsc:url "b", ("smpp://b:x@127.0.0.1:%d"):format(smsc.port))
    t:equal(t:smsc():url():match "//(.-)@", "me:secret")
  end))
end)
