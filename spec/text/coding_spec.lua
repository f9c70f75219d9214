local text = require "smpp.text"
local util = require "spec.support.util"

local hex, unhex = util.hex, util.unhex

describe("smpp.text.coding: data_coding", function()
  local alphabets = { gsm7 = "gsm7", ["8bit"] = "binary", ucs2 = "ucs2" }

  it("0x00 to 0x0F is what SMPP says", function()
    local expected = {
      [0] = "gsm7", "ascii", "binary", "latin1", "binary", "shift_jis", "iso-8859-5", "iso-8859-8", "ucs2", "binary",
      "iso-2022-jp", "gsm7", "gsm7", "euc-jp", "euc-kr", "gsm7",
    }
    for octet = 0, 15 do
      local d = text.data_coding(octet)
      assert.equal(expected[octet], d.encoding)
      assert.equal(octet, d.data_coding)
      assert.equal(octet == 0x0B or octet == 0x0C or octet == 0x0F, d.reserved)
      assert.equal(octet == 0 or d.reserved, d.default)
      assert.is_nil(d.class)
      assert.is_nil(d.mwi)
    end
  end)

  -- Every GSM value of the table, its name taken apart: "gsm7_class_0", "mwi_store_ucs2_fax_on".
  for _, row in ipairs(util.tsv "enums.tsv") do
    if row.field == "data_coding.gsm" then
      it(("%s is %s"):format(row.value, row.name), function()
        local d = text.data_coding(tonumber(row.value))
        assert.is_false(d.reserved)
        assert.is_false(d.default)
        local alphabet, class = row.name:match "^(%w+)_class_(%d)$"
        if class then
          assert.equal(alphabets[alphabet], d.encoding)
          assert.equal(tonumber(class), d.class)
          assert.equal(row.notes == "flash", d.flash)
          assert.is_nil(d.mwi)
        else
          local store, mwi_alphabet, kind, sense = row.name:match "^mwi_(%a+)_(%w+)_(%a+)_(%a+)$"
          assert.equal(alphabets[mwi_alphabet], d.encoding)
          assert.same({ type = kind, active = sense == "on", store = store == "store" }, d.mwi)
          assert.is_nil(d.class)
        end
      end)
    end
  end

  it("reads the GSM groups bit by bit", function()
    for octet = 0x10, 0x7F do
      local d = text.data_coding(octet)
      assert.equal(math.floor(octet / 0x40) == 1, d.auto_delete)
      assert.equal(math.floor(octet / 0x20) % 2 == 1, d.compressed)
      assert.equal(math.floor(octet / 0x10) % 2 == 1 and octet % 4 or nil, d.class)
      local alphabet = math.floor(octet / 4) % 4
      assert.equal(({ [0] = "gsm7", "binary", "ucs2", "gsm7" })[alphabet], d.encoding)
      assert.equal(alphabet == 3, d.reserved)
    end
    for octet = 0x80, 0xBF do
      assert.is_true(text.data_coding(octet).reserved)
      assert.is_true(text.data_coding(octet).default)
    end
    for octet = 0xC0, 0xEF do assert.equal(octet % 8 >= 4, text.data_coding(octet).reserved) end
    for octet = 0xF0, 0xFF do assert.equal(octet % 16 >= 8, text.data_coding(octet).reserved) end
  end)

  it("decodes by it, compressed text excepted", function()
    assert.equal("@", (text.decode("\0", 0xF0)))
    assert.equal("Ж", (text.decode("\4\22", 0x18)))
    assert.equal("\4\22", (text.decode("\4\22", 0xF5)))
    local octets, problems = text.decode("\1\2", 0x20)
    assert.equal("\1\2", octets)
    assert.equal("compressed", problems[1].code)
  end)

  it("gives a table of one's own", function()
    text.data_coding(0xC8).mwi.active = "spoilt"
    assert.is_true(text.data_coding(0xC8).mwi.active)
  end)
end)

describe("smpp.text.coding: options of a peer", function()
  it("say what data_coding 0 and the reserved values are", function()
    local peer = { default_alphabet = "latin1" }
    assert.equal("é", (text.decode("\233", 0, peer)))
    assert.equal("é", (text.decode("\233", 0x0F, peer)))
    assert.equal("@", (text.decode("\0", 0xF0, peer)))
    local octets, info = text.encode("é", peer)
    assert.equal("\233", octets)
    assert.equal(0, info.data_coding)
    assert.equal("ucs2", select(2, text.encode("€", peer)).encoding)
    assert.same({ nil, "data_coding 0 means latin1 to this peer: no data_coding for gsm7", "bad_value" },
      { text.encode("a", { default_alphabet = "latin1", encoding = "gsm7" }) })
    assert.equal(0x10, select(2, text.encode("a", { default_alphabet = "latin1", encoding = "gsm7", class = 0 })).data_coding)
  end)

  it("may be packed septets", function()
    local peer = { default_alphabet = "gsm7_packed" }
    local octets, info = text.encode("hellohello", peer)
    assert.equal("e8329bfd4697d9ec37", hex(octets))
    assert.equal(0, info.data_coding)
    assert.equal("hellohello", (text.decode(octets, 0, peer)))
    assert.equal("hellohello", (text.decode(octets, 0xF1, peer)))
    assert.equal("gsm7_packed", select(2, text.encode("a", { default_alphabet = "gsm7_packed", encoding = "gsm7" })).encoding)
  end)

  it("may be little-endian or other values", function()
    local peer = { data_codings = { [8] = "ucs2_le", [1] = "gsm7", [5] = "euc-jp" } }
    assert.equal("a", (text.decode("a\0", 8, peer)))
    assert.equal("a", (text.decode("a\0", 0x18, peer)))
    assert.equal("@", (text.decode("\0", 1, peer)))
    local octets, info = text.encode("Ж", peer)
    assert.equal("1604", hex(octets))
    assert.equal("ucs2_le", info.encoding)
    assert.equal(8, info.data_coding)
    assert.equal(1, select(2, text.encode("a", peer)).data_coding)
    assert.equal(5, select(2, text.encode("a", { data_codings = peer.data_codings, encoding = "euc-jp" })).data_coding)
    assert.equal("bad_value", select(3, text.encode("a", { data_codings = peer.data_codings, encoding = "ascii" })))
  end)
end)

describe("smpp.text.coding: data_coding to send", function()
  it("is the book's, or that of the message class", function()
    local expected = {
      gsm7 = { 0, 0x10 }, gsm7_packed = { 0, 0x10 }, ascii = { 1 }, latin1 = { 3 }, binary = { 4, 0x14 }, shift_jis = { 5 },
      ["iso-8859-5"] = { 6 }, ["iso-8859-8"] = { 7 }, ucs2 = { 8, 0x18 }, ucs2_le = { 8, 0x18 }, ucs2_bom = { 8, 0x18 },
      ["iso-2022-jp"] = { 10 }, ["euc-jp"] = { 13 }, ["euc-kr"] = { 14 },
    }
    for encoding, octet in pairs(expected) do
      local _, info = text.encode("a", { encoding = encoding })
      assert.equal(octet[1], info.data_coding)
      for class = 0, 3 do
        local octets, with_class, code = text.encode("a", { encoding = encoding, class = class })
        if octet[2] then
          assert.equal(octet[2] + class, with_class.data_coding)
          assert.equal(class, text.data_coding(with_class.data_coding).class)
        else
          assert.same({ nil, encoding .. " has no message classes", "bad_value" }, { octets, with_class, code })
        end
      end
    end
    assert.equal(0x18, text.measure("Ж", { class = 0 }).data_coding)
  end)
end)

describe("smpp.text.coding: unmappable characters", function()
  it("is replaced by ? on request", function()
    local octets, info = text.encode("Ж’é你", { encoding = "latin1", on_unmappable = "?" })
    assert.equal("??\233?", octets)
    assert.equal("??é?", info.text)
    -- Where UCS-2 may be chosen nothing needs replacing.
    assert.equal("ucs2", select(2, text.encode("Ж", { on_unmappable = "?" })).encoding)
  end)

  it("is transliterated on request, which saves UCS-2", function()
    local cases = {
      { "it’s – “fine”…", "it's - \"fine\"..." },
      { "ê ë ç Œuvre ﬁn", "e e c OEuvre fin" },
      { "é à", "é à" },
      { "Άλφα", "AΛΦA" },
      { "e\204\129", "e" },
      { "a\194\160b\226\128\139c\t", "a bc " },
      { "ＡＢ１", "AB1" },
    }
    for _, case in ipairs(cases) do
      local octets, info = text.encode(case[1], { on_unmappable = "transliterate" })
      assert.equal("gsm7", info.encoding)
      assert.equal(case[2], (text.decode(octets, "gsm7")))
      assert.equal(case[2], info.text)
    end
    assert.equal("5EUR", select(2, text.encode("5€", { encoding = "ascii", on_unmappable = "transliterate" })).text)
  end)

  it("leaves a text alone that it cannot transliterate whole", function()
    local _, info = text.encode("it’s 你", { on_unmappable = "transliterate" })
    assert.equal("ucs2", info.encoding)
    assert.equal("it’s 你", info.text)
    assert.same({ nil, "character 3 (U+2019, ’) cannot be written in gsm7", "unmappable" },
      { text.encode("it’s 你", { encoding = "gsm7", on_unmappable = "transliterate" }) })
  end)

  it("prefers a national table to a replacement", function()
    local _, info = text.encode("ışık", { language = "turkish", on_unmappable = "transliterate" })
    assert.equal("ışık", info.text)
    assert.equal(1, info.single)
  end)

  it("the replacement of every entry can be written in GSM, at last", function()
    for character in pairs(require "smpp.text.translit") do
      local octets, err = text.encode(character, { encoding = "gsm7", on_unmappable = "transliterate" })
      assert.is_truthy(octets, err)
    end
  end)
end)

describe("smpp.text.coding: other UDH elements", function()
  local ports = { name = "port_16bit", dest_port = 2948, orig_port = 9200 }

  it("stand in every part, which has less room", function()
    local parts, info = text.split(("a"):rep(200), { elements = { ports }, reference = 1 })
    assert.equal(2, #parts)
    assert.equal("0b00030102010504" .. "0b8423f0", hex(parts[1].udh))
    assert.equal("0b00030102020504" .. "0b8423f0", hex(parts[2].udh))
    assert.equal(146, #parts[1].text)
    assert.equal(0x40, info.esm_class)
  end)

  it("stand in a single part as well", function()
    local parts, info = text.split("hello", { elements = unhex "05040b8423f0" })
    assert.equal("06" .. "05040b8423f0", hex(parts[1].udh))
    assert.equal(0x40, info.esm_class)
    assert.equal(152 - 5, info.units_left)
    assert.equal(hex(parts[1].udh), hex(text.measure("hello", { elements = { ports } }).udh))
  end)

  it("may come from a received header: its own concatenation and tables are left out", function()
    local header = assert(require "smpp.text.udh".decode(unhex "0e 0003 2a0301 240101 0504 0b8423f0"))
    local parts = text.split("hello", { elements = header.elements })
    assert.equal("06" .. "05040b8423f0", hex(parts[1].udh))
  end)

  it("go with packed septets", function()
    local parts = text.split("hello", { encoding = "gsm7_packed", elements = unhex "04020102" })
    assert.equal("hello", (text.decode(parts[1].octets:sub(6), "gsm7_packed", { fill = 2, septets = 5 })))
  end)

  it("are checked", function()
    assert.equal("bad_length", select(3, text.split("a", { elements = "\0\9" })))
    assert.equal("too_long", select(3, text.split("a", { elements = ("x"):rep(256) })))
    assert.equal("bad_length", select(3, text.split("a", { elements = { { iei = 5, octets = "x" } } })))
    assert.equal("too_long", select(3, text.split("a", { elements = { { iei = 0xC0, octets = ("x"):rep(137) } } })))
  end)
end)

describe("smpp.text.coding: misuse raises, blaming the caller", function()
  local long = ("a"):rep(200)
  local cases = {
    function() text.encode(7) end,
    function() text.encode("a", { encodin = "gsm7" }) end,
    function() text.encode("a", { encoding = "gsm8" }) end,
    function() text.encode("a", { allow = { "gsm8" } }) end,
    function() text.encode("a", { locking = "klingon" }) end,
    function() text.encode("a", { locking = "spanish" }) end,
    function() text.encode("a", { language = { "turkish", 99 } }) end,
    function() text.encode("a", { graphemes = 1 }) end,
    function() text.measure("a", { class = 4 }) end,
    function() text.measure("a", { on_unmappable = "!" }) end,
    function() text.split("a", { udh = "concat" }) end,
    function() text.split(long, { reference = 256 }) end,
    function() text.split(long, { reference = -1 }) end,
    function() text.split(long, { reference = 1.5 }) end,
    function() text.decode("a", "gsm8") end,
    function() text.decode("a", 0, { default_alphabet = "gsm8" }) end,
    function() text.decode("a", 0, { udh = "none" }) end,
    function() text.data_coding(0, { data_codings = { [3] = "x" } }) end,
  }
  for i, case in ipairs(cases) do
    it("case " .. i, function()
      local ok, err = pcall(case)
      assert.is_false(ok)
      assert.matches("coding_spec.lua:%d+: ", err)
    end)
  end
end)
