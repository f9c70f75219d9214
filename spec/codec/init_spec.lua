local pdus = require "smpp.codec"
local util = require "spec.support.util"

local unhex = util.unhex

--- A PDU from its parts, command_length filled in.
local function raw(command_id, status, sequence, body)
  local function u32(n)
    return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  end
  return u32(16 + #body) .. u32(command_id) .. u32(status) .. u32(sequence) .. body
end

local SUBMIT = "00 0500 5465737400 0101 3400 00 00 00 00 00 01 00 00 00 00"

describe("smpp.codec: views", function()
  local octets = raw(4, 0, 77, unhex(SUBMIT):sub(1, -2) .. "\2hi" .. unhex "0204 0002 0007  1400 0001 ff")
  local pdu = pdus.decode(octets)

  it("are one readable line and many annotated ones, without passwords", function()
    assert.equal('submit_sm #77 source_addr_ton=5 source_addr="Test" dest_addr_ton=1 dest_addr_npi=1 destination_addr="4" '
      .. 'registered_delivery=1 short_message="hi" user_message_reference=7 tlv_0x1400="\\xff"', tostring(pdu))
    local bind = pdus.decode(pdus.encode { command = "bind_transceiver", system_id = "me", password = "secret" })
    assert.is_nil(tostring(bind):find("secret", 1, true))
    assert.is_nil(bind:dump():find("secret", 1, true))
    assert.is_nil(bind:dump():find("73 65 63", 1, true))
    assert.truthy(bind:dump({ secrets = true }):find("secret", 1, true))
    assert.equal("secret", bind.password)
  end)

  it("dump every octet once", function()
    local count = 0
    for line in pdu:dump():gmatch("[^\n]+") do
      local cells = line:sub(7, 53)
      for _ in cells:gmatch("%x%x%f[%s%z]") do count = count + 1 end
    end
    assert.equal(#octets, count)
  end)
end)

describe("smpp.codec: options", function()
  local octets = assert(pdus.encode { command = "submit_sm", sequence_number = 7, short_message = "Hi" })

  it("decode from a position, up to a length, strictly", function()
    local pdu, following = pdus.decode("xx" .. octets, 3, { max_length = #octets })
    assert.equal(7, pdu.sequence_number)
    assert.equal(#octets + 3, following)
    assert.equal("bad_length", (select(3, pdus.decode(octets, 1, { max_length = #octets - 1 }))))
    local stray = "\0\0\0\18" .. assert(pdus.encode { command = "enquire_link" }):sub(5) .. "xx"
    assert.is_table(getmetatable((pdus.decode(stray))) and {})
    assert.matches("^ESME_", (select(3, pdus.decode(stray, 1, { strict = true }))))
  end)

  it("encode for a version", function()
    assert.is_string(pdus.encode({ command = "submit_sm", sar_msg_ref_num = 1 }, { version = 0x34 }))
    assert.has_error(function() pdus.encode({ command = "submit_sm" }, { version = 256 }) end)
    assert.has_error(function() pdus.decode("", 1, { max_length = 15 }) end)
  end)

  it("have a value for a field that goes, which nobody can change", function()
    assert.equal("smpp.none", tostring(pdus.none))
    assert.has_error(function() pdus.none.x = 1 end)
  end)
end)

describe("smpp.codec: a PDU as text", function()
  local function shown(fields) return tostring((assert(pdus.decode(assert(pdus.encode(fields)))))) end

  it("shows texts decoded, parts with their number, data as octets", function()
    assert.truthy(shown({ command = "submit_sm", data_coding = 8, short_message = "\4\22\0\10" }):find('short_message="Ж\\n"', 1, true))
    assert.truthy(shown({ command = "submit_sm", esm_class = 0x40, short_message = "\5\0\3\9\2\1Hi" }):find('"Hi" (part 1 of 2, reference 9)', 1, true))
    assert.truthy(shown({ command = "submit_sm", data_coding = 4, short_message = "\1a" }):find('short_message="\\x01a"', 1, true))
    assert.truthy(shown({ command = "submit_sm", esm_class = 0x40, short_message = "\200abc" }):find("short_message=", 1, true))
  end)

  it("shows lists, statuses and quotes", function()
    local words = shown { command = "submit_multi", dest_address = { { destination_addr = "1", dest_addr_ton = 1 }, { dl_name = 'a"b' } } }
    assert.truthy(words:find('{ 1/0 "1", list "a\\"b" }', 1, true), words)
    assert.truthy(shown({ command = "submit_multi_resp", message_id = "m", unsuccess_sme = { { destination_addr = "1", error_status_code = 11 } } })
      :find("ESME_RINVDSTADR", 1, true))
    assert.truthy(shown({ command = "submit_sm_resp", status = "ESME_RTHROTTLED" }):find "^submit_sm_resp #0 ESME_RTHROTTLED$")
  end)
end)
