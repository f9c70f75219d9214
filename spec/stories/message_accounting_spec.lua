-- Each message is accounted for exactly once, wherever the connection is cut.  spec/slow/message_accounting_spec.lua cuts at every octet.
local accounting = require "spec.support.message_accounting"
local few = require "spec.support.few"
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, server, connect, submit = world.run, world.peer, world.server, world.connect, world.submit

local STEP = few(13, 37) -- octets from one cut to the next; no PDU here has a length that it divides

describe("message accounting: outcomes", function()
  local whole = accounting.conversation()

  it("balance when nothing goes wrong", function()
    assert.same({ response = 90, refused = 10, never_sent = 0, unknown = 0 }, accounting.balance(whole, "whole"))
  end)

  for _, direction in ipairs { "a_to_b", "b_to_a" } do
    it(("balance wherever the connection is cut (%s)"):format(direction), function()
      assert.is_true(accounting.cut_everywhere(direction, STEP) > few(100, 35), "the cuts were all harmless")
    end)

    it(("balance with on_unknown = resend (%s)"):format(direction), function()
      local twice = accounting.cut_and_resend(direction, STEP)
      if direction == "b_to_a" then assert.is_true(twice > few(10, 3), "no cut between a message and its answer") end
    end)
  end

  it("balance when the connection is never made again", function()
    for octets = 100, whole.octets.a_to_b - 1, 97 do
      local seen = accounting.conversation("a_to_b", octets, { reconnect = false })
      local counts = accounting.balance(seen, "no reconnection, " .. octets)
      assert.is_true(counts.never_sent > 0 or counts.unknown > 0)
    end
  end)

  it("ask a function, per message, where one is given", function()
    local asked = {}
    local seen = accounting.conversation("b_to_a", math.floor(whole.octets.b_to_a / 2), { on_unknown = function(fields, code)
      table.insert(asked, code)
      return tonumber(fields.short_message) % 2 == 0
    end })
    local counts = accounting.balance(seen, "function")
    assert.is_true(counts.unknown > 0 and counts.unknown < #asked)
    for i = 1, accounting.MESSAGES do
      if seen.told[i] == "unknown" then assert.equal(1, i % 2) end
    end
    for _, code in ipairs(asked) do assert.equal("connection_lost", code) end
  end)

  it("hand over at close what did not make it: waiting, in flight, refused for now", function()
    run(function(loop)
      local mc = peer(loop, { submit_sm = function(session, pdu)
        if pdu.short_message == "busy" then session:answer(pdu, { status = "ESME_RSYSERR" }) end
      end })
      local esme = assert(connect { window = 3 })
      local codes = {}
      smpp.spawn(function() codes.busy = select(3, esme:send { to = "+491", text = "busy" }) end)
      smpp.sleep(0)
      for i = 1, 5 do
        smpp.spawn(function() codes[i] = select(3, esme:submit_sm { destination_addr = tostring(i) }) end)
      end
      local started = loop:now()
      local left = esme:close(0.5)
      assert.is_true(loop:now() - started < 11)
      assert.same({ "connection_lost", "connection_lost", "connection_lost", "not_sent", "not_sent", busy = "ESME_RSYSERR" }, codes)
      local listed = {}
      for _, item in ipairs(left) do
        assert.equal("submit_sm", item.command)
        listed[item.fields.short_message or item.fields.destination_addr] = item.code
      end
      assert.same({ busy = "ESME_RSYSERR", ["1"] = "connection_lost", ["2"] = "connection_lost", ["3"] = "connection_lost",
        ["4"] = "not_sent", ["5"] = "not_sent" }, listed)
      mc:close()
    end)
  end)

  it("hand over each once, though it was to be resent", function()
    run(function(loop)
      local mc = peer(loop, { submit_sm = false })
      local esme = assert(connect { on_unknown = "resend" })
      local codes = {}
      for i = 1, 3 do smpp.spawn(function() codes[i] = select(3, esme:submit_sm { destination_addr = tostring(i) }) end) end
      local left = esme:close(1)
      assert.same({ "connection_lost", "connection_lost", "connection_lost" }, codes)
      assert.equal(3, #left)
      for _, item in ipairs(left) do assert.equal("connection_lost", item.code) end
      mc:close()
    end)
  end)

  it("do not forget a doubt, whatever keeps it from being sent again", function()
    local CASES = {
      ["it is refused for now"] = { { retry = false }, "ESME_RSYSERR", "connection_lost" },
      ["it is refused for good"] = { {}, "ESME_RINVDSTADR", "ESME_RINVDSTADR" },
      ["its time is over"] = { { reconnect = { fixed_s = 100 } }, nil, "connection_lost", timeout_s = 5 },
      ["the client closes"] = { { reconnect = { fixed_s = 100 } }, nil, "connection_lost", left = true },
    }
    for what, case in pairs(CASES) do
      run(function(loop)
        local taken = 0
        local mc = peer(loop, { submit_sm = function(session, pdu)
          taken = taken + 1
          if taken == 1 then return session.close() end -- it has the message, and does not say so
          session:answer(pdu, { status = case[2] })
        end })
        local o = { on_unknown = "resend", reconnect = { fixed_s = 1 } }
        for name, value in pairs(case[1]) do o[name] = value end
        local esme, code = assert(connect(o)), nil
        esme:submit_sm({ destination_addr = "491" }, case.timeout_s, function(_, _, why) code = why end)
        smpp.sleep(10)
        local left = esme:close()
        smpp.sleep(0)
        assert.equal(case[3], code, what)
        assert.equal(case.left and 1 or 0, #left, what)
        if case.left then assert.equal(case[3], left[1].code) end
        assert.equal(0, esme:stats().not_sent, what)
        mc:close()
      end)
    end
  end)

  it("ask a function that waits, asks the MC, or raises: the wait for the request has its limit all the same", function()
    for _, how in ipairs { "waits", "asks", "raises" } do
      run(function(loop)
        local mc = peer(loop, { submit_sm = false, query_sm = function(session, pdu)
          smpp.spawn(function()
            smpp.sleep(0.5)
            session:answer(pdu)
          end)
        end })
        local esme
        esme = assert(connect { response_timeout_s = 2, on_unknown = function()
          if how == "raises" then error "boo" end
          if how == "asks" then
            smpp.sleep(1.8)
            assert(esme:query_sm { message_id = "1" })
          end
          smpp.sleep(5)
          return true
        end })
        assert.equal("timeout", (select(3, submit(esme, nil, 4))))
        assert.equal(1, mc:count "submit_sm")
        assert.equal(how == "raises" and 1 or 0, #esme.esme_errors)
        assert.equal(how == "raises" and 2 or how == "waits" and 7 or 9.3, loop:now())
        esme:close(0)
        mc:close()
      end)
    end
  end)

  it("hand over once what a function is still being asked about", function()
    for _, when in ipairs { "before the end begins", "after" } do
      run(function(loop)
        local mc = peer(loop, { submit_sm = false })
        local esme = assert(connect { response_timeout_s = 2, reconnect = { fixed_s = 1 }, on_unknown = function()
          smpp.sleep(60)
          return true
        end })
        local code, answers = nil, 0
        esme:submit_sm({ destination_addr = "491" }, function(_, _, why) code, answers = why, answers + 1 end)
        smpp.sleep(when == "after" and 1 or 3)
        local left = esme:close(5)
        assert.equal(1, #left, when)
        assert.equal("timeout", left[1].code)
        assert.equal("491", left[1].fields.destination_addr)
        smpp.sleep(60)
        assert.equal("timeout", code)
        assert.equal(1, answers)
        mc:close()
      end)
    end
  end)

  it("hand over in the order of the calls", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { order = "destination", reconnect = { fixed_s = 100 } })
      mc:close()
      smpp.sleep(0.1)
      for i = 1, 12 do
        esme:submit_sm({ destination_addr = "49" .. i % 3, short_message = tostring(i) }, function() end)
      end
      local order = {}
      for i, item in ipairs(esme:close()) do order[i] = tonumber(item.fields.short_message) end
      assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, order)
    end)
  end)

  it("let messages finish that were begun: parts, and what is tried again", function()
    run(function(loop)
      local refused, texts = false, 0
      local mc = peer(loop, { submit_sm = function(session, pdu)
        if not refused then
          refused = true
          return session:answer(pdu, { status = "ESME_RTHROTTLED" })
        end
        texts = texts + 1
        session:answer(pdu, { message_id = "1" })
      end })
      local esme = assert(connect())
      local sent
      smpp.spawn(function() sent = assert(esme:send { to = "+491", text = ("x"):rep(450) }) end)
      smpp.sleep(0.1)
      local started = loop:now()
      assert.same({}, esme:close(10))
      assert.is_true(loop:now() - started < 1.5, "waited for nothing")
      smpp.sleep(0)
      assert.equal(3, #sent.parts)
      assert.equal(3, texts)
      mc:close()
    end)
  end)

  it("are handed over at once where nothing sends any more", function()
    run(function(loop)
      local s = server()
      local esme = assert(connect { bind = "tx+rx", reconnect = { fixed_s = 100 } })
      s.sessions[1]:close() -- the transmitter
      smpp.sleep(0.1)
      smpp.spawn(function() submit(esme) end)
      local started = loop:now()
      assert.equal("not_sent", esme:close()[1].code)
      assert.equal(started, loop:now())
      s:close()
    end)
  end)

  it("take nothing new while the client closes", function()
    run(function()
      local s = server { submit_sm = function()
        smpp.sleep(1)
        return "x"
      end }
      local esme = assert(connect())
      local begun
      smpp.spawn(function() begun = esme:send { to = "+491", text = "x" } end)
      smpp.spawn(function() assert.same({}, esme:close()) end)
      assert.equal("closed", (select(3, submit(esme))))
      assert.equal("closed", (select(3, esme:send { to = "+491", text = "late" })))
      smpp.sleep(2)
      assert.equal("x", begun.message_id)
      s:close()
    end)
  end)

  it("balance with the MC, too: a message whose handler runs is answered before the unbind, one that comes later is refused", function()
    run(function(loop)
      local mc = peer(loop)
      local handled = 0
      local esme = assert(connect { message = function()
        smpp.sleep(2)
        handled = handled + 1
      end })
      local function deliver(n)
        mc.sessions[1]:send { command = "deliver_sm", sequence_number = n, destination_addr = "2", short_message = "x" }
        smpp.sleep(0.5)
      end
      deliver(1)
      smpp.spawn(function() deliver(2) end)
      local started = loop:now()
      esme:close()
      assert.equal(1.5, loop:now() - started)
      local seen = {}
      for i = 2, #mc.pdus do table.insert(seen, ("%s %d %s"):format(mc.pdus[i].command, mc.pdus[i].sequence_number, mc.pdus[i].status)) end
      assert.same({ "deliver_sm_resp 2 ESME_RX_T_APPN", "deliver_sm_resp 1 ESME_ROK", "unbind 2 ESME_ROK" }, seen)
      assert.equal(1, handled)
      mc:close()
    end)
  end)

  it("balance with the MC when a handler closes the client: its message is acknowledged, no other's", function()
    for _, how in ipairs { "at once", "later", "by another" } do
      run(function(loop)
        local mc = peer(loop)
        local esme
        esme = assert(connect { message = function()
          if how == "by another" then smpp.spawn(function() esme:close() end) end
          if how ~= "at once" then smpp.sleep(1) end
          if how == "by another" then return nil, "ESME_RX_P_APPN" end
          esme:close()
        end })
        mc.sessions[1]:send { command = "deliver_sm", sequence_number = 1, destination_addr = "2", short_message = "x" }
        smpp.sleep(1.1)
        assert.equal("closed", esme.state)
        assert.same({ "deliver_sm_resp", how == "by another" and "ESME_RX_P_APPN" or "ESME_ROK", "unbind" },
          { mc.pdus[2].command, mc.pdus[2].status, mc.pdus[3].command })
        mc:close()
      end)
    end
  end)
end)
