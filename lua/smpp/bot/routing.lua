--- Received messages of a bot, and who gets one: opt-out words, loop protection, the running dialogue, `hear`, HELP, `otherwise`.
local chats = require "smpp.bot.chat"
local dialogues = require "smpp.bot.dialogue"
local hears = require "smpp.bot.hear"
local incoming = require "smpp.session.incoming"
local pdus = require "smpp.codec"
local sms = require "smpp.bot.sms"
local turns = require "smpp.bot.turns"

local routing = { methods = {} }

local Bot = routing.methods

local digits, words_of, from_of = hears.digits, chats.words_of, chats.from_of
local LATER = incoming.LATER

local read = pdus.codec.selector("service_type", "ussd_service_op", "source_addr", "source_addr_ton", "destination_addr", "dest_addr_ton",
  "dest_addr_npi")

local MOST_OWN = 1000 -- own addresses of a carrier that are remembered

---@class smpp.BotOwn
---@field number string   digits
---@field address table   that answers come from
---@field carrier table   that it was written to by

--- The chat of a message.
---@param shop smpp.Bot
---@param item smpp.BotReceived
---@return smpp.Chat
function routing.chat_of(shop, item)
  local chat = item.chat
  if not chat then
    chat = chats.new { bot = shop, item = item, dialogue = nil }
    item.chat = chat
  end
  return chat
end

local chat_of = routing.chat_of

--- Answers a message outside a dialogue.
---@async
function Bot:answer(item, text)
  return self:transmit(item.own.carrier, { from = item.own.address, to = item.msg.source, text = text })
end

--- The number of a subscriber as the bot knows it: that of the country has its code.
function Bot:subscriber(number)
  local country = self.o.country
  if not country or number:find "^%+" or not number:find "^%d+$" then return number end
  if number:find "^00" then return "+" .. number:sub(3) end
  if number:find "^0" then return "+" .. country .. number:sub(2) end
  return number
end

--- The first `hear` that matches a message.
---@param item smpp.BotReceived
---@param is_keyword? boolean  only keywords that are the whole message
---@return smpp.BotHear? hear
---@return table? values  for the handler
function Bot:keyword_of(item, is_keyword)
  local list, chat = self.hears, nil
  for i = 1, #list do
    local hear = list[i]
    chat = chat or chat_of(self, item)
    local at, values = hear:matches(item, chat, is_keyword)
    if at then
      if at ~= true then chat.place = at end
      return hear, values
    end
  end
end

--- Begins the dialogue of a handler; if one runs with that subscriber, after its end.
function Bot:begin(hear, item, values)
  local running = self.dialogues[item.key]
  if running then
    running.later = running.later or {}
    table.insert(running.later, function() self:begin(hear, item, values) end)
    return
  end
  local person = self.people:current(item.person) -- a test of `hear` may have waited
  local dialogue = dialogues.new(self, item.channel_of or sms, item.key, person, chat_of(self, item), item.own, item)
  local session = item.session
  if session then
    dialogue.session = session
    session.dialogue, session.is_heard = dialogue, true
  end
  dialogue:start(hear.fn, values)
end

--- Routes a received message: opt-out words, loop protection, the running dialogue, `hear`, HELP, `otherwise`; its turn is settled
--- when it is handled.
---@async
---@param item smpp.BotReceived
---@param now number
function Bot:route(item, now)
  local person, text = item.person, item.text
  local is_sms = item.channel == "sms"
  local may_be_word = is_sms and text ~= nil and self.may_be_word(text)
  if may_be_word and (self:hears_stop(item, person) or self:hears_start(item, person)) then return end
  if is_sms and self:is_loop(item, person, now) then return item.turn:settle(true) end
  local running = self.dialogues[item.key]
  if running and text then return running:receive(item) end
  local hear, values = self:keyword_of(item)
  if hear then return self:begin(hear, item, values) end
  if may_be_word and self:is_help(words_of(item)) then
    local help = self:text("help", item)
    if help then self:answer(item, help) end
    return item.turn:settle(true)
  end
  if self.others and text then return self:begin(self.others, item) end
  self:log("not_heard", "message dropped: nothing hears it", { from = from_of(item) })
  return item.turn:settle(true)
end

--- Drops a message, which is acknowledged.
local function drop(self, turn, msg, message)
  turn:settle(true)
  self:log("sender_dropped", message, { from = msg.from })
  return turn:answer()
end

--- What is known of a number that was written to.  There are few of them.
local function own_of(carrier, to, addr, ton, npi)
  local owns = carrier.owns
  if not owns or owns.count >= MOST_OWN then
    owns = { count = 0, by_number = {} }
    carrier.owns = owns
  end
  local own = { number = digits(to), address = { addr = addr, ton = ton, npi = npi }, carrier = carrier }
  owns.count, owns.by_number[to] = owns.count + 1, own
  return own
end

--- A message of a carrier; returns its answer.
---@async
function Bot:receive(carrier, msg)
  if self.state ~= "running" then return nil, "ESME_RX_T_APPN" end
  local pdu, to = msg.pdu, msg.to
  local service, op, source, ton, destination, to_ton, to_npi = read(pdu)
  if op or service == "USSD" then return self.ussd:receive(carrier, msg) end
  local own = carrier.owns and carrier.owns.by_number[to]
  local address = own and own.address
  if not own or address.ton ~= to_ton or address.npi ~= to_npi then own = own_of(carrier, to, destination, to_ton, to_npi) end
  local number, now = own.number, self.loop:now()
  if self.numbers and not self.numbers[number] then
    self:log("wrong_number", "message to another number refused", { to = to })
    return nil, "ESME_RX_P_APPN"
  end
  local text = msg.text
  local turn, is_repeated = self.turns:open(msg.session, turns.key(source, destination, text or msg.data), carrier.answer_timeout_s, now)
  if is_repeated then return turn:answer() end
  local from, key = nil, source
  if self.o.country then
    from = self:subscriber(msg.from)
    key = from:match "^%+?(%d+)$"
  elseif ton == 5 then
    key = nil
  elseif key:find "%D" then
    key = msg.from:match "^%+?(%d+)$"
  end
  if not key then return drop(self, turn, msg, "message of an alphanumeric sender dropped") end
  if self.numbers and self.numbers[key] then return drop(self, turn, msg, "message of an own number dropped") end
  local item = chats.received {
    msg = msg, own = own, turn = turn, key = key .. ":" .. number, person = self.people:get(key, now), text = text, chat = nil, words = nil,
  }
  if from and from ~= msg.from then item.from = from end
  self:route(item, now)
  if turn.ok == nil and not msg.set then -- a message of one part is answered by its turn, without a task that waits for that
    turn.pdu = pdu
    return LATER
  end
  return turn:answer()
end

return routing
