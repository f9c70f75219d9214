local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"
local world = require "spec.support.esme"

local run, server, URL = world.run, world.server, world.URL

local function submit(esme, fields) return esme:submit_sm(fields or { destination_addr = "491" }) end

describe("smpp.client: connect", function()
  it("binds with what the URL and the options say", function()
    run(function()
      local asked
      local s = server { authenticate = function(_, pdu)
        asked = pdu
        return true
      end }
      local esme = assert(smpp.connect { URL .. "?window=7&system_type=007", bind = "tx", version = "5.0", addr_ton = 1, address_range = "^49" })
      assert.equal("bound", esme.state)
      assert.equal("bind_transmitter", asked.command)
      assert.equal("me", asked.system_id)
      assert.equal("secret", asked.password)
      assert.equal("007", asked.system_type)
      assert.equal(0x50, asked.interface_version)
      assert.equal(1, asked.addr_ton)
      assert.equal("^49", asked.address_range)
      assert.equal(0x50, esme.session.version)
      assert.equal("BOUND_TX", s.sessions[1].state)
      esme:close()
      s:close()
    end)
  end)

  it("fails at once with the status that refused the bind, and advice", function()
    run(function()
      local s = server { accounts = { me = { password = "other" } } }
      local esme, message, code = smpp.connect "smpp://me:secret%20@127.0.0.1"
      assert.is_nil(esme)
      assert.truthy(code:find "^ESME_R")
      assert.truthy(message:find("refused the bind with " .. code, 1, true))
      assert.truthy(message:find("trailing white space", 1, true))
      s:close()
    end)
  end)

  it("fails at once when nobody listens, and when nobody answers", function()
    run(function(loop)
      local esme, message, code = smpp.connect(URL)
      assert.is_nil(esme)
      assert.equal("connect_failed", code)
      assert.truthy(message:find("127.0.0.1:2775", 1, true))
      local listener = loop:listen({ host = "127.0.0.1", port = 2775 }, function(transport)
        transport:start(function() end, function() transport:close() end)
      end)
      local started = loop:now()
      esme, message, code = smpp.connect { URL, bind_timeout_s = 3 }
      assert.is_nil(esme)
      assert.equal("timeout", code)
      assert.equal(3, loop:now() - started)
      listener:close()
    end)
  end)

  it("tries the next host", function()
    run(function()
      local s = server { port = 2776 }
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775,127.0.0.1:2776")
      assert.equal("127.0.0.1:2776", esme.session.host)
      esme:close()
      s:close()
    end)
  end)

  it("keeps trying when told to", function()
    run(function(loop)
      smpp.spawn(function()
        smpp.sleep(20)
        local s = server {}
        smpp.sleep(60)
        s:close()
      end)
      local esme = assert(smpp.connect { URL, wait = true })
      assert.is_true(loop:now() >= 20)
      assert.equal("bound", esme.state)
      esme:close()
    end)
  end)

  it("says what TLS needs", function()
    run(function()
      if pcall(require, "smpp.transport.tls") then return end
      local _, message, code = smpp.connect "smpps://me@127.0.0.1"
      assert.same({ "TLS support is not installed (rock smpp-tls)", "tls" }, { message, code })
    end)
  end)

  it("calls back", function()
    run(function()
      local s = server {}
      local got
      smpp.connect(URL, function(esme, message) got = esme or message end)
      smpp.sleep(1)
      assert.equal("bound", got.state)
      got:close()
      s:close()
    end)
  end)

  it("raises on misuse", function()
    run(function()
      assert.has_error(function() smpp.connect { URL, windw = 3 } end, "unknown option 'windw'; did you mean 'window'?")
      assert.has_error(function() smpp.connect { URL, window = 0 } end)
      assert.has_error(function() smpp.connect { URL, bind = "both" } end)
      assert.has_error(function() smpp.connect "http://h" end)
      assert.has_error(function() smpp.connect {} end)
      assert.has_error(function() smpp.connect { URL, message = "x" } end)
    end)
    assert.has_error(function() smpp.connect(URL) end, "call it inside smpp.run, or pass a callback")
    for _, call in ipairs { function() local esme = smpp.connect(URL) return esme end, function() local pool = smpp.pool { URL } return pool end } do
      assert.matches("^spec/client/init_spec.lua:%d+: call it inside", select(2, pcall(call)))
    end
  end)
end)

describe("smpp.client: requests", function()
  it("return the response, or nil, message and the status", function()
    run(function()
      local s = server { submit_sm = function(_, pdu)
        if pdu.destination_addr == "0" then return nil, "ESME_RINVDSTADR" end
        return "id-" .. pdu.destination_addr
      end }
      local esme = assert(smpp.connect(URL))
      assert.equal("id-491", submit(esme).message_id)
      local response, message, code, refused = submit(esme, { destination_addr = "0" })
      assert.is_nil(response)
      assert.equal("ESME_RINVDSTADR", code)
      assert.truthy(message:find("ESME_RINVDSTADR", 1, true))
      assert.equal("submit_sm_resp", refused.command)
      response, message, code = esme:query_sm { message_id = "1" }
      assert.same({ nil, "ESME_RINVCMDID" }, { response, code })
      response, message, code = submit(esme, { destination_addr = ("1"):rep(21) })
      assert.same({ nil, "too_long" }, { response, code })
      assert.truthy(message:find("submit_sm: destination_addr: 21 octets, at most 20 in SMPP 3.4", 1, true))
      assert.truthy(esme:enquire_link())
      esme:close()
      assert.equal("closed", (select(3, submit(esme))))
      s:close()
    end)
  end)

  it("raise on a field that the command does not have, at the line of the program, sent at once or queued", function()
    run(function()
      local s = server { submit_sm = function()
        smpp.sleep(1)
        return "1"
      end }
      local esme = assert(smpp.connect { URL, window = 1 })
      local function error_of(fn)
        local ok, message = pcall(fn)
        assert.is_false(ok)
        return message
      end
      local function all()
        local wrong, called = { destination_adr = "1" }, false
        local function callback() called = true end
        local line = "^spec/client/init_spec.lua:%d+: destination_adr: no such parameter or TLV in submit_sm; did you mean destination_addr%?"
        assert.matches(line, error_of(function() esme:submit_sm(wrong) end))
        assert.matches(line, error_of(function() esme:submit_sm(wrong, 5) end))
        assert.matches(line, error_of(function() esme:submit_sm(wrong, callback) end))
        assert.matches(line, error_of(function() esme:request(0x04, wrong) end))
        assert.is_false(called)
      end
      all()
      local answered = 0
      for _ = 1, 3 do esme:submit_sm({ destination_addr = "491" }, function() answered = answered + 1 end) end
      assert.same({ 1, 2 }, { esme:stats().in_flight, esme:stats().queued })
      all()
      assert.same({ 1, 2 }, { esme:stats().in_flight, esme:stats().queued })
      smpp.sleep(5)
      assert.equal(3, answered)
      esme:close()
      s:close()
    end)
  end)

  it("have those of the defaults that they know; a default that no submission has is invalid", function()
    run(function()
      local seen
      local s = server { data_sm = function(_, pdu)
        seen = pdu
        return "1"
      end }
      local esme = assert(smpp.connect { URL, defaults = { service_type = "CMT", validity_period = "000000010000000R" } })
      assert(esme:data_sm { destination_addr = "491" })
      assert.equal("CMT", seen.service_type)
      esme:close()
      s:close()
      assert.has_error(function() smpp.connect { URL, defaults = { servce_type = "CMT" } } end,
        "unknown option 'defaults.servce_type'; did you mean 'defaults.service_type'?")
    end)
  end)

  it("send a received PDU as it is, whatever the defaults", function()
    run(function()
      local s, seen = server()
      local esme = assert(smpp.connect { URL, defaults = { service_type = "CMT" } })
      local pdu = smpp.decode(assert(smpp.encode { command = "submit_sm", destination_addr = "491", tlvs = { { 0x1400, "a" }, { 0x1400, "b" } } }))
      assert(esme:submit_sm(pdu))
      assert(submit(esme))
      assert.equal(pdu:octets():sub(17), seen.submits[1]:octets():sub(17))
      assert.equal("CMT", seen.submits[2].service_type)
      esme:close()
      s:close()
    end)
  end)

  it("call back with the same values, in their own tasks", function()
    run(function()
      local s = server { submit_sm = function(_, pdu) return pdu.destination_addr ~= "0" and "1" or nil, "ESME_RINVDSTADR" end }
      local esme = assert(smpp.connect(URL))
      local got = {}
      assert.is_true(esme:submit_sm({ destination_addr = "491" }, function(response) got[1] = response.message_id end))
      assert.is_true(esme:submit_sm({ destination_addr = "0" }, function(_, _, code) got[2] = code end))
      assert.is_false(esme:submit_sm({ destination_addr = ("1"):rep(99) }, function(_, _, code) got[3] = code end))
      smpp.sleep(1)
      assert.same({ "1", "ESME_RINVDSTADR", "too_long" }, got)
      esme:close()
      s:close()
    end)
  end)

  it("keep to the window and in order; what is more waits its turn", function()
    run(function()
      local most, now, order = 0, 0, {}
      local s = server { submit_sm = function(_, pdu)
        now = now + 1
        most = math.max(most, now)
        table.insert(order, tonumber(pdu.destination_addr))
        smpp.sleep(0.1)
        now = now - 1
        return "x"
      end }
      local esme = assert(smpp.connect { URL, window = 3 })
      local done = 0
      for i = 1, 20 do
        smpp.spawn(function()
          assert(submit(esme, { destination_addr = tostring(i) }))
          done = done + 1
        end)
      end
      smpp.sleep(2)
      assert.equal(20, done)
      assert.equal(3, most)
      for i = 1, 20 do assert.equal(i, order[i]) end
      esme:close()
      s:close()
    end)
  end)

  it("tell callbacks that the queue is full, and when it has drained", function()
    run(function()
      local s = server { submit_sm = function()
        smpp.sleep(1)
        return "x"
      end }
      local esme = assert(smpp.connect { URL, window = 1, queue_limit = 4 })
      local codes, drained = {}, 0
      esme:on("drain", function() drained = drained + 1 end)
      for i = 1, 7 do
        local accepted = esme:submit_sm({ destination_addr = tostring(i) }, function(response, _, code) codes[i] = response and "ok" or code end)
        assert.equal(i <= 5, accepted)
      end
      assert.same({ [6] = "queue_full", [7] = "queue_full" }, codes)
      local sent, _, code = esme:send { to = "491", text = "x", no_wait = true }
      assert.same({ nil, "queue_full" }, { sent, code })
      smpp.sleep(10)
      assert.equal("ok", codes[5])
      assert.equal(1, drained)
      esme:close()
      s:close()
    end)
  end)

  it("are refused when what waits holds too many octets", function()
    run(function()
      local s = server { submit_sm = function()
        smpp.sleep(1)
        return "x"
      end }
      local esme = assert(smpp.connect { URL, window = 1, queue_octets = 100000 })
      local codes = {}
      for i = 1, 9 do
        esme:submit_sm({ destination_addr = tostring(i), message_payload = ("x"):rep(40000) }, function(response, _, code) codes[i] = response and "ok" or code end)
      end
      assert.same({ [5] = "queue_full", [6] = "queue_full", [7] = "queue_full", [8] = "queue_full", [9] = "queue_full" }, codes)
      assert.equal(3 * 44096, esme:stats().queued_octets)
      smpp.sleep(20)
      assert.same({ "ok", "ok", "ok", "ok" }, { codes[1], codes[2], codes[3], codes[4] })
      assert.equal(0, esme:stats().queued_octets)
      esme:close()
      s:close()
    end)
  end)

  it("have a timeout of their own that only ends the wait", function()
    run(function(loop)
      local s = server { submit_sm = function()
        smpp.sleep(5)
        return "late"
      end }
      local esme = assert(smpp.connect(URL))
      local started = loop:now()
      local response, _, code = esme:submit_sm({ destination_addr = "1" }, 2)
      assert.same({ nil, "timeout" }, { response, code })
      assert.equal(2, loop:now() - started)
      assert.equal("late", submit(esme).message_id)
      esme:close()
      s:close()
    end)
  end)

  it("time out when the peer never answers, and are lost with the connection", function()
    run(function(loop)
      local silent = true
      local s = server { answer_timeout_s = 1000, submit_sm = function(session)
        if silent then smpp.sleep(500) end
        session:close()
      end }
      local esme = assert(smpp.connect { URL, response_timeout_s = 7, reconnect = false })
      esme:on("error", function() end)
      local started = loop:now()
      assert.equal("timeout", (select(3, submit(esme))))
      assert.equal(7, loop:now() - started)
      silent = false
      local _, message, code = submit(esme)
      assert.equal("connection_lost", code)
      assert.truthy(message:find("outcome unknown", 1, true))
      smpp.sleep(0.1)
      assert.equal("closed", esme.state)
      s:close(1)
    end)
  end)
end)

describe("smpp.client: send", function()
  it("writes addresses, picks the coding, asks for receipts", function()
    run(function()
      local s, seen = server()
      local esme = assert(smpp.connect { URL, defaults = { service_type = "CMT" } })
      assert(esme:send { from = "TestApp", to = "+49 176-1234567", text = "Hello €" })
      assert(esme:send { from = "12345", to = "491761234567", text = "Hello 👋", receipt = true, flash = true })
      assert(esme:send { from = { addr = "x", ton = 6, npi = 9 }, to = "491", data = "\0\1\2", receipt = "failure", validity_s = 3600, priority = 1, reference = 7, source_port = 5 })
      local a, b, c = seen.submits[1], seen.submits[2], seen.submits[3]
      assert.same({ 5, "TestApp", 1, 1, "491761234567", 0, 0, "CMT" },
        { a.source_addr_ton, a.source_addr, a.dest_addr_ton, a.dest_addr_npi, a.destination_addr, a.data_coding, a.registered_delivery, a.service_type })
      assert.equal("Hello \27e", a.short_message)
      assert.same({ 3, 0, 1, 0x18, 1 }, { b.source_addr_ton, b.source_addr_npi, b.dest_addr_ton, b.data_coding, b.registered_delivery })
      assert.equal("\0H\0e\0l\0l\0o\0 \216=\220K", b.short_message)
      assert.same({ 6, 9, 4, 2, "000000010000000R", 1, 7, 5 },
        { c.source_addr_ton, c.source_addr_npi, c.data_coding, c.registered_delivery, c.validity_period, c.priority_flag, c.user_message_reference, c.source_port })
      assert.equal("\0\1\2", c.short_message)
      esme:close()
      s:close()
    end)
  end)

  it("cuts long texts, with a reference of each pair's own", function()
    run(function()
      local s, seen = server()
      local esme = assert(smpp.connect(URL))
      local long = ("0123456789"):rep(32)
      local sent = assert(esme:send { from = "A", to = "+491", text = long })
      assert.equal(3, #sent.parts)
      assert.same({ "1", "2", "3" }, sent.message_ids)
      assert.equal("1", sent.message_id)
      local reference = seen.submits[1].short_message:byte(4)
      for i = 1, 3 do
        assert.equal(0x40, seen.submits[i].esm_class)
        assert.same({ 5, 0, 3, reference, 3, i }, { seen.submits[i].short_message:byte(1, 6) })
      end
      assert(esme:send { from = "A", to = "+491", text = long })
      assert.equal((reference + 1) % 256, seen.submits[4].short_message:byte(4))
      assert(esme:send { from = "A", to = "+491", text = long, long = "sar" })
      assert.same({ 3, 2 }, { seen.submits[8].sar_total_segments, seen.submits[8].sar_segment_seqnum })
      assert.equal(0, seen.submits[8].esm_class)
      assert(esme:send { from = "A", to = "+491", text = long, long = "payload" })
      assert.equal(long, seen.submits[10].message_payload)
      assert.equal("", seen.submits[10].short_message)
      assert(esme:send { from = "A", to = "+491", text = long, long = "concat_16bit" })
      assert.same({ 6, 8, 4 }, { seen.submits[11].short_message:byte(1, 3) })
      assert.equal("too_long", (select(3, esme:send { from = "A", to = "+491", text = long, long = "refuse" })))
      assert.equal(13, #seen.submits)
      esme:close()
      s:close()
    end)
  end)

  it("stops at a part that is refused, and says which went", function()
    run(function()
      local n = 0
      local s = server { submit_sm = function()
        n = n + 1
        if n == 2 then return nil, "ESME_RINVEXPIRY" end
        return "id" .. n
      end }
      local esme = assert(smpp.connect(URL))
      local ok, message, code, sent = esme:send { to = "491", text = ("x"):rep(400) }
      assert.is_nil(ok)
      assert.equal("ESME_RINVEXPIRY", code)
      assert.truthy(message:find("part 2 of 3", 1, true))
      assert.equal("id1", sent.parts[1].message_id)
      assert.equal("ESME_RINVEXPIRY", sent.parts[2].code)
      assert.is_nil(sent.parts[3])
      assert.equal(2, n)
      esme:close()
      s:close()
    end)
  end)

  it("raises for a timeout that is no number, where the call stands", function()
    run(function()
      local mc = server()
      local esme = assert(smpp.connect(URL))
      local sent = assert(esme:send { to = "491", text = "x", receipt = true })
      local server_side = mc.sessions[1]
      for _, call in ipairs {
        function() sent:receipt "5" end, function() esme:close "5" end, function() esme:query_sm({ message_id = "1" }, "5") end,
        function() server_side:deliver_sm({}, "5") end, function() server_side:unbind "5" end, function() mc:close "5" end,
      } do
        local line = ("init_spec.lua:%d: timeout_s: expected a number of seconds, got '5'"):format(debug.getinfo(call).linedefined)
        assert.equal(line, tostring(select(2, pcall(call))):match "[^/]*$")
      end
      esme:close()
      mc:close()
    end)
  end)

  it("refuses what cannot be sent, and sends nothing", function()
    run(function()
      local s, seen = server()
      local esme = assert(smpp.connect(URL))
      for code, message in pairs {
        unmappable = { to = "491", text = "Ж", encoding = "gsm7" }, too_long = { to = "491", from = "A name too long", text = "x" },
        bad_value = { to = "491", text = "\255" }, missing = { text = "x" },
      } do
        local sent, words, got = esme:send(message)
        assert.is_nil(sent)
        assert.equal(code, got)
        assert.is_string(words)
      end
      assert.equal(0, #seen.submits)
      assert.has_error(function() esme:send { to = "491" } end)
      assert.has_error(function() esme:send { to = "491", text = "x", data = "y" } end)
      assert.has_error(function() esme:send { to = "491", text = "x", receipt = "always" } end)
      for text, message in pairs {
        ["unknown option 'recipt'; did you mean 'receipt'?"] = { to = "491", text = "x", recipt = true },
        ["unknown option 'destinaton_addr'; did you mean 'destination_addr'?"] = { to = "491", text = "x", destinaton_addr = "1" },
        ["unknown option 'message_id'"] = { to = "491", text = "x", message_id = "1" }, -- of other PDUs
        ["lane: expected a number, got 'high'"] = { to = "491", text = "x", lane = "high" },
        ["to: expected a string, a number or a table, got true"] = { to = true, text = "x" },
        ["expected name = value, got a string without a name"] = { "491", "x" },
        ["expected a table of options, got 'x'"] = "x",
        ["text or data: expected exactly one"] = { to = "491" },
      } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, err = pcall(function() esme:send(message) end)
        assert.is_false(ok)
        assert.equal(("init_spec.lua:%d: %s"):format(line, text), err:match "[^/]*$")
      end
      assert.has_error(function() esme:send({ to = "491", text = "x" }, 5) end, "send: argument 2: expected a callback function, got 5")
      esme:close()
      s:close()
    end)
  end)

  it("send_all tells what was taken in part", function()
    run(function(loop)
      local mc = server { submit_sm = function()
        smpp.sleep(2)
        return "id"
      end }
      local esme = assert(smpp.connect { URL, window = 2 })
      smpp.sleep(1, function() esme:close(0) end)
      local list, told = {}, {}
      for i = 1, 4 do list[i] = { from = "S" .. i, to = "+491700000000", text = ("word "):rep(60) } end
      local counts = esme:send_all(list, function(message, sent, _, code, partial)
        told[message.from] = (sent and "sent" or code) .. " " .. (partial and #partial.message_ids or "-")
      end)
      assert.same({ 0, 4 }, { counts.sent, counts.partly + counts.failed })
      assert.equal("closed 0", told.S3)
      local partly = 0
      for _, words in pairs(told) do partly = partly + (words:find " [1-9]" and 1 or 0) end
      assert.equal(partly, counts.partly)
      mc:close()
      assert.is_number(loop:now())
    end)
    run(function()
      local n = 0
      local mc = server { submit_sm = function()
        n = n + 1
        if n == 2 then return nil, "ESME_RINVDSTADR" end
        return "id" .. n
      end }
      local esme = assert(smpp.connect { URL, window = 1 })
      local told
      local counts = esme:send_all({ { to = "+491700000000", text = ("word "):rep(60) }, { to = "+491700000000", text = "x" } },
        function(_, _, _, code, partial) told = told or { code, partial.message_ids } end)
      assert.same({ 1, 1, 0 }, { counts.sent, counts.partly, counts.failed })
      assert.same({ "ESME_RINVDSTADR", { "id1" } }, told)
      esme:close()
      mc:close()
    end)
  end)

  it("keeps the window full over many", function()
    run(function()
      local s = server { submit_sm = function(_, pdu) return pdu.destination_addr ~= "13" and "x" or nil, "ESME_RINVDSTADR" end }
      local esme = assert(smpp.connect { URL, window = 5 })
      local i, done = 0, 0
      local counts = esme:send_all(function()
        i = i + 1
        return i <= 50 and { to = tostring(i), text = "x" } or nil
      end, function(message, sent, _, code)
        done = done + 1
        assert.equal(message.to == "13", not sent)
        if not sent then assert.equal("ESME_RINVDSTADR", code) end
      end)
      assert.equal(50, done)
      assert.same({ sent = 49, partly = 0, failed = 1, codes = { ESME_RINVDSTADR = 1 } }, counts)
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client: receipts", function()
  it("find their message: one part, several, failures, none in time", function()
    run(function()
      local mc = assert(smpp.simulator { port = 2775 })
      local esme = assert(smpp.connect(URL))
      local heard = {}
      esme:on("receipt", function(receipt) table.insert(heard, receipt) end)
      local sent = assert(esme:send { from = "A", to = "+491761234567", text = "one", receipt = true })
      local receipt = assert(sent:receipt(10))
      assert.equal("DELIVERED", receipt.state)
      assert.is_true(receipt.final)
      assert.equal(sent.message_id, receipt.id)
      assert.equal("DELIVERED", sent:receipt().state)
      local three = assert(esme:send { from = "A", to = "+491761234567", text = ("x"):rep(400), receipt = true })
      assert.equal("DELIVERED", three:receipt(10).state)
      assert.equal(4, #heard)
      assert.equal(sent, heard[1].sent)
      assert.equal("+491761234567", heard[1].from)
      local none = assert(esme:send { from = "A", to = "+491761234567", text = "x" })
      assert.equal("missing", (select(3, none:receipt(10))))
      local late = assert(esme:send { from = "A", to = "+491761234567", text = "x", receipt = true })
      assert.equal("timeout", (select(3, late:receipt(0.5))))
      assert.equal("DELIVERED", late:receipt(10).state)
      assert.equal("delivered", smpp.explain("message_state", assert(late:query()).message_state))
      esme:close()
      mc:close()
    end)
  end)

  it("teach what ids look like, which is news and no error", function()
    run(function()
      local mc = assert(smpp.simulator { port = 2775, message_id_prefix = "b" })
      local log, errors = {}, 0
      local esme = assert(smpp.connect { URL, log = function(record) table.insert(log, record) end })
      esme:on("error", function() errors = errors + 1 end)
      for _ = 1, 5 do
        local sent = assert(esme:send { to = "+491761234567", text = "x", receipt = true })
        assert.equal("DELIVERED", assert(sent:receipt(10)).state)
      end
      local learned = {}
      for _, record in ipairs(log) do
        if record.event == "ids_learned" then table.insert(learned, record.level .. " " .. record.rule) end
      end
      assert.same({ "info as-is" }, learned)
      assert.equal(0, errors)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("smpp.client: messages", function()
  --- Delivers a PDU to the bound ESME; returns the status of the answer.
  local function deliver(s, fields)
    fields.source_addr, fields.source_addr_ton, fields.source_addr_npi = "491761234567", 1, 1
    fields.destination_addr = fields.destination_addr or "12345"
    local response, _, code = s.sessions[1]:deliver_sm(fields)
    return response and response.status or code
  end

  it("come with their text, whatever coding, and are answered when the handler returns", function()
    run(function(loop)
      local s = server()
      local got, answered = {}, nil
      local esme = assert(smpp.connect { URL, message = function(msg)
        table.insert(got, msg)
        smpp.sleep(2)
      end })
      local started = loop:now()
      assert.equal("ESME_ROK", deliver(s, { short_message = "Gr\126\30e" }))
      answered = loop:now() - started
      assert.is_true(answered >= 2 and answered < 3)
      assert.equal("Grüße", got[1].text)
      assert.equal("+491761234567", got[1].from)
      assert.equal("12345", got[1].to)
      deliver(s, { data_coding = 8, short_message = "\216=\220K" })
      assert.equal("👋", got[2].text)
      deliver(s, { data_coding = 3, short_message = "\233" })
      assert.equal("é", got[3].text)
      deliver(s, { data_coding = 4, short_message = "\0\255" })
      assert.is_nil(got[4].text)
      assert.equal("\0\255", got[4].data)
      deliver(s, { message_payload = "in the payload" })
      assert.equal("in the payload", got[5].text)
      esme:close()
      s:close()
    end)
  end)

  it("are refused, accepted early and replied to by the handler", function()
    run(function(loop)
      local s, seen = server()
      local reply
      local esme = assert(smpp.connect { URL, message = function(msg)
        if msg.text == "no" then return nil, "ESME_RX_P_APPN" end
        if msg.text == "reject" then msg:reject() end
        if msg.text == "raise" then error "boo" end
        if msg.text == "early" then
          assert(msg:accept())
          smpp.sleep(5)
        end
        if msg.text == "hello" then reply = assert(msg:reply("You said: " .. msg.text)) end
      end })
      local errors = {}
      esme:on("error", function(message) table.insert(errors, message) end)
      assert.equal("ESME_RX_P_APPN", deliver(s, { short_message = "no" }))
      assert.equal("ESME_RX_R_APPN", deliver(s, { short_message = "reject" }))
      assert.equal("ESME_RX_T_APPN", deliver(s, { short_message = "raise" }))
      assert.truthy(errors[1]:find("boo", 1, true))
      local started = loop:now()
      assert.equal("ESME_ROK", deliver(s, { short_message = "early" }))
      assert.is_true(loop:now() - started < 1)
      assert.equal("ESME_ROK", deliver(s, { short_message = "hello" }))
      smpp.sleep(1)
      assert.equal("1", reply.message_id)
      assert.equal("491761234567", seen.submits[1].destination_addr)
      assert.equal("12345", seen.submits[1].source_addr)
      assert.equal("You said: hello", seen.submits[1].short_message)
      esme:close()
      s:close()
    end)
  end)

  it("are answered for a handler that takes too long", function()
    run(function(loop)
      local s = server()
      local esme = assert(smpp.connect { URL, answer_timeout_s = 4, message = function() smpp.sleep(100) end })
      local started = loop:now()
      assert.equal("ESME_RX_T_APPN", deliver(s, { short_message = "x" }))
      assert.equal(4, loop:now() - started)
      esme:close()
      s:close()
    end)
  end)

  it("in parts are joined, each part acknowledged when it is kept", function()
    run(function()
      local s = server()
      local got = {}
      local esme = assert(smpp.connect { URL, message = function(msg) table.insert(got, msg) end })
      local text = ("Long and with emoji 👩‍👩‍👧 "):rep(12)
      local parts, info = assert(smpp.text.split(text))
      for i = #parts, 1, -1 do
        assert.equal("ESME_ROK", deliver(s, { esm_class = info.esm_class, data_coding = info.data_coding, short_message = parts[i].octets }))
      end
      assert.equal(1, #got)
      assert.equal(text, got[1].text)
      assert.equal(#parts, #got[1].parts)
      for i = 1, 2 do deliver(s, { sar_msg_ref_num = 9, sar_total_segments = 2, sar_segment_seqnum = i, short_message = "part" .. i .. " " }) end
      assert.equal("part1 part2 ", got[2].text)
      esme:close()
      s:close()
    end)
  end)

  it("wait for somebody to listen, and are refused when nobody does", function()
    run(function(loop)
      local s = server()
      local esme = assert(smpp.connect(URL))
      local got, status
      smpp.spawn(function() status = deliver(s, { short_message = "before" }) end)
      smpp.sleep(3)
      assert.is_nil(status)
      esme:on("message", function(msg) got = msg.text end)
      smpp.sleep(1)
      assert.equal("before", got)
      assert.equal("ESME_ROK", status)
      esme:close()
      esme = assert(smpp.connect(URL))
      local started = loop:now()
      assert.equal("ESME_RX_T_APPN", deliver(s, { short_message = "nobody" }))
      assert.equal(10, loop:now() - started)
      esme:close()
      s:close()
    end)
  end)

  it("come raw to handlers of the PDU", function()
    run(function()
      local s = server()
      local got
      local esme = assert(smpp.connect { URL, deliver_sm = function(pdu, from)
        got = { pdu.short_message, from }
        return nil, "ESME_RX_R_APPN"
      end })
      assert.equal("ESME_RX_R_APPN", deliver(s, { short_message = "raw" }))
      assert.same({ "raw", esme }, got)
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client: staying bound", function()
  it("binds again when the MC drops us, and sends what waited", function()
    run(function(loop)
      local s = server()
      local esme = assert(smpp.connect(URL))
      local states = {}
      esme:on("state", function(state) table.insert(states, state) end)
      s.sessions[1]:close()
      smpp.sleep(0.1)
      assert.equal("waiting", esme.state)
      local started = loop:now()
      assert.equal("1", submit(esme).message_id)
      assert.is_true(loop:now() - started <= 2)
      assert.same({ "waiting", "connecting", "bound" }, states)
      assert.equal(1, #s.sessions)
      esme:close()
      smpp.sleep(100)
      assert.equal(0, #s.sessions)
      s:close()
    end)
  end)

  it("backs off while the MC is away", function()
    run(function(loop)
      local s = server()
      local esme = assert(smpp.connect(URL))
      s:close()
      local attempts = {}
      esme:on("state", function(state)
        if state == "connecting" then table.insert(attempts, loop:now()) end
      end)
      smpp.sleep(600)
      assert.is_true(#attempts >= 10 and #attempts < 40, #attempts .. " attempts")
      local last = attempts[#attempts] - attempts[#attempts - 1]
      assert.is_true(last >= 30 and last <= 61, tostring(last))
      s = server()
      smpp.sleep(61)
      assert.equal("bound", esme.state)
      esme:close()
      s:close()
    end)
  end)

  it("gives up when the MC says that it is no use", function()
    run(function()
      local allow = true
      local s = server { authenticate = function()
        if allow then return true end
        return nil, "ESME_RINVPASWD"
      end }
      local esme = assert(smpp.connect(URL))
      local errors = {}
      esme:on("error", function(message) table.insert(errors, message) end)
      allow = false
      s.sessions[1]:close()
      smpp.sleep(0.1)
      local response, _, code = submit(esme)
      assert.same({ nil, "not_sent" }, { response, code })
      assert.equal("closed", esme.state)
      assert.truthy(errors[#errors]:find("ESME_RINVPASWD", 1, true))
      s:close()
    end)
  end)

  it("drains on close, and says what did not make it", function()
    run(function()
      local s = server { submit_sm = function()
        smpp.sleep(1)
        return "x"
      end }
      local esme = assert(smpp.connect { URL, window = 1 })
      local codes = {}
      for i = 1, 4 do
        smpp.spawn(function()
          local response, _, code = submit(esme, { destination_addr = tostring(i) })
          codes[i] = response and "ok" or code
        end)
      end
      local left = esme:close(2.5)
      smpp.sleep(0)
      assert.same({ "ok", "ok", "ok", "not_sent" }, codes)
      assert.equal(1, #left)
      assert.equal("4", left[1].fields.destination_addr)
      assert.equal("not_sent", left[1].code)
      s:close()
    end)
  end)
end)

describe("smpp.client: open", function()
  it("connects without binding, and sends what the state allows", function()
    run(function()
      local s = server()
      local session = assert(smpp.open(URL))
      assert.equal("OPEN", session.state)
      assert.equal("not_sent", (select(3, session:submit_sm { destination_addr = "1" })))
      assert.equal("ESME_ROK", assert(session:enquire_link()).status)
      assert.equal("bind_transceiver_resp", assert(session:bind_transceiver { system_id = "me", interface_version = 0x34 }).command)
      assert.equal("BOUND_TRX", session.state)
      session:unbind()
      s:close()
    end)
  end)

  it("sends what the state forbids when told to", function()
    run(function()
      local s = server()
      local session = assert(smpp.open { URL, unchecked = true })
      assert.equal("ESME_RINVBNDSTS", (select(3, session:submit_sm { destination_addr = "1" })))
      session:close()
      s:close()
    end)
  end)
end)

describe("smpp.client: in smpp.run", function()
  it("closes an ESME that main left open without handlers, not one with handlers", function()
    local loop = virtual.new { seed = 1 }
    local without, with, closed_at
    smpp.run(function()
      local s = server()
      without = assert(smpp.connect(URL))
      with = assert(smpp.connect { URL, message = function() end })
      without:on("state", function(state)
        if state == "closed" then closed_at = loop:now() end
      end)
      smpp.spawn(function()
        smpp.sleep(50)
        assert.equal("bound", with.state)
        with:close()
        s:close()
      end)
    end, { loop = loop })
    assert.is_true(closed_at < 1)
    assert.equal("closed", with.state)
  end)
end)
