--- Builds captures: TCP conversations as packets, packets as pcap and pcapng files.
local packets = {}

local function be16(n) return string.char(math.floor(n / 256) % 256, n % 256) end
local function be32(n) return be16(math.floor(n / 65536)) .. be16(n % 65536) end
local function le16(n) return string.char(n % 256, math.floor(n / 256) % 256) end
local function le32(n) return le16(n % 65536) .. le16(math.floor(n / 65536)) end
packets.be16, packets.be32 = be16, be32

local FLAGS = { fin = 1, syn = 2, rst = 4, ack = 16 }

--- s = { from = { host, port }, to = { host, port }, seq, ack, syn, fin, rst, payload, options }
local function tcp(s)
  local flags = 0
  for name, bit in pairs(FLAGS) do flags = flags + (s[name] and bit or 0) end
  local options = s.options or ""
  return be16(s.from[2]) .. be16(s.to[2]) .. be32(s.seq) .. be32(s.ack or 0)
    .. string.char((5 + #options / 4) * 16, flags) .. be16(65535) .. be16(0) .. be16(0) .. options .. (s.payload or "")
end

local function ipv4_octets(host)
  local a, b, c, d = host:match("(%d+)%.(%d+)%.(%d+)%.(%d+)")
  return string.char(a, b, c, d)
end

--- An IP packet of a segment; hosts without dots are the last group of an IPv6 address.
function packets.ip(s)
  local segment = tcp(s)
  if s.from[1]:find(".", 1, true) then
    return string.char(0x45, 0) .. be16(s.total or 20 + #segment) .. be16(0) .. be16(s.fragment or 0)
      .. string.char(64, s.protocol or 6) .. be16(0) .. ipv4_octets(s.from[1]) .. ipv4_octets(s.to[1]) .. segment
  end
  local function address(group) return be16(0x2001) .. be16(0xDB8) .. ("\0"):rep(10) .. be16(tonumber(group, 16)) end
  local extension = s.extension or ""
  return string.char(0x60, 0, 0, 0) .. be16(#extension + #segment) .. string.char(s.protocol or 6, 64)
    .. address(s.from[1]) .. address(s.to[1]) .. extension .. segment
end

local function ethertype(ip) return ip:byte(1) >= 0x60 and be16(0x86DD) or be16(0x0800) end

--- Link layers: name -> { number, wrap(ip packet) }
packets.links = {
  ethernet = { 1, function(ip) return ("\2"):rep(12) .. ethertype(ip) .. ip .. ("\0"):rep(math.max(0, 46 - #ip)) end },
  vlan = { 1, function(ip) return ("\2"):rep(12) .. be16(0x88A8) .. be16(7) .. be16(0x8100) .. be16(8) .. ethertype(ip) .. ip end },
  loopback_le = { 0, function(ip) return le32(ip:byte(1) >= 0x60 and 30 or 2) .. ip end },
  loopback_be = { 0, function(ip) return be32(ip:byte(1) >= 0x60 and 28 or 2) .. ip end },
  loop = { 108, function(ip) return be32(ip:byte(1) >= 0x60 and 24 or 2) .. ip end },
  raw = { 101, function(ip) return ip end },
  cooked = { 113, function(ip) return be16(0) .. be16(1) .. be16(6) .. ("\2"):rep(8) .. ethertype(ip) .. ip end },
  cooked2 = { 276, function(ip) return ethertype(ip) .. be16(0) .. be32(1) .. be16(1) .. "\0\6" .. ("\2"):rep(8) .. ip end },
}

local function udp(port, payload) return be16(50000) .. be16(port) .. be16(8 + #payload) .. be16(0) .. payload end
local function carrier(protocol, payload)
  return string.char(0x45, 0) .. be16(20 + #payload) .. be16(0) .. be16(0) .. string.char(64, protocol) .. be16(0) .. "\192\0\2\1\192\0\2\2" .. payload
end
local function frame(kind, payload) return ("\2"):rep(12) .. be16(kind) .. payload end

--- Tunnels: name -> wrap(ip packet) -> an Ethernet frame.
packets.tunnels = {
  mpls = function(ip) return frame(0x8847, "\0\1\32\64\0\2\33\64" .. ip) end,
  pppoe = function(ip) return frame(0x8864, "\17\0\0\1" .. be16(#ip + 2) .. be16(ip:byte(1) >= 0x60 and 0x57 or 0x21) .. ip) end,
  gre = function(ip) return frame(0x0800, carrier(47, "\0\0" .. ethertype(ip) .. ip)) end,
  ["gre with key"] = function(ip) return frame(0x0800, carrier(47, "\176\0" .. ethertype(ip) .. ("\0"):rep(12) .. ip)) end,
  ["ethernet in gre"] = function(ip) return frame(0x0800, carrier(47, "\0\0" .. be16(0x6558) .. frame(ip:byte(1) >= 0x60 and 0x86DD or 0x0800, ip))) end,
  vxlan = function(ip) return frame(0x0800, carrier(17, udp(4789, "\8\0\0\0\0\0\1\0" .. frame(ip:byte(1) >= 0x60 and 0x86DD or 0x0800, ip)))) end,
  geneve = function(ip) return frame(0x0800, carrier(17, udp(6081, "\1\0" .. be16(0x6558) .. "\0\0\1\0" .. ("\0"):rep(4) .. frame(0x0800, ip)))) end,
  ["ip in ip"] = function(ip) return frame(0x0800, carrier(ip:byte(1) >= 0x60 and 41 or 4, ip)) end,
}

--- A snoop file (RFC 1761) of Ethernet frames.
function packets.snoop(list)
  local out = { "snoop\0\0\0" .. be32(2) .. be32(4) }
  for _, packet in ipairs(list) do
    local seconds = math.floor(packet[1])
    local data, pad = packet[2], (-#packet[2]) % 4
    out[#out + 1] = be32(#data) .. be32(#data) .. be32(24 + #data + pad) .. be32(0) .. be32(seconds)
      .. be32(math.floor((packet[1] - seconds) * 1e6 + 0.5)) .. data .. ("\0"):rep(pad)
  end
  return table.concat(out)
end

--- list = { { time, octets } ... }; o = { link, order = "le"|"be", nano, snap }
function packets.pcap(list, o)
  local u16, u32 = le16, le32
  if o and o.order == "be" then u16, u32 = be16, be32 end
  local link = packets.links[o and o.link or "ethernet"]
  local units = o and o.nano and 1e9 or 1e6
  local out = { u32(o and o.nano and 0xA1B23C4D or 0xA1B2C3D4) .. u16(2) .. u16(4) .. u32(0) .. u32(0) .. u32(65535) .. u32(link[1]) }
  for _, packet in ipairs(list) do
    local octets = link[2](packet[2])
    local kept = octets:sub(1, o and o.snap or #octets)
    local seconds = math.floor(packet[1])
    out[#out + 1] = u32(seconds) .. u32(math.floor((packet[1] - seconds) * units + 0.5)) .. u32(#kept) .. u32(#octets) .. kept
  end
  return table.concat(out)
end

--- o = { link, order, resolution (power of ten, default 6), offset (seconds), simple, old }
function packets.pcapng(list, o)
  o = o or {}
  local u16, u32 = le16, le32
  if o.order == "be" then u16, u32 = be16, be32 end
  local function padded(octets) return octets .. ("\0"):rep(-#octets % 4) end
  local function block(kind, body) return u32(kind) .. u32(#body + 12) .. body .. u32(#body + 12) end
  local link = packets.links[o.link or "ethernet"]
  local resolution = o.resolution or 6
  local offset = ""
  if o.offset then
    local high, low = u32(o.offset < 0 and 4294967295 or 0), u32(o.offset % 4294967296)
    offset = u16(14) .. u16(8) .. (o.order == "be" and high .. low or low .. high)
  end
  local out = {
    block(0x0A0D0D0A, u32(0x1A2B3C4D) .. u16(1) .. u16(0) .. ("\255"):rep(8)),
    block(5, u32(0) .. u32(0) .. u32(0)), -- statistics, which readers skip
    block(1, u16(link[1]) .. u16(0) .. u32(0) .. u16(9) .. u16(1) .. padded(string.char(resolution)) .. offset .. u32(0)),
  }
  for _, packet in ipairs(list) do
    local octets = link[2](packet[2])
    if o.simple then
      out[#out + 1] = block(3, u32(#octets) .. padded(octets))
    else
      local ticks = math.floor(packet[1] * 10 ^ resolution + 0.5)
      out[#out + 1] = block(o.old and 2 or 6, (o.old and u16(0) .. u16(0) or u32(0)) .. u32(math.floor(ticks / 4294967296)) .. u32(ticks % 4294967296)
        .. u32(#octets) .. u32(#octets) .. padded(octets))
    end
  end
  return table.concat(out)
end

local Conversation = {}
Conversation.__index = Conversation

--- A TCP conversation that writes packets: o = { esme = { host, port }, mc = { host, port }, seq, into, time }
function packets.conversation(o)
  o = o or {}
  local self = setmetatable({
    ends = { esme = o.esme or { "10.0.0.1", 40000 }, mc = o.mc or { "10.0.0.2", 2775 } },
    seq = { esme = o.seq or 1000, mc = 5000 },
    packets = o.into or {},
    time = o.time or 1700000000,
  }, Conversation)
  return self
end

local OTHER = { esme = "mc", mc = "esme" }

--- One packet at the current sequence number, which stays as it is.
function Conversation:packet(side, s)
  s.from, s.to = self.ends[side], self.ends[OTHER[side]]
  s.seq = s.seq or self.seq[side]
  if s.ack == nil then s.ack = self.seq[OTHER[side]] end
  self.time = self.time + 0.001
  local packet = { self.time, packets.ip(s) }
  self.packets[#self.packets + 1] = packet
  return packet
end

function Conversation:handshake()
  self:packet("esme", { syn = true, ack = false })
  self.seq.esme = (self.seq.esme + 1) % 4294967296
  self:packet("mc", { syn = true })
  self.seq.mc = self.seq.mc + 1
  self:packet("esme", {})
  return self
end

--- Octets in one segment, or in segments of `size`.
function Conversation:send(side, octets, size)
  for at = 1, #octets, size or #octets do
    local piece = octets:sub(at, at + (size or #octets) - 1)
    self:packet(side, { payload = piece })
    self.seq[side] = (self.seq[side] + #piece) % 4294967296
  end
  return self
end

function Conversation:finish()
  for _, side in ipairs { "esme", "mc" } do
    self:packet(side, { fin = true })
    self.seq[side] = self.seq[side] + 1
  end
  return self
end

return packets
