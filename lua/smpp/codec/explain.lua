--- Statuses and field values in words.
local core = require "smpp.core"
local strings = require "smpp.base.strings"

local explain = {}

local sets = core.protocol.values()
local set_of = {}
for _, command in ipairs(core.protocol.commands()) do
  for _, param in ipairs(command.params) do
    if param.values ~= "" then set_of[param.name] = param.values end
  end
end
for _, tlv in ipairs(core.protocol.tlvs()) do
  if tlv.values ~= "" then set_of[tlv.name] = tlv.values end
end
for name in pairs(sets) do set_of[name] = set_of[name] or name end
set_of.error_status_code, set_of.broadcast_error_status = nil, nil

local status_fields = { command_status = true, status = true, error_status_code = true, broadcast_error_status = true }

--- The meaning of a command_status, with advice.
---@param status string|integer  name, alias or code
---@return { code: integer, name: string, alias: string?, note: string?, meaning: string, advice: string, class: string,
---  bind: string }? row  note: the version of the alias, or of a name of 3.3 alone, "3.3; number inferred";
---  class: success, throttle, temporary, permanent, session; bind: bound, retry_later, give_up
---@return string? message
---@return string? code  "bad_value": not a name SMPP knows
function explain.status(status)
  if type(status) == "string" and status:find "^0x" then status = strings.integer(status) or status end
  if type(status) == "number" and not (status >= 0 and status <= 0xFFFFFFFF and status % 1 == 0) then
    return nil, ("command_status out of range: expected 32 bits, got %s"):format(tostring(status)), "bad_value"
  end
  local row = core.protocol.status(status)
  if row then
    row.bind = row.bind or "retry_later"
    return row
  end
  if type(status) ~= "number" then
    local names = {}
    for _, name in ipairs(core.protocol.statuses()) do names[name] = true end
    local like = core.suggest(tostring(status), names)
    return nil, ("unknown command_status '%s'%s"):format(tostring(status), like and ("; did you mean " .. like .. "?") or ""),
      "bad_value"
  end
  local vendor = status >= 0x400 and status <= 0x4FF
  return {
    code = status, name = ("0x%08X"):format(status), class = "permanent", bind = "retry_later",
    meaning = vendor and "an error of the carrier's own (0x400-0x4FF)" or "not in the tables of SMPP",
    advice = "ask the carrier for its list of error codes",
  }
end

local classes = {}
for _, name in ipairs(core.protocol.statuses()) do
  local row = core.protocol.status(name)
  classes[row.code], classes[name] = row.class, row.class
  if row.alias then classes[row.alias] = row.class end
end

--- The class of a status, for retries: "throttle": slow down and retry; "temporary": retry later;
--- "permanent": do not retry; "session": not in this session.  The classes are in csrc/tables/statuses.tsv.
---@param status string|integer  name or code
---@return string? class  nil: not a status ("timeout")
function explain.class(status)
  local class = classes[status]
  if class then return class end
  local row = explain.status(status or "")
  return row and row.class
end

--- The bits of a value that a mask has: Lua 5.1 and 5.2 have no operator for that, and LuaJIT's are signed.
---@param a integer
---@param mask integer
---@return integer
function explain.masked(a, mask)
  local result, bit = 0, 1
  while mask > 0 do
    if mask % 2 == 1 and a % 2 == 1 then result = result + bit end
    a, mask, bit = math.floor(a / 2), math.floor(mask / 2), bit * 2
  end
  return result
end

--- A field's value in words, nil where SMPP defines none.
---@param field string  parameter or TLV
---@param value integer
---@return string?
function explain.value(field, value)
  if status_fields[field] then return explain.status(value).name end
  local set, words, seen = sets[set_of[field] or ""], {}, {}
  if not set then return nil end
  for _, row in ipairs(set) do
    -- Where the meaning of a whole octet depends on the network, use the first (GSM).
    local group = row.mask >= 0xFF and "" or row.sub .. "/" .. row.mask
    local part = explain.masked(value, row.mask)
    if not seen[group] and part >= row.low and part <= row.high and (value <= 0xFF or row.mask > 0xFF) then
      seen[group] = true
      local is_flag = row.mask ~= 0xFF and row.mask ~= 0xFFFF
      if not (is_flag and row.low == 0 and (row.name == "none" or row.name == "inactive")) then words[#words + 1] = row.name end
    end
  end
  if #words == 0 then return next(seen) and "none" or "reserved" end
  return table.concat(words, ", ")
end

--- As explain.value, for people: unknown fields are the caller's mistake.
---@param field string
---@param value integer|string
---@return string? words
---@return string? message
---@return string? code  "unknown_field"
function explain.field(field, value)
  if type(field) ~= "string" then error("explain: expected (field, value)", 2) end
  if status_fields[field] then
    local row, message, code = explain.status(value)
    if not row then return nil, message, code end
    return row.name .. ": " .. row.meaning
  end
  if not set_of[field] then
    local like = core.suggest(field, set_of)
    return nil, ("no symbolic values are defined for field '%s'%s"):format(field, like and ("; did you mean " .. like .. "?") or ""), "unknown_field"
  end
  return explain.value(field, tonumber(value) or error("explain: expected a number", 2))
end

return explain
