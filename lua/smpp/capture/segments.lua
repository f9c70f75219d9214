--- Octets of a session as packets of IP and TCP, as a capture on the wire would have them, had they been plain.
local blocks = require "smpp.capture.blocks"

local segments = {}

---@class smpp.Segments
local Segments = {}
local mt = { __index = Segments, __name = "smpp.Segments" }

local MOST_OCTETS = 60000 -- of a segment
local SYN, ACK, PUSH_ACK = 0x02, 0x10, 0x18

local u16, u32 = blocks.u16, blocks.u32

--- The sum of RFC 1071 over 16-bit words.
local function checksum(octets)
  local sum = 0
  for i = 1, #octets, 2 do
    local a, b = octets:byte(i, i + 1)
    sum = sum + a * 256 + (b or 0)
  end
  while sum > 0xFFFF do sum = sum % 65536 + math.floor(sum / 65536) end
  return 0xFFFF - sum
end

--- The address of an end in octets; "" where it is not known.
local function address_of(host) return blocks.address((host or ""):gsub("%%.*$", "")) or "" end

--- The streams of a session.
---@param session smpp.Session
---@return smpp.Segments
function segments.new(session)
  local peer = address_of(session.peer.host)
  if peer == "" then peer = "\0\0\0\0" end
  local own = #peer == 4 and "\0\0\0\0" or ("\0"):rep(16)
  if session.peer.host:find "^127%." or session.peer.host == "::1" then own = peer end
  local ours = { address = own, port = session.transport.local_port or 0, sent = 0 }
  local theirs = { address = peer, port = session.peer.port, sent = 0 }
  return setmetatable({ ends = { out = ours, ["in"] = theirs }, first = session.role == "esme" and "out" or "in", begun = false }, mt)
end

local function packet(from, to, flags, octets)
  local tcp = u16(from.port) .. u16(to.port) .. u32(from.sent) .. u32(flags == SYN and 0 or to.sent) .. string.char(0x50, flags) .. u16(65535)
  local length = 20 + #octets
  local pseudo = from.address .. to.address .. (#from.address == 4 and "\0\6" .. u16(length) or u32(length) .. "\0\0\0\6")
  tcp = tcp .. u16(checksum(pseudo .. tcp .. "\0\0\0\0" .. octets)) .. "\0\0"
  from.sent = (from.sent + #octets + (flags % 4 >= 2 and 1 or 0)) % 0x100000000
  if #from.address == 16 then return "\96\0\0\0" .. u16(length) .. "\6\64" .. from.address .. to.address .. tcp .. octets end
  local head = "\69\0" .. u16(20 + length) .. "\0\0\64\0\64\6"
  return head .. u16(checksum(head .. "\0\0" .. from.address .. to.address)) .. from.address .. to.address .. tcp .. octets
end

--- The packets that carry octets; the first ones of a session come behind a handshake of TCP.
---@param octets string
---@param direction "in"|"out"
---@return string[]
function Segments:packets(octets, direction)
  local ends, list = self.ends, {}
  if not self.begun then
    self.begun = true
    local one, other = ends[self.first], ends[self.first == "in" and "out" or "in"]
    list[1] = packet(one, other, SYN, "")
    list[2] = packet(other, one, SYN + ACK, "")
    list[3] = packet(one, other, ACK, "")
  end
  local from, to = ends[direction], ends[direction == "in" and "out" or "in"]
  for at = 1, #octets, MOST_OCTETS do list[#list + 1] = packet(from, to, PUSH_ACK, octets:sub(at, at + MOST_OCTETS - 1)) end
  return list
end

return segments
