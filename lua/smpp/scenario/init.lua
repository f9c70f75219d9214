--- Scenarios: scripts of what an ESME or a message centre says, and what it has to hear.  docs/testing.md is the guide.
local match = require "smpp.scenario.match"
local report = require "smpp.scenario.report"
local runner = require "smpp.scenario.runner"
local suite = require "smpp.scenario.suite"

local scenario = {
  pattern = match.pattern, text = match.text, hex = match.hex, bits = match.bits, one_of = match.one_of, receipt = match.receipt,
  any = match.any, absent = match.absent,
}

local busted -- { it, pending, o } once `scenario.busted` was called

local function define(name, options, fn)
  local it, pending, o = busted.it, busted.pending, busted.o
  for _, case in ipairs(suite.cases(4, name, options, fn)) do
    it(case.name, function()
      local result = runner.run(case, o)
      if result.outcome == "skip" then return pending(case.name .. ": " .. result.reason) end
      if result.outcome == "fail" then error(report.text_of(result), 0) end
    end)
  end
end

--- Makes each further `scenario(…)` of this file an `it` of busted; call it once at the top of the spec file.
---@param it function
---@param pending? function  without it a skipped scenario passes
---@param o? { virtual: boolean?, seed: integer? }  may stand in the place of `pending`; default: SMPP_TEST_VIRTUAL=1 and
---  SMPP_TEST_SEED of the environment
function scenario.busted(it, pending, o)
  if type(pending) == "table" and not (getmetatable(pending) or {}).__call then pending, o = nil, pending end
  pending, o = pending or function() end, o or {}
  local virtual = o.virtual
  if virtual == nil then virtual = os.getenv "SMPP_TEST_VIRTUAL" == "1" end
  busted = { it = it, pending = pending, o = { virtual = virtual, seed = o.seed or tonumber(os.getenv "SMPP_TEST_SEED" or "") or 1 } }
end

--- Runs a scenario at once, anywhere.
---@param name string
---@param options table|function  of the scenario; also virtual and seed
---@param fn? fun(t: smpp.ScenarioSteps)
---@return table result  with the keys of `smpp test --json`; raises nothing of the scenario
function scenario.run(name, options, fn)
  if fn == nil then options, fn = {}, options end
  local own, o = {}, {}
  for key, value in pairs(options) do
    if key == "virtual" or key == "seed" or key == "vars" then o[key] = value else own[key] = value end
  end
  if o.virtual == nil then o.virtual = own.clock == "virtual" end
  local case = suite.cases(3, name, own, fn)[1]
  return (runner.run(case, o))
end

--- The text of a failed result, as `smpp test` shows it.
---@param result table
---@return string? text
function scenario.text_of(result) return report.text_of(result) end

return setmetatable(scenario, {
  __call = function(_, name, options, fn)
    if busted then return define(name, options, fn) end
    suite.add(3, name, options, fn)
  end,
})
