--- Tables of options: what is misspelt or of the wrong type is the caller's mistake and raises.
local core = require "smpp.core"

local options = {}

local function fail(level, format, ...) error(format:format(...), level + 1) end

--- Nothing is wrong at first sight: the usual case, without a sorted list of what there is.
local function is_plain(given, known)
  for name, value in pairs(given) do
    local kind = known[name]
    if type(kind) == "function" then
      if kind(value) then return false end
    elseif not kind or (kind ~= type(value) and not kind:find(type(value), 1, true)) then
      return false
    end
  end
  return true
end

--- Checks a table against `known` = { name = type }, where type is a Lua type, several joined by "|", or a function
--- (value) -> message when wrong.  Returns the table.
---@param given table?
---@param known table<string, string|function>
---@param level? integer  as of `error`, default: the caller of the caller
---@return table
function options.check(given, known, level)
  level = (level or 2) + 1
  if given == nil then return {} end
  if type(given) ~= "table" then fail(level, "options: a table expected, got %s", type(given)) end
  if is_plain(given, known) then return given end
  local names = {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local value, kind = given[name], known[name]
    if not kind and type(name) ~= "string" then
      fail(level, "name = value expected, got a %s without a name", type(value))
    elseif not kind then
      local like = core.suggest(name, known)
      fail(level, "unknown option '%s'%s", name, like and ("; did you mean '" .. like .. "'?") or "")
    end
    if type(kind) == "function" then
      local wrong = kind(value)
      if wrong then fail(level, "%s: %s", name, wrong) end
    elseif not ("|" .. kind .. "|"):find("|" .. type(value) .. "|", 1, true) then
      fail(level, "%s: a %s expected, got %s", name, (kind:gsub("|", " or ")), type(value))
    end
  end
  return given
end

--- The same as a check: for tables within tables.
---@return string? message
function options.wrong(given, known)
  local ok, message = pcall(options.check, given, known, -2) -- level 0: without a position
  return not ok and message or nil
end

--- A check for one of some words.
---@param ... string
---@return fun(value: any): string?
function options.one_of(...)
  local words = { ... }
  return function(value)
    for _, word in ipairs(words) do
      if value == word then return nil end
    end
    return ("%s expected, got %s"):format('"' .. table.concat(words, '", "') .. '"', tostring(value))
  end
end

--- A check for a number in a range.
---@param low number
---@param high number
---@param whole? boolean
---@return fun(value: any): string?
function options.number(low, high, whole)
  return function(value)
    if type(value) == "number" and value >= low and value <= high and (not whole or value % 1 == 0) then return nil end
    return ("a %snumber from %s to %s expected, got %s"):format(whole and "whole " or "", low, high == math.huge and "any" or high, tostring(value))
  end
end

--- A check for a time in seconds.
options.seconds = options.number(0, math.huge)

--- A shallow copy of several tables, later ones winning.
---@return table
function options.merge(...)
  local out = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do out[key] = value end
  end
  return out
end

return options
