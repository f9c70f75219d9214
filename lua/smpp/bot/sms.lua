--- The channel of SMS: each text is a message.
local pdus = require "smpp.codec"
local task = require "smpp.base.task"

local sms = { name = "sms", has_words = true }

local function merged(message, options)
  for name, value in pairs(options) do message[name] = value end
  return message
end

local source_of = pdus.codec.selector("source_addr", "source_addr_ton", "source_addr_npi")

-- Of a text without options, and whom it goes to: nobody reads them after a wait, so there is one of each.
local PLAIN = { from = nil, to = nil, text = nil }
local SENDER = { addr = nil, ton = nil, npi = nil }

local destination_of = pdus.codec.selector("destination_addr", "dest_addr_ton", "dest_addr_npi")

--- Was a message sent to the address that answers come from?
local function is_own(own, pdu)
  local address, addr, ton, npi = own.address, destination_of(pdu)
  return address.addr == addr and address.ton == ton and address.npi == npi
end

--- Says a text (nil: options are the message).
---@async
function sms.say(dialogue, text, options)
  local shop, chat = dialogue.shop, dialogue.chat
  local is_reply = not dialogue.is_unasked and (not dialogue.reason or dialogue.is_closing)
  if not is_reply then
    local ok, why, code, reason = shop:may_send(shop.people:current(dialogue.person), chat.to)
    if not ok then return nil, why, code, reason end
  elseif text and dialogue.item then
    shop:note_reply(dialogue.person, text)
  end
  local item = rawget(chat, "item")
  local msg = item and item.msg or chat.message
  local own = dialogue.own
  local carrier = own.carrier
  local esme, token = carrier.esme, task.current()
  if esme and token and msg and not options and is_own(own, msg.pdu) then
    local sent, why, code, partial = esme.sender:reply(msg.pdu, text, token)
    if sent ~= false then return shop:outcome(carrier, sent, why, code, partial) end
  end
  local message = not options and esme and PLAIN or {}
  local to
  if not msg then
    to = chat.number
  elseif message == PLAIN then
    to = SENDER
    to.addr, to.ton, to.npi = source_of(msg.pdu)
  else
    to = msg.source
  end
  message.from, message.to, message.text = own.address, to, text
  if options then
    merged(message, options)
    if options.carrier then
      carrier, message.carrier = shop:carrier_of(options.carrier), nil
    end
    message.urgent = nil
  end
  return shop:transmit(carrier, message)
end

sms.ask = sms.say

--- The end: the last text, if there is one.
function sms.close(dialogue, text)
  if text then sms.say(dialogue, text, nil) end
end

--- The store record of a running dialogue, for the text `restarted` after a restart.
function sms.record(dialogue)
  local chat, shop = dialogue.chat, dialogue.shop
  return {
    number = chat.number, to = chat.to, carrier = dialogue.own.carrier.name, within_s = dialogue.asked and dialogue.asked.within_s or 3600,
    at = shop.loop:time() + ((dialogue.asked_at or shop.loop:now()) - shop.loop:now()),
  }
end

return sms
