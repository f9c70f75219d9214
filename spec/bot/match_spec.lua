local match = require "smpp.bot.match"

describe("smpp.bot.match", function()
  it("reads whole numbers in a range", function()
    local read = match.integer(1, 20)
    for text, value in pairs { ["3"] = 3, [" 20 "] = 20, ["3."] = 3, ["٣"] = 3, ["１２"] = 12, ["+4"] = 4 } do assert.equal(value, read(text), text) end
    for _, text in ipairs { "0", "21", "3.5", "", "three", "3 4", "1e1", "9999999999999999999" } do assert.is_nil(read(text), text) end
    assert.equal(-7, match.integer()("-7"))
    assert.has_error(function() match.integer("1") end)
  end)

  it("reads numbers with a point or a comma", function()
    local read = match.number(0, 100)
    for text, value in pairs { ["2,5"] = 2.5, ["2.5"] = 2.5, [".5"] = 0.5, ["7"] = 7 } do assert.equal(value, read(text), text) end
    for _, text in ipairs { "101", "-1", ",", "", "a", "1,2,3" } do assert.is_nil(read(text), text) end
  end)

  it("reads dates that there are", function()
    local read = match.date()
    for text, value in pairs {
      ["2026-12-24"] = "2026-12-24", ["24.12.2026"] = "2026-12-24", ["1/2/26"] = "2026-02-01", ["29.02.2024"] = "2024-02-29", [" 1. 5. 2026 "] = "2026-05-01",
    } do assert.equal(value, read(text), text) end
    for _, text in ipairs { "29.02.2025", "31.04.2026", "0.1.2026", "1.13.2026", "today", "" } do assert.is_nil(read(text), text) end
  end)

  it("finds patterns in any case, and gives captures as they were written", function()
    local function captures(source, text) return match.pattern(source):captures(text) end
    assert.equal("2", captures("^(%d+) PIZZAS?$", "2 pizzaS"))
    assert.same({ "Anna", "BERLIN" }, { captures("^from (%a+) TO (%u+)$", "FROM Anna to BERLIN") })
    assert.same({ "AbAb", "Ab" }, { captures("((ab)%2)", "xAbAb") })
    assert.equal("ÄPFEL", captures("^ich will (.+)$", "ICH WILL ÄPFEL"))
    assert.equal("Ж", captures("^(ж)$", "Ж"))
    assert.equal("whole Text", captures("^WHOLE [TX]E.T$", "whole Text"))
    assert.equal("(A)", captures("(%b())", "x(A)"))
    assert.equal(3, captures("b()", "ab"))
    assert.equal("B]", captures("^([%]A-C]+)$", "B]"))
    assert.is_nil(captures("^x$", "y"))
    assert.is_true(match.is_pattern(match.pattern "x"))
    for _, source in ipairs { "(", "[a", "%", "%1" } do assert.has_error(function() match.pattern(source) end) end
    assert.has_error(function() match.pattern(1) end)
  end)

  it("reads words of a list in any case, as the list has them", function()
    local read = match.words({ "Café", "Tea" }, true)
    assert.same({ "Café", "Tea" }, { read "CAFE", read "tea!" })
    assert.is_nil(read "tea please")
    assert.has_error(function() match.of({ "a", 1 }, false, 1) end)
    assert.has_error(function() match.of(5, false, 1) end)
  end)
end)
