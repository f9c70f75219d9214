local literal = require "smpp.scenario.literal"

local load_text = rawget(_G, "loadstring") or load

describe("smpp.scenario.literal", function()
  it("is Lua that gives the value again", function()
    local octets = {}
    for i = 0, 255 do octets[i + 1] = string.char(i) end
    for _, value in ipairs { "", 'a "b" \\', table.concat(octets), 5, -1.25, true, { a = { 1, "x" }, b = {} } } do
      assert.same(value, load_text("return " .. literal.of(value))())
    end
    assert.equal('{ a = 1, b = { "x" } }', literal.of { b = { "x" }, a = 1 })
    assert.equal("0.333", literal.number(1 / 3))
    for line in literal.string(("\0"):rep(500)):gmatch "[^\n]+" do assert.is_true(#line < 90) end
  end)
end)
