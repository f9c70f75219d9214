--- A bot: its carriers, what it listens for, its texts, its life.
local client = require "smpp.client"
local broadcast = require "smpp.bot.broadcast"
local chats = require "smpp.bot.chat"
local deadlines = require "smpp.base.deadlines"
local decency = require "smpp.bot.decency"
local dialogues = require "smpp.bot.dialogue"
local events = require "smpp.base.events"
local hears = require "smpp.bot.hear"
local logs = require "smpp.base.log"
local loops = require "smpp.loop"
local options = require "smpp.bot.options"
local people = require "smpp.bot.people"
local quick = require "smpp.bot.quick"
local routing = require "smpp.bot.routing"
local run = require "smpp.loop.run"
local schedule = require "smpp.bot.schedule"
local schema = require "smpp.base.schema"
local sms = require "smpp.bot.sms"
local task = require "smpp.base.task"
local times = require "smpp.bot.times"
local turns = require "smpp.bot.turns"
local unasked = require "smpp.bot.unasked"
local ussd = require "smpp.bot.ussd"
local vaults = require "smpp.bot.vault"

---@class smpp.Bot
---@field memory table  of all subscribers together
local Bot = {}

events.mixin(Bot, { "error", "optout", "bind" })

for _, part in ipairs { routing, quick, decency, unasked, broadcast, schedule } do
  for name, method in pairs(part.methods) do Bot[name] = method end
end

local BOT = {
  __name = "smpp.Bot",
  __index = function(self, key)
    local method = Bot[key]
    if method ~= nil then return method end
    if key == "memory" then
      self:open()
      return self.everyone:memory()
    end
  end,
  __newindex = function(self, key, value)
    if key == "memory" then
      self:open()
      return self.everyone:replace(value)
    end
    rawset(self, key, value)
  end,
  __tostring = function(self) return "bot " .. (self.o.name or self.o.number and self.o.number[1] or "") end,
}

local shop = { class = Bot }

local digits = hears.digits
local SORRY_S = 600

--- Makes a bot; it begins with `run` or `start`.
---@param given table
---@param level integer
---@return smpp.Bot
function shop.new(given, level)
  local o = options.read(given, level + 1)
  local numbers
  for _, number in ipairs(o.number or {}) do
    numbers = numbers or {}
    numbers[digits(number)] = number
  end
  local self = setmetatable({
    o = o,
    numbers = numbers or false,  -- digits -> as given; false: every number
    texts = o.texts,
    hears = {}, others = false,  -- in the order of the file; that of `otherwise`
    schedules = {},
    stoppers = {},               -- called when it stops
    routes = nil,                -- of smpp.bot.quick, until handlers or words change
    carriers = o.carriers,       -- { name, given, esme, waiting, quick_owns }
    loop = false,                -- the rest is set by `open` and `start`
    vault = false, people = false, everyone = false,
    dialogues = {},              -- key -> the dialogue that runs
    deadlines = false, turns = false, ussd = false,
    state = "new",               -- "open", "running", "stopping", "stopped"
    local_offset = times.local_offset,
    failed = false,              -- called with errors of handlers: tests
    bound = false,               -- called at each bind (host, system_id): the command line
    write_log = false,
    listeners = {},
    has_handlers = true,         -- for smpp.run: not closed when its function returns
    dialogue_kinds = {},         -- channel -> metatable of its dialogues
    answers = {},                -- language -> reader of yes and no
  }, BOT)
  for name, method in pairs(Bot) do rawset(self, name, method) end -- found at once, without the function of the metatable
  self.sink = function(trace, err) self:handler_failed(trace, err) end
  for _, channel in ipairs { sms, ussd.channel } do self.dialogue_kinds[channel] = dialogues.kind(self, channel) end
  decency.prepare(self)
  return self
end

--- Logs an event of the list in docs/logging.md, and what happened in words.
---@param event string
---@param message string
---@param fields? table
function Bot:log(event, message, fields)
  if not self.write_log then return end
  fields = fields or {}
  fields.message = message
  self.write_log(event, fields)
end

--- Opens what needs a loop and a store.  May be called again.
---@return boolean? ok
---@return string? message
---@return string? code
function Bot:open()
  if self.vault then return true end
  self.loop = self.loop or self.o.event_loop or loops.current()
  local _, least
  self.write_log, _, least = logs.writer(self.o.log, self.loop)
  self.logs_all = least == "debug" or least == "trace"
  local vault, message, code = vaults.open(self.o.store)
  if not vault then return nil, message, code end
  self.vault = vault
  self.people = people.new(self.loop, vault)
  self.people.promote = quick.promote
  self.everyone = self.people:get "*"
  self.everyone.dialogues = 1 -- never forgotten
  self.state = "open"
  return true
end

-- ---- what it listens for ----

function Bot:folds_accents() return self.o.fold == "accents" end

--- Listens: the first that matches, in the order of the file, gets the message.
---@param what any  a keyword, bot.pattern, a function, bot.data, or a list of these
---@param o? table  whole, number, carrier, channel, fold
---@param fn fun(chat: smpp.Chat, ...)
---@return smpp.Bot self
function Bot:hear(what, o, fn)
  if fn == nil then o, fn = nil, o end
  if type(fn) ~= "function" then error(("hear: expected a function in last place, got a %s"):format(type(fn)), 2) end
  o = hears.schema:check(o, 2)
  if o.carrier and not self:carrier_of(o.carrier, true) then error(("hear: unknown carrier '%s'"):format(o.carrier), 2) end
  table.insert(self.hears, hears.new(what, o, self:folds_accents(), fn))
  self.routes = nil
  return self
end

--- What happens to what nothing else hears.
---@param fn fun(chat: smpp.Chat)
---@return smpp.Bot self
function Bot:otherwise(fn)
  if type(fn) ~= "function" then error(("otherwise: expected a function, got a %s"):format(type(fn)), 2) end
  if self.others then error("otherwise: duplicate handler: expected one", 2) end
  self.others = { fn = fn }
  self.routes = nil
  return self
end

-- ---- texts ----

--- A text of the bot's own; nil: nothing is said.
---@param name string
---@param chat table  a chat, or a message on its way
---@return string?
function Bot:text(name, chat)
  local text = self.texts[name]
  if type(text) == "function" then
    if chat.msg then chat = routing.chat_of(self, chat) end
    local ok, made = task.traced_pcall(text, chat)
    if not ok then
      self:handler_failed(made, made, chat)
      return nil
    end
    text = made
  end
  if not text then return nil end
  local sender = self.o.name or self.o.number and self.o.number[1] or chat.to or ""
  return (text:gsub("{name}", (sender:gsub("%%", "%%%%"))))
end

function Bot:yes_or_no(language, yes, no, level)
  if not (language or yes or no) then
    local reader = self.answers.own
    if not reader then
      reader = chats.yes_or_no(self.o.language, nil, nil, 1)
      self.answers.own = reader
    end
    return reader
  end
  return chats.yes_or_no(language or self.o.language, yes, no, (level or 1) + 1)
end

--- May the text `sorry` be sent after an error of a handler?  Once per subscriber in ten minutes.
function Bot:may_be_sorry(person)
  local now = self.loop:now()
  if person.sorry_at and now - person.sorry_at < SORRY_S then return false end
  person.sorry_at = now
  return true
end

--- Reports the error of a handler.
function Bot:handler_failed(trace, err, chat)
  self:log("handler_failed", "handler failed", { from = chat and chat.number, trace = trace })
  if self.failed then self.failed(trace, err, chat) end
  if events.heard(self, "error") then self:emit("error", err, chat) end
end

-- ---- sending ----

--- The carrier of a name; without a name the first.
---@param name string?
---@param may_fail? boolean
---@return table carrier
function Bot:carrier_of(name, may_fail)
  if name == nil then return self.carriers[1] end
  for _, carrier in ipairs(self.carriers) do
    if carrier.name == name then return carrier end
  end
  if not may_fail then error(("unknown carrier '%s'"):format(tostring(name)), 0) end
end

--- The client of a carrier; waits for its first bind.
---@async
local function client_of(carrier)
  if not carrier.esme then
    if carrier.failure then return nil, carrier.failure[1], carrier.failure[2] end
    carrier.waiting = carrier.waiting or {}
    table.insert(carrier.waiting, task.need())
    task.wait(carrier)
    if not carrier.esme then return nil, carrier.failure[1], carrier.failure[2] end
  end
  return carrier.esme
end

local UNKNOWN = { timeout = true, connection_lost = true }

--- Sends a message.  One of unknown outcome counts as sent, with message and code beside.
---@async
---@param carrier table
---@param message table
---@return smpp.Sent? sent
---@return string? why
---@return string? code
function Bot:transmit(carrier, message)
  local esme = carrier.esme
  if not esme then
    local failed, failure
    esme, failed, failure = client_of(carrier)
    if not esme then return nil, failed, failure end
  end
  return self:outcome(carrier, esme:send(message))
end

--- The results of `transmit`, by those of esme:send.
function Bot:outcome(carrier, sent, why, code, partial)
  if sent then return sent end
  if UNKNOWN[code] and partial then
    self:log("outcome_unknown", "outcome unknown", { carrier = carrier.name, reason = why, code = code })
    partial.is_unknown = true
    return partial, why, code
  end
  self:log("message_not_sent", "not sent", { carrier = carrier.name, reason = why, code = code })
  return nil, why, code
end

-- ---- dialogues ----

--- Are running dialogues recorded in the store, so that the text `restarted` can be sent after a restart?
function Bot:keeps_dialogues() return self.vault.is_durable and self.texts.restarted ~= false end

function Bot:dialogue_ended(dialogue, reason)
  if reason ~= "done" or self.logs_all then
    self:log(reason == "done" and "dialogue_done" or "dialogue_ended", "dialogue ended: " .. reason, { from = dialogue.chat.number })
  end
  if dialogue.on_end then dialogue.on_end(reason) end
end

--- Ends the dialogues of a subscriber who has opted out.
function Bot:end_dialogues(person, number)
  if person.dialogues == 0 then return end
  local list = {}
  for _, dialogue in pairs(self.dialogues) do
    if dialogue.person == person and (not number or digits(dialogue.chat.to) == number) then list[#list + 1] = dialogue end
  end
  for _, dialogue in ipairs(list) do dialogue:finish "opted_out" end
end

--- Sends the text `restarted` to the subscribers whose dialogues a restart has ended.
---@async
local function tell_restarted(self)
  local list = {}
  self.vault:each("dialogue", function(key, value) list[#list + 1] = { key = key, value = value } end)
  for _, one in ipairs(list) do
    local was = one.value
    local ok = self.vault:put(one.key, nil, "dialogue")
    if ok and self.loop:time() <= was.at + was.within_s then
      local person = self.people:get(digits(was.number))
      local text = self:text("restarted", { number = was.number, to = was.to, bot = self, channel = "sms" })
      if text and not self:is_out(person, digits(was.to)) then
        self:transmit(self:carrier_of(was.carrier, true) or self.carriers[1], { from = was.to, to = was.number, text = text })
      end
    end
  end
end

-- ---- life ----

local function connect(self, carrier)
  carrier.quick_owns = {} -- session -> own numbers, for smpp.bot.quick
  local given = schema.merge(carrier.given, {
    loop = self.loop, message = function(msg) return self:receive(carrier, msg) end,
    deliver_sm = function(pdu, esme, session) return self:deliver(carrier, pdu, esme, session) end,
  })
  local opened, message, code = client.connect(given)
  carrier.esme = opened
  if not opened then
    carrier.failure = { message, code }
    self:log("carrier_refused", "bind refused", { carrier = carrier.name, reason = message, code = code })
  end
  local waiting = carrier.waiting
  carrier.waiting = nil
  if opened then
    opened:on("error", function(why) self:log("carrier_error", "carrier error", { carrier = carrier.name, reason = why }) end)
    opened:on("bind", function(what, kind, host)
      if what == "down" then
        self.turns:lost()
        carrier.quick_owns = {}
      end
      if what == "up" and self.bound then self.bound(host, opened.system_id) end
      self:emit("bind", what, kind, host, opened)
    end)
    for _, bind in ipairs(opened.pool.binds) do
      if bind.session then
        self:emit("bind", "up", bind.kind, bind.session.host, opened)
        if self.bound then self.bound(bind.session.host, opened.system_id) end
      end
    end
    opened:on("state", function(state, _, reason)
      if state == "closed" and self.state == "running" then
        carrier.esme, carrier.failure = nil, { reason, (opened.last_error or {})[2] or "closed" }
        self:gave_up()
      end
    end)
  end
  for _, token in ipairs(waiting or {}) do task.wake_for(token, carrier) end
  if not opened then self:gave_up() end
end

--- A carrier refused the bind for good; the bot ends when none is left.
function Bot:gave_up()
  for _, carrier in ipairs(self.carriers) do
    if not carrier.failure then return end
  end
  self.failure = self.carriers[1].failure
  if self.ended_token then task.wake_for(self.ended_token, self) end
end

--- Begins, in a loop that runs or will run: binds to its carriers, and goes on until `stop`.
---@return smpp.Bot? self
---@return string? message
---@return string? code  "store_failed"
function Bot:start()
  if self.state ~= "new" and self.state ~= "open" then error("start: the bot is running or was stopped: expected a new one", 2) end
  if self.is_loaded then return self end
  local ok, message, code = self:open()
  if not ok then return nil, message, code end
  if self.people.loop ~= self.loop then -- memory was asked for before the loop was known
    self.write_log = logs.writer(self.o.log, self.loop)
    self.people:move(self.loop)
  end
  self.deadlines = deadlines.new(self.loop, function(asked) asked.dialogue:expire() end)
  self.turns = turns.new(self.loop)
  self.state = "running"
  run.opened(self, true)
  if not self.vault.is_durable and self.o.optout then
    self:log("no_store", "no store: opt-outs and memory do not survive a restart")
  end
  self.ussd = ussd.new(self)
  task.start(self.sink, function()
    self.vault:get "m/*" -- shows whether the store completes calls at once
    self.vault.is_immediate = not self.vault.has_waited
    self:begin_unasked()
    self:begin_schedules()
    if self:keeps_dialogues() then tell_restarted(self) end
  end)
  for _, carrier in ipairs(self.carriers) do task.start(self.sink, connect, self, carrier) end
  return self
end

--- Adds a function that runs when the bot stops.
---@param fn fun()
function Bot:on_stop(fn) table.insert(self.stoppers, fn) end

--- Ends: no more is begun, what is being said is sent, the binds are closed.
---@async
---@param timeout_s? number  default 10
function Bot:stop(timeout_s)
  if self.state ~= "running" then return end
  self.state = "stopping"
  for _, fn in ipairs(self.stoppers) do fn() end
  self:end_schedules()
  self:end_unasked()
  for _, carrier in ipairs(self.carriers) do
    if carrier.esme then carrier.esme:close(timeout_s) end
  end
  for _, dialogue in pairs(self.dialogues) do
    if dialogue.is_waiting then dialogue:stop_waiting() end
  end
  self.deadlines:close()
  self.vault:close()
  self.state = "stopped"
  run.closed(self)
  if self.ended_token then task.wake_for(self.ended_token, self) end
end

--- For smpp.run, which closes what is open at a signal.
function Bot:close() self:stop() end

--- Waits until the bot is stopped, or every carrier has refused the bind for good.
---@async
---@return boolean? ok
---@return string? message
---@return string? code
function Bot:wait()
  if not self.failure and self.state == "running" then
    self.ended_token = task.need(2)
    task.wait(self)
    self.ended_token = nil
  end
  if not self.failure then return true end
  self:stop()
  return nil, self.failure[1], self.failure[2]
end

--- Runs the bot until SIGINT or SIGTERM, or until it is stopped.
---@return boolean? ok  nil, message, code: interrupted by a signal, or every carrier refused the bind for good
---@return string? message
---@return string? code
function Bot:run()
  if self.is_loaded then return true end
  return require("smpp").run(function()
    local ok, message, code = self:start()
    if not ok then return nil, message, code end
    return self:wait()
  end, self.o.event_loop and { loop = self.o.event_loop } or nil)
end

--- A phone of a test, in virtual time and without a network; docs/bots.md has its methods.
---@param phone string|table  a number, or { number, to, channel, carrier, at, errors }
---@return smpp.BotPhone
function Bot:test(phone)
  local made = require("smpp.bot.driver").phone(self, phone, 2)
  return made
end

--- Ends a test: raises if something was said that it did not ask for.
function Bot:test_end() require("smpp.bot.driver").finish(self, 2) end

return shop
