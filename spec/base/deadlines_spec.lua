local deadlines = require "smpp.base.deadlines"
local property = require "spec.support.property"
local virtual = require "smpp.loop.virtual"

describe("smpp.base.deadlines", function()
  it("ends each wait at its time, those of one length under one timer", function()
    local loop, fired = virtual.new { seed = 1 }, {}
    local waits = deadlines.new(loop, function(item) fired[#fired + 1] = ("%s at %g"):format(item.name, loop:now()) end)
    local items = {}
    for i, seconds in ipairs { 10, 10, 3, 10 } do
      items[i] = { name = "wait " .. i }
      waits:add(items[i], seconds)
    end
    waits:remove(items[2])
    waits:remove(items[2])
    loop:run()
    assert.same({ "wait 3 at 3", "wait 1 at 10", "wait 4 at 10" }, fired)
    waits:close()
    assert.equal("nothing", loop:describe())
  end)

  it("keeps the loop alive only while something waits, and no timer once it is closed", function()
    local loop = virtual.new { seed = 1 }
    local waits, item = deadlines.new(loop, error), {}
    waits:add(item, 60)
    waits:remove(item)
    loop:run()
    assert.equal(0, loop:now())
    waits:add(item, 60)
    waits:close()
    waits:remove(item)
    assert.equal("nothing", loop:describe())
    assert.is_nil(next(waits.lengths))
  end)

  it("may be added to, and removed from, while it fires (seeded)", function()
    property.holds(300, function(random, case)
      local loop, due, others = virtual.new { seed = 1 }, {}, {}
      local waits
      local function add()
        local item, seconds = {}, random(3)
        waits:add(item, seconds)
        due[item] = loop:now() + seconds
        others[#others + 1] = item
      end
      waits = deadlines.new(loop, function(item)
        assert.is_true(math.abs(due[item] - loop:now()) < 1e-6)
        due[item] = nil
        for _ = 1, #others < 30 and random(3) - 1 or 0 do add() end
        local other = others[random(#others)]
        waits:remove(other)
        due[other] = nil
      end)
      case.first = random(5)
      for _ = 1, case.first do add() end
      local failed
      loop.on_error = function(trace) failed = trace end
      loop:run()
      assert.is_nil(failed)
      assert.is_nil(next(due))
      waits:close()
      assert.equal("nothing", loop:describe())
    end)
  end)
end)
