local list = require "smpp.base.list"
local property = require "spec.support.property"

describe("smpp.base.list", function()
  it("keeps the order of what was appended, whatever leaves, in each list an item is in", function()
    property.holds(200, function(random, case)
      local links = { list.links "a", list.links "b" }
      local lists, models = { {}, {} }, { {}, {} }
      for step = 1, random(60) do
        local which = random(2)
        local items, model = lists[which], models[which]
        case[step] = which
        if random(3) > 1 then
          local item = model[random(#model + 1)] or { step }
          for i, one in ipairs(model) do
            if one == item then
              table.remove(model, i)
              list.remove(items, links[which], item)
              break
            end
          end
          model[#model + 1] = item
          list.append(items, links[which], item)
        elseif #model > 0 then
          list.remove(items, links[which], table.remove(model, random(#model)))
        end
        local seen, item = {}, items.first
        while item do
          seen[#seen + 1] = item
          item = item[links[which].next]
        end
        assert.same(#model, #seen)
        for i = 1, #model do assert.equal(model[i], seen[i]) end
        assert.equal(model[#model], items.last)
      end
    end)
  end)
end)
