local shown = require "smpp.base.shown"

describe("smpp.base.shown", function()
  it("leaves alone what is text", function()
    for _, text in ipairs { "", "a b ~", "Grüße 👋", "नमस्ते", "👨‍👩‍👧", "שלום" } do
      assert.equal(text, shown.text(text))
      assert.equal(text, shown.lines(text))
      assert.equal('"' .. text .. '"', shown.quote(text))
    end
    assert.equal("nil", shown.text(nil))
    assert.equal("1.5", shown.text(1.5))
  end)

  it("makes escapes of what a terminal obeys, what turns or hides text, and what is no UTF-8", function()
    for octets, expected in pairs {
      ["\27[31mEVIL\7"] = "\\x1b[31mEVIL\\x07", ["\27]0;pwned\7\27[2J"] = "\\x1b]0;pwned\\x07\\x1b[2J",
      ["\194\1552J"] = "\\u{9b}2J", ["\1552J"] = "\\x9b2J", ["a\226\128\174b"] = "a\\u{202e}b", ["a\226\129\166b"] = "a\\u{2066}b",
      ["1\226\128\1392"] = "1\\u{200b}2", ["1\226\128\1412"] = "1\\u{200d}2", ["\239\187\191x"] = "\\u{feff}x",
      ["\224A\128\128"] = "\\xe0A\\x80\\x80", ["\237\160\128"] = "\\xed\\xa0\\x80", ["\192\128"] = "\\xc0\\x80", ["\0"] = "\\x00",
      ["a\nb\tc\rd"] = "a\\nb\\tc\\rd",
    } do
      assert.equal(expected, shown.text(octets))
    end
    assert.equal('"say \\"hi\\" \\\\ \\n"', shown.quote 'say "hi" \\ \n')
  end)

  it("keeps lines, and colours where they are asked for", function()
    local text = "\27[31mred\27[0m\n\tnext \27[2J"
    assert.equal("\\x1b[31mred\\x1b[0m\n\tnext \\x1b[2J", shown.lines(text))
    assert.equal("\27[31mred\27[0m\n\tnext \\x1b[2J", shown.lines(text, true))
  end)
end)
