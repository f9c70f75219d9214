local core = require "smpp.core"
local iterate = require "smpp.base.iterate"

describe("smpp.base.iterate", function()
  it("goes over tables as Lua does", function()
    local t, list, hash = { 1, 2, nil, 4, a = true, [0.5] = "x" }, {}, 0
    for key, value in iterate.pairs(t) do list[key], hash = value, hash + 1 end
    assert.same(t, list)
    assert.equal(5, hash)
    for _, following in ipairs { iterate.next, core.next } do
      assert.is_nil(following {})
      assert.same({ "a", 1 }, { following { a = 1 } })
      assert.is_nil((following({ a = 1 }, "a")))
      assert.is_false((pcall(following, { a = 1 }, "b")))
      assert.is_false((pcall(following, 5)))
    end
  end)

  it("may empty the table meanwhile", function()
    local t, count = { a = 1, b = 2, c = 3 }, 0
    for key in iterate.pairs(t) do
      t[key] = nil
      count = count + 1
    end
    assert.equal(3, count)
    assert.is_nil(next(t))
  end)

  it("knows which LuaJIT compiles them wrongly", function()
    assert.is_true(iterate.has_fault("LuaJIT 2.1.0-beta3", "x64"))
    assert.is_false(iterate.has_fault("LuaJIT 2.1.1693350652", "x64"))
    assert.is_false(iterate.has_fault("LuaJIT 2.1.0-beta3", "arm64"))
    local jit = rawget(_G, "jit")
    assert.equal(jit ~= nil and iterate.has_fault(jit.version, jit.arch), iterate.next ~= next)
  end)
end)
