local grammar = require "smpp.load.grammar"
local random = require "smpp.base.random"

describe("smpp.load.grammar", function()
  it("reads durations", function()
    local cases = { ["90"] = 90, ["1.5s"] = 1.5, ["250ms"] = 0.25, ["2m"] = 120, ["1h"] = 3600, ["1m30s"] = 90, ["1h 1m 1s"] = 3661, [".5"] = 0.5 }
    for word, seconds in pairs(cases) do assert.near(seconds, grammar.duration(word), 1e-9, word) end
    for _, word in ipairs { "", "x", "-5", "0", "0s", "5x", "1m30", "nan", "1e3", "5 minutes", "ms" } do
      local value, message = grammar.duration(word)
      assert.is_nil(value, word)
      assert.truthy(message:find("invalid duration '" .. word .. "'", 1, true), message)
    end
    assert.equal(0, grammar.duration("0", { zero = true }))
    assert.is_nil(grammar.duration("5", { unit = true }))
  end)

  it("reads rates", function()
    local cases = { ["100"] = 100, ["5k"] = 5000, ["100/s"] = 100, ["30/m"] = 0.5, ["7/h"] = 7 / 3600, ["1.5k/m"] = 25, ["2M"] = 2e6 }
    for word, per_s in pairs(cases) do assert.near(per_s, grammar.rate(word), 1e-9, word) end
    for _, word in ipairs { "", "0", "-1", "5q", "k", "nan", "5/d", "5k/s/s", "0x10" } do assert.is_nil(grammar.rate(word), word) end
  end)

  it("marks the place of a mistake", function()
    local _, message = grammar.rate "5q/s"
    assert.equal("  5q/s\n   ^", message:match "\n(.*)$")
    _, message = grammar.duration "1m30x"
    assert.equal("  1m30x\n      ^", message:match "\n(.*)$")
  end)

  it("reads stages, whose times do not fall", function()
    assert.same({ { at_s = 0, rate = 100 }, { at_s = 60, rate = 5000 }, { at_s = 60, rate = 0 } }, grammar.stages "0:100/s, 60s:5k/s,1m:0")
    for _, word in ipairs { "", "0:1", "60s:1,0:1", "0:1,,1:2", "0:1,5:x" } do assert.is_nil(grammar.stages(word), word) end
  end)

  it("reads lengths and shares", function()
    assert.same({ low = 40, high = 40 }, grammar.range "40")
    assert.same({ low = 1, high = 160 }, grammar.range "1-160")
    for _, word in ipairs { "0", "9-3", "x", "-1", "1-" } do assert.is_nil(grammar.range(word), word) end
    assert.equal(0.7, grammar.share "70%")
    for _, word in ipairs { "70", "101%", "-1%", "%" } do assert.is_nil(grammar.share(word), word) end
  end)

  it("expands patterns of addresses", function()
    local number = random.generator(1)
    local function expand(word, n) return assert(grammar.pattern(word))(n or 0, number) end
    assert.equal("4917", expand "4917")
    for _, case in ipairs { { "4917600[7]", "^4917600%d%d%d%d%d%d%d$" }, { "4[12]5", "^4%d%d%d%d%d%d%d%d%d%d%d%d5$" }, { "a%[2]", "^a%%%d%d$" } } do
      assert.truthy(expand(case[1]):find(case[2]), case[1])
    end
    assert.equal("490000042x", expand("49[#7]x", 42))
    assert.equal("49001", expand("49[#3]", 1001))
    local seen = {}
    for _ = 1, 2000 do seen[expand "1[098-102]"] = true end
    assert.same({ ["1098"] = true, ["1099"] = true, ["1100"] = true, ["1101"] = true, ["1102"] = true }, seen)
    assert.equal("[x]", expand "\\[x]")
    for _, word in ipairs { "", "49[", "49[x]", "49[#]", "49[0]", "49[5-3]" } do assert.is_nil(grammar.pattern(word), word) end
  end)

  it("shares among values as they say, the rest equally", function()
    local choose = grammar.weighted { { share = 0.5, value = "a" }, { value = "b" }, { value = "c" } }
    local number, seen = random.generator(7), { a = 0, b = 0, c = 0 }
    for _ = 1, 20000 do
      local value = choose(number())
      seen[value] = seen[value] + 1
    end
    assert.near(10000, seen.a, 400)
    assert.near(5000, seen.b, 300)
    assert.near(5000, seen.c, 300)
    assert.equal("a", choose(0))
    assert.equal("c", choose(0.9999999))
  end)
end)
