-- Random schedules: nodes are killed, stand still, are cut off; the engine stands still, starts again, is replaced by one that is behind, its clock
-- jumps.  At every instant no bind is used by two nodes that run; when all is well again, every bind is used again.
local few = require "spec.support.few"
local property = require "spec.support.property"
local with = require("spec.support.node_world").with

local NAMES = { "a", "b", "c" }
local CASES = tonumber(os.getenv "SMPP_CASES") or few(25, 8)

local function is_live(world, name) return world.nodes[name] and not world.nodes[name].process.killed end

local faults = {}

function faults.kill(world, name)
  if is_live(world, name) then world:kill(name) end
end

function faults.start(world, name)
  if not is_live(world, name) then world:start(name) end
end

function faults.restart(world, name)
  faults.kill(world, name)
  world:start(name)
end

function faults.stop(world, name) world.nodes[name].process:stop() end
function faults.go_on(world, name) world.nodes[name].process:go_on(world.random) end
function faults.cut_off(world, name) world.nodes[name].process:cut_off(true) end
function faults.join(world, name) world.nodes[name].process:cut_off(false) end

function faults.leave(world, name)
  local one = world.nodes[name]
  if one.process.killed or one.process.stopped then return end
  one.nodes:drain(function() one.nodes:leave(function() one.process:kill() end) end)
end

function faults.engine_stops(world) world.engine.stand_still(true) end
function faults.engine_goes_on(world) world.engine.stand_still(false) end
function faults.engine_jumps(world) world.engine.clock_ahead_s = (world.random(3) - 2) * 3600 end
function faults.engine_restarts(world) world:replace_engine(world.engine.data) end
function faults.copy(world) world.copied = world.engine.copy() end
function faults.failover(world) world:replace_engine(world.copied or world.engine.copy()) world.copied = nil end
function faults.drop(world) world.engine.drop() end
function faults.refuse(world, name) world.refuses[name .. "a"] = not world.refuses[name .. "a"] or nil end

local KINDS = {
  "kill", "start", "restart", "stop", "go_on", "cut_off", "join", "leave", "engine_stops", "engine_goes_on", "engine_jumps", "engine_restarts",
  "copy", "failover", "drop", "refuse",
}

--- All is well again.
local function heal(world)
  world.engine.stand_still(false)
  for _, name in ipairs(NAMES) do
    local one = world.nodes[name]
    if one.process.killed or one.nodes.state ~= "live" and one.nodes.state ~= "joining" then
      if not one.process.killed then world:kill(name) end
      world:start(name)
    else
      if one.process.cut then one.process:cut_off(false) end
      if one.process.stopped then one.process:go_on(world.random) end
    end
  end
  world.refuses = {}
end

local function run(random, case)
  case.latency_s = ({ 0, 0.01, 0.2, 0.8 })[random(4)]
  with(function(world, loop)
    for _, name in ipairs(NAMES) do world:start(name) end
    loop:advance(random(20))
    case.steps = {}
    for i = 1, random(12) do
      local kind, name, after_s = KINDS[random(#KINDS)], NAMES[random(#NAMES)], random(80) / 4
      case.steps[i] = ("%.1f: %s %s, then %g s"):format(loop:now(), kind, name, after_s)
      faults[kind](world, name)
      loop:advance(after_s)
    end
    case.healed = loop:now()
    heal(world)
    case.lines = world.lines
    world:until_full(60)
    loop:advance(40)
    world:until_full(1)
    for carrier, binds in pairs(world.carriers) do
      for _, one in pairs(world.nodes) do
        local count = one.leases[carrier].count
        assert(count == math.floor(binds / 3) or count == math.ceil(binds / 3), ("%s has %d of %d"):format(one.name, count, binds))
      end
    end
    assert(world.writes > 0)
    case.lines = nil
  end, { random = random, latency_s = case.latency_s, seed = random(1000) })()
end

describe("smpp.nodes under random faults", function()
  it("never uses a bind twice, and uses every bind again, whatever fails", function()
    property.holds(CASES, run, 1)
  end)
end)
