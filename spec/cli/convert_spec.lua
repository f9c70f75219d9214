local convert = require "smpp.cli.convert"

describe("smpp.cli.convert", function()
  it("takes numbers in a range, and says what it expected", function()
    for _, case in ipairs {
      { convert.number(1, nil, true), { "1", "70000" }, { "0", "1.5", "x", "", "nan", "inf" }, "an integer of at least 1" },
      { convert.number(0, 65535, true), { "0", "65535" }, { "-1", "65536" }, "an integer from 0 to 65535" },
      { convert.number(1e-6, 1e9), { "0.5" }, { "0", "-1", "1e10" }, "a number above 0" },
      { convert.number(-1e15, 1e15), { "-5", "42" }, { "x" }, "a number" },
      { convert.seconds, { "0", "2.5" }, { "-1", "1e10", "-nan" }, "a number from 0 to 1000000000" },
    } do
      for _, word in ipairs(case[2]) do assert.equal(tonumber(word), case[1](word)) end
      for _, word in ipairs(case[3]) do
        local value, message = case[1](word)
        assert.is_nil(value)
        assert.equal(("invalid value '%s': expected %s"):format(word, case[4]), message)
      end
    end
  end)
end)
