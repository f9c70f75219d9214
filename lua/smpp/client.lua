--- An ESME that stays bound: connects, binds, queues, reconnects.
local connection = require "smpp.connection"
local dialer = require "smpp.dialer"
local events = require "smpp.events"
local explain = require "smpp.explain"
local inbox = require "smpp.inbox"
local loops = require "smpp.loop"
local options = require "smpp.options"
local profiles = require "smpp.profile"
local pdus = require "smpp.pdu"
local queues = require "smpp.queue"
local run = require "smpp.run"
local sender = require "smpp.sender"
local task = require "smpp.task"
local url = require "smpp.url"

---@class smpp.Client
---@field state "connecting"|"bound"|"waiting"|"closing"|"closed"
---@field system_id string
local Client = {}
local mt = { __index = Client, __name = "smpp.Client" }

events.mixin(Client, { "state", "message", "receipt", "alert_notification", "incomplete", "pdu", "error", "drain" })

local client = { class = Client }

local seconds, whole = options.seconds, options.number(1, math.huge, true)
local function version(value)
  return not dialer.version(value) and ("3.3, 3.4 or 5.0 expected, got %s"):format(tostring(value)) or nil
end

local KNOWN = options.merge({
  url = "string", host = "string", port = options.number(0, 65535, true), hosts = "table", system_id = "string",
  password = "string", system_type = "string", bind = options.one_of("trx", "tx", "rx"), version = version,
  addr_ton = "number|string", addr_npi = "number|string", address_range = "string",
  window = options.number(1, 65535, true), queue_limit = whole, first_sequence = whole, max_unanswered = whole,
  enquire_link_s = seconds, enquire_link_response_s = seconds, response_timeout_s = seconds, bind_timeout_s = seconds,
  connect_timeout_s = seconds, answer_timeout_s = seconds, inactivity_s = seconds, pdu_read_s = seconds,
  max_pdu_octets = whole, tls = "boolean|table", profile = "string|table", wait = "boolean", unchecked = "boolean",
  require_sc_version = "boolean", reconnect = "boolean|table", tolerate = "table", tlvs = "table", loop = "table",
  message = "function", receipt = "function", deliver_sm = "function", data_sm = "function",
  pdu = "function",
}, sender.options, inbox.options)

local BACKOFF = { min_s = seconds, max_s = seconds, stable_s = seconds, fixed_s = seconds, jitter = options.number(0, 1) }

--- Reads what the user gave: a URL, or a table with a URL in it, or a table.
local function settings(given, level)
  if type(given) == "string" then given = { given } end
  options.check(given, KNOWN, level + 1)
  local o = options.merge(given)
  local text = given[1] or given.url
  o[1] = nil
  if text then
    if type(text) ~= "string" then error("a URL expected, got " .. type(text), level + 1) end
    local parsed, message = url.parse(text)
    if not parsed then error(message, level + 1) end
    options.check(parsed.options, KNOWN, level + 1)
    o = options.merge({ system_id = parsed.system_id, password = parsed.password, hosts = parsed.hosts, tls = parsed.tls },
      parsed.options, o)
  end
  if o.host then o.hosts = { { host = o.host, port = o.port or (o.tls and 8775 or 2775) } } end
  if not o.hosts or #o.hosts == 0 then error("no host: give a URL, host = or hosts =", level + 1) end
  for i, host in ipairs(o.hosts) do
    if type(host) == "string" then
      local parsed, message = url.parse("smpp://" .. host)
      if not parsed then error(message, level + 1) end
      o.hosts[i] = parsed.hosts[1]
    end
  end
  o = options.merge(profiles.options(o.profile, level + 1), o)
  o.version = dialer.version(o.version)
  o.bind = o.bind or "trx"
  o.bind_timeout_s = o.bind_timeout_s or 10
  o.queue_limit = o.queue_limit or 1000
  o.loop = o.loop or loops.current()
  if o.reconnect == nil or o.reconnect == true then o.reconnect = {} end
  if o.reconnect then options.check(o.reconnect, BACKOFF, level + 1) end
  if o.tlvs then o.codec = pdus.new_codec(o.tlvs) end
  return o
end

function mt:__tostring() return ("esme %s %s"):format(self.options.system_id or "", self.state) end

--- Handlers of a connection: what an MC sends.
local function incoming(self)
  local o = self.options
  local function deliver(pdu) return self.inbox:deliver(pdu) end
  return {
    [0x05] = o.deliver_sm or deliver,
    [0x103] = o.data_sm or o.deliver_sm and function(pdu, esme) return o.deliver_sm(pdu, esme) end or deliver,
    [0x102] = function(pdu) self:emit("alert_notification", pdu) end,
  }
end

local function new(o)
  local self = setmetatable({
    options = o,
    loop = o.loop,
    system_id = o.system_id,
    state = "connecting",
    connection = nil,           -- the bound one
    host_index = 0,             -- of the host tried last
    queue = queues.new(),       -- requests that wait for the window or for a bind
    refused_full = false,       -- a callback was told that the queue is full: `drain` is owed
    keeper = nil,               -- the task that reconnects
    nap = nil,                  -- ends its sleep
    held = false,               -- keeps the loop alive while there is no socket
    failures = {},              -- what did not make it, for close()
    listeners = {},
    has_handlers = (o.message or o.receipt or o.deliver_sm or o.data_sm) ~= nil,
  }, mt)
  self.inbox = inbox.new(self)
  self.sender = sender.new(self)
  self.sink = function(trace) self:emit("error", trace) end
  return self
end

function Client:set_state(state, reason)
  if self.state == state then return end
  local from = self.state
  self.state = state
  self:hold_loop(state == "waiting" or state == "connecting")
  self:emit("state", state, from, reason)
end

function Client:hold_loop(hold)
  if hold == self.held then return end
  self.held = hold
  if hold then self.loop:hold() else self.loop:release() end
end

--- Tries the hosts in turn, beginning after the one tried last; at most one socket at a time.
function Client:attempt()
  local o, message, code = self.options, nil, nil
  for _ = 1, #o.hosts do
    self.host_index = self.host_index % #o.hosts + 1
    local conn
    conn, message, code = dialer.open(o, o.hosts[self.host_index], function(c)
      c.handlers, c.target, c.pdu_first = incoming(self), self, true
      c.unhandled = nil
      return c
    end)
    if conn then
      if self.state == "closing" or self.state == "closed" then
        conn:close()
        return nil, "closed", "closed"
      end
      return self:adopt(conn)
    end
    if self.state == "closing" or self.state == "closed" then return nil, "closed", "closed" end
    local row = explain.status(code or "")
    if row and row.bind == "give_up" then break end
  end
  return nil, message, code
end

function Client:adopt(conn)
  self.connection = conn
  self.host_index = self.host_index - 1 -- the next attempt begins with this host
  self.bound_at = self.loop:now()
  conn.on_window = function() self:pump() end
  conn.on_closed = function(reason) self:lost(conn, reason) end
  conn.listeners.error = { function(message) self:emit("error", message) end }
  if events.heard(self, "pdu") then conn:on("pdu", function(...) self:emit("pdu", ...) end) end
  if conn.closed then
    self:lost(conn, conn.end_reason)
    return nil, conn.end_reason, "connection_lost"
  end
  self:set_state("bound", conn.host)
  self:pump()
  return conn
end

function Client:lost(conn, reason)
  if self.connection ~= conn then return end
  self.connection = nil
  if self.state == "closing" or self.state == "closed" then
    if self.closer then task.wake_for(self.closer, self) end
    return
  end
  if not self.options.reconnect then
    return self:give_up(reason, "connection_lost")
  end
  self:set_state("waiting", reason)
  if self.keeper then
    task.wake_for(self.keeper, self)
  else
    self.keeper = task.start(self.sink, function() self:keep() end)
  end
end

--- Seconds until the n-th attempt: doubling from min_s to max_s, with jitter.
local function backoff_s(self, n)
  local r = self.options.reconnect
  if r.fixed_s then return r.fixed_s end
  local s = math.min(r.max_s or 60, (r.min_s or 1) * 2 ^ math.min(n - 1, 30))
  return s * (1 - (r.jitter or 0.5) * self.loop:random())
end

--- The task that binds again, for as long as the user wants it.
function Client:keep()
  local failures = 0
  while self.state ~= "closing" and self.state ~= "closed" do
    if self.connection then
      task.wait(self)
      local stable_s = self.options.reconnect.stable_s or 60
      if self.bound_at and self.loop:now() - self.bound_at >= stable_s then failures = 0 end
    else
      failures = failures + 1
      self.nap = self.loop:timer(function() task.wake_for(self.keeper, self) end, true)
      self.nap:start(backoff_s(self, failures))
      task.wait(self)
      self.nap:close()
      self.nap = nil
      if self.state == "closing" or self.state == "closed" then break end
      self:set_state("connecting", nil)
      local conn, message, code = self:attempt()
      if not conn and self.state ~= "closing" and self.state ~= "closed" and not self.connection then
        local row = explain.status(code or "")
        if row and row.bind == "give_up" then return self:give_up(message, code) end
        self:set_state("waiting", message)
      end
    end
  end
end

--- No more attempts: everything that waits is told.
function Client:give_up(message, code)
  self:set_state("closed", message)
  self:emit("error", message)
  self:end_all(message, code)
end

function Client:end_all(message, code)
  if code == "connection_lost" then code = "closed" end
  local entry = self.queue:take()
  while entry do
    self.failures[#self.failures + 1] = { command_id = entry.id, fields = entry.fields, code = "not_sent" }
    self:give(entry.waiter, nil, message or "closed before it was sent", "not_sent")
    entry = self.queue:take()
  end
  self.sender:close()
  self.inbox:close()
  self.last_error = { message, code }
  run.closed(self)
end

function Client:give(waiter, ...)
  if type(waiter) == "function" then
    task.start(self.sink, waiter, ...)
  elseif waiter then
    task.wake(waiter, ...)
  end
end

-- ---- requests ----

--- Sends what waits, as far as the window allows.
function Client:pump()
  local conn, queue = self.connection, self.queue
  while conn and queue.count > 0 do
    local entry = queue:peek()
    if entry.cancelled then
      queue:take()
    else
      local cookie, message, code = conn:send(entry.id, entry.fields, entry.waiter)
      if not cookie and (code == "window_full" or code == "closed") then return end
      queue:take()
      if not cookie then self:give(entry.waiter, nil, message, code) end
    end
  end
  if self.refused_full and queue.count <= self.options.queue_limit / 2 then
    self.refused_full = false
    self:emit("drain")
  end
  if self.closer and queue.count == 0 then task.wake_for(self.closer, self) end
end

local function settle_queue_timeout(timer, ...)
  timer:close()
  return ...
end

--- Sends a request as soon as a bind and the window allow, and waits for its response.
---@async
---@param command_id integer
---@param fields table
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Client:request(command_id, fields, timeout_s, callback)
  if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
  local waiter = callback or task.need(3)
  local conn, queue = self.connection, self.queue
  if timeout_s and conn and queue.count == 0 then
    if conn.core:in_flight() < (self.options.window or 10) then return conn:request(command_id, fields, timeout_s, callback) end
  elseif conn and queue.count == 0 then
    local cookie, message, code = conn:send(command_id, fields, waiter)
    if cookie then
      if callback then return true end
      return task.wait()
    end
    if code ~= "window_full" and code ~= "closed" then
      if not callback then return nil, message, code end
      self:give(callback, nil, message, code)
      return false
    end
  end
  if self.state == "closing" or self.state == "closed" then
    local message = self.last_error and self.last_error[1] or "the client is closed"
    if not callback then return nil, message, "closed" end
    self:give(callback, nil, message, "closed")
    return false
  end
  if callback and queue.count >= self.options.queue_limit then
    self.refused_full = true
    self:give(callback, nil, ("the queue is full: %d requests wait"):format(queue.count), "queue_full")
    return false
  end
  local entry = queue:put { id = command_id, fields = fields, waiter = waiter, cancelled = false }
  if timeout_s then
    local timer
    timer = self.loop:timer(function()
      timer:close()
      if not entry.cancelled and entry.queued then
        entry.cancelled = true
        self:give(waiter, nil, "not sent in time", "not_sent")
      end
    end, true)
    timer:start(timeout_s)
    if not callback then return settle_queue_timeout(timer, task.wait()) end
  end
  if callback then return true end
  return task.wait()
end

for _, command in ipairs(connection.requests) do
  local id = command.id
  --- Every request an ESME sends, by its name: esme:submit_sm{ ... } -> response | nil, message, code.
  ---@async
  Client[command.name] = function(self, fields, timeout_s, callback)
    local defaults = self.options.defaults
    if defaults and (id == 0x04 or id == 0x21 or id == 0x103) then fields = options.merge(defaults, fields) end
    return self:request(id, fields or {}, timeout_s, callback)
  end
end

-- The window does not count these, and nothing queues them.
for _, name in ipairs { "enquire_link", "unbind" } do
  Client[name] = function(self, ...)
    if not self.connection then return nil, "not bound", "closed" end
    return self.connection[name](self.connection, ...)
  end
end

--- Sends one message: text of any length and alphabet, or octets.  docs/client.md lists the fields.
---@async
---@param message table  { from, to, text | data, receipt, flash, encoding, long, validity_s, at, ... } or submit_sm's own
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
  run.each(items, self.options.window or 10, function(message)
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
function Client:on(name, fn)
  on(self, name, fn)
  if name == "message" or name == "receipt" then self.inbox:listening(name) end
  if name == "pdu" and self.connection and #self.listeners.pdu == 1 then
    self.connection:on("pdu", function(...) self:emit("pdu", ...) end)
  end
  return self
end

--- Drains the queue and what is in flight, unbinds, closes; no reconnection any more.
---@async
---@param timeout_s? number  for draining, default 10
---@return { command: string, fields: table, code: string }[] left  what did not make it
function Client:close(timeout_s)
  if self.state == "closing" or self.state == "closed" then return {} end
  local deadline = self.loop:now() + (timeout_s or 10)
  local token = task.current()
  self:set_state("closing", "closed by the user")
  self.inbox:refuse_held()
  if self.nap then task.wake_for(self.keeper, self) end
  if token and self.connection and self.queue.count > 0 then
    self.closer = token
    local timer = self.loop:timer(function() task.wake_for(token, self) end, true)
    timer:start(timeout_s or 10)
    while self.connection and self.queue.count > 0 and self.loop:now() < deadline do task.wait(self) end
    timer:close()
    self.closer = nil
  end
  local conn = self.connection
  if conn then
    if token then
      conn:unbind(math.max(0, deadline - self.loop:now()))
    else
      conn.on_closed = function() self:closed_down() end
      conn:unbind(math.max(0, deadline - self.loop:now()))
      return self.failures
    end
  end
  self:closed_down()
  return self.failures
end

function Client:closed_down()
  if self.state == "closed" then return end
  self.connection = nil
  self:set_state("closed", "closed by the user")
  self:end_all("closed", "closed")
end

-- ---- constructors ----

local function started(self, conn, message, code)
  if conn then
    self.keeper = self.options.reconnect and task.start(self.sink, function()
      self.keeper = task.current()
      self:keep()
    end)
    return self
  end
  if self.options.wait and self.state ~= "closed" then
    local row = explain.status(code or "")
    if not (row and row.bind == "give_up") then
      self:emit("error", message)
      self:set_state("waiting", message)
      self.keeper = task.start(self.sink, function()
        self.keeper = task.current()
        self:keep()
      end)
      return nil
    end
  end
  self:set_state("closed", message)
  self:end_all(message, code)
  return false, message, code
end

--- Connects to an MC and binds; keeps the session until `close()`.
---@async
---@param given string|table  a URL, or { url, option = value ... }
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "connection_lost", or the status that refused the bind
function client.connect(given, callback)
  local o = settings(given, 2)
  if not callback then task.need(2) end
  local self = new(o)
  run.opened(self, callback ~= nil)
  self:hold_loop(true)
  local function connect()
    local ok, message, code = started(self, self:attempt())
    if ok == false then return nil, message, code end
    while ok == nil and self.state ~= "bound" and self.state ~= "closed" do -- wait = true
      local token = task.current()
      self:on("state", function(state)
        if state == "bound" or state == "closed" then task.wake_for(token, o) end
      end)
      task.wait(o)
    end
    if self.state == "closed" then return nil, self.last_error[1], self.last_error[2] end
    return self
  end
  if not callback then return connect() end
  task.start(self.sink, function() callback(connect()) end)
end

--- Connects without binding: requests in any state; with `unchecked = true` also those that the state forbids.
---@async
---@param given string|table
---@return smpp.Connection? session
---@return string? message
---@return string? code
function client.open(given)
  local o = settings(given, 2)
  task.need(2)
  o.bind = false
  local conn, message, code
  for _, host in ipairs(o.hosts) do
    conn, message, code = dialer.open(o, host, function(c)
      c.handlers, c.pdu_first = { [0x05] = o.deliver_sm, [0x103] = o.data_sm }, true
      return c
    end)
    if conn then break end
  end
  if not conn then return nil, message, code end
  conn.options, conn.has_handlers = o, o.deliver_sm ~= nil or o.data_sm ~= nil
  run.opened(conn)
  conn.on_closed = function() run.closed(conn) end
  return conn
end

return client
