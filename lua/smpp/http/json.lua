--- Reads JSON of others strictly (RFC 8259): no BOM, no invalid UTF-8, no key twice, nothing behind the value, bounded depth.
--- A member that is null is left out of its object; an item that is null is `json.null`.
local objects = require "smpp.codec.json"
local shown = require "smpp.base.shown"

local json = { null = setmetatable({}, { __name = "null", __tostring = function() return "null" end }) }

local ARRAY = {}
local DEPTH_MAX = 32

--- Was this table written as a list?
---@param value any
---@return boolean
function json.is_array(value) return getmetatable(value) == ARRAY end

--- The name of a value's type in JSON.
---@param value any
---@return string
function json.type_of(value)
  if value == json.null then return "null" end
  if type(value) == "table" then return json.is_array(value) and "a list" or "an object" end
  return ({ string = "a string", number = "a number", boolean = "a boolean" })[type(value)] or "nothing"
end

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  local floor = math.floor
  if code < 0x800 then return string.char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then return string.char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64) end
  return string.char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

local STOP = {}
local match = string.match

local function fail(self, at, what)
  self.message = ("%s at octet %d"):format(what, at)
  error(STOP, 0)
end

--- The text of an escape sequence, and where it ends.
local function escape(self, text, at)
  local c = text:sub(at + 1, at + 1)
  if ESCAPES[c] then return ESCAPES[c], at + 2 end
  local code = c == "u" and tonumber(text:match("^%x%x%x%x", at + 2) or "", 16)
  if not code then fail(self, at, "invalid escape") end
  if code < 0xD800 or code > 0xDFFF then return utf8(code), at + 6 end
  local low = code < 0xDC00 and tonumber(text:match("^\\u(%x%x%x%x)", at + 6) or "", 16)
  if not low or low < 0xDC00 or low > 0xDFFF then fail(self, at, "a surrogate alone") end
  return utf8(0x10000 + (code - 0xD800) * 1024 + low - 0xDC00), at + 12
end

local function read_string(self, text, at)
  local stop = text:find('["\\%c]', at + 1)
  if stop and text:sub(stop, stop) == '"' then return text:sub(at + 1, stop - 1), stop + 1 end
  local pieces, from = {}, at + 1
  while true do
    stop = text:find('["\\%z\1-\31]', from)
    if not stop then fail(self, at, "a string without end") end
    pieces[#pieces + 1] = text:sub(from, stop - 1)
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(pieces), stop + 1 end
    if c ~= "\\" then fail(self, stop, "a control character in a string") end
    pieces[#pieces + 1], from = escape(self, text, stop)
  end
end

local function read_number(self, text, at)
  local whole = text:match("^%-?[1-9]%d*", at) or text:match("^%-?0", at)
  if not whole then fail(self, at, "invalid value") end
  local stop = at + #whole
  local fraction = text:match("^%.%d+", stop) or ""
  stop = stop + #fraction
  local exponent = text:match("^[eE][+-]?%d+", stop) or ""
  stop = stop + #exponent
  if text:find("^[%w.+-]", stop) then fail(self, at, "invalid number") end
  local number = tonumber(whole .. fraction .. exponent)
  if number == math.huge or number == -math.huge then fail(self, at, "number out of range") end
  return number, stop
end

local WORDS = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

local read_value

local function read_object(self, text, at, depth)
  local object, nulls = {}, nil
  at = text:match("^[ \t\r\n]*()", at + 1)
  if text:sub(at, at) == "}" then return object, at + 1 end
  while true do
    local place = at
    local name, after, c = match(text, '^"([^"\\%c]*)"[ \t\r\n]*:[ \t\r\n]*()(.)', at) -- as nearly all are
    local value
    if c == '"' then value, at = match(text, '^"([^"\\%c]*)"()', after) end
    if not value then
      if not name then
        if text:sub(place, place) ~= '"' then fail(self, place, "expected a name in quotes") end
        name, after = read_string(self, text, place)
        after = match(text, "^[ \t\r\n]*:[ \t\r\n]*()", after) or fail(self, after, "expected ':'")
      end
      value, at = read_value(self, text, after, depth + 1)
    end
    if object[name] ~= nil or nulls and nulls[name] then fail(self, place, "a name twice in an object") end
    if value == json.null then
      nulls = nulls or {}
      nulls[name] = true
    else
      object[name] = value
    end
    local mark
    mark, at = match(text, "^[ \t\r\n]*([,}])[ \t\r\n]*()", at)
    if not mark then fail(self, place, "expected ',' or '}' behind the member") end
    if mark == "}" then return object, at end
  end
end

local function read_array(self, text, at, depth)
  local list, n = setmetatable({}, ARRAY), 0
  at = text:match("^[ \t\r\n]*()", at + 1)
  if text:sub(at, at) == "]" then return list, at + 1 end
  while true do
    local place = at
    n = n + 1
    list[n], at = read_value(self, text, at, depth + 1)
    local mark
    mark, at = text:match("^[ \t\r\n]*([],])[ \t\r\n]*()", at)
    if not mark then fail(self, place, "expected ',' or ']' behind the item") end
    if mark == "]" then return list, at end
  end
end

function read_value(self, text, at, depth)
  if depth > DEPTH_MAX then fail(self, at, "nested too deep") end
  local c = text:sub(at, at)
  if c == '"' then return read_string(self, text, at) end
  if c == "{" then return read_object(self, text, at, depth) end
  if c == "[" then return read_array(self, text, at, depth) end
  local word = WORDS[c]
  if word then
    if text:sub(at, at + #word[1] - 1) ~= word[1] or text:find("^[%w_]", at + #word[1]) then fail(self, at, "invalid value") end
    return word[2], at + #word[1]
  end
  return read_number(self, text, at)
end

--- The value of a document; nil, message: it is malformed.
---@param text string
---@return any value
---@return string? message
function json.read(text)
  if text:find "[\128-\255]" and shown.repaired(text) ~= text then return nil, "invalid UTF-8" end
  if not text:find "[^ \t\r\n]" then return nil, "there is no value: the text is empty" end
  local self = { message = nil }
  local ok, value, at = pcall(read_value, self, text, text:match "^[ \t\r\n]*()", 1)
  if not ok then
    if value ~= STOP then error(value, 0) end
    return nil, self.message
  end
  if text:find("[^ \t\r\n]", at) then return nil, ("more behind the value at octet %d"):format(at) end
  return value
end

-- ---- writing ----

local QUOTED = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
local function quoted(c) return QUOTED[c] or ("\\u%04x"):format(c:byte()) end

--- The text of a string.
---@param value string
---@return string
function json.quote(value)
  if value:find "[\128-\255]" then value = objects.text(value) end
  if value:find '[%c"\\\127]' then value = value:gsub('[%c"\\\127]', quoted) end
  return '"' .. value .. '"'
end
local quote = json.quote

local function number_text(value)
  if value % 1 == 0 and value > -1e15 and value < 1e15 then return ("%d"):format(value) end
  return (("%.14g"):format(value):gsub(",", "."))
end

--- The names of an object in order, those of a plain one sorted; nil: a list.
local function order_of(value)
  local mt = getmetatable(value)
  if mt and mt.__jsonorder then return mt.__jsonorder end
  if mt and mt.__jsontype == "array" or value[1] ~= nil then return nil end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  if not names[1] and not (mt and mt.__jsontype == "object") then return nil end
  table.sort(names)
  return names
end

local function put(value, out, n)
  local kind = type(value)
  if kind == "string" then
    out[n + 1] = quote(value)
  elseif kind == "number" then
    out[n + 1] = number_text(value)
  elseif kind ~= "table" or value == objects.null then
    out[n + 1] = kind == "boolean" and tostring(value) or "null"
  else
    local order = order_of(value)
    local mark = order and "{" or "["
    for i = 1, order and #order or #value do
      n = n + 1
      out[n] = order and mark .. quote(order[i]) .. ":" or mark
      local item
      if order then item = value[order[i]] else item = value[i] end
      n = put(item, out, n)
      mark = ","
    end
    out[n + 1] = mark == "," and (order and "}" or "]") or order and "{}" or "[]"
  end
  return n + 1
end

--- The text of a value: objects of smpp.codec.json in their order, others sorted; strings that are not UTF-8 as it has them.
---@param value any
---@return string
function json.write(value)
  local out = {}
  put(value, out, 0)
  return table.concat(out)
end

return json
