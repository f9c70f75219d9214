local property = require "spec.support.property"
local queue = require "smpp.base.queue"

local function drain(q)
  local names = {}
  while true do
    local entry = q:take()
    if not entry then return table.concat(names, " ") end
    assert.is_nil(entry.queue)
    names[#names + 1] = entry.name
  end
end

describe("smpp.base.queue", function()
  it("gives the entries of a higher lane first, and those of one lane in their order", function()
    local q = queue.new()
    for i, lane in ipairs { 0, 2, 1, 2, 0 } do q:put { name = "e" .. i, lane = lane } end
    assert.equal(5, q.count)
    assert.equal("e2", q:peek().name)
    assert.equal("e2 e4 e3 e1 e5", drain(q))
    assert.equal(0, q.count)
    assert.is_nil(q:peek())
  end)

  it("puts an entry that comes back where it was", function()
    local q = queue.new()
    for i = 1, 4 do q:put { name = "e" .. i } end
    local first, second = q:take(), q:take()
    q:put(second)
    q:put(first)
    assert.equal("e1 e2 e3 e4", drain(q))
    local late = { name = "late", serial = q:ticket() }
    q:put { name = "after" }
    q:put(late)
    assert.equal("late after", drain(q))
  end)

  it("removes an entry from anywhere, and nothing that is not in it", function()
    local q, entries = queue.new(), {}
    for i = 1, 5 do entries[i] = q:put { name = "e" .. i } end
    q:remove(entries[3])
    assert.is_nil(entries[3].queue)
    q:remove(entries[3])
    q:remove(entries[5])
    q:remove(entries[1])
    q:remove { name = "stranger", lane = 7 }
    assert.equal(2, q.count)
    assert.equal("e2 e4", drain(q))
  end)

  it("agrees with a sorted list, whatever is put, taken, put back and removed", function()
    property.holds(200, function(random)
      local q, model, taken, n = queue.new(), {}, {}, 0
      local function first()
        local best
        for _, entry in ipairs(model) do
          if not best or entry.lane > best.lane or entry.lane == best.lane and entry.serial < best.serial then best = entry end
        end
        return best
      end
      local function drop(entry)
        for i, other in ipairs(model) do
          if other == entry then return table.remove(model, i) end
        end
      end
      for _ = 1, random(60) do
        local what = random(5)
        if what <= 2 then
          n = n + 1
          model[#model + 1] = q:put { name = n, lane = random(3) - 1 }
        elseif what == 3 then
          local expected = first()
          assert(q:peek() == expected)
          assert(q:take() == expected)
          if expected then taken[#taken + 1] = drop(expected) end
        elseif what == 4 and taken[1] then
          model[#model + 1] = q:put(table.remove(taken, random(#taken)))
        elseif what == 5 and model[1] then
          q:remove(drop(model[random(#model)]))
        end
        assert(q.count == #model)
      end
    end)
  end)
end)
