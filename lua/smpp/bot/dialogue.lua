--- The life of a dialogue: a handler as a task that says and asks, the messages that it has not answered to the message centre
--- yet, and its end, which closes the handler where it stands.
local chats = require "smpp.bot.chat"
local task = require "smpp.base.task"

local keep, words_of, expect, yield = chats.keep, chats.words_of, task.expect, coroutine.yield

local dialogues = {}

---@class smpp.BotDialogue
local Dialogue = {
  reason = nil,                -- why it ended; nil: it runs
  is_waiting = false,          -- for the subscriber
  is_inside = false,           -- the handler is inside a call such as say: its coroutine is not closed there
  doomed = nil,                -- { reason, o }: ended meanwhile; closed when that call returns
  is_unasked = false,          -- we began it
  turns = nil,                 -- further turns to settle, beside `turn`
  queue = nil,                 -- messages that came while it was busy
  later = nil,                 -- functions to call when it has ended
  finals = nil,
  session = nil,               -- the USSD session
  record = nil,                -- what the store has of it
}

--- A dialogue is the error sink of its own task (task.start), which saves a closure for each dialogue.
local function failed(self, trace, err) self:failed(trace, err) end

--- The metatable of the dialogues of a bot on a channel, which have both as their class's fields.
---@param shop smpp.Bot
---@param channel table    smpp.bot.sms, or that of smpp.bot.ussd
---@return table
function dialogues.kind(shop, channel)
  local class = { shop = shop, channel = channel }
  for name, value in pairs(Dialogue) do class[name] = value end
  return { __index = class, __name = "smpp.BotDialogue", __call = failed }
end

local NEVER = {}               -- key of a wait that is never woken: the task waits there until it is cancelled

---@param shop smpp.Bot
---@param channel table
---@param key string       of the subscriber on a number
---@param person smpp.BotPerson
---@param chat smpp.Chat
---@param own smpp.BotOwn  what the subscriber writes to
---@param item? smpp.BotReceived  the message that begins it
---@return smpp.BotDialogue
function dialogues.new(shop, channel, key, person, chat, own, item)
  local self = setmetatable({ -- eight fields, as one that waits has: key, person, chat, own, token, asked, asked_at, is_waiting
    key = key, person = person, chat = chat, own = own,
    turn = item and item.turn, -- of the message that is being handled
    item = item,
    token = nil,               -- its task
    asked = nil,               -- the options of the question that was asked last
  }, shop.dialogue_kinds[channel])
  chat.dialogue = self
  return self
end

-- ---- messages not yet acknowledged ----

--- Settles the open turns: acknowledges their deliver_sm, or refuses it (`ok` false: ESME_RX_T_APPN).  By now the answers were sent and
--- the memory is written.
function Dialogue:settle(ok, again)
  local turn, turns = self.turn, self.turns
  self.turn = nil
  if turn then turn:settle(ok, again) end
  if not turns then return end
  self.turns = nil
  for i = 1, #turns do turns[i]:settle(ok, again) end
end

local function hold(self, turn)
  if not self.turn then
    self.turn = turn
  elseif turn then
    self.turns = self.turns or {}
    self.turns[#self.turns + 1] = turn
  end
end

--- Takes a turn from the dialogue: somebody else settles it.
local function release_turn(self, turn)
  if self.turn == turn then self.turn = nil end
  for i, other in ipairs(self.turns or {}) do
    if other == turn then table.remove(self.turns, i) end
  end
end

-- ---- calls of the handler ----

--- Marks that the handler is inside a call (`is_inside`): until `leave` its coroutine is not closed.
local function enter(self)
  if self.token and task.current() == self.token then self.is_inside = true end
end

--- Closes the handler if the dialogue was ended during the call (`doomed`); does not return then.
local function check(self)
  local doomed = self.doomed
  if not doomed then return end
  self.doomed, self.is_inside = nil, nil
  task.start(self.shop.sink, self.close, self, doomed[1], doomed[2])
  task.wait(NEVER)
end

--- Ends the call that `enter` began.
local function leave(self)
  if not self.is_inside or task.current() ~= self.token then return end
  self.is_inside = nil
  check(self)
end

--- The call ends in which `resume` found the handler.
function Dialogue:came_back() leave(self) end

local function left(self, ...)
  leave(self)
  return ...
end

--- Says a text, or sends a message.
---@async
function Dialogue:say(text, options)
  enter(self)
  return left(self, self.channel.say(self, text, options))
end

--- The store items to write: changed memory, of the person and of all, and the record of a running dialogue.
local function items_of(self, level, is_over)
  local shop = self.shop
  local items, people = {}, {}
  for _, person in ipairs { self.person, shop.everyone } do
    local item, octets = person:change(level + 1)
    if item then
      items[#items + 1] = item
      people[#people + 1] = { person, item, octets }
    end
  end
  local record = self.channel.record and shop:keeps_dialogues() and self.channel.record(self)
  if record and (not is_over or self.record) then
    local item = { key = "d/" .. self.key, group = "dialogue", value = record, exists = self.record ~= nil or nil }
    if is_over then item.value = nil end
    items[#items + 1] = item
    people[#people + 1] = { self, item }
  end
  return items, people
end

function Dialogue:written(item) self.record = item.value end

--- Writes the memory.
---@async
---@param level integer
---@return boolean? ok
---@return string? message
---@return string? code
function Dialogue:save(level, is_over)
  if not (self.person.touched or self.shop.everyone.touched or self.shop:keeps_dialogues()) then return true end
  local items, people = items_of(self, level + 1, is_over)
  if #items == 0 then return true end
  local ok, message, code = self.shop.vault:write(items)
  if not ok then
    self.shop:log("memory_not_written", "memory not written", { reason = message, code = code })
    return nil, message, code
  end
  for _, one in ipairs(people) do one[1]:written(one[2], one[3]) end
  return true
end

local function save_again(self)
  return function() return self:save(1) == true end
end

--- The next queued message; false: the time is up; nil: none yet, the caller has to wait (the time-out is set).
---@param o table  options of the question, which bear the deadline
---@param within_s number
---@return table|false|nil item
local function next_item(self, o, within_s)
  local queue = self.queue
  if queue then
    local item = table.remove(queue, 1)
    if not queue[1] then self.queue = nil end
    return item
  end
  if within_s <= 0 then return false end
  self.item, self.is_inside = nil, nil -- frees memory: a hundred thousand dialogues may wait
  self.is_waiting = true
  keep(self.chat)
  o.dialogue = self
  self.shop.deadlines:add(o, within_s)
end

--- The handler waits no more.
function Dialogue:stop_waiting()
  self.is_waiting = nil
  self.shop.deadlines:remove(self.asked)
end

--- Hands a message of the subscriber to the waiting handler, or queues it.
function Dialogue:receive(item)
  if self.is_waiting then
    self:stop_waiting()
    task.wake_for(self.token, self, item)
  else
    self.queue = self.queue or {}
    table.insert(self.queue, item)
  end
end

--- The time of a question is up.
function Dialogue:expire()
  if not self.is_waiting then return end
  self.is_waiting = nil
  task.wake_for(self.token, self, nil)
end

--- Ends the dialogue from inside its handler; does not return.
---@async
local function stop(self, reason, o)
  leave(self)
  self:finish(reason, o)
  task.wait(NEVER)
end

local MESSAGES = { timeout = "no answer in time", attempts = "no valid answer", cancelled = "cancelled by the subscriber" }

--- The result of a question without an answer: `default`, or nil, message, code if `optional`; else ends the dialogue.
local function without(self, o, reason)
  if reason ~= "cancelled" and o.default ~= nil then return o.default end
  if o.optional then return nil, MESSAGES[reason], reason end
  return stop(self, reason)
end

--- A keyword came as an answer: does what the option `keywords` says.  Returns "again" if the question is to be asked again, "answer", or "wait".
local function keyword(self, item, hear, values, mode, o)
  local shop = self.shop
  if mode == "answer" then return "answer" end
  if mode == "queue" then
    release_turn(self, item.turn)
    item.turn:settle(true)
    self.later = self.later or {}
    table.insert(self.later, function() shop:begin(hear, item, values) end)
    return "wait"
  end
  if mode == "ask" then
    self.channel.ask(self, shop:text("leave", self.chat), nil)
    check(self)
    self:settle(self:save(4) == true, save_again(self))
    local answer = next_item(self, o, o.within_s)
    if answer == nil then
      answer = task.wait(self)
      enter(self)
    end
    if not answer then return "timeout" end
    hold(self, answer.turn)
    if not shop:yes_or_no()(answer.text) then return "again" end
    stop(self, "left", { follow = function() shop:begin(hear, item, values) end })
  end
  release_turn(self, item.turn)
  stop(self, "left", { follow = function() shop:begin(hear, item, values) end })
end

--- Classifies a message that came as an answer.
---@return "answer"|"again"|"wait"|"timeout"|"cancelled" what
local function meaning(self, item, o)
  local shop = self.shop
  if not self.channel.has_words then
    if not self.channel.turn_page(self, item) then return "answer" end
    self.asked_at = shop.loop:now()
    return "wait"
  end
  if shop:is_cancel(words_of(item)) then return "cancelled" end
  local hear, values = shop:keyword_of(item, true)
  if shop:is_help(words_of(item)) and not hear then
    self.channel.say(self, shop:text("help", self.chat), nil)
    return "wait"
  end
  if hear then return keyword(self, item, hear, values, o.keywords or shop.o.keywords, o) end
  return "answer"
end

--- Sends the question, or the text of `again`; ends the dialogue when it cannot be sent.
local function pose(self, o)
  local ok, message, code, refusal = self.channel.ask(self, o.text or o.question, o.options, o.menu)
  check(self)
  self.asked_at, self.asked = self.shop.loop:now(), o
  if ok then return end
  self.shop:log("question_not_sent", "question not sent", { to = self.chat.number, reason = message, code = code })
  stop(self, refusal == "opted_out" and refusal or "error", { is_silent = true })
end

--- Writes the memory, acknowledges the message, and begins to wait; the results of next_item.
local function listen(self, o, level)
  local saved = self:save(level + 1) == true
  self:settle(saved, not saved and save_again(self) or nil)
  return next_item(self, o, self.asked_at + o.within_s - self.shop.loop:now())
end

--- The question is over, with these results.
local function settled(o, value, message, code)
  o.value, o.message, o.code = value, message, code
  return true
end

--- Takes a message as the answer; true: the question is over.
local function take(self, o, item)
  local what = "timeout"
  if item then
    hold(self, item.turn)
    what = meaning(self, item, o)
  end
  if what == "wait" then return false end
  if what == "timeout" and o.is_limited then stop(self, "released") end
  if what == "timeout" or what == "cancelled" then return settled(o, without(self, o, what)) end
  if o.text then o.text = nil end
  if what == "answer" then
    local trimmed = words_of(item).trimmed
    self.item = item
    leave(self)
    local value, other = trimmed, nil
    if o.read then value, other = o.read(trimmed, self.chat) end
    enter(self)
    if value ~= nil then return settled(o, value) end
    o.attempt = (o.attempt or 1) + 1
    if o.attempt > (o.attempts or 3) then return settled(o, without(self, o, "attempts")) end
    local text = other or o.again
    if type(text) == "function" then
      leave(self)
      text = text(trimmed, o.attempt)
      enter(self)
    end
    o.text = text
  end
  pose(self, o)
  return false
end

--- Begins a question.
local function begin(self, question, o, options, level)
  if self.reason or task.current() ~= self.token then
    error("ask: the dialogue has ended, or the call is in another task than its handler", level + 1)
  end
  enter(self)
  local limit_s = self.channel.limit_s and self.channel.limit_s(self)
  o.within_s = o.within_s or 3600
  if limit_s and limit_s < o.within_s then o.is_limited, o.within_s = true, limit_s end -- the network's time-out (USSD) comes first
  o.question = question
  if options then o.options = options end
  pose(self, o)
end

--- Waits until there is a valid answer, in a frame as small as can be: a hundred thousand dialogues may wait in it.
local function wait_for_answer(self, o, level)
  repeat
    local item = listen(self, o, level)
    if item == nil then
      expect(self)
      item = yield()
      enter(self)
    end
  until take(self, o, item)
  leave(self)
  return o.value, o.message, o.code
end

--- Asks until there is a valid answer.
---@async
---@param question string
---@param o table  options of the question, which keep where it stands, in few fields
---@param options table?  of its message
---@param level integer
function Dialogue:ask(question, o, options, level)
  begin(self, question, o, options, level)
  return wait_for_answer(self, o, level + task.TAIL_LEVELS)
end

-- ---- beginning and end ----

function Dialogue:finally(fn)
  self.finals = self.finals or {}
  table.insert(self.finals, fn)
end

--- The handler has returned.
---@async
function Dialogue:ended()
  local shop = self.shop
  if self.person.touched then self.person:change(1) end -- raises for what is not plain data
  if shop.everyone.touched then shop.everyone:change(1) end
  self.token = nil
  if self.reason then return end
  self:depart "done"
  local is_plain = not (self.finals or self.session or self.record or self.queue or self.later or self.person.touched or shop.everyone.touched)
  if not is_plain then return self:close "done" end
  local turn = self.turn
  self:settle(true) -- as close does when there is nothing else to do
  shop:dialogue_ended(self, "done")
  if shop.vault.is_immediate then -- else somebody may wait for the store with the person
    shop.people:release(self.person, turn and turn.answered_at or shop.loop:now())
  end
end

local function body(self, fn, values)
  self.token = task.current()
  if not self.shop.vault.is_immediate then self.person:load() end
  if values then fn(self.chat, (table.unpack or unpack)(values, 1, values.n)) else fn(self.chat) end -- luacheck: compat
  return self:ended()
end

local function register(self)
  self.shop.dialogues[self.key] = self
  self.person.dialogues = self.person.dialogues + 1
end

--- Goes on with a handler that runs already (smpp.bot.quick).
---@param token smpp.Task
---@param is_inside boolean  it is inside a call such as say, which ends by `came_back`
function Dialogue:resume(token, is_inside)
  register(self)
  self.token, self.is_inside = token or nil, is_inside
end

--- Runs a handler.
function Dialogue:start(fn, values)
  register(self)
  task.start(self, body, self, fn, values)
end

--- The handler raised.
function Dialogue:failed(trace, err)
  self.token = nil
  local was = self.reason or self.doomed
  self.doomed = nil
  self.shop:handler_failed(trace, err, self.chat)
  if not was then self:depart "error" end
  task.start(self.shop.sink, self.close, self, "error")
end

--- Removes it from the running dialogues: the next message begins a new one.
function Dialogue:depart(reason)
  local shop = self.shop
  self.reason = reason
  if shop.dialogues[self.key] == self then shop.dialogues[self.key] = nil end
  self.person.dialogues = self.person.dialogues - 1
  if self.is_waiting then self:stop_waiting() end
end

--- Ends it; the handler does not go on.
---@param reason string
---@param o? { follow: fun()?, is_silent: boolean? }
function Dialogue:finish(reason, o)
  if self.reason then return end
  local is_elsewhere = self.is_inside and not self.is_waiting and task.current() ~= self.token
  self:depart(reason)
  if is_elsewhere then
    self.doomed = { reason, o }
  else
    task.start(self.shop.sink, self.close, self, reason, o)
  end
end

local SAID = { timeout = "timeout", attempts = "gave_up", cancelled = "cancelled", error = "sorry" }

--- Closes a dialogue that has ended: cancels the handler, runs `finally`, sends the last text, writes the memory, acknowledges.
---@async
function Dialogue:close(reason, o)
  local shop, chat = self.shop, self.chat
  local token = self.token
  self.token, self.is_closing = nil, true
  if token and not task.cancel(token) then shop.loop:defer(function() task.cancel(token) end) end
  local finals = self.finals
  for i = 1, finals and #finals or 0 do
    local ok, trace = task.traced_pcall(finals[i], reason)
    if not ok then shop:handler_failed(trace, trace, chat) end
  end
  local name = SAID[reason]
  local text = name and not (o and o.is_silent) and shop:text(name, chat) or nil
  if name == "sorry" and text and not shop:may_be_sorry(self.person) then text = nil end
  if reason == "error" then
    self.person:discard()
    shop.everyone:discard()
  end
  if reason ~= "opted_out" or self.session then self.channel.close(self, text, reason) end
  local ok, saved = true, true
  if self.person.touched or shop.everyone.touched or self.record then ok, saved = task.traced_pcall(self.save, self, 1, true) end
  if not ok then -- a `finally` has put something else into the memory
    self.person:discard()
    shop:handler_failed(saved, saved, chat)
    saved = true
  end
  self:settle(saved == true, saved ~= true and save_again(self) or nil)
  self.is_closing = false
  shop:dialogue_ended(self, reason)
  self:follow(o)
end

--- Starts what waited for the end: `follow`, queued messages, `later`.
function Dialogue:follow(o)
  local shop = self.shop
  if o and o.follow then o.follow() end
  local later, queue = self.later, self.queue
  self.later, self.queue = nil, nil
  for i = 1, queue and #queue or 0 do task.start(shop.sink, shop.route, shop, queue[i], shop.loop:now()) end
  for i, fn in ipairs(later or NEVER) do
    local running = shop.dialogues[self.key]
    if running then -- they wait for the end of that one
      running.later = running.later or {}
      for j = i, #later do table.insert(running.later, later[j]) end
      return
    end
    fn()
  end
end


return dialogues
