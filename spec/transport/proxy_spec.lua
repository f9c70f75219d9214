local filters = require "spec.support.filters"
local async = require "spec.support.async"
local memory = require "smpp.transport.memory"
local util = require "spec.support.util"

local unhex = util.unhex

describe("smpp.transport.proxy", function()
  local proxy = require "smpp.transport.proxy"
  local V2 = "\r\n\r\n\0\r\nQUIT\n"
  local v4 = V2 .. unhex "21 11 000c c0000201 c0000202 dc04 0ad7"
  local v6 = V2 .. unhex "21 21 0027 20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 0ad7 03 0000"

  it("is read", function()
    for _, case in ipairs {
      { "PROXY TCP4 192.0.2.1 192.0.2.2 56324 2775\r\nrest", "rest", "192.0.2.1", 56324 },
      { "PROXY TCP6 2001:db8::1 2001:db8::2 1 2775\r\n", "", "2001:db8::1", 1 },
      { "PROXY UNKNOWN\r\nx", "x" }, { "PROXY UNKNOWN a b c d\r\n", "" },
      { v4 .. "rest", "rest", "192.0.2.1", 56324 }, { v6 .. "!", "!", "2001:db8:0:0:0:0:0:1", 56324 },
      { V2 .. unhex "21 11 0020 c0000201 c0000202 dc04 0ad7 04 0011" .. ("x"):rep(17) .. "rest", "rest", "192.0.2.1", 56324 }, -- and a TLV
      { V2 .. unhex "21 11 0218 c0000201 c0000202 dc04 0ad7" .. ("x"):rep(524) .. "!", "!", "192.0.2.1", 56324 },
      { V2 .. unhex "21 11 0219 c0000201 c0000202 dc04 0ad7" .. ("x"):rep(525), false }, { V2 .. unhex "22 11 000c" .. ("x"):rep(12), false },
      { V2 .. unhex "21 31 00d8" .. ("x"):rep(216), false }, { V2 .. unhex "20 11 000c c0000201 c0000202 dc04 0ad7" .. "abc", "abc" },
      { V2 .. unhex "20 00 0000" .. "abc", "abc" }, { V2 .. unhex "21 00 0002 0000", "" },
      { "PROXY TCP4 192.0.2.1\r\n", false }, { "PROXY TCP4 a b 1 2\r\n", false }, { "PROXY TCP4 1.2.3.4 1.2.3.4 70000 1\r\n", false },
      { "PROXY TCP4 999.1.1.1 1.2.3.4 1 1\r\n", false }, { "PROXY TCP6 abc ::1 1 1\r\n", false }, { "PROXY TCP4 ::1 ::1 1 1\r\n", false },
      { "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", false }, { "PROXY TCP4 1.2.3.4/8 1.2.3.4 1 1\r\n", false }, { "PROXY TCP4 1.2.3.4 1.2.3.4 1\n", false },
      { "PROXY TCP4 1.2.3.4 1.2.3.4 \0 1\r\n", false }, { "PROXY UNKNOWN " .. ("x"):rep(200) .. "\r\n", false }, { "PROXY\r\n", false },
      { "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 1\r\n", "", "::ffff:192.0.2.1", 1 },
      { "PROXY TCP4 " .. ("1"):rep(120), false }, { "\0\0\0\16", false }, { "GET /", false }, { V2 .. unhex "31 11 000c", false },
      { V2 .. unhex "21 11 ffff", false }, { V2 .. unhex "21 12 000c" .. ("x"):rep(12), false }, { V2 .. unhex "21 11 0004 01020304", false },
      { "", nil }, { "PRO", nil }, { "\r\n\r\n", nil },
    } do
      local rest, host, port = proxy.read(case[1])
      assert.equal(case[2], rest, case[1])
      if rest then assert.same({ case[3], case[4] }, { host, port }) end
    end
  end)

  it("is read in pieces of any size", function()
    for _, header in ipairs { "PROXY TCP4 192.0.2.1 192.0.2.2 56324 2775\r\n", v4, v6 } do
      for cut = 0, #header - 1 do assert.is_nil((proxy.read(header:sub(1, cut))), cut) end
    end
  end)

  local function every() return true end
  local function new_filter() return function(inner) return proxy.new(inner, every) end end

  it("is not asked of a host that is no proxy", async.virtual(function(loop)
    local a, b = memory.pair(loop)
    assert.equal(b, filters.establish(loop, "accept", b, { function(inner) return proxy.new(inner, proxy.matcher { "192.0.2.0/24" }) end }))
    a:reset()
    b:reset()
  end))

  it("names the peer, or leaves it as it is", async.virtual(function(loop)
    for header, host in pairs { [v4] = "192.0.2.1", [v6] = "2001:db8:0:0:0:0:0:1", ["PROXY UNKNOWN\r\n"] = "memory" } do
      local a, b = memory.pair(loop)
      a:write(header)
      local top = assert(filters.establish(loop, "accept", b, { new_filter() }))
      assert.same({ host, "memory" }, { top.peer.host, b.peer.host })
      a:reset()
      top:reset()
    end
  end))

  it("ends a connection with another beginning, without one in time, or that ends too early", async.virtual(function(loop)
    for octets, reason in pairs { ["GET /"] = "missing PROXY header", [v4:sub(1, 20)] = "no PROXY header within 3 s" } do
      local a, b = memory.pair(loop)
      a:write(octets)
      local top, message = filters.establish(loop, "accept", b, { new_filter() }, 3)
      assert.is_nil(top)
      assert.equal(reason, message)
      a:reset()
    end
    local a, b = memory.pair(loop)
    a:write "PROXY "
    a:close()
    local _, message, code = filters.establish(loop, "accept", b, { new_filter() }, 3)
    assert.same({ "closed before the PROXY header was complete", "connection_lost" }, { message, code })
  end))

  for _, header in ipairs { "PROXY TCP4 192.0.2.1 192.0.2.2 56324 2775\r\n", v6 } do
    describe(header == v6 and "version 2" or "version 1", function() filters.carries(it, { before = header, new = new_filter }) end)
  end
end)
