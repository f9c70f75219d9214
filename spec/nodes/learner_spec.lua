local few = require "spec.support.few"
local with = require("spec.support.node_world").with

local function three(fn)
  return with(function(world, loop)
    for _, name in ipairs { "a", "b", "c" } do world:start(name) end
    loop:advance(1)
    fn(world, loop)
  end, { carriers = {} })
end

--- A node that sends as fast as it may; a request fails when `refused()` says so, and it backs off for a second.
local function sender(world, loop, name, o, refused)
  local self = { count = 0, refused = 0, pauses = 0 }
  self.grants, self.learner = world.nodes[name].nodes:learned_grants("carrier:x", o)
  local pause, go
  local timer = loop:timer(function()
    self.paused = false
    self.learner:resume()
    go()
  end)
  local slow = loop:timer(function() go() end)
  function go()
    while not self.paused and self.grants:take() do
      self.learner.sent = self.learner.sent + 1
      if refused and refused() then return pause() end
      self.count = self.count + 1
      if self.grants.rate_per_s == math.huge then return slow:start(0.002) end -- 500 per second without a limit
    end
    if not self.paused then self.grants:wait(go) end
  end
  function pause()
    self.learner.refused, self.refused, self.paused, self.pauses = self.learner.refused + 1, self.refused + 1, true, self.pauses + 1
    self.learner:pause()
    timer:start(1)
  end
  function self.look() self.grants:ask(loop:now(), 0) end
  function self.close()
    timer:close()
    slow:close()
    self.grants:close()
  end
  go()
  return self
end

local function limit_of(loop, rate)
  local full, window = 0, -1
  return function()
    local second = math.floor(loop:now())
    if second ~= window then full, window = 0, second end
    full = full + 1
    return full > rate
  end
end

describe("smpp.nodes.learner", function()
  it("has no limit until the first refusal; then what was accepted by all, at all nodes", three(function(world, loop)
    local refusing = false
    local list = {}
    for i, name in ipairs { "a", "b", "c" } do
      list[i] = sender(world, loop, name, { min = 1 }, function() return i == 1 and refusing end)
      list[i].look()
    end
    for _ = 1, 4 do
      loop:advance(1)
      for _, one in ipairs(list) do one.look() end
    end
    assert.equal(math.huge, list[1].grants.rate_per_s)
    refusing = true
    loop:advance(0.1)
    refusing = false
    loop:advance(1.5)
    for _, one in ipairs(list) do one.look() end
    loop:advance(0.1)
    local rate = list[1].grants.rate_per_s
    assert.is_true(rate > 500 and rate < 3000, rate) -- with those that the others had told; it grows
    for i = 2, 3 do assert.is_true(list[i].grants.rate_per_s < 3000, list[i].grants.rate_per_s) end
    for _, one in ipairs(list) do one.close() end
  end))

  it("finds the limit of a message centre, and stays below it", three(function(world, loop)
    local limit, list = limit_of(loop, 100), {}
    for i, name in ipairs { "a", "b", "c" } do list[i] = sender(world, loop, name, { min = 1 }, limit) end
    for _ = 1, 30 do
      loop:advance(1)
      for _, one in ipairs(list) do one.look() end
    end
    local before, refused, for_s = 0, 0, few(60, 20)
    for _, one in ipairs(list) do before, refused = before + one.count, refused + one.refused end
    loop:advance(for_s)
    local count, later = 0, 0
    for _, one in ipairs(list) do
      count, later = count + one.count, later + one.refused
      one.close()
    end
    assert.is_true(count - before > for_s * 80 and count - before <= for_s * 100, count - before)
    assert.is_true(later - refused < 0.03 * (count - before), later - refused)
  end))

  it("steps down once for what several nodes were refused at one time", three(function(world, loop)
    local list = {}
    for i, name in ipairs { "a", "b", "c" } do
      list[i] = { world.nodes[name].nodes:learned_grants("carrier:x", { min = 1, start = 100 }) }
      list[i][1]:ask(loop:now(), 0)
      loop:advance(0.1)
    end
    for _, one in ipairs(list) do one[2]:pause() end
    loop:advance(1)
    for _, one in ipairs(list) do
      one[2].sent = 95
      one[2]:resume()
      assert.is_false(one[1]:take())
      loop:advance(0.1)
    end
    local rate = list[1][1].rate_per_s
    assert.is_true(rate >= 50 and rate < 100, rate)
    list[2][1]:ask(loop:now(), 0)
    list[3][1]:ask(loop:now(), 0)
    loop:advance(0.1)
    for i = 2, 3 do assert.is_true(math.abs(list[i][1].rate_per_s - rate) < 0.02 * rate, list[i][1].rate_per_s) end
    for _, one in ipairs(list) do one[1]:close() end
  end))

  it("stays within its limits, and sends nothing after a refusal before the engine has said how much", three(function(world, loop)
    local grants, learner = world.nodes.a.nodes:learned_grants("carrier:x", { min = 40, max = 60, start = 50 })
    grants:ask(loop:now(), 0)
    loop:advance(0.1)
    assert.equal(50, grants.rate_per_s)
    learner:pause()
    loop:advance(1)
    learner:resume()
    world.engine.stand_still(true)
    assert.is_false(grants:take())
    loop:advance(0.1)
    assert.is_false(grants:take())
    world.engine.stand_still(false)
    loop:advance(0.5)
    assert.equal(40, grants.rate_per_s)
    grants:close()
    local one = sender(world, loop, "b", { min = 40, max = 60, start = 50 })
    loop:advance(60)
    assert.is_true(one.grants.rate_per_s > 45 and one.grants.rate_per_s <= 60, one.grants.rate_per_s)
    loop:advance(200)
    assert.equal(60, one.grants.rate_per_s)
    one.count = 0
    loop:advance(60)
    assert.is_true(one.count >= 60 * 57 and one.count <= 60 * 60 + 6, one.count)
    one.close()
  end))

  it("goes on with a clock that has gone back", three(function(world, loop)
    local one = sender(world, loop, "a", { min = 1, start = 100, max = 100 })
    loop:advance(5)
    world.engine.clock_ahead_s = -3600
    loop:advance(2)
    local before = one.count
    loop:advance(10)
    assert.is_true(one.count - before > 900 and one.count - before <= 1010, one.count - before)
    one.close()
  end))
end)
