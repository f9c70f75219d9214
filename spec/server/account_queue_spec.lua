local property = require "spec.support.property"
local queues = require "smpp.server.account_queue"

local function numbers(queue)
  local list = {}
  while queue:head() do list[#list + 1] = queue:shift().number end
  return list
end

describe("smpp.server.account_queue", function()
  it("gives items in the order of their numbers, whenever they come back", function()
    property.holds(300, function(random, case)
      local queue, all, out, number = queues.new(), {}, {}, 0
      for _ = 1, random(60) do
        local what = random(3)
        case[#case + 1] = what
        if what == 1 then
          number = number + 1
          queue:insert { number = number }
        elseif what == 2 and queue:head() then
          out[#out + 1] = queue:shift()
        elseif out[1] then
          queue:insert(table.remove(out, random(#out)))
        end
      end
      for _, item in ipairs(out) do queue:insert(item) end
      all = numbers(queue)
      assert.equal(number, #all)
      for i, n in ipairs(all) do assert.equal(i, n) end
    end)
  end)

  it("names the first items whose octets are elsewhere", function()
    local queue = queues.new()
    for i = 1, 5 do queue:insert { number = i, octets = i % 2 == 0 and "x" or nil, key = i == 3 and 17 or "key" } end
    local list = queue:not_in_memory(5)
    assert.same({ 2, 1, 5 }, { #list, list[1].number, list[2].number }) -- 17, a serial: those of 3 are read when it is sent
  end)

  it("is cleared of all but what is sent", function()
    local queue = queues.new()
    for _, number in ipairs { 5, 1 } do queue:insert { number = number } end
    queue.deferred[3], queue.lost[2] = { number = 3 }, { number = 2 }
    local list = {}
    for i, item in ipairs(queue:clear()) do list[i] = item.number end
    assert.same({ 1, 2, 3, 5 }, list)
    assert.same({}, queue:clear())
    assert.is_nil(queue:head())
  end)
end)
