local core = require "smpp.core".text
local text = require "smpp.text"
local property = require "spec.support.property"
local util = require "spec.support.util"

--- Characters worth cutting between, by coding.
local POOLS = {
  gsm7 = { "a", "Z", " ", "@", "é", "€", "{", "^", "\f", "\r", "\n", "Ω" },
  turkish = { "a", "ı", "ğ", "Ş", "€", "{", " " },
  latin1 = { "a", "é", "ÿ", "\194\160", "\r", "\n" },
  ascii = { "a", "\r", "\n", "~" },
  ["iso-8859-5"] = { "Ж", "а", "№", "a" },
  ["iso-8859-8"] = { "א", "ת", "a" },
  ucs2 = {
    "a", "é", "Ж", "你", "😀", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "e\204\129", "❤️", "한", "ᄒ", "\r\n", "क्षि", "\239\191\189",
  },
}

local function random_text(random, pool, most)
  local list = {}
  for i = 1, random(most) do list[i] = pool[random(#pool)] end
  return table.concat(list)
end

--- The text that a receiver of these parts reads, every part decoded by itself.
local function joined(parts, info)
  local list = {}
  for i, part in ipairs(parts) do
    local header = #(part.udh or "")
    local got, problems = text.decode(part.octets:sub(header + 1), info.encoding, {
      locking = info.locking, single = info.single, fill = (7 - header * 8 % 7) % 7,
      septets = info.encoding == "gsm7_packed" and select(2, core.encode(part.text, "gsm7", info.locking, info.single)) or nil,
    })
    assert.is_nil(problems)
    assert.equal(part.text, got)
    list[i] = got
  end
  return table.concat(list)
end

describe("smpp.text.split", function()
  local codings = {
    { pool = "gsm7", encoding = "gsm7" }, { pool = "gsm7", encoding = "gsm7_packed" },
    { pool = "turkish", encoding = "gsm7", single = "turkish" },
    { pool = "turkish", encoding = "gsm7", locking = "turkish" },
    { pool = "turkish", encoding = "gsm7_packed", locking = "turkish", single = "turkish" },
    { pool = "latin1", encoding = "latin1" }, { pool = "ascii", encoding = "ascii" },
    { pool = "iso-8859-5", encoding = "iso-8859-5" }, { pool = "iso-8859-8", encoding = "iso-8859-8" },
    { pool = "ucs2", encoding = "ucs2" }, { pool = "ucs2", encoding = "ucs2_le" }, { pool = "ucs2", encoding = "ucs2_bom" },
    { pool = "ucs2" }, { pool = "gsm7" }, { pool = "turkish", language = "turkish" },
  }
  for number, coding in ipairs(codings) do
    for _, udh in ipairs { "concat_8bit", "concat_16bit", "sar", "payload" } do
      for _, graphemes in ipairs { true, false } do
        local name = ("joins to the original: %s %s %s, graphemes %s"):format(coding.pool, coding.encoding or "auto", udh,
          tostring(graphemes))
        it(name, function()
          property.holds(12, function(random, case)
            local message = random_text(random, POOLS[coding.pool], 600)
            case.message = message
            local parts, info = assert(text.split(message, {
              encoding = coding.encoding, single = coding.single, locking = coding.locking, language = coding.language,
              udh = udh, graphemes = graphemes,
            }))
            assert.equal(message, joined(parts, info))
            assert.equal(#parts, info.parts)
            for i, part in ipairs(parts) do
              assert.is_true(udh == "payload" or #part.octets <= (info.encoding == "gsm7" and 160 or 140))
              local form = part.udh and part.udh:sub(2, -1) or ""
              if #parts > 1 and udh == "concat_8bit" then
                assert.equal(string.char(0, 3, info.reference, #parts, i), form:sub(1, 5))
              elseif #parts > 1 and udh == "concat_16bit" then
                assert.equal(string.char(8, 4, math.floor(info.reference / 256), info.reference % 256, #parts, i), form:sub(1, 6))
              end
              assert.equal(part.udh and 0x40 or 0, info.esm_class)
            end
          end, 7 + number)
        end)
      end
    end
  end

  --- UTF-8 of a code point.
  local function utf8(c)
    if c < 0x80 then return string.char(c) end
    local tail = ""
    local lead = c < 0x800 and 0xC0 or c < 0x10000 and 0xE0 or 0xF0
    for _ = 1, c < 0x800 and 1 or c < 0x10000 and 2 or 3 do
      tail = string.char(0x80 + c % 64) .. tail
      c = math.floor(c / 64)
    end
    return string.char(lead + c) .. tail
  end

  --- Any code point, those that join others more often than chance would have it.
  local function any_character(random)
    local kind = random(6)
    if kind == 1 then return utf8(random(0x7F)) end
    if kind == 2 then return utf8(0x300 + random(0x6F)) end
    if kind == 3 then return ({ "\226\128\141", "\239\184\143", "🏽", "🇩", "👩", "❤", "\224\165\141", "क" })[random(8)] end
    if kind == 4 then return utf8(0x1F300 + random(0x300)) end
    local c = random(0x10FFFF)
    if c >= 0xD800 and c <= 0xDFFF or c == 0xFEFF then c = 0x4F60 end
    return utf8(c)
  end

  for _, udh in ipairs { "concat_8bit", "concat_16bit", "sar", "payload" } do
    for _, options in ipairs {
      {}, { graphemes = false }, { encoding = "ucs2_le" }, { encoding = "ucs2_bom", graphemes = false },
      { elements = "\5\4\11\132\35\240" }, { allow = { "latin1", "ucs2" } },
    } do
      local name = ("joins any Unicode to the original: %s, %s, graphemes %s%s"):format(udh, options.encoding or "auto",
        tostring(options.graphemes ~= false), options.elements and ", ports" or "")
      it(name, function()
        property.holds(15, function(random, case)
          local list = {}
          for i = 1, random(400) do list[i] = any_character(random) end
          local message = table.concat(list)
          case.message = message
          options.udh = udh
          local parts, info = assert(text.split(message, options))
          assert.equal(message, joined(parts, info))
          -- A receiver may as well join the octets first.
          local payloads = {}
          for i, part in ipairs(parts) do payloads[i] = part.octets:sub(#(part.udh or "") + 1) end
          if info.encoding ~= "ucs2_bom" then
            assert.equal(message, (text.decode(table.concat(payloads), info.encoding)))
          end
        end, 107)
      end)
    end
  end

  it("needs no header for what fits one message", function()
    for _, case in ipairs { { "a", 160 }, { "Ж", 70 }, { "€", 80 }, { "😀", 35 } } do
      local parts, info = text.split(case[1]:rep(case[2]))
      assert.equal(1, #parts)
      assert.is_nil(parts[1].udh)
      assert.equal(0, info.units_left)
      assert.equal(2, #text.split(case[1]:rep(case[2] + 1)))
    end
    -- A byte order mark is sent with every part and takes room there.
    local marked, marked_info = text.split(("a"):rep(69), { encoding = "ucs2_bom" })
    assert.equal(140, #marked[1].octets)
    assert.same({ 69, 0 }, { marked_info.units, marked_info.units_left })
    assert.equal(2, #text.split(("a"):rep(70), { encoding = "ucs2_bom" }))
    local parts, info = text.split("")
    assert.same({ { octets = "", text = "" } }, parts)
    assert.equal("gsm7", info.encoding)
    assert.equal(160, info.units_left)
  end)

  it("fills every part but the last", function()
    local parts, info = text.split(("a"):rep(153 * 2 + 1))
    assert.equal(3, #parts)
    assert.equal(152, info.units_left)
    assert.equal(6 + 153, #parts[1].octets)
    assert.equal(307, info.units)
  end)

  it("leaves a septet free rather than cutting an escape pair", function()
    local parts = text.split(("a"):rep(152) .. "€" .. ("b"):rep(20))
    assert.equal(("a"):rep(152), parts[1].text)
    assert.equal("\27\101", parts[2].octets:sub(7, 8))
  end)

  it("goes to 255 parts and no further", function()
    assert.equal(255, #text.split(("a"):rep(153 * 255)))
    assert.same({ nil, "too long: 256 parts, at most 255 are allowed", "too_long" }, { text.split(("a"):rep(153 * 255 + 1)) })
    assert.same({ nil, "too long: 3 parts, at most 2 are allowed", "too_long" }, { text.split(("a"):rep(400), { max_parts = 2 }) })
    assert.same({ nil, "too long for one message: 161 septets, at most 160", "too_long" }, { text.split(("a"):rep(161), { udh = "none" }) })
    assert.equal(1, #text.split(("a"):rep(160), { udh = "none" }))
    assert.equal(1, #text.split(("a"):rep(65535), { udh = "payload" }))
    assert.equal("too_long", select(3, text.split(("a"):rep(65536), { udh = "payload" })))
  end)

  it("numbers texts with a counter of its own, the caller's, or a given number", function()
    local long = ("a"):rep(200)
    local function reference(o) return select(2, text.split(long, o)).reference end
    local first = reference()
    assert.equal((first + 1) % 256, reference())
    assert.equal(7, reference { reference = 7 })
    assert.equal(0, reference { reference = 0 })
    assert.equal(44, reference { reference = function() return 300 end })
    assert.equal(300, reference { reference = 300, udh = "concat_16bit" })
    assert.is_nil(select(2, text.split("short")).reference)
  end)
end)

describe("smpp.text.measure: room in one message", function()
  for _, row in ipairs(util.tsv "segments.tsv") do
    it("behind " .. row.udh_form, function()
      local header = tonumber(row.header_octets)
      assert.equal(tonumber(row.gsm7_septets), core.capacity("gsm7", header))
      assert.equal(tonumber(row.gsm7_septets), core.capacity("gsm7_packed", header))
      assert.equal(tonumber(row.octets), core.capacity("latin1", header))
      assert.equal(tonumber(row.ucs2_units), core.capacity("ucs2", header))
      -- The fill bits show in how many octets a packed text takes.
      if header > 0 then
        local elements = string.char(0xC0, header - 3) .. ("x"):rep(header - 3)
        local parts = text.split("1234567", { encoding = "gsm7_packed", elements = elements })
        assert.equal(header + math.ceil((tonumber(row.fill_bits) + 49) / 8), #parts[1].octets)
        assert.equal("1234567", (text.decode(parts[1].octets:sub(header + 1), "gsm7_packed",
          { fill = tonumber(row.fill_bits), septets = 7 })))
      end
    end)
  end

  it("is none behind a header that fills it", function()
    assert.equal(0, core.capacity("gsm7", 140))
    assert.equal(0, core.capacity("ucs2", 256))
    assert.equal(1, core.capacity("gsm7", 139))
    assert.equal(0, core.capacity("ucs2", 139))
    assert.equal(0, core.capacity("ucs2_bom", 139))
  end)
end)

describe("smpp.text: choosing the encoding", function()
  it("takes GSM where it can, else UCS-2, and says why", function()
    local info = text.measure("it’s 5€, isn’t it?")
    assert.equal("ucs2", info.encoding)
    assert.equal(8, info.data_coding)
    assert.same({
      { character = "’", codepoint = 0x2019, position = 3, octet = 3, units = 1 },
      { character = "’", codepoint = 0x2019, position = 13, octet = 17, units = 1 },
    }, info.culprits)
    assert.equal(18, info.units)
    assert.equal(52, info.units_left)
    assert.same({}, text.measure("it's").culprits)
  end)

  it("counts a pair as two units", function()
    local info = text.measure("a👍")
    assert.equal(3, info.units)
    assert.equal(2, info.culprits[1].units)
    assert.equal(2, info.culprits[1].position)
  end)

  it("takes Latin-1 only when allowed", function()
    assert.equal("ucs2", text.measure("ç").encoding)
    assert.equal("latin1", text.measure("ç", { allow = { "gsm7", "latin1", "ucs2" } }).encoding)
    assert.equal("gsm7", text.measure("é", { allow = { "gsm7", "latin1", "ucs2" } }).encoding)
    -- Brackets are two septets each: Latin-1 saves a part.
    assert.equal("latin1", text.measure(("["):rep(100), { allow = { "gsm7", "latin1" } }).encoding)
    assert.same({ nil, "character 1 (U+4F60, 你) cannot be written in latin1", "unmappable" },
      { text.measure("你", { allow = { "latin1", "ascii" } }) })
  end)

  it("takes the national tables that need the fewest parts", function()
    local function tables(message, o)
      local info = text.measure(message, o)
      return info.encoding, info.locking, info.single
    end
    assert.same({ "gsm7", 0, 0 }, { tables("gunes", { language = "turkish" }) })
    assert.same({ "gsm7", 0, 1 }, { tables("güneş ışığı", { language = "turkish" }) })
    assert.same({ "gsm7", 1, 0 }, { tables(("ş"):rep(155), { language = 1 }) })
    assert.same({ "gsm7", 0, 2 }, { tables("acción", { language = { "turkish", "spanish" } }) })
    assert.same({ "ucs2", 0, 0 }, { tables("ışık 你", { language = { "turkish" } }) })
    local parts, info = text.split("ışık", { language = "turkish" })
    assert.equal("03240101" .. "1b691b731b696b", util.hex(parts[1].octets))
    assert.equal(0x40, info.esm_class)
  end)
end)
