--- An invalid option as a value: libraries raise it as text at the caller's line, the command line prints its message.
require "smpp.base.iterate"
local core = require "smpp.core"

---@class smpp.Mistake
---@field message string      for people, whole: "retry.attempts: expected an integer >= 1, got 0"
---@field path string?        of the option: "retry.attempts", "rules[2].status"
---@field reason string       the message without the path
---@field expected string?    "an integer >= 1"
---@field got string?         "0", "'abc'", "a table"
---@field suggestion string?  the name that was probably meant, a path like `path`
---@field unknown boolean?    the option does not exist

local mistake = {}

local SHOWN = 60 -- octets of a string that are shown

--- A value as messages show it: short, on one line.
---@param value any
---@return string
function mistake.show(value)
  local kind = type(value)
  if kind == "string" then
    local text = #value > SHOWN and value:sub(1, SHOWN) .. "..." or value
    return "'" .. text:gsub("[%c\127-\255]", function(c) return ("\\x%02X"):format(c:byte()) end) .. "'"
  elseif kind == "number" then
    return ("%.14g"):format(value)
  elseif kind == "boolean" or value == nil then
    return tostring(value)
  end
  return "a " .. kind
end

local function compose(self)
  if self.unknown then
    self.message = ("unknown option '%s'%s"):format(self.path, self.suggestion and ("; did you mean '%s'?"):format(self.suggestion) or "")
  else
    self.message = self.path and self.path .. ": " .. self.reason or self.reason
  end
  return self
end

--- A value of the wrong kind.
---@param expected string
---@param value any
---@param secret? boolean  the value is not shown
---@return smpp.Mistake
function mistake.wrong(expected, value, secret)
  local got = secret and "a " .. type(value) or mistake.show(value)
  return compose { expected = expected, got = got, reason = ("expected %s, got %s"):format(expected, got) }
end

--- Any other error, with its reason.
---@param reason string
---@return smpp.Mistake
function mistake.new(reason) return compose { reason = reason } end

--- The key of a table that looks most like a name; never the name itself.
---@param name string
---@param names table<string, any>
---@return string?
function mistake.similar(name, names)
  for i = 1, #name <= SHOWN and #name - 1 or 0 do -- "prot": two mistakes to core.suggest, too many in a short name
    local exchanged = name:sub(1, i - 1) .. name:sub(i + 1, i + 1) .. name:sub(i, i) .. name:sub(i + 2)
    if exchanged ~= name and names[exchanged] ~= nil then return exchanged end
  end
  local like = core.suggest(name, names)
  return like ~= name and like or nil
end

--- A name that no option has.
---@param name string
---@param names table<string, any>  those there are, as keys
---@param other? string  a similar name from elsewhere
---@return smpp.Mistake
function mistake.unknown(name, names, other)
  return compose { unknown = true, path = name, reason = "unknown option", suggestion = mistake.similar(name, names) or other }
end

local function joined(key, path)
  if not path then return key end
  return path:sub(1, 1) == "[" and key .. path or key .. "." .. path
end

--- The same mistake seen from the table around it.
---@param self smpp.Mistake  changed and returned
---@param key string|number  where the table that it is about stands
---@return smpp.Mistake
function mistake.inside(self, key)
  key = type(key) == "string" and key:find "^[%a_][%w_]*$" and key or ("[%s]"):format(type(key) == "string" and mistake.show(key) or tostring(key))
  self.path = joined(key, self.path)
  if self.suggestion then self.suggestion = joined(key, self.suggestion) end
  return compose(self)
end

--- Raises it at the line of the call.
---@param self smpp.Mistake
---@param level integer  as of `error`, seen from the caller
function mistake.raise(self, level) error(self.message, level + 1) end

return mistake
