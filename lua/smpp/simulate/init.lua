--- Simulation of this toolkit: clients, gateways, bots and message centres against each other in virtual time under random faults,
--- with invariants.  A seed gives a plan; a plan that breaks an invariant is shrunk, and written as a scenario.
local fingerprint = require "smpp.scenario.fingerprint"
local plans = require "smpp.simulate.plan"
local rules = require "smpp.simulate.rules"
local run = require "smpp.loop.run"
local script = require "smpp.simulate.script"
local shrink = require "smpp.simulate.shrink"
local stage = require "smpp.simulate.stage"
local virtual = require "smpp.loop.virtual"

local simulate = { rules = rules.list, plan = plans.make, script = script.scenario }

---@class smpp.SimulateResult
---@field outcome "ok"|"violation"
---@field kind string?
---@field message string?
---@field virtual_s number
---@field trace string

--- Plays a plan on a loop of its own.
---@param plan smpp.SimulatePlan
---@param only? table<string, boolean>  kinds to look for
---@return smpp.SimulateResult
function simulate.play(plan, only)
  local trace = fingerprint.new()
  local loop = virtual.new { seed = 1, limit_s = 1e6 }
  function loop:watch() trace:add(("%.6f %d"):format(self.clock, self.serial)) end
  local record
  local ok, err = pcall(run.run, function()
    record = stage.play(plan)
    for _, one in ipairs(record.taken) do trace:add(one.id, tostring(one.number), ("%.6f"):format(one.at)) end
  end, { loop = loop, signals = false })
  local kind, message
  if ok then
    kind, message = rules.check(record, only)
  elseif not only or only.raised then
    kind, message = "raised", tostring(err):match "^[^\n]*"
  end
  return { outcome = kind and "violation" or "ok", kind = kind, message = message, virtual_s = loop.clock, trace = trace:digest() }
end

-- Every so many seeds the plan is played again, and one of so many runs has to leave no more than this in memory.
local MEMORY_EVERY, MOST_RUNS, KEPT_KB = 50, 8, 64

--- Kilobytes that are in use.
local function used_kb()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

--- What every run of a plan leaves behind; the first ones fill caches, and a compiler keeps what it makes of them.
local function leak(plan)
  local least = math.huge
  for _ = 1, MOST_RUNS do
    local before = used_kb()
    simulate.play(plan)
    least = math.min(least, used_kb() - before)
    if least <= KEPT_KB then return nil end
  end
  return ("a run leaves %.0f KB in memory"):format(least)
end

--- Plays the plan of a seed; a violation is played twice, since another trace is a violation of its own.
---@param seed integer
---@param o? { seconds: number?, only: table<string, boolean>? }
---@return smpp.SimulateResult result
---@return smpp.SimulatePlan plan
function simulate.seed(seed, o)
  local plan = plans.make(seed, o)
  local result = simulate.play(plan, o and o.only)
  if result.outcome == "violation" and simulate.play(plan, o and o.only).trace ~= result.trace then
    result.kind, result.message = "nondeterministic", "two runs of one seed differ"
  elseif result.outcome == "ok" and seed % MEMORY_EVERY == 0 and (not o or not o.only or o.only.memory) then
    result.message = leak(plan)
    if result.message then result.outcome, result.kind = "violation", "memory" end
  end
  return result, plan
end

--- Makes a plan smaller that still breaks the same rule.
---@param plan smpp.SimulatePlan
---@param kind string
---@param may_go_on fun(): boolean
---@return smpp.SimulatePlan plan
---@return integer runs
function simulate.shrink(plan, kind, may_go_on)
  return shrink.shrink(plan, function(smaller) return simulate.play(smaller, { [kind] = true }).kind == kind end, may_go_on)
end

--- Plays a plan inside of a scenario, which fails with the kind of the rule that is broken.
---@async
---@param t smpp.ScenarioSteps
---@param plan smpp.SimulatePlan
---@param first? string  the kind that is looked for before all others
function simulate.scenario(t, plan, first)
  t.world:need_virtual "simulate"
  local record = stage.play(plan)
  local kind, message = rules.check(record, first and { [first] = true })
  if not kind then kind, message = rules.check(record) end
  if kind then t.world:abort { kind = kind, message = message } end
end

return simulate
