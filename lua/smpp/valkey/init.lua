--- A client of Valkey and Redis: commands wait in tasks like requests do, share one connection, and are pipelined.
--- Where the engine goes away it connects again; several hosts, sentinels or a cluster lead to the primary.
local backoff = require "smpp.base.backoff"
local events = require "smpp.base.events"
local follow = require "smpp.valkey.follow"
local loops = require "smpp.loop"
local options = require "smpp.valkey.options"
local primary = require "smpp.valkey.primary"
local resp = require "smpp.valkey.resp"
local run = require "smpp.loop.run"
local scripts = require "smpp.valkey.script"
local slots = require "smpp.valkey.slots"
local task = require "smpp.base.task"
local transports = require "smpp.transport"

local select = select

local valkey = { options = options.schema, is_error = resp.is_error }

---@class smpp.ValkeyClient
---@field state "connecting"|"ready"|"waiting"|"closed"
---@field address string?  host:port of the engine, while the state is ready
---@field failure string?  why there is no connection
---@field has_handlers boolean  it has subscriptions: smpp.run keeps it open
local Client = {}
local mt = { __index = Client, __name = "smpp.ValkeyClient" }

events.mixin(Client, { "ready", "lost", "failed", "error" })

function mt:__tostring() return ("valkey %s %s"):format(self.address or "(no engine)", self.state) end

-- Errors after which the connection leads to the wrong engine.
local DEMOTED = { READONLY = true, MASTERDOWN = true }

-- ---- the connection ----

local function pause(self, seconds)
  local timer
  timer = self.loop:timer(function()
    timer:close()
    self.pause_timer = nil
    task.wake_for(self.keeper, self.PAUSE)
  end, true)
  self.pause_timer = timer
  timer:start(seconds)
  task.wait(self.PAUSE)
end

local function adopt(self, connection)
  self.connection, self.state, self.address, self.failure = connection, "ready", connection.address, nil
  function connection.on_error(code)
    if DEMOTED[code] then connection:close("not a primary any more", "connection_lost") end
  end
  follow.watch(self, connection)
  follow.end_aside(self)
  function connection.on_push(list)
    local fn = list[1] == "message" and self.subscriptions[list[2]]
    if fn then task.start(self.sink, fn, list[3], list[2]) end
  end
  function connection.on_closed(message)
    if self.connection ~= connection then return end
    self.connection, self.address = nil, nil
    if self.state == "closed" then return end
    self.state, self.failure = "connecting", message
    self:emit("lost", message)
    task.wake_for(self.keeper, self.LOST)
  end
  for channel in pairs(self.subscriptions) do self:subscribe_now(channel) end
  local first, last = self.queue_first, self.queue_last
  self.queue_first, self.queue_last = 1, 0
  local queue = self.queue
  self.queue, self.queue_octets = {}, 0
  for i = first, last do self:transmit(queue[i]) end
  self:emit("ready", connection.address)
end

--- The task that keeps a connection.
local function keep(self, first)
  self.keeper = task.current()
  local failures = 0
  while self.state ~= "closed" do
    self.state = "connecting"
    local connection, message, code = primary.open(self)
    if connection and self.leaving then task.wait(self.LEFT) end
    if connection and connection.is_closed then connection, message, code = nil, connection.address .. ": connection lost", "connection_lost" end
    if self.state == "closed" then
      if connection then connection:close("closed", "closed") end
      return
    end
    if connection then
      local since = self.loop:now()
      adopt(self, connection)
      if first then first(true) end
      if self.connection then task.wait(self.LOST) end
      if self.loop:now() - since >= self.o.reconnect.min_s then
        failures = 0
      elseif self.state ~= "closed" then -- one that is lost at once again
        failures = failures + 1
        if failures > 1 then pause(self, backoff.delay_s(failures - 1, self.o.reconnect.min_s, self.o.reconnect.max_s)) end
      end
    else
      failures = failures + 1
      self.state, self.failure = "waiting", message
      self:emit("failed", message, code)
      if first and first(false, message, code) then return end
      pause(self, code == "ASK" and self.o.reconnect.min_s or backoff.delay_s(failures, self.o.reconnect.min_s, self.o.reconnect.max_s))
    end
    first = nil
  end
end

--- Connects.
---@async
---@param o string|table  URL, or options with the URL first; docs/valkey.md
---@return smpp.ValkeyClient? client
---@return string? message
---@return string? code  "connect_failed", "timeout", "tls", "two_primaries", "cluster" (the URL says none, or there is none), "password" (its file),
---  "closed", or the first word of the engine's error, like "WRONGPASS"
function valkey.connect(o)
  o = options.read(o, 2)
  local chain, message, code = transports.chain("connect", { tls = o.tls })
  if not chain then return nil, message, code end
  local self = setmetatable({
    o = o, loop = o.loop or loops.current(), chain = chain,
    state = "connecting", address = nil, failure = nil,
    connection = nil, attempts = {}, keeper = nil, pause_timer = nil,
    LOST = {}, PAUSE = {}, LEFT = {},                                  -- keys of the keeper's waits
    queue = {}, queue_first = 1, queue_last = 0, queue_octets = 0,     -- commands that wait for a connection
    subscriptions = {}, has_handlers = false,
    slot = o.cluster and slots.of(o.tag) or nil,
    places = {}, silent = {}, hint = nil,                              -- the cluster's nodes; those without an answer; one that may have the slot
    is_moving = false,                                                 -- a script waits until the slot has been moved
    leaving = nil, refused = {}, moves = 0,                            -- a connection without the slot; its commands that go elsewhere
    aside = nil, dial = primary.dial,                                  -- to where the slot is being moved
    listeners = {},
  }, mt)
  function self.sink(trace) self:emit("error", trace) end
  self.queue_timer = self.loop:timer(function() self:expire() end, true)
  run.opened(self)
  if o.wait then
    task.spawn(keep, self)
    return self
  end
  local token, key, result = task.need(2), {}, nil
  task.spawn(keep, self, function(ok, why, failure)
    result = { ok, why, failure }
    if not ok then self:close() end
    task.wake_for(token, key)
    return true
  end)
  if not result then task.wait(key) end
  if result[1] then return self end
  return nil, result[2], result[3]
end

--- Closes it: commands without a reply end with "closed".
function Client:close()
  if self.state == "closed" then return end
  self.state = "closed"
  run.closed(self)
  self.queue_timer:close()
  if self.pause_timer then
    self.pause_timer:close()
    task.wake_for(self.keeper, self.PAUSE)
  end
  for attempt in pairs(self.attempts) do
    if attempt.cancel then attempt.cancel() end
  end
  local connection = self.connection
  if connection then
    connection:close("closed", "closed")
    task.wake_for(self.keeper, self.LOST)
  end
  follow.end_aside(self, "closed")
  if self.leaving then
    self.leaving:close("closed", "closed")
    task.wake_for(self.keeper, self.LEFT)
  end
  for i = self.queue_first, self.queue_last do
    local entry = self.queue[i]
    entry.done(nil, "not sent: the client is closed", "closed", entry.context)
  end
  self.queue, self.queue_first, self.queue_last = {}, 1, 0
end

-- ---- commands ----

---@class smpp.ValkeyCommand
---@field octets string   the command; of a script: what follows its text or hash
---@field size integer
---@field script smpp.ValkeyScript?
---@field words integer?  of a script: number of words
---@field done fun(value: any, message: string?, code: string?, context: any)
---@field context any
---@field deadline number?  while it waits for a connection

--- Commands that waited too long for a connection were not sent.
---@private
function Client:expire()
  local now = self.loop:now()
  self.queue_timer:stop()
  while self.queue_first <= self.queue_last do
    local entry = self.queue[self.queue_first]
    if entry.deadline > now then
      self.queue_timer:start(entry.deadline - now)
      return
    end
    self.queue[self.queue_first] = nil
    self.queue_first, self.queue_octets = self.queue_first + 1, self.queue_octets - entry.size
    entry.done(nil, ("not sent: no connection within %.3g s%s"):format(self.o.timeout_s, self.failure and ": " .. self.failure or ""), "not_sent",
      entry.context)
  end
end

local function has_room(self, octets)
  local held = self.queue_octets + (self.connection and self.connection.pending_octets or 0)
  local leaving, aside = self.leaving, self.aside and self.aside.connection
  held = held + (leaving and leaving.pending_octets or 0) + (aside and aside.pending_octets or 0)
  return held + octets <= self.o.queue_octets
end

local function full(self) return ("not sent: more than %d octets of commands wait"):format(self.o.queue_octets) end

--- Hands a command to the connection, or keeps it until there is one.
---@private
---@param entry smpp.ValkeyCommand
function Client:submit(entry)
  if self.connection then return self:transmit(entry) end
  if self.state == "closed" then return entry.done(nil, "not sent: the client is closed", "closed", entry.context) end
  entry.deadline = entry.deadline or self.loop:now() + self.o.timeout_s
  self.queue_last = self.queue_last + 1
  self.queue[self.queue_last], self.queue_octets = entry, self.queue_octets + entry.size
  if self.queue_first == self.queue_last then self.queue_timer:start(math.max(0, entry.deadline - self.loop:now())) end
end

---@private
function Client:transmit(entry)
  local connection = self.connection
  if not connection then return self:submit(entry) end
  if entry.script then return entry.script:send(connection, entry) end
  connection:send(entry.octets, entry.done, entry.context)
end

--- Sends a command without waiting: the lowest level, for stores.
---@param octets string  of smpp.valkey.resp
---@param done fun(value: any, message: string?, code: string?, context: any)  maybe called before this returns
---@param context any
function Client:send(octets, done, context)
  if not has_room(self, #octets) then return done(nil, full(self), "queue_full", context) end
  local connection = self.connection
  if connection then return connection:send(octets, done, context) end
  self:submit { octets = octets, size = #octets, done = done, context = context }
end

local function encoded(words, n, level)
  local octets, message = resp.command(words, n)
  if not octets then error(message, level + 1) end
  return octets
end

--- A wait: `done` for a command, and what waits for it.
local function waiter(level)
  local token, key, result = task.need(level + 1), {}, nil
  return function(value, message, code)
    result = { value, message, code }
    task.wake_for(token, key)
  end, function()
    if not result then task.wait(key) end
    return result[1], result[2], result[3]
  end
end

--- Sends a command and waits for its reply; if the last argument is a function, calls it instead of waiting.
---@async
---@param ... string|number|function  the command and its arguments
---@return any value      null is false; nil: it failed
---@return string? message
---@return string? code   the first word of the engine's error; "not_sent", "queue_full": it was not sent; "timeout",
---  "connection_lost", "malformed": the outcome is unknown; "closed"
function Client:call(...)
  local n = select("#", ...)
  local callback = n > 0 and select(n, ...) or nil
  if type(callback) == "function" then n = n - 1 else callback = nil end
  if n == 0 then error("expected a command", 2) end
  if callback then
    self:send(encoded({ ... }, n, 2), function(value, message, code) task.start(self.sink, callback, value, message, code) end)
    return true
  end
  local octets = encoded({ ... }, n, 2)
  local done, wait = waiter(2)
  self:send(octets, done)
  return wait()
end

local function check_list(list)
  if type(list) ~= "table" or #list == 0 then error("expected a list of commands { name, ... }", 3) end
  for i, words in ipairs(list) do
    if type(words) ~= "table" or #words == 0 then error(("command %d: expected a list { name, ... }"):format(i), 3) end
  end
end

--- An error where a list of replies has it.
local function as_value(value, message, code)
  if value == nil then return resp.error(message, code) end
  return value
end

--- Sends commands at once, and waits for all replies.  Others may come between them: see `transaction`.
---@async
---@param list (string|number)[][]
---@return any[] replies  one for each; those that failed are smpp.ValkeyError
function Client:pipeline(list)
  check_list(list)
  local done, wait = waiter(2)
  local replies, left = {}, #list
  local all = {}
  for i, words in ipairs(list) do all[i] = encoded(words, #words, 2) end
  for i, octets in ipairs(all) do
    self:send(octets, function(value, message, code)
      replies[i] = as_value(value, message, code)
      left = left - 1
      if left == 0 then done(replies) end
    end)
  end
  return wait()
end

--- Runs commands as one transaction (MULTI, EXEC).
---@async
---@param list (string|number)[][]
---@return any[]? replies  one for each; those that failed are smpp.ValkeyError
---@return string? message
---@return string? code  as of `call`; "EXECABORT": a command is invalid, none ran
function Client:transaction(list)
  check_list(list)
  local all, size = { encoded({ "MULTI" }, 1, 2) }, 0
  for _, words in ipairs(list) do all[#all + 1] = encoded(words, #words, 2) end
  all[#all + 1] = encoded({ "EXEC" }, 1, 2)
  for _, octets in ipairs(all) do size = size + #octets end
  local deadline = self.loop:now() + self.o.timeout_s
  while true do -- in a cluster: again, where its slot has moved
    local done, wait = waiter(2)
    if not has_room(self, size) then return nil, full(self), "queue_full" end
    local before, wrong, wrong_code = self.moves, nil, nil
    for i, octets in ipairs(all) do
      self:submit { octets = octets, size = #octets, context = follow.TRANSACTION, done = i == #all and done or function(value, why, failure)
        if value == nil and not wrong then wrong, wrong_code = why, failure end
      end }
    end
    local replies, message, code = wait()
    local refusal = replies == nil and (code == "EXECABORT" and wrong_code or code)
    if self.moves == before or not follow.is_elsewhere(refusal) or self.loop:now() >= deadline then
      if replies == nil and code == "EXECABORT" and wrong then message = ("%s (%s)"):format(message, wrong) end
      return replies, message, code
    end
  end
end

-- ---- scripts ----

--- A script for `client:eval`.  The engine gets its text once for each connection, and then its hash.
---@param text string  Lua of the engine, with KEYS and ARGV
---@return smpp.ValkeyScript
function valkey.script(text)
  if type(text) ~= "string" then error(("expected the text of a script, got a %s"):format(type(text)), 2) end
  return scripts.new(text)
end

--- Runs a script without waiting: the lowest level, for stores.
---@param script smpp.ValkeyScript
---@param words (string|number)[]|string  number of keys, keys, arguments; string: their octets, as smpp.valkey.resp writes words
---@param count integer            of words
---@param done fun(value: any, message: string?, code: string?, context: any)  maybe called before this returns
---@param context any
---@param deadline number?  loop time; until then it waits for a connection, or for its slot in a cluster; default: `timeout_s` from now
---@return boolean? ok  nil: a word is neither string nor finite number
---@return string? message
function Client:run(script, words, count, done, context, deadline)
  local octets, message = words, nil
  if type(words) == "table" then octets, message = resp.words(words, count) end
  if not octets then return nil, message end
  local entry = {
    octets = octets, size = #octets + #script.text, script = script, words = count + 2, done = done, context = context, deadline = deadline,
  }
  if has_room(self, entry.size) then self:submit(entry) else done(nil, full(self), "queue_full", context) end
  return true
end

--- Runs a script; if the last argument is a function, calls it instead of waiting.
---@async
---@param script smpp.ValkeyScript
---@param keys string[]
---@param args? (string|number)[]
---@param callback? fun(value: any, message: string?, code: string?)
---@return any value  as of `call`
---@return string? message
---@return string? code
function Client:eval(script, keys, args, callback)
  if not scripts.is_script(script) then error("argument 1: expected a script of smpp.valkey.script", 2) end
  local words, n = { #keys }, 1
  for _, key in ipairs(keys) do n, words[n + 1] = n + 1, key end
  for _, word in ipairs(args or {}) do n, words[n + 1] = n + 1, word end
  local done, wait
  if callback then
    done = function(value, message, code) task.start(self.sink, callback, value, message, code) end
  else
    done, wait = waiter(2)
  end
  local ok, message = self:run(script, words, n, done)
  if not ok then error(message, 2) end
  if not wait then return true end
  return wait()
end

-- ---- messages ----

---@private
function Client:subscribe_now(channel)
  self.connection:send(assert(resp.command({ "SUBSCRIBE", channel }, 2)), function(value, message, code)
    if value == nil and self.state == "ready" then self:emit("error", ("SUBSCRIBE %s: %s"):format(channel, message), code) end
  end)
end

--- Calls a function with each message of a channel, also after another connection was made.  What is published while there is
--- none is lost: listen to `ready`, and look.  Needs RESP 3.
---@param channel string
---@param fn fun(payload: string, channel: string)  runs as a task
function Client:subscribe(channel, fn)
  if self.o.protocol < 3 then error("subscribe needs protocol = 3", 2) end
  if type(channel) ~= "string" or type(fn) ~= "function" then error("expected a channel and a function", 2) end
  local is_new = not self.subscriptions[channel]
  self.subscriptions[channel], self.has_handlers = fn, true
  if is_new and self.connection then self:subscribe_now(channel) end
end

--- Ends a subscription.
---@param channel string
function Client:unsubscribe(channel)
  if not self.subscriptions[channel] then return end
  self.subscriptions[channel] = nil
  self.has_handlers = next(self.subscriptions) ~= nil
  if self.connection then self.connection:send(assert(resp.command({ "UNSUBSCRIBE", channel }, 2)), function() end) end
end

return valkey
