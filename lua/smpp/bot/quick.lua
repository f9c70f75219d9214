--- The short path of most messages: one part of text, of a subscriber who has no dialogue, for a handler that only says short texts.
--- Such a message has one table, its chat, and no person, turn or dialogue; what `hear` says of a text is remembered.  A chat that is
--- asked for more, or whose subscriber is, gets all of these (`promote`) and is then as any other: what can be seen is the same.
local address = require "smpp.codec.address"
local chats = require "smpp.bot.chat"
local core = require "smpp.core"
local dialogues = require "smpp.bot.dialogue"
local fold = require "smpp.bot.fold"
local hears = require "smpp.bot.hear"
local incoming = require "smpp.session.incoming"
local sms = require "smpp.bot.sms"
local task = require "smpp.base.task"
local turns = require "smpp.bot.turns"

local quick = { methods = {} }

local Bot = quick.methods

local Chat, LATER, said = chats.class, incoming.LATER, chats.said
local read, is_late, note = core.reply.read, turns.is_late, turns.note
local start, current = task.start, task.current
local rawget, rawset, select, setmetatable, type = rawget, rawset, select, setmetatable, type
local unpack = table.unpack or unpack -- luacheck: compat

local MOST_OWN = 1000      -- own addresses of a session that are remembered
local MOST_VERDICTS = 1000 -- texts of which it is remembered who hears them
local LONGEST = 40         -- octets of such a text

-- Where a chat stands: its message is being received, is answered later, was answered.
local RECEIVING, OPEN, ENDED = 1, 2, 3

--- A chat on the short path.
---@class smpp.BotQuickChat: smpp.Chat
---@field text string
---@field pdu smpp.Pdu
---@field key string        of the subscriber
---@field own smpp.BotOwn
---@field at number         when it was received
---@field phase integer
---@field answered "saying"|boolean  something was said
---@field token smpp.Task|false
---@field place integer?    where the keyword ends
local QUICK = { __name = "smpp.Chat" }

-- ---- from the short path to the general one ----

--- Gives a chat its person, its turn and its dialogue.
---@param chat smpp.BotQuickChat
---@return smpp.BotDialogue
local function promote(chat)
  local own, key, pdu, at, phase = chat.own, chat.key, chat.pdu, chat.at, chat.phase
  local shop, people = own.shop, own.shop.people
  if people.quick[key] == chat then people.quick[key] = nil end
  local token, answered = chat.token, chat.answered
  for _, name in ipairs { "own", "key", "pdu", "at", "phase", "token", "answered" } do rawset(chat, name, nil) end
  setmetatable(chat, chats.metatable)
  local person = people:get(key)
  if answered and phase ~= ENDED then person.is_answered = true end
  local item = {
    msg = own.client.inbox:make(pdu, own.session, chat.text), own = own, turn = nil, key = key .. ":" .. own.number, person = person,
    text = chat.text, chat = chat, words = nil,
  }
  rawset(chat, "bot", shop)
  rawset(chat, "item", chats.received(item))
  if phase ~= ENDED then
    local turn = shop.turns:adopt(turns.key_of(pdu), own.session, own.carrier.answer_timeout_s, at)
    item.turn = turn
    if phase == OPEN then turn.pdu = pdu else rawset(chat, "received", turn) end
  end
  local dialogue = dialogues.new(shop, sms, item.key, person, chat, own, item)
  if phase == ENDED then
    dialogue.reason = "done"
  else
    dialogue:resume(token, answered == "saying")
  end
  return dialogue
end
quick.promote = promote

--- Promotes the chats that a message centre may repeat: those that are late, or have lost their bind.
local function sweep(self, now)
  local list, next_late = {}, math.huge
  for _, chat in pairs(self.people.quick) do
    local timeout_s = chat.own.carrier.answer_timeout_s
    if chat.own.session.closed or is_late(now, chat.at, timeout_s) then
      list[#list + 1] = chat
    else
      next_late = math.min(next_late, chat.at + timeout_s)
    end
  end
  self.turns.next_late = next_late
  for i = 1, #list do promote(list[i]) end
end

-- ---- the chat ----

local OF_PDU = {
  number = function(self) return address.format(self.pdu.source_addr, self.pdu.source_addr_ton) end,
  to = function(self) return address.format(self.pdu.destination_addr, self.pdu.dest_addr_ton) end,
  channel = function() return "sms" end,
  carrier = function(self) return self.own.carrier.name end,
  bot = function(self) return self.own.shop end,
  dialogue = promote,
}

local ASKS_FOR_MORE = { message = true, memory = true, rest = true, args = true, item = true }

--- Says a text.
---@async
local function say(self, ...)
  local text, options = ..., nil
  if select("#", ...) > 1 or type(text) ~= "string" then text, options = said("say", 2, ...) end
  local token = self.token
  if options or self.phase == ENDED or token ~= current() then
    chats.check_message(self, "say", options, 2)
    return self.dialogue:say(text, options)
  end
  local own, pdu = self.own, self.pdu
  local shop = own.shop
  if not self.answered and shop.o.loop and not shop.people.loops:said(self.key, text) then return self.dialogue:say(text) end
  self.answered = "saying"
  local esme = own.carrier.esme
  local sent, why, code, partial = false, nil, nil, nil
  if esme then sent, why, code, partial = esme.sender:reply(pdu, text, token) end
  if sent == false then
    sent, why, code = shop:transmit(own.carrier, { from = own.address, to = turns.source_of(pdu), text = text })
  elseif not sent then
    sent, why, code = shop:outcome(own.carrier, sent, why, code, partial)
  end
  local dialogue = rawget(self, "dialogue")
  if dialogue then dialogue:came_back() else self.answered = true end
  return sent, why, code
end

function QUICK.__index(self, key)
  if key == "say" then return say end
  local method = Chat[key]
  if method ~= nil then return method end
  local of_pdu = OF_PDU[key]
  if of_pdu then return of_pdu(self) end
  if ASKS_FOR_MORE[key] then
    promote(self)
    return self[key]
  end
end

function QUICK.__newindex(self, key, value)
  if key == "memory" then
    promote(self)
    self.memory = value
  else
    rawset(self, key, value)
  end
end

function QUICK.__tostring(self) return ("chat of %s with %s"):format(self.number, self.to) end

--- The chat is the error sink of its own task (task.start).
function QUICK.__call(self, trace, err) promote(self):failed(trace, err) end

-- ---- who hears a text ----

--- What is remembered of all texts, until handlers or words change: `starts`: first words of those that need a closer look; `is_simple`:
--- no other texts do; `others`: what happens to those; false: a handler tests each message by a function.
local function routes_of(self)
  local list, routes = self.hears, { starts = {}, is_simple = true, others = self.others and { fn = self.others.fn } or false }
  self.routes = routes
  for word in pairs(self.word_starts) do routes.starts[word] = true end
  for i = 1, #list do
    local words = list[i].starts
    if not list[i].is_pure then
      self.routes = false
      return false
    elseif words then
      for j = 1, #words do routes.starts[words[j]] = true end
    else
      routes.is_simple = false
    end
  end
  return routes
end

--- Who hears a text on one of our numbers; false: the general path decides.
local function verdict_of(self, own, routes, text)
  local words = fold.words(text)
  local item = { text = text, words = words, own = own, channel = "sms", msg = {} }
  if self.is_stop_word(words) or self.is_stop_outside(words) or self.is_start_word(words) then return false end
  for i = 1, #self.hears do
    local at, values = self.hears[i]:matches(item)
    if at then return { fn = self.hears[i].fn, place = at ~= true and at or nil, values = values } end
  end
  return not self.is_help_word(words) and routes.others
end

local function remembered_verdict(self, own, routes, text)
  if #text > LONGEST then return verdict_of(self, own, routes, text) end
  local known = own.verdicts
  if not known or known.routes ~= routes or known.n >= MOST_VERDICTS then
    known = { routes = routes, n = 0, by_text = {} }
    own.verdicts = known
  end
  local verdict = known.by_text[text]
  if verdict == nil then
    verdict = verdict_of(self, own, routes, text)
    known.by_text[text], known.n = verdict, known.n + 1
  end
  return verdict
end

-- ---- messages ----

--- What is known of an own number on a session.
local function own_of(self, carrier, client, session, pdu, to)
  local owns = carrier.quick_owns[session]
  if not owns or owns.n >= MOST_OWN then
    owns = { n = 0 }
    carrier.quick_owns[session] = owns
  end
  local addr, ton = pdu.destination_addr, pdu.dest_addr_ton
  local number = hears.digits(address.format(addr, ton))
  local own = {
    number = number, address = { addr = addr, ton = ton, npi = pdu.dest_addr_npi }, carrier = carrier, shop = self, client = client,
    session = session, ring = self.turns:ring_of(session), is_served = not self.numbers or self.numbers[number] ~= nil, verdicts = nil,
  }
  owns.n, owns[to] = owns.n + 1, own
  return own
end

--- The handler has ended: acknowledges the message.
local function finish(self, chat)
  local own = chat.own
  local session, pdu = own.session, chat.pdu
  local now = session.processing and session.now or self.loop:now()
  if self.everyone.touched or session.closed or is_late(now, chat.at, own.carrier.answer_timeout_s) then return promote(chat):ended() end
  self.people.quick[chat.key] = nil
  note(own.ring, pdu, now)
  if chat.phase == OPEN then session:answer(pdu) end
  chat.phase = ENDED
  if self.logs_all then self:dialogue_ended({ chat = chat }, "done") end
end

local function run(chat, fn, values)
  chat.token = current()
  if values then fn(chat, unpack(values, 1, values.n)) else fn(chat) end
  local dialogue = rawget(chat, "dialogue")
  if dialogue then return dialogue:ended() end
  return finish(chat.own.shop, chat)
end

--- Handles a message on the short path; nil: it is one for the general path.
local function receive(self, carrier, pdu, client, session, now, key, to, text, first)
  local people, all, numbers = self.people, self.turns, self.numbers
  if people.young[key] or people.old[key] or people.quick[key] or numbers and numbers[key] then return nil end
  local routes = self.routes
  if routes == nil then routes = routes_of(self) end
  if not routes then return nil end
  local owns = carrier.quick_owns[session]
  local own = owns and owns[to] or own_of(self, carrier, client, session, pdu, to)
  if not own.is_served then return nil end
  local verdict = routes.others
  if not first or not routes.is_simple or routes.starts[first] then verdict = remembered_verdict(self, own, routes, text) end
  if not verdict or all.first <= all.last and all:may_repeat(now) and all:is_known(turns.key_of(pdu)) then return nil end
  local o = self.o.loop
  if now >= people.rotate_at then people:drop_old(now) end
  if o and not people.loops:heard(key, text, now, o.n, o.per_s, o.repeats) then return nil end
  local chat = setmetatable({ text = text, pdu = pdu, key = key, own = own, at = now, phase = RECEIVING, answered = false, token = false }, QUICK)
  if verdict.place then rawset(chat, "place", verdict.place) end
  people.quick[key] = chat
  local due = now + carrier.answer_timeout_s
  if due < all.next_late then all.next_late = due end
  start(chat, run, chat, verdict.fn, verdict.values)
  local phase = rawget(chat, "phase")
  if phase == ENDED then return true end
  if phase then
    chat.phase = OPEN
    return LATER
  end
  local turn = rawget(chat, "received")
  rawset(chat, "received", nil)
  if turn.ok ~= nil then return turn:answer() end
  turn.pdu = pdu
  return LATER
end

--- A deliver_sm or data_sm of a carrier; returns its answer.
---@async
---@param carrier table
---@param pdu smpp.Pdu
---@param client smpp.Client
---@param session smpp.Session
function Bot:deliver(carrier, pdu, client, session)
  local all, now = self.turns, session.now
  if now >= all.next_late or all.has_lost then
    sweep(self, now)
    all:may_repeat(now)
  end
  if self.state == "running" and self.vault.is_immediate and client.inbox:takes_usual() then
    local key, to, text, first = read(pdu, self.o.country ~= nil)
    if key then
      local result, status = receive(self, carrier, pdu, client, session, now, key, to, text, first)
      if result ~= nil or status ~= nil then return result, status end
    end
  end
  return client.inbox:deliver(pdu, session)
end

return quick
