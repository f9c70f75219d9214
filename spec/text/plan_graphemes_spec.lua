local text = require "smpp.text"

-- What a reader sees as one character.
local clusters = {
  ["CR LF"] = "\r\n",
  ["an accent"] = "e\204\129",
  ["two accents"] = "e\204\129\204\163",
  ["a skin tone"] = "👍🏽",
  ["a family"] = "👨‍👩‍👧‍👦",
  ["a joined emoji with variation selectors"] = "👩‍❤️‍💋‍👨",
  ["a variation selector"] = "❤️",
  ["a keycap"] = "1️⃣",
  ["a flag"] = "🇩🇪",
  ["a flag of tags"] = "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
  ["a Hangul syllable of jamo"] = "\225\132\146\225\133\161\225\134\171",
  ["a Hangul syllable and a final"] = "하\225\134\171",
  ["a Devanagari conjunct"] = "क्षि",
  ["a prepended mark"] = "\216\128١",
}

describe("smpp.text.plan: a cut keeps together", function()
  for name, cluster in pairs(clusters) do
    it(name, function()
      local _, info = text.encode(cluster, { encoding = "ucs2" })
      for room = 1, info.units - 1 do
        local before = ("a"):rep(67 - room)
        local parts = text.split(before .. cluster .. ("b"):rep(67), { encoding = "ucs2" })
        assert.equal(before, parts[1].text)
        assert.equal(cluster, parts[2].text:sub(1, #cluster))
        local whole = text.split(before .. cluster .. ("b"):rep(67), { encoding = "ucs2", graphemes = false })
        assert.is_true(#whole[1].text > #before or room == 1)
      end
    end)
  end
end)

describe("smpp.text.plan: a cut may fall between", function()
  local pairs_apart = {
    ["two flags"] = { "🇩🇪", "🇫🇷" },
    ["two emoji"] = { "👍🏽", "👍" },
    ["LF and CR"] = { "\n", "\r" },
    ["a joiner and a letter"] = { "a\226\128\141", "b" },
    ["a joiner after a letter and an emoji"] = { "a\226\128\141", "👍" },
    ["a control and an accent"] = { "\n", "\204\129" },
    ["consonants without a virama"] = { "क", "ष" },
    ["Hangul syllables"] = { "한", "국" },
  }
  for name, pair in pairs(pairs_apart) do
    it(name, function()
      local _, info = text.encode(pair[1], { encoding = "ucs2" })
      local before = ("a"):rep(67 - info.units)
      local parts = text.split(before .. pair[1] .. pair[2] .. ("b"):rep(67), { encoding = "ucs2" })
      assert.equal(before .. pair[1], parts[1].text)
    end)
  end
end)

it("a cluster that fits no part is cut between characters", function()
  local zalgo = "a" .. ("\204\129"):rep(200)
  local parts = text.split(zalgo .. "end", { encoding = "ucs2" })
  assert.equal(4, #parts)
  assert.equal(67 * 2 - 1, #parts[1].text)
  local joined = {}
  for i, part in ipairs(parts) do joined[i] = part.text end
  assert.equal(zalgo .. "end", table.concat(joined))
end)

it("a megabyte of accents is measured in reasonable time", function()
  local start = os.clock()
  local _, _, code = text.split(("\204\129"):rep(500000), { encoding = "ucs2" })
  assert.equal("too_long", code)
  assert.is_true(os.clock() - start < 3)
end)
