-- A letter with very many accents was measured again for each of its characters: 400 KB kept the cut busy for minutes.
local cut = require "smpp.core".text.cut

local ACCENTS = 200000

describe("a cluster that fits into no part", function()
  local text = "e" .. ("\204\129"):rep(ACCENTS)
  for _, capacity in ipairs { 67, 1000, 30000, 100000 } do
    it("is cut between characters, each part full: " .. capacity .. " units", function()
      local ends, units = cut(text, "ucs2", 0, 0, capacity, true)
      assert.equal(math.ceil((ACCENTS + 1) / capacity), #ends)
      assert.equal(#text, ends[#ends])
      assert.equal((ACCENTS + 1 - 1) % capacity + 1, units)
      assert.equal(2 * capacity - 1, ends[1])
    end)
  end

  it("begins in what is left of a part; what follows is kept together again", function()
    local ends = cut("ab" .. "e" .. ("\204\129"):rep(12) .. "cde\204\129", "ucs2", 0, 0, 10, true)
    assert.same({ 2 + 1 + 7 * 2, 2 + 1 + 12 * 2 + 2 + 3 }, ends)
  end)

  it("does not cut a pair of surrogates", function()
    assert.same({ 4, 8 }, (cut("\240\159\152\128\240\159\152\128", "ucs2", 0, 0, 3, true)))
    local family = "\240\159\145\168\226\128\141\240\159\145\169\226\128\141\240\159\145\167"
    assert.same({ 7, 14, 18 }, (cut(family, "ucs2", 0, 0, 3, true)))
    assert.is_nil((cut(family, "ucs2", 0, 0, 1, true)))
  end)
end)
