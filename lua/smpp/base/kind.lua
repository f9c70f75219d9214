--- Kinds of values that options take: how they are checked, described, and read from the text of a URL or a command line.
local mistake = require "smpp.base.mistake"

---@class smpp.Kind
---@field expected string                              as messages say it: "an integer >= 1"
---@field fits fun(value: any): boolean|nil            makes no tables: it runs once per message
---@field explain (fun(value: any): smpp.Mistake)|nil  the error for a value that does not fit; nil: "expected …, got …"
---@field read (fun(word: string): any)|nil            the value of a text, nil: invalid.  No function: only programs can set it
---@field values string[]|nil                          the words, where there are only some
---@field unit string|nil                              "s", "per s", "octets"
---@field schema smpp.Schema|nil                       of tables with options of their own

local kind = {}

local function plain(name, expected, read)
  return { expected = expected, fits = function(value) return type(value) == name end, read = read }
end

kind.string = plain("string", "a string", function(word) return word end)
kind.number = plain("number", "a number", tonumber)
kind.fn = plain("function", "a function")
kind.table = plain("table", "a table")
kind.userdata = plain("userdata", "a PDU")
kind.any = { expected = "any value", fits = function(value) return value ~= nil end }

local BOOLEANS = { ["true"] = true, ["false"] = false, yes = true, no = false, on = true, off = false }
kind.boolean = plain("boolean", "true or false", function(word) return BOOLEANS[word] end)

local BY_TYPE = {
  string = kind.string, number = kind.number, ["function"] = kind.fn, table = kind.table, userdata = kind.userdata,
  boolean = kind.boolean, any = kind.any,
}

--- A kind, a schema, or the name of a Lua type.
---@param given smpp.Kind|string
---@return smpp.Kind
function kind.of(given)
  return BY_TYPE[given] or type(given) == "table" and given.fits and given or error("unknown kind of option: " .. tostring(given), 3)
end

--- Validates a value: the error, nil: valid.
---@param self smpp.Kind
---@param value any
---@return smpp.Mistake?
function kind.problem(self, value)
  if self.fits(value) then return nil end
  return self.explain and self.explain(value) or mistake.wrong(self.expected, value)
end

--- The same kind, measured in a unit.
function kind.with_unit(unit, self)
  local copy = { unit = unit }
  for name, value in pairs(self) do copy[name] = value end
  return copy
end

local function range(what, low, high)
  if high == math.huge then return low == -math.huge and what or ("%s >= %.14g"):format(what, low) end
  return ("%s from %.14g to %.14g"):format(what, low, high)
end

--- A number in a range, both ends included.
---@param low number
---@param high? number
---@return smpp.Kind
function kind.real(low, high)
  high = high or math.huge
  return {
    expected = range("a number", low, high),
    fits = function(value) return type(value) == "number" and value >= low and value <= high end,
    read = tonumber,
  }
end

--- A whole number in a range.
---@param low number
---@param high? number
---@return smpp.Kind
function kind.integer(low, high)
  high = high or math.huge
  return {
    expected = range("an integer", low, high),
    fits = function(value) return type(value) == "number" and value >= low and value <= high and value % 1 == 0 end,
    read = tonumber,
  }
end

kind.count = kind.integer(1)
kind.port = kind.integer(0, 65535)
kind.window = kind.integer(1, 65535)
kind.percent = kind.with_unit("%", kind.real(0, 100))
kind.octets = kind.with_unit("octets", kind.count)
kind.seconds = kind.with_unit("s", kind.real(0))
kind.rate = kind.with_unit("per s", kind.real(1e-6, 1e9))

--- A host name or an IP address.
kind.host = {
  expected = "a host name or IP address",
  fits = function(value) return type(value) == "string" and value ~= "" and not value:find "[%c%s]" end,
  read = kind.string.read,
}

--- A string of so many octets at most.
---@param most integer
---@return smpp.Kind
function kind.text(most)
  return {
    expected = ("a string of at most %d octets"):format(most),
    fits = function(value) return type(value) == "string" and #value <= most end,
    read = kind.string.read,
  }
end

--- One of some words.
---@param ... string
---@return smpp.Kind
function kind.one_of(...)
  local words, set = { ... }, {}
  for _, word in ipairs(words) do set[word] = true end
  local self = {
    expected = (#words > 1 and "one of " or "") .. '"' .. table.concat(words, '", "') .. '"', values = words,
    fits = function(value) return set[value] end,
    read = kind.string.read,
  }
  function self.explain(value)
    local wrong = mistake.wrong(self.expected, value)
    local like
    if type(value) == "string" then
      local low, high = value:lower(), value:upper()
      like = set[low] and low or set[high] and high or mistake.similar(value, set) or mistake.similar(low, set) or mistake.similar(high, set)
    end
    if like then
      wrong.reason = ("%s; did you mean '%s'?"):format(wrong.reason, like)
      wrong.message = wrong.reason
    end
    return wrong
  end
  return self
end

--- A kind that a function validates.
---@param expected string
---@param wrong fun(value: any): string|smpp.Mistake|nil  the error, nil: valid; a message without the value begins with "expected"
---@param read? fun(word: string): any  default: none
---@return smpp.Kind
function kind.checked(expected, wrong, read)
  return {
    expected = expected,
    fits = function(value) return wrong(value) == nil end,
    explain = function(value)
      local found = wrong(value)
      return type(found) == "table" and found or mistake.new(found)
    end,
    read = read,
  }
end

--- Any of several kinds; the first that can read a text reads it.
---@param ... smpp.Kind|string
---@return smpp.Kind
function kind.either(...)
  local kinds, names, readable, values = { ... }, {}, false, {}
  local self = {}
  for i, one in ipairs(kinds) do
    one = kind.of(one)
    kinds[i], names[i] = one, one.expected
    readable, self.unit, self.schema = readable or one.read ~= nil, self.unit or one.unit, self.schema or one.schema
    for _, value in ipairs(one.values or {}) do values[#values + 1] = value end
  end
  self.expected, self.values = table.concat(names, ", ", 1, #names - 1) .. " or " .. names[#names], #values > 0 and values or nil
  function self.fits(value)
    for i = 1, #kinds do
      if kinds[i].fits(value) then return true end
    end
    return false
  end
  --- For a table, the error comes from the kind that accepts tables: it names the invalid entry.
  function self.explain(value)
    for _, one in ipairs(kinds) do
      local inside = type(value) == "table" and one.explain and one.explain(value)
      if inside and inside.path then return inside end
    end
    return mistake.wrong(self.expected, value)
  end
  self.read = readable and function(word)
    for _, one in ipairs(kinds) do
      local value
      if one.read then value = one.read(word) end
      if value ~= nil and one.fits(value) then return value end
    end
  end or nil
  return self
end

--- A list.
---@param item smpp.Kind|string
---@param name? string  of its items, for messages: "message states"
---@return smpp.Kind
function kind.list(item, name)
  item = kind.of(item)
  local self = { expected = name and "a list of " .. name or "a list, each item " .. item.expected, is_list = true }
  function self.fits(value)
    if type(value) ~= "table" then return false end
    local n = #value
    for i = 1, n do
      if not item.fits(value[i]) then return false end
    end
    for key in pairs(value) do
      if type(key) ~= "number" or key < 1 or key > n or key % 1 ~= 0 then return false end
    end
    return true
  end
  function self.explain(value)
    if type(value) ~= "table" then return mistake.wrong(self.expected, value) end
    for i, one in ipairs(value) do
      local wrong = kind.problem(item, one)
      if wrong then return mistake.inside(wrong, i) end
    end
    return mistake.new(("expected %s, got a table with named keys or holes"):format(self.expected))
  end
  self.read = item.read and function(word)
    local list = {}
    for piece in (word .. ","):gmatch "([^,]*)," do
      local value = item.read(piece)
      if value == nil then return nil end
      list[#list + 1] = value
    end
    return list
  end
  return self
end

--- A table whose keys are of a kind, too.
---@param key smpp.Kind|string
---@param item smpp.Kind|string
---@param name? string  for messages: "a table of percentages by status"
---@return smpp.Kind
function kind.map(key, item, name)
  key, item = kind.of(key), kind.of(item)
  local self = { expected = name or "a table" }
  function self.fits(value)
    if type(value) ~= "table" then return false end
    for k, v in pairs(value) do
      if not key.fits(k) or not item.fits(v) then return false end
    end
    return true
  end
  function self.explain(value)
    if type(value) ~= "table" then return mistake.wrong(self.expected, value) end
    local first
    for k, v in pairs(value) do
      local wrong = kind.problem(key, k)
      if not wrong then wrong = kind.problem(item, v) end
      wrong = wrong and mistake.inside(wrong, k)
      if wrong and (not first or wrong.message < first.message) then first = wrong end -- pairs() has no order: report the same error each time
    end
    return first
  end
  return self
end

return kind
