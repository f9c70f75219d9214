--- One transport and one C session: octets become calls of handlers and results of requests.
--- A server hands connections to its handlers as `session`; a client delegates to its current one.
local core = require "smpp.core"
local events = require "smpp.events"
local explain = require "smpp.explain"
local loops = require "smpp.loop"
local pdus = require "smpp.pdu"
local task = require "smpp.task"
local tracer = require "smpp.tracer"

---@class smpp.Connection
---@field system_id string?  whose session it is, once bound
---@field state string  OPEN, OUTBOUND, BOUND_TX, BOUND_RX, BOUND_TRX, UNBOUND or CLOSED
---@field version integer  interface_version in force
---@field peer { host: string, port: integer }
---@field data table  the user's own
local Connection = {}
local mt = { __index = Connection, __name = "smpp.Connection" }

events.mixin(Connection, { "state", "closed", "error", "pdu", "stray" })

-- Kinds of events the C session reports, in the order of csrc/binding/bind_session.c.
local REQUEST, RESPONSE, TIMEOUT, LOST, STATE, WINDOW, STRAY, GARBAGE, CLOSE = 1, 2, 3, 4, 5, 6, 7, 8, 9

-- Octets that wait for a peer which does not read: above the first it is not read from either.
local STOP_READING_OCTETS, READ_AGAIN_OCTETS = 262144, 65536

-- Refusals that are about how much is sent, not about what.
local THROTTLED = { [0x14] = true, [0x56] = true, [0x58] = true }

local UNANSWERED = { esme = "ESME_RX_T_APPN", mc = "ESME_RSYSERR" }

local connection = { class = Connection }

--- The request commands, for whoever delegates to a connection.
---@type { name: string, id: integer }[]
connection.requests = {}
for _, command in ipairs(core.protocol.commands()) do
  if command.id < 0x80000000 then connection.requests[#connection.requests + 1] = { name = command.name, id = command.id } end
end

local start, wake, wait, need = task.start, task.wake, task.wait, task.need

-- Arrays for events of the core, shared: one of its own would keep the PDUs of a connection's last turn alive, and take
-- the heap of a thousand connections out of the caches.  There are as many as turns that run inside one another.
local spare, spare_count = {}, 0

local function take_slots()
  if spare_count == 0 then return {} end
  spare_count = spare_count - 1
  return spare[spare_count + 1]
end

function mt:__tostring()
  return ("session %s %s %s"):format(self.system_id or "(not bound)", loops.address(self.peer.host, self.peer.port), self.state)
end

---@class smpp.ConnectionOptions
---@field role "esme"|"mc"
---@field loop smpp.Loop
---@field transport smpp.Transport
---@field session table  options of the C session
---@field codec table?  of a profile with vendor TLVs
---@field handlers table<integer, function>  command_id -> fn(target, pdu); the result is the answer
---@field target any?  first argument of handlers, default the connection
---@field pdu_first boolean?  handlers get the PDU first, then the target
---@field unhandled fun(connection, pdu, command_id)?  requests without a handler; default ESME_RINVCMDID
---@field message_id (fun(connection, pdu): string)?  ids for handlers that return none
---@field answer_timeout_s number?  after which an unanswered request is answered for its handler, default 10

---@param o smpp.ConnectionOptions
---@return smpp.Connection
function connection.new(o)
  o.session.role, o.session.now = o.role, o.loop:now()
  local self = setmetatable({
    role = o.role,
    loop = o.loop,
    transport = o.transport,
    peer = o.transport.peer,
    codec = o.codec,            -- nil: that of this Lua state
    core = (o.codec or pdus.codec).session(o.session),
    handlers = o.handlers,
    unhandled = o.unhandled,
    message_id = o.message_id,
    pdu_first = o.pdu_first,
    target = nil,               -- first argument of handlers
    answer_timeout_s = o.answer_timeout_s or 10,
    waiting = {},               -- cookie -> task or callback; false: nobody any more
    cookies = {}, cookie_count = 0, last_cookie = 0, -- cookies to use again
    busy = {}, busy_first = 1, busy_last = 0, -- requests whose handlers wait, oldest first: { pdu, deadline, task }
    serving = nil,              -- PDU whose handler starts right now
    processing = false, again = false,
    dirty = false,              -- flush is due at the end of this turn
    armed = nil,                -- when the timer fires
    listeners = {},
    state = "OPEN",
    stray_count = 0,
    version = o.session.version or 0x34,
    window = o.session.window or 10,
    max_pdu_octets = o.session.max_pdu_octets,
    stats = o.stats,            -- counters of the owner, or nil
    started = {},               -- cookie -> when its request was sent, where somebody counts
    observe = nil,              -- fn(latency_s, pdu) of the owner
    on_throttled = nil,         -- fn(status) of the owner: the peer wants less
    asked = {}, asked_id = {},  -- cookie -> fields and command_id of its request, where somebody counts
    on_unknown = nil,           -- fn(command_id, fields, code) of the owner: a request ended with its outcome unknown
    now = 0,                    -- while events are processed
    reading = true,
    paused = false,             -- not reading: the peer does not read either
    held = false,               -- not reading: pause() was called
    swamped = false,            -- not reading: handlers cannot keep up
    -- An MC answers ESME_RTHROTTLED above its limit; an ESME has no such word and lets TCP say it.
    swamped_above = o.role == "esme" and math.floor((o.session.max_unanswered or 1000) / 2) or math.huge,
    data = {},
    left = false,               -- we unbind
    closed = false,
  }, mt)
  self.target = o.target or self
  self.sink = function(trace, _, co) self:handler_failed(trace, co) end
  self.timer = o.loop:timer(function() self:on_timer() end)
  self.flush_deferred = function() self:flush() end
  return self
end

--- Begins to read.
function Connection:start()
  self.transport.on_drain = function() self:on_drain() end
  self.transport:start(function(chunk) self:on_data(chunk) end, function(message) self:on_end(message) end)
  self:arm()
end

-- ---- octets in ----

function Connection:on_data(chunk)
  if self.trace then self.trace:feed("in", chunk) end
  self.now = self.loop:now()
  local slots = take_slots()
  self:process(slots, self.core:receive(chunk, self.now, slots))
  self:flush()
end

function Connection:on_end(message)
  if self.closed then return end
  self.core:lost(message and "connection lost" or "closed by the peer")
  self.lost_reason = message or (self.state ~= "UNBOUND" and "closed by the peer") or (self.left and "unbound" or "unbound by the peer")
  self:poll()
end

--- Takes the events that calls other than receive caused.
function Connection:poll()
  if self.processing then
    self.again = true
  else
    self.now = self.loop:now()
    local slots = take_slots()
    self:process(slots, self.core:poll(slots))
  end
end

--- How many octets of garbage people may see.  Before a bind is answered it may hold a password: behind the 16 of its
--- header, or anywhere when what came before was broken.
local function showable(self)
  if self.state:find "^BOUND" then return 48 end
  return (self.stray_count > 0 or self.failed_binds) and 0 or 16
end

function Connection:process(slots, n, more)
  local i = 1
  self.processing = true
  while i <= n do
    local kind = slots[i]
    if kind == REQUEST then
      self:serve(slots[i + 1], slots[i + 2])
      i = i + 3
    elseif kind == RESPONSE then
      local at = i
      i = i + 5
      if i <= n and slots[i] == STATE then -- whoever waits for a bind finds the session bound
        self:on_state(slots[i + 1], slots[i + 2], slots[i + 3])
        i = i + 4
      end
      self:complete(slots[at + 2], slots[at + 1], slots[at + 3], slots[at + 4])
    elseif kind == TIMEOUT then
      self:fail(slots[i + 1], "no response in time, outcome unknown", "timeout")
      i = i + 2
    elseif kind == LOST then
      self:fail(slots[i + 1], "connection lost, outcome unknown", "connection_lost")
      i = i + 2
    elseif kind == STATE then
      self:on_state(slots[i + 1], slots[i + 2], slots[i + 3])
      i = i + 4
    elseif kind == WINDOW then
      if self.on_window then self.on_window() end
      i = i + 1
    elseif kind == STRAY then
      self.stray_count = self.stray_count + 1
      self:emit("stray", slots[i + 1], slots[i + 2])
      i = i + 3
    elseif kind == GARBAGE then
      self:emit("error", ("%s sent what is no SMPP (%s): %s"):format(loops.address(self.peer.host, self.peer.port),
        slots[i + 2] or "bad command_length", tracer.show_octets(slots[i + 1], showable(self))))
      i = i + 3
    elseif kind == CLOSE then
      self:finish(slots[i + 1])
      i = i + 2
    else
      error("an event of a kind that is none: " .. tostring(kind))
    end
  end
  self.processing = false
  if more or self.again then
    self.again = false
    return self:process(slots, self.core:poll(slots))
  end
  spare_count = spare_count + 1
  spare[spare_count] = slots
end

function Connection:on_state(from, to, reason)
  self.state, self.version = to, self.core:info().version
  self:emit("state", to, from, self.lost_reason or reason or nil)
  if self.state_changed then self.state_changed(to, from, self.lost_reason or reason or nil) end
  if to == "CLOSED" then self:finish(reason) end
end

-- ---- requests of the peer ----

local function answer(self, pdu, result, status)
  local session, now = self.core, self.processing and self.now or self.loop:now()
  local ok, message, code
  if result == nil then
    if status ~= nil then
      ok, message, code = session:answer(pdu, status, nil, now)
    else
      ok, message, code = session:answer(pdu, nil, self.message_id and self.message_id(self, pdu), now)
    end
  elseif type(result) == "string" then
    ok, message, code = session:answer(pdu, nil, result, now)
  elseif type(result) == "table" then
    ok, message, code = session:respond(pdu, result, now)
    if session:state() ~= self.state then self:poll() end -- it was a bind's
  elseif result == true then
    ok, message, code = session:answer(pdu, nil, nil, now)
  else
    error(("a handler of %s returned a %s; nothing, a message_id, a table or nil, status expected"):format(pdu.command, type(result)), 0)
  end
  if not ok and code ~= "closed" and code ~= "not_sent" then
    error(("the answer to %s: %s"):format(pdu.command, message), 0)
  end
  if not self.processing then self:touch() end -- the handler had waited
end

local function run(self, handler, pdu) return answer(self, pdu, handler(self.target, pdu)) end
local function run_pdu_first(self, handler, pdu) return answer(self, pdu, handler(pdu, self.target, self)) end

local OUTBIND, ALERT_NOTIFICATION = 0x0B, 0x102 -- nothing answers these

local function run_unanswered(self, handler, pdu)
  if self.pdu_first then handler(pdu, self.target) else handler(self.target, pdu) end
end

function Connection:serve(pdu, command_id)
  local handler, stats = self.handlers[command_id], self.stats
  if stats then stats.received = stats.received + 1 end
  if not handler then return self:serve_unhandled(pdu, command_id) end
  if command_id == OUTBIND or command_id == ALERT_NOTIFICATION then
    start(self.sink, run_unanswered, self, handler, pdu)
    return
  end
  self.serving = pdu
  local co, waits = start(self.sink, self.pdu_first and run_pdu_first or run, self, handler, pdu)
  self.serving = nil
  if waits then self:hold(pdu, co) end
end

--- Runs fn(pdu) as the handler of a request: its results are the answer, its errors are answered.
---@param pdu smpp.Pdu
---@param fn fun(target, pdu): any, any
function Connection:serve_with(pdu, fn)
  self.serving = pdu
  local co, waits = start(self.sink, run, self, fn, pdu)
  self.serving = nil
  if waits then self:hold(pdu, co) end
  self:touch()
end

function Connection:serve_unhandled(pdu, command_id)
  if self.unhandled then return self.unhandled(self, pdu, command_id) end
  if self.core:is_answerable(pdu) then self.core:answer(pdu, "ESME_RINVCMDID", nil, self.loop:now()) end
end

--- Forgets the oldest requests that are answered.
local function trim_busy(self)
  local busy, first, last = self.busy, self.busy_first, self.busy_last
  while first <= last and not self.core:is_answerable(busy[first][1]) do
    busy[first] = nil
    first = first + 1
  end
  if first > last then first, last = 1, 0 end
  self.busy_first, self.busy_last = first, last
end

--- A request whose answer is to come: answered for its handler when that takes too long.
function Connection:hold(pdu, co)
  trim_busy(self)
  self.busy_last = self.busy_last + 1
  self.busy[self.busy_last] = { pdu, self.loop:now() + self.answer_timeout_s, co }
  if self.busy_last - self.busy_first >= self.swamped_above and not self.swamped and self.core:unanswered() > self.swamped_above then
    self.swamped = true
    self:update_reading()
  end
  if self.busy_last == self.busy_first then self:arm() end
end

--- The request of a handler that failed: one that had waited is among the busy ones.
local function failed_request(self, co)
  for i = self.busy_first, self.busy_last do
    local entry = self.busy[i]
    if entry[3] == co and self.core:is_answerable(entry[1]) then return entry[1] end
  end
  return self.serving
end

function Connection:handler_failed(trace, co)
  local pdu = failed_request(self, co)
  if pdu and not self.closed and self.core:is_answerable(pdu) then
    self.core:answer(pdu, UNANSWERED[self.role], nil, self.loop:now())
    self:touch()
  end
  self:emit("error", ("the handler of %s failed: %s"):format(pdu and pdu.command or "a request", trace))
end

function Connection:expire_busy(now)
  trim_busy(self)
  while self.busy_first <= self.busy_last and self.busy[self.busy_first][2] <= now do
    self.core:answer(self.busy[self.busy_first][1], UNANSWERED[self.role], nil, now)
    trim_busy(self)
  end
end

-- ---- requests of ours ----

local function new_cookie(self)
  local n = self.cookie_count
  if n > 0 then
    self.cookie_count = n - 1
    return self.cookies[n]
  end
  self.last_cookie = self.last_cookie + 1
  return self.last_cookie
end

local function free_cookie(self, cookie)
  local n = self.cookie_count + 1
  self.cookie_count, self.cookies[n] = n, cookie
end

--- Gives results to whoever waits for a cookie.
local function settle(self, cookie, ...)
  local waiter = self.waiting[cookie]
  self.waiting[cookie] = nil
  free_cookie(self, cookie)
  if not waiter then return end
  if type(waiter) == "function" then
    start(self.sink, waiter, ...)
  else
    wake(waiter, ...)
  end
end

--- Counts a response for the owner.
local function count(self, cookie, pdu, status)
  local started = self.started[cookie]
  if not started then return end
  self.started[cookie] = nil
  local latency_s, stats = self.now - started, self.stats
  stats:note_latency(latency_s)
  if status == 0 then stats.answered = stats.answered + 1 else stats:note_refusal(pdu.status) end
  if self.observe then self.observe(latency_s, pdu) end
end

function Connection:complete(cookie, pdu, status, reason)
  if self.stats then count(self, cookie, pdu, status) end
  if reason then
    settle(self, cookie, nil, reason .. ", outcome unknown", "timeout", pdu)
  elseif status == 0 then
    settle(self, cookie, pdu)
  else
    if THROTTLED[status] and self.on_throttled then self.on_throttled(status) end
    local row = explain.status(status)
    local name = pdu.command_id == 0x80000000 and " (generic_nack)" or ""
    settle(self, cookie, nil, ("%s%s: %s"):format(row.name, name, row.meaning), row.name, pdu)
  end
end

function Connection:fail(cookie, message, code)
  if self.started[cookie] then
    self.started[cookie] = nil
    self.stats.unknown = self.stats.unknown + 1
    if self.on_unknown then self.on_unknown(self.asked_id[cookie], self.asked[cookie], code) end
  end
  if code == "connection_lost" and self.lost_reason then message = "connection lost (" .. self.lost_reason .. "), outcome unknown" end
  settle(self, cookie, nil, message, code)
end

--- Sends a request; `waiter` (a task or a function) gets the response, or nil, message, code, response.
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|false
---@return integer? cookie  nil, message, code: nothing was sent
function Connection:send(command_id, fields, waiter)
  local cookie, now, stats = new_cookie(self), self.processing and self.now or self.loop:now(), self.stats
  local sequence, message, code = self.core:request(command_id, fields, cookie, now)
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiting[cookie] = waiter
  if stats then
    self.started[cookie], self.asked[cookie], self.asked_id[cookie] = now, fields, command_id
    stats.requests = stats.requests + 1
  end
  if not self.processing and not self.dirty then self:touch() end
  return cookie
end

--- A wait's own timeout ends the wait, not the request: its response is still matched.
function Connection:limit(cookie, token, timeout_s)
  local timer
  timer = self.loop:timer(function()
    timer:close()
    if self.waiting[cookie] == token then
      self.waiting[cookie] = false
      if type(token) == "function" then
        start(self.sink, token, nil, "no response in time, outcome unknown", "timeout")
      else
        wake(token, nil, "no response in time, outcome unknown", "timeout")
      end
    end
  end, true)
  timer:start(timeout_s)
  return timer
end

local function wait_limited(timer, ...)
  timer:close()
  return ...
end

--- Sends a request and waits for its response; with a function as last argument calls that instead.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code  the peer's ESME_ status, "timeout", "connection_lost", or what says that nothing was sent:
---  "window_full", "closed", "not_sent", "too_long", "bad_value", "missing", "unknown_field"
---@return smpp.Pdu? refused  the response that refused
function Connection:request(command_id, fields, timeout_s, callback)
  if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
  local timer
  local token = callback and timeout_s and function(...)
    timer:close()
    return callback(...)
  end or callback or need(3)
  local cookie, message, code = self:send(command_id, fields or {}, token)
  if callback then
    if not cookie then
      start(self.sink, callback, nil, message, code)
    elseif timeout_s then
      timer = self:limit(cookie, token, timeout_s)
    end
    return cookie ~= nil
  end
  if not cookie then return nil, message, code end
  if timeout_s then return wait_limited(self:limit(cookie, token, timeout_s), wait()) end
  return wait()
end

for _, command in ipairs(connection.requests) do
  local id = command.id
  --- Every request by its name: session:deliver_sm{ ... } -> response | nil, message, code, refusing response.
  ---@async
  Connection[command.name] = function(self, fields, timeout_s, callback) return self:request(id, fields, timeout_s, callback) end
end

-- Requests that nothing answers are sent, and that is all.
for name, id in pairs { alert_notification = 0x102, outbind = 0x0B } do
  Connection[name] = function(self, fields)
    local sequence, message, code = self.core:request(id, fields or {}, 0, self.loop:now())
    if not sequence then return nil, message, code end
    self:touch()
    return true
  end
end

--- Answers a request before, or instead of, its handler's result.
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function Connection:answer(pdu, result, status)
  local ok, message, code
  if type(result) == "table" then
    ok, message, code = self.core:respond(pdu, result, self.loop:now())
  else
    ok, message, code = self.core:answer(pdu, status, result, self.loop:now())
  end
  self:touch()
  return ok, message, code
end

--- Acknowledges the request whose handler a task is, which waits for the end of the session, which waits for its answer.
---@param co smpp.Task
function Connection:answer_own(co)
  for i = self.busy_first, self.busy_last do
    local entry = self.busy[i]
    if entry[3] == co and self.core:is_answerable(entry[1]) then self:answer(entry[1]) end
  end
end

--- Sends a received request on, octet for octet but for its sequence number and `changes`.
---@async
---@param pdu smpp.Pdu
---@param changes? table
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Connection:forward(pdu, changes)
  local token, cookie = need(2), new_cookie(self)
  local sequence, message, code = self.core:forward(pdu, changes, cookie, self.loop:now())
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiting[cookie] = token
  self:touch()
  return wait()
end

-- ---- octets out, time ----

--- Output is due: it is written once per loop turn.
function Connection:touch()
  if self.dirty or self.processing or self.closed then return end
  self.dirty = true
  self.loop:defer(self.flush_deferred)
end

--- Writes what the session has to say, and arms the timer.
function Connection:flush()
  self.dirty = false
  local octets = self.core:output()
  if octets and not self.closed then
    if self.trace then self.trace:feed("out", octets) end
    self.transport:write(octets)
    if not self.paused and self.transport:pending() > STOP_READING_OCTETS then
      self.paused = true
      self:update_reading()
    end
  end
  if self.swamped and self.core:unanswered() <= self.swamped_above / 2 then
    self.swamped = false
    self:update_reading()
  end
  if self.ending then return self:end_transport() end
  self:arm()
end

function Connection:update_reading()
  local reading = not (self.paused or self.held or self.swamped)
  if reading == self.reading or self.closed then return end
  self.reading = reading
  if reading then self.transport:resume() else self.transport:pause() end
end

function Connection:on_drain()
  if self.paused and self.transport:pending() <= READ_AGAIN_OCTETS then
    self.paused = false
    self:update_reading()
  end
end

--- Stops reading until `resume`: the application cannot keep up.
function Connection:pause()
  self.held = true
  self:update_reading()
end

--- Reads again.
function Connection:resume()
  self.held = false
  self:update_reading()
end

function Connection:arm()
  if self.closed then return end
  local deadline = self.core:deadline()
  local entry = self.busy[self.busy_first]
  if entry and (not deadline or entry[2] < deadline) then deadline = entry[2] end
  if deadline and (not self.armed or deadline < self.armed) then
    self.armed = deadline
    self.timer:start(math.max(0, deadline - self.loop:now()))
  end
end

function Connection:on_timer()
  self.armed = nil
  if self.closed then return end
  local now = self.loop:now()
  self.now = now
  self:expire_busy(now)
  local slots = take_slots()
  self:process(slots, self.core:tick(now, slots))
  self:flush()
end

-- ---- the end ----

--- The C session is over: what is left is written, then the transport closes.
function Connection:finish(reason)
  if self.ending or self.closed then return end
  self.ending = true
  self.end_reason = self.lost_reason or reason or "closed"
  if self.processing then self.again = true end
  if not self.dirty then
    self.dirty = true
    self.loop:defer(self.flush_deferred)
  end
end

function Connection:end_transport()
  if self.closed then return end
  self.closed = true
  self.timer:close()
  self.transport:close_after_flush(1)
  self:emit("closed", self.end_reason)
  if self.on_closed then self.on_closed(self.end_reason) end
  if self.unbind_waiter then
    local waiter = self.unbind_waiter
    self.unbind_waiter = nil
    wake(waiter, true)
  end
end

--- Begins to unbind, and does not wait; `on_closed` tells when it is over.
---@param timeout_s? number  for pending responses, default 10
---@return boolean begun  false: it is closed, or about to
function Connection:leave(timeout_s)
  if self.closed or self.ending then return false end
  self.left = true
  self.core:unbind(timeout_s or 10, self.loop:now())
  self:poll()
  self:touch()
  return true
end

--- How many requests of ours may await a response, from now on.
---@param count integer
function Connection:set_window(count)
  self.window = count
  self.core:set_window(count)
end

--- Drains, unbinds and closes: no new requests, pending responses are awaited up to `timeout_s`.
---@async
---@param timeout_s? number  default 10
---@return boolean? ok
---@return string? message
---@return string? code  "closed"
function Connection:unbind(timeout_s)
  if not self:leave(timeout_s) then return nil, "session is closed", "closed" end
  local token = task.current()
  if token and not self.unbind_waiter then
    self.unbind_waiter = token
    wait()
  end
  return true
end

--- Ends the session at once, without unbind; pending requests fail with "connection_lost".
---@param reason? "closed"|"shutting down"
function Connection:close(reason)
  if self.closed or self.ending then return end
  self.core:close(reason or "closed")
  self:poll()
  self:touch()
end

--- Hands every PDU, both ways, to the `pdu` event.
function Connection:trace_pdus()
  self.trace = self.trace or tracer.new(function(direction, pdu) self:emit("pdu", pdu, direction) end, self.codec, self.max_pdu_octets)
end

local on = Connection.on
--- Adds a listener; it runs as a task.
---@param name "state"|"closed"|"error"|"pdu"|"stray"
---@param fn fun(...)
---@return smpp.Connection self
function Connection:on(name, fn)
  if name == "pdu" then self:trace_pdus() end
  return on(self, name, fn)
end

local function sink_of(self) return self.sink end
for _, name in ipairs { "forward", "unbind" } do Connection[name] = task.waits(Connection[name], sink_of) end

return connection
