local pcap = require "smpp.capture"
local blocks = require "smpp.capture.blocks"
local segments = require "smpp.capture.segments"
local smpp = require "smpp"

local function session(host, role)
  return { role = role or "esme", peer = { host = host, port = 8775 }, transport = { local_port = 40000 } }
end

local function sum(octets)
  local total = 0
  for i = 1, #octets, 2 do
    local a, b = octets:byte(i, i + 1)
    total = total + a * 256 + (b or 0)
  end
  while total > 0xFFFF do total = total % 65536 + math.floor(total / 65536) end
  return total
end

describe("smpp.capture.segments", function()
  it("makes packets of IPv4 and IPv6 with right checksums", function()
    for _, host in ipairs { "192.0.2.7", "127.0.0.1", "2001:db8::7", "::1", "fe80::1%eth0", "?" } do
      local streams = segments.new(session(host))
      local list = streams:packets("odd octets!", "out")
      assert.equal(4, #list)
      assert.equal(1, #streams:packets("x", "in"))
      for _, packet in ipairs(list) do
        local is_v4 = packet:byte() == 0x45
        local head, addresses = packet:sub(1, is_v4 and 20 or 40), packet:sub(is_v4 and 13 or 9, is_v4 and 20 or 40)
        local tcp = packet:sub(#head + 1)
        if is_v4 then assert.equal(0xFFFF, sum(head)) end
        assert.equal(0xFFFF, sum(addresses .. "\0\6" .. string.char(math.floor(#tcp / 256), #tcp % 256) .. tcp))
      end
    end
  end)

  it("carries PDUs of any size as one stream in each direction", function()
    local streams, out = segments.new(session "192.0.2.7"), { blocks.section(), blocks.interface(101) }
    local large = assert(smpp.encode { command = "data_sm", sequence_number = 1, destination_addr = "1", message_payload = ("x"):rep(65000) })
    local function put(octets, direction)
      for _, packet in ipairs(streams:packets(octets, direction)) do out[#out + 1] = blocks.packet(packet, 1700000000, { direction = direction }) end
    end
    put(large, "out")
    put(large, "out")
    put(assert(smpp.encode { command = "data_sm_resp", sequence_number = 1, message_id = "7" }), "in")
    local seen = {}
    pcap.read(table.concat(out), function(item) seen[#seen + 1] = ("%s %s %s"):format(item.kind, item.from, item.pdu and item.pdu.command) end)
    assert.same({
      "pdu 0.0.0.0:40000 data_sm", "pdu 0.0.0.0:40000 data_sm", "pdu 192.0.2.7:8775 data_sm_resp",
    }, seen)
  end)
end)
