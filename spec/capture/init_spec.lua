local packets = require "spec.support.packets"
local pcap = require "smpp.capture"
local pdus = require "smpp.codec"
local util = require "spec.support.util"

local encode = pdus.encode

local function submit(n, text)
  return encode { command = "submit_sm", sequence_number = n, source_addr = "A", destination_addr = "4915100000", short_message = text or "hello" }
end
local function submit_resp(n) return encode { command = "submit_sm_resp", sequence_number = n, message_id = "m" .. n } end

local BIND = encode { command = "bind_transceiver", sequence_number = 1, system_id = "acme", password = "secret", interface_version = 0x34 }
local BIND_RESP = encode { command = "bind_transceiver_resp", sequence_number = 1, system_id = "mc" }

--- bind, two submits whose responses come in the other order.
local function conversation(o)
  return packets.conversation(o):handshake():send("esme", BIND):send("mc", BIND_RESP)
    :send("esme", submit(2) .. submit(3)):send("mc", submit_resp(3)):send("mc", submit_resp(2)):finish()
end

local function read(octets, options)
  local items = {}
  local summary, message, code = pcap.read(octets, function(item) items[#items + 1] = item end, options)
  return items, summary, message, code
end

local function names(items)
  local list = {}
  for i, item in ipairs(items) do
    list[i] = item.kind == "pdu" and item.pdu.command .. "#" .. ("%d"):format(item.pdu.sequence_number) or item.kind
  end
  return table.concat(list, " ")
end

local WHOLE = "bind_transceiver#1 bind_transceiver_resp#1 submit_sm#2 submit_sm#3 submit_sm_resp#3 submit_sm_resp#2"

describe("smpp.capture: files", function()
  for _, name in ipairs { "ethernet", "vlan", "loopback_le", "loopback_be", "loop", "raw", "cooked", "cooked2" } do
    for _, addresses in ipairs { { { "10.0.0.1", 40000 }, { "10.0.0.2", 2775 } }, { { "1", 40000 }, { "2", 2775 } } } do
      it(("are read through %s, %s"):format(name, addresses[1][1] == "1" and "IPv6" or "IPv4"), function()
        local list = conversation({ esme = addresses[1], mc = addresses[2] }).packets
        local items, summary = read(packets.pcap(list, { link = name }))
        assert.equal(WHOLE, names(items))
        assert.same({}, summary.skipped)
        local host = addresses[1][1] == "1" and "[2001:db8::1]" or "10.0.0.1"
        assert.equal(host .. ":40000", items[1].from)
        assert.equal(WHOLE, names((read(packets.pcapng(list, { link = name })))))
      end)
    end
  end

  for _, order in ipairs { "le", "be" } do
    it("keep their times, " .. order, function()
      local list = conversation().packets
      local forms = {
        packets.pcap(list, { order = order }), packets.pcap(list, { order = order, nano = true }),
        packets.pcapng(list, { order = order }), packets.pcapng(list, { order = order, resolution = 3 }),
        packets.pcapng(list, { order = order, resolution = 9 }),
      }
      for i, octets in ipairs(forms) do
        local items = read(octets)
        assert.equal(WHOLE, names(items))
        assert.near(1700000000.004, items[1].time, 1e-6, i)
        assert.near(0.002, items[6].latency_s, 2e-6, i)
      end
    end)
  end

  it("pcapng with clocks of their own, and with the packet blocks of old", function()
    for _, order in ipairs { "le", "be" } do
      for _, offset in ipairs { 3600, -3600, 0 } do
        local items = read(packets.pcapng(conversation().packets, { order = order, offset = offset, old = true }))
        assert.equal(WHOLE, names(items))
        assert.near(1700000000.004 + offset, items[1].time, 1e-5)
      end
    end
  end)

  it("through IPv6 extension headers, and of lengths that the network card fills in", function()
    local function one(s, host)
      local c = packets.conversation { esme = { host or "1", 40000 }, mc = { host or "2", 2775 } }
      s.payload = submit(2)
      c:packet("esme", s)
      local items, summary = read(packets.pcap(c.packets, { link = "raw" }))
      return names(items), summary.skipped
    end
    assert.equal("submit_sm#2", (one { protocol = 0, extension = "\6\0" .. ("\1"):rep(6) }))
    assert.equal("submit_sm#2", (one { protocol = 60, extension = "\43\1" .. ("\1"):rep(14) .. "\6\0" .. ("\1"):rep(6) }))
    assert.equal("submit_sm#2", (one { protocol = 51, extension = "\6\4" .. ("\0"):rep(22) }))
    assert.same({ ["IP fragments"] = 1 }, select(2, one { protocol = 44, extension = "\6\0\0\1\0\0\0\1" }))
    assert.same({ ["not TCP"] = 1 }, select(2, one { protocol = 0, extension = "\17\0" .. ("\1"):rep(6) }))
    assert.equal("submit_sm#2", (one({ total = 0 }, "10.0.0.1")))
  end)

  it("pcapng of simple packets has no times", function()
    local items = read(packets.pcapng(conversation().packets, { simple = true }))
    assert.equal(WHOLE, names(items))
    assert.equal(0, items[1].time)
  end)

  it("pcapng of two sections with different byte orders", function()
    local list = conversation().packets
    local items, summary = read(packets.pcapng(list, { order = "le" }) .. packets.pcapng(list, { order = "be" }))
    assert.equal(WHOLE .. " " .. WHOLE, names(items))
    assert.equal(2, summary.connections)
  end)

  it("that are none are said to be none", function()
    for octets, code in pairs { [""] = "truncated", ["\212\195\178"] = "truncated", ["hello world"] = "bad_value", ["\31\139\8\0"] = "bad_value" } do
      local _, summary, message, got = read(octets)
      assert.is_nil(summary)
      assert.is_string(message)
      assert.equal(code, got)
    end
    assert.is_true(pcap.is_capture(packets.pcap({})))
    assert.is_true(pcap.is_capture(packets.pcapng({})))
    assert.is_false(pcap.is_capture(BIND))
  end)

  it("count what is not TCP", function()
    local c = packets.conversation()
    c:packet("esme", { protocol = 17, payload = BIND })
    c:packet("esme", { fragment = 0x2000, payload = BIND })
    local _, summary = read(packets.pcap(c.packets))
    assert.same({ ["not TCP"] = 1, ["IP fragments"] = 1 }, summary.skipped)
    assert.equal(0, summary.pdus)
    _, summary = read((packets.pcap(c.packets):gsub("^(.......................)..", "%1\1")))
    assert.is_table(summary)
    local odd = packets.pcap(c.packets)
    _, summary = read(odd:sub(1, 20) .. "\147\0\0\0" .. odd:sub(25))
    assert.same({ ["unsupported link type 147"] = 2 }, summary.skipped)
  end)

  it("cut at every octet give the PDUs before the cut and a message", function()
    local list = conversation().packets
    local others = { 0, 2 } -- blocks before the packets, after the first
    for form, octets in ipairs { packets.pcap(list), packets.pcapng(list) } do
      local before, whole = 0, 0
      for length = 0, #octets - 1 do
        local items, summary, message = read(octets:sub(1, length))
        assert.is_true(summary ~= nil or type(message) == "string")
        assert.is_true(#items >= before)
        before = math.max(before, #items)
        assert.equal(1, (WHOLE:find(names(items), 1, true)) or 0)
        if summary and not summary.problem then whole = whole + 1 end
      end
      assert.equal(6, before)
      assert.equal(#list + others[form], whole) -- cuts between packets
    end
  end)

  it("survive any octets anywhere", function()
    local seed = 20240711
    local random = util.random(seed)
    local list = conversation().packets
    local forms = { packets.pcap(list), packets.pcapng(list), packets.pcap(list, { link = "cooked2" }) }
    for round = 1, 1500 do
      local octets = forms[random(#forms)]
      for _ = 1, random(4) do
        local at = random(#octets)
        octets = octets:sub(1, at - 1) .. string.char(random(256) - 1) .. octets:sub(at + 1)
      end
      local ok, err = pcall(read, octets)
      assert.is_true(ok, ("seed %d round %d: %s"):format(seed, round, tostring(err)))
    end
  end)
end)

describe("smpp.capture: TCP reassembly", function()
  it("joins PDUs cut anywhere", function()
    local stream = submit(2) .. submit(3)
    for size = 1, #stream do
      local c = packets.conversation():handshake():send("esme", stream, size)
      assert.equal("submit_sm#2 submit_sm#3", names((read(packets.pcap(c.packets)))), size)
    end
  end)

  it("takes sequence numbers that wrap", function()
    for _, start in ipairs { 4294967295, 4294967290, 4294967200 } do
      local c = packets.conversation { seq = start }
      c:handshake():send("esme", submit(2) .. submit(3), 10)
      assert.equal("submit_sm#2 submit_sm#3", names((read(packets.pcap(c.packets)))), start)
    end
  end)

  it("drops what comes twice, whole or in part", function()
    local stream, c = submit(2) .. submit(3), packets.conversation():handshake()
    local base = c.seq.esme
    c:packet("esme", { seq = base, payload = stream:sub(1, 50) })
    c:packet("esme", { seq = base, payload = stream:sub(1, 50) })
    c:packet("esme", { seq = base + 20, payload = stream:sub(21, 70) })
    c:packet("esme", { seq = base + 10, payload = stream:sub(11, 40) })
    c:packet("esme", { seq = base + 69, payload = stream:sub(70, 70) }) -- keeps the line alive
    c:packet("esme", { seq = base, payload = stream })
    local items, summary = read(packets.pcap(c.packets))
    assert.equal("submit_sm#2 submit_sm#3", names(items))
    assert.equal(2, summary.retransmissions)
    assert.equal(0, summary.missing_octets)
  end)

  it("sorts what comes in any order (1000 shuffles)", function()
    local seed = 7
    local random = util.random(seed)
    local stream = submit(2) .. submit(3) .. submit(4, ("x"):rep(100))
    for round = 1, 1000 do
      local c = packets.conversation { seq = 4294967295 - random(300) }
      c:handshake()
      local base, pieces, at = c.seq.esme, {}, 1
      while at <= #stream do
        local size = random(60)
        pieces[#pieces + 1] = { at, stream:sub(at, at + size - 1) }
        at = at + math.max(1, size - random(10) + 1) -- some overlap
      end
      for i = #pieces, 2, -1 do
        local k = random(i)
        pieces[i], pieces[k] = pieces[k], pieces[i]
      end
      for _, piece in ipairs(pieces) do c:packet("esme", { seq = (base + piece[1] - 1) % 4294967296, payload = piece[2] }) end
      assert.equal("submit_sm#2 submit_sm#3 submit_sm#4", names((read(packets.pcap(c.packets)))),
        ("seed %d round %d"):format(seed, round))
    end
  end)

  it("tells interleaved connections apart", function()
    local list, ways = {}, {}
    for i = 1, 5 do ways[i] = packets.conversation { esme = { "10.0.0.9", 40000 + i }, into = list }:handshake() end
    for n = 1, 4 do
      local octets = submit(n)
      for at = 1, #octets, 20 do
        for i = 1, 5 do ways[i]:send("esme", octets:sub(at, at + 19)) end
      end
    end
    for n = 4, 1, -1 do
      for i = 1, 5 do ways[i]:send("mc", submit_resp(n)) end
    end
    local items, summary = read(packets.pcap(list))
    assert.equal(5, summary.connections)
    assert.equal(40, summary.pdus)
    assert.same({}, summary.unanswered)
    for _, item in ipairs(items) do
      assert.is_true((item.from .. item.to):find(":" .. 40000 + item.connection, 1, true) ~= nil)
    end
  end)

  it("begins anew when the ports are used again", function()
    local list = {}
    conversation { into = list }
    conversation { into = list, seq = 777 }
    local items, summary = read(packets.pcap(list))
    assert.equal(WHOLE .. " " .. WHOLE, names(items))
    assert.equal(2, summary.connections)
    assert.same({}, summary.unanswered)
  end)

  it("goes on behind a hole", function()
    local c = packets.conversation():handshake():send("esme", submit(2))
    c.seq.esme = c.seq.esme + 30 -- not captured
    c:send("esme", ("garbage"):rep(3) .. submit(4))
    for n = 5, 40 do c:send("esme", submit(n)):send("mc", submit_resp(n)) end
    local items, summary = read(packets.pcap(c.packets))
    assert.equal(30, summary.missing_octets)
    local text = names(items):gsub("submit_sm_resp#%d+ ?", "")
    assert.equal(1, (text:find("submit_sm#2 missing skipped submit_sm#4 submit_sm#5", 1, true)))
    for _, item in ipairs(items) do
      if item.kind == "skipped" then assert.equal("truncated PDU: the capture has only a part of it", item.reason) end
    end
    assert.equal("submit_sm_resp#40", names(items):match("%S+$"))
    assert.equal(3, summary.unasked) -- what came before the hole was given up
  end)

  it("reads captures that begin in the middle", function()
    local c = packets.conversation()
    c:send("esme", submit(2):sub(20) .. submit(3)):send("mc", submit_resp(2):sub(9) .. submit_resp(3))
    local items, summary = read(packets.pcap(c.packets))
    assert.equal("skipped submit_sm#3 submit_sm_resp#3", names(items):gsub("skipped submit_sm_resp#3$", "submit_sm_resp#3"))
    assert.equal(1, summary.latency.submit_sm.count)
  end)

  it("of packets that were cut by the snapshot length", function()
    local c = packets.conversation():handshake():send("esme", submit(2, ("long "):rep(40))):send("esme", submit(3))
      :send("mc", submit_resp(3))
    local items, summary = read(packets.pcap(c.packets, { snap = 130 }))
    assert.equal("cut missing submit_sm#3 submit_sm_resp#3", names(items):gsub("skipped ", ""))
    assert.is_true(summary.missing_octets > 100)
  end)

  it("lasts as long as an RST lets it", function()
    local c = packets.conversation():handshake():send("esme", submit(2))
    c:packet("mc", { rst = true })
    local items, summary = read(packets.pcap(c.packets))
    assert.equal("submit_sm#2", names(items))
    assert.equal(1, #summary.unanswered)
  end)
end)

describe("smpp.capture: requests and responses", function()
  it("finds what a response answers, and how long it took", function()
    local items, summary = read(packets.pcap(conversation().packets))
    assert.equal(items[4].pdu, items[5].request.pdu)
    assert.equal(items[3].pdu, items[6].request.pdu)
    assert.near(0.001, items[5].latency_s, 1e-5)
    assert.near(0.002, items[6].latency_s, 1e-5)
    assert.equal(2, summary.latency.submit_sm.count)
    assert.near(0.001, summary.latency.submit_sm.median_s, 1e-5)
    assert.near(0.002, summary.latency.submit_sm.max_s, 1e-5)
  end)

  it("of numbers that both sides, or one side twice, use", function()
    local link_test = encode { command = "enquire_link", sequence_number = 2 }
    local c = packets.conversation():handshake()
      :send("esme", submit(2) .. submit(2)):send("mc", link_test):send("esme", link_test)
      :send("mc", submit_resp(2)):send("mc", submit_resp(2)):send("mc", encode { command = "enquire_link_resp", sequence_number = 2 })
      :send("esme", encode { command = "generic_nack", sequence_number = 2, status = "ESME_RINVCMDID" })
    local items, summary = read(packets.pcap(c.packets))
    assert.equal(items[1], items[5].request)
    assert.equal(items[2], items[6].request)
    assert.equal(items[4], items[7].request)
    assert.equal(items[3], items[8].request)
    assert.same({}, summary.unanswered)
    assert.equal(0, summary.unasked)
  end)

  it("lists requests without response and responses without request", function()
    local c = packets.conversation():handshake():send("esme", submit(2)):send("mc", submit_resp(9)):finish()
    local items, summary = read(packets.pcap(c.packets))
    assert.equal(1, #summary.unanswered)
    assert.equal(items[1], summary.unanswered[1])
    assert.equal(1, summary.unasked)
  end)
end)

describe("smpp.capture: a long connection", function()
  it("forgets requests that were answered, and keeps those that were not", function()
    local c = packets.conversation():handshake()
    for n = 1, 2500 do
      c:send("esme", submit(n, "x"))
      if n ~= 5 and n ~= 2400 then c:send("mc", submit_resp(n)) end
    end
    local _, summary = read(packets.pcap(c.packets))
    assert.equal(2498, summary.latency.submit_sm.count)
    assert.equal(0, summary.unasked)
    local open = {}
    for i, item in ipairs(summary.unanswered) do open[i] = item.pdu.sequence_number end
    assert.same({ 5, 2400 }, open)
  end)
end)

describe("smpp.capture: what is not SMPP", function()
  it("is told of on SMPP's port, and no word elsewhere", function()
    local http = "GET / HTTP/1.1\r\nHost: example\r\n\r\n"
    local on = packets.conversation():handshake():send("esme", http):send("esme", http)
    local items = read(packets.pcap(on.packets))
    assert.equal("skipped", names(items))
    assert.equal("HTTP", items[1].reason)
    local off = packets.conversation { mc = { "10.0.0.2", 80 } }:handshake():send("esme", http)
    local summary
    items, summary = read(packets.pcap(off.packets))
    assert.same({}, items)
    assert.equal(1, summary.other_connections)
  end)

  it("SMPP on another port is found, and ports narrow it", function()
    local list = {}
    conversation { into = list, mc = { "10.0.0.2", 9000 } }
    conversation { into = list, mc = { "10.0.0.2", 9001 } }
    local octets = packets.pcap(list)
    assert.equal(WHOLE .. " " .. WHOLE, names((read(octets))))
    local items, summary = read(octets, { ports = { [9001] = true } })
    assert.equal(WHOLE, names(items))
    assert.equal("10.0.0.2:9001", items[1].to)
    assert.equal(1, summary.connections)
  end)

  it("in the midst of SMPP is told of, and SMPP found again", function()
    local c = packets.conversation():handshake():send("esme", submit(2) .. ("?"):rep(40) .. submit(3))
    assert.equal("submit_sm#2 skipped submit_sm#3", names((read(packets.pcap(c.packets)))))
    -- octets that have the length of a PDU, and nothing else of one
    c = packets.conversation():handshake():send("esme", submit(2) .. "?????" .. ("\0\0\0\20junk"):rep(4) .. submit(3))
    assert.equal("submit_sm#2 skipped submit_sm#3", names((read(packets.pcap(c.packets)))))
  end)
end)
