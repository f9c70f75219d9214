local file = require "smpp.capture.file"
local octets = require "smpp.capture.octets"
local packets = require "spec.support.packets"

local IP = packets.ip { from = { "10.0.0.1", 1 }, to = { "10.0.0.2", 2 }, seq = 1, payload = "x" }
local LIST = { { 1700000000.25, IP }, { 1700000001.5, IP .. "y" } }

--- The packets of a capture; where it is broken, message and code.
local function read(text)
  local capture, message, code = file.open(octets.source(text))
  if not capture then return {}, message, code end
  local list = {}
  while true do
    local packet
    packet, message, code = capture:next()
    if not packet then return list, message, code end
    list[#list + 1] = packet
  end
end

describe("smpp.capture.file", function()
  it("knows a capture by its first four octets", function()
    assert.is_true(file.is_capture(packets.pcap(LIST)))
    assert.is_true(file.is_capture(packets.pcap(LIST, { order = "be", nano = true })))
    assert.is_true(file.is_capture(packets.pcapng(LIST)))
    for _, start in ipairs { "", "\212\195\178", "\0\0\0\16", "GET " } do assert.is_false(file.is_capture(start)) end
  end)

  it("reads both formats in both byte orders and each resolution", function()
    for _, text in ipairs {
      packets.pcap(LIST, { link = "raw" }), packets.pcap(LIST, { link = "raw", order = "be" }), packets.pcap(LIST, { link = "raw", nano = true }),
      packets.pcapng(LIST, { link = "raw" }), packets.pcapng(LIST, { link = "raw", order = "be" }), packets.pcapng(LIST, { link = "raw", resolution = 3 }),
      packets.pcapng(LIST, { link = "raw", old = true }),
    } do
      local list, message = read(text)
      assert.is_nil(message)
      assert.equal(2, #list)
      for i, packet in ipairs(list) do
        assert.same({ i, 101, LIST[i][2] }, { packet.number, packet.link, packet.octets })
        assert.near(LIST[i][1], packet.time, 1e-6)
      end
    end
  end)

  it("reads an interface's clock: resolution in powers of two, and offset", function()
    local list = read(packets.pcapng({ { 16, IP } }, { link = "raw", resolution = 6, offset = -10 }))
    assert.equal(6, list[1].time)
    local binary = packets.pcapng({ { 0, IP } }, { link = "raw" }):gsub("\9%z\1%z\6", "\9\0\1\0\138", 1) -- 2^-10 seconds
    assert.equal(0, read(binary)[1].time)
  end)

  it("gives the packets before the octet at which the file was cut, and truncated", function()
    for _, text in ipairs { packets.pcap(LIST, { link = "raw" }), packets.pcapng(LIST, { link = "raw" }) } do
      local clean = 0
      for length = 0, #text - 1 do
        local list, message, code = read(text:sub(1, length))
        if code then
          assert.equal("truncated", code)
          assert.is_string(message)
        else
          clean = clean + 1 -- between two packets or blocks
        end
        assert.is_true(#list < 2 or length > #text - 4)
      end
      assert.is_true(clean < 10, clean)
    end
  end)

  it("reads snoop files", function()
    local text = packets.snoop { { 1500000000.25, "abcde" }, { 1500000001, "fgh" } }
    assert.same({ { number = 1, time = 1500000000.25, link = 1, octets = "abcde" }, { number = 2, time = 1500000001, link = 1, octets = "fgh" } },
      (read(text)))
    for length = 0, #text - 1 do
      local _, _, code = read(text:sub(1, length))
      assert.is_true(code == "truncated" or code == nil and (length == 16 or length == 16 + 24 + 8), length)
    end
    assert.equal("bad_value", select(3, read(text:sub(1, 15) .. "\99" .. text:sub(17))))
    assert.equal("bad_length", select(3, read(text:sub(1, 20) .. "\255" .. text:sub(22))))
  end)

  it("keeps to the snap length of simple packets, and refuses a packet of no interface", function()
    local text = packets.pcapng({ { 0, ("x"):rep(50) } }, { link = "raw", simple = true })
    local at = assert(text:find("\101%z%z%z%z%z%z%z")) + 4 -- the interface's snap length
    local list = read(text:sub(1, at - 1) .. "\10\0\0\0" .. text:sub(at + 4))
    assert.equal(("x"):rep(10), list[1].octets)
    assert.equal(0, list[1].time)
    text = packets.pcapng({ LIST[1] }, { link = "raw" })
    at = assert(text:find("\6%z%z%z.%z%z%z%z%z%z%z")) + 8 -- the packet's interface
    local _, message, code = read(text:sub(1, at - 1) .. "\1" .. text:sub(at + 1))
    assert.equal("bad_value", code)
    assert.matches("packet 1 ", message)
  end)

  it("refuses what is no capture, with a word on compressed ones", function()
    assert.same({ {}, "unsupported compressed capture: gunzip it first", "bad_value" }, { read "\31\139\8\0" })
    assert.equal("bad_value", select(3, read "GET / HTTP/1.0"))
    assert.equal("truncated", select(3, read "\212"))
  end)

  it("refuses lengths that no packet has", function()
    local text = packets.pcap({ LIST[1] }, { link = "raw" })
    local _, _, code = read(text:sub(1, 32) .. "\255\255\255\127" .. text:sub(37))
    assert.equal("bad_length", code)
    local ng = packets.pcapng({ LIST[1] }, { link = "raw" })
    for _, length in ipairs { "\0\0\0\0", "\13\0\0\0", "\255\255\255\127" } do
      assert.equal("bad_length", select(3, read(ng:sub(1, 4) .. length .. ng:sub(9))))
    end
    assert.equal("bad_value", select(3, read(ng:sub(1, 8) .. "abcd" .. ng:sub(13)))) -- the byte-order magic
  end)
end)
