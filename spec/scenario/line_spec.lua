local scenarios = require "spec.support.scenarios"
local smpp = require "smpp"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

describe("smpp.scenario.line", function()
  it("writes octets, PDUs and lists of both, cut anywhere", on_both(function(t)
    local peer = t:peer { listen = true }
    local other = t:peer { peer }
    local pdu = smpp.encode { command = "enquire_link", sequence_number = 7 }
    other:write { "ab", { command = "enquire_link", sequence_number = 7 }, "c" }
    t:equal(peer:read(2), "ab")
    t:equal(peer:read_pdu().sequence_number, 7)
    t:equal(peer:read(1), "c")
    other:write(pdu, { split = { 4, 3 }, raw = {} })
    t:equal(peer:read(16), pdu)
    local began = t:now()
    other:write("abcd", { every_s = 0.02 })
    t:check(t:now() - began >= 0.05)
    t:equal(peer:read(4), "abcd")
    other:write({ command = "enquire_link" }, { raw = { command_length = 3, sequence_number = 0xFFFFFFFF } })
    t:equal(peer:read(16), "\0\0\0\3\0\0\0\21\0\0\0\0\255\255\255\255")
  end))

  it("delivers each piece on its own", passes(function(t)
    local pieces = {}
    t:equal(t.clock, "virtual")
    local peer = t:peer { listen = true }
    local other = t:peer { peer }
    other:write ""
    local line = peer:session()
    local on_data = line.on_data
    line.on_data = function(self, octets)
      pieces[#pieces + 1] = octets
      return on_data(self, octets)
    end
    other:write("abcdef", { split = { 1, 2 } })
    t:pause(0.1)
    t:equal(pieces, { "a", "bc", "def" })
  end))

  it("sees how the other side ends it", on_both(function(t)
    local smsc = t:smsc()
    local closes, resets = t:peer { smsc }, t:peer { smsc }
    closes:write ""
    resets:write ""
    smsc:session(2)
    resets:reset()
    t:equal(smsc:expect_closed(), "reset")
    closes:close()
    t:equal(smsc:expect_closed(), "closed")
    local half = t:peer { smsc }
    half:half_close()
    t:equal(smsc:session(3):expect_closed(), "closed")
  end))

  it("fails when the end does not come, or octets come that must not", function()
    fails("expect", "expected the end of the connection, it is open after 2 s", function(t)
      local smsc = t:smsc()
      t:peer { smsc }:write ""
      smsc:session():expect_closed(2)
    end, nil, 3)
    fails("never", "expected silence for 2 s, 3 octets came", function(t)
      local smsc = t:smsc()
      local peer = t:peer { smsc }
      t:go(function()
        t:pause(1)
        peer:write "abc"
      end)
      smsc:session():expect_silence(2)
    end, nil, 7)
    fails("expect", "expected 4 octets, got 2 within 1 s", function(t)
      local peer = t:peer { listen = true }
      t:peer { peer }:write "ab"
      peer:read(4, 1)
    end)
    fails("expect", "expected a PDU, got a command_length of 3", function(t)
      local peer = t:peer { listen = true }
      t:peer { peer }:write "\0\0\0\3"
      peer:read_pdu()
    end)
  end)

  it("stalls and resumes", on_both(function(t)
    local peer = t:peer { listen = true }
    local other = t:peer { peer }
    other:write "a"
    t:equal(peer:read(1), "a")
    peer:stall()
    other:write "b"
    peer:expect_silence(0.1)
    peer:resume()
    t:equal(peer:read(1), "b")
  end))

  it("refuses what cannot be written", function()
    fails("script", "unknown command 'bind_trx'", function(t)
      local smsc = t:smsc()
      t:esme { smsc, "a:b", scripted = true }:send "bind_trx"
    end)
    fails("script", "no such parameter", function(t)
      local smsc = t:smsc()
      t:esme { smsc, "a:b", scripted = true }:send("unbind", { message_id = "1" })
    end)
    fails("script", "expected octets, a PDU or a list", function(t) t:peer { t:smsc() }:write(7) end)
  end)
end)
