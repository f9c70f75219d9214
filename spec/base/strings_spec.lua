local strings = require "smpp.base.strings"

describe("smpp.base.strings", function()
  it("puts a word into the plural", function()
    assert.same({ "0 parts", "1 part", "2 parts" }, { strings.plural(0, "part"), strings.plural(1, "part"), strings.plural(2, "part") })
  end)

  it("reads whole numbers, decimal and hex, of a size that Lua has", function()
    for word, number in pairs {
      ["0"] = 0, ["58"] = 58, ["0x58"] = 0x58, ["0XfF"] = 255, ["0x00000000000000000000058"] = 0x58, ["0x1FFFFFFFFFFFF"] = 0x1FFFFFFFFFFFF,
      ["007"] = 7, ["99999999999"] = 99999999999,
    } do
      assert.equal(number, strings.integer(word))
    end
    for _, word in ipairs { "", "0x", "-1", "1.5", "1e3", "0x1p4", "0x10000000000000058", " 1", "nan", ("0x" .. ("a"):rep(99)) } do
      assert.is_nil((strings.integer(word)), word)
    end
  end)

  local cases = { -- octets, trim, trim_end, cut_nul
    { "", "", "", "" }, { " ", "", "", " " }, { "\0", "\0", "\0", "" }, { "a", "a", "a", "a" }, { " a ", "a", " a", " a " },
    { "\t a b\r\n", "a b", "\t a b", "\t a b\r\n" }, { "a\0b\0\0", "a\0b\0\0", "a\0b\0\0", "a\0b" }, { " \0 ", "\0", " \0", " \0 " },
    { "a\n\nb ", "a\n\nb", "a\n\nb", "a\n\nb " }, { "\0\0\0", "\0\0\0", "\0\0\0", "" },
  }
  for i, case in ipairs(cases) do
    it("cuts what surrounds a text: case " .. i, function()
      assert.same({ case[2], case[3], case[4] }, { strings.trim(case[1]), strings.trim_end(case[1]), strings.cut_nul(case[1]) })
    end)
  end
end)
