--- An adaptive window: grows while latency is flat, halves when the MC is congested.
local settings = require "smpp.client.options"

local Window = {}
Window.__index = Window

local window = {}

---@param o? { min: integer?, max: integer?, start: integer? }  as the option `adaptive`
function window.new(o)
  o = settings.adaptive:fill(o)
  return setmetatable({
    min = o.min, max = o.max,
    size = math.max(o.min, math.min(o.start, o.max)),
    base_s = nil,               -- lowest recent latency
    answered = 0,               -- responses since the last change
    calm_until = 0,             -- no further halving before: requests in flight at the last one are not counted again
  }, Window)
end

--- Evaluates a response.
---@param latency_s number
---@param now number
---@return integer? size  if it changed
function Window:answered_in(latency_s, now)
  -- The base rises slowly, so that a route that became slower is not taken for congestion for ever.
  self.base_s = self.base_s and math.min(latency_s, self.base_s * 1.001) or latency_s
  self.answered = self.answered + 1
  if self.answered < self.size then return nil end
  self.answered = 0
  if latency_s > self.base_s * 2 + 0.005 or self.size >= self.max or now < self.calm_until then return nil end
  self.size = self.size + 1
  return self.size
end

--- The MC is congested: ESME_RTHROTTLED, ESME_RMSGQFUL, congestion_state from 90.
---@return integer? size  when it changed
function Window:congested(now)
  if now < self.calm_until or self.size <= self.min then return nil end
  self.calm_until = now + math.max(1, (self.base_s or 0) * 2)
  self.answered = 0
  self.size = math.max(self.min, math.floor(self.size / 2))
  return self.size
end

return window
