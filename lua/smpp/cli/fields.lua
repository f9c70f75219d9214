--- Fields and TLVs of a message as words: --set NAME=VALUE, --tlv TAG=VALUE.  The kind of the field decides what VALUE is.
local input = require "smpp.cli.input"
local composer = require "smpp.client.composer"
local strings = require "smpp.base.strings"

local integer_of = strings.integer

local fields = {}

--- Octets: hex:0A0B, or the text itself.
local function octets_of(word)
  local hex = word:match "^[hH][eE][xX]:(.*)$"
  if not hex then return word end
  return input.unhex(hex)
end

--- its_session_info (5.0, 4.8.4.36): the session's number, then seven bits of sequence number and the end indicator.
local function session_info(word)
  local number, sequence, last = word:match "^(%d+),(%d+)(.*)$"
  number, sequence = tonumber(number), tonumber(sequence)
  if not number or number > 255 or sequence > 127 or last ~= "" and last ~= ",end" then
    return nil, ("expected SESSION,SEQUENCE[,end] with 0 to 255 and 0 to 127, or hex:..., got '%s'"):format(word)
  end
  return string.char(number, sequence * 2 + (last == ",end" and 1 or 0))
end

--- The value of a word for a kind of field (codec.field).
local function value_of(kind, name, word)
  if kind == "integer" then return integer_of(word) or word end -- a word: the name of a value
  if name == "its_session_info" and not word:find "^[hH][eE][xX]:" then return session_info(word) end
  if kind == "flag" then return word == "" or word == "true" or integer_of(word) or word end
  if kind == "octets" then return octets_of(word) end
  return word
end

--- Reads --set: an option of esme:send, or a field or TLV of submit_sm.
---@param message table  gets it
---@param codec smpp.Codec
---@param word string  NAME=VALUE
---@return string? wrong
function fields.set(message, codec, word)
  local name, text = word:match "^([%w_.]+)=(.*)$"
  if not name then return ("--set %s: expected NAME=VALUE"):format(word) end
  local value, wrong
  local kind = codec.field("submit_sm", name)
  if kind and not composer.schema.by_name[name] then
    value, wrong = value_of(kind, name, text)
    if value == nil then return ("--set %s: %s"):format(name, wrong) end
    message[name] = value
    return nil
  end
  value, wrong = composer.schema_of(codec):parse(name, text)
  if value == nil then return "--set " .. wrong.message end
  message[name] = value
end

--- Reads --tlv: a TLV by its tag or its name; VALUE is hex:... or the octets themselves.
---@param message table  gets it
---@param codec smpp.Codec
---@param word string  TAG=VALUE
---@return string? wrong
function fields.tlv(message, codec, word)
  local tag, text = word:match "^([%w_]+)=(.*)$"
  if not tag then return ("--tlv %s: expected TAG=VALUE"):format(word) end
  local number = integer_of(tag)
  if not number then
    if not codec.field("submit_sm", tag) then
      local _, like = codec.field("submit_sm", tag)
      return ("--tlv %s: unknown TLV%s"):format(tag, like and ("; did you mean '%s'?"):format(like) or ": expected a tag such as 0x1400, or a name")
    end
    return fields.set(message, codec, word)
  end
  if number > 0xFFFF then return ("--tlv %s: expected a tag from 0 to 0xFFFF"):format(tag) end
  local octets, wrong = octets_of(text)
  if not octets then return ("--tlv %s: %s"):format(tag, wrong) end
  message.tlvs = message.tlvs or {}
  table.insert(message.tlvs, { number, octets })
end

return fields
