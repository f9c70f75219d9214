--- Splits one direction of a connection into PDUs.  With a handler for skipped octets it resynchronises: it finds the next
--- PDU after malformed octets, after a gap, or in a capture that begins in the middle of a connection.
local core = require "smpp.core"
local pdus = require "smpp.codec"

---@class smpp.PduStream
---@field rest string       octets of a PDU that has begun
---@field problem string?   why it was given up
local Stream = {}
local mt = { __index = Stream, __name = "smpp.PduStream" }

local stream = {}

local HEADER_OCTETS = 16
local MAX_OCTETS = core.defaults.max_pdu_octets -- largest command_length accepted when resynchronising
local STATUS_MAX = 0x4FF -- last status of the range for vendors (3.4, 5.1.3)
local KNOWN = {}
for _, command in ipairs(core.protocol.commands()) do KNOWN[command.id] = true end

--- A short printable form of malformed octets.
---@param octets string
---@param most? integer  how many to show, default 48
---@return string
function stream.show_octets(octets, most)
  local cut = octets:sub(1, most or 48)
  local text = cut:gsub("[^\32-\126]", ".")
  return ('"%s"%s (%s)'):format(text, #octets > #cut and "..." or "", (cut:sub(1, 16):gsub(".", function(c)
    return ("%02x "):format(c:byte())
  end):sub(1, -2)))
end

--- A view of a truncated PDU: its command_length is the number of octets present.
---@param octets string
---@return smpp.Pdu? pdu      nil: less than a header
---@return integer? missing   octets, by its own command_length
function stream.cut(octets)
  local n = #octets
  if n < HEADER_OCTETS then return nil end
  local a, b, c, d = octets:byte(1, 4)
  local own = string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  return pdus.codec.decode(own .. octets:sub(5), 1, math.max(n, MAX_OCTETS)), ((a * 256 + b) * 256 + c) * 256 + d - n
end

---@class smpp.PduStreamOptions
---@field pdu fun(pdu: smpp.Pdu, tag: any)
---@field skipped (fun(octets: string, tag: any))?  octets that belong to no PDU; nil: at an invalid command_length the stream is given up
---@field cut (fun(pdu: smpp.Pdu, octets: string, missing: integer, tag: any))?  a PDU whose end does not come
---@field codec smpp.Codec?           that knows the names of vendor TLVs
---@field max_pdu_octets integer?     default 131072

---@param o smpp.PduStreamOptions
---@return smpp.PduStream
function stream.new(o)
  return setmetatable({
    on_pdu = o.pdu, on_skipped = o.skipped, on_cut = o.cut,
    decode = (o.codec or pdus.codec).decode,
    max = o.max_pdu_octets,
    rest = "",
    in_sync = o.skipped == nil, -- rest begins with a PDU
    problem = nil,
  }, mt)
end

--- Where a PDU begins, judged by the first twelve octets of its header, or what is there of them.
local function search(octets, at)
  while true do
    at = octets:find("%z[%z\1\2]..[%z\128]%z[%z\1]", at)
    if not at or at + 7 > #octets then return nil end
    local a, b, c, d, e, f, g, h, i, j, k, l = octets:byte(at, at + 11)
    local length, id = ((a * 256 + b) * 256 + c) * 256 + d, ((e * 256 + f) * 256 + g) * 256 + h
    local status = l and ((i * 256 + j) * 256 + k) * 256 + l or 0
    if length >= HEADER_OCTETS and length <= MAX_OCTETS and KNOWN[id] and (status == 0 or e == 128 and status <= STATUS_MAX) then
      return at
    end
    at = at + 1
  end
end

--- Octets before the next PDU are skipped.
---@return integer at  of the next PDU, or of what may be the beginning of its header
local function resync(self, octets, at, tag)
  local start = search(octets, at)
  self.in_sync = start ~= nil
  start = start or octets:find("%z", math.max(at, #octets - 6)) or #octets + 1 -- a header may be cut
  if start > at then self.on_skipped(octets:sub(at, start - 1), tag) end
  return start
end

--- Takes the next octets.
---@param octets string
---@param tag any  handed to the functions with what these octets complete
function Stream:feed(octets, tag)
  if self.problem then return end
  if self.rest ~= "" then octets = self.rest .. octets end
  local at, decode, on_pdu, max = 1, self.decode, self.on_pdu, self.max
  while true do
    if not self.in_sync then
      at = resync(self, octets, at, tag)
      if not self.in_sync then break end
    end
    local pdu, following, code = decode(octets, at, max)
    if pdu then
      at = following
      on_pdu(pdu, tag)
    elseif code ~= "bad_length" then
      break
    elseif self.on_skipped then
      self.in_sync = false
      self.on_skipped(octets:sub(at, at), tag)
      at = at + 1
    else
      self.problem = following
      break
    end
  end
  self.rest = octets:sub(at)
end

--- Octets are missing here, or the stream is over: a PDU that has begun will not be complete.
---@param tag any
function Stream:lost(tag)
  local rest, pdu, missing = self.rest, nil, nil
  if self.in_sync and self.on_cut and search(rest, 1) == 1 then pdu, missing = stream.cut(rest) end
  self.rest, self.in_sync = "", self.on_skipped == nil
  if pdu then
    self.on_cut(pdu, rest, missing, tag)
  elseif rest ~= "" and self.on_skipped then
    self.on_skipped(rest, tag)
  end
end

return stream
