local runner = require "smpp.scenario.runner"
local scenario = require "smpp.scenario"
local scenarios = require "spec.support.scenarios"
local smpp = require "smpp"
local suite = require "smpp.scenario.suite"

local fails, passes = scenarios.fails, scenarios.passes

describe("smpp.scenario.runner", function()
  it("has limits: of the clock, or the scenario's own", function()
    local failure = fails("limit", "not finished within 604800 s", function(t)
      t:check(true)
      t:pause(1e9)
    end, nil, 2)
    assert.equal("limit", failure.kind)
    fails("limit", "not finished within 2 s", function(t) t:pause(3) end, { limit_s = 2 }, 0)
    fails("limit", "not finished within 0.1 s", function(t) t:pause(3) end, { limit_s = 0.1, virtual = false }, 0)
  end)

  it("has a limit of real time, also in virtual time", function()
    local now = 0
    local case = suite.cases(2, "busy", {}, function(t)
      while true do
        t:pause(0.001)
        now = now + 1
      end
    end)[1]
    local result = runner.run(case, { virtual = true, wall = function() return now end })
    assert.same({ "limit", "not finished within 60 s of real time" }, { result.failure.kind, result.failure.message })
  end)

  it("begins at 2024-01-01, every time", passes(function(t)
    t:equal(smpp.loop.current():time(), 1704067200)
    t:equal(t:now(), 0)
  end))

  it("fails for what the scenario opened itself and left open", function()
    local server
    fails("left_open", "left open: server", function() server = assert(smpp.server { port = 0 }) end, nil, 0)
    assert.truthy(server)
    fails("left_open", "left open: server", function() server = assert(smpp.server { port = 0 }) end, { virtual = false })
    fails("left_open", "left open: timer", function() smpp.loop.current():timer(function() end) end)
    passes(function(t)
      server = assert(smpp.server { port = 0 })
      t:defer(function() server:close(0) end)
    end)()
  end)

  it("resets everything after a failure, and leaves nothing", function()
    for _, virtual in ipairs { true, false } do
      fails("check", "x", function(t)
        local smsc = t:smsc { bind = true }
        local esme = t:esme { smsc, "a:x" }
        t:check(esme:connected())
        t:esme { t:smsc(), "b:x" } -- its bind has no response
        local peer = t:peer { smsc }
        peer:write ""
        t:go(function() esme:send { to = "+491", text = "never answered" } end)
        t:pause(0.05)
        t:fail "x"
      end, { virtual = virtual })
    end
  end)

  it("skips: on purpose, or for the other clock", function()
    assert.equal("later", scenarios.run(function() end, { skip = "later" }).reason)
    assert.equal("needs the real clock", scenarios.run(function() end, { clock = "real" }).reason)
    assert.equal("pass", scenario.run("x", { clock = "virtual" }, function() end).outcome)
  end)

  it("gives one seed the same result, all of it but wall_s", function()
    local json = require "smpp.codec.json"
    local function run(seed)
      local result = scenarios.run(function(t)
        t:network { latency_s = 0.01, jitter_s = 0.05 }
        local sim = t:sim { deliver_after_s = { uniform = { 0.1, 3 } } }
        local esme = t:esme { sim, "me:secret" }
        for i = 1, 5 do t:go(function() esme:send { to = "+49176" .. i, text = ("long "):rep(50), receipt = true } end) end
        t:pause(5)
        t:fail "here"
      end, { seed = seed })
      result.wall_s = 0
      return json.encode(result)
    end
    assert.equal(run(1), run(1))
    assert.not_equal(run(1), run(2))
  end)

  it("runs inside a task on the real clock", function()
    local outcome
    smpp.run(function()
      outcome = scenario.run("inside", function(t)
        local smsc = t:smsc { bind = true }
        t:check(t:esme({ smsc, "a:x" }):connected())
      end).outcome
    end)
    assert.equal("pass", outcome)
  end)
end)
