--- The fields of records as an engine keeps them: strings with a letter in front that says their type.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"

local fields = {}

local codec = core.record(kinds.names)

local function encoded(value)
  local kind = type(value)
  if kind == "string" then return "s" .. value end
  if kind == "number" then return ("n%.17g"):format(value) end
  if kind == "boolean" then return value and "b1" or "b0" end
  return "t" .. codec.write { key = "", value = value } -- raises for what is not plain data
end

local DECODERS = {
  s = function(text) return text end,
  n = tonumber,
  b = function(text) return text == "1" end,
  t = function(text) return codec.read(text).value end,
}

local AT = ("@"):byte()

--- A record of the names and values that the engine returns.
---@param list string[]
---@return table record
function fields.record(list)
  local record = {}
  for i = 1, #list, 2 do
    local name, value = list[i], list[i + 1]
    if name == "#" then
      record.serial = tonumber(value)
    elseif name ~= "%" and name:byte() ~= AT then -- not a place
      record[name] = DECODERS[value:sub(1, 1)](value:sub(2))
    end
  end
  return record
end

--- Raises for what is not plain data.
---@param values table?
function fields.check(values)
  for _, value in pairs(values or {}) do
    if type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then encoded(value) end
  end
end

--- Appends how many fields a table has, and their names and values.
---@param words (string|number)[]
---@param n integer  so many there are
---@param values table?
---@return integer n
function fields.put(words, n, values)
  local at, count = n + 1, 0
  for name, value in pairs(values or {}) do
    words[at + 1], words[at + 2] = name, encoded(value)
    at, count = at + 2, count + 1
  end
  words[n + 1] = count
  return at
end

return fields
