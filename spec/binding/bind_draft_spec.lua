local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"
local util = require "spec.support.util"

local hex = util.hex

describe("bind_draft", function()
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
    assert.equal("destinaton_addr: no such parameter or TLV in submit_sm; did you mean destination_addr?", message)
    -- A parameter of other PDUs is not suggested to itself, and names of other PDUs are not suggested at all.
    code, message = refused { command = "deliver_sm", message_id = "1" }
    assert.same({ "unknown_field", "message_id: no such parameter or TLV in deliver_sm" }, { code, message })
    code, message = refused { command = "deliver_sm", message_state = "delivrd" }
    assert.same({ "bad_value", 'message_state: expected a number or one of scheduled, enroute, delivered, expired, deleted, undeliverable, accepted, unknown, '
      .. 'rejected, skipped, got "delivrd"' }, { code, message })
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

  it("suggests a command for an unknown one", function()
    assert.equal("unknown command 'submit_smm'; did you mean 'submit_sm'?", select(2, refused { command = "submit_smm" }))
    assert.equal("unknown command 'x'", select(2, refused { command = "x" }))
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
