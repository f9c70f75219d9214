local strings = require "smpp.base.strings"

describe("smpp.base.strings", function()
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
