local framers = require "smpp.capture.framer"
local pdus = require "smpp.codec"

local ONE = assert(pdus.encode { command = "submit_sm", sequence_number = 1, short_message = "x" })
local TWO = assert(pdus.encode { command = "submit_sm_resp", sequence_number = 1, message_id = "m" })

local function new()
  local told, skipped = {}, {}
  local framer = framers.new(function(pdu, packet) told[#told + 1] = pdu.command .. " " .. tostring(packet) end,
    function(octets) skipped[#skipped + 1] = octets end)
  return framer, told, skipped
end

describe("smpp.capture.framer", function()
  it("finds PDUs wherever the octets are cut, and names the packet that completed each", function()
    local octets = ONE .. TWO
    for at = 1, #octets - 1 do
      local framer, told, skipped = new()
      framer:feed(octets:sub(1, at), "p1")
      framer:feed(octets:sub(at + 1), "p2")
      assert.same({ at >= #ONE and "submit_sm p1" or "submit_sm p2", "submit_sm_resp p2" }, told)
      assert.same({}, skipped)
    end
  end)

  it("begins in the middle of a PDU, and tells what it skipped", function()
    local framer, told, skipped = new()
    framer:feed(ONE:sub(20) .. TWO .. ONE, 1)
    assert.same({ "submit_sm_resp 1", "submit_sm 1" }, told)
    assert.equal(ONE:sub(20), table.concat(skipped))
  end)

  it("finds the next PDU behind a length that cannot be", function()
    local framer, told, skipped = new()
    framer:feed(ONE .. "\0\0\0\1broken" .. TWO, 1)
    assert.same({ "submit_sm 1", "submit_sm_resp 1" }, told)
    assert.equal("\0\0\0\1broken", table.concat(skipped))
  end)

  it("forgets the PDU that has begun when octets are missing", function()
    local framer, told, skipped = new()
    framer:feed(ONE:sub(1, 30), 1)
    framer:lost(2)
    framer:feed(TWO, 3)
    assert.same({ "submit_sm_resp 3" }, told)
    assert.equal(ONE:sub(1, 30), table.concat(skipped))
  end)

  it("finds nothing in octets that are not SMPP, and loses none of them", function()
    local framer, told, skipped = new()
    local noise = ("GET / HTTP/1.1\r\n\0\0\1\0"):rep(50)
    framer:feed(noise, 1)
    framer:lost(1)
    assert.same({}, told)
    assert.equal(noise, table.concat(skipped))
  end)
end)
