--- The PDUs of both directions of a session, for its event `pdu`.  A part of a session, made for the first listener.
local stream = require "smpp.codec.stream"

---@class smpp.SessionTap
local Tap = {}
local mt = { __index = Tap, __name = "smpp.SessionTap" }

local tap = {}

---@param session smpp.Session
---@return smpp.SessionTap
function tap.new(session)
  local function of(direction)
    return stream.new {
      pdu = function(pdu) session:emit("pdu", pdu, direction) end, codec = session.codec, max_pdu_octets = session.max_pdu_octets,
    }
  end
  return setmetatable({ inbound = of "in", outbound = of "out" }, mt)
end

--- Octets were received.
---@param octets string
function Tap:received(octets) self.inbound:feed(octets) end

--- Octets are about to be written.
---@param octets string
function Tap:sent(octets) self.outbound:feed(octets) end

return tap
