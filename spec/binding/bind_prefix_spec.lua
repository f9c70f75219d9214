local core = require "smpp.core"

describe("bind_prefix", function()
  it("finds all prefixes of a number, the shortest first, and the longest", function()
    local p = core.prefixes.new()
    for i, prefix in ipairs { "49", "4915", "49151", "44", "4915", "Shop" } do assert.is_true(p:add(prefix, i)) end
    local list = { 7, 7, 7, 7, 7, 7 }
    assert.equal(4, p:find("4915112345", list))
    assert.same({ 1, 2, 5, 3 }, { list[1], list[2], list[3], list[4] })
    assert.equal(0, p:find("4", list))
    assert.equal(1, p:find("Shop 24", list))
    assert.same({ 3, 5 }, { p:longest "4915112345" })
    assert.same({}, { p:longest "39" })
    assert.equal(6, p:count())
    assert.is_true(p:memory() > 0)
  end)

  it("takes more prefixes after a search", function()
    local p, list = core.prefixes.new(), {}
    assert.equal(0, p:find("1", list))
    p:add("", 9)
    assert.equal(1, p:find("1", list))
    p:add("1", 0xFFFFFFFF)
    assert.equal(2, p:find("1", list))
    assert.equal(0xFFFFFFFF, list[2])
  end)

  it("refuses what is no prefix", function()
    local p = core.prefixes.new()
    assert.same({ nil, "prefix longer than 21 octets", "too_long" }, { p:add(("1"):rep(22), 1) })
    assert.is_false(pcall(p.add, p, {}, 1))
    assert.is_false(pcall(p.add, p, "1", -1))
    assert.is_false(pcall(p.add, p, "1", 1.5))
    assert.is_false(pcall(p.find, p, "1"))
    assert.is_false(pcall(p.find, core.map.new(), "1", {}))
  end)
end)
