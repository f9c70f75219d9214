--- Flow control of a session: reading stops while the peer does not read our output, while `pause` is in force, and while
--- handlers cannot keep up.  A part of a session, made with the first reason to stop.

---@class smpp.Reading
---@field session smpp.Session
local Reading = {
  is_on = true,
  congested = false,            -- too many unsent octets: the peer does not read
  paused = false,               -- pause() was called
  overloaded = false,           -- handlers cannot keep up
}
local mt = { __index = Reading, __name = "smpp.Reading" }

local reading = {}

local UNSENT_UNBOUND, UNSENT_BOUND = 4096, 262144 -- octets in the transport; above: congested

local function limit(session) return session.is_bound and UNSENT_BOUND or UNSENT_UNBOUND end

--- The flow control of a session, made when it is first needed.
---@param session smpp.Session
---@return smpp.Reading
function reading.of(session)
  if not session.reading then
    local self = setmetatable({ session = session }, mt)
    session.reading = self
    session.transport.on_drain = function()
      if not session.closed then self:drained() end
    end
  end
  return session.reading
end

local function update(self)
  local is_on = not (self.congested or self.paused or self.overloaded)
  if is_on == self.is_on then return end
  self.is_on = is_on
  local transport = self.session.transport
  if is_on then transport:resume() else transport:pause() end
end

--- Octets were written.
---@param session smpp.Session
function reading.written(session)
  if session.transport:pending() <= limit(session) then return end
  local self = reading.of(session)
  if self.congested then return end
  self.congested = true
  update(self)
end

--- Pending octets were sent.
function Reading:drained()
  if not self.congested or self.session.transport:pending() > limit(self.session) / 4 then return end
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
