--- Random delays, drawn anew for each use.
local kind = require "smpp.base.kind"

local latency = {}

local KINDS = { uniform = 2, normal = 2, spikes = 3, checks = 3 }

--- Checks the description of a delay; nil: valid.
---   0.5                        always
---   { uniform = { 0.1, 2 } }   uniform distribution
---   { normal = { 1, 0.2 } }    normal distribution: mean and standard deviation, at least 0
---   { spikes = { 0.05, 5, 1 } }  usual delay, spike, percentage of spikes
---   { checks = { 5, 75, 60 } } checked every 5 s, done with 75 % probability, at the latest after 60 s (as in SMPPSim)
---   function() … end           returns seconds
---@param value any
---@return string? message
function latency.wrong(value)
  if type(value) == "function" then return nil end
  if type(value) == "number" then return (value ~= value or value < 0) and "expected a number >= 0" or nil end
  local kind = type(value) == "table" and next(value)
  local count = kind and KINDS[kind]
  if not count or next(value, kind) ~= nil then
    return "expected seconds, { uniform = { a, b } }, { normal = { mean, deviation } }, { spikes = { usual, spike, percent } }, "
      .. "{ checks = { every_s, percent, max_s } } or a function"
  end
  local list = value[kind]
  if type(list) ~= "table" or #list ~= count then return ("%s: expected %d numbers"):format(kind, count) end
  for _, number in ipairs(list) do
    if type(number) ~= "number" or number ~= number or number < 0 then return ("%s: expected numbers >= 0"):format(kind) end
  end
  if kind == "checks" and not (list[1] > 0 and list[2] > 0) then return "checks: every_s and percent must be above 0" end
end

--- The kind of such options; on the command line 0.5, 0.5-3, normal:1,0.2.
latency.kind = kind.with_unit("s", kind.checked("seconds, or a table or function that draws them", latency.wrong, function(word)
  local value = tonumber(word)
  local low, high = word:match "^([%d.]+)%-([%d.]+)$"
  if low then value = { uniform = { tonumber(low), tonumber(high) } } end
  local shape, list = word:match "^(%a+):(.+)$"
  if shape then
    local numbers = {}
    for item in (list .. ","):gmatch "([^,]*)," do numbers[#numbers + 1] = tonumber(item) or -1 end
    value = { [shape] = numbers }
  end
  return value
end))

local DRAW = {
  uniform = function(a, random) return a[1] + (a[2] - a[1]) * random() end,
  normal = function(a, random) -- Box-Muller transform
    local radius = math.sqrt(-2 * math.log(1 - random()))
    return math.max(0, a[1] + a[2] * radius * math.cos(2 * math.pi * random()))
  end,
  spikes = function(a, random) return random() * 100 < a[3] and a[2] or a[1] end,
  checks = function(a, random)
    local seconds = a[1]
    while random() * 100 >= a[2] and seconds < a[3] do seconds = seconds + a[1] end
    return math.min(seconds, a[3])
  end,
}

--- Draws a delay.
---@param value any  as described at `wrong`
---@param random fun(): number
---@return number seconds
function latency.draw(value, random)
  if type(value) == "number" then return value end
  if type(value) == "function" then return value() or 0 end
  local kind = next(value)
  return DRAW[kind](value[kind], random)
end

local TIMES = { uniform = { true, true }, normal = { true, true }, spikes = { true, true }, checks = { true, false, true } } -- not percentages

--- A delay times a factor; of none a factor above 1 makes 10 ms, which no factor below 1 leaves.
---@param value any  as described at `wrong`
---@param factor number
---@return any
function latency.scale(value, factor)
  if type(value) == "number" then
    if value == 0 and factor > 1 then return 0.01 end
    value = value * factor
    return value < 0.01 and 0 or value
  end
  if type(value) == "function" then return function() return (value() or 0) * factor end end
  local kind, list = next(value)
  local scaled = {}
  for i, number in ipairs(list) do scaled[i] = TIMES[kind][i] and number * factor or number end
  return { [kind] = scaled }
end

return latency
