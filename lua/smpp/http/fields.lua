--- Fields of bodies and parameters of queries as rows: one row checks a value, reads it, and is its schema in OpenAPI.
local core = require "smpp.core"
local json = require "smpp.http.json"
local shown = require "smpp.base.shown"

local fields = {}

---@class smpp.HttpField
---@field schema table                 JSON Schema, as an ordered list name, value … for smpp.codec.json.object
---@field read fun(value: any): any, string?, string?  the value; nil, in words, code

---@class smpp.HttpFieldRow
---@field [1] string          name
---@field [2] smpp.HttpField
---@field [3] string          description
---@field required boolean?

---@class smpp.HttpFault
---@field field string
---@field code string
---@field detail string

local SHOWN_MAX = 40

local function got(value)
  if type(value) == "string" then return shown.quote(#value > SHOWN_MAX and value:sub(1, SHOWN_MAX) .. "…" or value) end
  return (type(value) == "number" or type(value) == "boolean") and tostring(value) or json.type_of(value)
end

--- The fault of a value: what was expected, and what came.
function fields.wrong(expected, value) return nil, ("expected %s, got %s"):format(expected, got(value)), "bad_value" end
local wrong = fields.wrong

local function characters(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

--- A string of so many characters.
---@param most integer?
---@param least integer?
---@return smpp.HttpField
function fields.string(most, least)
  local expected = most and ("a string of %d to %d characters"):format(least or 0, most) or "a string"
  return {
    schema = { "type", "string", "minLength", least, "maxLength", most },
    read = function(value)
      if type(value) ~= "string" then return wrong(expected, value) end
      local count = (most or least) and characters(value)
      if count and (most and count > most or least and count < least) then return wrong(expected, value) end
      return value
    end,
  }
end

fields.boolean = {
  schema = { "type", "boolean" },
  read = function(value)
    if type(value) ~= "boolean" then return wrong("true or false", value) end
    return value
  end,
}

--- A number in a range.
---@return smpp.HttpField
function fields.number(least, most, is_integer)
  local expected = (is_integer and "an integer" or "a number")
    .. (most and (" from %.14g to %.14g"):format(least, most) or (" >= %.14g"):format(least))
  return {
    schema = { "type", is_integer and "integer" or "number", "minimum", least, "maximum", most },
    read = function(value)
      if type(value) ~= "number" or value < least or most and value > most or is_integer and value % 1 ~= 0 then
        return wrong(expected, value)
      end
      return value
    end,
  }
end

--- One of some values.
---@param list any[]
---@return smpp.HttpField
function fields.one_of(list)
  local words, set = {}, {}
  for i, value in ipairs(list) do
    words[i], set[value] = type(value) == "string" and '"' .. value .. '"' or tostring(value), true
  end
  return {
    schema = { "enum", list },
    read = function(value)
      if value == nil or not set[value] then return wrong("one of " .. table.concat(words, ", "), value) end
      return value
    end,
  }
end

--- Days from 1970-01-01 to a date (the civil calendar, by Howard Hinnant's formula).
local function days_of(year, month, day)
  local floor = math.floor
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local of_era = year - era * 400
  local of_year = floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468
end

local MONTH_DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- The Unix time of an RFC 3339 date-time; nil: malformed.
---@param text string
---@return number?
function fields.unix(text)
  local year, month, day, hour, minute, second, rest = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt](%d%d):(%d%d):(%d%d)(.+)$"
  if not year then return nil end
  local fraction, zone = rest:match "^(%.%d+)(.+)$"
  zone = zone or rest
  local sign, off_hour, off_minute = zone:match "^([+-])(%d%d):(%d%d)$"
  year, month, day, hour, minute, second = tonumber(year), tonumber(month), tonumber(day), tonumber(hour), tonumber(minute), tonumber(second)
  if month < 1 or month > 12 or day < 1 or day > MONTH_DAYS[month] or hour > 23 or minute > 59 or second > 60 then return nil end
  local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  if month == 2 and day == 29 and not is_leap then return nil end
  local offset = 0
  if sign then
    if tonumber(off_hour) > 23 or tonumber(off_minute) > 59 then return nil end
    offset = (tonumber(off_hour) * 60 + tonumber(off_minute)) * (sign == "-" and -60 or 60)
  elseif zone ~= "Z" and zone ~= "z" then
    return nil
  end
  return days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset + (fraction and tonumber("0" .. fraction) or 0)
end

--- RFC 3339, UTC, with milliseconds.
---@param unix number?
---@return string?
function fields.time_text(unix)
  if not unix then return nil end
  local ms = math.floor(unix * 1000 + 0.5)
  local seconds = math.floor(ms / 1000)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(ms % 1000)
end

--- A date-time; read as Unix time.
fields.time = {
  schema = { "type", "string", "format", "date-time" },
  read = function(value)
    local unix = type(value) == "string" and fields.unix(value)
    if not unix then return wrong("a date and time with offset, as 2026-01-31T12:00:00Z", value) end
    return unix
  end,
}

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local VALUE = {}
for i = 1, 64 do VALUE[BASE64:byte(i)] = i - 1 end

--- The octets of base64 with padding (RFC 4648, 4); nil: malformed.
---@param text string
---@return string?
function fields.unbase64(text)
  if #text % 4 ~= 0 or not text:find "^[%w+/]*=?=?$" then return nil end
  local out = {}
  for i = 1, #text, 4 do
    local a, b, c, d = text:byte(i, i + 3)
    local pad = c == 61 and 2 or d == 61 and 1 or 0
    local bits = VALUE[a] * 262144 + VALUE[b] * 4096 + (VALUE[c] or 0) * 64 + (VALUE[d] or 0)
    if bits % 256 ^ pad ~= 0 then return nil end -- bits that no octet takes
    out[#out + 1] = string.char(math.floor(bits / 65536), math.floor(bits / 256) % 256, bits % 256):sub(1, 3 - pad)
  end
  return table.concat(out)
end

--- Base64 with padding.
---@param octets string
---@return string
function fields.base64(octets)
  local out = {}
  for i = 1, #octets, 3 do
    local a, b, c = octets:byte(i, i + 2)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    for k = 3, 0, -1 do
      local index = math.floor(bits / 64 ^ k) % 64 + 1
      out[#out + 1] = BASE64:sub(index, index)
    end
    if not c then out[#out] = "=" end
    if not b then out[#out - 1] = "=" end
  end
  return table.concat(out)
end

fields.data = {
  schema = { "type", "string", "contentEncoding", "base64" },
  read = function(value)
    local octets = type(value) == "string" and fields.unbase64(value)
    if not octets then return wrong("base64 with padding", value) end
    return octets
  end,
}

-- Rows by name, and those that are required; of rows -> those.
local indexes = setmetatable({}, { __mode = "k" })

local function index_of(rows)
  local index = { by_name = {}, required = {} }
  for _, row in ipairs(rows) do
    index.by_name[row[1]] = row
    if row.required then index.required[#index.required + 1] = row[1] end
  end
  indexes[rows] = index
  return index
end

--- What was read of an object without faults; nil: it has some.
local function faultless(rows, object)
  local index, values = indexes[rows] or index_of(rows), {}
  local by_name, required = index.by_name, index.required
  for name, value in pairs(object) do
    local row = by_name[name]
    value = row and row[2].read(value)
    if value == nil then return nil end
    values[name] = value
  end
  for i = 1, #required do
    if values[required[i]] == nil then return nil end
  end
  return values
end

--- Checks an object against rows: what was read, and all that is wrong, in the order of the rows and then of the unknown names.
---@param rows smpp.HttpFieldRow[]
---@param object table
---@return table values
---@return smpp.HttpFault[] faults
function fields.check(rows, object)
  local values, faults, known, count = faultless(rows, object), {}, 0, 0
  if values then return values, faults end
  values = {}
  for i = 1, #rows do
    local row = rows[i]
    local name = row[1]
    local value = object[name]
    if value ~= nil then
      known = known + 1
      local read, detail, code = row[2].read(value)
      if read == nil then faults[#faults + 1] = { field = name, code = code, detail = detail } else values[name] = read end
    elseif row.required then
      faults[#faults + 1] = { field = name, code = "missing", detail = "this field is required" }
    end
  end
  for _ in pairs(object) do count = count + 1 end
  if count > known then
    local by_name, unknown = {}, {}
    for _, row in ipairs(rows) do by_name[row[1]] = true end
    for name in pairs(object) do
      if not by_name[name] then unknown[#unknown + 1] = name end
    end
    table.sort(unknown)
    for _, name in ipairs(unknown) do
      local like = core.suggest(name, by_name)
      faults[#faults + 1] = {
        field = shown.text(name):sub(1, SHOWN_MAX), code = "unknown_field",
        detail = like and ("unknown field; did you mean '%s'?"):format(like) or "unknown field",
      }
    end
  end
  return values, faults
end

return fields
