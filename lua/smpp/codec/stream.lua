--- Cuts the octets of both directions into PDUs, for logs and traces.
local pdus = require "smpp.codec"

local Tracer = {}
local mt = { __index = Tracer, __name = "smpp.Tracer" }

local tracer = {}

--- A short printable form of octets that are no SMPP.
---@param octets string
---@param most? integer  how many to show, default 48
---@return string
function tracer.show_octets(octets, most)
  local cut = octets:sub(1, most or 48)
  local text = cut:gsub("[^\32-\126]", ".")
  return ('"%s"%s (%s)'):format(text, #octets > #cut and "..." or "", (cut:sub(1, 16):gsub(".", function(c)
    return ("%02x "):format(c:byte())
  end):sub(1, -2)))
end

---@param fn fun(direction: "in"|"out", pdu: smpp.Pdu)
---@param codec? smpp.Codec  that knows the names of vendor TLVs
---@param max_pdu_octets? integer  that of the session
function tracer.new(fn, codec, max_pdu_octets)
  return setmetatable({ fn = fn, decode = (codec or pdus.codec).decode, max = max_pdu_octets, rest = { ["in"] = "", out = "" }, lost = {} }, mt)
end

--- Takes what came or went; calls fn for each whole PDU in it.
---@param direction "in"|"out"
---@param chunk string
function Tracer:feed(direction, chunk)
  if self.lost[direction] then return end
  local octets, position = self.rest[direction] .. chunk, 1
  while true do
    local pdu, following, code = self.decode(octets, position, self.max)
    if not pdu then
      self.lost[direction] = code == "bad_length"
      break
    end
    position = following
    self.fn(direction, pdu)
  end
  self.rest[direction] = octets:sub(position)
end

return tracer
