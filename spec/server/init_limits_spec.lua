local mc = require "spec.support.mc"
local util = require "spec.support.util"

local unhex = util.unhex

--- A connected transport that does not read, and what it has written so far arrives.
local function silent(w)
  local transport = w:transport()
  transport:pause()
  return transport
end

describe("smpp.server: limits", function()
  it("closes what does not bind in time", function()
    mc.world(function(w)
      local server = w:server { bind_timeout_s = 7 }
      local esme = w:esme()
      w:sleep(6.9)
      assert.equal(1, server.connections.count)
      w:sleep(0.2)
      assert.equal(0, server.connections.count)
      assert.is_true(esme.closed)
      server:close()
    end)
  end)

  it("closes who stalls inside a PDU, or sends an octet a minute", function()
    mc.world(function(w)
      local server = w:server { pdu_read_s = 10, bind_timeout_s = 0 }
      local transport = w:transport()
      local closed
      transport:start(function() end, function() closed = w.loop:now() end)
      transport:write(unhex "0000002f 00000009 00000000 00000001 61")
      local octet_at = w.loop:now()
      for _ = 1, 3 do
        w:sleep(4)
        transport:write "a"
      end
      w:sleep(1)
      assert.near(octet_at + 10, closed, 0.1)
      transport:close()
      assert.equal(0, server.connections.count)
      server:close()
    end)
  end)

  it("closes who answers no enquire_link, and unbinds who does nothing where inactivity_s says so", function()
    mc.world(function(w)
      local server = w:server { enquire_link_s = 30, enquire_link_response_s = 10, inactivity_s = 300 }
      local reason
      server:on("closed", function(_, why) reason = why end)
      local transport = w:transport()
      transport:start(function() end, function() end)
      transport:write(require("smpp.codec").encode { command = "bind_transceiver", sequence_number = 1, system_id = "x", interface_version = 0x34 })
      w:sleep(39)
      assert.equal(1, #server.sessions)
      w:sleep(2)
      assert.equal(0, #server.sessions)
      assert.equal("no enquire_link_resp in time", reason)
      transport:close()
      local esme = w:bind {}
      w:sleep(299)
      assert.is_false(esme.closed)
      w:sleep(3)
      assert.is_true(esme.closed)
      assert.equal("inactivity", reason)
      server:close()
    end)
  end)

  it("keeps an ESME that only gets enquire_links, or only sends them", function()
    for _, o in ipairs { { type = "receiver" }, { type = "receiver", enquire_link_s = 10 }, {} } do
      mc.world(function(w)
        local server = w:server {}
        local esme = w:bind(o)
        w:sleep(6 * 3600)
        assert.same({ false, 1 }, { esme.closed, #server.sessions })
        server:close()
      end)
    end
  end)

  it("takes so many connections, and so many of one address, and says so once in a while", function()
    mc.world(function(w)
      local server = w:server { max_connections = 3 }
      local esmes = {}
      for i = 1, 3 do esmes[i] = w:bind {} end
      for _ = 1, 50 do
        local _, _, code = w:bind {}
        assert.equal("connection_lost", code)
      end
      assert.equal(1, #w.errors)
      assert.matches("refused: max_connections 3$", w.errors[1])
      w:sleep(11)
      w:bind {}
      assert.matches("51 refused so far", w.errors[2])
      esmes[1]:unbind()
      assert.is_truthy(w:bind {})
      server:close()
    end)
    mc.world(function(w)
      local server = w:server { max_connections_per_address = 2 }
      local one, two = w:bind {}, w:bind {}
      assert.is_nil((w:bind {}))
      assert.equal(2, server.connections.count)
      one:unbind()
      two:unbind()
      w:sleep(0.1)
      assert.same({}, server.connections.per_address)
      assert.is_truthy(w:bind {})
      server:close()
    end)
    mc.world(function(w) -- an IPv6 network is one
      local server = w:server { max_connections_per_address = 2, proxy_protocol = true }
      local transports = {}
      for i = 1, 3 do
        transports[i] = w:transport()
        transports[i]:start(function() end, function() end)
        transports[i]:write(("PROXY TCP6 2001:db8::%d ::1 1 1\r\n"):format(i))
      end
      w:sleep(0.1)
      assert.same({ ["2001:db8:0:0::/64"] = 2 }, server.connections.per_address)
      for i = 1, 3 do transports[i]:close() end
      w:sleep(0.1)
      assert.same({}, server.connections.per_address)
      server:close()
    end)
  end)

  it("answers ESME_RTHROTTLED above max_unanswered, and holds no more than that", function()
    mc.world(function(w)
      local server = w:server { max_unanswered = 20, submit_sm = function() w:sleep(5) end }
      local esme, codes = w:bind {}, {}
      for _ = 1, 50 do
        esme:submit_sm({ destination_addr = "1" }, function(response, _, code)
          code = response and "ok" or code
          codes[code] = (codes[code] or 0) + 1
        end)
      end
      w:sleep(6)
      assert.same({ ok = 20, ESME_RTHROTTLED = 30 }, codes)
      server:close()
    end)
  end)

  it("does not read from who does not read, and forgets it in the end", function()
    mc.world(function(w)
      local links = {}
      w.loop:on_link(function(link) links[#links + 1] = link end)
      local server = w:server { submit_sm = function() return ("x"):rep(60) end }
      local transport = silent(w)
      transport:write(require("smpp.codec").encode { command = "bind_transceiver", sequence_number = 1, system_id = "x", interface_version = 0x34 })
      local submit = require("smpp.codec").encode { command = "submit_sm", sequence_number = 2, destination_addr = "1", short_message = "x" }
      for _ = 1, 40 do
        transport:write(submit:rep(2000)) -- answers of 6 MB, were they written
        w:sleep(0.1)
      end
      local session = server.sessions[1]
      assert.is_true(session.transport:pending() < 600000, session.transport:pending())
      assert.is_true(session:info().memory_octets < 300000)
      w:sleep(45)
      assert.equal(0, #server.sessions)
      transport:close()
      server:close()
      assert.equal(1, #links)
    end)
  end)

  it("has so many handlers that wait, over all sessions, and no more", function()
    mc.world(function(w)
      local server = w:server { max_unanswered_in_all = 5, answer_timeout_s = 20, submit_sm = function(_, pdu)
        if pdu.short_message == "quick" then return "1" end
        w:sleep(pdu.short_message == "long" and 100 or 10)
        if pdu.short_message == "fails" then error "on purpose" end
        return "1"
      end }
      local codes, esmes = {}, {}
      local function submit(esme, text)
        esme:submit_sm({ destination_addr = "1", short_message = text }, function(_, _, code) table.insert(codes, code or "ok") end)
      end
      for i = 1, 4 do
        esmes[i] = assert(w:bind())
        submit(esmes[i], i == 1 and "fails" or "x")
        submit(esmes[i], i == 2 and "long" or "x")
      end
      w:sleep(1)
      assert.same({ "ESME_RTHROTTLED", "ESME_RTHROTTLED", "ESME_RTHROTTLED" }, codes)
      assert.equal(5, server.load.count)
      submit(esmes[1], "quick")
      w:sleep(1)
      assert.equal("ESME_RTHROTTLED", codes[4])
      w:sleep(10)
      assert.equal(1, server.load.count) -- answered, failed
      submit(esmes[1], "quick")
      w:sleep(10)
      assert.equal("ESME_RSYSERR ESME_RSYSERR ESME_RTHROTTLED ESME_RTHROTTLED ESME_RTHROTTLED ESME_RTHROTTLED ok ok ok ok", (function()
        table.sort(codes)
        return table.concat(codes, " ")
      end)())
      assert.equal(0, server.load.count) -- answered for its handler
      for _ = 1, 3 do submit(esmes[3], "x") end
      w:sleep(1)
      assert.equal(3, server.load.count)
      esmes[3]:close()
      w:sleep(1)
      assert.equal(0, server.load.count) -- gone
      w:sleep(100)
      assert.equal(0, server.load.count)
      assert.equal(3, #w.errors)
      assert.matches("^session .*: the handler of submit_sm failed", w.errors[1])
      assert.matches("did not answer within 20 s %(answer_timeout_s%): answered with ESME_RSYSERR", w.errors[2])
      assert.matches("%(after 100 s%): message_id '1' was dropped, ESME_RSYSERR had been sent", w.errors[3])
      server:close()
    end)
  end)

  it("keeps less for one that is not bound", function()
    mc.world(function(w)
      w.loop:on_link(function(link) link.b_to_a.capacity = 1024 end) -- what the systems keep
      local server = w:server { bind_timeout_s = 60 }
      local transport = silent(w)
      local ask = require("smpp.codec").encode { command = "enquire_link", sequence_number = 1 }
      for _ = 1, 40 do
        transport:write(ask:rep(64)) -- a KB
        w:sleep(0.1)
      end
      local session = server.connections:list()[1]
      local most = session.transport:pending()
      assert.is_true(most > 4096 and most < 4096 + 1100, most)
      transport:start(function() end, function() end)
      transport:resume()
      w:sleep(1)
      assert.same({ 0, true }, { session.transport:pending(), session.reading.is_on })
      transport:close()
      server:close()
    end)
  end)

  it("refuses PDUs above max_pdu_octets before it keeps them", function()
    mc.world(function(w)
      local server = w:server { max_pdu_octets = 1000 }
      local answer, closed = w:talk(unhex "000003e9 00000004 00000000 00000007" .. ("x"):rep(300))
      assert.equal("00000010800000000000000200000007", util.hex(answer))
      assert.is_true(closed)
      assert.matches("above the limit", w.errors[1])
      server:close()
    end)
  end)

  it("keeps little of one who has not bound", function()
    mc.world(function(w)
      local server = w:server { submit_sm = function() return "1" end }
      local encode = require("smpp.codec").encode
      local submit = encode { command = "submit_sm", sequence_number = 7, destination_addr = "1", message_payload = ("x"):rep(5000) }
      local answer, closed = w:talk(submit)
      assert.same({ "00000010800000000000000200000007", true }, { util.hex(answer), closed })
      answer, closed = w:talk(encode { command = "submit_sm", sequence_number = 7, destination_addr = "1", message_payload = ("x"):rep(4000) })
      assert.same({ "00000010800000040000000400000007", false }, { util.hex(answer), closed })
      answer = w:talk(encode { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 } .. submit)
      assert.equal("1\0", answer:sub(-2))
      server:close()
    end)
  end)

  it("names TLS on the plain port, and answers nothing", function()
    mc.world(function(w)
      local server = w:server {}
      local answer, closed = w:talk(unhex("16 03 01 02 00 01 00 01 fc 03 03" .. (" ab"):rep(60)))
      assert.same({ "", true }, { answer, closed })
      assert.matches("TLS ClientHello on the plain port", w.errors[1])
      server:close()
    end)
  end)

  it("says what came when it was no SMPP, and answers with one generic_nack and the end", function()
    for _, case in ipairs {
      { "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 'looks like HTTP.*"GET / HTTP/1%.1' },
      { ("\255"):rep(100), "above the limit.*ff ff ff ff" }, { unhex "0000000f 00000004", "below 16.*00 00 00 0f" },
      { ("\0"):rep(64), "below 16.*00 00 00 00" }, { "SSH-2.0-OpenSSH_9.2\r\n", "SSH%-2%.0" },
    } do
      mc.world(function(w)
        local server = w:server {}
        local answer, closed = w:talk(case[1])
        assert.equal("0000001080000000000000", util.hex(answer):sub(1, 22), case[1])
        assert.equal(16, #answer)
        assert.is_true(closed)
        assert.equal(1, #w.errors)
        assert.matches("127%.0%.0%.1:%d+ OPEN: malformed SMPP data %(.*%); closing the connection", w.errors[1])
        assert.matches(case[2], w.errors[1])
        server:close()
      end)
    end
  end)

  it("shows nobody the password in what was no SMPP", function()
    local bind = require("smpp.codec").encode {
      command = "bind_transceiver", sequence_number = 1, system_id = "acme", password = "geheim12", interface_version = 0x34,
    }
    for length = 0, 100 do -- wrong ones, and the right one before garbage
      mc.world(function(w)
        local server = w:server { accounts = { acme = "other" }, profile = length % 2 == 0 and "strict" or { tolerate = { unterminated = true } } }
        w:talk("\0\0\0" .. string.char(length) .. bind:sub(5) .. "\255" .. bind)
        w:talk("\0\255\0\0" .. bind:sub(5))
        assert.is_true(#w.errors >= 1)
        for _, message in ipairs(w.errors) do
          for cut = 1, 5 do assert.is_nil(message:find(("geheim12"):sub(cut, cut + 3), 1, true), message) end
        end
        server:close()
      end)
    end
  end)

  it("goes on when a listener of its events fails", function()
    mc.world(function(w)
      local server = w:server { submit_sm = function() return "1" end }
      server:on("session", function() error "in a listener" end)
      local esme = w:bind {}
      assert.is_truthy(esme:submit_sm { destination_addr = "1" })
      assert.matches("in a listener", w.errors[1])
      server:close()
    end)
  end)
end)
