--- One transport and one C session: octets become calls of handlers and results of requests.
--- A server hands connections to its handlers as `session`; a client delegates to its current one.
local asking = require "smpp.session.outgoing"
local commands = require "smpp.codec.commands"
local events = require "smpp.base.events"
local net = require "smpp.base.net"
local pdus = require "smpp.codec"
local serving = require "smpp.session.incoming"
local task = require "smpp.base.task"
local tracer = require "smpp.codec.stream"

---@class smpp.Connection
---@field system_id string?  whose session it is, once bound
---@field state string  OPEN, OUTBOUND, BOUND_TX, BOUND_RX, BOUND_TRX, UNBOUND or CLOSED
---@field version integer  interface_version in force
---@field peer { host: string, port: integer }
---@field data table  the user's own
local Connection = {}
local mt = { __index = Connection, __name = "smpp.Connection" }

events.mixin(Connection, { "state", "closed", "error", "pdu", "stray" })
for _, part in ipairs { serving, asking } do
  for name, method in pairs(part.methods) do Connection[name] = method end
end

local connection = { class = Connection, requests = commands.requests }

-- Kinds of events the C session reports, in the order of csrc/binding/bind_session.c.
local REQUEST, RESPONSE, TIMEOUT, LOST, STATE, WINDOW, STRAY, GARBAGE, CLOSE = 1, 2, 3, 4, 5, 6, 7, 8, 9

-- Octets that may wait for a peer which does not read, before a bind and after it: above these it is not read from either.
local UNSENT_UNBOUND, UNSENT_BOUND = 4096, 262144

-- Arrays for events of the core, shared: one of its own would keep the PDUs of a connection's last turn alive, and take
-- the heap of a thousand connections out of the caches.  There are as many as turns that run inside one another.
local spare, spare_count = {}, 0

local function take_slots()
  if spare_count == 0 then return {} end
  spare_count = spare_count - 1
  return spare[spare_count + 1]
end

function mt:__tostring()
  return ("session %s %s %s"):format(self.system_id or "(not bound)", net.address(self.peer.host, self.peer.port), self.state)
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
---@field load { count: integer, limit: integer }?  handlers of all connections of an owner that wait; at the limit: ESME_RTHROTTLED
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
    busy_count = 0, busy_oldest = nil, busy_newest = nil, -- requests whose handlers wait (smpp.connection.serving)
    load = o.load,              -- of all connections of an owner: { count, limit } of such requests, or nil
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
    unsent_octets = UNSENT_UNBOUND, -- that may wait in the transport
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
      self:emit("error", ("%s sent what is no SMPP (%s): %s"):format(net.address(self.peer.host, self.peer.port),
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
  self.unsent_octets = to:find "^BOUND" and UNSENT_BOUND or UNSENT_UNBOUND
  self:emit("state", to, from, self.lost_reason or reason or nil)
  if self.state_changed then self.state_changed(to, from, self.lost_reason or reason or nil) end
  if to == "CLOSED" then self:finish(reason) end
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
    if not self.paused and self.transport:pending() > self.unsent_octets then
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
  if self.paused and self.transport:pending() <= self.unsent_octets / 4 then
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
  local oldest = self.busy_oldest
  if oldest and (not deadline or oldest[2] < deadline) then deadline = oldest[2] end
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
  self:expire_busy(math.huge)
  self.timer:close()
  self.transport:close_after_flush(1)
  self:emit("closed", self.end_reason)
  if self.on_closed then self.on_closed(self.end_reason) end
  if self.unbind_waiter then
    local waiter = self.unbind_waiter
    self.unbind_waiter = nil
    task.wake(waiter, true)
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
    task.wait()
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

Connection.unbind = task.waits(Connection.unbind, function(self) return self.sink end)

return connection
