local match = require "smpp.scenario.match"
local pdus = require "smpp.codec"

local function pdu(fields)
  fields.sequence_number, fields.command = fields.sequence_number or 1, fields.command or "submit_sm"
  return (pdus.decode(assert(pdus.encode(fields))))
end

--- The names of the fields that differ, and what the first says.
local function differs(fields, of)
  local list = match.differences(assert(match.compile(fields, of.command)), of)
  local names = {}
  for i, one in ipairs(list) do names[i] = one.field end
  return table.concat(names, " "), list[1] and list[1].expected .. " | " .. list[1].got
end

describe("smpp.scenario.match", function()
  local sm = pdu { destination_addr = "+491", data_coding = 8, short_message = "\4\22", esm_class = 0x40, tlvs = { { 0x1400, "ab" } } }

  it("compares values, never as patterns, and understands their names", function()
    assert.equal("", (differs({ destination_addr = "+491", data_coding = "ucs2", status = "ESME_ROK", sequence_number = 1, [0x1400] = "ab" }, sm)))
    assert.same({ "data_coding destination_addr", "0 | 8" }, { differs({ destination_addr = ".491", data_coding = 0 }, sm) })
    assert.same({ "command_status", "ESME_RTHROTTLED | ESME_ROK" }, { differs({ status = "ESME_RTHROTTLED" }, sm) })
    assert.same({ "tlv_0x1400", '"x" | "ab"' }, { differs({ [0x1400] = "x" }, sm) })
    assert.same({ "message_id", '"1" | absent' }, { differs({ message_id = "1" }, sm) }) -- no such field in this command
  end)

  it("refuses fields and names of values that there are not", function()
    assert.same({ nil, "unknown field 'destination_add'; did you mean 'destination_addr'?" }, { match.compile { destination_add = "1" } })
    assert.truthy(select(2, match.compile({ data_coding = "ucs3" }, "submit_sm")):find "data_coding")
    assert.truthy(select(2, match.compile { status = "ESME_RTHROTLED" }):find "did you mean ESME_RTHROTTLED")
  end)

  it("has matchers", function()
    local function fits(value) return (differs({ destination_addr = value }, sm)) == "" end
    assert.is_true(fits(match.pattern "^%+49"))
    assert.is_false(fits(match.pattern "^49"))
    assert.is_true(fits(match.one_of { "1", match.pattern "491$" }))
    assert.is_false(fits(match.one_of { "1", "2" }))
    assert.is_true(fits(match.hex "2b 34 39 31"))
    assert.is_true(fits(match.any))
    assert.is_false(fits(match.absent))
    assert.is_true(fits(function(value, of) return value == "+491" and of.data_coding == 8 end))
    assert.equal("", (differs({ esm_class = match.bits(0x40), message_payload = match.absent }, sm)))
    assert.equal("esm_class", (differs({ esm_class = match.bits(0x44) }, sm)))
    assert.has_error(function() match.hex "abc" end)
  end)

  it("reads texts by data_coding, without their header", function()
    local text = pdu { data_coding = 8, short_message = "\5\0\3\1\2\1\4\22", esm_class = 0x40 }
    assert.equal("", (differs({ short_message = match.text "Ж" }, text)))
    assert.same({ "short_message", 'text "x" | text "Ж"' }, { differs({ short_message = match.text "x" }, text) })
  end)

  it("reads receipts", function()
    local receipt = pdu { command = "deliver_sm", esm_class = 4, short_message = "id:7 sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:DELIVRD err:000 text:" }
    assert.equal("", (differs({ short_message = match.receipt { id = "7", state = "DELIVERED" } }, receipt)))
    assert.same({ "short_message", 'receipt id = "8" | receipt id = "7"' }, { differs({ short_message = match.receipt { id = "8" } }, receipt) })
    assert.equal("short_message", (differs({ short_message = match.receipt { id = "7" } }, sm)))
  end)

  it("shows no password", function()
    local bind = pdu { command = "bind_transceiver", password = "secret" }
    assert.same({ "password", '"***" | "***"' }, { differs({ password = "wrong" }, bind) })
  end)
end)
