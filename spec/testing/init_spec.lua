local async = require "spec.support.async"
local smpp = require "smpp"
local testing = require "smpp.testing"

describe("smpp.testing", function()
  it("has whole texts, and waits for one", async.virtual(function()
    local mc = assert(testing.smsc { accounts = { me = "secret" }, deliver_after_s = 2 })
    local esme = assert(smpp.connect(mc.url))
    smpp.spawn(function()
      smpp.sleep(1)
      esme:send { from = "Shop", to = "+491761234567", text = ("Grüße Ж "):rep(30), receipt = true }
      esme:send { to = "12345", data = "\0\1" }
    end)
    local message = assert(mc:await { to = "491761234567" })
    assert.same({ "Shop", "+491761234567", ("Grüße Ж "):rep(30), "me", "ENROUTE", true, 1 },
      { message.from, message.to, message.text, message.system_id, message.state, message.receipt, message.at_s })
    assert.is_true(message.parts > 1)
    assert.same({ nil, "no such message within 1 s", "timeout" }, { mc:await({ to = "+491761234567" }, 1) }) -- it was returned once
    assert.equal("\0\1", mc:await(function(one) return one.data end).data)
    assert.equal(2, #mc:messages())
    assert.equal(1, #mc:messages { from = "Shop" })
    smpp.sleep(5)
    assert.equal("DELIVERED", mc:messages({ to = "491761234567" })[1].state)
    assert.has_error(function() mc:messages { too = "1" } end)
    esme:close()
    mc:close()
  end))

  it("is told what to send, what to change, and to begin anew", async.virtual(function()
    local mc = assert(testing.smsc { accounts = { b = "x", a = "y" }, latency_s = 1 })
    assert.equal(("smpp://a:y@127.0.0.1:%d"):format(mc.port), mc.url "a")
    assert.equal(("smpp://b:x@127.0.0.1:%d"):format(mc.port), mc.url("b"))
    assert.equal(mc.url "a", tostring(mc.url))
    local got
    local esme = assert(smpp.connect { mc.url "b", message = function(message) got = message.text end })
    assert(mc:deliver { from = "491", to = "1", text = "hi", system_id = "b" })
    smpp.sleep(1)
    assert.equal("hi", got)
    assert.equal("bind_transceiver", mc:pdus()[1].pdu.command)
    assert.same({ 1, "in", 0 }, { mc:pdus()[1].number, mc:pdus()[1].direction, mc:pdus()[1].at_s })
    mc:set { latency_s = 0, refusals = { ESME_RSYSERR = 100 } }
    assert.is_nil((esme:submit_sm { destination_addr = "1" }))
    mc:reset()
    assert.same({ 0, 0, 1 }, { #mc:messages(), #mc:pdus(), mc.sim.settings.latency_s })
    assert(esme:submit_sm { destination_addr = "1" })
    assert.equal(1, #mc:messages())
    esme:close()
    mc:close()
    mc:close()
  end))

  it("runs code outside of a task, and closes what is open at its end", function()
    local kept
    local loop = require("smpp.loop.virtual").new()
    assert.same({ 1, 2 }, { testing.run(function()
      kept = assert(testing.smsc())
      local esme = assert(smpp.connect(kept.url))
      assert(esme:send { to = "+491", text = "x" })
      esme:close()
      return 1, 2
    end, { loop = loop }) })
    assert.is_true(kept.closed)
    local ok, message = pcall(testing.run, function()
      kept = assert(testing.smsc())
      error "broken"
    end, { loop = require("smpp.loop.virtual").new() })
    assert.is_false(ok)
    assert.truthy(message:find "broken")
    assert.is_true(kept.closed)
    assert.has_error(function() testing.smsc { latncy_s = 1 } end)
  end)
end)
