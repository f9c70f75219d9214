-- ESMEs that misbehave, after the list that wizardjedi's simulator keeps of them (TODO_bad_clients.txt): a message centre
-- stays up, says what is wrong where there is a word for it, loses nothing, and others notice nothing.
local mc = require "spec.support.mc"
local simulator = require "smpp.simulator"
local smpp = require "smpp"
local text = require "smpp.text"

--- A world with a centre, and a good ESME that must be served as ever, before and after.
local function with(options, fn)
  mc.world(function(w)
    options.accounts = options.accounts or { good = {}, bad = { rate_per_s = 20 } }
    local centre = w:server(options, simulator.new)
    local receipts = 0
    local good = w:bind { system_id = "good", deliver_sm = function(_, pdu)
      if pdu.esm_class == 4 then receipts = receipts + 1 end
    end }
    local function serves()
      local before = receipts
      assert(good:submit_sm { source_addr = "1", destination_addr = "491", registered_delivery = 1, short_message = "fine" })
      w:sleep(1.1)
      assert.equal(before + 1, receipts)
    end
    serves()
    fn(w, centre, serves)
    serves()
    centre:close(1)
    assert.same({}, w.errors)
  end)
end

local function submit(fields)
  local pdu = { source_addr = "1", destination_addr = "491", short_message = "text" }
  for name, value in pairs(fields or {}) do pdu[name] = value end
  return pdu
end

local function code_of(response, _, code) return response and "ok" or code end

--- An ESME that does only what it is told: octets go, octets come.
local function raw(w, kind)
  local self = { octets = "", closed_at = nil }
  self.transport = w:transport()
  self.transport:start(function(chunk) self.octets = self.octets .. chunk end, function() self.closed_at = w.loop:now() end)
  function self.send(pdu) self.transport:write(assert(smpp.encode(pdu))) end
  self.send { command = "bind_" .. kind, sequence_number = 1, system_id = "bad", interface_version = 0x34 }
  w:sleep(0.1)
  function self.come()
    local list, at = {}, 1
    while at <= #self.octets do list[#list + 1], at = assert(smpp.decode(self.octets, at)) end
    self.octets = ""
    return list
  end
  self.come()
  return self
end

describe("an ESME that", function()
  it("never sends an enquire_link lives as long as it answers the centre's, or works", function()
    with({ inactivity_s = 0 }, function(w, centre)
      local esme = w:bind { system_id = "bad" }
      w:sleep(3600)
      assert.equal("BOUND_TRX", esme.state)
      assert.equal(2, #centre.server.sessions)
    end)
  end)

  it("sends enquire_links without pause is answered, and is idle all the same", function()
    with({ inactivity_s = 50 }, function(w, _, serves)
      local esme, answers, unbound_at = raw(w, "transceiver"), 0, nil
      for second = 1, 55 do
        if second == 25 then serves() end
        esme.transport:write(smpp.encode({ command = "enquire_link", sequence_number = 5 }):rep(100))
        w:sleep(1)
        for _, pdu in ipairs(esme.come()) do
          if pdu.command == "unbind" then unbound_at = second else answers = answers + 1 end
        end
      end
      assert.same({ 5500, 49 }, { answers, unbound_at })
      esme.transport:close()
    end)
  end)

  it("answers no enquire_link is gone when the answer is due", function()
    with({ enquire_link_s = 30, enquire_link_response_s = 10 }, function(w, centre)
      local esme = raw(w, "transceiver")
      w:sleep(45)
      assert.is_number(esme.closed_at)
      assert.equal(1, #centre.server.sessions)
      esme.transport:close()
    end)
  end)

  it("leaves without an unbind gets its receipts when it is back", function()
    with({}, function(w)
      local esme, got = w:bind { system_id = "bad" }, {}
      assert(esme:submit_sm(submit { registered_delivery = 1 }))
      esme:close()
      w:sleep(100)
      w:bind { system_id = "bad", deliver_sm = function(_, pdu) got[#got + 1] = pdu.receipted_message_id end }
      w:sleep(1)
      assert.equal(1, #got)
    end)
  end)

  it("answers no deliver_sm is sent so many and no more, and each again when it answers", function()
    with({ window = 5 }, function(w, centre)
      local esme = raw(w, "receiver")
      for i = 1, 20 do centre:deliver { system_id = "bad", from = "1", to = "2", text = "MO " .. i } end
      w:sleep(20)
      assert.equal(5, #esme.come())
      esme.transport:close()
      w:sleep(1)
      local got = {}
      w:bind { system_id = "bad", deliver_sm = function(_, pdu) got[#got + 1] = pdu.short_message end }
      w:sleep(1)
      assert.equal(20, #got)
      assert.same({ "MO 1", "MO 20" }, { got[1], got[20] })
    end)
  end)

  it("answers a deliver_sm forty minutes late has had it again and again, and confuses nobody", function()
    with({ window = 5, inactivity_s = 0 }, function(w, centre)
      local done, esme = 0, raw(w, "transceiver")
      centre.server:deliver("bad", { short_message = "MO" }, { done = function() done = done + 1 end })
      local first, times = nil, 0
      for _ = 1, 40 * 60 / 5 do
        for _, pdu in ipairs(esme.come()) do
          if pdu.command == "enquire_link" then
            esme.send { command = "enquire_link_resp", sequence_number = pdu.sequence_number }
          else
            first, times = first or pdu, times + 1
          end
        end
        w:sleep(5)
      end
      assert.is_true(times > 20) -- after a minute each
      local session = centre.server.sessions[2]
      esme.send { command = "deliver_sm_resp", sequence_number = first.sequence_number }
      w:sleep(1)
      assert.same({ 1, 0 }, { session.stray_count, done })
      esme.transport:close()
    end)
  end)

  it("does not heed ESME_RTHROTTLED gets what its account may have, and the same word for the rest", function()
    with({}, function(w)
      local esme, codes = w:bind { system_id = "bad" }, {}
      for _ = 1, 50 do
        for _ = 1, 20 do
          local code = code_of(esme:submit_sm(submit()))
          codes[code] = (codes[code] or 0) + 1
        end
        w:sleep(0.1)
      end
      assert.equal(1000, codes.ok + codes.ESME_RTHROTTLED)
      assert.is_true(codes.ok >= 100 and codes.ok <= 125)
    end)
  end)

  it("binds for every message is served each time", function()
    with({}, function(w, centre)
      for i = 1, 200 do
        local esme = w:bind { system_id = "bad" }
        assert.equal("ok", code_of(esme:submit_sm(submit())))
        if i % 2 == 0 then esme:unbind() else esme:close() end
        w:sleep(0.06)
      end
      assert.same({ 1, 1 }, { centre.server.connection_count, #centre.server.accounts.bad.binds + #centre.server.sessions })
    end)
  end)

  it("submits on a receiver is told so", function()
    with({}, function(w)
      local esme = w:bind { system_id = "bad", type = "receiver", unchecked = true }
      assert.equal("ESME_RINVBNDSTS", code_of(esme:submit_sm(submit())))
      assert.equal("BOUND_RX", esme.state)
    end)
  end)

  it("gives times that are over, or none, is told which", function()
    with({}, function(w)
      local esme = w:bind { system_id = "bad" }
      assert.equal("ESME_RINVEXPIRY", code_of(esme:submit_sm(submit { validity_period = "200101000000000+" })))
      assert.equal("ESME_RINVSCHED", code_of(esme:submit_sm(submit { schedule_delivery_time = "200101000000000+" })))
      assert.equal("ESME_RINVEXPIRY", code_of(esme:submit_sm(submit { validity_period = "2020-01-01 00:00" })))
    end)
  end)

  it("wants a receipt of a datagram gets one", function()
    with({}, function(w)
      local got = 0
      local esme = w:bind { system_id = "bad", deliver_sm = function() got = got + 1 end }
      assert.equal("ok", code_of(esme:submit_sm(submit { esm_class = 1, registered_delivery = 1 })))
      w:sleep(2)
      assert.equal(1, got)
    end)
  end)

  it("gives TONs and NPIs that are none is told which", function()
    with({}, function(w)
      local esme = w:bind { system_id = "bad" }
      for status, fields in pairs {
        ESME_RINVSRCTON = { source_addr_ton = 7 }, ESME_RINVSRCNPI = { source_addr_npi = 255 }, ESME_RINVDSTTON = { dest_addr_ton = 255 },
        ESME_RINVDSTNPI = { dest_addr_npi = 2 }, ESME_RINVDSTADR = { destination_addr = "49 176" },
      } do assert.equal(status, code_of(esme:submit_sm(submit(fields)))) end
    end)
  end)

  describe("writes its text in something else than it says", function()
    local russian, little_endian = "Привет", ""
    for _, code in ipairs { 0x41F, 0x440, 0x438, 0x432, 0x435, 0x442 } do
      little_endian = little_endian .. string.char(code % 256, math.floor(code / 256))
    end
    -- text, data_coding, answer of a centre that checks
    local cases = {
      { "little-endian UCS-2", little_endian, 8, "ok" }, -- other characters, but characters
      { "a byte order mark", "\255\254" .. little_endian, 8, "ESME_RINVDCS" }, -- no character
      { "UTF-8", russian, 0, "ESME_RINVDCS" }, { "UTF-8 for UCS-2", russian .. "x", 8, "ESME_RINVDCS" },
      { "Windows-1251", "\207\240\232\226\229\242", 0, "ESME_RINVDCS" }, { "Windows-1251 for UCS-2", "\207\240\232\226\229", 8, "ESME_RINVDCS" },
      { "Windows-1251 for Latin-1", "\207\240\232\226\229\242", 3, "ok" }, { "half a surrogate pair", "\216\1", 8, "ESME_RINVDCS" },
    }
    for _, case in ipairs(cases) do
      it("(" .. case[1] .. ") is refused where that is checked, and delivered octet by octet where not", function()
        with({ checks = { decodable = true } }, function(w)
          local esme = w:bind { system_id = "bad" }
          assert.equal(case[4], code_of(esme:submit_sm(submit { short_message = case[2], data_coding = case[3] })))
        end)
        with({ loopback = true }, function(w)
          local got, receipts = nil, 0
          local esme = w:bind { system_id = "bad", deliver_sm = function(_, pdu)
            if pdu.esm_class == 4 then receipts = receipts + 1 else got = pdu.short_message end
          end }
          assert.equal("ok", code_of(esme:submit_sm(submit { short_message = case[2], data_coding = case[3], registered_delivery = 1 })))
          w:sleep(2)
          assert.same({ case[2], 1 }, { got, receipts })
        end)
      end)
    end
  end)

  it("cuts its texts badly has its parts carried as they are, or refused where that is checked", function()
    local parts = assert(text.split(("Long. "):rep(50), { udh = "concat_8bit" }))
    local broken = { -- user data headers
      ["one part of one"] = { "\5\0\3\7\1\1text", "ok" }, ["part 3 of 2"] = { "\5\0\3\7\2\3text", "ok" },
      ["part 0"] = { "\5\0\3\7\2\0text", "ok" }, ["an element longer than the header"] = { "\5\0\9\7\2\1text", "ESME_RINVESMCLASS" },
      ["a header longer than the text"] = { "\90\0\3\7\2\1text", "ESME_RINVESMCLASS" }, ["a header of nothing"] = { "\0text", "ok" },
      ["no octet at all"] = { "", "ok" },
    }
    local function each(options, check)
      with(options, function(w)
        local got, receipts = {}, 0
        local esme = w:bind { system_id = "bad", deliver_sm = function(_, pdu)
          if pdu.esm_class == 4 then receipts = receipts + 1 else got[#got + 1] = pdu.short_message end
        end }
        for name, case in pairs(broken) do
          w:sleep(1)
          local code = code_of(esme:submit_sm(submit { esm_class = 0x40, short_message = case[1], registered_delivery = 1 }))
          assert.equal(check and case[2] or "ok", code, name)
        end
        for i = #parts, 1, -1 do assert(esme:submit_sm(submit { esm_class = 0x40, short_message = parts[i].octets })) end
        for _, segment in ipairs { 3, 1, 0, 3 } do -- SAR: out of order, none, twice
          assert.equal("ok", code_of(esme:submit_sm(submit { sar_msg_ref_num = 5, sar_total_segments = 2, sar_segment_seqnum = segment })))
        end
        w:sleep(3)
        assert.equal(check and 5 or 7, receipts)
        assert.equal((check and 5 or 7) + #parts + 4, #got)
      end)
    end
    each({ loopback = true }, false)
    each({ loopback = true, checks = { decodable = true } }, true)
  end)
end)
