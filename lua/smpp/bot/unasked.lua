--- Unasked (unsolicited) messages: shop:send, shop:talk (a dialogue that the bot begins), and messages held until quiet hours end.
local address = require "smpp.codec.address"
local chats = require "smpp.bot.chat"
local decency = require "smpp.bot.decency"
local dialogues = require "smpp.bot.dialogue"
local hears = require "smpp.bot.hear"
local schema = require "smpp.base.schema"
local scheduler = require "smpp.base.scheduler"
local sms = require "smpp.bot.sms"
local task = require "smpp.base.task"
local vaults = require "smpp.bot.vault"

local unasked = { methods = {} }

local Bot = unasked.methods

unasked.schema = schema.new {
  { "from", "string", nil, "the sender", 'from = "Shop"', default_text = "the first number" },
  { "carrier", "string", nil, "by which it is sent", 'carrier = "one"', default_text = "the first" },
  { "urgent", "boolean", false, "in quiet hours, too", "urgent = true" },
}

local function check(self, name, o, level)
  o = unasked.schema:check(o, level + 1)
  if o.carrier and not self:carrier_of(o.carrier, true) then error(("%s: unknown carrier '%s'"):format(name, o.carrier), level + 1) end
  if self.state ~= "running" then error(name .. ": the bot is not running", level + 1) end
  return o
end

--- The person of a number, and the number as it is sent to; nil, message, code: an invalid number.
function Bot:person_of(number)
  number = self:subscriber(tostring(number))
  local to, message, code = address.destination(number)
  if not to then return nil, message, code end
  return self.people:get(hears.digits(to.addr)), number
end

-- ---- held messages ----

function Bot:begin_unasked()
  self.held = scheduler.new(self.loop, function(fn) task.start(self.sink, fn) end)
  local list = {}
  self.vault:each("held", function(key, value) list[#list + 1] = { key, value } end)
  for _, one in ipairs(list) do self:hold(one[1], one[2]) end
end

function Bot:end_unasked()
  if self.held then self.held:close() end
end

--- Sends a held message when its time has come.
---@private
function Bot:hold(key, held)
  self.held:add(self.loop:now() + math.max(0, held.at - self.loop:time()), function()
    local until_time = self:quiet_until()
    if until_time and not held.urgent then
      held.at = until_time
      return self:hold(key, held)
    end
    local person = self:person_of(held.number)
    local ok, why, _, reason = self:may_send(person, held.message.from)
    if ok then
      self:transmit(self:carrier_of(held.carrier, true) or self.carriers[1], schema.merge(held.message))
    else
      self:log("held_dropped", "held message dropped", { to = held.number, reason = reason or why })
    end
    self.vault:put(key, nil, "held")
  end)
end

--- Sends an unasked message.
---@async
---@param number string
---@param message string|table  a text, or what esme:send takes
---@param o? { from: string?, carrier: string?, urgent: boolean? }
---@return table? sent  or { held_until = time } in quiet hours
---@return string? message
---@return string? code  "not_sent": see the reason
---@return string? reason  "opted_out", "rate", "loop", "quiet"
function Bot:send(number, message, o)
  o = check(self, "send", o, 2)
  if type(message) == "string" then message = { text = message } end
  if type(message) ~= "table" then error(("send: argument 2: expected a text or a table, got a %s"):format(type(message)), 2) end
  local person, to, code = self:person_of(number)
  if not person then return nil, to, code end
  message = schema.merge(message, { to = to, from = o.from or message.from or self.o.number and self.o.number[1] })
  local until_time = not o.urgent and self:quiet_until()
  if until_time then
    local out, why, failure = self:is_out(person, hears.digits(message.from or ""))
    if out == nil then return nil, why, failure end
    if out then return decency.refused "opted_out" end
    if self.o.quiet_action == "drop" then return decency.refused "quiet" end
    local path, what = vaults.problem(message, "message")
    if path then error(("send: %s: expected plain data, got %s"):format(path, what), 2) end
    local key = "h/" .. self.loop:random_octets(8):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    local held = { number = to, message = message, carrier = o.carrier or self.carriers[1].name, at = until_time }
    local ok
    ok, why, failure = self.vault:put(key, held, "held")
    if not ok then return nil, why, failure end
    self:hold(key, held)
    return { held_until = until_time }
  end
  local ok, why, failure, reason = self:may_send(person, hears.digits(message.from or ""))
  if not ok then return nil, why, failure, reason end
  return self:transmit(self:carrier_of(o.carrier), message)
end

-- ---- dialogues from our side ----

---@class smpp.BotTalk
---@field reason string?  why it ended
local Talk = {}
local TALK = { __index = Talk }

function Talk:finish(reason)
  self.reason = reason
  local tokens = self.tokens
  self.tokens = {}
  for _, token in ipairs(tokens) do task.wake_for(token, self) end
end

--- Waits for the end.
---@async
---@return string reason  as of chat:finally, or "rate", "loop", "bad_value"
function Talk:wait()
  if not self.reason then
    self.tokens[#self.tokens + 1] = task.need()
    task.wait(self)
  end
  return self.reason
end

--- Waits on the bot's clock.
---@async
---@param seconds number
function Bot:pause(seconds)
  local token, timer = task.need(), nil
  timer = self.loop:timer(function()
    timer:close()
    task.wake_for(token, timer)
  end, true)
  timer:start(seconds)
  task.wait(timer)
end

--- Begins a dialogue with a subscriber; if one runs with that subscriber, after its end.
---@param number string
---@param fn fun(chat: smpp.Chat)
---@param o? { from: string?, carrier: string?, urgent: boolean? }
---@return smpp.BotTalk
function Bot:talk(number, fn, o)
  if type(fn) ~= "function" then error(("talk: argument 2: expected a function, got a %s"):format(type(fn)), 2) end
  o = check(self, "talk", o, 2)
  local talk = setmetatable({ tokens = {}, reason = nil }, TALK)
  local from = o.from or self.o.number and self.o.number[1] or ""
  task.start(self.sink, function()
    local person, to, code = self:person_of(number)
    if not person then return talk:finish(code) end
    local until_time = not o.urgent and self:quiet_until()
    if until_time and self.o.quiet_action == "drop" then return talk:finish "quiet" end
    while until_time do
      self:pause(until_time - self.loop:time())
      until_time = self:quiet_until()
    end
    local out = self:is_out(person, hears.digits(from))
    if out ~= false then return talk:finish(out and "opted_out" or "error") end
    local key = person.key .. ":" .. hears.digits(from)
    local function begin()
      local running = self.dialogues[key]
      if running then
        running.later = running.later or {}
        table.insert(running.later, begin)
        return
      end
      local carrier = self:carrier_of(o.carrier)
      local international = to:find "^%+" and to or #person.key > 8 and "+" .. person.key or to
      local chat = chats.new { number = international, to = from, carrier = carrier.name, channel = "sms", bot = self }
      local own = { number = hears.digits(from), address = from, carrier = carrier }
      local dialogue = dialogues.new(self, sms, key, self.people:current(person), chat, own)
      dialogue.is_unasked = true
      function dialogue.on_end(reason) talk:finish(reason) end
      dialogue:start(fn)
    end
    begin()
  end)
  return talk
end

return unasked
