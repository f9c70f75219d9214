local find = require "smpp.load.find"

local function target(limit, o)
  local tried = {}
  return { from = o and o.from, to = o and o.to, attempt = function(rate)
    tried[#tried + 1] = rate
    return { ok = rate <= limit, generator = o and o.generator }
  end }, tried
end

describe("smpp.load.find", function()
  it("doubles and halves to within 5 %", function()
    local o, tried = target(4800)
    local found = find.limit(o)
    assert.is_true(found.limit <= 4800 and found.limit > 4800 / 1.05, found.limit)
    assert.equal("rule", found.stopped_by)
    assert.equal(10, tried[1])
    assert.equal(#tried, #found.steps)
    assert.is_true(#tried < 20)
  end)

  it("stays between two rates", function()
    local found = find.limit((target(1e9, { from = 100, to = 1000 })))
    assert.equal(1000, found.limit)
    assert.equal("to", found.stopped_by)
  end)

  it("goes down where the first rate is too much", function()
    local found = find.limit((target(3, { from = 100 })))
    assert.is_true(found.limit <= 3 and found.limit > 2.8, found.limit)
    assert.is_nil(find.limit((target(0.1))).limit)
  end)

  it("ends with an attempt that gives nothing, with what is known by then", function()
    for last = 1, 5 do
      local tried = 0
      local found = find.limit { attempt = function(rate)
        tried = tried + 1
        if tried == last then return nil end
        return { ok = rate < 35 }
      end }
      assert.equal(last, tried)
      assert.equal(last - 1, #found.steps)
      assert.equal(({ nil, 10, 20, 20, 30 })[last], found.limit)
      assert.is_nil(found.stopped_by)
    end
  end)

  it("says when the generator was the limit", function()
    assert.equal("generator", find.limit((target(500, { generator = true }))).stopped_by)
  end)
end)
