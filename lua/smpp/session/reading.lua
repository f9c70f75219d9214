--- Flow control of a session: reading stops while the peer does not read our output, while `pause` is in force, and while
--- handlers cannot keep up.  A part of a session.

---@class smpp.Reading
---@field transport smpp.Transport
local Reading = {
  is_on = true,
  congested = false,            -- too many unsent octets: the peer does not read
  paused = false,               -- pause() was called
  overloaded = false,           -- handlers cannot keep up
  unsent_octets = 4096,         -- limit of unsent octets in the transport; above: congested
}
local mt = { __index = Reading, __name = "smpp.Reading" }

local reading = {}

local UNSENT_BOUND = 262144 -- the limit for a bound peer

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

--- Sets the limit of unsent octets: higher for a bound peer.
---@param is_bound boolean
function Reading:set_bound(is_bound) self.unsent_octets = is_bound and UNSENT_BOUND or nil end

--- Octets were written.
function Reading:written()
  if self.congested or self.transport:pending() <= self.unsent_octets then return end
  self.congested = true
  update(self)
end

--- Pending octets were sent.
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
