--- The rate limit of a client's submissions: fixed, or adaptive.
--- Adaptive: no limit until the first throttling response; then the measured rate that the MC accepted; from there it grows,
--- fast at first and slowly near the rate of the last refusal, and steps down with each refusal.
local buckets = require "smpp.base.bucket"

local rates = {}

---@class smpp.Rate
---@field rate_per_s number  math.huge: no limit yet
local Rate = {}
local mt = { __index = Rate, __name = "smpp.Rate" }

local STEP_DOWN = 0.93        -- factor of the refused rate after a refusal
local CLIMB_S = 30            -- time to grow back to the refused rate,
local CLIMB_MESSAGES = 200    -- but at least so many messages: at most 1 to 2 % are refused
local APPROACH_S = 5          -- time constant of the growth up to STEP_DOWN times the refused rate
local FORGET = 1.25           -- at this factor of the refused rate the limit of the MC has been raised: forget it
local SOON_S = 5              -- another refusal within this time: the rate is far above the limit
local DOUBLE_MESSAGES = 4     -- below this many per second, double only after so many messages

--- What an adaptive rate learns by, for those that learn one together.
rates.LEARNING = { STEP_DOWN, CLIMB_S, CLIMB_MESSAGES, APPROACH_S, FORGET, SOON_S, DOUBLE_MESSAGES }

---@param given number|{ min: number, max: number?, start: number? }  messages per second; or the limits of an adaptive rate
---@param burst? number
---@param now number
---@return smpp.Rate
function rates.new(given, burst, now)
  local limits = type(given) == "table" and given or nil
  local max = limits and limits.max or math.huge
  local rate = limits and (limits.start or max) or given
  return setmetatable({
    rate_per_s = rate,
    bucket = buckets.paced(rate, burst, now),
    adaptive = limits ~= nil,
    min = limits and limits.min, max = max,
    refused_rate = nil,         -- rate at the last refusal
    taken = 0, refused = 0,     -- requests since `since`
    since = now,                -- time of the last step down
    last_at = now,              -- time of the last request
    waited = false,             -- the next request waits for the rate only
    is_over = false,            -- refused: step down when the pause ends
  }, mt)
end

local function set(self, rate)
  self.rate_per_s = math.max(self.min, math.min(self.max, rate))
  self.bucket:set_rate(self.rate_per_s)
end

--- Grows after a time of full use.
local function climb(self, elapsed_s)
  local rate, refused_rate = self.rate_per_s, self.refused_rate
  if refused_rate and rate > refused_rate * FORGET then
    refused_rate, self.refused_rate = nil, nil
  end
  if not refused_rate then return set(self, rate * 2 ^ (elapsed_s * math.min(1, rate / DOUBLE_MESSAGES))) end
  local slope = (1 - STEP_DOWN) * refused_rate / math.max(CLIMB_S, CLIMB_MESSAGES / refused_rate)
  local far = math.max(0, STEP_DOWN * refused_rate - rate)
  set(self, rate + slope * elapsed_s + far * math.min(1, elapsed_s / APPROACH_S))
end

--- Another rate, fixed from now on.
---@param rate_per_s number
function Rate:fix(rate_per_s)
  self.adaptive, self.rate_per_s = false, rate_per_s
  self.bucket:set_rate(rate_per_s)
end

--- Takes a token for a request.
---@param now number
---@return number wait_s  0: send it now
function Rate:take(now)
  local wait_s = self.bucket:take(now)
  if not self.adaptive then return wait_s end
  if wait_s > 0 then
    self.waited = true
    return wait_s
  end
  if self.waited then climb(self, now - self.last_at) end
  self.waited, self.last_at, self.taken = false, now, self.taken + 1
  return 0
end

--- Returns the token of a request that was not sent.
function Rate:give_back()
  self.bucket:give_back()
  self.taken = self.taken - 1
end

--- A request was refused with a throttling status.
function Rate:note_refused() self.refused = self.refused + 1 end

--- A bind backs off after throttling.
function Rate:pause() self.is_over = true end

--- The back-off has ended.
---@param now number
---@return boolean changed
function Rate:resume(now)
  self.waited = false
  if not self.adaptive or not self.is_over then
    self.bucket:drain(now)
    return false
  end
  local rate, elapsed_s = self.rate_per_s, now - self.since
  local measured = math.max(0, self.taken - self.refused) / math.max(elapsed_s, 1) -- the MC accepts at least this rate
  if rate == math.huge then
    rate = measured
  else
    local far_above = not self.refused_rate or elapsed_s < SOON_S
    self.refused_rate = rate
    rate = math.min(STEP_DOWN * rate, math.max(measured, far_above and rate / 2 or STEP_DOWN * rate))
  end
  self.is_over, self.taken, self.refused, self.since, self.last_at = false, 0, 0, now, now
  set(self, rate)
  self.bucket:drain(now)
  return true
end

return rates
