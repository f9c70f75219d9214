--- Reads packets from capture files: pcap (micro- and nanoseconds, either byte order), pcapng and snoop (RFC 1761).
local octets = require "smpp.capture.octets"

---@class smpp.CapturedPacket
---@field number integer  as Wireshark counts frames, from 1
---@field time number     seconds since 1970
---@field link integer    type of its first header: a LINKTYPE_ number
---@field octets string   the captured ones

---@class smpp.CaptureFile
local File = {}
local mt = { __index = File, __name = "smpp.CaptureFile" }

local file = {}

local PACKET_MAX = 16777216 -- a larger length means a malformed file

local MAGICS = { -- the first four octets of the file
  ["\212\195\178\161"] = { "le", 1e6 },
  ["\161\178\195\212"] = { "be", 1e6 },
  ["\077\060\178\161"] = { "le", 1e9 },
  ["\161\178\060\077"] = { "be", 1e9 },
}
local PCAPNG = "\10\13\13\10"
local SNOOP = "snoop\0\0\0"
local SNOOP_LINKS = { [4] = 1, [9] = 0, [26] = 101 } -- Ethernet; as LINKTYPE_ numbers

--- Returns true if octets begin a capture file; four are enough.
---@param start string
---@return boolean
function file.is_capture(start)
  start = start:sub(1, 4)
  return MAGICS[start] ~= nil or start == PCAPNG or start == SNOOP:sub(1, 4)
end

--- Exactly n octets; nil at the end of the file, nil and a message if truncated.
local function take(self, n, what)
  if n == 0 then return "" end
  local piece = self.read(n)
  if piece and #piece == n then return piece end
  if (piece == nil or piece == "") and not what then return nil end
  return nil, ("truncated capture file: ends inside %s (after packet %d)"):format(what or "a packet", self.number)
end

--- floor(high * 2^32 + low / units) and the rest, exact though the number has 64 bits.
local function divide(high, low, units)
  local quotient, rest = 0, 0
  for _, digit in ipairs { math.floor(high / 65536), high % 65536, math.floor(low / 65536), low % 65536 } do
    local value = rest * 65536 + digit
    quotient = quotient * 65536 + math.floor(value / units)
    rest = value % units
  end
  return quotient, rest
end

-- ---- pcap ----

local function next_pcap(self)
  local head, message = take(self, 16)
  if not head then return nil, message, message and "truncated" end
  local u32 = self.u32
  local seconds, fraction, length = u32(head, 1), u32(head, 5), u32(head, 9)
  if length > PACKET_MAX then
    return nil, ("malformed capture file: packet %d has a length of %.0f octets"):format(self.number + 1, length), "bad_length"
  end
  local data
  data, message = take(self, length, "a packet")
  if not data then return nil, message, "truncated" end
  self.number = self.number + 1
  return {
    number = self.number, time = seconds + fraction / self.units, link = self.link, octets = data,
  }
end

-- ---- snoop ----

local SNOOP_RECORD = 24 -- octets before a packet

local function next_snoop(self)
  local be32 = octets.be32
  local head, message = take(self, SNOOP_RECORD)
  if not head then return nil, message, message and "truncated" end
  local length, record = be32(head, 5), be32(head, 9)
  if length > PACKET_MAX or record < SNOOP_RECORD + length or record > SNOOP_RECORD + length + 4096 then
    return nil, ("malformed capture file: packet %d has a length of %.0f octets"):format(self.number + 1, length), "bad_length"
  end
  local data
  data, message = take(self, record - SNOOP_RECORD, "a packet")
  if not data then return nil, message, "truncated" end
  self.number = self.number + 1
  return { number = self.number, time = be32(head, 17) + be32(head, 21) / 1e6, link = self.link, octets = data:sub(1, length) }
end

-- ---- pcapng ----

local INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 1, 2, 3, 6
local OPTION_TSRESOL, OPTION_TSOFFSET = 9, 14

local function read_interface(self, body)
  local interface = { link = self.u16(body, 1), snap = self.u32(body, 5), units = 1e6, offset = 0 }
  local at = 9
  while at + 3 <= #body do
    local code, length = self.u16(body, at), self.u16(body, at + 2)
    if code == 0 or at + 3 + length > #body then break end
    if code == OPTION_TSRESOL and length >= 1 then
      local value = body:byte(at + 4)
      interface.units = value < 128 and 10 ^ value or 2 ^ (value - 128)
    elseif code == OPTION_TSOFFSET and length == 8 then
      local high, low = self.u32(body, at + (self.little and 8 or 4)), self.u32(body, at + (self.little and 4 or 8))
      interface.offset = (high >= 2147483648 and high - 4294967296 or high) * 4294967296 + low
    end
    at = at + 4 + length + (-length) % 4
  end
  self.interfaces[#self.interfaces + 1] = interface
end

local function packet_of(self, interface, data, high, low)
  local time = 0
  if high then
    local units = interface.units
    if units <= 1e9 then -- finer ones would not be exact
      local seconds, rest = divide(high, low, units)
      time = seconds + rest / units
    else
      time = (high * 4294967296 + low) / units
    end
    time = time + interface.offset
  end
  self.number = self.number + 1
  return { number = self.number, time = time, link = interface.link, octets = data }
end

--- The packet of a packet block; nil for other blocks.
local function read_packet(self, kind, body)
  local u16, u32 = self.u16, self.u32
  local index, at = 1, 21
  if kind == SIMPLE_PACKET then
    at = 5
  elseif #body < 20 then
    return nil, "malformed packet block: too short"
  else
    index = (kind == PACKET and u32(body, 1) or u16(body, 1)) + 1
  end
  local interface = self.interfaces[index]
  if not interface then return nil, ("packet %d refers to an undefined interface"):format(self.number + 1) end
  if kind == SIMPLE_PACKET then
    if #body < 4 then return nil, "malformed packet block: too short" end
    local original = u32(body, 1)
    local length = math.min(original, #body - 4, interface.snap > 0 and interface.snap or original)
    return packet_of(self, interface, body:sub(at, at + length - 1))
  end
  local length = u32(body, 13)
  if length > #body - 20 then return nil, ("malformed packet %d: longer than its block"):format(self.number + 1) end
  return packet_of(self, interface, body:sub(at, at + length - 1), u32(body, 5), u32(body, 9))
end

--- The byte order of a section, known only when its header is read.
local function section_order(self, magic)
  self.little = magic == "\077\060\043\026"
  if not self.little and magic ~= "\026\043\060\077" then return nil end
  self.u16 = self.little and octets.le16 or octets.be16
  self.u32 = self.little and octets.le32 or octets.be32
  self.interfaces = {}
  return true
end

local function next_pcapng(self)
  while true do
    local head, message = take(self, 8)
    if not head then return nil, message, message and "truncated" end
    local start = ""
    if head:sub(1, 4) == PCAPNG then
      start, message = take(self, 4, "a section header")
      if not start then return nil, message, "truncated" end
      if not section_order(self, start) then return nil, "pcapng: invalid byte-order magic in section header", "bad_value" end
    end
    local kind, length = self.u32(head, 1), self.u32(head, 5)
    if length < 12 + #start or length % 4 ~= 0 or length > PACKET_MAX then
      return nil, ("malformed capture file: block of %.0f octets after packet %d"):format(length, self.number), "bad_length"
    end
    local body
    body, message = take(self, length - 8 - #start, "a block")
    if not body then return nil, message, "truncated" end
    body = body:sub(1, -5)
    if kind == INTERFACE then
      if #body < 8 then return nil, "malformed interface block: too short", "bad_length" end
      read_interface(self, body)
    elseif kind == PACKET or kind == SIMPLE_PACKET or kind == OLD_PACKET then
      local packet
      packet, message = read_packet(self, kind, body)
      if not packet then return nil, message, "bad_value" end
      return packet
    end
  end
end

--- Opens a capture.
---@param read fun(n: integer): string?  as octets.source gives it
---@return smpp.CaptureFile? file
---@return string? message
---@return string? code  "truncated", "bad_value": not a capture
function file.open(read)
  local self = setmetatable({
    read = read,
    number = 0,        -- of the last packet read
    advance = nil,     -- reads the next packet
    u16 = nil, u32 = nil, little = nil, -- the byte order
    units = nil, link = nil, -- pcap: of all packets
    interfaces = nil,  -- pcapng: of this section
  }, mt)
  local magic = read(4) or ""
  if magic == PCAPNG then
    local first = true -- the magic is a part of the first block
    self.read = function(n)
      if not first then return read(n) end
      first = false
      local rest = read(n - 4)
      return PCAPNG .. (rest or "")
    end
    self.advance = next_pcapng
    return self
  end
  local form = MAGICS[magic]
  if magic == SNOOP:sub(1, 4) then
    local head = read(12) or ""
    if #head < 12 then return nil, "truncated capture file: ends inside its header", "truncated" end
    local link = octets.be32(head, 9)
    if magic .. head:sub(1, 4) ~= SNOOP then return nil, "this is neither pcap, pcapng nor snoop", "bad_value" end
    self.link = SNOOP_LINKS[link]
    if not self.link then return nil, ("snoop: unsupported datalink type %.0f"):format(link), "bad_value" end
    self.advance = next_snoop
    return self
  end
  if not form then
    if magic:sub(1, 2) == "\31\139" then return nil, "unsupported compressed capture: gunzip it first", "bad_value" end
    if #magic < 4 then return nil, "truncated capture file: too short for a magic number", "truncated" end
    return nil, "this is neither pcap, pcapng nor snoop", "bad_value"
  end
  self.u32, self.units = form[1] == "le" and octets.le32 or octets.be32, form[2]
  local head = read(20) or ""
  if #head < 20 then return nil, "truncated capture file: ends inside its header", "truncated" end
  self.link = self.u32(head, 17) % 65536 -- above: the length of the frame check sequence
  self.advance = next_pcap
  return self
end

--- The next packet.
---@return smpp.CapturedPacket? packet
---@return string? message  nil at the end of the file
---@return string? code  "truncated", "bad_length", "bad_value": the file is malformed from here on
function File:next() return self:advance() end

return file
