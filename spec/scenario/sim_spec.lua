local scenarios = require "spec.support.scenarios"

describe("smpp.scenario.sim", function()
  it("answers by itself, and can be asked", scenarios.passes_on_both(function(t)
    local sim = t:sim { accounts = { acme = "secret" }, deliver_after_s = 0.01 }
    local esme = t:esme { sim, "acme:secret" }
    local sent = t:check(esme:send { to = "+491761234567", text = "Hello", receipt = true })
    t:equal(sent:receipt(5).state, "DELIVERED")
    t:equal(sim:messages()[1].text, "Hello")
    t:check(sim:deliver { from = "491", to = "12345", text = "back", system_id = "acme" })
    sim:set { bind_status = "ESME_RSYSERR" }
    t:equal(select(3, t:esme({ sim, "acme:secret", reconnect = false }):connected()), "ESME_RSYSERR")
    t:equal(sim.counts.messages, 1)
  end))

  it("writes down what passes, and follows the seed", function()
    local function run(seed)
      return scenarios.run(function(t)
        local sim = t:sim { latency_s = { uniform = { 0.1, 0.9 } } }
        local esme = t:esme { sim, "a:b" }
        esme:send { to = "+491", text = "x" }
        t:log(("%.6f"):format(t:now()))
      end, { seed = seed }).trace
    end
    assert.equal(run(1), run(1))
    assert.not_equal(run(1), run(2))
    local failure = scenarios.fails("check", "x", function(t)
      local sim = t:sim()
      t:check(t:esme({ sim, "a:b" }):connected())
      t:fail "x"
    end)
    assert.equal("bind_transceiver_resp", failure.pdus[2].pdu.command)
    scenarios.fails("script", "sim: unknown option 'laency_s'", function(t) t:sim { laency_s = 1 } end)
  end)
end)
