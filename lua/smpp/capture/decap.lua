--- Decapsulates captured packets to TCP segments: Ethernet, loopback, Linux cooked or no link layer, VLAN tags, MPLS, PPPoE, IPv4 and
--- IPv6, and the tunnels GRE, VXLAN, GENEVE and IP in IP; also Wireshark's "Export PDUs".
local octets = require "smpp.capture.octets"
local strings = require "smpp.base.strings"

local be16, be32, le32 = octets.be16, octets.be32, octets.le32

local link = {}

---@class smpp.CapturedSegment
---@field source string        address
---@field source_port integer
---@field destination string
---@field destination_port integer
---@field seq integer
---@field ack integer?         nil without the flag
---@field syn boolean
---@field fin boolean
---@field rst boolean
---@field payload string
---@field cut integer          octets of the payload that are missing (snap length)
---@field exported string?     instead of seq, payload …: one PDU or several

local function ipv4_text(s, at) return ("%d.%d.%d.%d"):format(s:byte(at, at + 3)) end

--- IPv6 as text (RFC 5952): the longest run of zeros is `::`.
local function ipv6_text(s, at)
  local groups = {}
  for i = 0, 7 do groups[i + 1] = be16(s, at + 2 * i) end
  local best, best_length, from = 0, 1, nil
  for i = 1, 9 do
    if groups[i] == 0 then
      from = from or i
      if i - from + 1 > best_length then best, best_length = from, i - from + 1 end
    else
      from = nil
    end
  end
  local words = {}
  for i = 1, 8 do words[i] = ("%x"):format(groups[i]) end
  if best == 0 then return table.concat(words, ":") end
  return table.concat(words, ":", 1, best - 1) .. "::" .. table.concat(words, ":", best + best_length)
end

--- from: start of the TCP header; length: octets of header and payload by the IP header.
local function tcp(s, from, length, source, destination)
  local here = math.min(length, #s - from + 1)
  if here < 20 then return nil, "cut inside the headers" end
  local header = math.floor(s:byte(from + 12) / 16) * 4
  if header < 20 or header > length then return nil, "malformed TCP header" end
  local flags = s:byte(from + 13)
  local function flag(bit) return math.floor(flags / bit) % 2 == 1 end
  local payload = s:sub(from + header, from + here - 1)
  return {
    source = source, source_port = be16(s, from), destination = destination, destination_port = be16(s, from + 2),
    seq = be32(s, from + 4), ack = flag(16) and be32(s, from + 8) or nil,
    fin = flag(1), syn = flag(2), rst = flag(4), payload = payload,
    cut = math.max(0, length - header) - #payload,
  }
end

local TCP, UDP, GRE, FRAGMENT, IPV4, IPV6 = 6, 17, 47, 44, 4, 41
local VXLAN_PORT, GENEVE_PORT = 4789, 6081
local MAX_DEPTH = 8 -- of tunnels in one another

local ip, by_ethertype -- below: tunnels hold packets and frames
local EXTENSIONS = { [0] = true, [43] = true, [60] = true, [51] = true } -- hop by hop, routing, destination, AH

local ETHERNET_IN_GRE = 0x6558

--- GRE (RFC 2784, 2890): flags say which of checksum, key and sequence number are there.
local function gre(s, from, depth)
  if #s < from + 3 then return nil, "cut inside the headers" end
  local flags, kind, at = s:byte(from), be16(s, from + 2), from + 4
  if s:byte(from + 1) % 8 ~= 0 then return nil, "not TCP" end -- version 1: PPTP
  for _, bit in ipairs { 128, 32, 16 } do
    if math.floor(flags / bit) % 2 == 1 then at = at + 4 end
  end
  if kind == ETHERNET_IN_GRE then return by_ethertype(s, at + 12, depth) end
  return by_ethertype(s, at, depth, kind)
end

--- Ethernet frames over UDP: VXLAN (RFC 7348), GENEVE (RFC 8926).
local function udp(s, from, depth)
  if #s < from + 15 then return nil, #s < from + 3 and "cut inside the headers" or "not TCP" end
  local port = be16(s, from + 2)
  if port == VXLAN_PORT then return by_ethertype(s, from + 16 + 12, depth) end
  if port ~= GENEVE_PORT then return nil, "not TCP" end
  local options, kind = s:byte(from + 8) % 64 * 4, be16(s, from + 10)
  local at = from + 16 + options
  if kind == ETHERNET_IN_GRE then return by_ethertype(s, at + 12, depth) end
  return by_ethertype(s, at, depth, kind)
end

--- The payload of an IP packet.
local function carried(s, at, length, kind, source, destination, depth)
  if kind == TCP then return tcp(s, at, length, source, destination) end
  if depth >= MAX_DEPTH then return nil, "not TCP" end
  if kind == UDP then return udp(s, at, depth + 1) end
  if kind == GRE then return gre(s, at, depth + 1) end
  if kind == IPV4 or kind == IPV6 then return ip(s, at, depth + 1) end
  return nil, "not TCP"
end

local function ipv4(s, from, depth)
  if #s - from + 1 < 20 then return nil, "cut inside the headers" end
  local header, total = s:byte(from) % 16 * 4, be16(s, from + 2)
  if header < 20 then return nil, "malformed IP header" end
  if be16(s, from + 6) % 0x4000 ~= 0 then return nil, "IP fragments" end
  if total == 0 then total = #s - from + 1 end -- TCP segmentation offload: filled in by the network card
  if total < header then return nil, "malformed IP header" end
  return carried(s, from + header, total - header, s:byte(from + 9), ipv4_text(s, from + 12), ipv4_text(s, from + 16), depth)
end

local function ipv6(s, from, depth)
  if #s - from + 1 < 40 then return nil, "cut inside the headers" end
  local payload, kind, at = be16(s, from + 4), s:byte(from + 6), from + 40
  local stop = payload == 0 and #s + 1 or at + payload
  while EXTENSIONS[kind] do
    local following, size = s:byte(at, at + 1)
    if not size then return nil, "cut inside the headers" end
    at = at + (kind == 51 and (size + 2) * 4 or (size + 1) * 8)
    kind = following
  end
  if kind == FRAGMENT then return nil, "IP fragments" end
  return carried(s, at, stop - at, kind, ipv6_text(s, from + 8), ipv6_text(s, from + 24), depth)
end

--- IPv4 or IPv6, by the version in the first octet.
function ip(s, from, depth)
  depth = depth or 0
  local first = s:byte(from)
  if not first then return nil, "cut inside the headers" end
  local version = math.floor(first / 16)
  if version == 4 then return ipv4(s, from, depth) end
  if version == 6 then return ipv6(s, from, depth) end
  return nil, "not TCP"
end

local VLAN = { [0x8100] = true, [0x88A8] = true, [0x9100] = true }
local MPLS = { [0x8847] = true, [0x8848] = true }
local PPPOE, PPP_IPV4, PPP_IPV6 = 0x8864, 0x0021, 0x0057

--- at: position of the ethertype, or, if it is given, of the data after it.
function by_ethertype(s, at, depth, kind)
  while true do
    if not kind then
      if #s < at + 1 then return nil, "cut inside the headers" end
      kind, at = be16(s, at), at + 2
    end
    if kind == 0x0800 or kind == 0x86DD then return ip(s, at, depth) end
    if MPLS[kind] then -- RFC 3032: labels of four octets, the last one has a bit
      repeat
        local low = s:byte(at + 2)
        if not low then return nil, "cut inside the headers" end
        at = at + 4
      until low % 2 == 1
      return ip(s, at, depth)
    end
    if kind == PPPOE then
      if #s < at + 7 then return nil, "cut inside the headers" end
      local protocol = be16(s, at + 6)
      if protocol ~= PPP_IPV4 and protocol ~= PPP_IPV6 then return nil, "not TCP" end
      return ip(s, at + 8, depth)
    end
    if not VLAN[kind] then return nil, "not TCP" end
    kind, at = nil, at + 2
  end
end

local EXPORT_END, EXPORT_DISSECTOR = 0, 12
local EXPORT_ADDRESS = { [20] = "source", [21] = "destination", [22] = "source", [23] = "destination" }
local EXPORT_PORT = { [25] = "source_port", [26] = "destination_port" }

--- Wireshark's "Export PDUs": tags, then the octets of the layer.
local function exported(s)
  local result = { source = "", destination = "", source_port = 0, destination_port = 0 }
  local at, dissector = 1, nil
  while true do
    if #s < at + 3 then return nil, "cut inside the headers" end
    local tag, length = be16(s, at), be16(s, at + 2)
    at = at + 4
    if tag == EXPORT_END then break end
    if #s < at + length - 1 then return nil, "cut inside the headers" end
    if tag == EXPORT_DISSECTOR then
      dissector = strings.cut_nul(s:sub(at, at + length - 1))
    elseif EXPORT_ADDRESS[tag] and (length == 4 or length == 16) then
      result[EXPORT_ADDRESS[tag]] = (length == 4 and ipv4_text or ipv6_text)(s, at)
    elseif EXPORT_PORT[tag] and length == 4 then
      result[EXPORT_PORT[tag]] = be32(s, at)
    end
    at = at + length
  end
  if dissector ~= "smpp" then return nil, "exported PDUs of other protocols" end
  result.exported = s:sub(at)
  return result
end

local BSD_FAMILIES = { [2] = true, [10] = true, [24] = true, [28] = true, [30] = true } -- AF_INET, and AF_INET6 as systems number it

local function loopback(s, u32)
  if #s < 5 then return nil, "cut inside the headers" end
  if not BSD_FAMILIES[u32(s, 1)] then return nil, "not TCP" end
  return ip(s, 5)
end

local readers = {
  [0] = function(s) -- the capturing machine's byte order
    return loopback(s, s:byte(1) == 0 and be32 or le32)
  end,
  [108] = function(s) return loopback(s, be32) end,
  [1] = function(s) return by_ethertype(s, 13) end,
  [12] = function(s) return ip(s, 1) end,
  [14] = function(s) return ip(s, 1) end,
  [101] = function(s) return ip(s, 1) end,
  [228] = function(s) return ip(s, 1) end,
  [229] = function(s) return ip(s, 1) end,
  [113] = function(s) return by_ethertype(s, 15) end,
  [276] = function(s)
    if #s < 20 then return nil, "cut inside the headers" end
    local kind = be16(s, 1)
    if kind == 0x0800 or kind == 0x86DD then return ip(s, 21) end
    return nil, "not TCP"
  end,
  [252] = exported,
}

--- The TCP segment, or the exported PDUs, in a packet.
---@param packet smpp.CapturedPacket
---@return smpp.CapturedSegment? segment
---@return string? why  the reason why there is none, for counting
function link.segment(packet)
  local reader = readers[packet.link]
  if not reader then return nil, ("unsupported link type %d"):format(packet.link) end
  return reader(packet.octets)
end

return link
