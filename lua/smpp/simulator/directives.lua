--- "sim:" directives in the text of a message, such as "sim: undelivered after 3s, no receipt": they set its outcome.
local core = require "smpp.core"
local message_state = require "smpp.codec.message_state"
local strings = require "smpp.base.strings"

local directives = {}

local STATES = { undelivered = "UNDELIVERABLE" }
for _, name in ipairs(message_state.finals) do STATES[name:lower()] = name end

local FAULTS = {
  drop = "drop", duplicate = "duplicate", reorder = "reorder", close = "close", reset = "reset", unbind = "unbind",
  half = "half_pdu", ["half pdu"] = "half_pdu", ["wrong sequence"] = "wrong_sequence", ["wrong length"] = "wrong_length",
  ["unknown command"] = "unknown_command", silence = "silence",
}

local known_status = {}
for _, name in ipairs(core.protocol.statuses()) do known_status[name] = true end

local function status_of(word)
  word = word:upper()
  local number = strings.integer(word)
  if number then return number end
  for _, name in ipairs { word, "ESME_" .. word, "ESME_R" .. word } do
    if known_status[name] then return name end
  end
end

local function seconds_of(text)
  local number, unit = text:match "^([%d.]+)%s*(m?s?)$"
  number = tonumber(number)
  if not number then return nil end
  if unit == "ms" then return number / 1000 end
  return unit == "m" and number * 60 or number
end

--- Parses one directive into `out`.
local function read(order, out)
  local fault = FAULTS[order:lower()]
  if fault then
    out.fault = fault
    return true
  end
  local word, rest = order:match "^(%S+)%s*(.-)$"
  word = word and word:lower()
  local state = STATES[word or ""]
  if state then
    out.state = state
    rest = rest:lower()
    local after, code = rest:match "after%s+([%d.]+%s*m?s?)", rest:match "error%s+(%d+)"
    if after then out.after_s = seconds_of(after) end
    if code then out.error = tonumber(code) end
    return rest == "" or after ~= nil or code ~= nil
  elseif word == "enroute" and rest == "" then
    out.state = false
    return true
  elseif word == "reject" then
    out.status = status_of(rest)
    return out.status ~= nil
  elseif word == "no" and rest:lower() == "receipt" then
    out.no_receipt = true
    return true
  elseif word == "answer" then
    out.answer_s = seconds_of(rest:lower():match "^after%s+(.*)$" or "")
    return out.answer_s ~= nil
  end
  return false
end

---@class smpp.Directives
---@field state string|false|nil   final state; false: stays ENROUTE
---@field after_s number?
---@field error integer?
---@field status string|integer|nil  command_status that refuses the submit
---@field no_receipt boolean?
---@field answer_s number?         delay of the response
---@field reply string?            text of an MO message sent back
---@field fault string?            fault of the response
---@field unknown string?          the first unknown directive

--- Parses the directives of a text.
---@param text string
---@return smpp.Directives?  nil: the text has no directives
function directives.read(text)
  local _, last = text:find "^%s*[Ss][Ii][Mm]:"
  if not last then return nil end
  local list = strings.trim(text:sub(last + 1))
  local out = {}
  local reply = list:match "^[Rr][Ee][Pp][Ll][Yy]%s" or list:match ",%s*[Rr][Ee][Pp][Ll][Yy]%s"
  if reply then -- up to the end of the text, commas included
    local at = list:find(reply, 1, true)
    out.reply = list:sub(at + #reply)
    list = list:sub(1, at - 1)
  end
  for part in (list .. ","):gmatch "([^,]*)," do
    local order = strings.trim(part)
    if order ~= "" and not read(order, out) then out.unknown = out.unknown or order end
  end
  return out
end

return directives
