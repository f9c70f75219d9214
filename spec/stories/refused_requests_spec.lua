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
      local told, log = {}, {}
      local mc = server { log = function(record) log[#log + 1] = record end }
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
      assert.equal(4, mc:stats().refused_received)
      esme:close()
      mc:close()
      local words = {}
      for _, record in ipairs(log) do words[#words + 1] = table.concat({ record.level, record.event, record.command, record.status }, " ") end
      assert.same({
        "info listening", "info bound", "warn refused submit_sm ESME_RINVSERTYP", "warn refused query_sm ESME_RINVCMDID",
        "warn refused deliver_sm ESME_RINVBNDSTS", "warn refused 0x00000305 ESME_RINVCMDID", "info closed", "info stopped",
      }, words)
      assert.same({ "me", "string too long", 77 }, { log[3].system_id, log[3].reason, log[3].sequence_number })
    end)
  end)

  it("counts and logs what its handlers, checks and rates refuse, apart from refused binds", function()
    run(function()
      local log, rejected = {}, 0
      local mc = server {
        log = { level = "warn", write = function(record) log[#log + 1] = record end }, checks = {},
        accounts = { me = { password = "secret", rate_per_s = 1, burst = 4 } },
        submit_sm = function(_, pdu)
          if pdu.destination_addr == "1" then return nil, 0x0B end
          if pdu.destination_addr == "2" then return nil, "ESME_ROK" end
          error "no"
        end,
      }
      mc:on("rejected", function() rejected = rejected + 1 end)
      assert.is_nil((connect { "smpp://me:wrong@127.0.0.1:2775" }))
      local esme = connect { retry = false, message = function() end }
      for _, to in ipairs { "x", "1", "2", "3", "4" } do
        esme:submit_sm { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = to }
      end
      local session = mc.sessions[1]
      assert(session:deliver_sm { source_addr = "1", destination_addr = "2", short_message = "x" })
      local stats = mc:stats()
      assert.same({ 4, 1, 1, 0 }, { stats.rejected, stats.refused_binds, stats.binds, stats.refused_received })
      assert.same({ 1, 1, 1, 1 }, { stats.requests, stats.answered, stats.sessions, stats.latency.count })
      assert.equal(5, stats.received)
      assert.equal(3, rejected)
      esme:close()
      mc:close()
      local words = {}
      for _, record in ipairs(log) do words[#words + 1] = table.concat({ record.level, record.event, record.status }, " ") end
      assert.same({
        "warn refused_bind ESME_RINVPASWD", "warn rejected ESME_RINVDSTADR", "warn rejected ESME_RINVDSTADR", "error handler_failed",
        "warn rejected ESME_RTHROTTLED",
      }, words)
    end)
  end)

  it("omits lines of the log when strangers cause many", function()
    run(function()
      local log = {}
      local mc = server { accounts = { me = "secret" }, max_failed_binds = 1000, log = { level = "warn", write = function(record) log[#log + 1] = record end } }
      local session = assert(smpp.open { host = "127.0.0.1", port = 2775 })
      local function try(count)
        for _ = 1, count do session:bind_transceiver { system_id = "me", password = "wrong" } end
      end
      try(300)
      local before = #log
      assert.is_true(before >= 100 and before < 120, before)
      smpp.sleep(60)
      session = assert(smpp.open { host = "127.0.0.1", port = 2775 })
      try(1)
      assert.equal(300 - before, log[before + 1].omitted)
      assert.equal(301, mc:stats().refused_binds)
      session:close()
      mc:close()
    end)
  end)
end)

describe("a session without an owner", function()
  it("has the event `refused`", function()
    run(function()
      local mc = server()
      local session, told = assert(smpp.open { "smpp://me:secret@127.0.0.1:2775" }), {}
      session:on("refused", function(pdu, status, reason) told[#told + 1] = { pdu.command, status, reason } end)
      assert(session:bind_transceiver { system_id = "me", password = "secret" })
      mc.sessions[1]:deliver_sm { source_addr = "1", destination_addr = "2" }
      mc.sessions[1].transport:write "\0\0\0\16\0\0\3\5\0\0\0\0\0\0\0\99"
      smpp.sleep(1)
      assert.same({ { "deliver_sm", "ESME_RINVCMDID", "no handler for it" }, { "0x00000305", "ESME_RINVCMDID", "unknown command" } }, told)
      session:close()
      mc:close()
    end)
  end)
end)

describe("a client that is closing", function()
  it("refuses messages for now, and counts them", function()
    run(function()
      local mc, told = server(), {}
      local esme = connect { message = function() smpp.sleep(3) end }
      esme:on("refused", function(pdu, status, reason) told[#told + 1] = { pdu.command, status, reason } end)
      local session = mc.sessions[1]
      smpp.spawn(function() session:deliver_sm { source_addr = "1", destination_addr = "2", short_message = "one" } end)
      smpp.sleep(1)
      smpp.spawn(function() esme:close() end)
      smpp.sleep(1)
      assert.equal("ESME_RX_T_APPN", select(3, session:deliver_sm { source_addr = "1", destination_addr = "2", short_message = "two" }))
      assert.same({ { "deliver_sm", "ESME_RX_T_APPN", "the client is closing" } }, told)
      assert.equal(1, esme:stats().refused_received)
      smpp.sleep(5)
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

  it("stands in every copy, until it is removed", function()
    local octets = pdu_with(1, SAR)
    local pdu = assert(pdus.decode(octets))
    assert.equal("\0", pdu.padding)
    assert.equal(octets, pdus.encode(pdu:totable()))
    assert.equal(octets, pdus.encode(pdu))
    assert.equal(octets, pdu:with({ sequence_number = 9 }):with({ sequence_number = 1 }):octets())
    local longer = assert(pdu:with { short_message = "hello, world" })
    assert.same({ "hello, world", "\0", 7 }, { longer.short_message, longer.padding, longer.sar_msg_ref_num })
    assert.equal(pdu_with(0, SAR), pdu:with({ padding = smpp.none }):octets())
    assert.equal(pdu_with(0, SAR), pdus.encode(require("smpp.base.schema").merge(pdu:totable(), { padding = "" })))
    assert.is_nil(pdus.decode(pdu_with(0, SAR)).padding)
    assert.is_nil(pdus.decode(pdu_with(0, SAR)):totable().padding)
    assert.truthy(pdu:dump():find("\n%x+  00 +padding"))
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
