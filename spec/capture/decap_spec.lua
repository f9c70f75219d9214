local decap = require "smpp.capture.decap"
local packets = require "spec.support.packets"

local links = packets.links

local SEGMENT = {
  from = { "10.0.0.1", 40000 }, to = { "192.0.2.255", 2775 }, seq = 4294967295, ack = true, syn = true, payload = "payload",
}

--- The segment in an IP packet that packets.ip(fields) makes, under a link layer.
local function of(link, fields)
  local s = {}
  for name, value in pairs(SEGMENT) do s[name] = value end
  for name, value in pairs(fields or {}) do s[name] = value end
  s.ack = s.ack and 7
  local ip = packets.ip(s)
  local segment, reason = decap.segment { link = links[link][1], octets = links[link][2](ip) }
  return segment, reason, ip
end

local function why(link, octets) return select(2, decap.segment { link = link, octets = octets }) end

describe("smpp.capture.decap", function()
  it("finds the segment under every link layer", function()
    for link in pairs(links) do
      local segment = assert(of(link))
      assert.same({ "10.0.0.1", 40000, "192.0.2.255", 2775, 4294967295, 7, "payload", 0 }, {
        segment.source, segment.source_port, segment.destination, segment.destination_port, segment.seq, segment.ack, segment.payload, segment.cut,
      }, link)
    end
  end)

  it("reads each flag of the TCP header", function()
    for _, flag in ipairs { "syn", "fin", "rst" } do
      local segment = assert(of("raw", { syn = false, [flag] = true }))
      for _, other in ipairs { "syn", "fin", "rst" } do assert.equal(other == flag, segment[other], flag .. " " .. other) end
    end
    assert.is_nil(assert(of("raw", { ack = false })).ack)
  end)

  it("does not take padding of the link for payload, nor options for it", function()
    assert.equal("", assert(of("ethernet", { payload = "" })).payload)
    assert.equal("x", assert(of("raw", { payload = "x", options = ("\1"):rep(40) })).payload)
  end)

  it("tells how much of the payload was not captured", function()
    local _, _, ip = of("raw")
    local segment = decap.segment { link = 101, octets = ip:sub(1, -4) }
    assert.same({ "payl", 3 }, { segment.payload, segment.cut })
  end)

  it("writes IPv6 addresses as people do", function()
    local function address(groups)
      local octets = ""
      for group in groups:gmatch "%S+" do octets = octets .. packets.be16(tonumber(group, 16)) end
      local tcp = packets.ip({ from = { "1.1.1.1", 1 }, to = { "1.1.1.1", 2 }, seq = 0, payload = "" }):sub(21)
      return decap.segment({ link = 101, octets = "\96\0\0\0" .. packets.be16(#tcp) .. "\6\64" .. octets .. octets .. tcp }).source
    end
    for groups, text in pairs {
      ["2001 db8 0 0 0 0 0 1"] = "2001:db8::1", ["0 0 0 0 0 0 0 0"] = "::", ["0 0 0 0 0 0 0 1"] = "::1", ["1 0 0 0 0 0 0 0"] = "1::",
      ["1 0 0 2 0 0 0 3"] = "1:0:0:2::3", ["1 0 2 3 4 5 6 7"] = "1:0:2:3:4:5:6:7", ["fe80 1 2 3 4 5 6 abcd"] = "fe80:1:2:3:4:5:6:abcd",
    } do assert.equal(text, address(groups)) end
  end)

  it("finds the segment behind IPv6 extension headers", function()
    local extension = "\60\0" .. ("\0"):rep(6) .. "\6\1" .. ("\0"):rep(14) -- routing, then destination options
    local segment = assert(of("raw", { from = { "1", 1 }, to = { "2", 2 }, protocol = 43, extension = extension }))
    assert.equal("payload", segment.payload)
    assert.equal("2001:db8::1", segment.source)
  end)

  it("says what holds no segment", function()
    assert.equal("not TCP", select(2, of("raw", { protocol = 17 })))
    assert.equal("not TCP", select(2, of("raw", { from = { "1", 1 }, to = { "2", 2 }, protocol = 17 })))
    assert.equal("IP fragments", select(2, of("raw", { fragment = 1 })))
    assert.equal("IP fragments", select(2, of("raw", { from = { "1", 1 }, to = { "2", 2 }, protocol = 44 })))
    assert.equal("not TCP", why(1, ("\2"):rep(12) .. "\8\6arp")) -- ARP
    assert.equal("not TCP", why(0, "\1\0\0\0x"))
    assert.matches("147", why(147, ""))
  end)

  it("never takes the beginning of a packet for more than it is", function()
    for link in pairs(links) do
      local s = { from = { "10.0.0.1", 1 }, to = { "10.0.0.2", 2 }, seq = 1, payload = "payload" }
      local octets = links[link][2](packets.ip(s))
      for length = 0, #octets do
        local segment, reason = decap.segment { link = links[link][1], octets = octets:sub(1, length) }
        assert.is_true(segment ~= nil or type(reason) == "string")
        if segment then assert.equal(7, #segment.payload + segment.cut) end
      end
    end
  end)

  it("looks into tunnels, cut anywhere", function()
    for name, wrap in pairs(packets.tunnels) do
      local octets = wrap(packets.ip { from = { "10.0.0.1", 7 }, to = { "10.0.0.2", 2775 }, seq = 1, payload = "payload" })
      local segment = assert(decap.segment { link = 1, octets = octets }, name)
      assert.same({ "10.0.0.1", 7, "10.0.0.2", 2775, "payload", 0 }, { segment.source, segment.source_port, segment.destination,
        segment.destination_port, segment.payload, segment.cut }, name)
      for length = 0, #octets - 1 do
        local cut, reason = decap.segment { link = 1, octets = octets:sub(1, length) }
        assert.is_true(cut ~= nil and #cut.payload + cut.cut == 7 or type(reason) == "string", name)
      end
    end
  end)

  it("gives up tunnels in tunnels without end", function()
    local ip = packets.ip { from = { "10.0.0.1", 7 }, to = { "10.0.0.2", 2775 }, seq = 1 }
    for _ = 1, 20 do ip = packets.tunnels["ip in ip"](ip):sub(15) end
    assert.equal("not TCP", why(101, ip))
  end)

  it("refuses headers whose lengths contradict one another", function()
    local _, _, ip = of("raw")
    assert.is_nil((decap.segment { link = 101, octets = "\65" .. ip:sub(2) })) -- an IP header of 4 octets
    assert.is_nil((decap.segment { link = 101, octets = ip:sub(1, 2) .. "\0\10" .. ip:sub(5) })) -- in all 10 octets
    assert.is_nil((decap.segment { link = 101, octets = ip:sub(1, 32) .. "\16" .. ip:sub(34) })) -- a TCP header of 4
    assert.is_nil((decap.segment { link = 101, octets = ip:sub(1, 32) .. "\240" .. ip:sub(34) })) -- of 60, with 27 there
  end)

  it("takes the PDUs that Wireshark exported", function()
    local be16, be32 = packets.be16, packets.be32
    local function tag(number, value) return be16(number) .. be16(#value) .. value end
    local tags = tag(12, "smpp\0\0\0\0") .. tag(20, "\10\0\0\1") .. tag(21, "\10\0\0\2") .. tag(25, be32(1)) .. tag(26, be32(2775)) .. be32(0)
    local segment = assert(decap.segment { link = 252, octets = tags .. "pdus" })
    assert.same({ "10.0.0.1", 1, "10.0.0.2", 2775, "pdus" },
      { segment.source, segment.source_port, segment.destination, segment.destination_port, segment.exported })
    assert.equal("exported PDUs of other protocols", why(252, tag(12, "http") .. be32(0) .. "GET"))
    for length = 0, #tags - 1 do assert.equal("cut inside the headers", why(252, tags:sub(1, length))) end
  end)
end)
