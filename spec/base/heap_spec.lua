local heap = require "smpp.base.heap"
local util = require "spec.support.util"

local function is_before(a, b) return a.at < b.at or (a.at == b.at and a.serial < b.serial) end

describe("smpp.base.heap", function()
  it("gives the earliest item, whatever was put in and called off before", function()
    local random, list, items, serial = util.random(11), heap.new(), {}, 0
    for _ = 1, 5000 do
      if #items == 0 or random(3) > 1 then
        serial = serial + 1
        local item = { at = random(100), serial = serial }
        items[#items + 1] = item
        heap.push(list, item)
      else
        local item = table.remove(items, random(#items))
        assert.equal(item, list[item.index])
        heap.remove(list, item)
        assert.is_nil(item.index)
      end
      assert.equal(#items, list.count)
    end
    table.sort(items, is_before)
    for _, item in ipairs(items) do
      assert.equal(item, list[1])
      heap.remove(list, item)
    end
    assert.same(heap.new(), list)
  end)
end)
