--- A circuit breaker: after so many failures in a time nothing is sent for a while, then one message as a probe, whose
--- outcome closes it or opens it again.
local breaker = {}

---@class smpp.Breaker
---@field state "closed"|"open"|"half_open"
local Breaker = {}
local mt = { __index = Breaker, __name = "smpp.Breaker" }

---@param o { failures: integer, within_s: number, open_s: number }
---@return smpp.Breaker
function breaker.new(o)
  return setmetatable({
    o = o,
    state = "closed",
    times = {}, count = 0, at = 0, -- of the last failures, a ring
    opens_at = nil,                -- when a probe may go
    probing = false,
  }, mt)
end

--- May a message be sent?
---@param now number
---@return boolean
function Breaker:allows(now)
  if self.state == "closed" then return true end
  return not self.probing and now >= self.opens_at
end

--- A message is sent: while it is open, that is the probe.
function Breaker:begin()
  if self.state ~= "closed" then self.state, self.probing = "half_open", true end
end

--- Notes that the carrier works: closes the breaker.
---@return boolean changed  it has closed
function Breaker:success()
  self.probing, self.count = false, 0
  if self.state == "closed" then return false end
  self.state = "closed"
  return true
end

--- A failure.
---@param now number
---@return boolean changed  it has opened
function Breaker:failure(now)
  local o = self.o
  if self.state ~= "closed" then
    local was_probe = self.probing
    if was_probe then self.state, self.probing, self.opens_at = "open", false, now + o.open_s end
    return false -- not the probe: a message that was sent before the breaker opened
  end
  self.at = self.at % o.failures + 1
  self.times[self.at] = now
  self.count = math.min(self.count + 1, o.failures)
  local oldest = self.times[self.at % o.failures + 1]
  if self.count < o.failures or now - oldest > o.within_s then return false end
  self.state, self.probing, self.opens_at, self.count = "open", false, now + o.open_s, 0
  return true
end

--- The probe was not sent, or its outcome says nothing about the carrier: the next message is the probe.
function Breaker:undecided()
  if self.probing then self.state, self.probing = "open", false end
end

return breaker
