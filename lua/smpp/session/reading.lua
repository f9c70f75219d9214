--- Whether a session reads.  It does unless the peer does not read either, `pause` was called, or handlers cannot keep up.
--- A part of a session.

---@class smpp.Reading
---@field transport smpp.Transport
local Reading = {
  is_on = true,
  congested = false,            -- the peer does not read either
  paused = false,               -- pause() was called
  overloaded = false,           -- handlers cannot keep up
  unsent_octets = 4096,         -- that may wait in the transport for a peer which does not read: above, it is not read from
}
local mt = { __index = Reading, __name = "smpp.Reading" }

local reading = {}

local UNSENT_BOUND = 262144 -- once it is bound

---@param transport smpp.Transport
---@return smpp.Reading
function reading.new(transport)
  return setmetatable({ transport = transport }, mt)
end

local function update(self)
  local is_on = not (self.congested or self.paused or self.overloaded)
  if is_on == self.is_on then return end
  self.is_on = is_on
  if is_on then self.transport:resume() else self.transport:pause() end
end

--- A bound peer is trusted with more octets.
---@param is_bound boolean
function Reading:set_bound(is_bound) self.unsent_octets = is_bound and UNSENT_BOUND or nil end

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
