-- ESMEs that misbehave, after wizardjedi's list of them (smpp-test-tools, TODO_bad_clients.txt), and what a message
-- centre does about each: it serves what it can, says what it cannot, and nobody else is the worse for it.
local mc = require "spec.support.mc"
local pdus = require "smpp.codec"
local simulator = require "smpp.simulator"
local util = require "spec.support.util"

--- A simulator, an ESME that may do all that is forbidden, and what it got; a second account must always be served.
local function with(options, fn, bind)
  mc.world(function(w)
    local sim = w:server(options, simulator.new)
    local got = {}
    local fields = { unchecked = true, deliver_sm = function(_, pdu) table.insert(got, pdu.short_message) end }
    for name, value in pairs(bind or {}) do fields[name] = value end
    local other = assert(w:bind { system_id = "other", type = "transmitter" })
    fn(w, sim, assert(w:bind(fields)), got)
    local before = w.loop:now()
    assert.is_truthy((other.closed and assert(w:bind { system_id = "other", type = "transmitter" }) or other):submit_sm { destination_addr = "1" })
    assert.equal(before, w.loop:now())
    assert.same({}, w.errors)
    sim:close(1)
  end)
end

local function send(esme, more)
  local fields = { source_addr = "1234", destination_addr = "491761234567", short_message = "hello" }
  for name, value in pairs(more or {}) do fields[name] = value end
  local response, _, code = esme:submit_sm(fields)
  return response and "ok" or code
end

--- Sends each case's message: what it is told (or by a strict centre), and what the centre reads where it was taken.
local function walk(cases)
  for _, checks in ipairs { {}, { decodable = true } } do
    with({ checks = checks }, function(_, sim, esme)
      for i, case in ipairs(cases) do
        local fields, status = {}, checks.decodable and case.strict or case[1]
        for name, value in pairs(case) do
          if type(name) == "string" and name ~= "strict" then fields[name] = value end
        end
        assert.equal(status, send(esme, fields), i)
        local list = sim:messages()
        if status == "ok" and case[2] then assert.equal(case[2], list[#list].text, i) end
      end
    end)
  end
end

--- A bound connection that does nothing by itself: writes octets, and notes what comes.
local function raw(w, fields)
  local transport = w:transport()
  local self = { transport = transport, came = {}, closed = false }
  transport:start(function(octets) self.came[#self.came + 1] = util.hex(octets) end, function() self.closed = true end)
  local bind = { command = "bind_transceiver", sequence_number = 1, system_id = "esme1", interface_version = 0x34 }
  for name, value in pairs(fields or {}) do bind[name] = value end
  transport:write(pdus.encode(bind))
  return self
end

describe("simulator: an ESME that", function()
  it("sends no enquire_link is asked, and unbound when nothing else comes where inactivity_s is set", function()
    with({ inactivity_s = 300 }, function(w, sim, esme)
      local asked = 0
      sim:on("pdu", function(session, pdu) if session.system_id == "esme1" and pdu.command == "enquire_link" then asked = asked + 1 end end)
      w:sleep(299)
      assert.same({ 9, false }, { asked, esme.closed })
      w:sleep(2)
      assert.is_true(esme.closed)
    end)
  end)

  it("sends enquire_link far too often gets each answered, and is no less idle for it where inactivity_s is set", function()
    with({ inactivity_s = 300 }, function(w, _, esme)
      local answers = 0
      for i = 1, 301 do
        for _ = 1, 50 do esme:enquire_link({}, function(response) answers = answers + (response and 1 or 0) end) end
        w:sleep(1)
        if i == 299 then assert.same({ 299 * 50, false }, { answers, esme.closed }) end
      end
      assert.is_true(esme.closed)
    end)
  end)

  it("does not answer enquire_link is closed", function()
    with({}, function(w, sim, esme)
      esme:close()
      local peer = raw(w)
      w:sleep(39)
      assert.is_false(peer.closed)
      w:sleep(2)
      assert.same({ true, 1 }, { peer.closed, #sim.server.sessions })
      peer.transport:close()
    end)
  end)

  it("drops the connection without unbind loses nothing that waits for it", function()
    with({ deliver_after_s = 10 }, function(w, sim, esme, got)
      assert.equal("ok", send(esme, { registered_delivery = 1 }))
      esme:close()
      w:sleep(20)
      assert.same({ 1, 1, 0 }, { #sim.server.sessions, sim.server.outbound.waiting, #got })
      local again
      w:bind { deliver_sm = function(_, pdu) again = pdu.receipted_message_id end }
      w:sleep(1)
      assert.equal("1", again)
    end)
  end)

  it("drops it right behind its bind, or its submit_sm, leaves no session; the message is taken", function()
    with({}, function(w, sim, esme)
      esme:close()
      raw(w).transport:close()
      local peer = raw(w)
      peer.transport:write(pdus.encode { command = "submit_sm", sequence_number = 2, destination_addr = "1", short_message = "x" })
      peer.transport:close()
      w:sleep(1)
      assert.same({ 1, 1, "other" }, { #sim.server.sessions, sim.server.connections.count, sim.server.sessions[1].system_id })
      assert.equal(1, #sim:messages())
    end)
  end)

  it("answers no deliver_sm gets `window` of them, and the rest goes to who does", function()
    with({ window = 3 }, function(w, sim, esme)
      esme:close()
      local peer, got = raw(w), {}
      w:sleep(1)
      peer.came = {}
      for i = 1, 10 do sim:deliver { system_id = "esme1", text = "mo " .. i } end
      w:sleep(1)
      assert.equal(3, select(2, table.concat(peer.came):gsub("6d6f20", "")))
      assert.equal(10, sim.server.outbound.waiting)
      w:bind { deliver_sm = function(_, pdu) got[#got + 1] = pdu.short_message end }
      w:sleep(1)
      assert.same({ "mo 4", "mo 5", "mo 6", "mo 7", "mo 8", "mo 9", "mo 10" }, got)
      peer.transport:close() -- and what it had, too, when it is gone
      w:sleep(1)
      assert.same({ 10, 0 }, { #got, sim.server.outbound.waiting })
    end)
  end)

  it("answers them 40 minutes late gets them again meanwhile; the late answers do no harm", function()
    with({ keep_s = 3600 }, function(w, sim, esme)
      esme:close()
      local count = 0
      esme = w:bind { answer_timeout_s = 4000, deliver_sm = function()
        count = count + 1
        w:sleep(2400)
      end }
      sim:deliver { system_id = "esme1", text = "slow" }
      w:sleep(2399)
      assert.is_true(count > 20 and count < 40, count) -- a minute for the answer, and up to half of one to recover
      assert.equal(1, sim.server.outbound.waiting)
      w:sleep(1300)
      assert.same({ 0, false }, { sim.server.outbound.waiting, esme.closed }) -- too old
    end)
  end)

  it("does not wait for an answer that comes 40 minutes late: the message is taken", function()
    with({ latency_s = 2400, orders = true }, function(w, sim, esme, got)
      assert.equal("timeout", send(esme, { registered_delivery = 1 }))
      w:sleep(2400)
      assert.same({ 1, 1 }, { #got, #sim:messages() })
      sim:set { latency_s = 0 }
    end, { response_s = 10 })
  end)

  it("ignores throttling, and has no window, is told so each time, and nothing is kept of it", function()
    with({ accounts = { esme1 = { rate_per_s = 10 }, other = {} } }, function(w, sim, esme)
      local codes = {}
      for _ = 1, 20 do
        for _ = 1, 100 do
          esme:submit_sm({ destination_addr = "1", short_message = "x" }, function(response, _, code)
            code = response and "ok" or code
            codes[code] = (codes[code] or 0) + 1
          end)
        end
        w:sleep(1)
      end
      assert.same({ ok = 200, ESME_RTHROTTLED = 1800 }, codes)
      assert.equal(200, #sim:messages())
    end, { window = 1000 })
  end)

  it("binds for each message, and does not wait to be unbound, leaves nothing behind", function()
    with({}, function(w, sim, esme)
      esme:close()
      for i = 1, 300 do
        local one = assert(w:bind { system_id = "m" .. i })
        assert.equal("ok", send(one))
        if i % 2 == 0 then one:unbind() else one:close() end
      end
      w:sleep(1)
      assert.same({ 1, 1, 300 }, { #sim.server.sessions, sim.server.connections.count, #sim:messages() })
      local accounts = 0
      for _ in pairs(sim.server.accounts) do accounts = accounts + 1 end
      assert.equal(1, accounts)
    end)
  end)

  it("opens too many sessions is refused those above the limit", function()
    with({ accounts = { esme1 = { max_binds = 3 }, other = {} } }, function(w)
      assert.is_truthy(w:bind {} and w:bind {})
      for _ = 1, 20 do assert.equal("ESME_RALYBND", select(3, w:bind {})) end
    end)
  end)

  it("submits where it is bound as a receiver is told so, and stays", function()
    with({}, function(_, sim, esme)
      for _ = 1, 3 do assert.equal("ESME_RINVBNDSTS", send(esme)) end
      assert.same({ 2, 0 }, { #sim.server.sessions, #sim:messages() })
    end, { type = "receiver" })
  end)

  it("sends times that are over", function()
    walk {
      { "ESME_RINVEXPIRY", validity_period = "231114221319000+" }, { "ESME_RINVSCHED", schedule_delivery_time = "231114221300000+" },
    }
  end)

  it("asks for a receipt in datagram mode gets one", function()
    with({}, function(w, _, esme, got)
      assert.equal("ok", send(esme, { esm_class = 1, registered_delivery = 1 }))
      w:sleep(2)
      assert.equal(1, #got)
    end)
  end)

  it("sends texts in other codings than it says", function()
    walk {
      { "ok", "栀椀", data_coding = 8, short_message = "h\0i\0" }, -- little endian: nobody can know
      -- byte order marks
      { "ok", "hi", strict = "ESME_RSUBMITFAIL", data_coding = 8, short_message = "\254\255\0h\0i" },
      { "ok", "hi", data_coding = 8, short_message = "\255\254h\0i\0" },
      { "ok", strict = "ESME_RSUBMITFAIL", short_message = "\239\187\191hi" },
      -- UTF-8 as GSM 7-bit, as UCS-2
      { "ok", strict = "ESME_RSUBMITFAIL", short_message = "Gr\195\188\195\159e" },
      { "ok", strict = "ESME_RSUBMITFAIL", data_coding = 8, short_message = "Gr\195\188e" },
      -- windows-1251
      { "ok", strict = "ESME_RSUBMITFAIL", short_message = "\207\240\232\226\229\242" },
      { "ok", strict = "ESME_RSUBMITFAIL", data_coding = 8, short_message = "\207\240\232\226\229" },
      { "ok", "Я№штх", data_coding = 6, short_message = "\207\240\232\226\229" },
      { "ok", "hello ¡ o", short_message = "hello @ o" }, -- ASCII
      { "ok", "<b>hi</b>", short_message = "<b>hi</b>" },
    }
  end)

  it("sends addresses that are none, or not of their TON and NPI", function()
    walk {
      { "ESME_RINVDSTTON", dest_addr_ton = 7 }, { "ESME_RINVDSTNPI", dest_addr_npi = 2 }, { "ESME_RINVSRCTON", source_addr_ton = 7 },
      { "ESME_RINVSRCNPI", source_addr_npi = 19 }, { "ESME_RINVDSTADR", destination_addr = "7(913)123-45-67" },
      { "ESME_RINVDSTADR", destination_addr = "Shop", dest_addr_ton = 1 }, { "ESME_RINVDSTADR", destination_addr = "" },
      { "ok", destination_addr = "+491761234567", dest_addr_ton = 1, dest_addr_npi = 1 },
      { "ok", destination_addr = "00491761234567", dest_addr_ton = 1, dest_addr_npi = 1 }, { "ok", destination_addr = "89131234567" },
      { "ok", destination_addr = "1234", dest_addr_ton = 1, dest_addr_npi = 1 }, { "ok", source_addr = "Shop", source_addr_ton = 1 },
    }
  end)

  it("sends parts with bad headers and TLVs, of wrong numbers, in wrong order, or of one part", function()
    walk {
      { "ok", "hi", esm_class = 0x40, short_message = "\5\0\3\1\1\1hi" },
      { "ok", "hi", esm_class = 0x40, short_message = "\5\0\3\1\2\3hi" },
      { "ok", "hi", esm_class = 0x40, short_message = "\5\0\3\1\0\0hi" },
      { "ok", "b", esm_class = 0x40, short_message = "\5\0\3\2\2\2b" }, { "ok", "a", esm_class = 0x40, short_message = "\5\0\3\2\2\1a" },
      -- a header longer than the message, an element longer than the header, no header, one that esm_class does not tell of
      { "ok", strict = "ESME_RINVESMCLASS", esm_class = 0x40, short_message = "\50\0\3\1\2\1hi" },
      { "ok", strict = "ESME_RINVESMCLASS", esm_class = 0x40, short_message = "\5\0\9\1\2\1hi" },
      { "ok", "hello", strict = "ESME_RINVESMCLASS", esm_class = 0x40 },
      { "ok", short_message = "\5\0\3\1\2\1hi" },
      { "ok", "hello", sar_msg_ref_num = 1, sar_total_segments = 1, sar_segment_seqnum = 1 },
      { "ok", "hello", sar_msg_ref_num = 1, sar_total_segments = 2, sar_segment_seqnum = 3 }, { "ok", "hello", sar_msg_ref_num = 1 },
      { "ESME_RINVTLVLEN", tlvs = { { 0x020C, "\1" }, { 0x020E, "\2" }, { 0x020F, "\1" } } },
    }
  end)
end)
