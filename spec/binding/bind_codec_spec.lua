local core = require "smpp.core"
local pdus = require "smpp.codec"
local util = require "spec.support.util"

local unhex, hex = util.unhex, util.hex

--- A PDU from its parts, command_length filled in.
local function raw(command_id, status, sequence, body)
  local function u32(n)
    return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  end
  return u32(16 + #body) .. u32(command_id) .. u32(status) .. u32(sequence) .. body
end

local function problem(pdu, n)
  local p = pdu:problems()[n or 1]
  return p and { p.code, p.field, p.severity, p.status }
end

local SUBMIT = "00 0500 5465737400 0101 3400 00 00 00 00 00 01 00 00 00 00"

describe("bind_codec: decode", function()
  it("needs 4 octets to know the length and the whole length to read", function()
    for n = 0, 15 do
      local pdu, message, code = pdus.decode(raw(0x15, 0, 1, ""):sub(1, n))
      assert.is_nil(pdu)
      assert.equal("truncated", code)
      assert.truthy(message:find("%d octets of"))
    end
  end)

  it("refuses lengths below 16 and above max_length, before the PDU is there", function()
    for _, length in ipairs { "00000000", "0000000f", "00020001", "ffffffff" } do
      local pdu, _, code = pdus.decode(unhex(length))
      assert.is_nil(pdu)
      assert.equal("bad_length", code)
    end
    assert.equal("truncated", (select(3, pdus.decode(unhex "00020000"))))
    assert.equal("bad_length", (select(3, pdus.decode(unhex "00000021", 1, { max_length = 32 }))))
    assert.equal("truncated", (select(3, pdus.decode(unhex "00000020", 1, { max_length = 32 }))))
  end)

  it("shows the text that came instead of a length", function()
    local _, message = pdus.decode("GET / HTTP/1.1\r\n\r\n")
    assert.truthy(message:find('"GET "', 1, true))
  end)

  it("goes on at a position and returns the next", function()
    local two = raw(0x15, 0, 1, "") .. raw(0x80000015, 0, 2, "")
    local first, following = pdus.decode(two)
    assert.equal("enquire_link", first.command)
    local second, last = pdus.decode(two, following)
    assert.equal("enquire_link_resp", second.command)
    assert.equal(#two + 1, last)
    assert.equal("truncated", (select(3, pdus.decode(two, last))))
    assert.has_error(function() pdus.decode(two, #two + 2) end)
  end)

  it("takes all 32 bits of sequence numbers and statuses", function()
    local pdu = pdus.decode(raw(0x80000004, 0xFFFFFFFF, 0xFFFFFFFE, ""))
    assert.equal(4294967294, pdu.sequence_number)
    assert.equal(4294967295, pdu.command_status)
    assert.equal("0xFFFFFFFF", pdu.status)
  end)

  it("names statuses, by their alias where the standard's name is missing", function()
    assert.equal("ESME_RTHROTTLED", pdus.decode(raw(0x80000004, 0x58, 1, "")).status)
    assert.equal("ESME_RLIMITEXCEED", pdus.decode(raw(0x80000004, 0x56, 1, "")).status)
    assert.equal("0x00000401", pdus.decode(raw(0x80000004, 0x401, 1, "")).status)
  end)

  it("keeps a command outside the tables as octets", function()
    local pdu = pdus.decode(raw(0x01000001, 0, 9, "hello"))
    assert.equal("0x01000001", pdu.command)
    assert.equal(pdu:octets(), pdus.encode(pdu:totable()))
    assert.equal(0x01000001, pdu.command_id)
    assert.same({ "bad_value", "command_id", "fault", "ESME_RINVCMDID" }, problem(pdu))
    assert.equal(raw(0x01000001, 7, 10, "hello"), pdu:with({ command_status = 7, sequence_number = 10 }):octets())
    assert.equal("bad_value", (select(3, pdu:with { destination_addr = "1" })))
  end)

  it("raises, with a suggestion, when a field is misspelt", function()
    local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT)))
    assert.has_error(function() return pdu.destinaton_addr end, "a PDU has no field 'destinaton_addr'; did you mean 'destination_addr'?")
    assert.has_error(function() pdu.source_addr = "1" end)
    assert.is_nil(pdu.receipted_message_id)
    assert.is_nil(pdu.password)
  end)
end)

describe("bind_codec: lenient reading", function()
  it("takes error responses without a body, with one, with TLVs", function()
    for _, command in ipairs(core.protocol.commands()) do
      if command.id >= 0x80000000 then
        local pdu = pdus.decode(raw(command.id, 0x58, 1, ""))
        assert.equal(command.name, pdu.command)
        assert.same({}, pdu:problems())
      end
    end
    local pdu = pdus.decode(raw(0x80000004, 0x58, 1, "abc\0"))
    assert.equal("abc", pdu.message_id)
    pdu = pdus.decode(raw(0x80000103, 0xFE, 1, "\0" .. unhex "0425 0001 02"))
    assert.equal(2, pdu.delivery_failure_reason)
  end)

  it("takes a bind_resp without system_id", function()
    local pdu = pdus.decode(raw(0x80000009, 0, 1, ""))
    assert.is_nil(pdu.system_id)
    assert.same({ "missing", "system_id", "warning", "ESME_RINVCMDLEN" }, problem(pdu))
    pdu = pdus.decode(raw(0x80000009, 0, 1, unhex "0210 0001 34"))
    assert.is_nil(pdu.system_id)
    assert.equal(0x34, pdu.sc_interface_version)
    assert.equal("missing", problem(pdu)[1])
    assert.equal(raw(0x80000009, 0, 2, unhex "0210 0001 34"), pdu:with({ sequence_number = 2 }):octets())
  end)

  it("takes NULs behind the parameters as harmless, other octets as a fault", function()
    for n = 1, 3 do
      local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT) .. ("\0"):rep(n)))
      assert.same({ "trailing", nil, "note", "ESME_RINVTLVSTREAM" }, { problem(pdu)[1], nil, problem(pdu)[3], problem(pdu)[4] })
      pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT) .. ("x"):rep(n)))
      assert.equal("fault", problem(pdu)[3])
      assert.equal("ESME_RINVTLVSTREAM", problem(pdu)[4])
      assert.equal(("x"):rep(n), pdu:totable().trailing)
      assert.equal(hex(pdu:octets()), hex(pdus.encode(pdu:totable())))
    end
  end)

  it("reads up to a TLV that overruns", function()
    local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT) .. unhex "0204 0002 0007" .. unhex "0424 0009 6161"))
    assert.equal(7, pdu.user_message_reference)
    assert.is_nil(pdu.message_payload)
    assert.same({ "truncated", "message_payload", "fault", "ESME_RINVTLVSTREAM" }, problem(pdu))
    assert.equal(1, #pdu:tlvs())
  end)

  it("takes a missing NUL and over-long strings, and says whose they are", function()
    local expected = {
      service_type = "ESME_RINVSERTYP", source_addr = "ESME_RINVSRCADR", destination_addr = "ESME_RINVDSTADR",
      system_id = "ESME_RINVSYSID", password = "ESME_RINVPASWD", system_type = "ESME_RINVSYSTYP",
      message_id = "ESME_RINVMSGID", schedule_delivery_time = "ESME_RINVSCHED", validity_period = "ESME_RINVEXPIRY",
    }
    for _, command in ipairs(core.protocol.commands()) do
      local before = ""
      for _, param in ipairs(command.params) do
        local max = math.max(param.max[1], param.max[2], param.max[3])
        if param.kind == "cstring" or param.kind == "time" then
          local status = expected[param.name] or "ESME_RINVCMDLEN"
          local pdu = pdus.decode(raw(command.id, 0, 1, before .. "abc"))
          if before ~= "" or command.id < 0x80000000 then
            assert.equal("abc", pdu[param.name], command.name .. " " .. param.name)
            assert.same({ "unterminated", param.name, "fault", status }, problem(pdu))
          end
          local long = ("9"):rep(max)
          pdu = pdus.decode(raw(command.id, 0, 1, before .. long .. "\0"))
          assert.equal(long, pdu[param.name])
          local severity = param.name == "password" and "warning" or "fault"
          assert.same({ "too_long", param.name, severity, status }, problem(pdu))
          before = before .. "\0"
        else
          before = before .. (({ int2 = "\0\0", int4 = "\0\0\0\0" })[param.kind] or "\0")
        end
      end
    end
  end)

  it("says where a body that is too short ends", function()
    for _, command in ipairs(core.protocol.commands()) do
      local body = ""
      for i, param in ipairs(command.params) do
        if command.id < 0x80000000 or i > 1 then
          local pdu = pdus.decode(raw(command.id, 0, 1, body))
          assert.is_nil(pdu[param.name])
          assert.same({ "truncated", param.name, "fault", "ESME_RINVCMDLEN" }, problem(pdu))
        end
        body = body .. "\0"
      end
    end
    local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT):sub(1, -2) .. "\5abc"))
    assert.equal("abc", pdu.short_message)
    assert.equal(5, pdu.sm_length)
    assert.same({ "truncated", "short_message", "fault", "ESME_RINVCMDLEN" }, problem(pdu))
  end)

  it("keeps unknown and repeated TLVs, in order; the first counts", function()
    local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT) .. unhex "0204 0002 0007  1400 0001 ff  0204 0002 0008"))
    assert.equal(7, pdu.user_message_reference)
    assert.same({ 0x204, 0x1400, 0x204 }, { pdu:tlvs()[1].tag, pdu:tlvs()[2].tag, pdu:tlvs()[3].tag })
    assert.equal("\255", pdu:tlv(0x1400))
    assert.equal("\0\7", pdu:tlv "user_message_reference")
    assert.is_nil(pdu:tlv(0x1401))
    assert.has_error(function() pdu:tlv "user_message_referenc" end)
    local codes = {}
    for i, p in ipairs(pdu:problems()) do codes[i] = p.code .. " " .. p.severity end
    assert.same({ "unknown_tlv note", "duplicate note" }, codes)
    assert.truthy(pdus.decode(pdu:octets(), 1, { strict = true }))
  end)

  it("reads a C-octet string TLV with and without its NUL, numbers of odd lengths as far as they are numbers", function()
    local function with_tlv(octets) return (pdus.decode(raw(5, 0, 1, unhex(SUBMIT) .. unhex(octets)))) end
    assert.equal("ab", with_tlv("001e 0002 6162").receipted_message_id)
    assert.equal("ab", with_tlv("001e 0003 616200").receipted_message_id)
    assert.equal(258, with_tlv("0427 0002 0102").message_state)
    assert.is_nil(with_tlv("0427 0000").message_state)
    assert.is_nil(with_tlv("0427 0005 0102030405").message_state)
    assert.equal("\1\2\3\4\5", with_tlv("0427 0005 0102030405"):tlvs()[1].value)
    assert.same({ "bad_length", "message_state", "warning", "ESME_RINVTLVLEN" }, problem(with_tlv "0427 0002 0102"))
    assert.equal(0, with_tlv("130c 0000").alert_on_message_delivery)
    assert.equal(2, with_tlv("0010 0002 0002").source_telematics_id)
    assert.same({}, with_tlv("0010 0002 0002"):problems())
  end)

  it("stops a list at the first entry that is none", function()
    local pdu = pdus.decode(raw(0x21, 0, 1, unhex "00 0000 00  03  01 0101 3100  02 4c00  07"))
    assert.same({ { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "1" }, { dl_name = "L" } }, pdu.dest_address)
    assert.equal(3, pdu.number_of_dests)
    assert.same({ "bad_value", "dest_address", "fault", "ESME_RINVDESTFLAG" }, problem(pdu))
    assert.is_nil(pdu.esm_class)
  end)

  it("counts message_payload before short_message, and says so", function()
    local pdu = pdus.decode(raw(4, 0, 1, unhex(SUBMIT):sub(1, -2) .. "\1a" .. unhex "0424 0001 62"))
    assert.same({ "bad_value", "short_message", "warning", "ESME_RINVMSGLEN" }, problem(pdu))
  end)
end)

describe("bind_codec: strict reading", function()
  it("fails with the status to answer", function()
    local function code(octets) return (select(3, pdus.decode(octets, 1, { strict = true }))) end
    assert.equal("ESME_RINVTLVSTREAM", code(raw(4, 0, 1, unhex(SUBMIT) .. "\0")))
    assert.equal("ESME_RINVPASWD", code(raw(9, 0, 1, "id\0longer than 8\0\0\52\0\0\0")))
    assert.equal("ESME_RINVCMDID", code(raw(0x99, 0, 1, "")))
    assert.equal("ESME_RINVCMDLEN", code(raw(4, 0, 1, "")))
    assert.equal("ESME_RINVTLVLEN", code(raw(4, 0, 1, unhex(SUBMIT) .. unhex "0204 0001 07")))
    assert.equal("ESME_RMISSINGTLV", code(raw(0x111, 0, 1, ("\0"):rep(11))))
    assert.is_nil(code(raw(4, 0, 1, unhex(SUBMIT))))
  end)

  it("knows no other options", function()
    assert.has_error(function() pdus.decode("", 1, { stric = true }) end, "unknown option 'stric'; did you mean 'strict'?")
  end)
end)

describe("bind_codec: vendor TLVs", function()
  it("have names in a codec of their own", function()
    local codec = pdus.codec_of { tlvs = { { tag = 0x1400, name = "pe_id", type = "cstring" }, { tag = 0x1401, name = "weight", type = "int2" } } }
    local octets = assert(codec.encode { command = "submit_sm", pe_id = "1101", weight = 258 })
    local pdu = codec.decode(octets)
    assert.equal("1101", pdu.pe_id)
    assert.equal(258, pdu.weight)
    assert.equal("pe_id", pdu:tlvs()[1].name)
    assert.same({}, pdu:problems())
    assert.equal("unknown_tlv", pdus.decode(octets):problems()[1].code)
    assert.equal("pe_id", ({ pdu:fields() } and pdu:layout()[18].name))
    assert.has_error(function() return pdus.decode(octets).pe_id end)
    assert.is_nil(pdus.decode(octets):tlvs()[1].name)
  end)

  it("cannot take a standard's tag or name", function()
    local codec = pdus.codec_of { tlvs = {} }
    assert.has_error(function() codec.declare(0x0204, "mine", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "destination_addr", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "octets", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "mine", "float") end)
    assert.has_error(function() codec.declare(0, "mine", "int2") end)
    assert.has_error(function() codec.declare(0x10000, "mine", "int2") end)
  end)
end)
