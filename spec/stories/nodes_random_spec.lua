-- Three nodes on one engine, two carriers, two customers, and what can go wrong: books that must balance (docs/nodes.md).
-- SMPP_NODE_RUNS=500 makes so many runs, SMPP_SEED=… another series.
local fleet = require "spec.support.fleet"
local property = require "spec.support.property"

local RUNS = tonumber(os.getenv "SMPP_NODE_RUNS") or 12
local LASTS_S = 20

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

--- A plan by chance; each list begins with its length, so that shrinking can drop what does not matter.
local function plan_of(random, plan)
  plan.faults = some(random, 5, function(_, at)
    return { at = at, what = fleet.FAULTS[random(#fleet.FAULTS)], node = random(fleet.NODES), for_s = random(80) / 10, other = random(2) == 2 }
  end)
  plan.messages = some(random, 40, function(n, at)
    local account, of, later = random(2) == 1 and "acme" or "bank", random(9), random(40)
    return { n = n, at = at, account = account, of = of, later_s = later > 34 and later % 20 or nil }
  end)
  plan.incoming = some(random, 8, function(n, at)
    return { n = n, at = at, carrier = random(2), account = random(2) == 1 and "acme" or "bank" }
  end)
  plan.customers = { acme = nodes_of(random(7)), bank = nodes_of(random(7)) }
  plan.refuses, plan.seed, plan.lasts_s = random(2) == 2, random(1000000), LASTS_S
  return plan
end

describe("nodes on one engine", function()
  it("lose nothing, send nothing twice unmarked, and have no bind too many, whatever fails", function()
    property.holds(RUNS, function(random, case) fleet.run(plan_of(random, case)) end, 20)
  end)
end)
