local core = require("smpp.core").text

describe("bind_text", function()
  it("encodes into octets and units, and decodes again", function()
    for _, row in ipairs {
      { "gsm7", "a€{", "a\27e\27\40", 5 }, { "latin1", "aé", "a\233", 2 }, { "ucs2", "a😀", "\0a\216\61\222\0", 3 }, { "gsm7_packed", "ab", "\97\49", 2 },
    } do
      local octets, units = core.encode(row[2], row[1])
      assert.same({ row[3], row[4] }, { octets, units }, row[1])
      assert.equal(row[2], (core.decode(octets, row[1])))
    end
  end)

  it("has room for texts longer than its own buffer", function()
    local long = ("é"):rep(100000)
    local octets, units = core.encode(long, "ucs2")
    assert.equal(100000, units)
    assert.equal(long, core.decode(octets, "ucs2"))
    assert.equal(200000, #core.encode(("{"):rep(100000), "gsm7"))
  end)

  it("says which character cannot be written, and why", function()
    local octets, message, code = core.encode("ab你", "gsm7")
    assert.is_nil(octets)
    assert.matches("U%+4F60", message)
    assert.equal("unmappable", code)
    assert.equal("bad_value", (select(3, core.encode("a\255", "ucs2"))))
  end)

  it("tells what was odd about octets", function()
    local text, problems = core.decode("a\0", "ucs2")
    assert.equal("愀", text)
    assert.is_nil(problems)
    text, problems = core.decode("\0a\0", "ucs2")
    assert.equal("a\239\191\189", text)
    assert.same({ "odd_octet", 3 }, { problems[1].code, problems[1].offset })
    text, problems = core.decode(("\128"):rep(50), "ascii")
    assert.equal(50, select(2, text:gsub("\239\191\189", "")))
    assert.is_true(#problems >= 16)
  end)

  it("cuts a text into parts: where they end, and the units of the last", function()
    assert.same({ { 4, 8, 10 }, 2 }, { core.cut("abcdefghij", "gsm7", 0, 0, 4) })
    assert.same({ { 1, 5 }, 2 }, { core.cut("a😀", "ucs2", 0, 0, 2) })
    assert.equal("too_long", (select(3, core.cut("😀", "ucs2", 0, 0, 1))))
  end)

  it("lists what one coding lacks, with its price in the other", function()
    local list = core.unmappable("a你{€", "latin1", 0, 0, "ucs2", 0, 0)
    assert.same({ "你", "€" }, { list[1].character, list[2].character })
    assert.same({ 0x4F60, 2, 2, 1 }, { list[1].codepoint, list[1].position, list[1].octet, list[1].units })
  end)

  it("reads data_coding, and writes it with a class", function()
    local flash = core.data_coding(0xF0)
    assert.same({ "gsm7", 0, true }, { flash.encoding, flash.class, flash.flash })
    assert.equal("voicemail", core.data_coding(0xC8).mwi.type)
    assert.is_true(core.data_coding(0x80).reserved)
    assert.equal(0x18, core.with_class("ucs2", 0))
    assert.is_nil(core.with_class("latin1", 0))
    assert.equal(153, core.capacity("gsm7", 6))
  end)

  it("raises for arguments that cannot be", function()
    for _, fn in ipairs {
      function() core.encode("a", "klingon") end, function() core.encode({}, "gsm7") end, function() core.encode("a", "gsm7_packed", 0, 0, 7) end,
      function() core.decode("a", "gsm7_packed", 0, 0, 0, -1) end, function() core.capacity("gsm7", -1) end, function() core.data_coding(256) end,
      function() core.cut("a", "gsm7", 0, 0, -1) end,
    } do assert.has_error(fn) end
  end)
end)
