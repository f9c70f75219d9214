local columns = require "smpp.base.columns"

describe("smpp.base.columns", function()
  it("counts what a terminal shows", function()
    for text, count in pairs {
      [""] = 0, abc = 3, ["Grüße"] = 5, ["\27[1;31mred\27[0m"] = 3, ["漢字"] = 4, ["👋"] = 2, ["👋🏽"] = 2, ["e\204\129"] = 1, ["한글"] = 4, ["│█"] = 2,
      ["\255x"] = 2,
    } do
      assert.equal(count, columns.count(text), text)
    end
  end)

  it("cuts between characters, and keeps the end of a colour", function()
    assert.equal("ab", columns.cut("abc", 2))
    assert.equal("Gr\195\188", columns.cut("Grüße", 3))
    assert.equal("漢", columns.cut("漢字", 3))
    assert.equal("\27[31mre\27[0m", columns.cut("\27[31mred\27[0m", 2))
    assert.equal("", columns.cut("abc", 0))
  end)

  it("fits into a width", function()
    assert.equal("ab  ", columns.fit("ab", 4))
    assert.equal("漢 ", columns.fit("漢字", 3))
    assert.equal("\27[1mab\27[0m ", columns.fit("\27[1mab\27[0m", 3))
  end)

  it("takes linear time", function()
    local text, steps = ("é"):rep(32768), 0
    local hook, mask, count = debug.gethook()
    debug.sethook(function() steps = steps + 1 end, "", 1000)
    columns.fit(text, 60)
    debug.sethook(hook, mask, count) -- of make gc, of make coverage
    assert.is_true(steps < 20000, steps)
  end)
end)
