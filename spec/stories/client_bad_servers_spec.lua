-- Peers that others met: what made their clients leak, hang, loop, lose or double messages.
local pair = require "spec.support.pair"
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, server, connect, submit = world.run, world.peer, world.server, world.connect, world.submit

local QUICK = { min_s = 1, max_s = 2, jitter = 0 }

describe("client: a server that", function()
  it("answers the bind and sends more in the same octets is bound to, and loses nothing", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session, pdu)
        local octets = assert(smpp.encode { command = "bind_transceiver_resp", sequence_number = pdu.sequence_number, system_id = "mc" })
        for i = 1, 3 do
          octets = octets .. assert(smpp.encode { command = "deliver_sm", sequence_number = i, source_addr = "1", destination_addr = "2", short_message = "m" .. i })
        end
        session:write(octets)
      end })
      local got = {}
      local esme = assert(connect { message = function(msg) table.insert(got, msg.text) end })
      smpp.sleep(1)
      assert.same({ "m1", "m2", "m3" }, got)
      assert.equal(3, mc:count "deliver_sm_resp")
      esme:close()
      mc:close()
    end)
  end)

  it("carries vendor TLVs gets and gives them unchanged (31)", function()
    run(function(loop)
      local tlvs = { { 0x1400, "1234567\0" }, { 0x1401, "\1\2" }, { 0x1400, "again\0" } }
      local mc
      mc = peer(loop, { submit_sm = function(session, pdu)
        session:answer(pdu, { message_id = "1", tlvs = { { 0x1500, "from the MC" } } })
        session:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", tlvs = { { 0x1402, "\0\255" } } }
      end })
      local got
      local esme = assert(connect { deliver_sm = function(pdu) got = pdu end })
      local response = submit(esme, { destination_addr = "1", tlvs = tlvs })
      smpp.sleep(1)
      local sent = mc.pdus[2]:totable().tlvs
      for i, tlv in ipairs(tlvs) do assert.same(tlv, { sent[i].tag, sent[i].octets }) end
      assert.equal("from the MC", response:tlv(0x1500))
      assert.equal("\0\255", got:tlv(0x1402))
      esme:close()
      mc:close()
    end)
  end)

  it("still holds the old bind is given time, on one socket at a time (32)", function()
    run(function(loop)
      local held_until = 0
      local mc = peer(loop, { bind_transceiver = function(session, pdu)
        local free = loop:now() >= held_until
        session:answer(pdu, not free and { status = "ESME_RALYBND" } or nil)
        if free then held_until = loop:now() + 120 end -- it believes in the bind for two minutes
      end })
      local links = {}
      loop:on_link(function(link) table.insert(links, link) end)
      local esme = assert(connect { reconnect = { jitter = 0 } })
      links[1]:cut()
      smpp.sleep(200)
      assert.equal("bound", esme.state)
      assert.equal(1, mc.most_open)
      assert.is_true(#mc.attempts <= 9, #mc.attempts .. " attempts in two minutes")
      esme:close()
      smpp.sleep(200)
      assert.is_true(#mc.attempts <= 9)
      mc:close()
    end)
  end)

  it("never answers costs a window, not memory: what waits is bounded and ends (33)", function()
    run(function(loop)
      local mc = peer(loop, { submit_sm = false })
      local esme = assert(connect { window = 10, queue_limit = 50, response_timeout_s = 5 })
      local ended = {}
      for _ = 1, 20 do
        for _ = 1, 60 do submit(esme, nil, function(_, _, code) ended[code] = (ended[code] or 0) + 1 end) end
        smpp.sleep(5.1)
      end
      smpp.sleep(40)
      assert.equal(1200, ended.timeout + ended.queue_full)
      assert.equal(ended.timeout, esme:stats().unknown)
      assert.same({ 0, 0 }, { esme:stats().in_flight, esme:stats().queued })
      assert.equal(0, esme.session.machine:waiting())
      assert.is_true(#pair.kept(esme.session) <= 2 * 11)
      esme:close()
      mc:close()
    end)
  end)

  it("reads nothing stops nobody: calls return, and close() ends in time (34)", function()
    run(function(loop)
      local link
      loop:on_link(function(new) link = new end)
      local s = server()
      local esme = assert(connect { window = 100, response_timeout_s = 1000, enquire_link_s = 0 })
      link.a_to_b.capacity = 1000
      link.a_to_b:stall()
      local started, codes = loop:now(), {}
      for i = 1, 100 do
        smpp.spawn(function() codes[i] = select(3, submit(esme, { destination_addr = "1", short_message = ("x"):rep(200) })) end)
      end
      assert.equal(started, loop:now())
      local left = esme:close(5)
      assert.is_true(loop:now() - started <= 8, loop:now() - started)
      assert.equal(100, #left)
      for i = 1, 100 do assert.equal("connection_lost", codes[i]) end
      smpp.sleep(2)
      link:cut()
      s:close()
    end)
  end)

  it("answers before the write is over, or floods with requests, gets its answers first (35)", function()
    run(function(loop)
      local mc = peer(loop)
      local busy = 0
      local esme = assert(connect { message = function()
        busy = busy + 1
        smpp.sleep(5)
      end })
      for i = 1, 100 do
        mc.sessions[1]:send { command = "deliver_sm", sequence_number = i, destination_addr = "2", short_message = "x" }
      end
      smpp.sleep(0)
      local started = loop:now()
      assert.truthy(submit(esme))                             -- behind a hundred handlers that wait
      mc.sessions[1]:send { command = "enquire_link", sequence_number = 500 }
      smpp.sleep(0.1)
      assert.equal(1, mc:count "enquire_link_resp")
      assert.is_true(loop:now() - started < 0.2)
      assert.equal(100, busy)
      esme:close()
      mc:close()
    end)
  end)

  it("asks for what we do not know is told so, and the bind stays (36)", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect())
      local session = mc.sessions[1]
      session:send { command = "query_sm", sequence_number = 1, message_id = "1" }
      session:write("\0\0\0\16\0\1\2\3\0\0\0\0\0\0\0\2")
      session:write("\0\0\0\16\128\1\2\3\0\0\0\0\0\0\0\3") -- an unknown response is no business of ours
      session:send { command = "submit_sm_resp", sequence_number = 77, message_id = "x" }
      session:send { command = "generic_nack", sequence_number = 0, status = "ESME_RINVCMDLEN" }
      smpp.sleep(1)
      assert.equal("bound", esme.state)
      local answers = {}
      for i = 2, #mc.pdus do table.insert(answers, mc.pdus[i].command .. " " .. mc.pdus[i].status) end
      assert.same({ "query_sm_resp ESME_RINVBNDSTS", "generic_nack ESME_RINVCMDID" }, answers)
      assert.equal(3, esme.session.stray_count - 2)
      assert.truthy(submit(esme))
      esme:close()
      mc:close()
    end)
  end)

  it("closes at once instead of answering our unbind lets close() end", function()
    run(function(loop)
      for _, how in ipairs { "close", "silent" } do
        local mc = peer(loop, { unbind = function(session) if how == "close" then session.close() end end })
        local esme = assert(connect { response_timeout_s = 3 })
        local started = loop:now()
        esme:close(2)
        assert.equal("closed", esme.state)
        assert.is_true(loop:now() - started <= 3)
        mc:close()
      end
    end)
  end)

  it("is not there, or goes away while we connect, is an event and no error thrown (37)", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = QUICK })
      mc:close()
      loop:declare("127.0.0.1", nil)
      smpp.sleep(10)
      assert.is_true(esme.state == "waiting" or esme.state == "connecting")
      for _, change in ipairs(esme.changes) do assert.is_string(change.reason) end
      assert.same({}, esme.esme_errors)
      mc = peer(loop, { accepted = function(session) if #mc.sessions < 3 then session.close() end end })
      smpp.sleep(10)
      assert.equal("bound", esme.state)
      esme:close()
      mc:close()
    end)
  end)

  it("has a clock that jumps does not move our timers (37)", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { enquire_link_s = 30 })
      loop.start = loop.start + 86400
      smpp.sleep(10)
      assert.equal(0, mc:count "enquire_link")
      loop.start = loop.start - 2 * 86400
      smpp.sleep(25)
      assert.equal(1, mc:count "enquire_link")
      esme:close()
      mc:close()
    end)
  end)

  it("is slow is kept busy with ten at a time, unless told otherwise (38)", function()
    run(function()
      local now, most = 0, 0
      local s = server { submit_sm = function()
        now = now + 1
        most = math.max(most, now)
        smpp.sleep(1)
        now = now - 1
        return "x"
      end }
      local esme = assert(connect())
      for _ = 1, 30 do submit(esme, nil, function() end) end
      smpp.sleep(0.5)
      assert.same({ 10, 20 }, { esme:stats().in_flight, esme:stats().queued })
      smpp.sleep(5)
      assert.equal(10, most)
      esme:close()
      s:close()
    end)
  end)

  it("is far away is sent to as fast as the window allows (39)", function()
    run(function(loop)
      loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = 0.05, 0.05 end)
      local s, seen = server()
      local esme = assert(connect { window = 50 })
      local started = loop:now()
      local counts = esme:send_all((function()
        local i = 0
        return function()
          i = i + 1
          return i <= 2000 and { to = "+49" .. i, text = "x" } or nil
        end
      end)())
      assert.equal(2000, counts.sent)
      assert.is_true(2000 / (loop:now() - started) > 450, 2000 / (loop:now() - started) .. " per second")
      for i = 1, 2000 do assert.equal("49" .. i, seen.submits[i].destination_addr) end
      esme:close()
      s:close()
    end)
  end)

  it("fails one delivery gets the next one all the same (40)", function()
    run(function(loop)
      local mc = peer(loop)
      local got = {}
      local esme = assert(connect { message = function(msg)
        table.insert(got, msg.text)
        if msg.text == "bad" then return nil, "ESME_RX_P_APPN" end
      end })
      for i, text in ipairs { "bad", "good", "bad", "good" } do
        mc.sessions[1]:send { command = "deliver_sm", sequence_number = i, destination_addr = "2", short_message = text }
      end
      smpp.sleep(1)
      assert.equal(4, #got)
      local statuses = {}
      for i = 2, #mc.pdus do table.insert(statuses, mc.pdus[i].status) end
      assert.same({ "ESME_RX_P_APPN", "ESME_ROK", "ESME_RX_P_APPN", "ESME_ROK" }, statuses)
      esme:close()
      mc:close()
    end)
  end)

  it("delivers before anybody listens, and then takes it back, does not deliver twice", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { answer_timeout_s = 10, reconnect = QUICK })
      local got = {}
      mc.sessions[1]:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", short_message = "first" }
      smpp.sleep(11)
      assert.equal("ESME_RX_T_APPN", mc.pdus[#mc.pdus].status)
      mc.sessions[1]:send { command = "deliver_sm", sequence_number = 2, destination_addr = "2", short_message = "first" }
      smpp.sleep(1)
      assert.equal(1, #esme.inbox.queued)
      mc.sessions[1].close()
      smpp.sleep(3)
      mc.sessions[2]:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", short_message = "first" }
      smpp.sleep(1)
      esme:on("message", function(msg) table.insert(got, msg.text) end)
      smpp.sleep(1)
      assert.same({ "first" }, got)
      assert.equal("ESME_ROK", mc.pdus[#mc.pdus].status)
      esme:close()
      mc:close()
    end)
  end)

  it("delivers to nobody is told so in time, and no listener that comes later hears of it", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { answer_timeout_s = 5 })
      local heard = 0
      mc.sessions[1]:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", short_message = "x" }
      smpp.sleep(6)
      assert.equal("ESME_RX_T_APPN", mc.pdus[#mc.pdus].status)
      esme:on("message", function() heard = heard + 1 end)
      smpp.sleep(1)
      assert.equal(0, heard)
      esme:close()
      esme = assert(connect())
      mc.sessions[2]:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", short_message = "x" }
      smpp.sleep(1)
      local started = loop:now()
      esme:close()
      assert.equal(started, loop:now())
      local order = {}
      for i = #mc.pdus - 1, #mc.pdus do table.insert(order, mc.pdus[i].command .. " " .. mc.pdus[i].status) end
      table.sort(order)
      assert.same({ "deliver_sm_resp ESME_RX_T_APPN", "unbind ESME_ROK" }, order)
      mc:close()
    end)
  end)

  it("sends garbage is left, and the next connection is a good one", function()
    for _, garbage in ipairs { "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\3", "\255\255\255\255\0\0\0\0", ("\0"):rep(64), "\21\3\1\0\2\2\40" } do
      run(function(loop)
        local mc = peer(loop)
        local esme = assert(connect { reconnect = QUICK })
        mc.sessions[1]:write(garbage)
        local code = select(3, submit(esme))
        assert.equal("connection_lost", code)
        smpp.sleep(2)
        assert.equal("bound", esme.state)
        assert.equal(1, #esme.esme_errors)
        assert.truthy(submit(esme))
        esme:close()
        mc:close()
      end)
    end
  end)

  it("says unbind is answered, left, and bound to again; what was to be sent waits", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = QUICK })
      mc.sessions[1]:send { command = "unbind", sequence_number = 9 }
      smpp.sleep(0.01)
      assert.equal(1, mc:count "unbind_resp")
      local response = submit(esme)
      assert.truthy(response)
      assert.equal(2, #mc.attempts)
      esme:close()
      mc:close()
    end)
  end)

  it("numbers its bind_resp as it likes is bound to, and that is logged", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session)
        session:send { command = "bind_transceiver_resp", sequence_number = 4711, system_id = "mc" }
      end })
      local logged
      local esme = assert(connect { log = function(record)
        if record.event == "bind_resp_sequence" then logged = record.level end
      end })
      assert.equal("warn", logged)
      assert(submit(esme))
      esme:close()
      mc:close()
    end)
  end)

  it("sends a response that cannot be read is told so in words, and the outcome is unknown", function()
    run(function(loop)
      local mc = peer(loop, { submit_sm = function(session, pdu)
        session:write("\0\0\0\18\128\0\0\4\0\0\0\0\0\0\0" .. string.char(pdu.sequence_number) .. "id") -- no NUL
      end })
      local esme = assert(connect())
      local response, message, code, pdu = submit(esme)
      assert.same({ nil, "submit_sm_resp: unterminated string: no NUL before the end of the PDU, outcome unknown", "timeout" }, { response, message, code })
      assert.equal("submit_sm_resp", pdu.command)
      local stats = esme:stats()
      assert.same({ 0, 1 }, { stats.answered, stats.unknown })
      esme:close()
      mc:close()
    end)
  end)
end)
