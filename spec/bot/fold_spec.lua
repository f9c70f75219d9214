local fold = require "smpp.bot.fold"

local function same(a, b, accents) return fold.words(b):starts(fold.keyword(a, accents), true) ~= nil end

describe("smpp.bot.fold", function()
  it("compares any alphabet in any case", function()
    for _, pair in ipairs {
      { "ORDER", "order" }, { "straße", "STRASSE" }, { "Σίσυφος", "σίσυφοσ" }, { "ЗАКАЗ", "заказ" }, { "İPTAL", "iptal" }, { "iptal", "IPTAL" },
      { "ıptal", "İPTAL" }, { "É", "e\204\129" }, { "한국", "\225\132\146\225\133\161\225\134\171\225\132\128\225\133\174\225\134\168" }, { "ﬁsh", "FISH" }, { "Ⴀ", "ⴀ" },
      { "a\204\163\204\129", "a\204\129\204\163" }, { "ǆ", "Ǆ" }, { "👍", "👍️" },
    } do
      assert.is_true(same(pair[1], pair[2]), pair[1] .. " " .. pair[2])
      assert.is_true(same(pair[2], pair[1]), pair[2] .. " " .. pair[1])
    end
    assert.is_false(same("ordèr", "order"))
    assert.is_false(same("мой", "мои"))
  end)

  it("drops marks where it is asked to", function()
    for _, pair in ipairs { { "Ordèr", "order" }, { "ё", "е" }, { "ά", "α" }, { "Łódź", "lodz" }, { "mañana", "MANANA" } } do
      assert.is_true(same(pair[1], pair[2], true), pair[1])
    end
    assert.is_false(same("が", "か", true))
  end)

  it("takes Latin capitals for those of Greek where the keyword is Greek", function()
    assert.is_true(same("ΣΤΟΠ", "ΣTOΠ")) -- T and O are Latin
    assert.is_true(same("σύνταξη", "σύνταξη"))
    assert.is_false(same("ΣΤΟΠ", "Σtoπ"))
    assert.is_false(same("TOP", "ΤΟΡ"))
  end)

  it("does not count blanks, marks of direction, quotes and punctuation around words", function()
    for _, text in ipairs {
      " stop ", "STOP!", "\"Stop.\"", "«stop»", "\194\160stop\227\128\128", "\226\128\143stop\226\128\142", "- stop -", "¡stop!", "„stop“", "stop。",
    } do
      assert.is_true(same("STOP", text), text)
    end
    assert.is_true(same("stop all", "Stop   all!"))
    assert.is_true(same("OPT-OUT", "opt-out."))
    assert.is_false(same("OPTOUT", "opt-out"))
    assert.is_true(same("?", "?"))
    assert.is_false(same("stop", "stop it"))
    assert.is_false(same("stop", ""))
  end)

  it("says what follows a keyword, as it was written", function()
    local words = fold.words "  Ordër,  2\194\160 Pizzas!  \n"
    local rest, args = words:after((assert(words:starts(fold.keyword("order", true)))))
    assert.same({ "2\194\160 Pizzas!", { "2", "Pizzas!" } }, { rest, args })
    rest, args = fold.words("order"):after(6)
    assert.same({ "", {} }, { rest, args })
    assert.equal("Ordër,  2\194\160 Pizzas!", words.trimmed)
  end)

  it("knows sets of whole messages", function()
    local is = fold.set(true, { "STOP", "STOP ALL" }, { "ΣΤΟΠ", "ARRÊT" })
    for text, expected in pairs { stop = true, ["stop all."] = true, ["ΣTOΠ"] = true, arret = true, ["stop it"] = false, [""] = false } do
      assert.equal(expected, is(fold.words(text)), text)
    end
  end)

  it("lowers letters in their places", function()
    assert.equal("äö ж x", fold.lower "ÄÖ Ж X")
    assert.equal(#"İȺ", #fold.lower "İȺ")
  end)

  it("takes what is not UTF-8, and long texts", function()
    for _, text in ipairs { "\255\254", "a\128b", "\226\128", ("\204\129"):rep(300), ("x"):rep(65536), (" "):rep(65536), ("!"):rep(65536) } do
      fold.words(text):starts(fold.keyword "x")
    end
  end)
end)
