--- What the library answers by itself, without any handler: both sides are told, and it is counted.
local pdus = require "smpp.codec"
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, connect = world.run, world.server, world.connect

local RECEIPT = "id:17 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hello"

--- The octets of a PDU with a service_type that is too long.
local function with_service_type(fields, service_type)
  fields.service_type = "@@@@"
  local octets = assert(pdus.encode(fields)):gsub("@@@@%z", service_type .. "\0", 1)
  return octets:sub(1, 0) .. "\0\0" .. string.char(math.floor(#octets / 256), #octets % 256) .. octets:sub(5)
end

describe("a client", function()
  local function receive(o)
    local seen = {}
    run(function()
      local mc = server()
      local esme = connect { profile = o.profile, log = function(record) table.insert(seen, record) end,
        receipt = function(receipt) seen.receipt = receipt end }
      esme:on("refused", function(pdu, status, reason) seen.refused = { pdu.command, status, reason } end)
      local session = mc.sessions[1]
      session:on("pdu", function(pdu, direction)
        if direction == "in" and pdu.command == "deliver_sm_resp" then seen.answer = pdu.status end
      end)
      session.transport:write(with_service_type({
        command = "deliver_sm", sequence_number = 9, source_addr = "491", destination_addr = "5", esm_class = 4, short_message = RECEIPT,
      }, "smscsim"))
      smpp.sleep(1)
      seen.stats = esme:stats()
      esme:close()
      mc:close()
    end)
    return seen
  end

  it("takes strings that are longer than the standard, with a problem", function()
    local seen = receive {}
    assert.same({ "17", "ESME_ROK" }, { seen.receipt.id, seen.answer })
    assert.equal("smscsim", seen.receipt.pdu.service_type)
    assert.equal("too_long", seen.receipt.pdu:problems()[1].code)
    assert.is_nil(seen.refused)
    assert.equal(0, seen.stats.refused_received)
  end)

  it("that is strict refuses them, and says so", function()
    local seen = receive { profile = "strict" }
    assert.is_nil(seen.receipt)
    assert.equal("ESME_RINVSERTYP", seen.answer)
    assert.same({ "deliver_sm", "ESME_RINVSERTYP", "string too long" }, seen.refused)
    assert.equal(1, seen.stats.refused_received)
    local record
    for _, one in ipairs(seen) do
      if one.event == "refused" then record = one end
    end
    assert.same({ "warn", "deliver_sm", "ESME_RINVSERTYP" }, { record.level, record.command, record.status })
  end)
end)

describe("a server", function()
  it("tells of what it refused itself", function()
    run(function()
      local mc = server()
      local told = {}
      mc:on("refused", function(session, system_id, status, reason, pdu)
        told[#told + 1] = { session.system_id == system_id, status, reason, pdu.command }
      end)
      local esme = connect()
      local session = mc.sessions[1]
      esme.session.transport:write(with_service_type({ command = "submit_sm", sequence_number = 77, destination_addr = "5" }, "toolong"))
      esme:query_sm { message_id = "1" }
      esme.session.transport:write("\0\0\0\16\0\0\0\5\0\0\0\0\0\0\0\99") -- deliver_sm is not an ESME's
      esme.session.transport:write("\0\0\0\16\0\0\3\5\0\0\0\0\0\0\0\99")
      smpp.sleep(1)
      assert.same({
        { true, "ESME_RINVSERTYP", "string too long", "submit_sm" },
        { true, "ESME_RINVCMDID", "no handler for it", "query_sm" },
        { true, "ESME_RINVBNDSTS", "command not allowed in this bind state or from this side", "deliver_sm" },
        { true, "ESME_RINVCMDID", "unknown command", "0x00000305" },
      }, told)
      assert.is_true(session.is_bound)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("a NUL behind short_message that sm_length does not count", function()
  local function pdu_with(nuls, tail)
    local octets = assert(pdus.encode {
      command = "submit_sm", sequence_number = 1, destination_addr = "5", short_message = "hello",
    }) .. ("\0"):rep(nuls) .. tail
    return "\0\0\0" .. string.char(#octets) .. octets:sub(5)
  end
  local SAR = "\2\12\0\2\0\7\2\14\0\1\2\2\15\0\1\1" -- sar_msg_ref_num, sar_total_segments, sar_segment_seqnum

  it("is passed when whole TLVs follow", function()
    for _, tail in ipairs { SAR, "\4\36\0\5hello", "\2\4\0\2\1\2" } do
      local pdu = assert(pdus.decode(pdu_with(1, tail)))
      assert.equal("hello", pdu.short_message)
      local problems = pdu:problems()
      assert.same({ "trailing", "short_message", "warning" }, { problems[1].code, problems[1].field, problems[1].severity })
      local tlvs = {}
      for i, tlv in ipairs(pdu:tlvs()) do tlvs[i] = tlv.name end
      assert.equal(pdus.decode(pdu_with(0, tail)):tlvs()[1].name, tlvs[1])
      assert.equal(#pdus.decode(pdu_with(0, tail)):tlvs(), #tlvs)
    end
    assert.equal(7, pdus.decode(pdu_with(1, SAR)).sar_msg_ref_num)
  end)

  it("is none when the TLVs are whole as they stand, or nothing whole follows", function()
    local pdu = assert(pdus.decode(pdu_with(0, "\0\5\0\1\1" .. SAR)))
    assert.equal(1, pdu.dest_addr_subunit)
    for _, tail in ipairs { SAR:sub(1, -2), "\20\0\0\1x" } do -- the second is not in the tables
      local has_fault = false
      for _, problem in ipairs(pdus.decode(pdu_with(1, tail)):problems()) do has_fault = has_fault or problem.severity == "fault" end
      assert.is_true(has_fault)
    end
  end)

  it("lets its TLVs reach the handler, and what is dropped is never acknowledged", function()
    local function answer(octets, tolerate)
      local seen = {}
      run(function()
        local mc = server { tolerate = tolerate, submit_sm = function(_, pdu)
          seen.payload = pdu.message_payload
          return "1"
        end }
        local esme = connect()
        esme:on("pdu", function(pdu, direction) if direction == "in" and pdu.command == "submit_sm_resp" then seen.status = pdu.status end end)
        esme.session.transport:write(octets)
        smpp.sleep(1)
        esme:close()
        mc:close()
      end)
      return seen
    end
    local function empty(tail)
      local octets = assert(pdus.encode { command = "submit_sm", sequence_number = 88, destination_addr = "5" }) .. tail
      return "\0\0\0" .. string.char(#octets) .. octets:sub(5)
    end
    for _, tolerate in ipairs { false, { stray_octets = true } } do
      assert.equal("hello", answer(empty "\0\4\36\0\5hello", tolerate or nil).payload)
      for _, tail in ipairs { "\4\36\0\6hello", "\0\0\4\36\0\5hello", "x\4\36\0\5hello", "\4\36\0\5hello\2\4\0\9" } do
        local seen = answer(empty(tail), tolerate or nil)
        assert.equal("nil ESME_RINVTLVSTREAM", tostring(seen.payload) .. " " .. tostring(seen.status))
      end
    end
    assert.equal("ESME_ROK", answer(empty "xyz", { stray_octets = true }).status)
  end)
end)
