--- The message that `smpp gateway --explain` or the console asks about: JSON, its fields, or a PDU in hex.
local address = require "smpp.codec.address"
local codec = require "smpp.codec"
local core = require "smpp.core"
local json = require "smpp.codec.json"
local mistake = require "smpp.base.mistake"
local route = require "smpp.route"
local text = require "smpp.text"
local compose = require "smpp.text.compose"

local question = {}

local OWN = { account = true, carrier = true, bind = true, from = true, to = true, text = true } -- all are strings
local BINDS = { trx = true, tx = true, rx = true, http = true }

local function of_hex(word)
  local octets = word:gsub("%s", ""):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  local pdu, message = codec.decode(octets)
  if not pdu then return nil, "malformed PDU: " .. message end
  local command = pdu.command
  if command ~= "submit_sm" and command ~= "data_sm" and command ~= "deliver_sm" then
    return nil, ("expected a submit_sm, data_sm or deliver_sm, got %s"):format(command)
  end
  return pdu
end

--- Fields of the message's PDU; nil, message.
local function fields_of(o, command)
  local fields = { command = command }
  for name, value in pairs(o) do
    if not OWN[name] then fields[name] = value end
  end
  for _, side in ipairs {
    { "from", "source_addr", "source_addr_ton", "source_addr_npi" }, { "to", "destination_addr", "dest_addr_ton", "dest_addr_npi" },
  } do
    local given = o[side[1]]
    if given ~= nil then
      local found, message = address.source(given)
      if not found then return nil, ("%s: %s"):format(side[1], message) end
      fields[side[2]], fields[side[3]], fields[side[4]] = found.addr, found.ton, found.npi
    end
  end
  if o.text ~= nil then
    local parts, info = text.split(tostring(o.text))
    if not parts then return nil, "text: " .. info end
    if #parts > 1 then
      fields.data_coding, fields.message_payload = info.data_coding, assert(text.encode(o.text, { encoding = info.encoding }))
    else
      compose.part(fields, parts, info, 1)
    end
  end
  return fields
end

local function unknown(what, name, known)
  local like = core.suggest(tostring(name), known)
  return nil, ("unknown %s '%s'%s"):format(what, tostring(name), like and ("; did you mean '" .. like .. "'?") or "")
end

--- The message of a PDU, or nil and what is wrong with the question.
local function message_of(o, pdu, config)
  local known = {}
  for _, carrier in ipairs(config.carriers) do known[carrier.name] = true end
  if o.carrier and not known[o.carrier] then return unknown("carrier", o.carrier, known) end
  if o.account and not config.is_open and not config.accounts[o.account] then return unknown("account", o.account, config.accounts) end
  local carrier = o.carrier or pdu.command == "deliver_sm" and next(known) or nil
  return route.message {
    account = not carrier and (o.account or "") or nil, carrier = carrier, bind = o.bind or not carrier and "trx" or nil, pdu = pdu,
  }
end

--- The message of fields: `account` or `carrier`, `bind`, `from`, `to`, `text`, and parameters of its PDU by name.
---@param o table
---@param config smpp.GatewayConfig
---@return smpp.RouteMessage? msg
---@return string? message  what is wrong
function question.of(o, config)
  if o[1] ~= nil then return nil, "expected an object, got a list" end
  for name, value in pairs(o) do
    local is_address = (name == "from" or name == "to") and type(value) == "number"
    if OWN[name] and type(value) ~= "string" and not is_address then
      return nil, ("%s: %s"):format(name, mistake.wrong("a string", value).message)
    end
  end
  if o.bind and not BINDS[o.bind] then return nil, "bind: " .. mistake.wrong('"trx", "tx", "rx" or "http"', o.bind).message end
  local fields, message = fields_of(o, o.carrier and "deliver_sm" or "submit_sm")
  local octets
  if fields then octets, message = codec.encode(fields) end
  if not octets then return nil, message end
  return message_of(o, codec.decode(octets), config)
end

--- The message of `--explain`.
---@param word string
---@param config smpp.GatewayConfig
---@return smpp.RouteMessage? msg
---@return string? message  what is wrong
function question.message(word, config)
  if word:find "^%s*%x[%x%s]+$" then
    local pdu, message = of_hex(word)
    if not pdu then return nil, message end
    return message_of({}, pdu, config)
  end
  local o, message = json.decode(word)
  if type(o) ~= "table" then return nil, "--explain: expected a JSON object or a PDU in hex" .. (message and ": " .. message or "") end
  local msg
  msg, message = question.of(o, config)
  if not msg then return nil, "--explain: " .. message end
  return msg
end

--- The time to ask about.
---@param word string?
---@return number? unix
---@return string? message
function question.time(word)
  if not word then return os.time() end
  local year, month, day, hour, minute = word:match "^(%d%d%d%d)-(%d%d)-(%d%d)[T ](%d%d):(%d%d)$"
  if not year then return nil, "--at: expected YYYY-MM-DDTHH:MM" end
  return os.time { year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = tonumber(hour), min = tonumber(minute), sec = 0 }
end

--- What a decision does, in words.
---@param decision smpp.Decision
---@return string
function question.answer(decision)
  local action = decision.action
  if action == "via" then
    return decision.carriers[1] and "via " .. table.concat(decision.carriers, ", then ") or "no carrier is available: ESME_RSYSERR"
  end
  return action == "drop" and "drop" or ("%s %s"):format(action, tostring(decision[action]))
end

return question
