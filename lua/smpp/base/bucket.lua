--- A token bucket: a rate per second and a burst size.  It keeps one moment, at which the bucket would be full again if
--- nothing more were taken, instead of a count of tokens (the generic cell rate algorithm of ITU-T I.371).
---@class smpp.Bucket
---@field rate_per_s number
local Bucket = {}
local mt = { __index = Bucket, __name = "smpp.Bucket" }

local bucket = {}

local ROUNDING_S = 1e-9

-- The longest delay of a timer that is made up for.  A longer gap counts as idle time, after which a paced bucket is empty.
local LATE_S = 0.005

local function make(rate_per_s, burst, late_s, now)
  local self = setmetatable({
    rate_per_s = rate_per_s,
    burst = burst,
    late_s = late_s,
    step_s = nil, depth_s = nil, -- of one token; of those beyond the first that may go at once
    full_at = now,
  }, mt)
  self:set_rate(rate_per_s)
  return self
end

--- A bucket for limiting a peer: full after idle time.
---@param rate_per_s number
---@param burst? number  tokens it holds; default one second's worth, at least 1
---@param now number
---@return smpp.Bucket
function bucket.new(rate_per_s, burst, now)
  return make(rate_per_s, math.max(1, burst or math.ceil(rate_per_s)), 0, now)
end

--- A bucket for staying below a peer's limit: tokens are evenly spaced, unless a burst is given.
---@param rate_per_s number  math.huge: no limit
---@param burst? number  tokens available at once after idle time; default 1
---@param now number
---@return smpp.Bucket
function bucket.paced(rate_per_s, burst, now) return make(rate_per_s, math.max(1, burst or 1), LATE_S, now) end

---@param rate_per_s number
function Bucket:set_rate(rate_per_s)
  self.rate_per_s = rate_per_s
  self.step_s = 1 / rate_per_s
  self.depth_s = (self.burst - 1) * self.step_s
end

--- Takes a token.
---@param now number
---@return number wait_s  0: taken; else how long until there is one
function Bucket:take(now)
  local full_at = self.full_at
  local wait_s = full_at - self.depth_s - now
  if wait_s > ROUNDING_S then return wait_s end
  if full_at < now - self.late_s then full_at = now end
  self.full_at = full_at + self.step_s
  return 0
end

--- Returns an unused token.
function Bucket:give_back() self.full_at = self.full_at - self.step_s end

--- Takes all tokens but one.
---@param now number
function Bucket:drain(now) self.full_at = math.max(self.full_at, now + self.depth_s) end

return bucket
