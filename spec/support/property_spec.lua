local property = require "spec.support.property"

--- The error of a property that does not hold.
local function words_of(fn, seed)
  local ok, words = pcall(property.holds, 500, fn, seed)
  assert.is_false(ok)
  return words
end

describe("a property", function()
  it("that holds raises nothing", function()
    local runs = 0
    property.holds(100, function(random)
      runs = runs + 1
      local n = random(7)
      assert(n >= 1 and n <= 7 and n % 1 == 0)
    end)
    assert.equal(100, runs)
  end)

  it("that fails shows its seed and its simplest case", function()
    local seed = tonumber(os.getenv("SMPP_SEED")) or 42
    local words = words_of(function(random, case)
      local list = {}
      for i = 1, random(50) do list[i] = random(1000) end
      case.list = list
      for _, n in ipairs(list) do assert(n < 613, "too big") end
    end, 42)
    assert.truthy(words:find(("^seed %d %%(SMPP_SEED%%), case %%d+, shrunk from %%d+ choices to 2:\n  list = { 613 }\n"):format(seed)), words)
    assert.truthy(words:find("too big", 1, true))
  end)

  it("shrinks a case to what the failure needs", function()
    local words = words_of(function(random, case)
      local list = {}
      for i = 1, random(30) do list[i] = ({ "a", "b", "€", "\n" })[random(4)] end
      case.text = table.concat(list)
      assert.is_nil(case.text:find("€.*\n"))
    end, 3)
    assert.truthy(words:find('text = "\\226\\130\\172\\010"', 1, true), words)
  end)

  it("shows nested tables in order", function()
    assert.equal('{ 1, { "x" }, a = true, b = { c = 2 } }', property.show({ 1, { "x" }, b = { c = 2 }, a = true }, ""))
  end)
end)
