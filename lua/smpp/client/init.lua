--- An ESME that stays bound: what it hands out, its beginning and its end.  How it stays bound is in smpp.client.binds,
--- how its requests get out in smpp.client.outbox.
local binds = require "smpp.client.binds"
local commands = require "smpp.codec.commands"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local inbox = require "smpp.client.inbox"
local logs = require "smpp.base.log"
local options = require "smpp.base.options"
local pdus = require "smpp.codec"
local outbind = require "smpp.client.outbind"
local outbox = require "smpp.client.outbox"
local dialer = require "smpp.client.dialer"
local queues = require "smpp.base.queue"
local run = require "smpp.loop.run"
local sender = require "smpp.client.sender"
local settings = require "smpp.client.options"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"
local throttles = require "smpp.base.bucket"

local need, wait = task.need, task.wait

---@class smpp.Client
---@field state "connecting"|"bound"|"waiting"|"closing"|"closed"
---@field system_id string
local Client = {}
local mt = { __index = Client, __name = "smpp.Client" }

events.mixin(Client, { "state", "bind", "message", "receipt", "alert_notification", "incomplete", "pdu", "error", "drain" })
for _, part in ipairs { outbox, binds } do
  for name, method in pairs(part.methods) do Client[name] = method end
end

local client = { class = Client }

local GOODBYE_S = 3 -- what an MC has to answer our unbind

function mt:__tostring() return ("esme %s %s"):format(self.options.system_id or "", self.state) end

local function new(o)
  local self = setmetatable({
    options = o,
    loop = o.loop,
    system_id = o.system_id,
    commands = (o.codec or pdus.codec).commands,
    state = "connecting",
    links = {},
    sends = true,               -- false: bound as a receiver only
    connection = nil,           -- a bound one, for what needs any
    direct = nil,               -- the one that requests go to without being chosen: one bind, no rate, no policies
    turn = 0,                   -- of the links, for ties
    queue = queues.new(),       -- requests that wait for a bind, the window, the rate or the end of a pause
    parked = {}, parked_count = 0, -- destination -> requests behind the one that is on its way
    resting = {},               -- requests that wait before another attempt
    performing = 0,             -- requests and messages that policies see through to their end
    throttle = o.rate_per_s and throttles.new(o.rate_per_s, o.burst, o.loop:now()) or nil,
    counters = stats.new(),     -- beside those of the links
    refused_full = false,       -- a callback was told that the queue is full: `drain` is owed
    timer = nil,                -- wakes the queue after a pause
    held = false,               -- keeps the loop alive while there is no socket
    closer = nil,               -- the task in close(), while it waits for the queue to drain
    draining = false,
    left = {},                  -- what did not make it, for close()
    last_error = nil,           -- why it is closed
    listeners = {},
    has_handlers = (o.message or o.receipt or o.deliver_sm or o.data_sm) ~= nil,
  }, mt)
  self.sink = function(trace) self:emit("error", trace) end
  self.write_log, self.show = logs.writer(o.log, o.loop)
  self.timer = o.loop:timer(function() self:pump() end)
  self.inbox = inbox.new(self)
  self.sender = sender.new(self)
  self:make_links()
  return self
end

--- Writes one line to the log, if there is one.
---@param level "debug"|"info"|"warn"|"error"
function Client:log(level, event, fields)
  if self.write_log then self.write_log(level, event, options.merge({ system_id = self.system_id }, fields)) end
end

-- ---- the end ----

--- Takes a note of what did not make it.
function Client:note_left(command_id, fields, code)
  self.left[#self.left + 1] = { command = self.commands.rows[command_id].name, fields = fields, code = code }
end

--- Ends without goodbyes: there is nobody to say them to, or nobody wants them.
function Client:abandon(message, code)
  for _, link in ipairs(self.links) do
    link:stop()
    if link.connection then link.connection:close() end
  end
  self:finish(message, code)
end

--- The last step of every end.
function Client:finish(message, code)
  if self.state == "closed" then return end
  self.last_error = { message, code == "connection_lost" and "closed" or code }
  self:refresh()
  self:set_state("closed", message)
  self:drop_waiting(message)
  self.sender:close()
  self.inbox:close()
  self.timer:close()
  run.closed(self)
end

function Client:give(waiter, ...)
  if type(waiter) == "function" then
    task.start(self.sink, waiter, ...)
  elseif waiter then
    task.wake(waiter, ...)
  end
end

--- Waits until what was accepted before is sent and answered, or cannot be.
---@async
local function drain(self, token, deadline)
  self.closer, self.draining = token, true
  local timer = self.loop:timer(function() task.wake_for(token, self) end, true)
  timer:start(deadline - self.loop:now())
  local function goes_on()
    return self.connection and self.connection.link.sends and (self:waiting() > 0 or self.performing > 0)
  end
  while goes_on() and self.loop:now() < deadline do wait(self) end
  timer:close()
  self.closer, self.draining = nil, false
end

--- Drains the queue and what is in flight, waits for handlers, unbinds, closes; no reconnection any more.  In a handler
--- it acknowledges what that has got.
---@async
---@param timeout_s? number  for draining, default 10; the goodbyes take at most three seconds more
---@return { command: string, fields: table, code: string }[] left  what did not make it: not_sent, or in flight when the
---  time was over (connection_lost, timeout: outcome unknown)
function Client:close(timeout_s)
  if self.state == "closing" or self.state == "closed" then return {} end
  local deadline = self.loop:now() + (timeout_s or 10)
  local token = task.current()
  self:set_state("closing", "closed by the user")
  self:refresh() -- nothing new goes past the queue
  self.inbox:refuse_held()
  for _, link in ipairs(self.links) do link:stop() end
  if token then
    self.loop:defer(function() -- when it waits
      for _, link in ipairs(self.links) do
        if link.connection then link.connection:answer_own(token) end
      end
    end)
    drain(self, token, deadline)
  end
  local open, all_closed = 0, {}
  local function one_closed()
    open = open - 1
    if open > 0 then return end
    self:finish("closed by the user", "closed")
    if token then task.wake_for(token, all_closed) end
  end
  for _, link in ipairs(self.links) do
    local conn = link.connection
    if conn then
      open = open + 1
      conn.on_closed = function(reason)
        link.connection, link.before = nil, conn
        self:link_down(link, reason)
        one_closed()
      end
    end
  end
  for _, link in ipairs(self.links) do
    if link.connection then link.connection:leave(math.max(0, deadline - self.loop:now())) end
  end
  if open == 0 then
    self:finish("closed by the user", "closed")
  elseif token then
    local timer = self.loop:timer(function()
      for _, link in ipairs(self.links) do
        if link.connection then link.connection:close() end
      end
    end)
    timer:start(math.max(0, deadline - self.loop:now()) + GOODBYE_S)
    wait(all_closed)
    timer:close()
  end
  return self.left
end

Client.close = task.waits(Client.close, function(self) return self.sink end)

-- ---- requests ----

for _, command in ipairs(commands.requests) do
  local id, takes_defaults = command.id, command.roles.defaults
  --- Every request an ESME sends, by its name: esme:submit_sm{ ... } -> response | nil, message, code.
  ---@async
  Client[command.name] = function(self, fields, timeout_s, callback)
    local defaults = self.options.defaults
    if defaults and type(fields) ~= "userdata" and takes_defaults then fields = options.merge(defaults, fields) end
    return self:request(id, fields or {}, timeout_s, callback)
  end
end

-- The window does not count these, and nothing queues them.
for _, name in ipairs { "enquire_link", "unbind" } do
  Client[name] = task.waits(function(self, ...)
    if not self.connection then return nil, "not bound", "closed" end
    return self.connection[name](self.connection, ...)
  end, function(self) return self.sink end)
end

--- Sends one message: text of any length and alphabet, or octets.  docs/client.md lists the fields.
---@async
---@param message table  { from, to, text | data, receipt, flash, encoding, long, validity_s, at, ... } or submit_sm's own
---@param callback? fun(sent: smpp.Sent?, message: string?, code: string?)  called instead of waiting; then false is returned when the queue is full
---@return smpp.Sent? sent  { message_id, message_ids, parts }
---@return string? message
---@return string? code
---@return smpp.Sent? partial  the parts that went before one was refused
function Client:send(message, callback)
  if type(message) ~= "table" then error("send{ from =, to =, text = } expected", 2) end
  return self.sender:send(message, callback, 3)
end

--- Sends many messages, keeping the window full.
---@async
---@param items fun(): table?  an iterator, or a list of messages
---@param fn? fun(message: table, sent: smpp.Sent?, err: string?, code: string?)  called for each when it is done
---@return { sent: integer, failed: integer, codes: table<string, integer> } counts
function Client:send_all(items, fn)
  local counts = { sent = 0, failed = 0, codes = {} }
  run.each(items, self:capacity(), function(message)
    local sent, err, code = self:send(message)
    if sent then
      counts.sent = counts.sent + 1
    else
      counts.failed = counts.failed + 1
      counts.codes[code] = (counts.codes[code] or 0) + 1
    end
    if fn then fn(message, sent, err, code) end
  end)
  return counts
end

local on = Client.on
--- Adds a listener; see `smpp.base.events`.
---@param name string
---@param fn fun(...)
---@return table self
function Client:on(name, fn)
  on(self, name, fn)
  if name == "message" or name == "receipt" then self.inbox:listening(name) end
  if name == "pdu" and #self.listeners.pdu == 1 then
    for _, link in ipairs(self.links) do
      if link.connection then link.connection:on("pdu", function(...) self:emit("pdu", ...) end) end
    end
  end
  return self
end

--- Counters, latencies and what waits, of all binds together, and of each in `links`.
---@return table stats  requests, answered, refused, statuses, unknown, not_sent, retried, received, binds, latency { count,
---  sum_s, max_s, buckets, p50_s, p90_s, p99_s }, queued, in_flight, window, state, bound, links
function Client:stats()
  local total, list = stats.new(), {}
  local queued, in_flight, bound, window, now = self:waiting() + #self.resting, 0, 0, 0, self.loop:now()
  total:add(self.counters)
  for i, link in ipairs(self.links) do
    local conn, each = link.connection, link.counters:snapshot()
    total:add(link.counters)
    each.bind, each.bound, each.host = link.bind, conn ~= nil, (conn or link.before or {}).host
    each.in_flight, each.window = conn and conn.core:in_flight() or 0, conn and conn.window or 0
    each.paused_s = math.max(0, link.resume_at - now)
    list[i] = each
    bound, in_flight, window = bound + (conn and 1 or 0), in_flight + each.in_flight, window + (link.sends and each.window or 0)
  end
  local snapshot = total:snapshot()
  snapshot.queued, snapshot.in_flight, snapshot.bound, snapshot.window = queued, in_flight, bound, window
  snapshot.state, snapshot.links = self.state, list
  return snapshot
end

-- ---- constructors ----

local function connect(self)
  local ok, message, code = self:first_attempts()
  if not ok and self:fall_back(code) then ok, message, code = self:first_attempts() end
  local row = explain.status(code or "")
  local hopeless = row and row.bind == "give_up" or code == "closed" or not self.options.reconnect
  if not ok and (not self.options.wait or hopeless) then
    if self.state ~= "closing" then self:abandon(message, code) end
    return nil, message, code
  end
  if not ok then
    self:emit("error", message)
    self:set_state("waiting", message)
  end
  for _, link in ipairs(self.links) do
    if self.options.reconnect then link:keep(code) elseif not link.connection then link:stop() end
  end
  if ok then return self end
  local token, waits = need(2), true
  self:on("state", function(state)
    if waits and (state == "bound" or state == "closed") then task.wake_for(token, self) end
  end)
  wait(self)
  waits = false
  if self.state == "closed" then return nil, self.last_error[1], self.last_error[2] end
  return self
end

local function open(o, callback)
  if not callback then need(3) end
  local self = new(o)
  run.opened(self, callback ~= nil)
  self:hold_loop(true)
  if not callback then return connect(self) end
  task.start(self.sink, function() callback(connect(self)) end)
end

--- Connects to an MC and binds; keeps the session until `close()`.
---@async
---@param given string|table  a URL, or { url, option = value ... }
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "connection_lost", or the status that refused the bind
function client.connect(given, callback) return open(settings.read(given, 2), callback) end

--- Several binds that act as one: requests go to the one with the least outstanding, receipts come on any.
---@async
---@param given table  as connect; `binds` (default one per host): how many; each keeps to a host of its own
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme
---@return string? message
---@return string? code
function client.pool(given, callback)
  local o = settings.read(given, 2)
  o.binds = o.binds or #o.hosts
  o.pinned = o.binds >= #o.hosts
  return open(o, callback)
end

--- Waits for MCs that call (outbind) and binds to each that you take.
---@param given table  options of connect without hosts, plus host ("127.0.0.1"), port (2775), and
---  `outbind = function(pdu, session)`: true takes the MC, anything else closes the connection: what binds sends
---  the password; `bound = function(esme)`: called for each bound client
---@return smpp.OutbindListener? listener  { host, port, clients, close() }
---@return string? message
---@return string? code  "connect_failed"
function client.listen_outbind(given)
  local o = settings.read(options.merge({ host = "127.0.0.1", bind = "rx" }, given), 2)
  if not o.outbind then error("outbind: a function that says which MCs to trust expected", 2) end
  if o.bind == "tx+rx" then error('bind = "tx+rx": an outbind is for one bind', 2) end
  o.reconnect = false
  return outbind.listen(o, given.port or 2775, function()
    local esme = new(options.merge(o))
    run.opened(esme, true)
    esme:hold_loop(true)
    return esme
  end)
end

--- Connects without binding: requests in any state; with `unchecked = true` also those that the state forbids.
---@async
---@param given string|table
---@param callback? fun(session: smpp.Connection?, message: string?, code: string?)
---@return smpp.Connection? session
---@return string? message
---@return string? code
function client.open(given, callback)
  local o = settings.read(given, 2)
  if callback then
    task.start(nil, function() callback(client.open(given)) end)
    return
  end
  need(2)
  o.bind = false
  local conn, message, code
  for _, host in ipairs(o.hosts) do
    conn, message, code = dialer.open(o, host, { prepare = function(spec)
      spec.handlers, spec.pdu_first = { [commands.ids.deliver_sm] = o.deliver_sm, [commands.ids.data_sm] = o.data_sm }, true
      return spec
    end })
    if conn then break end
  end
  if not conn then return nil, message, code end
  conn.options, conn.has_handlers = o, o.deliver_sm ~= nil or o.data_sm ~= nil
  run.opened(conn)
  conn.on_closed = function() run.closed(conn) end
  return conn
end

return client
