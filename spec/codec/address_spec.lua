local address = require "smpp.codec.address"

describe("smpp.codec.address", function()
  local cases = {
    { "+491761234567", "491761234567", 1, 1 }, { "+49 176-123.4567", "491761234567", 1, 1 }, { "+1", "1", 1, 1 },
    { "123", "123", 3, 0 }, { "12345678", "12345678", 3, 0 }, { "123456789", "123456789", 1, 1 },
    { "123456789012345", "123456789012345", 1, 1 }, { "012345678", "012345678", 0, 1 }, { "12", "12", 0, 1 }, { "7", "7", 0, 1 },
    { "1234567890123456", "1234567890123456", 0, 1 }, { "TestApp", "TestApp", 5, 0 }, { "My Shop 24", "My Shop 24", 5, 0 },
    { "", "", 0, 0 }, { { addr = "x", ton = 6, npi = 9 }, "x", 6, 9 }, { { addr = "x", ton = "national", npi = "ermes" }, "x", 2, 10 },
  }
  for _, case in ipairs(cases) do
    it("reads " .. tostring(type(case[1]) == "table" and "a table" or case[1]), function()
      assert.same({ addr = case[2], ton = case[3], npi = case[4] }, address.parse(case[1]))
    end)
  end

  it("reads nil as the MC's default", function() assert.same({ addr = "", ton = 0, npi = 0 }, address.parse(nil)) end)

  it("refuses names that are too long or no ASCII", function()
    local _, message, code = address.parse "TwelveLetters"
    assert.equal("too_long", code)
    assert.truthy(message:find("at most 11 characters, this has 13", 1, true))
    _, message, code = address.parse "Müller"
    assert.equal("unmappable", code)
    assert.truthy(message:find("0xC3", 1, true))
    assert.equal("too_long", (select(3, address.parse(("1"):rep(21)))))
    assert.equal("too_long", (select(3, address.parse("+" .. ("1"):rep(21)))))
  end)

  it("has the profile's TON for short codes", function()
    assert.same({ addr = "12345", ton = 6, npi = 1 }, address.parse("12345", { short_code_ton = 6, short_code_npi = 1 }))
  end)

  it("writes + before international numbers", function()
    assert.equal("+49", address.format("49", 1))
    assert.equal("49", address.format("49", 0))
    assert.equal("Shop", address.format("Shop", 5))
  end)
end)
