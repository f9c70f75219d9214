local text = require "smpp.text"
local translit = require "smpp.text.translit"

local function is_gsm(characters) return (text.encode(characters, { encoding = "gsm7" })) ~= nil end

describe("smpp.text.translit", function()
  it("ends in the GSM alphabet for every character, in four steps at most", function()
    local n = 0
    for character, instead in pairs(translit) do
      local steps = 0
      while not is_gsm(instead) do
        steps = steps + 1
        assert.is_true(steps < 4, character)
        instead = assert(translit[instead], ("%s becomes %s, which GSM lacks"):format(character, instead))
      end
      n = n + 1
    end
    assert.is_true(n > 500, n)
  end)

  it("never replaces a character by itself", function()
    for character, instead in pairs(translit) do assert.not_equal(character, instead) end
  end)

  it("replaces what phones and word processors write", function()
    for character, expected in pairs {
      ["“"] = '"', ["’"] = "'", ["–"] = "-", ["…"] = "...", ["\194\160"] = " ", ["\226\128\139"] = "", ["ç"] = "c", ["ő"] = "o", ["€"] = "EUR", ["\204\129"] = "",
    } do assert.equal(expected, translit[character], character) end
  end)
end)
