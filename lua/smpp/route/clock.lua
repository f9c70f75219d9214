--- Times of the day and days of the week: "20:00-08:00", { "sat", "sun" }, "+01:00".
local clock = {}

local DAYS = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }
clock.days = DAYS

local DAY_S = 86400

local function minutes(hour, minute)
  hour, minute = tonumber(hour), tonumber(minute)
  if hour and minute and minute < 60 and (hour < 24 or (hour == 24 and minute == 0)) then return hour * 60 + minute end
end

--- The minutes of the day of "HH:MM-HH:MM".
---@param value any
---@return integer? from  nil: not in this form
---@return integer? to
function clock.span(value)
  if type(value) ~= "string" then return nil end
  local a, b, c, d = value:match "^%s*(%d%d?):(%d%d)%s*%-%s*(%d%d?):(%d%d)%s*$"
  local from, to = minutes(a, b), minutes(c, d)
  if from and to and from ~= to then return from, to end
end

--- The seconds of a zone, "+01:00" or "UTC".
---@param value any
---@return number?  nil: not in this form
function clock.zone(value)
  if value == "UTC" or value == "Z" then return 0 end
  local sign, hours, rest = tostring(value):match "^([+-])(%d%d):?(%d%d)$"
  local of_day = sign and minutes(hours, rest)
  return of_day and (sign == "-" and -60 or 60) * of_day or nil
end

-- The local time of the last minute asked for: os.date costs more than all other matchers.
local known_minute, known_of_day, known_weekday

--- The minute of the day and the day of the week (0: Sunday).
---@param time number   Unix time
---@param zone_s number?  ahead of UTC; nil: the system's zone
---@return integer minute
---@return integer weekday
function clock.at(time, zone_s)
  local minute = math.floor(time / 60)
  if zone_s then
    local here = time + zone_s
    return math.floor(here % DAY_S / 60), math.floor(here / DAY_S + 4) % 7
  end
  if minute ~= known_minute then
    local t = os.date("*t", minute * 60)
    known_minute, known_of_day, known_weekday = minute, t.hour * 60 + t.min, t.wday - 1
  end
  return known_of_day, known_weekday
end

--- Is a minute of the day in a span, which may go past midnight?
---@param minute integer
---@param from integer
---@param to integer
---@return boolean
function clock.is_in(minute, from, to)
  if from < to then return minute >= from and minute < to end
  return minute >= from or minute < to
end

return clock
