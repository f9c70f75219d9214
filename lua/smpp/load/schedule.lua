--- When messages are due: the open model.  The n-th message is due where the area under the rate reaches n, exactly, so that nothing
--- drifts; with `arrival = "poisson"` where a random walk of mean 1 reaches n.
local schedule = {}

---@class smpp.LoadSchedule
---@field total integer|number   how many messages there are; math.huge: no end
---@field ends_at number?        seconds from the start; nil: no end
local Schedule = {}
local mt = { __index = Schedule, __name = "smpp.LoadSchedule" }

local huge, sqrt, floor = math.huge, math.sqrt, math.floor

--- Points of a constant rate.
local function constant(rate, for_s) return { { at_s = 0, rate = rate }, { at_s = for_s or huge, rate = rate } } end

---@param o { rate: number?, stages: { at_s: number, rate: number }[]?, for_s: number?, count: integer?, arrival: "even"|"poisson"|nil,
---  random: (fun(): number)? }
---@return smpp.LoadSchedule
function schedule.new(o)
  local points = o.stages or constant(o.rate, o.for_s)
  local areas, area = {}, 0 -- area under the rate before each point
  for i, point in ipairs(points) do
    local before = points[i - 1]
    if before then
      local dt = point.at_s - before.at_s
      if dt > 0 then area = area + (point.rate + before.rate) / 2 * dt end
    end
    areas[i] = area
  end
  local count = o.count or huge
  local total = math.min(count, area == huge and huge or math.ceil(area - 1e-9))
  return setmetatable({
    points = points, areas = areas, area = area, total = total, index = 1, n = 0, reached = 0,
    poisson = o.arrival == "poisson" and o.random or nil, limit = count,
    ends_at = points[#points].at_s < huge and points[#points].at_s or nil,
  }, mt)
end

--- When the area under the rate reaches a value that never falls from call to call.
local function time_of(self, value)
  local points, areas, i = self.points, self.areas, self.index
  local last = #points
  while i < last - 1 and areas[i + 1] <= value + 1e-9 do i = i + 1 end -- over steps and pauses, too
  self.index = i
  local from, to = points[i], points[i + 1]
  local left = value - areas[i]
  if left <= 0 and from.rate > 0 then return from.at_s end
  local r = from.rate
  local slope = to.at_s < huge and to.at_s > from.at_s and (to.rate - r) / (to.at_s - from.at_s) or 0
  if slope == 0 then return r > 0 and from.at_s + left / r or to.at_s end
  if left <= 0 then return from.at_s end
  return from.at_s + 2 * left / (r + sqrt(math.max(0, r * r + 2 * slope * left)))
end

--- When the next message is due, in seconds from the start; nil: there are no more.
---@return number?
function Schedule:next()
  if self.n >= self.limit then return nil end
  local value = self.n
  if self.poisson then
    value = self.reached - math.log(1 - self.poisson())
    self.reached = value
  end
  if value >= self.area - 1e-9 then return nil end
  self.n = self.n + 1
  return time_of(self, value)
end

--- The rate at a time.
---@param at_s number
---@return number per_s  0 before the start and after the end
function Schedule:rate_at(at_s)
  local points = self.points
  for i = #points - 1, 1, -1 do
    local from, to = points[i], points[i + 1]
    if at_s >= from.at_s then
      if at_s > to.at_s or to.at_s == from.at_s then return 0 end
      if to.at_s == huge then return from.rate end
      return from.rate + (to.rate - from.rate) * (at_s - from.at_s) / (to.at_s - from.at_s)
    end
  end
  return 0
end

--- How many messages are still to come.
---@return integer|number
function Schedule:left() return math.max(0, (self.total == huge and huge or floor(self.total)) - self.n) end

return schedule
