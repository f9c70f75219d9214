--- A token bucket: so many per second, so many at once.
local Throttle = {}
Throttle.__index = Throttle

local throttle = {}

---@param rate_per_s number
---@param burst? number  how many may go at once after a pause, default one second's worth, at least 1
---@param now number
function throttle.new(rate_per_s, burst, now)
  burst = math.max(1, burst or rate_per_s)
  return setmetatable({ rate_per_s = rate_per_s, burst = burst, tokens = burst, at = now }, Throttle)
end

--- Takes a token.
---@param now number
---@return number wait_s  0: taken; else how long until there is one
function Throttle:take(now)
  local tokens = math.min(self.burst, self.tokens + (now - self.at) * self.rate_per_s)
  self.at = now
  if tokens >= 1 - 1e-9 then
    self.tokens = tokens - 1
    return 0
  end
  self.tokens = tokens
  return (1 - tokens) / self.rate_per_s
end

--- Gives a token back that was not used.
function Throttle:give_back() self.tokens = self.tokens + 1 end

return throttle
