local core = require "smpp.core"
local pdus = require "smpp.codec"
local part, map = core.part, core.map
local unpack = table.unpack or unpack -- luacheck: compat

local KEY = ("k"):rep(16)

local function pdu_of(more)
  local fields = {
    command = "deliver_sm", sequence_number = 1, source_addr = "49", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12", dest_addr_ton = 3,
    esm_class = 0x40, data_coding = 8, short_message = "\5\0\3\200\3\2Hi",
  }
  for name, value in pairs(more or {}) do fields[name] = value end
  return assert(pdus.decode(assert(pdus.encode(fields))))
end

describe("bind_part", function()
  it("reads the usual part, with the digests that the reassembly has for its text, content and sender", function()
    local pdu = pdu_of()
    local key = map.digest("string2:me1/1/2:49>3/0/2:12#8/200/3", KEY)
    local content, index = part.content(KEY, key, 2, "Hi", 8, 0, 0), map.new()
    local read = part.reader("string2:me", KEY, index)
    assert.same({ 2 + #pdu:octets(), 8, 2, 3, key, content }, { read(pdu) })
    assert.is_true(part.put(index, 7, 0, { { content = content } }, 1))
    assert.same({ 2 + #pdu:octets(), 8, 2, 3, key, content, 7 }, { read(pdu) })
    assert.equal(map.digest("string2:me1/1/2:49", KEY), part.sender(pdu, "string2:me", KEY))
  end)

  it("reads nothing else", function()
    for _, more in ipairs { { esm_class = 0 }, { short_message = "\5\0\3\200\3\4Hi" }, { message_payload = "x" }, { short_message = "" } } do
      assert.equal(0, select("#", part.reader("", KEY, map.new())(pdu_of(more))))
    end
    assert.equal(0, select("#", part.reader(("x"):rep(600), KEY, map.new())(pdu_of())))
    assert.error_matches(function() part.reader("", KEY, map.new()) {} end, "expected a PDU, got table")
    assert.error_matches(function() part.reader("", "short", map.new()) end, "expected 16 octets")
    assert.has_error(function() part.reader("", KEY, {}) end)
    assert.is_nil(part.sender(pdu_of(), ("x"):rep(600), KEY))
    assert.error_matches(function() part.sender({}, "", KEY) end, "expected a PDU, got table")
  end)

  it("knows a part by its text, number, coding and content, of long ones by length and both ends", function()
    local function content(key, ...) return part.content(KEY, key, ...) end
    local long = ("x"):rep(5000)
    local all = {
      content(KEY, 1, "octets", 8), content(KEY, 3, "octets", 8), content(KEY, 1, "octet", 8), content(KEY, 1, "octets"), content(KEY, 1, "octets", 8, 1),
      content(KEY, 1, "octets", 8, 0, 1), content("k", 1, "octets", 8), content(("k"):rep(1000), 1, "octets"), content(KEY, 1, long), content(KEY, 1, long .. "x"),
      content(KEY, 1, "y" .. long:sub(2)), content(KEY, 1, long:sub(2) .. "y"), content(KEY, 1, ""), part.content(("K"):rep(16), KEY, 1, "octets", 8),
    }
    local seen = {}
    for i, one in ipairs(all) do
      assert.equal(16, #one)
      assert.is_nil(seen[one], i)
      seen[one] = true
    end
    assert.equal(content(KEY, 1, "octets", 0, 0, 0), content(KEY, 1, "octets"))
    assert.error_matches(function() content(("k"):rep(1001), 1, "") end, "expected at most 1000 octets")
    assert.error_matches(function() part.content("short", KEY, 1, "") end, "expected 16 octets")
    assert.error_matches(function() content(KEY, -1, "") end, "expected an integer")
  end)

  it("finds the number that was put last", function()
    local m = map.new(0, 100, "12345678")
    assert.is_true(part.put(m, 5, 0, { { content = "a" }, { content = "b" }, { content = "c" } }, 2))
    assert.same({ 5, 5 }, { part.find(m, "a"), part.find(m, "b") })
    assert.is_nil(part.find(m, "c"))
    assert.is_true(part.put(m, 6, 50, { { content = "a" } }, 1))
    assert.equal(6, part.find(m, "a"))
    assert.equal(5, (select(2, m:expire(110)))) -- that of a is younger now
    assert.is_nil(m:expire(110))
    assert.is_true(part.put(m, 1, 0, {}, 0))
    for _, wrong in ipairs { { m, 1, 0, {}, 1 }, { m, 1, 0, { {} }, 1 }, { m, 1, 0, "x", 1 }, { m, 1, 0, {}, 256 }, { {}, 1, 0, {}, 0 } } do
      assert.has_error(function() part.put(unpack(wrong, 1, 5)) end)
    end
  end)

  it("joins usual parts of one coding, and no others", function()
    local encodings = { [0] = "gsm7", [8] = "ucs2" }
    local function parts_of(coding, ...)
      local list = {}
      for i, octets in ipairs { ... } do list[i] = { pdu = pdu_of { data_coding = coding, short_message = "\5\0\3\200\255" .. string.char(i) .. octets } } end
      return list
    end
    assert.same({ "Да!", "ucs2" }, { part.join(parts_of(8, "\4\20\4", "\48\0!"), 2, encodings) })
    assert.same({ "[€]", "gsm7" }, { part.join(parts_of(0, "\27<\27", "e\27>"), 2, encodings) })
    assert.same({ "", "gsm7" }, { part.join(parts_of(0, "", ""), 2, encodings) })
    local long = {}
    for i = 1, 255 do long[i] = ("x"):rep(248) end
    assert.equal(("x"):rep(255 * 248), (part.join(parts_of(0, unpack(long)), 255, encodings)))
    local mixed = parts_of(0, "a", "b")
    mixed[2].pdu = pdu_of { data_coding = 8, short_message = "\5\0\3\200\2\2\0b" }
    for _, list in ipairs {
      mixed, parts_of(8, "\254\255\0a", "\0b"), parts_of(8, "\0a", "\255\254b\0"), parts_of(4, "a", "b"), { { pdu = pdu_of { esm_class = 0 } }, {} }, { {}, {} }, {},
      { { octets = "a" }, { octets = "b" } },
    } do
      assert.equal(0, select("#", part.join(list, 2, encodings)))
    end
    assert.equal(0, select("#", part.join(parts_of(0, "a"), 1, { [8] = "ucs2" })))
    for _, wrong in ipairs { { "x", 1, encodings }, { {}, 0, encodings }, { {}, 256, encodings }, { {}, 1, "x" } } do
      assert.has_error(function() part.join(unpack(wrong, 1, 3)) end)
    end
  end)
end)
