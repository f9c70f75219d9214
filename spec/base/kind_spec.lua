local kind = require "smpp.base.kind"

local function message(one, value)
  local problem = kind.problem(kind.of(one), value)
  return problem and problem.message
end

describe("smpp.base.kind", function()
  it("checks types by their names", function()
    for name, value in pairs { string = "", number = 0, ["function"] = print, table = {}, boolean = false, any = 0 } do
      assert.is_nil(message(name, value))
      if name ~= "any" then assert.is_string(message(name, name == "string" and 5 or "x")) end
    end
    assert.has_error(function() kind.of "klingon" end)
  end)

  it("checks numbers in a range, both ends included, and no NaN", function()
    local real, integer = kind.real(0, 1), kind.integer(1, 10)
    for _, value in ipairs { 0, 0.5, 1 } do assert.is_nil(message(real, value)) end
    for _, value in ipairs { -0.1, 1.1, 0 / 0, "1" } do assert.is_string(message(real, value)) end
    for _, value in ipairs { 0, 11, 1.5, math.huge, 0 / 0 } do assert.is_string(message(integer, value)) end
    assert.equal("expected an integer >= 1, got 0", message(kind.count, 0))
    assert.equal("expected a number from 0 to 100, got 101", message(kind.percent, 101))
    assert.same({ "s", "%", "octets" }, { kind.seconds.unit, kind.percent.unit, kind.octets.unit })
  end)

  it("checks words, with the one that was probably meant", function()
    local one = kind.one_of("trx", "tx", "rx")
    assert.is_nil(message(one, "tx"))
    assert.equal("expected one of \"trx\", \"tx\", \"rx\", got 'TRX'; did you mean 'trx'?", message(one, "TRX"))
    assert.is_string(message(one, 5))
  end)

  it("checks texts by their length, and values by a function", function()
    assert.is_nil(message(kind.text(3), "abc"))
    assert.is_string(message(kind.text(3), "abcd"))
    local even = kind.checked("an even number", function(value) return value % 2 == 1 and "odd" or nil end)
    assert.is_nil(message(even, 2))
    assert.equal("odd", message(even, 3))
  end)

  it("checks lists and maps, and says where one is wrong", function()
    local list, map = kind.list(kind.count), kind.map(kind.string, kind.percent)
    assert.is_nil(message(list, { 1, 2 }))
    assert.equal("[2]: expected an integer >= 1, got 0", message(list, { 1, 0 }))
    assert.is_string(message(list, { 1, x = 2 }))
    assert.is_string(message(list, "1"))
    assert.equal("expected a table, got 5", message(map, 5))
    assert.equal("expected a table of prices, got 5", message(kind.map(kind.string, kind.count, "a table of prices"), 5))
    assert.is_nil(message(map, { a = 1 }))
    assert.equal("b: expected a number from 0 to 100, got 101", message(map, { a = 1, b = 101 }))
    assert.is_string(message(map, { 1 }))
  end)

  it("takes any of several, and reads a text as the first that can", function()
    local either = kind.either(kind.boolean, kind.count)
    for _, value in ipairs { true, 5 } do assert.is_nil(message(either, value)) end
    assert.is_string(message(either, "x"))
    assert.same({ true, 5 }, { either.read "yes", either.read "5" })
    assert.is_nil(either.read "x")
  end)

  it("reads texts of URLs and command lines", function()
    assert.equal(2.5, kind.seconds.read "2.5")
    assert.is_nil(kind.seconds.read "x")
    for word, value in pairs { ["true"] = true, yes = true, on = true, ["false"] = false, no = false, off = false } do
      assert.equal(value, kind.boolean.read(word), word)
    end
    assert.is_nil(kind.boolean.read "maybe")
    assert.same({ 1, 2 }, kind.list(kind.count).read "1,2")
    assert.is_nil(kind.list(kind.count).read "1,x")
    assert.is_nil(kind.fn.read)
  end)
end)
