--- SMPP's times: YYMMDDhhmmsstnnp, absolute (p is + or -) or relative (p is R).
--- Unix times are UTC; no C library time zone takes part.
local core = require "smpp.core".timestamp
local schema = require "smpp.base.schema"

local timestamp = {}

local DAY_S = 86400
local MONTH_S, YEAR_S = 30 * DAY_S, 365 * DAY_S -- for months and years, whose length depends on the calendar
local QUARTER_S = 900

--- Options of `parse`.
timestamp.schema = schema.new {
  { "zone_s", "number", 0, "seconds ahead of UTC of the 12-character form", "zone_s = 7200" },
  { "first_year", "number", 2000, "two-digit years lie in the hundred from here on; appendix C of SMPP 3.4 has 1938", "first_year = 1938" },
  { "lenient", "boolean", false, "a lower-case r is R, second 60 is 59, only zeros are no time", "lenient = true" },
}
local PARSE = timestamp.schema
local TEXT = schema.new { { "months", "boolean", false, "months and years may be used, which have no fixed length", "months = true" } }

---@class smpp.Time
---@field kind "absolute"|"relative"|"none"  none: an empty field
---@field unix number?       absolute: Unix time, with a fraction when there are tenths
---@field tenths integer?    absolute: 0 to 9, already in `unix`
---@field quarters integer?  absolute: quarter hours ahead of UTC; nil when the field named no offset
---@field seconds integer?   relative: all of it, a month as 30 days, a year as 365
---@field years integer?     relative: calendar steps, as written
---@field months integer?
---@field rest_s integer?    relative: days, hours, minutes and seconds

--- Reads the octets of a time field: 0, 12 (YYMMDDhhmmss, local time of the MC) or 16 characters, and one NUL behind them.
---@param octets string
---@param o? { zone_s?: number, first_year?: integer, lenient?: boolean }  zone_s: seconds ahead of UTC of the
---  12-character form (default 0); first_year: two-digit years lie in the hundred from here on (default 2000);
---  lenient: a lower-case r is R, second 60 is 59, only zeros are no time
---@return smpp.Time? time
---@return string? err
---@return string? code  "bad_value"
function timestamp.parse(octets, o)
  if type(octets) ~= "string" then error("octets: expected a string, got " .. type(octets), 2) end
  o = PARSE:check(o)
  local kind, a, b, c = core.read(octets, o.zone_s, o.first_year, o.lenient)
  if kind == "absolute" then
    return { kind = kind, unix = b == 0 and a or a + b / 10, tenths = b, quarters = c }
  elseif kind == "relative" then
    return { kind = kind, seconds = a * YEAR_S + b * MONTH_S + c, years = a, months = b, rest_s = c }
  elseif kind then
    return { kind = kind }
  end
  return nil, ("'%s': %s"):format(octets:gsub("[^ -~]", "?"):sub(1, 20), a), b
end

--- Whole seconds and tenths, rounded to the next tenth.
local function split_tenths(unix)
  local tenths = math.floor(unix * 10 + 0.5)
  return math.floor(tenths / 10), tenths % 10
end

local function check_number(value, name, level)
  if type(value) ~= "number" or value ~= value or value == math.huge or value == -math.huge then
    error(("%s: expected a number, got %s"):format(name, tostring(value)), level + 1)
  end
end

--- Writes an absolute time.
---@param unix number      Unix time; tenths of a second are kept
---@param zone_s? number   seconds ahead of UTC to write it in: a multiple of 900 up to 12 hours either way, default 0
---@param first_year? integer  default 2000
---@return string? octets  16 characters, no NUL
---@return string? err
---@return string? code    "bad_value": the year is not one of the hundred from `first_year` on
function timestamp.absolute(unix, zone_s, first_year)
  check_number(unix, "unix", 2)
  local quarters = (zone_s or 0) / QUARTER_S
  if quarters % 1 ~= 0 or quarters < -48 or quarters > 48 then
    error("zone_s: expected a multiple of 900 from -43200 to 43200, got " .. tostring(zone_s), 2)
  end
  if unix < -1e12 or unix > 1e12 then return nil, "time out of range: the year has more than four digits", "bad_value" end
  local whole, tenths = split_tenths(unix)
  return core.absolute(whole, tenths, quarters, first_year)
end

--- Writes a period from now.  It is written in days, which not every message centre takes beyond 31.
---@param seconds number   rounded up to whole seconds
---@param o? { months?: boolean }  months: periods over 31 days are written as months of 30 and years of 365 days
---@return string? octets  16 characters, no NUL
---@return string? err
---@return string? code    "bad_value" (negative), "too_long" (100 days and more without `months`)
function timestamp.relative(seconds, o)
  check_number(seconds, "seconds", 2)
  o = TEXT:check(o)
  local rest = math.ceil(seconds)
  if rest < 0 then return nil, "period out of range: negative", "bad_value" end
  local years, months = 0, 0
  if o.months and rest >= 32 * DAY_S then
    years = math.floor(rest / YEAR_S)
    rest = rest - years * YEAR_S
    months = math.floor(rest / MONTH_S)
    rest = rest - months * MONTH_S
  end
  if years > 99 or rest >= 100 * DAY_S then
    return nil, o.months and "period out of range: more than 99 years"
      or "period out of range: 100 days or more; use months = true, or an absolute time", "too_long"
  end
  return core.relative(years, months, rest)
end

--- Writes a time as `parse` returns it: { kind = "absolute", unix [, quarters] }, { kind = "relative", seconds } or, with calendar
--- steps, { kind = "relative", years, months, rest_s }, { kind = "none" }.
---@param time smpp.Time
---@return string? octets
---@return string? err
---@return string? code
function timestamp.format(time)
  if type(time) ~= "table" then error("time: expected a table, got " .. type(time), 2) end
  if time.kind == "none" then return "" end
  if time.kind == "absolute" then return timestamp.absolute(time.unix, (time.quarters or 0) * QUARTER_S) end
  if time.kind ~= "relative" then error("time.kind: expected absolute, relative or none, got " .. tostring(time.kind), 2) end
  if not (time.years or time.months or time.rest_s) then return timestamp.relative(time.seconds) end
  local years, months, rest = time.years or 0, time.months or 0, time.rest_s or 0
  if years < 0 or months < 0 or rest < 0 or rest > 4294967295 then
    return nil, "period out of range", "bad_value"
  end
  return core.relative(years, months, math.ceil(rest))
end

--- Converts a time to Unix time, relative to `now`: calendar years and months first (a day the month lacks
--- becomes its last), then days, hours, minutes and seconds.
---@param time smpp.Time
---@param now number  Unix time
---@return number? unix  nil: the field was empty
function timestamp.to_unix(time, now)
  if time.kind == "absolute" then return time.unix end
  if time.kind == "none" then return nil end
  check_number(now, "now", 2)
  local whole = math.floor(now)
  local rest = time.rest_s
  if not (time.years or time.months or rest) then rest = math.ceil(time.seconds) end
  local due = core.after(time.years or 0, time.months or 0, rest or 0, whole)
  return now == whole and due or due + (now - whole)
end

return timestamp
