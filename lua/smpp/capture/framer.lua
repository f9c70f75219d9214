--- What one side of a connection said -> PDUs.  Finds the next PDU again after a hole, in a capture that begins in
--- the middle, and tells SMPP from what is none.
local core = require "smpp.core"
local pdus = require "smpp.codec"

local Framer = {}
local mt = { __index = Framer, __name = "smpp.Framer" }

local framer = {}

local MAX_LENGTH = 131072
local KNOWN = {}
for _, command in ipairs(core.protocol.commands()) do KNOWN[command.id] = true end

---@param on_pdu fun(pdu: smpp.Pdu, packet: any)
---@param on_skipped fun(octets: string, packet: any)  octets that belong to no PDU
function framer.new(on_pdu, on_skipped)
  return setmetatable({
    on_pdu = on_pdu, on_skipped = on_skipped,
    rest = "",
    found = false, -- rest begins with a PDU
  }, mt)
end

local STATUS_MAX = 0x4FF -- the carriers' own end here

--- Where a PDU begins, judged by the first twelve octets of its header, or what is there of them.
local function search(octets, at)
  while true do
    at = octets:find("%z[%z\1\2]..[%z\128]%z[%z\1]", at)
    if not at or at + 7 > #octets then return nil end
    local a, b, c, d, e, f, g, h, i, j, k, l = octets:byte(at, at + 11)
    local length, id = ((a * 256 + b) * 256 + c) * 256 + d, ((e * 256 + f) * 256 + g) * 256 + h
    local status = l and ((i * 256 + j) * 256 + k) * 256 + l or 0
    if length >= 16 and length <= MAX_LENGTH and KNOWN[id] and (status == 0 or e == 128 and status <= STATUS_MAX) then
      return at
    end
    at = at + 1
  end
end

--- Takes the next octets.  `packet` is handed to the functions with what it completed.
---@param octets string
---@param packet any
function Framer:feed(octets, packet)
  local rest = self.rest == "" and octets or self.rest .. octets
  local at = 1
  while true do
    if not self.found then
      local start = search(rest, at)
      if not start then
        local keep = rest:find("%z", math.max(at, #rest - 6)) or #rest + 1 -- a header may be cut
        if keep > at then self.on_skipped(rest:sub(at, keep - 1), packet) end
        at = keep
        break
      end
      if start > at then self.on_skipped(rest:sub(at, start - 1), packet) end
      at, self.found = start, true
    end
    local pdu, following, code = pdus.decode(rest, at)
    if pdu then
      at = following
      self.on_pdu(pdu, packet)
    elseif code == "bad_length" then
      self.found = false
      self.on_skipped(rest:sub(at, at), packet)
      at = at + 1
    else
      break
    end
  end
  self.rest = rest:sub(at)
end

--- Octets are missing here, or the stream is over: a PDU that has begun will not be complete.
---@param packet any
function Framer:lost(packet)
  if self.rest ~= "" then self.on_skipped(self.rest, packet) end
  self.rest, self.found = "", false
end

return framer
