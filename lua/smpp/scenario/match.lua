--- Fields that a script expects: values, names of values, and matchers, compared with a received PDU.
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local receipts = require "smpp.receipt"
local shown = require "smpp.base.shown"
local texts = require "smpp.text"

local match = {}

local MATCHER = { __name = "smpp.Matcher" }
MATCHER.__tostring = function(self) return self.words end

---@class smpp.Matcher
---@field words string  how failures show it
---@field fits fun(value: any, pdu: smpp.Pdu): boolean, string?  the second: what came, if not the value itself

local function matcher(words, fits) return setmetatable({ words = words, fits = fits }, MATCHER) end

--- Returns true if a value is a matcher.
---@param value any
---@return boolean
function match.is(value) return getmetatable(value) == MATCHER end

-- ---- the names of fields ----

local KIND = { command_status = "int4", sequence_number = "int4", command_length = "int4", command_id = "int4" } -- name -> kind
local COMMAND_OF = {} -- name of a parameter -> a command that has it
for _, command in ipairs(core.protocol.commands()) do
  for _, param in ipairs(command.params) do
    KIND[param.name] = KIND[param.name] or param.kind
    COMMAND_OF[param.name] = COMMAND_OF[param.name] or command.name
  end
end
for _, tlv in ipairs(core.protocol.tlvs()) do
  KIND[tlv.name] = KIND[tlv.name] or tlv.kind
end
local IS_NUMBER = { int1 = true, int2 = true, int4 = true, int1_or_empty = true }

--- The value of a field, nil: it is absent, or the PDU cannot have it.
---@param pdu smpp.Pdu
---@param name string|integer  a number is the tag of a TLV
---@return any
function match.value(pdu, name)
  if type(name) == "number" then return (pdu:tlv(name)) end
  local ok, value = pcall(function() return pdu[name] end)
  if ok then return value end
end

--- The number that a name of a value stands for.
local function number_of(name, word, command)
  if name == "command_status" then
    local row, message = explain.status(word)
    return row and row.code, message
  end
  local octets, message
  for _, of in ipairs { command or false, COMMAND_OF[name] or false, "submit_sm" } do
    if of then octets, message = pdus.encode { command = of, sequence_number = 1, [name] = word } end
    if octets then break end
  end
  if not octets then return nil, message end
  return match.value(pdus.decode(octets), name)
end

local function quote(value) return type(value) == "string" and '"' .. value:gsub('[%c"\\\127-\255]', function(c)
  return (c == '"' or c == "\\") and "\\" .. c or ("\\x%02x"):format(c:byte())
end) .. '"' or tostring(value) end

--- A value as failures show it; passwords are hidden.
---@param name string|integer
---@param value any
---@return string
function match.show(name, value)
  if value == nil then return "absent" end
  if name == "password" and type(value) == "string" then return value == "" and '""' or '"***"' end
  if match.is(value) then return value.words end
  if type(value) == "function" then return "a function that accepts it" end
  if name == "command_status" and type(value) == "number" then return explain.status(value).name end
  if type(value) == "number" then return value % 1 == 0 and ("%d"):format(value) or ("%.14g"):format(value) end
  if type(value) == "table" or type(value) == "userdata" then return "a " .. type(value) end
  return quote(value)
end

---@class smpp.FieldMatch
---@field name string|integer
---@field wanted any
---@field words string

--- Reads a table of expected fields.
---@param fields table<string|integer, any>
---@param command? string  of the PDU, for the names of values
---@return smpp.FieldMatch[]? list  in the order of their names
---@return string? message  an unknown field, or a name that no value has
function match.compile(fields, command)
  local list, names = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if type(a) ~= type(b) then return type(a) == "string" end
    return a < b
  end)
  for _, given in ipairs(names) do
    local name, wanted = given == "status" and "command_status" or given, fields[given]
    if type(name) == "string" and not KIND[name] then
      local like = mistake.similar(name, KIND)
      return nil, ("unknown field '%s'%s"):format(shown.text(name), like and ("; did you mean '%s'?"):format(like) or "")
    end
    if type(wanted) == "string" and IS_NUMBER[KIND[name]] then
      local number, message = number_of(name, wanted, command)
      if not number then return nil, message end
      wanted = number
    end
    list[#list + 1] = { name = name, wanted = wanted, words = match.show(name, wanted) }
  end
  return list
end

--- Compares a PDU with expected fields.
---@param list smpp.FieldMatch[]
---@param pdu smpp.Pdu
---@return { field: string, expected: string, got: string }[] differs  none: it matches
function match.differences(list, pdu)
  local differs = {}
  for _, field in ipairs(list) do
    local name, wanted = field.name, field.wanted
    local value = match.value(pdu, name)
    local fits, got
    if match.is(wanted) then
      fits, got = wanted.fits(value, pdu)
    elseif type(wanted) == "function" then
      fits = wanted(value, pdu)
    else
      fits = value == wanted
    end
    if not fits then
      differs[#differs + 1] = {
        field = type(name) == "number" and ("tlv_0x%04X"):format(name) or name, expected = field.words, got = got or match.show(name, value),
      }
    end
  end
  return differs
end

-- ---- matchers ----

--- A Lua pattern that a string has to match.
---@param pattern string
---@return smpp.Matcher
function match.pattern(pattern)
  return matcher(("pattern %s"):format(quote(pattern)), function(value)
    return type(value) == "string" and value:find(pattern) ~= nil
  end)
end

--- A text, decoded by data_coding, without its user data header.
---@param wanted string  UTF-8
---@return smpp.Matcher
function match.text(wanted)
  return matcher("text " .. shown.quote(wanted), function(value, pdu)
    if type(value) ~= "string" then return false end
    local words = texts.read { short_message = value, data_coding = match.value(pdu, "data_coding"), esm_class = match.value(pdu, "esm_class") }
    return words == wanted, "text " .. shown.quote(words)
  end)
end

--- Octets, as hex digits.
---@param digits string
---@return smpp.Matcher
function match.hex(digits)
  local clean = digits:gsub("%s", ""):lower()
  if #clean % 2 == 1 or clean:find "%X" then error(("hex: expected pairs of hex digits, got '%s'"):format(digits), 2) end
  local octets = clean:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  return matcher("hex " .. clean, function(value)
    return value == octets, type(value) == "string" and "hex " .. value:gsub(".", function(c) return ("%02x"):format(c:byte()) end) or nil
  end)
end

--- A number with all bits of a mask.
---@param mask integer
---@return smpp.Matcher
function match.bits(mask)
  return matcher(("bits 0x%02X"):format(mask), function(value)
    return type(value) == "number" and explain.masked(value, mask) == mask
  end)
end

--- One of several values or matchers.
---@param list any[]
---@return smpp.Matcher
function match.one_of(list)
  local words = {}
  for i, item in ipairs(list) do words[i] = match.show("", item) end
  return matcher("one of " .. table.concat(words, ", "), function(value, pdu)
    for _, item in ipairs(list) do
      if item == value or match.is(item) and item.fits(value, pdu) then return true end
      if type(item) == "string" and type(value) == "number" then
        local row = explain.status(item)
        if row and row.code == value then return true end
      end
    end
    return false
  end)
end

--- A delivery receipt whose parts are so: id, state, error …, as smpp.receipt.parse names them.
---@param wanted table<string, any>
---@return smpp.Matcher
function match.receipt(wanted)
  local names, words = {}, {}
  for name in pairs(wanted) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do words[i] = ("%s = %s"):format(name, match.show(name, wanted[name])) end
  return matcher("receipt " .. table.concat(words, ", "), function(_, pdu)
    local receipt, message = receipts.parse(pdu)
    if not receipt then return false, "no receipt: " .. message end
    local came, fits = {}, true
    for i, name in ipairs(names) do
      local item, value = wanted[name], receipt[name]
      if match.is(item) then fits = fits and item.fits(value, pdu) else fits = fits and item == value end
      came[i] = ("%s = %s"):format(name, match.show(name, value))
    end
    return fits, "receipt " .. table.concat(came, ", ")
  end)
end

--- Any value; the field has to be there.
match.any = matcher("any value", function(value) return value ~= nil end)

--- The field must not be there.
match.absent = matcher("absent", function(value) return value == nil end)

return match
