--- Whether a session reads.  It does unless the peer does not read either, `pause` was called, or handlers cannot keep up.
--- A part of a session.

---@class smpp.Reading
---@field is_on boolean
local Reading = {}
local mt = { __index = Reading, __name = "smpp.Reading" }

local reading = {}

-- Octets that may wait for a peer which does not read, before a bind and after it: above these it is not read from either.
local UNSENT_UNBOUND, UNSENT_BOUND = 4096, 262144

---@param transport smpp.Transport
---@return smpp.Reading
function reading.new(transport)
  return setmetatable({
    transport = transport,
    is_on = true,
    congested = false,          -- the peer does not read either
    paused = false,             -- pause() was called
    overloaded = false,         -- handlers cannot keep up
    unsent_octets = UNSENT_UNBOUND, -- that may wait in the transport
  }, mt)
end

local function update(self)
  local is_on = not (self.congested or self.paused or self.overloaded)
  if is_on == self.is_on then return end
  self.is_on = is_on
  if is_on then self.transport:resume() else self.transport:pause() end
end

--- A bound peer is trusted with more octets.
---@param is_bound boolean
function Reading:set_bound(is_bound) self.unsent_octets = is_bound and UNSENT_BOUND or UNSENT_UNBOUND end

--- Octets were written.
function Reading:written()
  if self.congested or self.transport:pending() <= self.unsent_octets then return end
  self.congested = true
  update(self)
end

--- What was pending has gone out.
function Reading:drained()
  if not self.congested or self.transport:pending() > self.unsent_octets / 4 then return end
  self.congested = false
  update(self)
end

---@param paused boolean
function Reading:set_paused(paused)
  self.paused = paused
  update(self)
end

---@param overloaded boolean
function Reading:set_overloaded(overloaded)
  if self.overloaded == overloaded then return end
  self.overloaded = overloaded
  update(self)
end

return reading
