local core = require "smpp.core"
local property = require "spec.support.property"
local message_id = require "smpp.receipt.message_id"

local function candidates(rule, id)
  local list, n = {}, 1
  while true do
    local key = message_id.new(rule):candidate(id, n)
    if key == nil then return list end
    list[n] = key
    n = n + 1
  end
end

describe("smpp.receipt.message_id", function()
  it("folds what message centres add: case, zeros, blanks, NULs, the hyphens of a UUID", function()
    for id, folded in pairs {
      ["00AbC "] = "abc", ["12\0\0"] = "12", ["000"] = "0", [""] = "0", [" 1"] = " 1", ["1A-2B"] = "1a-2b",
      ["550E8400-E29B-41D4-A716-446655440000"] = "550e8400e29b41d4a716446655440000",
    } do assert.equal(folded, message_id.fold(id), id) end
    assert.equal(("0"):rep(0) .. "1", message_id.fold(("0"):rep(100000) .. "1")) -- and takes no time for a long one
    assert.equal("x", message_id.fold("x" .. (" "):rep(100000)))
  end)

  it("looks for a receipt's message as it is, folded, and in the other base, as the rule says", function()
    assert.same({ "=00FF" }, candidates("as-is", "00FF"))
    assert.same({ "i255", "=00FF", "iff" }, candidates("hex", "00FF"))
    assert.same({ "=00FF", "iff", false, "i255" }, candidates("auto", "00FF"))
    assert.same({ "=255", "i255", "iff", "i597" }, candidates("auto", "255"))
    assert.same({ "=xyz", "ixyz", false, false }, candidates("auto", "xyz"))
  end)

  it("keeps a response's id folded, and as it is where that place is taken", function()
    assert.same({ "iff", "=00FF" }, { message_id.new("auto"):keys "00FF" })
    assert.same({ "=00FF" }, { message_id.new("as-is"):keys "00FF" })
  end)

  it("finds a receipt that came before its response", function()
    local rule = message_id.new "auto"
    assert.equal("eff", rule:early_key "00FF")
    assert.same({ "eff", "e255" }, { rule:early_candidate("00FF", 1), rule:early_candidate("00FF", 2) })
    assert.is_false(rule:early_candidate("00FF", 3))
    assert.is_nil(rule:early_candidate("00FF", 4))
    assert.is_nil(message_id.new("as-is"):early_candidate("00FF", 2))
  end)

  it("learns the rule from three receipts that agree, and unlearns it slowly", function()
    local rule = message_id.new "auto"
    assert.is_nil(rule:learn("7", "hex")) -- a single digit is the same in both bases
    assert.same({}, { rule:learn("ff", "hex"), rule:learn("fe", "hex") })
    assert.equal("hex", rule:learn("fd", "hex"))
    assert.is_nil(rule:learn("fc", "hex"))
    assert.equal("hex", rule.learned)
    for _ = 1, 3 do rule:learn("255", "dec") end
    assert.equal("hex", rule.learned)
    for _ = 1, 4 do rule:learn("255", "dec") end
    assert.equal("dec", rule.learned)
    assert.is_nil(message_id.new("hex"):learn("ff", "dec"))
  end)

  it("weighs a match: certain, likely, possible or none", function()
    local auto, hex = message_id.new "auto", message_id.new "hex"
    assert.equal(3, auto:weigh("abc", "=abc", "as-is"))
    assert.equal(2, auto:weigh("12345", "=12345", "as-is", true)) -- digits can be read in both bases
    assert.equal(1, auto:weigh("12345", "=12345", "as-is"))
    assert.equal(0.5, auto:weigh("12345", "=12345", "as-is", false))
    assert.is_nil(auto:weigh("1234", "=1234", "as-is", false))
    assert.is_nil(hex:weigh("12345", "=12345", "as-is"))
    assert.equal(3, hex:weigh("ff", "i255", "hex"))
    assert.is_nil(auto:weigh("ff", "i255", "hex"))
    assert.equal(2, auto:weigh("255", "iff", "dec", true))
    assert.equal(0.5, auto:weigh("255", "i597", "hex", true))
  end)

  it("knows its rules", function()
    for _, rule in ipairs { "auto", "as-is", "hex", "dec" } do assert.is_true(message_id.kind.fits(rule)) end
    for _, rule in ipairs { "octal", 5, true } do assert.is_string(message_id.kind.explain(rule).message) end
  end)

  --- The definitions of fold and number, in patterns.
  local function folded(id)
    id = id:gsub("%z.*", ""):gsub(" +$", ""):lower()
    if #id == 36 and id:find "^%x+%-%x+%-%x+%-%x+%-%x+$" then id = id:gsub("%-", "") end
    return id:match "^0*(.+)$" or "0"
  end
  local function number(address)
    if address:find "[^%d+%-. ()]" then return 0 end
    local digits = address:gsub("%D", ""):gsub("^0+", "")
    return digits == "" and 0 or tonumber("1" .. digits:sub(-8), 10)
  end

  it("folds ids and reads numbers as their definitions do (seeded)", function()
    local pieces = { "0", "1", "9", "a", "F", "-", " ", "\0", "x", "é", "8ac1e2b0-6f3f-4b7e-9d4a-1f2e3d4c5b6a", "00000000-0000-0000-0000-00000000000f", "(", ")", ".", "+", "*" }
    property.holds(3000, function(random, case)
      local list = {}
      for i = 1, random(14) - 1 do list[i] = pieces[random(#pieces)] end
      case.id = table.concat(list)
      local id, digits = message_id.fold(case.id)
      assert.equal(folded(case.id), id)
      assert.equal(not id:find "%D", digits)
      assert.equal(number(case.id), core.receipt.number(case.id))
    end)
  end)
end)
