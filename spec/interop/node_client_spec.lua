--- node-smpp 0.5.1 as an ESME of our message centre.
local loops = require "smpp.loop"
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local reassembly = require "smpp.text.reassembly"
local receipts = require "smpp.receipt"
local smpp = require "smpp"
local text = require "smpp.text"
local udh = require "smpp.text.udh"
local util = require "spec.support.util"

local hex = util.hex

--- Runs fn(server, esme, seen) with a server of ours and node-smpp connected to it.  seen: the submit_sm it got.
local function with(options, fn)
  node.need()
  peers.run(function()
    local seen, errors = {}, {}
    local o = { port = 0, accounts = { node = { password = "secret" } } }
    function o.submit_sm(_, pdu) seen[#seen + 1] = pdu end
    for name, value in pairs(options) do o[name] = value end
    local server = assert(smpp.server(o))
    server:on("error", function(message) errors[#errors + 1] = message end)
    fn(server, node.connect(server.port), seen, errors)
    server:close(2)
  end)
end

local function only(session_list)
  return peers.wait("one session", function() return #session_list == 1 and session_list[1] end)
end

describe("node-smpp as a client binds", function()
  for _, way in ipairs { { "transmitter", "BOUND_TX" }, { "receiver", "BOUND_RX" }, { "transceiver", "BOUND_TRX" } } do
    local kind, state = way[1], way[2]
    it("as " .. kind .. ", in each version", function()
      with({}, function(server, esme)
        for _, version in ipairs { 0x34, 0x50, 0x33 } do
          if kind ~= "transceiver" or version ~= 0x33 then
            local response = esme:bind(kind, { interface_version = version })
            assert.equal(0, response.command_status)
            assert.equal("smpp", response.system_id)
            -- 3.3 has no TLVs
            assert.equal(version ~= 0x33 and version or nil, response.sc_interface_version)
            local session = only(server.sessions)
            assert.equal(state, session.state)
            assert.equal(version, session.version)
            assert.equal(0, esme:request("enquire_link").command_status)
            assert.truthy(session:enquire_link())
            assert.equal(0, esme:request("unbind").command_status)
            esme:reconnect()
          end
        end
        assert.same({}, esme.errors)
      end)
    end)
  end

  it("and is refused as the standard says", function()
    with({}, function(server, esme)
      assert.equal(0x0E, esme:bind("transceiver", { password = "wrong" }).command_status)
      assert.equal(0x0F, esme:bind("transceiver", { system_id = "nobody" }).command_status)
      assert.equal(0x04, esme:request("submit_sm", { destination_addr = "1" }).command_status)
      assert.equal(0, esme:bind("receiver").command_status)
      assert.equal(0x05, esme:bind("receiver").command_status)
      assert.equal(0x04, esme:request("submit_sm", { destination_addr = "1" }).command_status)
      assert.equal("BOUND_RX", only(server.sessions).state)
    end)
  end)
end)

describe("node-smpp as a client sends", function()
  -- DCS 1 is IA5 in the standard.  node-smpp 0.5.1 calls it ASCII and writes GSM 03.38 in it, and takes it for every
  -- text that fits when no data_coding is given.  The profile node-smpp tells our side so.
  local NODE = smpp.profile.options "node-smpp"
  local GSM = "Grüße @ £5 ^{}\\[~]| € ΔΩ"
  local TEXTS = {
    { "default alphabet", GSM, data_coding = 0 },
    { "ASCII, which is GSM 03.38", GSM, data_coding = 1 },
    { "what it chooses for a GSM text", GSM, expected_coding = 1 },
    { "Latin-1", "Größe ¼ þ", data_coding = 3 },
    { "what it chooses for a Latin-1 text", "Größe ¼ þ", expected_coding = 3 },
    { "UCS-2", "Привет, ǅ 世界", data_coding = 8 },
    { "what it chooses for emoji", "Hello 👋🏽 👨‍👩‍👧", expected_coding = 8 },
  }

  it("texts in each coding both sides know", function()
    with({}, function(_, esme, seen)
      esme:bind "transceiver"
      for i, case in ipairs(TEXTS) do
        local response = esme:request("submit_sm", {
          source_addr = "me", destination_addr = "491761", short_message = case[2], data_coding = case.data_coding,
        })
        assert.equal(0, response.command_status)
        assert.is_true(#response.message_id > 0)
        local pdu = seen[i]
        assert.equal(case.expected_coding or case.data_coding, pdu.data_coding, case[1])
        assert.equal(case[2], (text.decode(pdu.short_message, pdu.data_coding, NODE)), case[1])
        local problem = pdu:problems()[1]
        assert.equal(case[2] == GSM and pdu.data_coding == 1 and "data_coding" or nil, problem and problem.field)
        assert.equal(case[2], (text.read(pdu))) -- control characters show it without the profile
      end
    end)
  end)

  it("requests that are refused, and reads the refusals", function()
    local function refuse() return nil, "ESME_RINVDSTADR" end
    with({ query_sm = refuse, cancel_sm = refuse, replace_sm = refuse, submit_multi = refuse, data_sm = refuse }, function(_, esme)
      esme:bind "transceiver"
      for name, fields in pairs {
        query_sm = { message_id = "77" }, cancel_sm = { message_id = "77" }, replace_sm = { message_id = "77", short_message = "x" },
        submit_multi = { dest_address = { { destination_addr = "1" } }, short_message = "x" }, data_sm = { destination_addr = "1" },
      } do
        assert.equal(0x0B, esme:request(name, fields).command_status, name)
      end
      assert.equal(0, esme:request("enquire_link").command_status)
      assert.same({}, esme.errors)
    end)
  end)

  it("texts with national language tables", function()
    -- node-smpp's tables are single shift and locking table in one: what it writes can be read with either where both
    -- have the character in the same place.
    local cases = {
      { 1, "\3\37\1\1", "ğış ŞİÇ Ğ", "locking" }, { 2, "\3\36\1\2", "á í ó ú ç Á", "single" }, { 3, "\3\37\1\3", "ãõ ª ÀÍÓ", "locking" },
    }
    with({}, function(_, esme, seen)
      esme:bind "transceiver"
      for i, case in ipairs(cases) do
        esme:request("submit_sm", { destination_addr = "1", short_message = { udh = node.octets(case[2]), message = case[3] } })
        local pdu = seen[i]
        assert.equal(0x40, pdu.esm_class)
        local header = assert(udh.decode(pdu.short_message))
        assert.equal(case[1], header[case[4]])
        local body = pdu.short_message:sub(header.length + 1)
        assert.equal(case[3], (text.decode(body, "gsm7", { locking = header.locking, single = header.single })))
      end
    end)
  end)

  it("long texts: in parts that we join, in SAR parts, as message_payload", function()
    with({}, function(_, esme, seen)
      esme:bind "transceiver"
      local engine, long = reassembly.new(), ("Ünï wörld 👋 "):rep(30)
      local parts = assert(text.split(long, { encoding = "ucs2" }))
      for i, part in ipairs(parts) do
        esme:request("submit_sm", {
          source_addr = "1", destination_addr = "2", data_coding = 8,
          short_message = { udh = node.octets(("\5\0\3\66%c%c"):format(#parts, i)), message = part.text },
        })
      end
      local set
      for _, pdu in ipairs(seen) do
        local header = assert(udh.decode(pdu.short_message))
        local concat, what, detail = header.concat, nil, nil
        what, detail = engine:add({
          account = "node", source = { addr = "1" }, destination = { addr = "2" }, reference = concat.ref, width = 8,
          total = concat.total, seq = concat.seq, octets = pdu.short_message:sub(header.length + 1), data_coding = pdu.data_coding,
        }, loops.current():now())
        set = what == "complete" and detail or set
      end
      assert.equal(long, (text.decode(reassembly.join(set)[1].octets, 8)))

      esme:request("submit_sm", {
        destination_addr = "2", short_message = "part", sar_msg_ref_num = 0xBEEF, sar_total_segments = 2, sar_segment_seqnum = 1,
      })
      local sar = seen[#seen]
      assert.same({ 0xBEEF, 2, 1 }, { sar.sar_msg_ref_num, sar.sar_total_segments, sar.sar_segment_seqnum })

      local payload = ("0123456789"):rep(1600) -- node-smpp's own limit for a PDU is 16384 octets
      esme:request("submit_sm", { destination_addr = "2", data_coding = 0, message_payload = payload })
      assert.equal(payload, seen[#seen].message_payload)
      assert.equal("", seen[#seen].short_message)
      esme:request("submit_sm", { destination_addr = "2", data_coding = 8, message_payload = long })
      assert.equal(long, (text.decode(seen[#seen].message_payload, 8)))
    end)
  end)

  it("binary, flash, and its own spelling of times", function()
    with({}, function(_, esme, seen)
      esme:bind "transceiver"
      local all = {}
      for i = 0, 249 do all[#all + 1] = string.char(i) end
      local octets = table.concat(all)
      esme:request("submit_sm", { destination_addr = "2", data_coding = 4, short_message = node.octets(octets) })
      assert.equal(hex(octets), hex(seen[1].short_message))
      assert.equal("binary", text.data_coding(seen[1].data_coding).encoding)
      esme:request("submit_sm", { destination_addr = "2", data_coding = 0x10, short_message = node.octets "flash" })
      assert.is_true(text.data_coding(seen[2].data_coding).flash)
      -- up to twelve digits mean a period, which it completes
      esme:request("submit_sm", {
        destination_addr = "2", short_message = "", validity_period = "010203", schedule_delivery_time = "201231235959000+",
      })
      assert.equal("000000010203000R", seen[3].validity_period)
      assert.equal(3600 + 2 * 60 + 3, smpp.timestamp.parse(seen[3].validity_period).seconds)
      assert.equal("201231235959000+", seen[3].schedule_delivery_time)
      assert.same({}, seen[3]:problems())
    end)
  end)

  it("TLVs, vendor's and unknown ones too", function()
    with({ profile = { tlvs = { { tag = 0x1400, name = "vendor_word", type = "cstring" } } } }, function(_, esme, seen)
      esme:bind "transceiver"
      esme:request("submit_sm", {
        destination_addr = "2", short_message = "x", user_message_reference = 513, source_port = 0x1234, dest_port = 5,
        privacy_indicator = 2, payload_type = 1, language_indicator = 1, vendor_word = "entity-7", its_reply_type = 4,
        callback_num = { node.octets "\1\1\0014911", node.octets "\1\2\0014922" }, dest_subaddress = node.octets "\1603", qos_time_to_live = 70000,
        source_telematics_id = 0x0102,
      })
      local pdu = seen[1]
      assert.equal("entity-7", pdu.vendor_word)
      for name, value in pairs {
        user_message_reference = 513, source_port = 0x1234, dest_port = 5, privacy_indicator = 2, payload_type = 1,
        language_indicator = 1, its_reply_type = 4, qos_time_to_live = 70000,
      } do assert.equal(value, pdu[name], name) end
      local numbers = {}
      for _, tlv in ipairs(pdu:tlvs()) do
        if tlv.name == "callback_num" then numbers[#numbers + 1] = tlv.octets end
      end
      assert.same({ "\1\1\0014911", "\1\2\0014922" }, numbers)
      -- The standard has one octet, node-smpp writes two: taken as it is.
      assert.equal("0102", hex(pdu:tlv "source_telematics_id"))
    end)
  end)

  it("2000 messages at once: it knows no window", function()
    with({}, function(_, esme, seen)
      esme:bind "transmitter"
      local last
      for i = 1, 2000 do last = esme:post("submit_sm", { destination_addr = "2", short_message = tostring(i), data_coding = 0 }) end
      local answers = { esme:answer_to(last) }
      for id = last - 1999, last do answers[#answers + 1] = esme:answer_to(id) end
      assert.equal(2000, #seen)
      for i, pdu in ipairs(seen) do assert.equal(tostring(i), pdu.short_message) end
      for _, pdu in ipairs(answers) do assert.equal(0, pdu.command_status) end
    end)
  end)

  it("commands that nobody knows, and learns so", function()
    with({}, function(server, esme)
      esme:bind "transceiver"
      local nack = esme:request "surprise"
      assert.equal("generic_nack", nack.command)
      assert.equal(3, nack.command_status)
      assert.equal(0, esme:request("enquire_link").command_status)
      assert.equal("BOUND_TRX", only(server.sessions).state)
    end)
  end)
end)

describe("node-smpp as a client of the simulator", function()
  local function simulated(options, fn)
    node.need()
    peers.run(function()
      local simulator = assert(smpp.simulator {
        port = 0, accounts = { node = { password = "secret" } }, deliver_after_s = options.deliver_after_s, checks = false,
      })
      local esme = node.connect(simulator.port)
      assert.equal(0, esme:bind("transceiver").command_status)
      fn(esme, simulator)
      simulator:close(2)
    end)
  end

  it("gets its receipts", function()
    simulated({ deliver_after_s = 0.01 }, function(esme)
      local sent = esme:request("submit_sm", {
        source_addr_ton = 5, source_addr = "Shop", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491761",
        registered_delivery = 1, short_message = "Hello World", data_coding = 0, user_message_reference = 77,
      })
      local receipt = esme:take "deliver_sm"
      assert.equal(sent.message_id, receipt.receipted_message_id)
      assert.equal(2, receipt.message_state)
      assert.equal(4, receipt.esm_class)
      assert.equal(77, receipt.user_message_reference)
      assert.same({ "491761", 1, 1, "Shop", 5 },
        { receipt.source_addr, receipt.source_addr_ton, receipt.source_addr_npi, receipt.destination_addr, receipt.dest_addr_ton })
      local parsed = assert(receipts.parse(receipt.short_message.message))
      assert.same({ sent.message_id, "DELIVERED", "Hello World" }, { parsed.id, parsed.state, parsed.text })
    end)
  end)

  it("asks about messages, cancels and replaces them", function()
    simulated({ deliver_after_s = 1000 }, function(esme)
      local function submit()
        return esme:request("submit_sm", { source_addr = "1", destination_addr = "2", short_message = "old", data_coding = 0 }).message_id
      end
      local id = submit()
      local query = esme:request("query_sm", { message_id = id, source_addr = "1" })
      assert.same({ 0, id, 1 }, { query.command_status, query.message_id, query.message_state })
      assert.equal(0, esme:request("replace_sm", { message_id = id, source_addr = "1", short_message = "new" }).command_status)
      assert.equal(0, esme:request("cancel_sm", { message_id = id, source_addr = "1", destination_addr = "2" }).command_status)
      query = esme:request("query_sm", { message_id = id, source_addr = "1" })
      assert.equal(4, query.message_state)
      assert.is_string(query.final_date) -- node-smpp reads the time we wrote
      local other = submit()
      assert.equal(0x67, esme:request("query_sm", { message_id = other, source_addr = "3" }).command_status)
    end)
  end)
end)
