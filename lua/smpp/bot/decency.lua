--- Opt-out and opt-in words (STOP, START), quiet hours, the rate limit of unasked messages, and loop protection (another bot at the
--- other end).
local buckets = require "smpp.base.bucket"
local fold = require "smpp.bot.fold"
local chats = require "smpp.bot.chat"
local hears = require "smpp.bot.hear"
local times = require "smpp.bot.times"
local words = require "smpp.bot.words"

local decency = { methods = {} }

local Bot = decency.methods

local words_of, from_of = chats.words_of, chats.from_of

local function list_of(value)
  if type(value) == "string" then return { value } end
  return value or {}
end

local function never() return false end

--- Prepares the sets of words of a bot: opt-out, opt-in, help, cancel.
---@param shop smpp.Bot
function decency.prepare(shop)
  local o = shop.o
  local more = o.optout
  local stop, outside, start = {}, {}, {}
  shop.is_stop_word, shop.is_stop_outside, shop.is_start_word, shop.is_help_word = never, never, never, never
  if more then
    shop.is_stop_word, stop = fold.set(true, words.stop, list_of(more.words))
    shop.is_stop_outside, outside = fold.set(true, words.stop_outside)
    shop.is_start_word, start = fold.set(true, words.start, list_of(more.start))
  end
  local help
  shop.is_help_word, help = fold.set(true, words.help, list_of(more and more.help))
  shop.word_starts = fold.starts(stop, outside, start, help)
  shop.may_be_word = fold.may_be(shop.word_starts) -- the sets are asked about few messages
  shop.is_cancel_word = o.cancel == false and never or fold.set(true, o.cancel or words.cancel)
end

function Bot:is_help(item_words) return self.is_help_word(item_words) end
function Bot:is_cancel(item_words) return self.is_cancel_word(item_words) end

-- ---- opt-out ----

--- The name of an opt-out in the store.
local function key_of(shop, digits, number)
  return shop.o.optout and shop.o.optout.scope == "number" and ("o/%s/%s"):format(digits, number or "") or "o/" .. digits
end

--- Has the subscriber of these digits opted out?
---@async
function Bot:is_out(person, number)
  local key = key_of(self, person.key, number)
  local known = person.outs and person.outs[key]
  if known ~= nil then return known end
  local value, message, code = self.vault:get(key)
  if value == nil and code ~= "missing" then return nil, message, code end
  person.outs = person.outs or {}
  person.outs[key] = value ~= nil
  return value ~= nil
end

--- Writes that a subscriber is out, or in again.
---@async
---@return boolean? ok
---@return string? message
---@return string? code
function Bot:set_out(person, number, is_out)
  local key, value = key_of(self, person.key, number), nil
  if is_out then value = math.floor(self.loop:time()) end
  local ok, message, code = self.vault:put(key, value, "optout")
  if not ok then
    self:log("opt_out_not_written", "opt-out not written", { reason = message, code = code })
    return nil, message, code
  end
  person.outs = person.outs or {}
  person.outs[key] = is_out
  return true
end

--- The opt-out words of a message.  Returns true if the message was one.
---@async
function Bot:hears_stop(item, person)
  local dialogue = self.dialogues[item.key]
  local words, number = words_of(item), item.own.number
  local is_word = self.is_stop_word(words)
    or (not dialogue or self.o.optout and self.o.optout.strict) and self.is_stop_outside(words)
  if not is_word then return false end
  local function stop()
    local was, message = self:is_out(person, number)
    if was == nil then
      self:log("opt_out_not_written", "opt-out not written", { reason = message })
      return false
    end
    if was then return true end
    if not self:set_out(person, number, true) then return false end
    self:log("opted_out", "opted out", { from = from_of(item) })
    self:end_dialogues(person, self.o.optout.scope == "number" and number)
    self:emit("optout", from_of(item), number)
    local text = self:text("stopped", item)
    if text then self:answer(item, text) end
    return true
  end
  local ok = stop()
  item.turn:settle(ok, stop)
  return true
end

--- The opt-in words, which count for who is out.  Returns true if the message was one.
---@async
function Bot:hears_start(item, person)
  local number = item.own.number
  if not self.is_start_word(words_of(item)) or not self:is_out(person, number) then return false end
  local function start()
    if not self:set_out(person, number, false) then return false end
    self:log("opted_in", "opted in", { from = from_of(item) })
    local text = self:text("started", item)
    if text then self:answer(item, text) end
    return true
  end
  item.turn:settle(start(), start)
  return true
end

--- The person, and our number, of the arguments of opted_out, opt_out and opt_in.
local function meant(self, name, number, of)
  if type(number) ~= "string" then error(("%s: expected a number, got a %s"):format(name, type(number)), 3) end
  self:open()
  local digits = hears.digits(self:subscriber(number))
  return self.people:get(digits), hears.digits(of or self.o.number and self.o.number[1] or "")
end

--- Has a subscriber opted out?
---@param number string
---@param of? string  of which number of ours, with `optout.scope = "number"`
---@return boolean
function Bot:opted_out(number, of) return self:is_out(meant(self, "opted_out", number, of)) == true end

--- A subscriber wants no more messages.
---@param number string
---@param of? string
---@return boolean? ok
---@return string? message
---@return string? code
function Bot:opt_out(number, of)
  local person, digits = meant(self, "opt_out", number, of)
  return self:set_out(person, digits, true)
end

--- A subscriber wants messages again.
---@param number string
---@param of? string
---@return boolean? ok
---@return string? message
---@return string? code
function Bot:opt_in(number, of)
  local person, digits = meant(self, "opt_in", number, of)
  return self:set_out(person, digits, false)
end

-- ---- loops ----

--- Counts a received message (option `loop`); true: not answered, since the sender seems to be a bot.
function Bot:is_loop(item, person, now)
  local o = self.o.loop
  if not o then return false end
  if person.paused_until then
    if now < person.paused_until then return true end
    person.paused_until, person.repeats, person.window_at = nil, nil, nil
  end
  if not person.window_at or now - person.window_at >= o.per_s then person.window_at, person.window_n = now, 0 end
  person.window_n = person.window_n + 1
  local mark = item.text and self.people:mark(item.text)
  if not mark or mark ~= person.last_in then person.repeats = 0 end
  person.last_in, person.is_answered = mark, nil
  if person.window_n <= o.n and (person.repeats or 0) < o.repeats then return false end
  person.paused_until, person.repeats, person.last_out = now + o.pause_s, 0, nil
  self:log("loop_suspected", "loop suspected", { from = from_of(item), pause_s = o.pause_s })
  return true
end

--- Notes the first text sent in answer to a message: the same answer to the same text, several times in a row, is a loop.
function Bot:note_reply(person, text)
  if person.is_answered or not self.o.loop then return end
  person.is_answered = true
  local mark = self.people:mark(text)
  if mark == person.last_out then
    person.repeats = (person.repeats or 0) + 1
  else
    person.repeats = 1
  end
  person.last_out = mark
end

-- ---- unasked messages ----

local NOT_SENT = {
  opted_out = "the subscriber has opted out", rate = "too many messages to this subscriber", loop = "the subscriber seems to be a bot",
  quiet = "quiet hours",
}

local function refused(reason) return nil, NOT_SENT[reason], "not_sent", reason end

--- Tests whether an unasked message may be sent; counts it.
---@async
---@param person smpp.BotPerson
---@param number string  of ours
---@return boolean? ok
---@return string? message
---@return string? code
---@return string? reason
function Bot:may_send(person, number)
  local out, message, code = self:is_out(person, number)
  if out == nil then return nil, message, code end
  if out then return refused "opted_out" end
  local now = self.loop:now()
  if person.paused_until and now < person.paused_until then return refused "loop" end
  local o = self.o.rate
  if o then
    person.bucket = person.bucket or buckets.new(o.n / o.per_s, o.n, now)
    if person.bucket:take(now) > 0 then return refused "rate" end
  end
  return true
end

--- When the quiet hours are over, if it is quiet.
---@return number? time
function Bot:quiet_until()
  if not self.o.quiet then return nil end
  return times.quiet_until(self.o.quiet, self.loop:time(), self.local_offset)
end

decency.refused = refused

return decency
