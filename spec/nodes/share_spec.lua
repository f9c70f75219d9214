local property = require "spec.support.property"
local share = require "smpp.nodes.share"

local function node(name, held, most) return { name = name, held = held or 0, most = most or 100 } end

describe("smpp.nodes.share", function()
  it("is the floor or the ceiling of an even share", function()
    assert.same({ a = 2, b = 2 }, share.of("x", 4, { node "a", node "b" }))
    assert.same({ a = 4 }, share.of("x", 4, { node "a" }))
    assert.same({}, share.of("x", 4, {}))
  end)

  it("leaves what cannot be even with those that have it", function()
    assert.same({ a = 1, b = 2 }, share.of("x", 3, { node("a", 0), node("b", 3) }))
    assert.same({ a = 2, b = 1 }, share.of("x", 3, { node("a", 3), node("b", 0) }))
    assert.same({ a = 0, b = 1, c = 0 }, share.of("x", 1, { node("a", 0), node("b", 1), node("c", 0) }))
  end)

  it("spreads the single binds of many carriers over the nodes", function()
    local counts = { a = 0, b = 0, c = 0 }
    for i = 1, 300 do
      for name, count in pairs(share.of("carrier" .. i, 1, { node "a", node "b", node "c" })) do counts[name] = counts[name] + count end
    end
    for name, count in pairs(counts) do assert.is_true(count > 60, name .. " has " .. count) end
  end)

  it("gives others what one cannot hold", function()
    assert.same({ a = 0, b = 4 }, share.of("x", 4, { node("a", 1, 0), node("b", 2) }))
    assert.same({ a = 1, b = 2, c = 2 }, share.of("x", 5, { node("a", 2, 1), node("b", 2), node("c", 1) }))
    assert.same({ a = 1, b = 1 }, share.of("x", 5, { node("a", 2, 1), node("b", 2, 1) }))
  end)

  it("is never more than there is, the same in any order, and differs by one at most", function()
    property.holds(200, function(random, case)
      local list, reversed, most = {}, {}, 0
      case.binds = random(20) - 1
      for i = 1, random(6) do list[i] = node("n" .. i, random(5) - 1) end
      for i, one in ipairs(list) do reversed[#list + 1 - i] = one end
      local shares, total, least = share.of("x", case.binds, list), 0, math.huge
      assert.same(shares, share.of("x", case.binds, reversed))
      for _, count in pairs(shares) do total, most, least = total + count, math.max(most, count), math.min(least, count) end
      assert.equal(case.binds, total)
      assert.is_true(most - least <= 1)
    end)
  end)
end)
