local scenario = require "smpp.scenario"

describe("smpp.scenario", function()
  it("runs one anywhere, and raises nothing", function()
    local result = scenario.run("one", { clock = "virtual" }, function(t) t:pause(86400) end)
    assert.same({ "pass", "virtual", 86400, "one" }, { result.outcome, result.clock, result.duration_s, result.name })
    result = scenario.run("two", { virtual = true, vars = { a = "b" } }, function(t) t:fail(t.vars.a) end)
    assert.same({ "fail", "b", "check" }, { result.outcome, result.failure.message, result.failure.kind })
    assert.truthy(scenario.text_of(result):find "init_spec.lua:%d+: b")
    assert.equal("real", scenario.run("three", function() end).clock)
    assert.has_error(function() scenario.run("four", { bogus = 1 }, function() end) end)
  end)
end)

describe("smpp.scenario: in busted", function()
  local seen = {}
  local function it_of(name, body) seen[name] = body end
  local pending_words
  scenario.busted(it_of, function(words) pending_words = words end, { virtual = true, seed = 3 })

  scenario("passes", function(t)
    assert(t.seed == 3 and t.clock == "virtual")
    local smsc = t:smsc()
    t:esme { smsc, "a:x" }
    smsc:bound()
  end)
  scenario("fails", function(t) t:fail "on purpose" end)
  scenario("skips", { skip = "a reason" }, function() end)

  it("passes, raises the report, or is pending", function()
    seen.passes()
    local ok, message = pcall(seen.fails)
    assert.is_false(ok)
    assert.truthy(message:find "init_spec.lua:%d+: on purpose")
    seen.skips()
    assert.equal("skips: a reason", pending_words)
  end)

  it("takes the options in the place of pending, too", function()
    local body
    scenario.busted(function(_, fn) body = fn end, { virtual = true, seed = 9 })
    scenario("x", function(t) t:fail(t.seed .. t.clock) end)
    local _, message = pcall(body)
    assert.truthy(message:find "9virtual")
    scenario("y", { skip = "why" }, function() end)
    body()
    scenario.busted(it_of, function(words) pending_words = words end, { virtual = true, seed = 3 })
  end)
end)
