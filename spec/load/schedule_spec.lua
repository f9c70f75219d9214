local random = require "smpp.base.random"
local schedule = require "smpp.load.schedule"

local function all(plan)
  local list = {}
  for at_s in function() return plan:next() end do list[#list + 1] = at_s end
  return list
end

describe("smpp.load.schedule", function()
  it("is due at n / rate exactly: no drift", function()
    local plan = schedule.new { rate = 300, for_s = 100 }
    assert.equal(30000, plan.total)
    local list = all(plan)
    assert.equal(30000, #list)
    for n = 0, 29999, 997 do assert.near(n / 300, list[n + 1], 1e-9) end
    assert.equal(0, list[1])
  end)

  it("ends at a count or a time, whichever is first", function()
    assert.equal(7, #all(schedule.new { rate = 10, count = 7 }))
    assert.equal(5, #all(schedule.new { rate = 10, count = 7, for_s = 0.5 }))
    assert.equal(7, #all(schedule.new { rate = 10, count = 7, for_s = 60 }))
  end)

  it("follows stages: linear between points, steps at one time", function()
    local plan = schedule.new { stages = { { at_s = 0, rate = 0 }, { at_s = 10, rate = 100 }, { at_s = 10, rate = 20 }, { at_s = 20, rate = 20 } } }
    assert.equal(700, plan.total) -- 500 under the ramp, 200 behind the step
    local list = all(plan)
    assert.equal(700, #list)
    for i = 2, #list do assert.is_true(list[i] >= list[i - 1], i) end
    assert.near(math.sqrt(100 / 5), list[101], 1e-6) -- the area under 10 t is 5 t²
    assert.near(10, list[501], 1e-6)
    assert.near(10.05, list[502], 1e-6)
    assert.equal(50, plan:rate_at(5))
    assert.equal(20, plan:rate_at(15))
    assert.equal(0, plan:rate_at(21))
  end)

  it("has pauses", function()
    local plan = schedule.new { stages = { { at_s = 0, rate = 10 }, { at_s = 1, rate = 10 }, { at_s = 1, rate = 0 }, { at_s = 5, rate = 0 },
      { at_s = 5, rate = 10 }, { at_s = 6, rate = 10 } } }
    local list = all(plan)
    assert.equal(20, #list)
    assert.near(0.9, list[10], 1e-9)
    assert.near(5, list[11], 1e-9)
  end)

  it("is Poisson's when asked: the same number on average, gaps that vary, the same for the same seed", function()
    local function make(seed) return all(schedule.new { rate = 100, for_s = 100, arrival = "poisson", random = random.generator(seed) }) end
    local list = make(3)
    assert.same(list, make(3))
    assert.near(10000, #list, 400)
    local squares = 0
    for i = 2, #list do squares = squares + (list[i] - list[i - 1]) ^ 2 end
    assert.near(2 / 100 ^ 2, squares / (#list - 1), 2e-5) -- E[x²] of an exponential gap
  end)

  it("knows how many are left", function()
    local plan = schedule.new { rate = 10, count = 5 }
    plan:next()
    assert.equal(4, plan:left())
  end)
end)
