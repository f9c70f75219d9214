local latency = require "smpp.simulator.latency"
local random = require "smpp.base.random"

--- Least, mean and greatest of many draws.
local function drawn(value)
  local generator, least, sum, most = random.generator(7), math.huge, 0, 0
  for _ = 1, 5000 do
    local s = latency.draw(value, generator)
    least, sum, most = math.min(least, s), sum + s, math.max(most, s)
  end
  return least, sum / 5000, most
end

describe("smpp.simulator.latency", function()
  it("takes seconds and functions as they are", function()
    assert.equal(0.5, latency.draw(0.5, error))
    assert.equal(3, latency.draw(function() return 3 end, error))
    assert.equal(0, latency.draw(function() end, error))
  end)

  it("draws between two times", function()
    local least, mean, most = drawn { uniform = { 1, 3 } }
    assert.is_true(least >= 1 and least < 1.05 and most <= 3 and most > 2.95)
    assert.near(2, mean, 0.05)
  end)

  it("draws around a mean, and never a negative time", function()
    local least, mean, most = drawn { normal = { 1, 1 } }
    assert.equal(0, least)
    assert.is_true(most > 3)
    assert.near(1.08, mean, 0.1) -- what would be below 0 is 0
  end)

  it("draws a spike in so many percent of cases", function()
    local least, mean, most = drawn { spikes = { 0.1, 10, 5 } }
    assert.same({ 0.1, 10 }, { least, most })
    assert.near(0.595, mean, 0.1)
  end)

  it("looks at it every so often, at the latest after a time", function()
    local least, mean, most = drawn { checks = { 5, 50, 20 } }
    assert.same({ 5, 20 }, { least, most })
    assert.near(9.375, mean, 0.3)
  end)

  it("says what no time is", function()
    for _, value in ipairs {
      -1, 0 / 0, "1", true, {}, { uniform = 1 }, { uniform = { 1 } }, { uniform = { 1, 2, 3 } }, { uniform = { 1, "2" } }, { normal = { -1, 2 } },
      { nonsense = { 1, 2 } }, { uniform = { 1, 2 }, normal = { 1, 2 } }, { checks = { 0, 50, 20 } }, { checks = { 5, 0, 20 } },
    } do assert.is_string(latency.wrong(value)) end
    for _, value in ipairs { 0, 1.5, print, { uniform = { 0, 0 } }, { checks = { 5, 75, 60 } } } do assert.is_nil(latency.wrong(value)) end
  end)

  it("is scaled, but not its percentages", function()
    for _, case in ipairs {
      { 0.1, 2, 0.2 }, { 0, 1.2, 0.01 }, { 0, 0.5, 0 }, { 0.011, 0.5, 0 }, { { uniform = { 1, 2 } }, 2, { uniform = { 2, 4 } } },
      { { normal = { 1, 0.5 } }, 2, { normal = { 2, 1 } } }, { { spikes = { 0.5, 3, 1 } }, 2, { spikes = { 1, 6, 1 } } },
      { { checks = { 5, 75, 60 } }, 2, { checks = { 10, 75, 120 } } },
    } do
      assert.same(case[3], latency.scale(case[1], case[2]))
      assert.is_nil(latency.wrong(latency.scale(case[1], case[2])))
    end
    assert.equal(6, latency.scale(function() return 3 end, 2)())
  end)
end)
