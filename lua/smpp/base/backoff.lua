--- Exponential back-off: each pause after another failure is twice as long, from `min_s` up to `max_s`.
---@class smpp.Backoff
---@field ends_at number  of the current pause, 0: not backing off
local Backoff = { ended_at = 0, count = 0 }
local mt = { __index = Backoff, __name = "smpp.Backoff" }

local backoff = {}

local MIN_S, MAX_S = 1, 30
local ROUNDING_S = 1e-6 -- a timer that was set for the end of a pause may fire a rounding error before it, and is not set again

--- The length of the n-th pause in a row.
---@param n integer  from 1
---@param min_s? number  default 1
---@param max_s? number  default 30
---@return number seconds
function backoff.delay_s(n, min_s, max_s)
  return math.min(max_s or MAX_S, (min_s or MIN_S) * 2 ^ math.min(n - 1, 60)) -- 2^60: still a number of seconds
end

---@return smpp.Backoff
function backoff.new() return setmetatable({ ends_at = 0 }, mt) end

--- Starts a pause after a failure.
---@param now number
---@param sent_at? number  when the request that failed was sent
---@return number? pause_s  nil: the failure belongs to a request sent before the current or the last pause ended
function Backoff:start(now, sent_at)
  if (sent_at or now) < math.max(self.ends_at, self.ended_at) then return nil end
  self.count = self.count + 1
  local pause_s = backoff.delay_s(self.count)
  self.ends_at = now + pause_s
  return pause_s
end

---@param now number
---@return boolean
function Backoff:is_active(now) return now < self.ends_at - ROUNDING_S end

--- Marks the pause as over.
function Backoff:finish() self.ends_at, self.ended_at = 0, self.ends_at end

--- Reports a success: the next pause is the shortest again.
function Backoff:recovered() self.count = 0 end

--- Clears all state.
function Backoff:clear() self.ends_at, self.ended_at, self.count = 0, 0, 0 end

return backoff
