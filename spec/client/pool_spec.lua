local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, server, connect, submit = world.run, world.peer, world.server, world.connect, world.submit

local QUICK = { min_s = 1, max_s = 1, jitter = 0 }

describe("smpp.client.pool: a pair (tx+rx)", function()
  it("acts as one: sends on one bind, receives and answers on the other", function()
    run(function()
      local s, seen = server()
      local got
      local esme = assert(connect { bind = "tx+rx", message = function(msg)
        got = msg.text
        if msg.text == "early" then assert(msg:accept()) end
        if msg.text == "no" then assert(msg:reject "ESME_RX_P_APPN") end
      end })
      local states = { s.sessions[1].state, s.sessions[2].state }
      assert.same({ "BOUND_TX", "BOUND_RX" }, states)
      assert.equal("1", submit(esme).message_id)
      local function deliver(text)
        local response, _, code = s.sessions[2]:deliver_sm { source_addr = "1", destination_addr = "2", short_message = text }
        return response and response.status or code
      end
      assert.equal("ESME_ROK", deliver "hello")
      assert.equal("hello", got)
      assert.equal("ESME_ROK", deliver "early")
      assert.equal("ESME_RX_P_APPN", deliver "no")
      assert.equal(1, #seen.submits)
      esme:close()
      assert.equal(0, #s.sessions)
      s:close()
    end)
  end)

  it("is bound when both are; the lost half comes back alone", function()
    run(function()
      local s = server()
      local esme = assert(connect { bind = "tx+rx", reconnect = QUICK })
      local ups = {}
      esme:on("bind", function(what, bind) table.insert(ups, what .. " " .. bind) end)
      s.sessions[2]:close()
      smpp.sleep(0.5)
      assert.equal("waiting", esme.state)
      assert.truthy(submit(esme)) -- the transmitter works on
      smpp.sleep(2)
      assert.equal("bound", esme.state)
      assert.same({ "down rx", "up rx" }, ups)
      assert.equal(2, #s.sessions)
      esme:close()
      s:close()
    end)
  end)

  it("stands in for a transceiver that the MC does not have, on request", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session, pdu)
        session:send { command = "generic_nack", sequence_number = pdu.sequence_number, status = "ESME_RINVCMDID" }
      end })
      local esme, _, code = connect()
      assert.same({ nil, "ESME_RINVCMDID" }, { esme, code })
      esme = assert(connect { fallback = true, reconnect = QUICK })
      assert.same({ 1, 1 }, { mc:count "bind_transmitter", mc:count "bind_receiver" })
      assert.truthy(submit(esme))
      mc.sessions[#mc.sessions].close()
      smpp.sleep(2)
      assert.equal(2, mc:count "bind_receiver")
      assert.equal(2, mc:count "bind_transceiver") -- it is not asked for again
      esme:close()
      mc:close()
    end)
  end)

  it("stands in for it later, too: when the MC is there at last, or is another one", function()
    for _, when in ipairs { "at first", "later" } do
      run(function(loop)
        local takes, mc = when == "later", nil
        local function open()
          mc = peer(loop, { bind_transceiver = function(session, pdu)
            session:answer(pdu, not takes and { status = "ESME_RINVCMDID" } or nil)
          end })
        end
        if when == "later" then open() else smpp.spawn(function() smpp.sleep(5) open() end) end
        local esme = assert(connect { fallback = true, wait = true, reconnect = QUICK })
        if when == "later" then
          takes = false
          mc.sessions[1].close()
          smpp.sleep(5)
        end
        assert.equal("bound", esme.state)
        assert.same({ 1, 1 }, { mc:count "bind_transmitter", mc:count "bind_receiver" })
        assert.same({}, esme.esme_errors)
        assert.truthy(submit(esme))
        esme:close()
        mc:close()
      end)
    end
  end)
end)

describe("smpp.client.pool: a receiver", function()
  it("says at once that it does not send", function()
    run(function()
      local s = server()
      local esme = assert(connect { bind = "rx" })
      assert.equal("not_sent", (select(3, submit(esme))))
      assert.equal("not_sent", (select(3, esme:send { to = "491", text = "x" })))
      local code
      assert.is_false(esme:submit_sm({ destination_addr = "1" }, function(_, _, why) code = why end))
      assert.equal("not_sent", code)
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client.pool: versions", function()
  it("are the lower of both sides'", function()
    for _, case in ipairs { { "5.0", 0x34, 0x34 }, { "3.4", 0x50, 0x34 }, { "5.0", 0x50, 0x50 }, { "5.0", 0x33, 0x33 } } do
      run(function(loop)
        local mc = peer(loop, { bind_transceiver = function(session, pdu)
          assert.equal(case[1] == "5.0" and 0x50 or 0x34, pdu.interface_version)
          session:answer(pdu, { sc_interface_version = case[2] })
        end })
        local esme = assert(connect { version = case[1] })
        assert.equal(case[3], esme.session.version)
        local sent, why, code = esme:send { to = "+491", text = "x", user_message_reference = 1 }
        if case[3] == 0x33 then assert.same({ nil, "bad_value" }, { sent, code }) else assert(sent, why) end
        esme:close()
        mc:close()
      end)
    end
  end)

  it("that the MC does not tell are the asked one, or 3.3 by the book", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect())
      assert.equal(0x34, esme.session.version)
      esme:close()
      esme = assert(connect { require_sc_version = true })
      assert.equal(0x33, esme.session.version)
      esme:close()
      mc:close()
    end)
  end)

  it("3.3: a pair unless told otherwise, no TLVs, no later commands", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { version = "3.3" })
      assert.same({ 1, 1, 0 }, { mc:count "bind_transmitter", mc:count "bind_receiver", mc:count "bind_transceiver" })
      assert(esme:send { from = "A", to = "+491", text = "plain" })
      local long = ("x"):rep(200)
      assert(esme:send { from = "A", to = "+491", text = long })
      for _, message in ipairs {
        { to = "+491", text = "x", user_message_reference = 1 }, { to = "+491", text = long, long = "sar" },
        { to = "+491", text = long, long = "payload" }, { to = "+491", text = "x", tlvs = { { 0x1400, "x" } } },
      } do
        local sent, why, code = esme:send(message)
        assert.same({ nil, "bad_value" }, { sent, code })
        assert.truthy(why:find("3.3", 1, true), why)
      end
      assert.equal("bad_value", (select(3, esme:data_sm { destination_addr = "1" })))
      for _, pdu in ipairs(mc.pdus) do
        if pdu.command == "submit_sm" then assert.equal(0, #pdu:tlvs()) end
      end
      assert.has_error(function() connect { version = "3.3", bind = "trx" } end)
      esme:close()
      mc:close()
    end)
  end)

  it("5.0: congestion_state 100 is a pause, from 90 a smaller window; below 5.0 it means nothing", function()
    for _, version in ipairs { "5.0", "3.4" } do
      run(function(loop)
        local congestion = 95
        local mc = peer(loop, {
          bind_transceiver = function(session, pdu) session:answer(pdu, { sc_interface_version = version == "5.0" and 0x50 or 0x34 }) end,
          submit_sm = function(session, pdu)
            session.transport:write(assert(smpp.encode { command = "submit_sm_resp", sequence_number = pdu.sequence_number,
              message_id = "1", tlvs = { { 0x0428, string.char(congestion) } } }))
          end,
        })
        local esme = assert(connect { version = version, adaptive = { start = 8 } })
        submit(esme)
        assert.equal(version == "5.0" and 4 or 8, esme:stats().window)
        congestion = 200 -- is no congestion_state
        smpp.sleep(10)
        submit(esme)
        assert.equal(version == "5.0" and 4 or 8, esme:stats().window)
        congestion = 100
        local at = loop:now()
        submit(esme)
        submit(esme)
        assert.equal(version == "5.0" and 1 or 0, loop:now() - at)
        esme:close()
        mc:close()
      end)
    end
  end)
end)
