--- A lease: the right to one bind of a carrier, until its deadline.
local lease = {}

---@class smpp.Lease
---@field carrier string
---@field slot integer
---@field fence number      > that of every lease before
---@field deadline number   loop time; it moves with each renewal
---@field giving boolean    it is being given back: nothing new is sent
---@field close_s number?   of one that is lost: time left to close
---@field is_bound boolean
---@field failures integer  attempts to bind that failed, in a row
local Lease = {}
local mt = { __index = Lease, __name = "smpp.Lease" }

function mt:__tostring() return ("lease %s %d, fence %.0f"):format(self.carrier, self.slot, self.fence) end

---@param leases smpp.Leases
---@param slot integer
---@param fence number
---@param deadline number
---@return smpp.Lease
function lease.new(leases, slot, fence, deadline)
  return setmetatable({
    leases = leases, carrier = leases.carrier, slot = slot, fence = fence, deadline = deadline,
    giving = false, close_s = nil, close_at = -math.huge, is_bound = false, failures = 0,
  }, mt)
end

--- Reads a row of the engine.
---@param value string  "run fence beat"
---@return string? run
---@return number? fence
---@return number? beat
function lease.read(value)
  local run, fence, beat = value:match "^(%S+) (%d+) (%d+)$"
  return run, tonumber(fence), tonumber(beat)
end

--- May it be used?  Asked before each write: a process that stood still has to close first.
---@param now number  loop:precise()
---@return boolean
function Lease:is_held(now) return now < self.deadline end

--- May octets go out?  After its end for as long as it takes to unbind.
---@param now number  loop:precise()
---@return boolean
function Lease:may_write(now) return now < self.deadline or now < self.close_at end

--- It is over.
---@private
---@param now number
---@param close_s number
function Lease:ended(now, close_s) self.deadline, self.close_s, self.close_at = -math.huge, close_s, now + close_s end

--- The bind stands.
function Lease:bound() self.is_bound, self.failures = true, 0 end

--- The bind has ended; the carrier tries again.
function Lease:unbound() self.is_bound = false end

--- An attempt to bind has failed.
function Lease:failed()
  self.is_bound = false
  if self.close_s == nil then self.leases:failed(self) end
end

--- What was to be given back is closed.
function Lease:done() self.leases:done(self) end

return lease
