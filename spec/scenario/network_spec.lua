local scenarios = require "spec.support.scenarios"

local passes, fails = scenarios.passes, scenarios.fails

local function bound(t)
  local smsc = t:smsc { bind = true, unexpected = "ignore" }
  local esme = t:esme { smsc, "me:x", scripted = true }
  esme:bind()
  return smsc, esme
end

describe("smpp.scenario.network", function()
  it("has latency, jitter from the seed, and a bandwidth", passes(function(t)
    t:network { latency_s = 0.5 }
    local _, esme = bound(t)
    local began = t:now()
    esme:send("enquire_link"):expect()
    t:equal(t:now() - began, 1)
    t:network { latency_s = 0.5, jitter_s = 0.5 }
    began = t:now()
    esme:send("enquire_link"):expect()
    t:check(t:now() - began > 1 and t:now() - began < 2)
    t:network { bandwidth_octets_per_s = 16 }
    began = t:now()
    esme:send("enquire_link"):expect()
    t:check(math.abs(t:now() - began - 2) < 0.01)
  end))

  it("cuts connections by chance", passes(function(t)
    t:network { cut = 1 }
    local smsc = t:smsc { bind = true, unexpected = "ignore" }
    local peer = t:peer { smsc }
    for _ = 1, 300 do
      if not peer:session().ended then peer:write { command = "enquire_link" } end
      t:pause(0.01)
    end
    t:equal(peer:expect_closed(), "reset")
  end))

  it("parts two actors, and no others", passes(function(t)
    local smsc = t:smsc { bind = true }
    local a = t:esme { smsc, "a:x", scripted = true }
    local b = t:esme { smsc, "b:x", scripted = true }
    a:bind()
    b:bind()
    t:network { partition = { smsc, a } }
    local request = a:send "enquire_link"
    b:send("enquire_link"):expect()
    t:equal(request:expect({}, { optional = true, within_s = 2 }), nil)
    local c = t:esme { smsc, "c:x", scripted = true }
    c:bind()
    t:network {}
    request:expect()
  end))

  it("gives each actor its end of a connection", passes(function(t)
    local smsc, esme = bound(t)
    esme:link():cut_after(20)
    esme:send "enquire_link"
    t:pause(0.1)
    t:equal(smsc:session().ended, nil)
    esme:send "enquire_link"
    t:equal(smsc:expect_closed(), "reset")
    t:equal(smsc:session().received, 26 + 20)
  end))

  it("stalls and resumes a connection", passes(function(t)
    local smsc, esme = bound(t)
    smsc:link(1):stall()
    local request = esme:send "enquire_link"
    t:equal(request:expect({}, { optional = true, within_s = 9 }), nil)
    smsc:link():resume()
    request:expect()
    smsc:link():cut()
    t:equal(esme:expect_closed(), "reset")
  end))

  it("is refused on the real clock, with the reason", function()
    local result = scenarios.run(function(t) t:network { latency_s = 1 } end, { virtual = false })
    assert.same({ "skip", "t:network needs --virtual" }, { result.outcome, result.reason })
    fails("script", "unknown option 'latency'", function(t) t:network { latency = 1 } end)
    fails("script", "partition: expected two actors", function(t) t:network { partition = { "a" } } end)
  end)
end)
