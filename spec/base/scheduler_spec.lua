local scheduler = require "smpp.base.scheduler"
local util = require "spec.support.util"
local virtual = require "smpp.loop.virtual"

describe("smpp.base.scheduler", function()
  it("fires each item when it is due, in order of time and of being put down", function()
    local loop, random, fired = virtual.new(), util.random(5), {}
    local list = scheduler.new(loop, function(item) fired[#fired + 1] = { item, loop:now() } end)
    for i = 1, 3000 do
      local item = { number = i }
      item.at = list:add(loop:now() + random(20000) / 10, item)
      if i % 100 == 0 then loop:advance(5) end
    end
    loop:advance(3000)
    assert.equal(3000, #fired)
    for i, entry in ipairs(fired) do
      local item, time = entry[1], entry[2]
      assert.near(item.at, time, 0.0011)
      local before = fired[i - 1] and fired[i - 1][1] or { at = 0, number = 0 }
      assert.is_true(before.at < item.at or (before.at == item.at and before.number < item.number), i)
    end
    list:close()
    assert.same({}, loop:handles())
  end)

  it("fires items of a higher rank first when they are due at once, and none of them too early", function()
    local loop, fired = virtual.new(), {}
    local list = scheduler.new(loop, function(item) fired[#fired + 1] = item end)
    for i, rank in ipairs { 0, 2, 1, 2, 0 } do list:add(1, "now" .. i, rank) end
    list:add(2, "later", 9)
    for i = 1, 3 do list:add(3, "alike" .. i, 1) end
    loop:advance(5)
    assert.same({ "now2", "now4", "now3", "now1", "now5", "later", "alike1", "alike2", "alike3" }, fired)
    for i = 1, 1200 do list:add(6, i, i % 3) end
    fired = {}
    loop:advance(5)
    for i = 1, 1200 do assert.equal((i - 1) % 400 * 3 + (i <= 400 and 2 or i <= 800 and 1 or 3), fired[i]) end
    list:close()
  end)

  it("rounds up to milliseconds, takes what is overdue at once, and nothing when it is closed", function()
    local loop, fired = virtual.new(), {}
    local list = scheduler.new(loop, function(item) fired[#fired + 1] = { item, loop:now() } end)
    assert.equal(0.002, list:add(0.0011, "a"))
    list:add(-5, "b")
    loop:advance(1)
    assert.same({ { "b", 0 }, { "a", 0.002 } }, fired)
    list:add(1.5, "c")
    list:close()
    list:close()
    loop:advance(5)
    assert.equal(2, #fired)
  end)

  it("leaves the loop time to breathe when much is due", function()
    local loop, fired, turns = virtual.new(), 0, 0
    local list = scheduler.new(loop, function() fired = fired + 1 end)
    for _ = 1, 5000 do list:add(1, "x") end
    while fired < 5000 do
      local before = fired
      loop:step()
      assert.is_true(fired - before <= 500)
      turns = turns + 1
    end
    assert.is_true(turns >= 10)
    list:close()
  end)
end)
