local property = require "spec.support.property"
local tcp = require "smpp.capture.tcp"

local ESME, MC = { "10.0.0.1", 1000 }, { "10.0.0.2", 2775 }

--- A reassembler and what it tells: "1 octets", "2 missing 5", "closed".
local function new()
  local told = {}
  local t = tcp.new {
    data = function(_, side, octets) told[#told + 1] = side .. " " .. octets end,
    missing = function(_, side, octets) told[#told + 1] = side .. " missing " .. ("%d"):format(octets) end,
    closed = function() told[#told + 1] = "closed" end,
  }
  return t, told
end

local function segment(from, seq, payload, more)
  local to = from == ESME and MC or ESME
  local s = { source = from[1], source_port = from[2], destination = to[1], destination_port = to[2], seq = seq, payload = payload or "", cut = 0,
    syn = false, fin = false, rst = false }
  for name, value in pairs(more or {}) do s[name] = value end
  return s
end

describe("smpp.capture.tcp", function()
  it("hands on both sides in order; who began is side 1", function()
    local t, told = new()
    t:add(segment(MC, 50, "", { syn = true, ack = 11 })) -- the SYN of the ESME was missed
    t:add(segment(ESME, 11, "ab"))
    t:add(segment(MC, 51, "xy"))
    t:add(segment(ESME, 13, "cd"))
    assert.same({ "1 ab", "2 xy", "1 cd" }, told)
  end)

  it("waits for what came out of order, and drops what came before", function()
    local t, told = new()
    t:add(segment(ESME, 1, "ab"))
    t:add(segment(ESME, 5, "ef"))
    t:add(segment(ESME, 1, "ab"))
    t:add(segment(ESME, 2, "bcd")) -- half of it is new
    assert.same({ "1 ab", "1 cd", "1 ef" }, told)
    assert.equal(1, t.retransmissions)
  end)

  it("does not count a keep-alive as a retransmission", function()
    local t = new()
    t:add(segment(ESME, 1, "ab"))
    t:add(segment(ESME, 2, "b"))
    assert.equal(0, t.retransmissions)
  end)

  it("goes on over the end of the sequence numbers", function()
    local t, told = new()
    t:add(segment(ESME, 4294967294, "ab"))
    t:add(segment(ESME, 1, "de"))
    t:add(segment(ESME, 0, "c"))
    assert.same({ "1 ab", "1 c", "1 de" }, told)
  end)

  it("gives a hole up when the peer has acknowledged beyond it, or too much waits behind it", function()
    local t, told = new()
    t:add(segment(ESME, 1, "ab"))
    t:add(segment(ESME, 10, "j"))
    for _ = 1, 4 do t:add(segment(MC, 100, "", { ack = 11 })) end
    assert.same({ "1 ab", "1 missing 7", "1 j" }, told)
    t:add(segment(ESME, 20, ("x"):rep(1000000)))
    assert.equal(3, #told)
    t:add(segment(ESME, 1000020, ("x"):rep(1000000)))
    assert.equal("1 missing 9", told[4])
  end)

  it("tells how much a capture with short packets lacks", function()
    local t, told = new()
    t:add(segment(ESME, 1, "ab", { cut = 3 }))
    t:add(segment(ESME, 6, "fg"))
    assert.same({ "1 ab", "1 missing 3", "1 fg" }, told)
  end)

  it("closes at a reset, at both FINs, and at the end of the capture, handing on what waited", function()
    local t, told = new()
    t:add(segment(ESME, 1, "ab", { fin = true }))
    assert.same({ "1 ab" }, told)
    t:add(segment(MC, 1, "", { fin = true }))
    assert.same({ "1 ab", "closed" }, told)
    t:add(segment(ESME, 1, "", { syn = true }))
    t:add(segment(ESME, 2, "", { rst = true }))
    assert.equal("closed", told[3])
    t:add(segment(ESME, 1, "", { syn = true }))
    t:add(segment(ESME, 4, "late"))
    t:finish()
    assert.same({ "1 missing 2", "1 late", "closed" }, { told[4], told[5], told[6] })
  end)

  it("begins a new connection when the same ports are used again", function()
    local t, told = new()
    t:add(segment(ESME, 1, "", { syn = true }))
    t:add(segment(ESME, 2, "ab"))
    t:add(segment(ESME, 500, "", { syn = true }))
    t:add(segment(ESME, 501, "cd"))
    assert.same({ "1 ab", "closed", "1 cd" }, told)
  end)

  it("puts together any order and any repetition", function()
    property.holds(200, function(random, case)
      local whole, list, first = ("abcdefghijklmnopqrstuvwxyz"):sub(1, random(26)), {}, 4294967295 - random(20) + 1
      local function piece(from, length) return segment(ESME, (first + from - 1) % 4294967296, whole:sub(from, from + length - 1)) end
      for from = 1, #whole do list[#list + 1] = piece(from, random(5)) end
      for i = #list, 2, -1 do
        local j = random(i)
        list[i], list[j] = list[j], list[i]
      end
      local t, told = new()
      t:add(segment(ESME, (first - 1) % 4294967296, "", { syn = true }))
      for i, s in ipairs(list) do
        case[i] = ("%d %s"):format(s.seq, s.payload)
        t:add(s)
      end
      local got = table.concat(told):gsub("1 ", "")
      assert(got == whole, got)
    end)
  end)
end)
