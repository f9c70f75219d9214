local few = require "spec.support.few"
local property = require "spec.support.property"
local util = require "spec.support.util"
local core = require "smpp.core"
local pdus = require "smpp.codec"
local receipt = require "smpp.receipt"

local STANDARD = "id:0123456789 sub:001 dlvrd:001 submit date:1507181210 done date:1507181211 stat:DELIVRD err:000 text:Hello World"
local ABSENT = {}
local JULY = 1437221400 -- 2015-07-18 12:10:00 UTC

--- { what is odd, text, what must come out }.  ABSENT: no such field.
local VARIANTS = {
  { "the standard's form", STANDARD, { id = "0123456789", sub = 1, dlvrd = 1, submitted = JULY, done = JULY + 60,
    state = "DELIVERED", final = true, stat = "DELIVRD", err = "000", err_code = 0, text = "Hello World", message_state = 2 } },
  { "capital Text:", "id:1 stat:DELIVRD err:000 Text:Hello", { text = "Hello" } },
  { "keys in capitals", "ID:7 SUB:1 DLVRD:0 SUBMIT DATE:1507181210 Done Date:1507181211 STAT:UNDELIV ERR:21B TEXT:x",
    { id = "7", sub = 1, dlvrd = 0, submitted = JULY, done = JULY + 60, state = "UNDELIVERABLE", err = "21B", text = "x" } },
  { "no text key", "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000", { text = ABSENT, err = "000" } },
  { "an empty text", "id:1 stat:DELIVRD err:000 text:", { fields = { text = "" } } },
  { "a text of blanks", "id:1 stat:DELIVRD err:000 text:   ", { fields = { text = "" } } },
  { "text without a key", "id:1 stat:DELIVRD err:000 Hello you", { err = "000", text = "Hello you" } },
  { "text without a key that has other keys", "id:1 stat:DELIVRD err:000 my id:5 sub:9", { id = "1", sub = ABSENT, text = "my id:5 sub:9" } },
  { "an unknown key before text", "id:1 stat:DELIVRD err:000 imsi:262011234 text:Hi", { err = "000", text = "Hi" } },
  { "unknown keys between", "id:1 smsc:b7 stat:DELIVRD price: 0.05 err:000 text:Hi", { state = "DELIVERED", text = "Hi" } },
  { "any octets in text", "id:1 stat:DELIVRD err:000 Text:\4\26\0\132A\137 x", { text = "\4\26\0\132A\137 x" } },
  { "keys inside a text that comes last", "id:1 stat:DELIVRD err:000 text:stat:UNDELIV id:2 err:9 sub:5",
    { id = "1", state = "DELIVERED", err = "000", sub = ABSENT, text = "stat:UNDELIV id:2 err:9 sub:5" } },
  { "no sub, no dlvrd", "id:1 submit date:1507181210 done date:1507181211 stat:DELIVRD err:000 text:a",
    { sub = ABSENT, dlvrd = ABSENT, done = JULY + 60 } },
  { "dlvrd above sub, short", "id:1 sub:1 dlvrd:13 stat:DELIVRD err:0 text:a", { sub = 1, dlvrd = 13 } },
  { "another order", "stat:EXPIRED err:008 done date:1507181211 id:44 text:a b",
    { id = "44", state = "EXPIRED", final = true, done = JULY + 60, text = "a b" } },
  { "text before stat", "id:1 sub:001 dlvrd:001 submit date:1507181210 done date:1507181211 text: stat:DELIVRD",
    { state = "DELIVERED", fields = { text = "" } } },
  { "text before stat and err", "id:1 done date:1507181211 text:Hello  stat:REJECTD err:021", { state = "REJECTED", err = "021", text = "Hello" } },
  { "text first", "text:Hello id:9 sub:001 dlvrd:000 stat:UNDELIV err:0a1", { id = "9", state = "UNDELIVERABLE", err = "0a1", text = "Hello" } },
  { "a stat of the text that is none, then the real one", "id:1 text:my stat:is stat:DELIVRD", { state = "DELIVERED", text = "my stat:is" } },
  { "words after stat: that are no state", "id:1 text:my stat:OK stat:DELIVRDlater stat:REJECTD err:1",
    { state = "REJECTED", text = "my stat:OK stat:DELIVRDlater", err = "1" } },
  { "an unknown key and no text", "id:1 stat:DELIVRD price:1 err:5", { err = "5", text = ABSENT } },
  { "leap seconds", "id:1 submit date:150718120960 done date:180711070060900+ stat:DELIVRD",
    { submitted = JULY - 1, done = 1531292459 } },
  { "dates of 12 digits, seconds", "id:1 submit date:150718121005 done date:150718121059 stat:DELIVRD err:0",
    { submitted = JULY + 5, done = JULY + 59 } },
  { "dates of 12 digits, full year", "id:1 submit date:201506201641 done date:201507181210 stat:DELIVRD", { submitted = 1434818460, done = JULY } },
  { "dates of 14 digits", "id:1 submit date:20150718121001 done date:20150718121100 stat:DELIVRD", { submitted = JULY + 1, done = JULY + 60 } },
  { "SMPP's absolute time", "id:1 submit date:180711070003912+ done date:180711070003900+ stat:DELIVRD",
    { submitted = 1531292403 - 12 * 900, done = 1531292403 } },
  { "a relative time", "id:1 done date:000000000100000R stat:DELIVRD", { done = ABSENT } },
  { "dates of zeros", "id:1 submit date:0000000000 done date:000000000000 stat:DELIVRD",
    { submitted = ABSENT, done = ABSENT, fields = { submit_date = "0000000000" } } },
  { "dates that are none", "id:1 submit date:1513181210 done date:tomorrow stat:DELIVRD",
    { submitted = ABSENT, done = ABSENT, fields = { done_date = "tomorrow" } } },
  { "empty dates", "id:1 submit date: done date: stat:DELIVRD err: text:Hi",
    { submitted = ABSENT, done = ABSENT, state = "DELIVERED", err = "", text = "Hi" } },
  { "a stat of another length", "id:1 stat:DND_REJECTED err:1",
    { state = "DND_REJECTED", final = false, message_state = ABSENT, stat = "DND_REJECTED" } },
  { "a stat nobody knows", "id:1 stat:BADSTAT err:1", { state = "BADSTAT", final = false } },
  { "a stat in lower case", "id:1 stat:delivrd err:1", { state = "DELIVERED", final = true, stat = "delivrd" } },
  { "a space after the colon", "id: 1 stat: DELIVRD err: 0 text: Hi", { id = "1", state = "DELIVERED", err = "0", text = " Hi" } },
  { "err of one digit", "id:1 stat:DELIVRD err:5", { err = "5", err_code = 5 } },
  { "err of four digits", "id:1 stat:UNDELIV err:1024 text:x", { err = "1024", err_code = 1024 } },
  { "err in hex", "id:1 stat:UNDELIV err:21b text:x", { err = "21b", err_code = 0x21b } },
  { "err in letters", "id:1 stat:UNDELIV err:ABSENT text:x", { err = "ABSENT", err_code = ABSENT } },
  { "no err", "id:1 stat:DELIVRD text:x", { err = "", err_code = ABSENT, text = "x" } },
  { "a UUID", "id:0e7c1b1c-0b7a-4c0f-9f0e-1e0b7a4c0f9f stat:DELIVRD", { id = "0e7c1b1c-0b7a-4c0f-9f0e-1e0b7a4c0f9f" } },
  { "an id of 20 digits", "id:12345678901234567890 stat:DELIVRD", { id = "12345678901234567890" } },
  { "trailing NUL, CR and LF", STANDARD .. "\r\n\0\0", { text = "Hello World" } },
  { "white space before and between", "\n id:1\tstat:DELIVRD\r\nerr:000  text:x", { id = "1", err = "000", text = "x" } },
  { "NULs between values", "id:1\0stat:DELIVRD\0err:000\0text:x", { id = "1", state = "DELIVERED", text = "x" } },
  { "a key twice", "id:1 id:2 stat:DELIVRD stat:UNDELIV err:0", { id = "1", state = "DELIVERED" } },
  { "date keys in one word", "id:1 submitdate:150718121000 donedate:000000000000 stat:REJECTD err:375 text:",
    { submitted = JULY, done = ABSENT, fields = { submit_date = "150718121000", donedate = ABSENT, text = "" } } },
  { "date keys with a hyphen below", "id:1 submit_date:1507181210 Done_Date:1507181211 stat:DELIVRD", { submitted = JULY, done = JULY + 60 } },
  { "ISO dates", "id:1 submit date:2015-07-18T12:10:00Z done date:2015-07-18 12:11:00 stat:DELIVRD err:1",
    { submitted = JULY, done = JULY + 60, state = "DELIVERED", fields = { done_date = "2015-07-18 12:11:00" } } },
  { "ISO dates with zone and fraction", "id:1 submit date:2015-07-18T14:10:00.250+02:00 done date:2015-07-18 07:11:00-0500 stat:DELIVRD",
    { submitted = JULY, done = JULY + 60 } },
  { "ISO dates without time or seconds", "id:1 submit date:2015-07-18 done date:2015-07-18 12:10 stat:DELIVRD",
    { submitted = JULY - 43800, done = JULY } },
  { "dates that are not of ISO 8601", "id:1 submit date:2015-13-18T12:10:00Z done date:2015-07-18Tnoon stat:DELIVRD", { submitted = ABSENT, done = ABSENT } },
  { "keys of the peer's own", "id:1 stat:DELIVRD err:000 mcc:262 MNC:01 price:0.055 text:hi price:9",
    { text = "hi price:9", fields = { mcc = "262", mnc = "01", price = "0.055" } } },
  { "keys of the peer's own before the standard's", "mcc:262 id:1 price: 0.05 x- y: stat:DELIVRD note:a note:b err:5",
    { err = "5", state = "DELIVERED", fields = { mcc = "262", price = "0.05", y = "", note = "a" } } },
  { "keys of the peer's own and no text", "id:1 stat:DELIVRD err:000 mcc:262 mnc:01", { text = ABSENT, fields = { mcc = "262", mnc = "01" } } },
  { "text without a key that begins like one", "id:1 stat:DELIVRD err:000 Re:your http://x.example order", { text = "Re:your http://x.example order" } },
  { "text without a key that is a link", "id:1 stat:DELIVRD err:000 http://x.example", { text = "http://x.example", fields = { http = ABSENT } } },
  { "an empty err before a key of the peer's own", "id:1 stat:DELIVRD err: mcc:262 text:x", { err = "", text = "x", fields = { mcc = "262" } } },
  { "a word that ends in a key", "msgid:5 id:1 laststat:UNDELIV stat:DELIVRD", { id = "1", state = "DELIVERED" } },
}

local function check(want, got)
  assert.is_table(got)
  for key, value in pairs(want) do
    if value == ABSENT then assert.is_nil(got[key], key)
    elseif type(value) == "table" then
      for name, octets in pairs(value) do
        if octets == ABSENT then octets = nil end
        assert.equal(octets, got[key][name], key .. "." .. name)
      end
    else assert.equal(value, got[key], key) end
  end
end

describe("smpp.receipt.parse, text", function()
  for _, row in ipairs(VARIANTS) do
    it("takes " .. row[1], function()
      check(row[3], assert(receipt.parse(row[2])))
      check(row[3], assert(receipt.parse { esm_class = 0x04, short_message = row[2], data_coding = 1 }))
    end)
  end

  it("knows every word for a state", function()
    local words = {
      { "SCHEDLD", "SCHEDULED", 0, false }, { "ENROUTE", "ENROUTE", 1, false }, { "DELIVRD", "DELIVERED", 2, true },
      { "EXPIRED", "EXPIRED", 3, true }, { "DELETED", "DELETED", 4, true }, { "UNDELIV", "UNDELIVERABLE", 5, true },
      { "ACCEPTD", "ACCEPTED", 6, false }, { "UNKNOWN", "UNKNOWN", 7, false }, { "REJECTD", "REJECTED", 8, true },
      { "SKIPPED", "SKIPPED", 9, true }, { "FAILED", "UNDELIVERABLE", 5, true }, { "BUFFERD", "BUFFERD", nil, false },
      { "BUFFRED", "BUFFRED", nil, false }, { "ACKED", "ACKED", nil, false },
    }
    for i = 1, 10 do words[#words + 1] = { words[i][2], words[i][2], words[i][3], words[i][4] } end
    for _, row in ipairs(words) do
      local r = receipt.parse("id:1 stat:" .. row[1])
      assert.same({ row[2], row[3], row[4] }, { r.state, r.message_state, r.final }, row[1])
    end
    for _, row in ipairs(util.tsv "enums.tsv") do
      if row.field == "message_state" then assert.equal(row.name, (core.receipt.state(tonumber(row.value)))) end
    end
  end)

  it("lets the peer's own words and final states be told", function()
    local o = { states = { DND_REJECTED = "REJECTED", PARKED = "WAITING" }, final = { ACCEPTED = true, UNKNOWN = true, EXPIRED = false } }
    check({ state = "REJECTED", final = true, message_state = 8, stat = "DND_REJECTED" }, receipt.parse("id:1 stat:DND_REJECTED", o))
    check({ state = "WAITING", final = false }, receipt.parse("id:1 stat:parked", o))
    check({ state = "ACCEPTED", final = true }, receipt.parse("id:1 stat:ACCEPTD", o))
    check({ state = "UNKNOWN", final = true }, receipt.parse("id:1 stat:UNKNOWN", o))
    check({ state = "EXPIRED", final = false }, receipt.parse("id:1 stat:EXPIRED", o))
  end)

  it("reads dates in the MC's zone and century", function()
    local r = receipt.parse(STANDARD, { zone_s = 7200 })
    assert.equal(JULY - 7200, r.submitted)
    assert.equal(JULY - 7140, r.done)
    assert.equal("1437221400", tostring(receipt.parse(STANDARD).submitted))
    assert.equal(915148800, receipt.parse("id:1 stat:DELIVRD done date:9901010000", { first_year = 1938 }).done)
    assert.equal(915148860, receipt.parse("id:1 stat:DELIVRD done date:19990101000100", { zone_s = 0 }).done)
  end)

  it("wants an id and a state", function()
    for _, text in ipairs { "", "id:", "id:1", "stat:DELIVRD", "id: stat:DELIVRD", "id:1 stat: err:0", "Hello id:", "identity:4" } do
      local r, err, code = receipt.parse(text)
      assert.is_nil(r, text)
      assert.equal("missing", code)
      assert.matches("neither in the text nor in", err)
    end
  end)

  it("reads a text cut at every octet and never makes up a value", function()
    for octets = 0, #STANDARD do
      local r, _, code = receipt.parse(STANDARD:sub(1, octets))
      local stat = STANDARD:find("stat:", 1, true) + 5
      assert.equal(octets >= stat, r ~= nil, octets)
      if not r then assert.equal("missing", code)
      else
        assert.equal("0123456789", r.id)
        assert.equal(("DELIVRD"):sub(1, octets - stat + 1), r.stat)
      end
    end
  end)

  it("survives any octets", function()
    local pieces = { "id:", "stat:", "DELIVRD", " ", "text:", "err:", "submit date:", "done date:", "sub:", "\0", "1507181210", ":", "\255", "x" }
    property.holds(5000, function(random, case)
      local list = {}
      for i = 1, random(14) do list[i] = random(8) == 1 and string.char(random(256) - 1) or pieces[random(#pieces)] end
      local text = table.concat(list)
      case.text = text
      local r, _, code = receipt.parse { short_message = text, esm_class = random(2) == 1 and 0x04 or 0x44, data_coding = random(9) - 1 }
      if r then
        assert.is_true(r.id ~= "" and r.state ~= "" and type(r.err) == "string" and r.raw == text, util.hex(text))
      else
        assert.equal("missing", code)
      end
    end, 41)
  end)
end)

describe("smpp.receipt.parse, PDUs", function()
  it("tells kinds by esm_class, whatever its other bits", function()
    local kinds = { [0x04] = "receipt", [0x08] = "delivery_ack", [0x10] = "manual_ack", [0x20] = "intermediate" }
    for esm_class = 0, 255 do
      local kind = kinds[esm_class - esm_class % 4 - math.floor(esm_class / 64) * 64]
      local is, got = receipt.is { esm_class = esm_class }
      assert.equal(kind, got)
      assert.equal(kind == "receipt" or kind == "intermediate", is)
    end
    assert.is_false((receipt.is {}))
  end)

  it("refuses an ordinary message, unless told that this peer marks nothing", function()
    local pdu = { esm_class = 0, short_message = STANDARD }
    assert.same({ "bad_value" }, { select(3, receipt.parse(pdu)) })
    assert.equal("0123456789", receipt.parse(pdu, { untyped = true }).id)
    assert.equal("bad_value", select(3, receipt.parse({ esm_class = 0, short_message = "Hello stat:DELIVRD" }, { untyped = true })))
    assert.equal("bad_value", select(3, receipt.parse({ esm_class = 0, short_message = "id:1 hello" }, { untyped = true })))
    assert.equal("bad_value", select(3, receipt.parse({ esm_class = 0x18, short_message = STANDARD }, { untyped = true })))
  end)

  it("never takes an intermediate notification for the end", function()
    check({ kind = "intermediate", state = "ENROUTE", final = false }, receipt.parse { esm_class = 0x20, short_message = "id:1 stat:ENROUTE" })
    check({ kind = "intermediate", state = "UNDELIVERABLE", final = false }, receipt.parse { esm_class = 0x20, short_message = "id:1 stat:UNDELIV" })
  end)

  it("hands over acknowledgements with the user's text", function()
    local r = receipt.parse {
      esm_class = 0x10, short_message = "id:yes stat:ok", receipted_message_id = "77\0", source_addr = "491", destination_addr = "5",
    }
    check({ kind = "manual_ack", id = "77", text = "id:yes stat:ok", source_addr = "491", destination_addr = "5", state = ABSENT }, r)
    check({ kind = "delivery_ack", id = ABSENT }, receipt.parse { esm_class = 0x08, short_message = "" })
  end)

  it("reads message_payload when short_message is empty", function()
    check({ id = "0123456789", raw = STANDARD }, receipt.parse { esm_class = 4, short_message = "", message_payload = STANDARD })
    check({ id = "0123456789" }, receipt.parse { esm_class = 4, message_payload = STANDARD })
  end)

  it("cuts a user data header, and only where there is one", function()
    check({ id = "0123456789", text = "Hello World" }, receipt.parse { esm_class = 0x44, short_message = "\5\0\3\7\2\1" .. STANDARD })
    check({ id = "0123456789" }, receipt.parse { esm_class = 0x44, short_message = STANDARD .. (" x"):rep(30) })
    check({ id = "1" }, receipt.parse("\4\8\2\1\1id:1 stat:DELIVRD", { esm_class = 0x40 + 4 }))
  end)

  it("reads UCS-2 and Latin-1", function()
    local function ucs2(text) return (text:gsub(".", "\0%0")) end
    local wide = ucs2 "id:1 stat:DELIVRD err:000 text:" .. "\4\26\0!\216\61\220\75"
    check({ id = "1", state = "DELIVERED", err = "000", text = "\208\154!\240\159\145\139", raw = wide },
      receipt.parse { esm_class = 4, data_coding = 8, short_message = wide })
    check({ id = "1" }, receipt.parse { esm_class = 0x44, data_coding = 0, short_message = wide })
    check({ id = "1" }, receipt.parse { esm_class = 4, data_coding = 8, short_message = "\254\255" .. wide })
    local little = wide:gsub("(.)(.)", "%2%1")
    for _, data_coding in ipairs { 8, 0 } do
      check({ id = "1", state = "DELIVERED", text = "\208\154!\240\159\145\139" }, receipt.parse { esm_class = 4, data_coding = data_coding, short_message = little })
      check({ id = "1" }, receipt.parse { esm_class = 4, data_coding = data_coding, short_message = "\255\254" .. little })
    end
    check({ id = "1" }, receipt.parse({ esm_class = 0, short_message = little }, { untyped = true }))
    check({ id = "1" }, receipt.parse { esm_class = 4, data_coding = 8, short_message = "id:1 stat:DELIVRD" })
    check({ text = "Gr\195\188\195\159e" }, receipt.parse { esm_class = 4, data_coding = 3, short_message = "id:1 stat:DELIVRD text:Gr\252\223e" })
    check({ text = "Gr\252\223e" }, receipt.parse { esm_class = 4, data_coding = 0, short_message = "id:1 stat:DELIVRD text:Gr\252\223e" })
    check({ text = "Gr\195\188\195\159e" }, receipt.parse("id:1 stat:DELIVRD text:Gr\252\223e", { encoding = "latin1" }))
    check({ id = "1_2", text = "a@\195\188" }, receipt.parse("id:1_2 stat:DELIVRD text:a\0~", { encoding = "gsm7" }))
    check({ text = "Gr\252\223e" }, receipt.parse("id:1 stat:DELIVRD text:Gr\252\223e", { encoding = "octets", data_coding = 3 }))
  end)

  it("lets TLVs win and keeps both", function()
    local r = receipt.parse {
      esm_class = 4, short_message = STANDARD, receipted_message_id = "ABC\0", message_state = 5, network_error_code = "\3\0\11",
      user_message_reference = 258,
    }
    check({ id = "ABC", state = "UNDELIVERABLE", final = true, message_state = 5, err = "011", err_code = 11, stat = "DELIVRD" }, r)
    assert.same({ type = 3, code = 11 }, r.network_error)
    assert.same({ receipted_message_id = "ABC", message_state = 5, network_error_code = "\3\0\11", user_message_reference = 258 }, r.tlvs)
    assert.same({ id = "0123456789", err = "000", stat = "DELIVRD" }, { id = r.fields.id, err = r.fields.err, stat = r.fields.stat })
  end)

  it("lets a final state of the text count over a TLV that is not", function()
    local rows = { -- message_state, stat, what counts
      { 0, "UNDELIV", "UNDELIVERABLE", true, 5 }, { 0, "DELIVRD", "DELIVERED", true, 2 }, { 0, "ENROUTE", "ENROUTE", false, 1 },
      { 0, "BUFFERD", "SCHEDULED", false, 0 }, { 0, "", "SCHEDULED", false, 0 }, { 1, "UNDELIV", "UNDELIVERABLE", true, 5 },
      { 1, "ACCEPTD", "ENROUTE", false, 1 }, { 6, "DELIVRD", "DELIVERED", true, 2 }, { 7, "EXPIRED", "EXPIRED", true, 3 },
      { 2, "UNDELIV", "DELIVERED", true, 2 }, { 5, "ENROUTE", "UNDELIVERABLE", true, 5 }, { 77, "DELIVRD", "DELIVERED", true, 2 },
    }
    for _, row in ipairs(rows) do
      local r = receipt.parse { esm_class = 4, short_message = "id:1 stat:" .. row[2], message_state = row[1] }
      assert.same({ row[3], row[4], row[5] }, { r.state, r.final, r.message_state }, row[1] .. " " .. row[2])
    end
    local o = { final = { ACCEPTED = true, UNKNOWN = true }, states = { DND = "REJECTED" } }
    local function state(number, stat) return receipt.parse({ esm_class = 4, short_message = "id:1 stat:" .. stat, message_state = number }, o).state end
    assert.same({ "ACCEPTED", "ACCEPTED", "UNKNOWN", "REJECTED" }, { state(6, "DELIVRD"), state(1, "ACCEPTD"), state(7, "DELIVRD"), state(1, "dnd") })
    assert.equal("ENROUTE", receipt.parse({ esm_class = 4, short_message = "id:1", message_state = 1 }).state)
  end)

  it("takes message_payload before short_message", function()
    check({ id = "2" }, receipt.parse { esm_class = 4, short_message = "id:1 stat:DELIVRD", message_payload = "id:2 stat:DELIVRD" })
  end)

  it("trims the id of the TLV, and takes none that is too long", function()
    for tlv, id in pairs { ["a1  "] = "a1", ["a1 \0x"] = "a1", ["   "] = "0123456789", [("9"):rep(64)] = ("9"):rep(64), [("9"):rep(65)] = "0123456789" } do
      check({ id = id, fields = { id = "0123456789" } }, receipt.parse { esm_class = 4, short_message = STANDARD, receipted_message_id = tlv })
    end
  end)

  it("takes a receipt of esm_class 0 that has TLVs only, where the peer is told to", function()
    local only_id = { esm_class = 0, short_message = "Help", receipted_message_id = "9" }
    local tlvs = { esm_class = 0, short_message = "", receipted_message_id = "9", message_state = 2 }
    assert.is_false((receipt.is(only_id, { untyped = true })))
    assert.is_false((receipt.is({ esm_class = 0, short_message = "x", message_state = 2 }, { untyped = true })))
    assert.is_false((receipt.is(tlvs)))
    assert.same({ true, "receipt" }, { receipt.is(tlvs, { untyped = true }) })
    check({ id = "9", state = "DELIVERED", kind = "receipt" }, receipt.parse(tlvs, { untyped = true }))
  end)

  it("reads a format of the peer's own", function()
    local o = { untyped = true, read = function(text, pdu)
      local id, stat, done, err = text:match "^DLR,(%w+),(%w+),(%d*),(%w*)"
      return id and { id = id, stat = stat, done_date = done, err = err, cell = pdu.source_addr, submitted = 7, odd = {} }
    end }
    local pdu = { esm_class = 0, short_message = "DLR,ab1,UNDELIV,1507181211,21b", source_addr = "49" }
    local want = { id = "ab1", state = "UNDELIVERABLE", final = true, done = JULY + 60, submitted = 7, err = "21b", err_code = 0x21b,
      fields = { cell = "49", odd = ABSENT } }
    check(want, receipt.parse(pdu, o))
    check({ id = "1" }, receipt.parse({ esm_class = 4, short_message = "id:1 stat:DELIVRD" }, o)) -- not in it: as usual
    assert.is_false((receipt.is({ esm_class = 0, short_message = "DLR?" }, o)))
    assert.equal("missing", select(3, receipt.parse("x", { read = function() return {} end })))
    check({ id = "ab1", err = "011" }, receipt.parse({ esm_class = 4, network_error_code = "\3\0\11", short_message = pdu.short_message }, o))
  end)

  it("needs no text at all", function()
    local r = receipt.parse { esm_class = 4, receipted_message_id = "9", message_state = 2 }
    check({ id = "9", state = "DELIVERED", final = true, err = "", raw = "", text = ABSENT }, r)
    check({ id = "9", state = "EXPIRED" }, receipt.parse { esm_class = 4, receipted_message_id = "9", short_message = "id: stat:EXPIRED" })
    check({ id = "4", state = "EXPIRED" }, receipt.parse { esm_class = 4, receipted_message_id = "", short_message = "id:4", message_state = 3 })
  end)

  it("falls back to the text where a TLV makes no sense", function()
    check({ state = "DELIVERED", message_state = 2 }, receipt.parse { esm_class = 4, short_message = STANDARD, message_state = 77 })
    check({ state = "UNKNOWN", final = false, message_state = 77 }, receipt.parse { esm_class = 4, short_message = "id:1", message_state = 77 })
    check({ err = "000", network_error = ABSENT }, receipt.parse { esm_class = 4, short_message = STANDARD, network_error_code = "\3\0" })
  end)

  it("raises on misuse", function()
    assert.error_matches(function() receipt.parse(5) end, "pdu: expected a PDU or the text of a receipt, got number")
    assert.error_matches(function() receipt.parse("", { zone = 1 }) end, "unknown option 'zone'")
  end)
end)

describe("smpp.receipt: err", function()
  it("is a number in the base it looks like", function()
    assert.same({ 21, "dec" }, { receipt.err_number "021" })
    assert.same({ 0x21b, "hex" }, { receipt.err_number "21b" })
    assert.same({}, { receipt.err_number "E-5" })
    assert.same({}, { receipt.err_number "123456789" })
    assert.same({}, { receipt.err_number "" })
  end)

  it("follows GatewayAPI's rule", function()
    assert.same({ 0x107E, "0x107E" }, { receipt.gatewayapi_err "126" })
    assert.same({ 0x1000, "0x1000" }, { receipt.gatewayapi_err "000" })
    assert.same({ 0x1FFF, "0x1FFF" }, { receipt.gatewayapi_err "4095" })
    assert.same({}, { receipt.gatewayapi_err "4096" })
    assert.same({}, { receipt.gatewayapi_err "07E" })
    assert.equal("126", receipt.gatewayapi_err(0x107E))
    assert.equal("001", receipt.gatewayapi_err(0x1001))
    for _, code in ipairs { 0xFFF, 0x2000, 0x1000 + 0.5, -1 } do assert.is_nil(receipt.gatewayapi_err(code)) end
    for code = 0x1000, 0x1FFF do assert.equal(code, (receipt.gatewayapi_err(receipt.gatewayapi_err(code)))) end
    assert.equal(0x107E, receipt.parse("id:1 stat:UNDELIV err:126", { err_rule = receipt.gatewayapi_err }).err_code)
  end)
end)

describe("smpp.receipt.format", function()
  local SUBMIT = {
    source_addr_ton = 5, source_addr_npi = 0, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1,
    destination_addr = "491761234567", user_message_reference = 7,
  }

  it("writes the standard's form", function()
    local text, pdu = receipt.format {
      id = "0123456789", state = "DELIVERED", submitted = JULY, done = JULY + 60, text = "Hello World",
    }
    assert.equal(STANDARD, text)
    assert.is_nil(pdu)
    assert.equal("id:a sub:001 dlvrd:000 submit date:0000000000 done date:0000000000 stat:UNDELIV err:21b text:",
      receipt.format { id = "a", state = "UNDELIVERABLE", err = "21b" })
    assert.equal("id:a sub:003 dlvrd:002 submit date:1507181410 done date:0000000000 stat:PARKED err:011 text:",
      receipt.format { id = "a", state = "WAITING", stat = "PARKED", err = 11, sub = 3, dlvrd = 2, submitted = JULY + 0.5, zone_s = 7200 })
  end)

  it("makes the deliver_sm, addresses swapped", function()
    local text, pdu = receipt.format { id = "a", state = "EXPIRED", submit = SUBMIT, network_error = { type = 3, code = 0x121 } }
    assert.same({
      command = "deliver_sm", esm_class = 0x04, data_coding = 0, registered_delivery = 0, short_message = text,
      source_addr_ton = 1, source_addr_npi = 1, source_addr = "491761234567",
      dest_addr_ton = 5, dest_addr_npi = 0, destination_addr = "TestApp",
      receipted_message_id = "a", message_state = 3, user_message_reference = 7, network_error_code = "\3\1\33",
    }, pdu)
  end)

  it("makes the deliver_sm from the addresses alone", function()
    local o = { id = "a", state = "EXPIRED", err = 8, text = "Hello", submitted = JULY }
    o.submit = SUBMIT
    local _, want = receipt.format(o)
    assert.same(want, receipt.deliver_sm(o))
    o.submit = nil
    o.source, o.destination = { addr = "TestApp", ton = 5, npi = 0 }, { addr = "491761234567", ton = 1, npi = 1 }
    o.user_message_reference = 7
    assert.same(want, receipt.deliver_sm(o))
    assert.same({ "bad_value" }, { select(3, receipt.deliver_sm { id = "", state = "EXPIRED", submit = SUBMIT }) })
    assert.error_matches(function() receipt.deliver_sm { id = "a", state = "EXPIRED", source = o.source } end, "source and destination")
    assert.error_matches(function() receipt.deliver_sm { id = "a", state = "EXPIRED", texts = "x" } end, "did you mean 'text'?")
  end)

  it("makes PDUs that encode, and that read back as views", function()
    for _, version in ipairs { 0x33, 0x34, 0x50 } do
      local pdu = assert(receipt.deliver_sm {
        id = "3039", state = "REJECTED", err = 21, submitted = JULY, done = JULY + 60, text = "Gr\195\188\195\159e", submit = SUBMIT,
        version = version, network_error = { type = 3, code = 21 },
      })
      local view = assert(pdus.decode(assert(pdus.encode(pdu, { version = version }))))
      assert.same({}, view:problems())
      assert.is_true((receipt.is(view)))
      assert.equal("491761234567", view.source_addr)
      local r = assert(receipt.parse(view, { encoding = "gsm7" }))
      check({ id = "3039", state = "REJECTED", final = true, err = "021", submitted = JULY, done = JULY + 60,
        text = "Gr\195\188\195\159e", destination_addr = "TestApp" }, r)
      assert.equal(version >= 0x34 and "3039" or nil, r.tlvs.receipted_message_id)
    end
  end)

  it("sends no TLVs to a peer of version 3.3, and marks intermediate ones", function()
    local _, pdu = receipt.format { id = "a", state = "ENROUTE", submit = SUBMIT, version = 0x33, intermediate = true }
    assert.equal(0x20, pdu.esm_class)
    assert.is_nil(pdu.receipted_message_id)
    assert.is_nil(pdu.message_state)
    assert.is_nil(pdu.user_message_reference)
  end)

  it("takes 20 characters of the text, in GSM 03.38", function()
    local function text_of(text) return receipt.format({ id = "1", state = "DELIVERED", text = text }):match "text:(.*)$" end
    assert.equal(("x"):rep(20), text_of(("x"):rep(30)))
    assert.equal(("\126"):rep(20), text_of(("\195\188"):rep(30)))
    assert.equal("a\0b??", text_of "a@b\240\159\145\139\208\154")
    assert.equal(("\252"):rep(20), text_of(("\252"):rep(30)))
    assert.equal(("\126"):rep(15), text_of(("\195\188"):rep(15))) -- fewer characters, more octets
  end)

  it("refuses what would not read back", function()
    for _, o in ipairs {
      { id = "a b", state = "DELIVERED" }, { id = "", state = "DELIVERED" }, { id = ("1"):rep(65), state = "DELIVERED" },
      { id = "1", state = "LOST" }, { id = "1", state = "DELIVERED", stat = "A B" }, { id = "1", state = "DELIVERED", done = 4102444800 },
      { id = "1", state = "DELIVERED", err = "0 1" }, { id = "1", state = "DELIVERED", done = 1e13 },
      { id = "1", state = "DELIVERED", submitted = -1e13 },
      { id = ("1"):rep(64), state = "DELIVERED", err = ("1"):rep(200) },
    } do
      local text, err, code = receipt.format(o)
      assert.is_nil(text)
      assert.is_string(err)
      assert.equal("bad_value", code)
    end
    assert.same({ "state: expected one of SCHEDULED, ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE, ACCEPTED, UNKNOWN, REJECTED, SKIPPED, "
      .. "or a stat beside it, got 'DELIVRED'", "bad_value" }, { select(2, receipt.format { id = "1", state = "DELIVRED" }) })
    assert.has_error(function() receipt.format { id = "1" } end)
    assert.error_matches(function() receipt.format { id = "1", state = "EXPIRED", to = "5" } end, "unknown option 'to'")
  end)

  it("reads back what it wrote", function()
    local states = { "SCHEDULED", "ENROUTE", "DELIVERED", "EXPIRED", "DELETED", "UNDELIVERABLE", "ACCEPTED", "UNKNOWN", "REJECTED", "SKIPPED" }
    property.holds(few(2000, 500), function(random, case)
      local function word(n)
        local list = {}
        for i = 1, random(n) do list[i] = ("0123456789abcdefABCDEF-"):sub(random(23)):sub(1, 1) end
        return table.concat(list)
      end
      local o = {
        id = word(64), state = states[random(10)], err = word(3), submitted = 946684800 + random(51000000) * 60,
        done = 946684800 + random(51000000) * 60, sub = random(999), dlvrd = random(999), zone_s = (random(97) - 49) * 900,
        text = word(20) .. " " .. word(3), submit = SUBMIT,
      }
      case.fields = o
      local text, pdu = assert(receipt.format(o))
      case.text = text
      for _, r in ipairs { receipt.parse(text, { zone_s = o.zone_s }), receipt.parse(pdu, { zone_s = o.zone_s }) } do
        check({ id = o.id, state = o.state, err = o.err, submitted = o.submitted, done = o.done, sub = o.sub,
          dlvrd = o.dlvrd, text = (o.text:sub(1, 20):gsub(" $", "")) }, r)
      end
    end, 99)
  end)

  it("knows which receipts are wanted", function()
    local wanted = { [0] = { false, false }, { true, true }, { false, true }, { true, false } }
    for registered_delivery = 0, 31 do
      local want = wanted[registered_delivery % 4]
      assert.equal(want[1], receipt.wanted(registered_delivery, "DELIVERED"))
      assert.equal(want[2], receipt.wanted(registered_delivery, "EXPIRED"))
    end
  end)
end)
