local core = require "smpp.core".text
local few = require "spec.support.few"
local text = require "smpp.text"
local property = require "spec.support.property"
local util = require "spec.support.util"

--- UTF-8 of a code point.
local function utf8(c)
  if c < 0x80 then return string.char(c) end
  if c < 0x800 then return string.char(0xC0 + math.floor(c / 64), 0x80 + c % 64) end
  if c < 0x10000 then
    return string.char(0xE0 + math.floor(c / 4096), 0x80 + math.floor(c / 64) % 64, 0x80 + c % 64)
  end
  return string.char(0xF0 + math.floor(c / 262144), 0x80 + math.floor(c / 4096) % 64,
    0x80 + math.floor(c / 64) % 64, 0x80 + c % 64)
end

describe("smpp.text.coding: GSM 7-bit table", function()
  for id = 0, #core.languages do
    local language = core.languages[id]
    for _, kind in ipairs { "locking", "single" } do
      if language[kind] then
        it(("%s %s round-trips every code"):format(language.name, kind), function()
          local seen = {}
          for _, row in ipairs(util.tsv(("gsm7/%s_%s.tsv"):format(language.name, kind))) do
            local code = tonumber(row.code)
            local octets = (kind == "single" and "\27" or "") .. string.char(code)
            local o = { [kind] = id }
            if row.unicode == "-" then
              local got, problems = text.decode(octets, "gsm7", o)
              assert.equal(" ", got)
              assert.equal("undefined", problems[1].code)
            elseif row.unicode ~= "ESC" then
              local character = utf8(tonumber(row.unicode:sub(3), 16))
              assert.same({ character }, { text.decode(octets, "gsm7", o) })
              if row.encode == "yes" and not seen[row.unicode] then
                seen[row.unicode] = true
                local got = assert(text.encode(character, { encoding = "gsm7", locking = o.locking, single = o.single }))
                -- A character of both tables takes the shorter way, through the locking table.
                if #got == #octets then assert.equal(octets, got) end
                assert.equal(character, (text.decode(got, "gsm7", o)))
              end
            end
          end
        end)
      end
    end
  end

  it("covers all languages of the standard", function()
    for _, row in ipairs(util.tsv "enums.tsv") do
      if row.field == "national_language" then
        assert.equal(row.name, core.languages[tonumber(row.value)].name)
      end
    end
    assert.equal(13, #core.languages)
    assert.is_false(core.languages[2].locking)
  end)
end)

describe("smpp.text.coding: GSM 7-bit encoding", function()
  it("names what it cannot write", function()
    local octets, err, code = text.encode("it’s", { encoding = "gsm7" })
    assert.is_nil(octets)
    assert.equal("character 3 (U+2019, ’) cannot be written in gsm7", err)
    assert.equal("unmappable", code)
    assert.same({ nil, "character 2 (U+001B) cannot be written in gsm7", "unmappable" },
      { text.encode("a\27", { encoding = "gsm7" }) })
  end)

  it("packs behind every number of fill bits, any length", function()
    local alphabet = "abcdefghijklmnopqrstuvwxyz@"
    for fill = 0, 6 do
      for length = 0, 40 do
        local message = alphabet:rep(2):sub(length % 27 + 1, length % 27 + 1 + length)
        local octets, info = text.encode(message, { encoding = "gsm7_packed", fill = fill })
        assert.equal(math.ceil((fill + 7 * info.units) / 8), #octets)
        assert.equal(message, (text.decode(octets, "gsm7_packed", { fill = fill, septets = info.units })))
        -- Without the count a last @ in the spare bits cannot be told from padding.
        local bare = text.decode(octets, "gsm7_packed", { fill = fill })
        assert.equal(message:gsub("@$", function(at) return (fill + 7 * info.units) % 8 == 0 and "" or at end), bare)
      end
    end
  end)
end)

describe("smpp.text.coding: GSM 7-bit decoding", function()
  it("tells what is odd and goes on", function()
    local cases = {
      { "61E962", "a\239\191\189b", "high_bit", 2 },
      { "611B", "a", "lone_escape", 2 },
      { "611B1B62", "a b", "reserved_escape", 2 },
      { "1B41", "A", "undefined", 1 },
      { "1B80", "\239\191\189", "undefined", 1 },
    }
    for _, case in ipairs(cases) do
      local got, problems = text.decode(util.unhex(case[1]), "gsm7")
      assert.equal(case[2], got)
      assert.equal(case[3], problems[1].code)
      assert.equal(case[4], problems[1].offset)
    end
    for _, o in ipairs { { locking = 2 }, { locking = 14 }, { single = 255 } } do
      local got, problems = text.decode("abc", "gsm7", o)
      assert.equal("abc", got)
      assert.equal("unknown_language", problems[1].code)
    end
  end)

  it("drops one CR or @ that only fills the last octet", function()
    assert.equal("1234567", (text.decode(util.unhex "31d98c56b3dd00", "gsm7_packed")))
    assert.equal("1234567", (text.decode(util.unhex "31d98c56b3dd1a", "gsm7_packed")))
    assert.equal("1234567@", (text.decode(util.unhex "31d98c56b3dd00", "gsm7_packed", { septets = 8 })))
  end)
end)

describe("smpp.text.coding: UTF-8", function()
  local bad = {
    { "80", 1 }, { "61c0af", 2 }, { "61c3", 2 }, { "e08080", 1 }, { "eda080", 1 }, { "f08080af", 1 },
    { "f4908080", 1 }, { "fe", 1 }, { "c3a9ff", 3 }, { "e282", 1 }, { "f09f98", 1 }, { "c341", 1 },
  }
  for _, encoding in ipairs { "gsm7", "latin1", "ucs2", "ascii", "iso-8859-5" } do
    it("that is ill-formed is refused by " .. encoding, function()
      for _, case in ipairs(bad) do
        local message = util.unhex(case[1])
        -- é is no ASCII and no Cyrillic: leave it out where it would be unmappable first.
        if case[1] ~= "c3a9ff" or encoding == "gsm7" or encoding == "latin1" or encoding == "ucs2" then
          assert.same({ nil, "malformed UTF-8 at octet " .. case[2], "bad_value" },
            { text.encode(message, { encoding = encoding }) })
        end
      end
    end)
  end
end)

describe("smpp.text.coding: one octet per character", function()
  for _, encoding in ipairs { "ascii", "latin1", "iso-8859-5", "iso-8859-8", "iso-8859-15", "cp1252" } do
    it(encoding .. " round-trips every octet it defines", function()
      local defined = 0
      for octet = 0, 255 do
        local character, problems = text.decode(string.char(octet), encoding)
        if problems then
          assert.equal("\239\191\189", character)
        else
          defined = defined + 1
          assert.equal(string.char(octet), (assert(text.encode(character, { encoding = encoding, data_codings = { [3] = encoding } }))))
        end
      end
      local expected = { ascii = 128, latin1 = 256, ["iso-8859-5"] = 256, ["iso-8859-8"] = 220, ["iso-8859-15"] = 256, cp1252 = 251 }
      assert.equal(expected[encoding], defined)
    end)
  end

  it("reads Latin-9 and CP1252 as libc's iconv does", function()
    local octets = {}
    for octet = 0xA1, 0xFF do octets[#octets + 1] = string.char(octet) end
    assert.equal(
      "¡¢£€¥Š§š©ª«¬\194\173®¯°±²³Žµ¶·ž¹º»ŒœŸ¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
      (text.decode(table.concat(octets), "iso-8859-15")))
    octets = {}
    for octet = 0x80, 0x9F do
      if not ("\129\141\143\144\157"):find(string.char(octet), 1, true) then octets[#octets + 1] = string.char(octet) end
    end
    assert.equal("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", (text.decode(table.concat(octets), "cp1252")))
    local replaced, problems = text.decode("a\129", "cp1252")
    assert.same({ "a\239\191\189", "undefined", 2 }, { replaced, problems[1].code, problems[1].offset })
  end)

  it("has no data_coding for them but a peer's own", function()
    for _, encoding in ipairs { "iso-8859-15", "cp1252", "utf-8" } do
      assert.same({ nil, ("SMPP has no data_coding for %s: give the peer's, data_codings = { [n] = \"%s\" }"):format(encoding, encoding), "bad_value" },
        { text.encode("5 €", { encoding = encoding }) })
      local octets, info = text.encode("5 €", { encoding = encoding, data_codings = { [0xF1] = encoding } })
      assert.equal(0xF1, info.data_coding)
      assert.equal("5 €", (text.decode(octets, 0xF1, { data_codings = { [0xF1] = encoding } })))
      octets, info = text.encode("5 €", { default_alphabet = encoding })
      assert.same({ encoding, 0 }, { info.encoding, info.data_coding })
      assert.equal("5 €", (text.decode(octets, 0, { default_alphabet = encoding })))
    end
  end)

  it("refuses what the alphabet lacks", function()
    assert.same({ nil, "character 2 (U+20AC, €) cannot be written in latin1", "unmappable" },
      { text.encode("5€", { encoding = "latin1" }) })
  end)
end)

describe("smpp.text.coding: UTF-8 as a peer's alphabet", function()
  local PEER = { default_alphabet = "utf-8" }

  it("goes through as it is, and is cut between characters", function()
    local message = ("€😀"):rep(100)
    local parts, info = text.split(message, { encoding = "utf-8", default_alphabet = "utf-8" })
    local joined = {}
    for i, part in ipairs(parts) do
      assert.is_true(#part.octets <= 140)
      joined[i] = text.read({ short_message = part.octets, esm_class = info.esm_class, data_coding = 0 }, PEER)
      assert.is_nil(joined[i]:find("\239\191\189", 1, true))
    end
    assert.equal(message, table.concat(joined))
  end)

  it("replaces what is ill-formed, and loses a byte order mark", function()
    local got, problems = text.decode("\239\187\191a\255\195", 0, PEER)
    assert.equal("a\239\191\189\239\191\189", got)
    assert.same({ "byte_order_mark", "ill_formed", "ill_formed" }, { problems[1].code, problems[2].code, problems[3].code })
    assert.same({ 1, 5, 6 }, { problems[1].offset, problems[2].offset, problems[3].offset })
    assert.same({ nil, "malformed UTF-8 at octet 2", "bad_value" }, { text.encode("a\255", PEER) })
  end)
end)

describe("smpp.text.coding: UCS-2", function()
  it("round-trips every code point", function()
    for first = 0, 0x10FFFF, few(0x400, 0x2C00) do
      local characters = {}
      for c = first, first + 0x3FF do
        if c < 0xD800 or c > 0xDFFF then characters[#characters + 1] = utf8(c) end
      end
      local message = table.concat(characters)
      for _, encoding in ipairs { "ucs2", "ucs2_le", "ucs2_bom" } do
        local octets = assert(text.encode(message, { encoding = encoding, udh = "payload" }))
        assert.equal(message, (text.decode(octets, encoding)))
      end
    end
  end)

  it("replaces what is no character", function()
    local cases = {
      { "0061d83d", "a\239\191\189", "lone_surrogate", 3 },
      { "d83d0061", "\239\191\189a", "lone_surrogate", 1 },
      { "de000061", "\239\191\189a", "lone_surrogate", 1 },
      { "006100", "a\239\191\189", "odd_octet", 3 },
      { "feff0061", "a", "byte_order_mark", 1 },
      { "fffe6100", "\239\191\190\230\132\128", "little_endian", 1 },
    }
    for _, case in ipairs(cases) do
      local got, problems = text.decode(util.unhex(case[1]), "ucs2")
      assert.equal(case[2], got)
      assert.equal(case[3], problems[1].code)
      assert.equal(case[4], problems[1].offset)
    end
  end)

  it("follows a byte order mark where the peer sends one", function()
    assert.same({ "a" }, { text.decode(util.unhex "fffe6100", "ucs2_bom") })
    assert.same({ "a" }, { text.decode(util.unhex "feff0061", "ucs2_bom") })
    assert.same({ "a" }, { text.decode(util.unhex "0061", "ucs2_bom") })
    assert.equal("feff0061", util.hex(assert(text.encode("a", { encoding = "ucs2_bom" }))))
    assert.equal("6100", util.hex(assert(text.encode("a", { encoding = "ucs2_le" }))))
  end)
end)

describe("smpp.text.coding: decoding", function()
  it("never fails, whatever the octets, cut anywhere", function()
    property.holds(few(200, 50), function(random, case)
      local octets = {}
      for i = 1, random(40) do octets[i] = string.char(random(256) - 1) end
      local message = table.concat(octets)
      case.octets = message
      for length = 0, #message do
        for encoding, row in pairs(core.encodings) do
          if not row.foreign then
            local got = text.decode(message:sub(1, length), encoding)
            assert.is_string(got)
            if encoding ~= "binary" then assert.is_truthy(text.encode(got, { encoding = "ucs2" })) end
          end
        end
      end
    end, 20)
  end)

  it("reads data_coding as SMPP does, 0 as the peer does", function()
    assert.equal("@", (text.decode("\0", 0)))
    assert.equal("\0", (text.decode("\0", 0, { default_alphabet = "latin1" })))
    assert.equal("é", (text.decode("\233", 3)))
    assert.equal("a", (text.decode("\0a", 8)))
    assert.equal("Ж", (text.decode("\182", 6)))
    assert.equal("א", (text.decode("\224", 7)))
    assert.equal("\255\0", (text.decode("\255\0", 4)))
  end)
end)
