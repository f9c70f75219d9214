--- The conversation as a handler sees it: what was said, and the ways to say and ask.
local core = require "smpp.core"
local fold = require "smpp.bot.fold"
local kind = require "smpp.base.kind"
local match = require "smpp.bot.match"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local words = require "smpp.bot.words"

local chats = {}

local NONE = {}

local read = core.reply.read
local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a chat's method, which is a tail call

---@class smpp.Chat
---@field number string    the subscriber, as `msg.from`: "+491761234567"
---@field to string        the number or code that was written to
---@field carrier string   name of the carrier that the message came by
---@field channel "sms"|"ussd"
---@field text string?     the message, whole
---@field rest string?     what follows the keyword
---@field args string[]?   the words of that
---@field data string?     octets of a message without text
---@field message smpp.Message?  nil: the bot began
---@field memory table     kept for the subscriber: plain data
---@field bot smpp.Bot
---@field dialogue smpp.BotDialogue
local Chat = {}
chats.class = Chat

--- A received message on its way: fields that all have, so that the table has one size, and none of the defaults.
---@class smpp.BotReceived
---@field msg smpp.Message
---@field own smpp.BotOwn        what was written to
---@field turn smpp.BotTurn
---@field key string             of the subscriber on that number
---@field person smpp.BotPerson
---@field text string?
---@field chat smpp.Chat?
---@field words smpp.BotWords?      read on first use: chats.words_of
---@field channel "sms"|"ussd"
---@field from string?           the subscriber, where the bot writes his number otherwise than msg.from
local ITEM = { __index = { channel = "sms" } }

---@param fields table
---@return smpp.BotReceived
function chats.received(fields) return setmetatable(fields, ITEM) end

--- The words of a received message, read on first use.
---@param item smpp.BotReceived
---@return smpp.BotWords?
function chats.words_of(item)
  local own = item.words
  if own or not item.text then return own end
  own = fold.words(item.text)
  item.words = own
  return own
end

--- The sender of a received message, as the bot writes his number.
---@param item smpp.BotReceived
---@return string
function chats.from_of(item) return item.from or item.msg.from end

--- Finds what follows the keyword.
local function rest(self)
  if not self.text then return end
  local item = rawget(self, "item")
  local words = item and chats.words_of(item) or fold.words(self.text)
  self.rest, self.args = words:after(self.place or 1)
end

--- What a chat is asked for while its message is at hand; afterwards they are fields (`chats.keep`).
local OF_ITEM = {
  number = chats.from_of,
  to = function(item) return item.msg.to end,
  channel = function(item) return item.channel end,
  text = function(item) return item.text end,
  data = function(item) return item.msg.data end,
  message = function(item) return item.msg end,
  carrier = function(item) return item.own.carrier.name end,
}

local LATER = {
  memory = function(self) return self.dialogue.person:memory() end,
  rest = function(self)
    rest(self)
    return rawget(self, "rest")
  end,
  args = function(self)
    rest(self)
    return rawget(self, "args")
  end,
}

--- The message of a chat that has slept, made again of its octets.
---@param chat smpp.Chat
---@return smpp.BotReceived
local function received_again(chat)
  local own, client = chat.dialogue.own, chat.kept_esme
  local pdu = pdus.codec.decode(chat.kept)
  local _, _, text = read(pdu, false)
  local msg = client.inbox:make_old(pdu, chat.kept_session, text)
  local item = chats.received { msg = msg, own = own, text = text, chat = chat, from = rawget(chat, "number") }
  rawset(chat, "item", item)
  rawset(chat, "kept", nil)
  rawset(chat, "kept_esme", nil)
  rawset(chat, "kept_session", nil)
  return item
end

local CHAT = {
  __name = "smpp.Chat",
  __index = function(self, key)
    local method = Chat[key]
    if method ~= nil then return method end
    local of_item = OF_ITEM[key]
    if of_item then
      local item = rawget(self, "item") or rawget(self, "kept") and received_again(self)
      return item and of_item(item)
    end
    local later = LATER[key]
    return later and later(self)
  end,
  __newindex = function(self, key, value)
    if key == "memory" then return self.dialogue.person:replace(value) end
    rawset(self, key, value)
  end,
  __tostring = function(self) return ("chat of %s with %s"):format(self.number, self.to) end,
  __call = function(self, trace, err) self.dialogue:failed(trace, err) end, -- as the error sink of its task: smpp.bot.quick
}

chats.metatable = CHAT

---@param fields table
---@return smpp.Chat
function chats.new(fields) return setmetatable(fields, CHAT) end

--- Lets go of the message of a chat, since a hundred thousand may sleep: of a usual one its octets stay, of another fields of what it knows.
---@param chat smpp.Chat
function chats.keep(chat)
  local item = rawget(chat, "item")
  if not item then return end
  rawset(chat, "item", nil) -- first: eight fields are the size of one table
  local msg = item.msg
  if item.channel == "sms" and not msg.set and select(3, read(msg.pdu, false)) == item.text then
    rawset(chat, "kept", msg.pdu:octets())
    rawset(chat, "kept_esme", msg.esme)
    rawset(chat, "kept_session", msg.session)
    if item.from then rawset(chat, "number", item.from) end
    return
  end
  for key, of_item in pairs(OF_ITEM) do
    local value = of_item(item)
    if value ~= nil then rawset(chat, key, value) end
  end
  item.msg.source = nil -- made again from the PDU when it is needed
end

local function format(text, n, ...)
  if n == 0 then return text end
  local values = { ... }
  for i = 1, n do
    local of = type(values[i])
    if of ~= "number" and of ~= "string" then values[i] = tostring(values[i]) end
  end
  return text:format((table.unpack or unpack)(values, 1, n)) -- luacheck: compat
end

--- Raises for options of a message that no message has.  Before the first bind its TLVs are not known: then nothing is checked.
---@param self smpp.Chat
---@param name string      of the call
---@param message table?
---@param level integer
---@param others? table    names that the call takes, too
local function check_message(self, name, message, level, others)
  others = others or NONE
  local esme = self.dialogue.own.carrier.esme
  if not message or not esme then return end
  local known = esme.sender.composer.messages
  for option in pairs(message) do
    if option ~= "carrier" and option ~= "urgent" and not known.kinds[option] then
      local wrong = known:problem { [option] = message[option] }
      error(("%s: %s"):format(name, (mistake.similar(option, others) and mistake.unknown(option, others) or wrong).message), level + 1)
    end
  end
end

chats.check_message = check_message

--- Text and options of a call: text [, values ...] [, options].
local function said(name, level, ...)
  local n, options = select("#", ...), nil
  local text = ...
  if type(text) == "number" then text = tostring(text) end
  if type(text) ~= "string" then error(("%s: argument 1: expected a text, got a %s"):format(name, type(text)), level + 1) end
  if n == 1 then return text, nil end
  if type((select(n, ...))) == "table" then
    options = select(n, ...)
    n = n - 1
  end
  if n == 1 then return text, options end
  local ok, formatted = pcall(format, text, n - 1, select(2, ...))
  if not ok then error(("%s: %s"):format(name, (formatted:gsub("^.-:%d+: ", ""))), level + 1) end
  return formatted, options
end
chats.said = said

--- Says something: waits until the message centre has taken it.
---@async
---@param text string  with further values: as of string.format
---@param ... any  values, and in last place a table of options: those of esme:send, `from`, `carrier`
---@return smpp.Sent? sent
---@return string? message
---@return string? code
function Chat:say(...)
  local text, options = ..., nil
  if select("#", ...) > 1 or type(text) ~= "string" then text, options = said("say", 2, ...) end
  check_message(self, "say", options, 2)
  return self.dialogue:say(text, options)
end

--- Sends octets, as esme:send does: `chat:send_data{ data = …, elements = … }`.
---@async
---@param message table
---@return smpp.Sent? sent
---@return string? message
---@return string? code
function Chat:send_data(message)
  if type(message) ~= "table" then error(("send_data: expected a table, got a %s"):format(type(message)), 2) end
  return self.dialogue:say(nil, message)
end

local positive = kind.real(0)

--- Options of a question; those of the message stand beside them.
chats.ask_schema = schema.new {
  { "match", "any", nil, "what an answer has to look like: bot.integer, bot.number, bot.date, bot.pattern, a list of words, a function",
    'match = { "Tea", "Coffee" }' },
  { "again", kind.either("string", "function"), nil, "what is said after an invalid answer: a text, or a function (text, attempt)",
    'again = "A number, please."', default_text = "the question" },
  { "attempts", kind.count, 3, "number of answers in all", "attempts = 5" },
  { "within_s", kind.with_unit("s", positive), 3600, "time for each answer", "within_s = 600" },
  { "keywords", kind.one_of("leave", "answer", "queue", "ask"), nil, "what a keyword of the bot does as an answer", 'keywords = "answer"',
    default_text = "the bot's" },
  { "default", "any", nil, "returned when the time or the attempts are over", "default = 1" },
  { "optional", "boolean", false, "return nil, message, code instead of ending the dialogue", "optional = true" },
  { "language", kind.either("string", kind.list "string"), nil, "languages of the words for yes and no",
    'language = { "de", "en" }', default_text = "the bot's" },
  { "yes", kind.either("string", kind.list "string"), nil, "more words for yes", 'yes = "jepp"' },
  { "no", kind.either("string", kind.list "string"), nil, "more words for no", 'no = "nö"' },
}

local ASK = chats.ask_schema

--- Options of a question and of its message.
local function split(self, name, options, level)
  local own, message = {}, nil
  for option, value in pairs(options or {}) do
    local one = ASK.kinds[option]
    if one then
      local wrong = kind.problem(one, value)
      if wrong then error(("%s: %s: %s"):format(name, option, wrong.message), level + 1) end
      own[option] = value
    else
      message = message or {}
      message[option] = value
    end
  end
  check_message(self, name, message, level + 1, ASK.kinds)
  return own, message
end

--- Asks, and waits for the subscriber's next message on this number.
---@async
---@param question string
---@param ... any  values for string.format, and in last place a table of options
---@return any answer  the trimmed text, or what `match` returned
---@return string? message
---@return string? code  "timeout", "attempts", "cancelled"; only of an optional question
function Chat:ask(...)
  local question, options = said("ask", 2, ...)
  local own, message = split(self, "ask", options, 2)
  own.read = match.of(own.match, self.bot:folds_accents(), 2)
  return self.dialogue:ask(question, own, message, LEVEL)
end

local function list_of(value)
  if type(value) == "string" then return { value } end
  return value or {}
end

local function languages(given, level)
  local list = {}
  for i, name in ipairs(list_of(given)) do
    list[i] = words.yes_no[name] or error(("language: unknown language '%s'"):format(tostring(name)), level + 1)
  end
  return list
end

--- Words for yes and no of some languages.
---@return fun(text: string): boolean?
function chats.yes_or_no(language, yes, no, level)
  local yeses, noes = { list_of(yes) }, { list_of(no) }
  for _, one in ipairs(languages(language, (level or 1) + 1)) do
    yeses[#yeses + 1], noes[#noes + 1] = one.yes, one.no
  end
  local unpack = table.unpack or unpack -- luacheck: compat
  local is_yes, is_no = fold.set(false, unpack(yeses)), fold.set(false, unpack(noes))
  return function(text)
    local first = fold.words(text)
    if is_yes(first) then return true end
    if is_no(first) then return false end
    local word = first.trimmed:match "^%S+"
    if not word then return nil end
    first = fold.words(word)
    if is_yes(first) then return true end
    if is_no(first) then return false end
  end
end

--- Asks for yes or no.
---@async
---@param question string
---@param ... any  as of ask; options `language`, `yes`, `no` too
---@return boolean? answer
---@return string? message
---@return string? code
function Chat:confirm(...)
  local question, options = said("confirm", 2, ...)
  local own, message = split(self, "confirm", options, 2)
  own.read = self.bot:yes_or_no(own.language, own.yes, own.no, 3)
  return self.dialogue:ask(question, own, message, LEVEL)
end

--- The items of a menu: { label, value, key }.
local function items_of(list, level)
  if type(list) ~= "table" or #list == 0 then error("choose: argument 2: expected a list of labels", level + 1) end
  local items = {}
  for i, given in ipairs(list) do
    local of_table = type(given) == "table"
    local label = of_table and given[1] or given
    if type(label) ~= "string" and type(label) ~= "number" then error(("choose: item %d: expected a label"):format(i), level + 1) end
    local item = { label = tostring(label), value = label, key = of_table and given.key or nil, index = i }
    if of_table and given.value ~= nil then item.value = given.value end
    items[i] = item
  end
  return items
end

--- Asks for one of some items: by number, label or key.
---@async
---@param question string
---@param list (string|{ [1]: string, value: any, key: string? })[]
---@param options? table  as of ask
---@return any value
---@return integer|string? index  or the message
---@return string? code
function Chat:choose(question, list, options)
  if type(question) ~= "string" then error(("choose: argument 1: expected a text, got a %s"):format(type(question)), 2) end
  local items = items_of(list, 2)
  local own, message = split(self, "choose", options, 2)
  local accents = self.bot:folds_accents()
  local labels, keys, lines = {}, {}, { question }
  for i, item in ipairs(items) do
    labels[i] = fold.words(item.label):whole(accents)
    keys[i] = item.key and fold.words(tostring(item.key)):whole(accents)
    lines[i + 1] = ("%d. %s"):format(i, item.label)
  end
  own.menu = { question = question, lines = lines, n = #items }
  function own.read(text)
    local n = tonumber((match.digits(text):match "^(%d+)$"))
    if n and items[n] then return items[n] end
    local whole = fold.words(text):whole(accents)
    if whole == "" then return nil end
    for i, item in ipairs(items) do
      if labels[i] == whole or keys[i] == whole then return item end
    end
  end
  local default = own.default
  if default ~= nil then own.default = { value = default } end
  local item, why, code = self.dialogue:ask(table.concat(lines, "\n"), own, message, LEVEL)
  if item == nil then return nil, why, code end
  return item.value, item.index
end

--- Adds a function that runs at the end of the dialogue, with the reason: done, timeout, attempts, cancelled, left, opted_out,
--- released or error.
---@param fn fun(reason: string)
function Chat:finally(fn)
  if type(fn) ~= "function" then error(("finally: expected a function, got a %s"):format(type(fn)), 2) end
  self.dialogue:finally(fn)
end

--- Acknowledges the message at once, whatever is still to be done.
function Chat:accept() self.dialogue:settle(true) end

--- Writes the memory now.
---@async
---@return boolean? ok
---@return string? message
---@return string? code
function Chat:save() return self.dialogue:save(3) end

return chats
