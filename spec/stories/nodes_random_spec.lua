-- Three nodes on one engine, two carriers, two customers, and what can go wrong: books that must balance (docs/nodes.md).
-- SMPP_NODE_RUNS=500 makes so many runs, SMPP_SEED=… another series.
local few = require "spec.support.few"
local fleet = require "spec.support.fleet"
local property = require "spec.support.property"

local RUNS = tonumber(os.getenv "SMPP_NODE_RUNS") or few(12, 3)
local LASTS_S = 15

local function nodes_of(mask)
  local list = {}
  for i = 1, fleet.NODES do
    if math.floor(mask / 2 ^ (i - 1)) % 2 == 1 then list[#list + 1] = i end
  end
  return list
end

local function some(random, count, fn)
  local list = {}
  for i = 1, random(count + 1) - 1 do list[i] = fn(i, random(LASTS_S * 10) / 10) end
  return list
end

--- A fault, at a time or at the next of its moments.
local function fault_of(random, at)
  local moment = fleet.MOMENTS[random(2 * #fleet.MOMENTS)]
  return {
    at = at, what = fleet.FAULTS[random(#fleet.FAULTS)], node = random(fleet.NODES), for_s = random(80) / 10, other = random(2) == 2,
    moment = moment, lost = moment and random(2) == 2, skip = moment and random(3),
  }
end

--- A plan by chance; each list begins with its length, so that shrinking can drop what does not matter.
local function plan_of(random, plan)
  plan.faults = some(random, 8, function(_, at) return fault_of(random, at) end)
  plan.messages = some(random, 80, function(n, at)
    local account, of, later = random(2) == 1 and "acme" or "bank", random(9), random(40)
    return { n = n, at = at, account = account, of = of, later_s = later > 34 and later % 20 or nil }
  end)
  plan.incoming = some(random, 8, function(n, at)
    return { n = n, at = at, carrier = random(2), account = random(2) == 1 and "acme" or "bank" }
  end)
  plan.customers = { acme = nodes_of(random(7)), bank = nodes_of(random(7)) }
  plan.refuses, plan.credit, plan.latency_s = random(2) == 2, ({ 100, 15 })[random(2)], ({ 0, 0.002, 0.03 })[random(3)]
  plan.durable = random(3) == 1
  plan.on_unknown, plan.seed, plan.lasts_s = ({ "resend", "hold" })[random(2)], random(1000000), LASTS_S
  return plan
end

--- A plan for one danger: traffic all the time, and these faults.
local function plan_for(faults)
  local plan = {
    faults = faults, messages = {}, incoming = {}, customers = { acme = { 1, 2 }, bank = { 2, 3 } }, refuses = false, credit = 100, latency_s = 0.002,
    on_unknown = "resend", seed = 7, lasts_s = LASTS_S,
  }
  for n = 1, 70 do plan.messages[n] = { n = n, at = n / 5, account = n % 2 == 0 and "acme" or "bank", of = n % 9 + 1 } end
  for n = 1, 4 do plan.incoming[n] = { n = n, at = 3 * n, carrier = n % 2 + 1, account = n % 2 == 0 and "acme" or "bank" } end
  return plan
end

--- The same fault at each node in turn.
local function each(fault, first_s, every_s)
  local list = {}
  for i = 1, fleet.NODES do
    list[i] = { at = first_s + every_s * (i - 1), node = i, skip = 1, for_s = 3 }
    for name, value in pairs(fault) do list[i][name] = value end
  end
  return list
end

--- The same fault, so many times, at nodes by turns.
local function again(fault, every_s, times)
  local list = {}
  for i = 1, times do
    list[i] = { at = 1 + every_s * i, node = i % fleet.NODES + 1, skip = i % 3 + 1 }
    for name, value in pairs(fault) do list[i][name] = value end
  end
  return list
end

--- An engine comes that does not know of any lease, while a node that has some does not reach it.
local function failovers()
  local list = {}
  for i = 1, 4 do
    local at = 3.5 * i - 2
    list[2 * i - 1] = { at = at, what = "cut_from_engine", node = i % fleet.NODES + 1, for_s = 1.3 }
    list[2 * i] = { at = at + 0.1, what = "failover", node = 1, other = true, for_s = 7 }
  end
  return list
end

local DANGERS = {
  ["a crash between the commit of a message and its answer"] = each({ what = "crash", moment = "commit" }, 2, 5),
  ["a crash between submit_sm and its response"] = each({ what = "crash", moment = "submit" }, 2, 5),
  ["a crash before the commit of a response"] = each({ what = "crash", moment = "finish", lost = true }, 2, 5),
  ["a crash after messages were taken"] = each({ what = "crash", moment = "take", for_s = 8 }, 2, 5),
  ["a node that stays away"] = { { at = 3, what = "crash", node = 1, moment = "submit", skip = 1, for_s = 30 } },
  ["all nodes crash"] = each({ what = "crash", moment = "commit" }, 4, 0.3),
  ["a renewal whose reply does not come"] = each({ what = "cut_from_engine", moment = "lease", for_s = 4 }, 2, 5),
  ["cut from the engine, again and again"] = again({ what = "cut_from_engine", for_s = 1.6 }, 2.33, 6),
  ["stands still, again and again"] = again({ what = "pause", moment = "submit", for_s = 3.2 }, 1, 10),
  ["cut off from all, with messages on their way"] = each({ what = "cut_off", moment = "submit", for_s = 4 }, 2, 5),
  ["a node that stands still with messages on their way"] = each({ what = "pause", moment = "submit", for_s = 4 }, 2, 5),
  ["a machine that is suspended"] = each({ what = "suspend", moment = "submit", for_s = 4 }, 2, 5),
  ["a failover that forgets who holds what"] = failovers(),
  ["a failover that lacks a node's leases"] = each({ what = "behind", for_s = 7 }, 2, 4),
  ["a node that stands still until its work is others'"] = each({ what = "pause", for_s = 5.5 }, 1, 5),
  ["an engine that dies with commits"] = each({ what = "engine", moment = "commit", for_s = 0.5 }, 2, 5),
  ["an engine that dies with responses"] = each({ what = "engine", moment = "finish", lost = true, for_s = 1 }, 2, 5),
  ["replies to those that take messages are lost"] = again({ what = "reply", moment = "take", lost = "reply" }, 0.25, 50),
  ["replies that are lost"] = { { at = 2, what = "answers", node = 1, for_s = 10 } },
}

--- Failovers to a replica that was cut off before, or lags.
local function lagging()
  local list = {}
  for i = 1, 4 do
    list[2 * i - 1] = { at = 3 * i - 0.5, what = "replica", node = 1, other = i % 2 == 0, for_s = 3 }
    list[2 * i] = { at = 3 * i, what = "failover", node = 1, other = i == 3, for_s = 2 }
  end
  return list
end

describe("nodes on one engine", function()
  local n = 0
  for name, faults in pairs(DANGERS) do -- in an order that differs from run to run
    n = n + 1
    if n % few(1, 3) == 0 then
      it("keep their books: " .. name, function() fleet.run(plan_for(faults)) end)
    end
  end

  it("keep their books: a replica that was behind takes the engine's place, and answers have waited for it", function()
    local plan = plan_for(lagging())
    plan.durable = true
    fleet.run(plan)
  end)

  it("have all binds at the carriers, and send all once, when nothing fails", function()
    fleet.run(plan_for {}, function(world) assert.same(world.BINDS, world.most_binds) end)
  end)

  it("lose nothing, send nothing twice unmarked, and have no bind too many, whatever fails", function()
    property.holds(RUNS, function(random, case) fleet.run(plan_of(random, case)) end, 20)
  end)
end)
