--- Times as people write them: hours of the day, days of the week, zones; and the moments they mean.
local match = require "smpp.bot.match"
local strings = require "smpp.base.strings"

local times = {}

local DAY_S = 86400

--- Days since 1970-01-01 of a date of the Gregorian calendar.
---@return integer
function times.days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400) + math.floor((153 * month - 457) / 5) + day - 719469
end

--- Year, month and day of a number of days since 1970-01-01.
function times.date(days)
  local z = days + 719468
  local era = math.floor(z / 146097)
  local of_era = z - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local mp = math.floor((5 * of_year + 2) / 153)
  local day, month = of_year - math.floor((153 * mp + 2) / 5) + 1, mp < 10 and mp + 3 or mp - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

--- Seconds that local time is ahead of UTC at a moment.  Settable: tests have their own.
---@param time number  Unix time
---@return integer
function times.local_offset(time)
  local whole = math.floor(time)
  local t = os.date("*t", whole)
  return times.days(t.year, t.month, t.day) * DAY_S + t.hour * 3600 + t.min * 60 + t.sec - whole
end

--- The offset of a zone: "", "UTC", "+01:00".  nil: local time.
---@return integer|nil|false offset_s  false: it cannot be read
local function zone_of(word)
  word = strings.trim(word)
  if word == "" then return nil end
  if word == "UTC" or word == "Z" or word == "GMT" then return 0 end
  local sign, hours, minutes = word:match "^([+-])(%d%d):?(%d%d)$"
  if not sign or tonumber(hours) > 14 or tonumber(minutes) > 59 then return false end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 3600 + tonumber(minutes) * 60)
end

--- Minutes of the day of "21:00"; "24:00" is the end of it.
local function minutes_of(word, at_end)
  local hour, minute = word:match "^(%d%d?):(%d%d)$"
  hour, minute = tonumber(hour), tonumber(minute)
  if not hour or minute > 59 or hour > 23 and not (at_end and hour == 24 and minute == 0) then return nil end
  return hour * 60 + minute
end

--- The clock of a zone at a moment: seconds since 1970 as if it were UTC.
local function clock(time, offset_s, shop_offset) return time + (offset_s or shop_offset(time)) end

---@class smpp.BotHours
---@field first integer   minutes of the day
---@field last integer
---@field offset_s integer?

--- Reads "21:00-08:00 +01:00".
---@param word any
---@return smpp.BotHours? hours
---@return string? expected
function times.hours(word)
  local expected = 'hours such as "21:00-08:00 +01:00"'
  if type(word) ~= "string" then return nil, expected end
  local first, last, zone = word:match "^%s*(%d%d?:%d%d)%s*%-%s*(%d%d?:%d%d)%s*(.*)$"
  first, last = first and minutes_of(first), last and minutes_of(last, true)
  local offset_s = zone and zone_of(zone)
  if not first or not last or offset_s == false or first == last then return nil, expected .. (", got '%s'"):format(word) end
  return { first = first, last = last, offset_s = offset_s }
end

--- When the hours that a moment is in are over; nil: it is in none.
---@param list smpp.BotHours[]?
---@param time number
---@param offset fun(time: number): integer  of local time
---@return number? ends_at
function times.quiet_until(list, time, offset)
  local ends_at
  for _, hours in ipairs(list or {}) do
    local at = clock(time, hours.offset_s, offset)
    local second = at % DAY_S
    local first, last = hours.first * 60, hours.last * 60
    local is_in
    if first < last then is_in = second >= first and second < last else is_in = second >= first or second < last end
    if is_in then
      local left = (last - second) % DAY_S
      ends_at = math.max(ends_at or 0, time + (left == 0 and DAY_S or left))
    end
  end
  return ends_at
end

--- Reads a time of waiting: "90 s", "10 min", "2 h", "1 d", or seconds.
---@param word string|number
---@return number? seconds
function times.seconds(word)
  if type(word) == "number" then return word >= 0 and word or nil end
  if type(word) ~= "string" then return nil end
  local n, unit = word:match "^%s*(%d+%.?%d*)%s*(%a*)%s*$"
  local of = { [""] = 1, s = 1, sec = 1, min = 60, h = 3600, d = DAY_S }
  return n and of[unit] and tonumber(n) * of[unit] or nil
end

--- Reads a moment: Unix time, or "2026-12-24 18:00 +01:00".
---@param word string|number
---@param offset fun(time: number): integer  of local time
---@return number? time
---@return string? message
function times.moment(word, offset)
  if type(word) == "number" then return word end
  local got = type(word) == "string" and "'" .. word .. "'" or "a " .. type(word)
  local message = 'expected a Unix time or "2026-12-24 18:00 +01:00", got ' .. got
  if type(word) ~= "string" then return nil, message end
  local year, month, day, clock_word, zone = word:match "^%s*(%d%d%d%d)-(%d%d)-(%d%d)[ T]+(%d%d?:%d%d)(.*)$"
  local minutes, second = clock_word and minutes_of(clock_word), 0
  if zone and zone:find "^:%d%d" then second, zone = tonumber(zone:sub(2, 3)), zone:sub(4) end
  local offset_s = zone and zone_of(zone)
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  if not minutes or offset_s == false or second > 59 then return nil, message end
  if month < 1 or month > 12 or day < 1 or day > match.days(year, month) then return nil, message end
  local at = times.days(year, month, day) * DAY_S + minutes * 60 + second
  if offset_s then return at - offset_s end
  return times.of_local(at, offset)
end

--- The moment at which local clocks show a time.  One that is shown twice: the first; one that is skipped: the first moment
--- after the gap.
---@param at number  seconds since 1970 as the clock shows them
---@param offset fun(time: number): integer
---@return number time
function times.of_local(at, offset)
  local before, after = offset(at - DAY_S), offset(at + DAY_S)
  local earliest
  for _, guess in ipairs { at - before, at - after } do
    if guess + offset(guess) == at and (not earliest or guess < earliest) then earliest = guess end
  end
  if earliest then return earliest end
  local low, high = at - math.max(before, after), at - math.min(before, after) -- the gap lies between
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if offset(middle) == before then low = middle else high = middle end
  end
  return high
end

times.zone_of, times.minutes_of, times.clock = zone_of, minutes_of, clock

return times
