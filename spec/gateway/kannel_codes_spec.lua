local codes = require "smpp.gateway.kannel_codes"

local VALUES = {
  text = "Hello  big w*d x y ä", of = "0049 1", own = "00777", id = "m1", time = 1796011493, account = "acme", bit = 1, carrier = "telco",
  carrier_id = "c/1", coding = 2, charset = "UTF-16BE", class = 0, mwi = 3, data_coding = 8, udh = "\5\0\255", url = "http://x/%p",
}

describe("smpp.gateway.kannel_codes", function()
  it("replaces each code, percent-encoded", function()
    for letter, value in pairs {
      a = "Hello+big+w%2Ad+x+y+%C3%A4", b = "Hello++big+w%2Ad+x+y+%C3%A4", A = "Hello++big+w%2Ad+x+y+%C3%A4", k = "Hello", s = "big", S = "big",
      r = "big+w%2Ad+x+y+%C3%A4", e = "48656C6C6F202062696720772A642078207920C3A4", d = "1", I = "m1", F = "c%2F1", i = "telco", n = "acme",
      p = "0049+1", P = "00777", q = "%2B49+1", Q = "%2B777", t = "2026-11-30+04%3A04%3A53", T = "1796011493", c = "2", C = "UTF-16BE", m = "0", M = "3",
      O = "08", u = "%05%00%FF", R = "http%3A%2F%2Fx%2F%25p", B = "", o = "", D = "", v = "", V = "", f = "",
    } do
      assert.equal("http://x/?v=" .. value, codes.expand("http://x/?v=%" .. letter, VALUES), letter)
    end
  end)

  it("goes through the words from left to right", function()
    assert.equal("big w~d [x+y+%C3%A4] x [y+%C3%A4]", codes.expand("%s %S [%r] %s [%r]", VALUES))
    assert.equal("[] []", codes.expand("[%s] [%r]", { text = "", of = "", own = "", id = "", time = 0, account = "" }))
  end)

  it("leaves unknown codes, and makes one % of two", function()
    assert.equal("%g %E %20 % 5%", codes.expand("%g %E %20 %% 5%", VALUES))
  end)

  it("says -1 and nothing where there is no value", function()
    local bare = { text = "", of = "", own = "", id = "", time = 0, account = "" }
    assert.equal("-1 -1 -1 -1 UTF-8 00", codes.expand("%d %c %m %M %C %O", bare))
    assert.equal("| | | |", codes.expand("%F| %i| %u| %R|", bare))
  end)

  it("names what carriers refuse in Kannel's words", function()
    assert.equal("NACK/0x0000000b/Invalid Destination Address", codes.nack "ESME_RINVDSTADR")
    assert.equal("NACK/0x00000058/Throttling error", codes.nack(0x58))
    assert.equal("NACK/0x00000008/System Error", codes.nack(nil))
    assert.matches("^NACK/0x00000401/.+", codes.nack "0x00000401")
    assert.equal("NACK/0x00000008/System Error", codes.nack "ESME_NOSUCH")
  end)

  it("makes data_coding of coding, class and waiting indication", function()
    assert.same({ 0, 4, 8 }, { codes.data_coding(0), codes.data_coding(1), codes.data_coding(2) })
    assert.same({ 0xF1, 0xF5, 0x19 }, { codes.data_coding(0, 1), codes.data_coding(1, 1), codes.data_coding(2, 1) })
    assert.same({ 0xDA, 0xEA, 0xC2 }, { codes.data_coding(0, nil, 2), codes.data_coding(2, 1, 2), codes.data_coding(0, nil, 6) })
  end)

  it("knows charsets in any case", function()
    assert.same({ "utf-8", "latin1", "cp1252", "ucs2", "iso-8859-5" }, {
      codes.charset "UTF-8", codes.charset "iso-8859-1", codes.charset "Windows-1252", codes.charset "UTF-16BE", codes.charset " ISO-8859-5 ",
    })
    assert.is_nil(codes.charset "nosuch")
    local encodings = require("smpp.core").text.encodings
    for _, name in ipairs { "sjis", "euc-jp", "euc-kr", "iso-2022-jp", "iso-8859-8", "utf-16le" } do assert.is_table(encodings[codes.charset(name)], name) end
  end)

  it("expands in time that grows with the length", function()
    local function cost(n)
      local count = 0
      debug.sethook(function() count = count + 1 end, "", 100)
      codes.expand(("%r"):rep(10), { text = ("x "):rep(n), of = "", own = "", id = "", time = 0, account = "" })
      codes.expand(("%"):rep(n), VALUES)
      debug.sethook()
      return count
    end
    assert.is_true(cost(32768) <= 12 * cost(4096))
  end)
end)
