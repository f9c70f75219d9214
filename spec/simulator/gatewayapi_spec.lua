-- The behaviour of that name against the service's document on SMPP, sentence by sentence.
local mc = require "spec.support.mc"
local receipts = require "smpp.receipt"
local simulator = require "smpp.simulator"
local util = require "spec.support.util"

local function with(fn, options, bind)
  local given = { behaviour = "gatewayapi", seed = 1, accounts = { esme1 = "secret" } }
  for name, value in pairs(options or {}) do given[name] = value end
  mc.simulated(given, fn, bind)
end

local function send(esme, more, callback)
  local fields = { source_addr = "TestApp", source_addr_ton = 5, destination_addr = "4512345678", dest_addr_ton = 1, short_message = "hi" }
  for name, value in pairs(more or {}) do fields[name] = value end
  return esme:submit_sm(fields, callback)
end

local function status_of(_, _, code) return code end

describe("smpp.simulator.gatewayapi", function()
  it("'We use SMPP version 3.4, which is backwards compatible with version 3.3.'", function()
    for asked, version in pairs { [0x33] = 0x33, [0x34] = 0x34, [0x50] = 0x34 } do
      with(function(_, sim, esme)
        assert.equal(version, sim.server.sessions[1].version)
        assert.equal(version >= 0x34 and 0x34 or nil, esme.bind_resp.sc_interface_version)
      end, nil, { interface_version = asked, type = "transmitter" })
    end
  end)

  it("'it is possible to connect as either Transmitter, Receiver or Transceiver.'", function()
    with(function(w)
      for _, kind in ipairs { "transmitter", "receiver", "transceiver" } do assert.is_truthy(w:bind { type = kind }) end
    end)
  end)

  it("'Transmitter makes it possible to submit short messages to the system, but MO SMS and DLRs will not be sent back.'", function()
    with(function(w, sim, esme, got)
      assert.is_truthy(send(esme, { registered_delivery = 1 }))
      sim:deliver { system_id = "esme1", from = "45", to = "1204", text = "MO" }
      w:sleep(60)
      assert.equal(0, #got)
      assert.equal(3, sim.server.outbound.waiting)
    end, nil, { type = "transmitter" })
  end)

  it("'Receiver makes the server read MO SMS and DLRs and submit them back to the connected client.'", function()
    with(function(w, sim, esme, got)
      send(w:bind { type = "transmitter" }, { registered_delivery = 1 })
      sim:deliver { from = "45", to = "1204", text = "MO" }
      w:sleep(5)
      assert.equal(3, #got)
      assert.equal("not_sent", status_of(send(esme)))
    end, nil, { type = "receiver" })
  end)

  it("'Transceiver acts as both Transmitter and Receiver at the same time.'", function()
    with(function(w, _, esme, got)
      assert.is_truthy(send(esme, { registered_delivery = 1 }))
      w:sleep(5)
      assert.is_true(#got > 0)
    end)
  end)

  it("'when we perform maintenance, only one host is restarted at a time': of two hosts one is always there", function()
    mc.world(function(w)
      local function host(port) return w:server({ behaviour = "gatewayapi", port = port }, simulator.new) end
      local a, b = host(2775), host(2776)
      local on_a, on_b = w:bind { port = 2775 }, w:bind { port = 2776 }
      a:close()
      w:sleep(0.1)
      assert.same({ true, false }, { on_a.closed, on_b.closed })
      assert.is_truthy(send(on_b))
      -- 'you can reconnect almost immediately'
      a = host(2775)
      assert.is_truthy(send(assert(w:bind { port = 2775 })))
      a:close()
      b:close()
    end)
  end)

  it("'Enquire link: Every 30 seconds', 'System type: Not required'", function()
    with(function(w, sim, esme)
      for _ = 1, 20 do
        w:sleep(30)
        assert.is_truthy(esme:enquire_link())
        send(esme)
      end
      assert.equal(1, #sim.server.sessions)
      assert.is_truthy(w:bind { system_type = "anything" })
    end)
  end)

  it("'Commands': those of the table, and no others", function()
    with(function(w, _, esme)
      assert.is_truthy(send(esme))
      assert.is_truthy(esme:enquire_link())
      for _, name in ipairs { "query_sm", "cancel_sm", "replace_sm", "data_sm", "submit_multi" } do
        local fields = name == "submit_multi" and { dest_address = { { destination_addr = "45" } } } or {}
        assert.equal("ESME_RINVCMDID", status_of(esme[name](esme, fields)), name)
      end
      assert.is_true(esme:unbind())
      assert.equal("00000010800000000000000300000007", util.hex((w:talk(util.unhex "00000010 0000beef 00000000 00000007")))) -- generic_nack
    end)
  end)

  it("'No support for scheduling delivery times currently'", function()
    with(function(_, _, esme)
      assert.equal("ESME_RINVSCHED", status_of(send(esme, { schedule_delivery_time = "000000000100000R" })))
    end)
  end)

  it("'Only TON values of 0 and 1 are supported for destination addresses. 0 will be interpreted as 1.'", function()
    with(function(w, sim, esme, got)
      for ton = 2, 6 do assert.equal("ESME_RINVDSTTON", status_of(send(esme, { dest_addr_ton = ton }))) end
      assert.is_truthy(send(esme, { dest_addr_ton = 0, registered_delivery = 1 }))
      assert.equal(1, sim:messages()[1].dest_addr_ton)
      w:sleep(3)
      assert.equal(1, got[1].source_addr_ton)
    end)
  end)

  it("'The following Data Coding Scheme values are supported'", function()
    with(function(_, _, esme)
      local supported = { [0] = true, [1] = true, [2] = true, [3] = true, [4] = true, [6] = true, [8] = true, [24] = true, [240] = true }
      for data_coding = 0, 255 do
        local response, _, code = send(esme, { data_coding = data_coding, short_message = "hi" })
        assert.equal(supported[data_coding] and "ok" or "ESME_RSUBMITFAIL", response and "ok" or code, data_coding)
      end
    end)
    with(function(_, sim, esme) -- and mean what the table says
      for i, case in ipairs {
        { 0, "\30\27e", "ß€" }, { 1, "~", "~" }, { 2, "\30", "\30" }, { 3, "\223", "ß" }, { 4, "\223", "\223" }, { 6, "\182\217", "Жй" },
        { 8, "\4\22", "Ж" }, { 24, "\4\22", "Ж" }, { 240, "\30", "ß" },
      } do
        assert.is_truthy(send(esme, { data_coding = case[1], short_message = case[2] }))
        assert.equal(case[3], sim:messages()[i].text, case[1])
      end
    end)
  end)

  it("'TLV fields': 0x0005, 0x0204, 0x0424 and the custom 0x2900", function()
    with(function(_, sim, esme)
      assert.is_truthy(send(esme, {
        dest_addr_subunit = 1, user_message_reference = 7, short_message = "", message_payload = ("x"):rep(1000), tlvs = { { 0x2900, "premium" } },
      }))
      assert.equal(1000, #sim:messages()[1].octets)
    end)
  end)

  it("'messages may occasionally be encoded with UCS-2', 'the message text has to be put in a TLV field'", function()
    with(function(w, sim, _, got)
      assert.is_true(sim:deliver { from = "45", to = "1204", text = "plain", encoding = "ucs2" })
      assert.is_true(sim:deliver { from = "45", to = "1204", text = ("plain"):rep(60), encoding = "ucs2" })
      assert.is_true(sim:deliver { from = "45", to = "1204", text = "größe", encoding = "latin1" })
      assert.is_true(sim:deliver { from = "45", to = "1204", data = "\1\2", data_coding = 4 })
      assert.is_true(sim:deliver { from = "45", to = "1204", text = "plain" })
      w:sleep(1)
      local codings = {}
      for i, pdu in ipairs(got) do codings[i] = pdu.data_coding end
      assert.same({ 8, 8, 3, 4, 0 }, codings)
      assert.same({ "", 600 }, { got[2].short_message, #got[2].message_payload })
    end)
  end)

  it("'A maximum of 25 000 unacknowledged reports will be kept for 48 hours.'", function()
    with(function(w, sim)
      local tx = w:bind { type = "transmitter", window = 65535 }
      sim:drop(sim.server.sessions[1])
      w:sleep(0.1)
      for i = 1, 12510 do -- ENROUTE and DELIVRD of each
        send(tx, { registered_delivery = 1 }, function() end)
        if i % 500 == 0 then w:sleep(0.1) end
      end
      w:sleep(90)
      assert.equal(25000, sim.server.outbound.waiting)
      assert.equal(20, #w.errors)
      w:sleep(48 * 3600 - 85)
      assert.equal(0, sim.server.outbound.waiting)
    end)
  end)

  it("'one or more delivery reports are generated … you may get an ENROUTE before a DELIVRD.'", function()
    with(function(w, _, esme, got)
      send(esme, { registered_delivery = 1 })
      w:sleep(3)
      local stats = {}
      for i, pdu in ipairs(got) do stats[i] = pdu.short_message:match "stat:(%S+)" end
      assert.same({ "ENROUTE", "DELIVRD" }, stats)
      send(esme)
      w:sleep(3)
      assert.equal(2, #got)
    end)
  end)

  it("'The message is encoded using Latin-1', in the format of delivery reports", function()
    with(function(w, _, esme, got)
      send(esme, { registered_delivery = 1, user_message_reference = 12345 })
      w:sleep(3)
      local pdu = got[2]
      assert.same({ 3, 4 }, { pdu.data_coding, pdu.esm_class })
      assert.equal("id:1 sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:12345", pdu.short_message)
      local receipt = assert(receipts.parse(pdu))
      assert.same({ "1", "DELIVERED", "12345" }, { receipt.id, receipt.state, receipt.text })
      -- 'The full reference is added in the TLV as well.'
      assert.equal(12345, pdu.user_message_reference)
    end)
  end)

  it("'The text is the first 20 characters of the user_message_reference TLV if submitted with submit_sm.'", function()
    with(function(w, _, esme, got)
      send(esme, { registered_delivery = 1, tlvs = { { 0x0204, "a reference of more than twenty" } } })
      send(esme, { registered_delivery = 1 })
      for _, reference in ipairs { "a", "abc", "abcd" } do send(esme, { registered_delivery = 1, tlvs = { { 0x0204, reference } } }) end
      w:sleep(3)
      local texts, tlvs = {}, {}
      for _, pdu in ipairs(got) do
        local id = tonumber(pdu.receipted_message_id)
        texts[id], tlvs[id] = pdu.short_message:match "text:(.*)$", pdu:tlv(0x0204) or "none"
        assert.equal("beside it", (pdu:tlv(0x1400)))
      end
      assert.same({ "a reference of more ", "", "a", "abc", "abcd" }, texts)
      assert.same({ "a reference of more than twenty", "none", "a", "abc", "abcd" }, tlvs)
    end, { receipt_extra = { { 0x1400, "beside it" } } })
  end)

  it("'SMS error codes such as 0x107E by keeping 07E and then formatting in base 10 to 126'", function()
    with(function(w, _, esme, got)
      send(esme, { registered_delivery = 1, destination_addr = "4500" })
      w:sleep(3)
      assert.matches("stat:UNDELIV err:126 ", got[2].short_message)
      local receipt = assert(receipts.parse(got[2], { err_rule = receipts.gatewayapi_err }))
      assert.equal(0x107E, receipt.err_code)
    end, { undeliverable = { "4500" } })
  end)

  it("'The stat field is the following status types'", function()
    local rules = {}
    for state, stat in pairs {
      DELIVERED = "DELIVRD", EXPIRED = "EXPIRED", UNDELIVERABLE = "UNDELIV", ACCEPTED = "ACCEPTD", UNKNOWN = "UNKNOWN", REJECTED = "REJECTD",
    } do
      rules[#rules + 1] = { text = "^" .. stat, state = state }
    end
    rules[#rules + 1] = { text = "^BUFFERD", receipt = { stat = "BUFFERD" } }
    with(function(w, _, esme, got)
      for _, stat in ipairs { "DELIVRD", "EXPIRED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "BUFFERD" } do
        got[1] = nil
        send(esme, { registered_delivery = 1, short_message = stat })
        w:sleep(3)
        assert.equal(stat, got[#got].short_message:match "stat:(%S+)")
        for i = #got, 1, -1 do got[i] = nil end
      end
    end, { rules = rules })
  end)

  it("'if too many PDUs are not responded to, the server will stop sending additional PDUs.'", function()
    with(function(w, sim)
      sim:drop(sim.server.sessions[1])
      w:sleep(0.1)
      local count = 0
      w:bind { answer_timeout_s = 1000, deliver_sm = function()
        count = count + 1
        w:sleep(20)
      end }
      for i = 1, 30 do sim:deliver { system_id = "esme1", to = "1204", text = tostring(i) } end
      w:sleep(15)
      assert.equal(10, count)
      w:sleep(60)
      assert.equal(30, count)
    end)
  end)

  it("'Any messages that cannot be decoded correctly will be rejected.'", function()
    with(function(_, _, esme)
      for _, bad in ipairs { { 0, "\200" }, { 1, "\200" }, { 8, "\216\1" }, { 8, "abc" }, { 24, "\216\1" }, { 240, "\200" } } do
        assert.equal("ESME_RSUBMITFAIL", status_of(send(esme, { data_coding = bad[1], short_message = bad[2] })), bad[1])
      end
      for _, good in ipairs { { 0, "hi" }, { 2, "\200" }, { 3, "\200" }, { 4, "\200" }, { 6, "\200" }, { 8, "\216\61\220\75" } } do
        assert.is_truthy(send(esme, { data_coding = good[1], short_message = good[2] }))
      end
    end)
  end)

  it("'the delivery report for that SMS can be sent back over another connection.'", function()
    with(function(w, _, esme, got)
      local others = {}
      w:bind { deliver_sm = function(_, pdu) table.insert(others, pdu) end }
      for _ = 1, 4 do send(esme, { registered_delivery = 1 }) end
      w:sleep(3)
      assert.same({ 4, 4 }, { #got, #others })
    end)
  end)

  it("'The priority of a submit_sm can be overwritten after it has been accepted'", function()
    with(function(_, sim, esme)
      for _, priority in ipairs { 0, 1, 2, 3 } do assert.is_truthy(send(esme, { priority_flag = priority })) end
      local kept = {}
      for i, message in ipairs(sim:messages()) do kept[i] = message.priority_flag end
      assert.same({ 0, 1, 2, 2 }, kept)
    end)
  end)
end)
