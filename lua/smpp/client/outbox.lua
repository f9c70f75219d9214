--- Outgoing requests of a client: queue, choice of a bind, back-off, rate limit and retries.
--- A request that cannot be sent at once becomes an entry, which exists until its outcome is known:
---
---   new → queued (or deferred: another request to its destination is unanswered) → in flight → answered
---           ↑                                                        ↓
---           └────────────── backing off, or on_unknown decides ←─────┘ refused or unknown
---
---   { id, fields, lane, serial, waiter, queue, session, cookie, bind, accepted, ... }
--- The parts of a message are one entry, sent one after the other: they keep its place in the queue and its destination.
local backoffs = require "smpp.base.backoff"
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local metrics = require("smpp.metrics").standard
local queues = require "smpp.base.queue"
local rates = require "smpp.client.rate"
local sessions = require "smpp.session"
local settings = require "smpp.client.options"
local task = require "smpp.base.task"

local ask, send, reply = sessions.ask, sessions.send, sessions.reply

local current, need, wait, wait_as, check_timeout = task.current, task.need, task.wait, task.wait_as, task.check_timeout

---@class smpp.Outbox
local Outbox = {}
local mt = { __index = Outbox, __name = "smpp.Outbox" }

local outbox = {}

-- Codes after which the MC may have accepted the request.
local UNKNOWN = { timeout = true, connection_lost = true }

local UNWRITTEN = "not_sent" -- of a request that a session has taken: it ended before any octet of it was written

local SUBMIT_SM = commands.ids.submit_sm

local CLOSED = "the client is closed"
local UNBOUND = "no bind is up"
local NONE = {} -- never written

local ENTRY_OCTETS = 4096 -- Lua heap of a queued request, without its text (measured: 3.2 KB on LuaJIT, 4.2 KB on 5.4)

local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a method that is a tail call of `request`

---@param client smpp.Client
---@return smpp.Outbox
function outbox.new(client)
  local o, self = client.options, nil
  self = setmetatable({
    client = client,
    options = o,
    loop = client.loop,
    pool = client.pool,
    counters = client.counters,
    ordered = client.commands.roles.ordered, -- command_id -> true: kept in order per destination with `order`
    queue = nil,                -- requests queued for a bind, the window, the rate or the end of a back-off
    memory = { octets = 0 },    -- memory of all queued requests
    deferred = o.order and {} or NONE, deferred_count = 0, -- destination -> requests behind an unanswered one
    backing_off = NONE,         -- entries between two attempts, or while on_unknown decides
    performing = 0,             -- entries that have no final outcome yet
    rate = o.rate_per_s and rates.new(o.rate_per_s, o.burst, client.loop:now()) or nil,
    drain_owed = false,         -- a request was refused (queue_full): emit `drain` when there is room
    drainer = nil,              -- the task in drain()
    timer = client.loop:timer(function() self:pump() end), -- wakes the queue after a back-off
  }, mt)
  self.queue = queues.new(self.memory)
  metrics.add_queue("client", self)
  return self
end

--- Memory of a queued request, in octets.
local function octets_of(fields)
  if type(fields) == "userdata" then return ENTRY_OCTETS + fields.command_length end
  local text, payload = fields.short_message, fields.message_payload
  return ENTRY_OCTETS + (type(text) == "string" and #text or 0) + (type(payload) == "string" and #payload or 0)
end

local function give(self, waiter, ...)
  if type(waiter) == "function" then
    task.start(self.client.sink, waiter, ...)
  elseif waiter then
    task.wake(waiter, ...)
  end
end

--- Sends queued requests, as far as binds, windows, rate and back-offs allow.
function Outbox:pump()
  local queue = self.queue
  while queue.count > 0 do
    local now = self.loop:now()
    local bind, wait_s = self.pool:choose(now)
    if bind and self.rate then
      wait_s = self.rate:take(now)
      if wait_s > 0 then bind = nil end
    end
    if not bind then
      if wait_s then self.timer:start(wait_s) end
      break
    end
    local entry, session = queue:peek(), bind.session
    local cookie, message, code = session:send(entry.id, entry.fields, entry.waiter)
    if not cookie and self.rate then self.rate:give_back() end
    if not cookie and (code == "closed" or (code == "not_sent" and session:is_unbinding())) then
      bind.unbinding = true -- sent on another bind, or in the next session
    elseif not cookie and code == "window_full" then
      bind.full = true
    else
      queue:take()
      entry.bind, entry.session, entry.cookie = bind, session, cookie
      if not cookie then self:fail(entry, message, code) end
    end
  end
  if self.drain_owed and self:waiting() <= self.options.queue_limit / 2 and self.memory.octets <= self.options.queue_octets / 2 then
    self.drain_owed = false
    self.client:emit("drain")
  end
  self:wake_drainer()
end

--- No bind is up: with `queue_unbound = false`, queued and deferred requests end with not_sent.
function Outbox:unbound()
  if not self.options.queue_unbound and not self.pool:can_send() then self:unqueue(UNBOUND) end
end

--- Takes all queued and deferred entries, in the order of their calls.
---@return table[]
local function take_all(self)
  local list = {}
  local function take(queue)
    local entry = queue:take()
    while entry do
      list[#list + 1] = entry
      entry = queue:take()
    end
  end
  take(self.queue)
  for _, deferred in pairs(self.deferred) do take(deferred) end
  self.deferred_count = 0
  table.sort(list, function(a, b) return a.serial < b.serial end)
  return list
end

--- Ends queued and deferred requests with not_sent.
---@param message string
function Outbox:unqueue(message)
  if self:waiting() == 0 then return end
  local list = take_all(self)
  for _, entry in ipairs(list) do
    self.counters.not_sent = self.counters.not_sent + 1
    give(self, entry.waiter, nil, message, "not_sent")
  end
end

--- Ends an entry that cannot be sent.
function Outbox:fail(entry, message, code)
  if type(entry.waiter) == "thread" and not task.is_waiting(entry.waiter) then
    entry.failed = { message, code } -- its task is not waiting yet: `enqueue` returns this
  else
    give(self, entry.waiter, nil, message, code)
  end
end

--- Number of queued and deferred requests.
---@return integer
function Outbox:waiting() return self.queue.count + self.deferred_count end

--- Defers an entry while another one to its destination is unanswered.  That one moves to the higher lane of the two.
---@return boolean deferred
local function defer(self, entry)
  if not self.options.order or entry.destination or not self.ordered[entry.id] then return false end
  local destination = entry.fields.destination_addr or ""
  local deferred = self.deferred[destination]
  if deferred then
    local first = deferred.first
    if (entry.lane or 0) > (first.lane or 0) then
      local queue = first.queue
      if queue then queue:remove(first) end
      first.lane = entry.lane
      if queue then queue:put(first) end
    end
    deferred:put(entry)
    self.deferred_count = self.deferred_count + 1
    return true
  end
  deferred = queues.new(self.memory)
  deferred.first, self.deferred[destination], entry.destination = entry, deferred, destination
  return false
end

--- The outcome of an entry is known: queues the next to its destination.
local function send_next(self, entry)
  local destination = entry.destination
  if not destination then return end
  local deferred = self.deferred[destination]
  local following = deferred:take()
  if not following then
    self.deferred[destination] = nil
    return
  end
  self.deferred_count = self.deferred_count - 1
  deferred.first, following.destination = following, destination
  self.queue:put(following)
  self:pump()
end

--- Queues an entry; false, message, code: it cannot be sent.
function Outbox:enqueue(entry)
  local client = self.client
  if client.state == "closed" or (client.state == "closing" and not (entry.accepted and self.drainer and client.session)) then
    return false, client.last_error and client.last_error[1] or CLOSED, "closed"
  end
  if not self.pool.sends then return false, "bound as a receiver: cannot send", "not_sent" end
  if not self.options.queue_unbound and not self.pool:can_send() then return false, UNBOUND, "not_sent" end
  entry.accepted = true
  entry.serial = entry.serial or self.queue:ticket()
  entry.octets = octets_of(entry.fields)
  entry.since = entry.since or self.loop:now()
  if defer(self, entry) then return true end
  self.queue:put(entry)
  if self.queue:peek() == entry then
    self:pump()
    if entry.failed then
      local failed = entry.failed
      entry.failed = nil
      return false, failed[1], failed[2]
    end
  end
  return true
end

--- The timeout of an entry: ends the wait; a request in flight stays in flight.
local function give_up(self, entry)
  entry.expired = true
  if entry.queue then
    if entry.queue ~= self.queue then self.deferred_count = self.deferred_count - 1 end
    entry.queue:remove(entry)
    if not entry.doubt then self.counters.not_sent = self.counters.not_sent + 1 end
    give(self, entry.waiter, nil, "timeout before it was sent", "not_sent")
    self:pump() -- `drain` may be owed
  elseif entry.cookie and not entry.only_queued and entry.session:stop_waiting(entry.cookie, entry.waiter) then
    give(self, entry.waiter, nil, "no response in time, outcome unknown", "timeout")
  end
end

-- Closures of hot functions are made apart from them: LuaJIT never compiles a function that makes some.
local function give_up_timer(self, entry)
  return self.loop:timer(function() give_up(self, entry) end, true)
end

local function perform_for(self, callback, entry, timeout_s) callback(self:perform(entry, timeout_s)) end

--- Records an entry that is neither queued nor in flight, for close().
local function set_aside(self, entry)
  if self.backing_off == NONE then self.backing_off = {} end
  self.backing_off[#self.backing_off + 1] = entry
end

local function take_back(self, entry)
  for i, other in ipairs(self.backing_off) do
    if other == entry then return table.remove(self.backing_off, i) end
  end
end

--- Waits before another attempt of an entry; others are sent meanwhile.
---@async
---@return boolean again  false: the client is closing
local function back_off(self, entry, seconds)
  local timer = self.loop:timer(function() task.wake_for(entry.waiter, entry, true) end, true)
  timer:start(seconds)
  set_aside(self, entry)
  local again = wait(entry)
  timer:close()
  take_back(self, entry)
  return again == true
end

--- Asks `on_unknown` whether to resend a request of unknown outcome; the function may wait.
---@async
local function wants_resend(self, entry, code)
  local policy = self.options.on_unknown
  if type(policy) ~= "function" then return policy == "resend" end
  set_aside(self, entry)
  local ok, answer = task.pcall(policy, entry.fields, code)
  take_back(self, entry)
  if not ok then self.client:emit("error", "on_unknown failed: " .. tostring(answer)) end
  return ok and answer == true
end

local class_of = explain.class

--- Decides whether an entry is sent again, and waits for its back-off.
---@async
local function wants_again(self, entry, code, retries)
  local retry = self.options.retry or settings.retry.defaults
  entry.code = code
  if entry.expired or self.client.state == "closed" or entry.attempts >= retry.attempts then return false end
  if UNKNOWN[code] then
    -- A closing client has recorded it as unfinished already.
    if self.client.state == "closing" or not wants_resend(self, entry, code) or entry.expired then return false end -- wants_resend may have waited
  else
    local class = retries and self.options.retry and class_of(code)
    if class ~= "throttle" and class ~= "temporary" then return false end
    local now = self.loop:now()
    entry.refused_at = entry.refused_at or now
    -- Throttled: the bind backs off, and the refused request is first in the queue afterwards.
    local delay_s = class == "throttle" and math.max(0, entry.bind.backoff.ends_at - now)
      or backoffs.delay_s(entry.attempts, retry.min_s, retry.max_s)
    if now + delay_s - entry.refused_at > retry.age_s then return false end
    if class ~= "throttle" and not back_off(self, entry, delay_s) then return false end
  end
  self.counters.retried = self.counters.retried + 1
  return true
end

--- Sends an entry, waits for its response, and retries as `retry` and `on_unknown` say.
---@async
---@param entry table
---@param timeout_s? number
---@param retries? boolean  retry throttled and temporary refusals, in order, up to `attempts` and `age_s`
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
---@param tried? table  message, code and response of a first attempt, past the queue
function Outbox:perform(entry, timeout_s, retries, tried)
  local timer, response, message, code, refused
  if timeout_s then
    timer = give_up_timer(self, entry)
    timer:start(timeout_s)
  end
  entry.waiter, entry.attempts, entry.refused_at, entry.doubt = task.current(), 0, nil, nil
  self.performing = self.performing + 1
  local again = true
  if tried then
    message, code, refused = tried[1], tried[2], tried[3]
    entry.accepted = true
    if UNKNOWN[code] then entry.doubt = { message, code } end
    if code ~= UNWRITTEN then
      entry.attempts = 1
      again = wants_again(self, entry, code, retries)
    end
  end
  while again do
    entry.attempts = entry.attempts + 1
    local ok, why, why_code = self:enqueue(entry)
    local is_unwritten
    if ok then
      response, message, code, refused = wait()
      is_unwritten = entry.cookie ~= nil and code == UNWRITTEN
      entry.cookie = nil
      if UNKNOWN[code] then entry.doubt = { message, code } end
    elseif entry.attempts == 1 then
      message, code, entry.rejected = why, why_code, true
      break
    else -- closed meanwhile: the outcome of the last attempt stands
      break
    end
    if is_unwritten then -- it was no attempt
      entry.attempts, again = entry.attempts - 1, not entry.expired
    else
      again = not response and wants_again(self, entry, code, retries)
    end
  end
  -- An unknown outcome stays unknown, unless the MC then refuses the message permanently.
  local doubt = entry.doubt
  if doubt and not response and class_of(code) ~= "permanent" then message, code, refused = doubt[1], doubt[2], nil end
  if response and entry.bind then entry.bind:recovered() end
  if timer then timer:close() end
  self.performing = self.performing - 1
  if not (response and entry.more) then send_next(self, entry) end
  self:wake_drainer()
  local client = self.client
  if not response and client.write_log and self.ordered[entry.id] then
    client:log("not_taken", { code = code, to = tostring(entry.fields.destination_addr), reason = message }, entry.session)
  end
  return response, message, code, refused
end

--- Sends a request and waits for its response, in a task.
---@async
---@return smpp.Pdu|false|nil response  false, message, code: it was not sent
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
local function attempt(session, command_id, fields)
  local response, message, code, refused = ask(session, command_id, fields)
  if response ~= false then return response, message, code, refused end
  local token = current()
  local cookie, why, why_code = send(session, command_id, fields, token)
  if not cookie then return false, why, why_code end
  return wait_as(token)
end

--- Sends a part of a message, and waits for its outcome: directly if the queue is empty, so that an entry is created only for
--- a request that is queued or sent again.
---@async
---@param fields table
---@param lane? integer
---@param entry? table  of the message, if it has several parts
---@param more? boolean  other parts follow
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
function Outbox:submit(fields, lane, entry, more)
  local bind, queue, tried = self.pool.direct, self.queue, nil
  local serial = entry and entry.serial or queue:ticket()
  if bind and queue.count == 0 and bind.backoff.ends_at == 0 then
    self.performing = self.performing + 1
    local response, message, code, refused = attempt(bind.session, SUBMIT_SM, fields)
    self.performing = self.performing - 1
    if response then
      bind:recovered()
      if self.drainer then self:wake_drainer() end
      if entry then entry.serial, entry.accepted = serial, true end
      return response
    end
    if response == nil then tried = { message, code, refused } end
  end
  entry = entry or { id = SUBMIT_SM, lane = lane }
  entry.fields, entry.more, entry.serial = fields, more, serial
  if tried then entry.bind = bind end
  return self:perform(entry, nil, true, tried)
end

--- As `submit` of the answer to a deliver_sm (Session:reply); false: nothing was sent.
---@async
---@param pdu smpp.Pdu
---@param text string
---@param token smpp.Task  the running one
---@return smpp.Pdu|false|nil response
---@return string? message
---@return string? code
function Outbox:reply(pdu, text, token)
  local bind, queue = self.pool.direct, self.queue
  if not bind or queue.count > 0 or bind.backoff.ends_at ~= 0 then return false end
  local serial = queue:ticket()
  if not reply(bind.session, pdu, text, token) then return false end
  self.performing = self.performing + 1
  local response, message, code, refused = wait_as(token)
  self.performing = self.performing - 1
  if response then
    if bind.backoff.count ~= 0 then bind:recovered() end
    if self.drainer then self:wake_drainer() end
    return response
  end
  local entry = { id = SUBMIT_SM, fields = self.client.sender.composer:reply(pdu, text), serial = serial, bind = bind }
  return self:perform(entry, nil, true, { message, code, refused })
end

--- Numbers of queued requests, for metrics.
---@return integer messages
---@return integer octets
---@return number oldest_s  age of the oldest; 0: none
function Outbox:queue_metrics()
  local oldest = math.huge
  for _, lane in ipairs(self.queue.order) do
    if lane.first <= lane.last then oldest = math.min(oldest, lane[lane.first].since) end
  end
  for _, deferred in pairs(self.deferred) do
    local entry = deferred:peek()
    if entry then oldest = math.min(oldest, entry.since) end
  end
  for _, entry in ipairs(self.backing_off) do oldest = math.min(oldest, entry.since or oldest) end
  return self:waiting() + #self.backing_off, self.memory.octets, oldest < math.huge and math.max(0, self.loop:now() - oldest) or 0
end

--- The results of a request that is refused because the queue is full; emits `drain` later.
---@return nil
---@return string message
---@return string code  "queue_full"
function Outbox:refuse()
  self.drain_owed = true
  return nil, ("the queue is full: %d requests of %.0f octets wait"):format(self:waiting(), self.memory.octets), "queue_full"
end

--- Tests whether the queue is full for requests that do not wait.
---@return boolean
function Outbox:is_full() return self:waiting() >= self.options.queue_limit or self.memory.octets >= self.options.queue_octets end

--- Sends a request as soon as a bind and the window allow, and waits for its response.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Outbox:request(command_id, fields, timeout_s, callback)
  if timeout_s then
    if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
    check_timeout(timeout_s, LEVEL)
  end
  local bind = self.pool.direct
  if bind and not callback and not timeout_s and self.queue.count == 0 and bind.backoff.ends_at == 0 then
    local response, message, code, refused = ask(bind.session, command_id, fields)
    if response ~= false then
      if response or code ~= UNWRITTEN then return response, message, code, refused end
      bind = nil
    end
  end
  local waiter = callback or need(LEVEL)
  if bind and not timeout_s and self.queue.count == 0 and bind.backoff.ends_at == 0 then
    local session = bind.session
    local cookie, message, code = send(session, command_id, fields, waiter)
    if cookie then
      if callback then return true end
      local response, refused
      response, message, code, refused = wait_as(waiter)
      if response or code ~= UNWRITTEN then return response, message, code, refused end
    elseif code == "unknown_field" then
      error(message, LEVEL)
    elseif code ~= "window_full" and code ~= "closed" and not (code == "not_sent" and session:is_unbinding()) then
      if not callback then return nil, message, code end
      give(self, callback, nil, message, code)
      return false
    end
  end
  if type(fields) == "table" then
    local wrong = self.options.codec.unknown_field(command_id, fields)
    if wrong then error(wrong, LEVEL) end
  elseif type(fields) ~= "userdata" then
    error("fields: expected a table or a PDU, got " .. type(fields), LEVEL)
  end
  local entry = { id = command_id, fields = fields }
  if not callback then return self:perform(entry, timeout_s) end
  if self:is_full() then
    give(self, callback, self:refuse())
    return false
  end
  task.start(self.client.sink, perform_for, self, callback, entry, timeout_s)
  return not entry.rejected
end

--- As `request` in a task, but the timeout is for the queue alone: once sent, the response is waited for.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param queue_s number
---@return smpp.Pdu? response
---@return string? message
---@return string? code  "not_sent": it was not sent in time
---@return smpp.Pdu? refused
function Outbox:request_queued(command_id, fields, queue_s)
  local bind = self.pool.direct
  if bind and self.queue.count == 0 and bind.backoff.ends_at == 0 then
    local response, message, code, refused = attempt(bind.session, command_id, fields)
    if response ~= false then
      if response or code ~= UNWRITTEN then return response, message, code, refused end
    elseif code ~= "window_full" and code ~= "closed" and not (code == "not_sent" and bind.session:is_unbinding()) then
      return nil, message, code
    end
  end
  return self:perform({ id = command_id, fields = fields, only_queued = true }, queue_s)
end

-- ---- rate and back-off ----

--- Takes another rate, which others count, too: with the methods of smpp.Rate.
---@param rate table
function Outbox:use_rate(rate)
  self.rate = rate
  self.pool:refresh() -- no bind is direct any more
end

--- Limits the rate, instead of the option rate_per_s.
---@param rate_per_s number
function Outbox:set_rate(rate_per_s)
  if self.rate then self.rate:fix(rate_per_s) else self.rate = rates.new(rate_per_s, self.options.burst, self.loop:now()) end
  self.pool:refresh() -- no bind is direct any more
  self:pump()
end

--- A bind backs off.
function Outbox:bind_paused()
  if self.rate then self.rate:pause() end
end

--- The back-off of a bind has ended.
---@param now number
function Outbox:bind_resumed(now)
  local rate = self.rate
  if rate and rate:resume(now) then self.client:log("rate_adapted", { rate_per_s = rate.rate_per_s }) end
end

--- A request was refused with a throttling status.
function Outbox:note_too_many()
  if self.rate then self.rate:note_refused() end
end

-- ---- the end ----

--- Waits until all accepted requests have their outcome, or can no longer be sent.
---@async
---@param token smpp.Task
---@param deadline number
function Outbox:drain(token, deadline)
  self.drainer = token
  local timer = self.loop:timer(function() task.wake_for(token, self) end, true)
  timer:start(deadline - self.loop:now())
  while self.pool:can_send() and (self:waiting() > 0 or self.performing > 0) and self.loop:now() < deadline do wait(self) end
  timer:close()
  self.drainer = nil
end

--- Wakes drain() to check again.
function Outbox:wake_drainer()
  if self.drainer then task.wake_for(self.drainer, self) end
end

--- Closes: queued, deferred and backing-off entries end with not_sent.
---@param message string
function Outbox:close(message)
  local client, unfinished = self.client, take_all(self)
  for _, entry in ipairs(unfinished) do
    if not entry.doubt then self.counters.not_sent = self.counters.not_sent + 1 end
    client:note_unfinished(entry.id, entry.fields, entry.doubt and entry.doubt[2] or "not_sent")
    give(self, entry.waiter, nil, message, "not_sent")
  end
  while self.backing_off[1] do
    local entry = table.remove(self.backing_off, 1)
    client:note_unfinished(entry.id, entry.fields, entry.doubt and entry.doubt[2] or entry.code)
    task.wake_for(entry.waiter, entry, false)
  end
  self.timer:close()
  metrics.remove_queue(self)
end

return outbox
