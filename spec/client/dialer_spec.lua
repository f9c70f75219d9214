local dialer = require "smpp.client.dialer"
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer = world.run, world.peer

local HOST = { host = "127.0.0.1", port = 2775 }

local function options(loop, o)
  local list = { loop = loop, system_id = "me", password = "secret", bind = "trx", version = 0x34, window = 10, bind_timeout_s = 5, response_timeout_s = 5 }
  for name, value in pairs(o or {}) do list[name] = value end
  return list
end

describe("smpp.client.dialer", function()
  it("connects and binds", function()
    run(function(loop)
      local mc = peer(loop)
      local made
      local session = assert(dialer.open(options(loop, { bind = "rx" }), HOST, { made = function(s) made = s end }))
      assert.equal(made, session)
      assert.equal("BOUND_RX", session.state)
      session:close()
      mc:close()
    end)
  end)

  it("leaves a session open that is not to bind", function()
    run(function(loop)
      local mc = peer(loop)
      local session = assert(dialer.open(options(loop, { bind = false }), HOST, {}))
      assert.equal("OPEN", session.state)
      session:close()
      mc:close()
    end)
  end)

  it("says what to check when the bind is refused", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session, pdu) session:answer(pdu, { status = "ESME_RBINDFAIL" }) end })
      for password, note in pairs { ["secret "] = "white space", ["123456789"] = "8 octets" } do
        local session, message, code = dialer.open(options(loop, { password = password }), HOST, {})
        assert.is_nil(session)
        assert.equal("ESME_RBINDFAIL", code)
        assert.matches("^127%.0%.0%.1:2775", message)
        assert.matches(note, message)
        assert.is_nil(message:find(password, 1, true))
      end
      mc:close()
    end)
  end)

  it("ends in time where nobody answers: no listener, no connection, no bind_resp", function()
    run(function(loop)
      assert.equal("connect_failed", (select(3, dialer.open(options(loop), HOST, {}))))
      loop:blackhole("127.0.0.1", 2775)
      local started = loop:now()
      assert.equal("connect_failed", (select(3, dialer.open(options(loop), HOST, {}))))
      assert.equal(5, loop:now() - started)
      loop:blackhole("127.0.0.1", 2775, false)
      local mc = peer(loop, { bind_transceiver = function() end })
      assert.equal("timeout", (select(3, dialer.open(options(loop), HOST, {}))))
      mc:close()
    end)
  end)

  it("is cancelled at any moment, and leaves nothing behind", function()
    for _, after in ipairs { 0, 1, 3 } do -- connecting, the handshake, the bind
      run(function(loop)
        loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = 1, 1 end)
        local mc = peer(loop, { bind_transceiver = function() end })
        local attempt, code = {}, nil
        smpp.spawn(function() code = select(3, dialer.open(options(loop, { bind_timeout_s = 100 }), HOST, attempt)) end)
        smpp.sleep(after)
        attempt.cancel()
        smpp.sleep(10)
        assert.is_true(code == "closed" or code == "connection_lost" or code == "not_sent", tostring(code))
        assert.is_nil(attempt.cancel)
        mc:close()
      end)
    end
  end)
end)
