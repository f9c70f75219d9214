--- The filters of `smpp decode`: --command, --status, --to, --slow.
local address = require "smpp.codec.address"
local codec_commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local mistake = require "smpp.base.mistake"
local strings = require "smpp.base.strings"

local filter = {}

local UNITS = { us = 1e-6, ms = 1e-3, s = 1, min = 60, [""] = 1 }

--- "500ms", "2s", "1.5": seconds.
local function duration(word)
  local number, unit = word:match "^([%d.]+)%s*(%a*)$"
  local value, factor = tonumber(number or ""), UNITS[unit]
  if value and factor then return value * factor end
  return nil, ("invalid duration '%s': expected a number and us, ms, s or min, as in 500ms"):format(word)
end

--- A status by name, with or without ESME_ or ESME_R, or by number; "error" is any but ESME_ROK.
local function status(word)
  if word:lower() == "error" then return "error" end
  for _, prefix in ipairs { "", "ESME_", "ESME_R" } do
    local row = explain.status(strings.integer(word) or prefix .. word:upper())
    if row then return row.code end
  end
  local _, message = explain.status(word)
  return nil, message
end

--- The options.
---@param command table  of argparse
function filter.define(command)
  command:option("--command", "Show only this command; * stands for any letters: 'bind_*'."):count "*":argname "NAME"
  command:option("--status", "Show only this command_status, by name or number; error: any but ESME_ROK."):count "*":convert(status)
    :argname "STATUS"
  command:option("--to", "Show only what goes to this destination address; * stands for any digits: '49151*'."):count "*":argname "ADDRESS"
  command:option("--slow", "Captures: show only responses that took this long or longer, as in 500ms."):convert(duration):argname "TIME"
end

--- A word with * as a Lua pattern for the whole of something.
local function pattern_of(word)
  return "^" .. word:gsub("[^%w*]", "%%%0"):gsub("%*+", ".*") .. "$"
end

local function patterns_of(words, prepare)
  if #words == 0 then return nil end
  local list = {}
  for i, word in ipairs(words) do list[i] = pattern_of(prepare(word)) end
  return list
end

local function any(list, word)
  for _, pattern in ipairs(list) do
    if word:find(pattern) then return true end
  end
  return false
end

--- A command as `pdu.command` has it, in lower case: unknown ones are called by their number.
local function command_name(word)
  local number = word:match "^0[xX](%x+)$"
  return number and ("0x%08x"):format(tonumber(number, 16)) or word:lower()
end

local function digits(word) return (word:gsub("^%+", "")) end

local function is_to(list, pdu)
  if pdu.destination_addr then return any(list, digits(address.format(pdu.destination_addr, pdu.dest_addr_ton))) end
  for _, item in ipairs(pdu.dest_address or {}) do
    if item.destination_addr and any(list, digits(item.destination_addr)) then return true end
  end
  return false
end

--- What is wrong with --command, nil: nothing.  Vendors' commands are declared by now.
---@param options table  as argparse gives them
---@return string? message
function filter.wrong(options)
  for _, word in ipairs(options.command or {}) do
    local name, known = command_name(word), codec_commands.ids
    if not (known[name] or name:find "^0x" or name:find("*", 1, true)) then
      local like = mistake.similar(name, known)
      return ("--command: unknown command '%s'%s"):format(word, like and ("; did you mean '%s'?"):format(like) or "")
    end
  end
end

--- The filter that options ask for.
---@param options table  as argparse gives them
---@return (fun(pdu: smpp.Pdu, request: smpp.Pdu?, latency_s: number?): boolean)? is_wanted  nil: everything is shown.
---  request: what the PDU answers; a response is to whom its request was
function filter.of(options)
  local commands = patterns_of(options.command or {}, command_name)
  local to = patterns_of(options.to or {}, digits)
  local statuses
  for _, code in ipairs(options.status or {}) do
    statuses = statuses or {}
    statuses[code] = true
  end
  local slow = options.slow
  if not (commands or to or statuses or slow) then return nil end
  return function(pdu, request, latency_s)
    if commands and not any(commands, pdu.command:lower()) then return false end
    if statuses then
      local code = pdu.command_status
      -- in a request the field has no meaning (5.0, 3.2.1.3)
      if pdu.command_id < 0x80000000 or not statuses[code] and not (statuses.error and code ~= 0) then return false end
    end
    if slow and not (latency_s and latency_s >= slow) then return false end
    return not to or is_to(to, pdu) or request ~= nil and is_to(to, request)
  end
end

return filter
