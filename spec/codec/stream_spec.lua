local pdus = require "smpp.codec"
local stream = require "smpp.codec.stream"

local ONE = assert(pdus.encode { command = "submit_sm", sequence_number = 1, short_message = "x" })
local TWO = assert(pdus.encode { command = "enquire_link", sequence_number = 2 })

local function collect(codec, most)
  local seen = {}
  return stream.new(function(direction, pdu) seen[#seen + 1] = direction .. " " .. pdu.command .. " " .. ("%d"):format(pdu.sequence_number) end, codec, most), seen
end

describe("smpp.codec.stream", function()
  it("finds the PDUs of both directions, wherever the octets are cut", function()
    local octets = ONE .. TWO .. ONE
    for at = 0, #octets do
      local s, seen = collect()
      s:feed("in", octets:sub(1, at))
      s:feed("out", TWO)
      s:feed("in", octets:sub(at + 1))
      table.sort(seen)
      assert.same({ "in enquire_link 2", "in submit_sm 1", "in submit_sm 1", "out enquire_link 2" }, seen)
    end
  end)

  it("finds them in single octets", function()
    local s, seen = collect()
    for octet in (ONE .. TWO):gmatch "." do s:feed("out", octet) end
    assert.same({ "out submit_sm 1", "out enquire_link 2" }, seen)
  end)

  it("gives a direction up at a length that cannot be, and not the other", function()
    local s, seen = collect()
    s:feed("in", "\0\0\0\1" .. TWO)
    s:feed("in", TWO)
    s:feed("out", TWO)
    assert.same({ "out enquire_link 2" }, seen)
  end)

  it("has the limit of length that it is given", function()
    local s, seen = collect(nil, 16)
    s:feed("in", TWO)
    s:feed("in", ONE)
    s:feed("in", TWO)
    assert.same({ "in enquire_link 2" }, seen)
  end)

  it("shows octets that are not SMPP: as text, and the first in hex", function()
    assert.equal('"GET /." (47 45 54 20 2f 0d)', stream.show_octets "GET /\r")
    assert.equal('"' .. ("a"):rep(48) .. '"... (' .. ("61 "):rep(15) .. "61)", stream.show_octets(("a"):rep(49)))
    assert.equal('"ab"... (61 62)', stream.show_octets("abc", 2))
  end)
end)
