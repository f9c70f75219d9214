local configuration = require "smpp.nodes.configuration"
local with = require("spec.support.node_world").with

--- Takes as fast as it may; counts.
local function greedy(world, name, key, rate)
  local grants = world.nodes[name].nodes:grants(key, rate, "account acme: rate_per_s")
  local self = { grants = grants, count = 0 }
  local function go()
    while grants:take() do self.count = self.count + 1 end
    grants:wait(go)
  end
  go()
  return self
end

local function three(fn, o)
  return with(function(world, loop)
    for _, name in ipairs { "a", "b", "c" } do world:start(name) end
    loop:advance(1)
    fn(world, loop)
  end, { carriers = {}, lease_s = o and o.lease_s })
end

describe("smpp.nodes.grants", function()
  for _, rate in ipairs { 1, 7, 50, 1000 } do
    it(("keep to %g per second over three nodes"):format(rate), three(function(world, loop)
      local list = {}
      for i, name in ipairs { "a", "b", "c" } do list[i] = greedy(world, name, "account:acme", rate) end
      local burst, least_s = math.max(1, rate / 10), 20
      local total = 0
      for second = 1, least_s do
        loop:advance(1)
        total = list[1].count + list[2].count + list[3].count
        assert.is_true(total <= rate * second + burst + 3 * rate * 0.05, ("%d after %d s"):format(total, second))
      end
      assert.is_true(total >= rate * least_s * 0.95, total)
      for _, one in ipairs(list) do one.grants:close() end
    end))
  end

  it("are not saved up", three(function(world, loop)
    local grants = world.nodes.a.nodes:grants("k", 1000, "x")
    grants:take()
    loop:advance(0.05)
    assert.is_true(grants.left > 0)
    loop:advance(60)
    local count = 0
    while grants:take() do count = count + 1 end
    assert.equal(0, count)
    grants:close()
  end))

  it("go on after a failover to a clock that is behind, and stop while the engine is away", three(function(world, loop)
    local one = greedy(world, "a", "k", 100)
    loop:advance(5)
    local before = one.count
    local data = world.engine.data
    world.engine.close()
    loop:advance(5)
    assert.is_true(one.count - before <= 5)
    world:replace_engine(data)
    world.engine.clock_ahead_s = -3600
    loop:advance(2)
    before = one.count
    loop:advance(10)
    assert.is_true(one.count - before > 900, one.count - before)
    one.grants:close()
  end))

  it("are at the smallest rate of the files", with(function(world, loop)
    local function config(rate) return configuration.of { ["account acme"] = { rate_per_s = rate } } end
    world:start("a", { config = config(100) })
    world:start("b", { config = config(10) })
    loop:advance(5)
    local one = greedy(world, "a", "k", 100)
    loop:advance(10)
    assert.is_true(one.count >= 95 and one.count <= 102, one.count)
    one.grants:close()
  end, { carriers = {} }))

  it("follow a rate that changes", three(function(world, loop)
    local one = greedy(world, "a", "k", 100)
    loop:advance(5)
    one.grants:change(10)
    loop:advance(2)
    local before = one.count
    loop:advance(10)
    assert.is_true(one.count - before <= 105 and one.count - before >= 95, one.count - before)
    one.grants:close()
  end))
end)
