--- Runs scenarios inside specs.
local scenario = require "smpp.scenario"

local scenarios = {}

--- Runs a scenario in virtual time, unless `virtual` is false; its result.
function scenarios.run(fn, options)
  local o = { virtual = true }
  for name, value in pairs(options or {}) do o[name] = value end
  return scenario.run("a scenario", o, fn)
end

--- A body for `it`: the scenario passes.
function scenarios.passes(fn, options)
  return function()
    local result = scenarios.run(fn, options)
    assert(result.outcome == "pass", scenario.text_of(result) or result.reason)
    return result
  end
end

--- A body for `it`: the scenario passes on both clocks.
function scenarios.passes_on_both(fn)
  return function()
    scenarios.passes(fn)()
    scenarios.passes(fn, { virtual = false })()
  end
end

--- Fails unless the scenario fails in this way, at the line of the function (counted from its first) if given; the failure.
function scenarios.fails(kind, pattern, fn, options, line)
  local result = scenarios.run(fn, options)
  local text = scenario.text_of(result) or result.reason or result.outcome
  assert(result.outcome == "fail", "no failure: " .. text)
  assert(result.failure.kind == kind, ("kind %s, expected %s: %s"):format(result.failure.kind, kind, text))
  assert(result.failure.message:find(pattern), ("'%s' does not match '%s'"):format(result.failure.message, pattern))
  if line then
    local first = debug.getinfo(fn, "S").linedefined
    assert(result.failure.line == first + line, ("line %d, expected %d: %s"):format(result.failure.line, first + line, text))
  end
  return result.failure, text
end

return scenarios
