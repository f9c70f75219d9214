local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"
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

describe("bind_codec: views", function()
  local octets = raw(4, 0, 77, unhex(SUBMIT):sub(1, -2) .. "\2hi" .. unhex "0204 0002 0007  1400 0001 ff")
  local pdu = pdus.decode(octets)

  it("iterate over their fields in wire order", function()
    local names = {}
    for name, value in pdu:fields() do names[#names + 1] = name .. "=" .. tostring(value) end
    assert.equal("service_type=", names[1])
    assert.equal("short_message=hi", names[17])
    assert.equal("user_message_reference=7", names[18])
    assert.equal("tlv_0x1400=\255", names[19])
    assert.equal(19, #names)
  end)

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

  it("change into copies: fields, TLVs in place, new TLVs behind, none removes", function()
    local changed = pdu:with { sequence_number = 5, destination_addr = "49", user_message_reference = 8, source_port = 1 }
    assert.equal(5, changed.sequence_number)
    assert.equal("49", changed.destination_addr)
    assert.same({ 0x204, 0x1400, 0x20A }, { changed:tlvs()[1].tag, changed:tlvs()[2].tag, changed:tlvs()[3].tag })
    assert.equal(8, changed.user_message_reference)
    assert.equal("4", pdu.destination_addr)
    local less = pdu:with { user_message_reference = pdus.none, short_message = pdus.none, destination_addr = pdus.none }
    assert.is_nil(less.user_message_reference)
    assert.equal("", less.short_message)
    assert.equal("", less.destination_addr)
    assert.equal(1, #pdu:with({ tlvs = { { tag = 0x1401, octets = "x" } } }):tlvs())
    assert.equal(0, #pdu:with({ tlvs = pdus.none }):tlvs())
    assert.same({ nil, "too_long" }, { (pdu:with { destination_addr = ("1"):rep(21) }), (select(3, pdu:with { destination_addr = ("1"):rep(21) })) })
  end)

  it("keep their octets when what they came from is gone", function()
    local views = {}
    for i = 1, 200 do views[i] = pdus.decode(raw(4, 0, i, unhex(SUBMIT))) end
    collectgarbage()
    for i = 1, 200 do assert.equal(i, views[i].sequence_number) end
  end)
end)

describe("bind_codec: encode", function()
  local function refused(t, options)
    local octets, message, code = pdus.encode(t, options)
    assert.is_nil(octets)
    return code, message
  end

  it("needs a command it knows", function()
    assert.equal("missing", (refused {}))
    assert.equal("bad_value", (refused { command = "submit" }))
  end)

  it("walks every command: empty, full, one too many", function()
    for _, command in ipairs(core.protocol.commands()) do
      local required = {}
      if command.name == "submit_multi" then required.dest_address = { { destination_addr = "1" } } end
      for name, value in pairs(required) do required[name] = value end
      required.command = command.name
      local octets = assert(pdus.encode(required))
      assert.equal(octets, pdus.encode(pdus.decode(octets):totable()))
      for _, version in ipairs { { 1, 0x33 }, { 2, 0x34 }, { 3, 0x50 } } do
        for _, param in ipairs(command.params) do
          local max = param.max[version[1]]
          local t = {}
          for k, v in pairs(required) do t[k] = v end
          if max > 0 and (param.kind == "cstring" or param.kind == "time") then
            t[param.name] = ("1"):rep(max - 1)
            local full = assert(pdus.encode(t, { version = version[2] }))
            assert.equal(t[param.name], pdus.decode(full)[param.name])
            t[param.name] = ("1"):rep(max)
            local code, message = refused(t, { version = version[2] })
            assert.equal("too_long", code)
            assert.truthy(message:find(command.name .. ": " .. param.name .. ": " .. max .. " octets, at most " .. (max - 1), 1, true))
            t[param.name] = max > 1 and "a\0" or nil
            if max > 2 and param.kind == "cstring" then assert.equal("bad_value", (refused(t, { version = version[2] }))) end
          elseif max > 0 and param.kind == "text" then
            t[param.name] = ("x"):rep(max)
            assert.equal(t[param.name], pdus.decode(assert(pdus.encode(t, { version = version[2] })))[param.name])
            t[param.name] = ("x"):rep(max + 1)
            assert.equal("too_long", (refused(t, { version = version[2] })))
          elseif max > 0 and param.kind == "int1" then
            t[param.name] = 255
            assert.equal(255, pdus.decode(assert(pdus.encode(t, { version = version[2] })))[param.name])
            for _, wrong in ipairs { 256, -1, 1.5, "no such name", true } do
              t[param.name] = wrong
              assert.equal("bad_value", (refused(t, { version = version[2] })))
            end
          end
        end
      end
    end
  end)

  it("takes names of values and tables of flags", function()
    local pdu = pdus.decode(assert(pdus.encode {
      command = "submit_sm", source_addr_ton = "alphanumeric", dest_addr_npi = "isdn", data_coding = "ucs2",
      esm_class = { mode = "datagram", features = "udhi" }, registered_delivery = { "success_or_failure", "requested" },
      dest_addr_subunit = "ms_display", message_state = "delivered",
    }))
    assert.equal(5, pdu.source_addr_ton)
    assert.equal(1, pdu.dest_addr_npi)
    assert.equal(8, pdu.data_coding)
    assert.equal(0x41, pdu.esm_class)
    assert.equal(0x11, pdu.registered_delivery)
    assert.equal(1, pdu.dest_addr_subunit)
    assert.equal(2, pdu.message_state)
    assert.equal("bad_value", (refused { command = "submit_sm", esm_class = { mode = "udhi" } }))
  end)

  it("walks every TLV by name: shortest, longest, too long", function()
    for _, tlv in ipairs(core.protocol.tlvs()) do
      local t = { command = "data_sm" }
      if tlv.kind == "cstring" or tlv.kind == "octets" then
        local over = tlv.kind == "cstring" and 1 or 0
        t[tlv.name] = ("1"):rep(tlv.max - over)
        assert.equal(t[tlv.name], pdus.decode(assert(pdus.encode(t)))[tlv.name])
        t[tlv.name] = ("1"):rep(tlv.max - over + 1)
        assert.equal("too_long", (refused(t)))
        if tlv.min - over > 0 then
          t[tlv.name] = ("1"):rep(tlv.min - over - 1)
          assert.equal("bad_value", (refused(t)))
        end
      else
        local max = ({ int1 = 0xFF, int2 = 0xFFFF, int4 = 0xFFFFFFFF, int1_or_empty = 0xFF })[tlv.kind]
        t[tlv.name] = max
        assert.equal(max, pdus.decode(assert(pdus.encode(t)))[tlv.name])
        t[tlv.name] = max + 1
        assert.equal("bad_value", (refused(t)))
      end
      if tlv.alias then
        local octets = assert(pdus.encode { command = "data_sm", tlvs = { { tag = tlv.tag, octets = ("\1"):rep(tlv.min) } } })
        local pdu = pdus.decode(octets)
        assert.equal(pdu[tlv.name], pdu[tlv.alias])
      end
    end
    assert.equal("130c0000", hex(pdus.encode({ command = "data_sm", alert_on_message_delivery = true }):sub(-4)))
    assert.equal("130c000100", hex(pdus.encode({ command = "data_sm", alert_on_message_delivery = 0 }):sub(-5)))
    assert.equal("130c0000", hex(pdus.encode({ command = "data_sm", alert_on_message_delivery = 0 }, { version = 0x34 }):sub(-4)))
  end)

  it("puts TLVs by name behind tlvs, in ascending order of tags", function()
    local pdu = pdus.decode(assert(pdus.encode {
      command = "submit_sm", source_port = 1, dest_addr_subunit = 2, user_message_reference = 3,
      tlvs = { { tag = 0x1401, octets = "a" }, { 0x1400, "b" }, { tag = 0x1401, octets = "c" } },
    }))
    local tags = {}
    for i, tlv in ipairs(pdu:tlvs()) do tags[i] = tlv.tag end
    assert.same({ 0x1401, 0x1400, 0x1401, 0x0005, 0x0204, 0x020A }, tags)
    assert.equal("bad_value", (refused { command = "submit_sm", source_port = 1, tlvs = { { tag = 0x020A, octets = "\0\1" } } }))
    assert.equal("too_long", (refused { command = "submit_sm", tlvs = { { tag = 0x1400, octets = ("x"):rep(65536) } } }))
    assert.equal("bad_value", (refused { command = "submit_sm", tlvs = { { tag = 0x10000, octets = "" } } }))
    assert.equal("bad_value", (refused { command = "submit_sm", tlvs = { { tag = 1 } } }))
  end)

  it("names a misspelt field, the same one every time", function()
    local code, message = refused { command = "submit_sm", destinaton_addr = "1", zzz = 1, sorce_addr = "2" }
    assert.equal("unknown_field", code)
    assert.equal("destinaton_addr: no such parameter or TLV; did you mean destination_addr?", message)
    assert.equal("unknown_field", (refused { command = "enquire_link", esm = 1 }))
    assert.has_error(function() pdus.encode { command = "submit_sm", "positional" } end)
    assert.has_error(function() pdus.encode "submit_sm" end)
  end)

  it("takes derived fields only when they agree", function()
    local t = { command = "submit_sm", short_message = "abc", sm_length = 3, command_id = 4, command_length = 36 }
    assert.truthy(pdus.encode(t))
    for name, wrong in pairs { sm_length = 4, command_id = 5, command_length = 35 } do
      local copy = {}
      for k, v in pairs(t) do copy[k] = v end
      copy[name] = wrong
      local code, message = refused(copy)
      assert.equal("bad_value", code)
      assert.truthy(message:find(name, 1, true))
    end
    assert.equal("bad_value", (refused { command = "submit_multi", number_of_dests = 2, dest_address = { { dl_name = "L" } } }))
    assert.equal("unknown_field", (refused { command = "bind_transceiver", sm_length = 0 }))
    local details = pdus.decode(assert(pdus.encode { command = "query_msg_details", message_id = "1", sm_length = 9 }))
    assert.equal(9, details.sm_length)
    assert.equal(9, details:totable().sm_length)
  end)

  it("leaves the body out when the status is not 0 and nothing is in it", function()
    assert.equal(16, #pdus.encode { command = "submit_sm_resp", command_status = "ESME_RTHROTTLED" })
    assert.equal(16, #pdus.encode { command = "submit_sm_resp", status = 0x58 })
    assert.equal(17, #pdus.encode { command = "submit_sm_resp" })
    assert.equal(18, #pdus.encode { command = "submit_sm_resp", status = "ESME_RTHROTTLED", message_id = "1" })
    assert.equal(22, #pdus.encode { command = "data_sm_resp", status = 1, delivery_failure_reason = 1 })
    assert.equal("bad_value", (refused { command = "submit_sm_resp", status = "ESME_RTROTTLED" }))
  end)

  it("keeps to a version: no TLVs in 3.3, no 5.0 TLVs and commands in 3.4", function()
    assert.equal("bad_value", (refused({ command = "submit_sm", source_port = 1 }, { version = 0x33 })))
    assert.equal("bad_value", (refused({ command = "data_sm" }, { version = 0x33 })))
    assert.equal("bad_value", (refused({ command = "submit_sm_resp", congestion_state = 1 }, { version = 0x34 })))
    assert.equal("bad_value", (refused({ command = "query_broadcast_sm" }, { version = 0x34 })))
    assert.truthy(pdus.encode({ command = "query_broadcast_sm" }, { version = 0x50 }))
    assert.equal("too_long", (refused({ command = "submit_sm", short_message = ("x"):rep(255) }, { version = 0x34 })))
    assert.truthy(pdus.encode { command = "submit_sm", short_message = ("x"):rep(255) })
  end)

  it("checks lists", function()
    assert.equal("bad_value", (refused { command = "submit_multi", dest_address = "491" }))
    assert.equal("bad_value", (refused { command = "submit_multi", dest_address = { "491" } }))
    assert.equal("bad_value", (refused { command = "submit_multi", dest_address = { { destination_addr = "1", dl_name = "2" } } }))
    assert.equal("bad_value", (refused { command = "submit_multi", dest_address = { { dest_flag = 3, destination_addr = "1" } } }))
    assert.equal("too_long", (refused { command = "submit_multi", dest_address = { { destination_addr = ("1"):rep(21) } } }))
    local many = {}
    for i = 1, 256 do many[i] = { dl_name = "L" .. i } end
    assert.equal("too_long", (refused { command = "submit_multi", dest_address = many }))
    assert.equal("bad_value", (refused { command = "query_last_msgs_resp", message_id = { 1 } }))
  end)

  it("round-trips random PDUs", function()
    local commands, tlvs = core.protocol.commands(), core.protocol.tlvs()
    property.holds(500, function(random, case)
      local command = commands[random(#commands)]
      local t = { command = command.name, command_status = 0, sequence_number = random(2147483647), tlvs = {} }
      for _, param in ipairs(command.params) do
        local max = math.max(param.max[1], param.max[2], param.max[3])
        if param.kind == "int1" then t[param.name] = random(256) - 1
        elseif param.kind == "cstring" then t[param.name] = ("7"):rep(random(max) - 1)
        elseif param.kind == "time" then t[param.name] = random(2) == 1 and "" or ("1"):rep(16)
        elseif param.kind == "text" then t[param.name] = string.char(random(256) - 1):rep(random(max + 1) - 1)
        elseif param.kind == "message_ids" then t[param.name] = { "1A", "" }
        elseif param.kind == "dest_address" then t[param.name] = { { dl_name = "x" }, { dest_addr_ton = 1, dest_addr_npi = 2, destination_addr = "5" } }
        else t[param.name] = { { dest_addr_ton = 1, dest_addr_npi = 2, destination_addr = "5", error_status_code = random(99) } } end
      end
      for i = 1, random(4) - 1 do
        local tlv = tlvs[random(#tlvs)]
        t.tlvs[i] = { tag = tlv.tag, octets = ("\1"):rep(tlv.min) }
      end
      case.pdu = t
      local octets = assert(pdus.encode(t))
      local back = pdus.decode(octets):totable()
      assert.same(t, back)
      assert.equal(octets, pdus.encode(back))
    end, 20240101)
  end)
end)

describe("bind_codec: vendor TLVs", function()
  it("have names in a codec of their own", function()
    local codec = pdus.new_codec { { tag = 0x1400, name = "pe_id", type = "cstring" }, { tag = 0x1401, name = "weight", type = "int2" } }
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
    local codec = pdus.new_codec()
    assert.has_error(function() codec.declare(0x0204, "mine", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "destination_addr", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "octets", "int2") end)
    assert.has_error(function() codec.declare(0x1400, "mine", "float") end)
    assert.has_error(function() codec.declare(0, "mine", "int2") end)
    assert.has_error(function() codec.declare(0x10000, "mine", "int2") end)
  end)
end)
