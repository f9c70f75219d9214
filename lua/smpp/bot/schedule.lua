--- Schedules: what a bot does every so often, or at a time.
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local times = require "smpp.bot.times"

local schedule = { methods = {} }

local Bot = schedule.methods

local DAY_S, HOUR_S = 86400, 3600
local LOOK_AGAIN_S = 3600 -- longest timer: the system clock may be set meanwhile
local LATE_S = 60         -- a turn that is later counts as missed

schedule.schema = schema.new {
  { "missed", kind.one_of("skip", "run"), "skip", "what becomes of turns that were missed: nothing, or one is run", 'missed = "run"' },
  { "name", "string", nil, "with a store: its last turn is known after a restart", 'name = "report"' },
}

local WEEKDAYS = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }

--- Which days, of "day", "weekday", "mon,thu", "month 1"; nil: no such thing.
local function days_of(word)
  if word == "day" then return function() return true end end
  if word == "weekday" then
    return function(day)
      local of_week = (day + 4) % 7 -- 1970-01-01 was a Thursday
      return of_week >= 1 and of_week <= 5
    end
  end
  local of_month = tonumber(word:match "^month%s+(%d%d?)$")
  if of_month then
    if of_month < 1 or of_month > 31 then return nil end
    return function(day) return select(3, times.date(day)) == of_month end
  end
  local wanted = {}
  for name in (word .. ","):gmatch "%s*([^,]*),%s*" do
    local number = WEEKDAYS[name:lower():sub(1, 3)]
    if not number or not name:find "^%a+$" then return nil end
    wanted[number] = true
  end
  return function(day) return wanted[(day + 4) % 7] end
end

--- The next of some times of local clocks after a moment.
local function first_after(after, offset_s, offset, candidates)
  local at = times.clock(after, offset_s, offset)
  for _, clock in candidates(at) do
    local time = offset_s and clock - offset_s or times.of_local(clock, offset)
    if time > after then return time end
  end
end

--- Reads when: `{ period = seconds }`, or `{ next = fn(after, offset) -> time }`.
---@param when any
---@return table? read
---@return string? message
function schedule.read(when)
  local message = 'expected "15 min", "hour :15", "day 09:00", "mon,thu 18:30", "weekday 08:00" or "month 1 09:00", with UTC or +01:00 '
    .. "behind, got " .. (type(when) == "string" and "'" .. when .. "'" or "a " .. type(when))
  if type(when) ~= "string" then return nil, message end
  local period = when:find "%a" and times.seconds(when)
  if period then
    if period <= 0 then return nil, message end
    return { period = period }
  end
  local minute, zone = when:match "^%s*hour%s+:(%d%d)(.*)$"
  minute = tonumber(minute)
  if minute then
    local offset_s = times.zone_of(zone)
    if minute > 59 or offset_s == false then return nil, message end
    return { next = function(after, offset)
      return first_after(after, offset_s, offset, function(at)
        local hour = math.floor(at / HOUR_S) - 2
        return function(_, i)
          i = i + 1
          if i > 6 then return nil end
          return i, (hour + i) * HOUR_S + minute * 60
        end, nil, 0
      end)
    end }
  end
  local word, clock
  word, clock, zone = when:match "^%s*(%a.-)%s+(%d%d?:%d%d)(.*)$"
  local days, minutes = word and days_of(word), clock and times.minutes_of(clock)
  local offset_s = zone and times.zone_of(zone)
  if not days or not minutes or offset_s == false then return nil, message end
  return { next = function(after, offset)
    return first_after(after, offset_s, offset, function(at)
      local day = math.floor(at / DAY_S) - 2
      return function(_, i)
        repeat i = i + 1 until days(day + i) or i > 400
        if i > 400 then return nil end
        return i, (day + i) * DAY_S + minutes * 60
      end, nil, 0
    end)
  end }
end

---@class smpp.BotSchedule
local Schedule = {}
local SCHEDULE = { __index = Schedule }

--- Runs a turn, unless the one before still runs.
local function run(self, due)
  local shop = self.shop
  if self.is_running then
    shop:log("schedule_skipped", "schedule skipped: its last turn still runs", { when = self.when })
    return
  end
  self.is_running = true
  local function ended() self.is_running = false end
  task.start(function(trace, err)
    ended()
    shop:handler_failed(trace, err)
  end, function()
    if self.o.name and shop.vault.is_durable then shop.vault:put("s/" .. self.o.name, due, "schedule") end
    self.fn(due)
    ended()
  end)
end

--- The next due time, on the clock that it counts by.
local function following(self, after)
  if self.read.at then return self.read.at > after and self.read.at or nil end
  if self.read.period then
    local n = math.floor((after - self.start) / self.read.period + 1e-9) + 1
    return self.start + math.max(1, n) * self.read.period
  end
  return self.read.next(after, self.shop.local_offset)
end

--- Now, on the clock that it counts by: the loop's monotonic clock for periods, Unix time for times of the day.
local function clock(self) return self.read.period and self.shop.loop:now() or self.shop.loop:time() end

local function arm(self)
  if self.is_over or not self.due then return end
  self.timer:start(math.min(LOOK_AGAIN_S, math.max(0, self.due - clock(self))))
end

local function unix(self, due) return self.read.period and self.shop.loop:time() + due - self.shop.loop:now() or due end

local function on_timer(self)
  local now = clock(self)
  if self.due <= now + 1e-6 then
    local due = self.due
    local after = following(self, due)
    local is_missed = now - due > LATE_S or after ~= nil and after <= now
    while after and after <= now do
      due, after = after, following(self, after)
      if now - due <= LATE_S then is_missed = false end
    end
    self.due = after
    if not is_missed or self.o.missed == "run" then run(self, unix(self, due)) end
    if not after and self.read.at then self:cancel() end
  end
  arm(self)
end

--- Begins when the bot does.
---@private
function Schedule:begin()
  local shop = self.shop
  self.timer = shop.loop:timer(function() on_timer(self) end)
  local now = clock(self)
  self.start = self.start or now
  local last = self.o.name and self.o.missed == "run" and shop.vault:get("s/" .. self.o.name)
  if self.read.at then
    self.due = self.read.at
    if self.due <= now and (last or self.o.missed ~= "run") then self.due = nil end
    if not self.due then return self:cancel() end
    return arm(self)
  end
  self.due = self.due or following(self, now)
  if last then
    local missed = self.read.period and last + self.read.period or self.read.next(last, shop.local_offset)
    if missed and missed <= shop.loop:time() then run(self, missed) end
  end
  arm(self)
end

--- Ends it; a turn that runs goes on.
function Schedule:cancel()
  self.is_over = true
  if self.timer then self.timer:close() end
  local list = self.shop.schedules
  for i = #list, 1, -1 do
    if list[i] == self then table.remove(list, i) end
  end
end

local function add(shop, when, read, o, fn)
  local self = setmetatable({
    shop = shop, when = when, read = read, o = o, fn = fn,
    start = nil,               -- loop time from which periods count
    due = nil, timer = nil, is_running = false, is_over = false,
  }, SCHEDULE)
  table.insert(shop.schedules, self)
  if shop.state == "running" and shop.schedules_run then self:begin() end
  return self
end

local function options_of(name, o, fn)
  if fn == nil then o, fn = nil, o end
  if type(fn) ~= "function" then error(("%s: expected a function in last place, got a %s"):format(name, type(fn)), 3) end
  return schedule.schema:fill(schedule.schema:check(o, 3)), fn
end

--- Runs a function every so often: "15 min", or "day 09:00 +01:00".
---@param when string
---@param o? { missed: "skip"|"run"|nil, name: string? }
---@param fn fun(due: number)
---@return smpp.BotSchedule
function Bot:every(when, o, fn)
  o, fn = options_of("every", o, fn)
  local read, message = schedule.read(when)
  if not read then error("every: " .. message, 2) end
  return add(self, "every " .. when, read, o, fn)
end

--- Runs a function at a time: "2026-12-24 18:00 +01:00", or Unix time.
---@param when string|number
---@param o? { missed: "skip"|"run"|nil, name: string? }
---@param fn fun(due: number)
---@return smpp.BotSchedule
function Bot:at(when, o, fn)
  o, fn = options_of("at", o, fn)
  local at, message = times.moment(when, self.local_offset)
  if not at then error("at: " .. message, 2) end
  return add(self, "at " .. tostring(when), { at = at }, o, fn)
end

function Bot:begin_schedules()
  self.schedules_run = true
  for _, one in ipairs { (table.unpack or unpack)(self.schedules) } do one:begin() end -- luacheck: compat
end

function Bot:end_schedules()
  for _, one in ipairs { (table.unpack or unpack)(self.schedules) } do one:cancel() end -- luacheck: compat
end

return schedule
