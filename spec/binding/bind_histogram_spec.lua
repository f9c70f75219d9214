local core = require "smpp.core"

describe("bind_histogram: core.histogram", function()
  it("gives back what was put", function()
    local one, list = core.histogram(), {}
    for index = 0, 23220, 1290 do assert.is_true(one:put(index, index + 1)) end
    local index, times, us = one:after(-1)
    while index do
      list[#list + 1] = index
      assert.equal(index + 1, times)
      assert.is_true(us >= index)
      index, times, us = one:after(index)
    end
    assert.equal(19, #list)
    assert.is_nil(one:after(23220))
    assert.is_nil(one:after(1e300))
    assert.is_false(one:put(23221, 1))
    assert.is_false(one:put(1, -1))
    assert.is_false(one:put(1, 2 ^ 60))
  end)

  it("knows sum, ends and counts", function()
    local one = core.histogram()
    assert.same({ 0, 0 }, { one:count() })
    assert.is_nil(one:extent())
    assert.is_nil(one:value(1))
    for _, seconds in ipairs { 0.5, 4, 2, 1e9 } do one:record(seconds) end
    assert.same({ 4, 1 }, { one:count() })
    assert.same({ 3606500000, 500000, 3600000000 }, { one:extent() })
    assert.equal(500000, math.floor(one:value(0) / 1000) * 1000)
    one:clear()
    assert.same({ 0, 0 }, { one:count() })
    assert.is_nil(one:after(-1))
  end)

  it("takes exact ends for values that are known by their index", function()
    local one = core.histogram()
    one:put(5000, 10)
    local _, least = one:extent()
    one:set_extent(7, least - 1, least)
    assert.same({ 7, least - 1, least }, { one:extent() })
    assert.is_false(pcall(one.set_extent, one, 7, 1, least))
    assert.is_false(pcall(one.set_extent, one, 7, least, least + 100))
    assert.is_false(pcall(one.set_extent, core.histogram(), 7, 0, 0))
  end)

  it("is nothing else", function()
    for _, wrong in ipairs { {}, "x", io.stdout, core.batch(1) } do
      assert.is_false(pcall(core.histogram().add, core.histogram(), wrong))
      assert.is_false(pcall(core.histogram().record, wrong, 1))
    end
    assert.equal("smpp.histogram", getmetatable(core.histogram()))
  end)
end)
