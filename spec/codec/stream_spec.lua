local pdus = require "smpp.codec"
local stream = require "smpp.codec.stream"

local ONE = assert(pdus.encode { command = "submit_sm", sequence_number = 1, short_message = "x" })
local TWO = assert(pdus.encode { command = "enquire_link", sequence_number = 2 })
local RESPONSE = assert(pdus.encode { command = "submit_sm_resp", sequence_number = 1, message_id = "m" })

local function plain(most)
  local seen = {}
  return stream.new { pdu = function(pdu) seen[#seen + 1] = pdu.command end, max_pdu_octets = most }, seen
end

describe("smpp.codec.stream: of a session", function()
  it("finds the PDUs, wherever the octets are cut", function()
    local octets = ONE .. TWO .. ONE
    for at = 0, #octets do
      local s, seen = plain()
      s:feed(octets:sub(1, at))
      s:feed(octets:sub(at + 1))
      assert.same({ "submit_sm", "enquire_link", "submit_sm" }, seen)
      assert.equal("", s.rest)
    end
  end)

  it("finds them in single octets", function()
    local s, seen = plain()
    for octet in (ONE .. TWO):gmatch "." do s:feed(octet) end
    assert.same({ "submit_sm", "enquire_link" }, seen)
  end)

  it("is given up at a length that cannot be", function()
    local s, seen = plain()
    s:feed(TWO .. "\0\0\0\1" .. TWO)
    s:feed(TWO)
    assert.same({ "enquire_link" }, seen)
    assert.truthy(s.problem:find "command_length")
    assert.equal("\0\0\0\1" .. TWO, s.rest)
  end)

  it("has the limit of length that it is given", function()
    local s, seen = plain(16)
    s:feed(TWO)
    s:feed(ONE)
    s:feed(TWO)
    assert.same({ "enquire_link" }, seen)
  end)
end)

describe("smpp.codec.stream: of a capture", function()
  local function captured(is_cut_told)
    local told, skipped, cut = {}, {}, {}
    return stream.new {
      pdu = function(pdu, packet) told[#told + 1] = pdu.command .. " " .. tostring(packet) end,
      skipped = function(octets) skipped[#skipped + 1] = octets end,
      cut = is_cut_told and function(pdu, octets, missing, packet)
        cut[#cut + 1] = { pdu.command, pdu.sequence_number, octets, missing, packet }
      end or nil,
    }, told, skipped, cut
  end

  it("names the packet that completed each PDU", function()
    local octets = ONE .. RESPONSE
    for at = 1, #octets - 1 do
      local s, told, skipped = captured()
      s:feed(octets:sub(1, at), "p1")
      s:feed(octets:sub(at + 1), "p2")
      assert.same({ at >= #ONE and "submit_sm p1" or "submit_sm p2", "submit_sm_resp p2" }, told)
      assert.same({}, skipped)
    end
  end)

  it("begins in the middle of a PDU, and tells what it skipped", function()
    local s, told, skipped = captured()
    s:feed(ONE:sub(20) .. RESPONSE .. ONE, 1)
    assert.same({ "submit_sm_resp 1", "submit_sm 1" }, told)
    assert.equal(ONE:sub(20), table.concat(skipped))
  end)

  it("finds the next PDU behind a length that cannot be", function()
    local s, told, skipped = captured()
    s:feed(ONE .. "\0\0\0\1broken" .. RESPONSE, 1)
    assert.same({ "submit_sm 1", "submit_sm_resp 1" }, told)
    assert.equal("\0\0\0\1broken", table.concat(skipped))
  end)

  it("hands over the beginning of a PDU whose end is missing, when there is a header", function()
    for at = 1, #ONE - 1 do
      local s, told, skipped, cut = captured(true)
      s:feed(TWO .. ONE:sub(1, at), 1)
      s:lost(2)
      s:feed(RESPONSE, 3)
      assert.same({ "enquire_link 1", "submit_sm_resp 3" }, told)
      assert.same(at >= 16 and { { "submit_sm", 1, ONE:sub(1, at), #ONE - at, 2 } } or {}, cut)
      assert.equal(at < 16 and ONE:sub(1, at) or "", table.concat(skipped))
    end
  end)

  it("skips it where nobody asks for it, and what is no header", function()
    local s, told, skipped = captured()
    s:feed(ONE:sub(1, 30), 1)
    s:lost(2)
    s:feed(RESPONSE, 3)
    assert.same({ "submit_sm_resp 3" }, told)
    assert.equal(ONE:sub(1, 30), table.concat(skipped))
    local cut
    s, told, skipped, cut = captured(true)
    s:feed(TWO .. ("\0\1x"):rep(20), 1) -- a length of 74,360 octets, no command
    s:lost(1)
    assert.same({}, cut)
    assert.equal(("\0\1x"):rep(20), table.concat(skipped))
  end)

  it("finds nothing in octets that are not SMPP, and loses none of them", function()
    local s, told, skipped, cut = captured(true)
    local noise = ("GET / HTTP/1.1\r\n\0\0\1\0"):rep(50)
    s:feed(noise, 1)
    s:lost(1)
    assert.same({}, told)
    assert.same({}, cut)
    assert.equal(noise, table.concat(skipped))
  end)
end)

describe("smpp.codec.stream.show_octets", function()
  it("shows octets that are not SMPP: as text, and the first in hex", function()
    assert.equal('"GET /." (47 45 54 20 2f 0d)', stream.show_octets "GET /\r")
    assert.equal('"' .. ("a"):rep(48) .. '"... (' .. ("61 "):rep(15) .. "61)", stream.show_octets(("a"):rep(49)))
    assert.equal('"ab"... (61 62)', stream.show_octets("abc", 2))
  end)
end)
