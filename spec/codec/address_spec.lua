local address = require "smpp.codec.address"
local property = require "spec.support.property"

local NBSP, THIN, NARROW, ZERO_WIDTH, MINUS = "\194\160", "\226\128\137", "\226\128\175", "\226\128\139", "\226\136\146"

--- Digits, + and so on in the width of East Asian characters.
local function wide(text)
  return (text:gsub("[!-~]", function(c) return "\239\188" .. string.char(c:byte() + 0x60) end))
end

-- What people write, the address, TON, NPI: the same as a source and as a destination.
local NUMBERS = {
  { "+491761234567", "491761234567", 1, 1 }, { "+49 176-123.4567", "491761234567", 1, 1 }, { " +491761234567 ", "491761234567", 1, 1 },
  { "+49 (176) 123 45-67", "491761234567", 1, 1 }, { "+49 176/1234567", "491761234567", 1, 1 }, { "+49 (0)176 1234567", "491761234567", 1, 1 },
  { "+49" .. NBSP .. "176" .. THIN .. "123" .. NARROW .. "4567", "491761234567", 1, 1 }, { "+49176123" .. ZERO_WIDTH .. "4567", "491761234567", 1, 1 },
  { "+49" .. MINUS .. "176\226\128\147123\226\128\1444567", "491761234567", 1, 1 }, { wide "+491761234567", "491761234567", 1, 1 },
  { "\226\128\170+491761234567\226\128\172", "491761234567", 1, 1 }, -- marks of direction, as address books copy them
  { wide "491761234567", "491761234567", 1, 1 }, { "(0176) 1234567", "01761234567", 0, 1 }, { "0176/1234567", "01761234567", 0, 1 },
  { "00491761234567", "00491761234567", 0, 1 }, { "0049 176 1234567", "00491761234567", 0, 1 }, { "49 176 1234567", "491761234567", 1, 1 },
  { "123", "123", 3, 0 }, { "12345678", "12345678", 3, 0 }, { "123456789", "123456789", 1, 1 }, { "555-1234", "5551234", 3, 0 },
  { "123456789012345", "123456789012345", 1, 1 }, { "012345678", "012345678", 0, 1 }, { "12", "12", 0, 1 }, { "7", "7", 0, 1 },
  { "1234567890123456", "1234567890123456", 0, 1 }, { 491761234567, "491761234567", 1, 1 }, { 12345, "12345", 3, 0 },
  { "+12", "12", 1, 1 }, { "+491", "491", 1, 1 }, { "+6834", "6834", 1, 1 },
}

local EXACT = {
  { { addr = "x", ton = 6, npi = 9 }, "x", 6, 9 }, { { addr = "x", ton = "national", npi = "ermes" }, "x", 2, 10 }, { { addr = "Shop", ton = 5 }, "Shop", 5, 0 },
  { { addr = "+49" }, "+49", 0, 0 }, { { "12345" }, "12345", 0, 0 },
}

local function name_of(value) return type(value) == "table" and "a table of " .. (value.addr or value[1]) or tostring(value) end

for _, way in ipairs { "source", "destination" } do
  describe("smpp.codec.address." .. way, function()
    for _, list in ipairs { NUMBERS, EXACT } do
      for _, case in ipairs(list) do
        it("reads " .. name_of(case[1]), function()
          assert.same({ addr = case[2], ton = case[3], npi = case[4] }, (address[way](case[1])))
        end)
      end
    end

    it("has the profile's TON for short codes", function()
      assert.same({ addr = "12345", ton = 6, npi = 1 }, address[way]("12345", { short_code_ton = 6, short_code_npi = 1 }))
    end)

    it("has at most 20 digits", function()
      for _, text in ipairs { ("1"):rep(21), "+" .. ("1"):rep(21), ("1 "):rep(21) } do assert.equal("too_long", (select(3, address[way](text)))) end
    end)

    it("raises for what is no address at all", function()
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, message = pcall(function() local a = address[way](true) return a end)
      assert.is_false(ok)
      assert.matches(("address_spec.lua:%d: address: expected a string"):format(line), message)
    end)

    -- Any text is an address or is refused with a reason; no text costs more than its length.
    -- Any text is an address or is refused with a reason.
    it("is read from any text", function()
      local pieces = { "1", "49", "+", "0", "(", ")", "/", "-", ".", " ", NBSP, THIN, wide "+1", "*", "#", "E", "e+11", "A", "\0", "\255", "\226\128", "ü", "00" }
      property.holds(3000, function(random, case)
        local list = {}
        for i = 1, random(13) - 1 do list[i] = random(8) == 8 and string.char(random(256) - 1) or pieces[random(#pieces)] end
        case.text = table.concat(list)
        local got, message, code = address[way](case.text)
        if got then
          assert(got.ton >= 0 and got.ton <= 5 and #got.addr <= 20)
          if got.ton ~= 5 and got.addr ~= "" then assert(got.addr:find "^[%d*#]+$", got.addr) end
          assert(way == "source" or got.ton ~= 5 and got.addr ~= "")
        else
          assert(type(message) == "string" and not message:find "[%c\128-\255]", message)
          assert(({ too_long = true, unmappable = way == "source", bad_value = way == "destination", missing = way == "destination" })[code], code)
        end
      end)
    end)

    it("is read in time in proportion to its length", function()
      for _, octets in ipairs { " ", "\0", "0", "+", "(", "\194\160", "*", "1 ", "\239\188\145", "E" } do
        local got, message, code = address[way](octets:rep(math.floor(65536 / #octets)))
        assert.is_nil(got)
        assert.is_true(#message < 400)
        assert.is_string(code)
      end
    end)
  end)
end

describe("smpp.codec.address.source", function()
  for _, case in ipairs {
    { "TestApp", "TestApp", 5, 0 }, { "My Shop 24", "My Shop 24", 5, 0 }, { "24/7", "24/7", 5, 0 }, { "1-2-3", "1-2-3", 5, 0 }, { "*100#", "*100#", 5, 0 },
    { "", "", 0, 0 },
  } do
    it("can be " .. case[1], function() assert.same({ addr = case[2], ton = case[3], npi = case[4] }, (address.source(case[1]))) end)
  end

  it("can be missing: the MC's default", function() assert.same({ addr = "", ton = 0, npi = 0 }, address.source(nil)) end)

  it("is refused where it is too long or not ASCII", function()
    local _, message, code = address.source "TwelveLetters"
    assert.equal("too_long", code)
    assert.equal("alphanumeric address 'TwelveLetters' too long: at most 11 characters, got 13", message)
    _, message, code = address.source "Müller"
    assert.equal("unmappable", code)
    assert.equal("alphanumeric address 'M\\xC3\\xBCller': non-ASCII byte 0xC3", message)
  end)
end)

describe("smpp.codec.address.destination", function()
  for _, case in ipairs { { "*100#", "*100#" }, { "*#06#", "*#06#" }, { wide "*100#", "*100#" }, { " #31# ", "#31#" }, { "##002#", "##002#" } } do
    it("can be the code " .. case[1], function() assert.same({ addr = case[2], ton = 0, npi = 1 }, (address.destination(case[1]))) end)
  end

  -- code, a part of the reason
  for _, case in ipairs {
    { "4.91761E+11", "bad_value", "scientific notation" }, { "4,91761E+11", "bad_value", "scientific notation" }, { "4.9e11", "bad_value", "scientific notation" },
    { "Alice", "bad_value", "invalid destination 'Alice': expected a number; names (alphanumeric addresses) can only be in from" },
    { "0800-FLOWERS", "bad_value", "expected a number" }, { "49176x", "bad_value", "expected a number" }, { "+49", "bad_value", "'+49': truncated: only a country code" },
    { "+1", "bad_value", "only a country code" }, { "+683", "bad_value", "only a country code" }, { "+0176123", "bad_value", "invalid country code: begins with 0" },
    { "+", "bad_value", "expected a number" }, { "+49+176", "bad_value", "expected a number" }, { "491761234567;491761234568", "bad_value", "expected a number" },
    { "müller", "bad_value", "expected a number" }, { "1\0002", "bad_value", "'1\\x002'" }, { ("*"):rep(21), "too_long", "at most 20" },
    { "", "missing", "missing destination" }, { "  ", "missing", "missing destination" }, { NBSP, "missing", "missing destination" }, { "()", "missing", "missing" },
    { {}, "missing", "missing destination" }, { { addr = "" }, "missing", "missing destination" }, { 1.5e30, "too_long", "digits" },
  } do
    it("cannot be " .. (type(case[1]) == "string" and ("%q"):format(case[1]) or tostring(case[1] == 1.5e30 and case[1] or "an empty table")), function()
      local got, message, code = address.destination(case[1])
      assert.is_nil(got)
      assert.equal(case[2], code)
      assert.is_truthy(message:find(case[3], 1, true), message)
    end)
  end

  it("cannot be missing", function() assert.equal("missing", (select(3, address.destination(nil)))) end)
end)

describe("smpp.codec.address.remembering", function()
  it("returns an address that says all of itself as it is", function()
    local read = address.remembering(address.source)
    local exact = { addr = "12345", ton = 0, npi = 9 }
    assert.equal(exact, read(exact))
    assert.is_nil(read { addr = "12345", ton = "international", npi = 1 })
    assert.is_nil(read { addr = "", ton = 0, npi = 0 })
    assert.equal(read "+491761234567", read "+491761234567")
  end)
end)

describe("smpp.codec.address.format", function()
  it("is written with + before international numbers", function()
    assert.equal("+49", address.format("49", 1))
    assert.equal("49", address.format("49", 0))
    assert.equal("Shop", address.format("Shop", 5))
  end)
end)
