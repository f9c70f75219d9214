--- An ESME that stays bound: connects, binds, queues, reconnects.
local connection = require "smpp.connection"
local dialer = require "smpp.dialer"
local events = require "smpp.events"
local explain = require "smpp.explain"
local inbox = require "smpp.inbox"
local links = require "smpp.link"
local logs = require "smpp.log"
local loops = require "smpp.loop"
local options = require "smpp.options"
local profiles = require "smpp.profile"
local pdus = require "smpp.pdu"
local queues = require "smpp.queue"
local run = require "smpp.run"
local sender = require "smpp.sender"
local stats = require "smpp.stats"
local task = require "smpp.task"
local throttles = require "smpp.throttle"
local url = require "smpp.url"
local windows = require "smpp.window"

local need, wait = task.need, task.wait

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
  password = "string", system_type = "string", bind = options.one_of("trx", "tx", "rx", "tx+rx"), fallback = "boolean", version = version,
  addr_ton = "number|string", addr_npi = "number|string", address_range = "string",
  window = options.number(1, 65535, true), queue_limit = whole, first_sequence = whole, max_unanswered = whole,
  enquire_link_s = seconds, enquire_link_response_s = seconds, response_timeout_s = seconds, bind_timeout_s = seconds,
  connect_timeout_s = seconds, answer_timeout_s = seconds, inactivity_s = seconds, pdu_read_s = seconds,
  max_pdu_octets = whole, tls = "boolean|table", profile = "string|table", wait = "boolean", unchecked = "boolean",
  require_sc_version = "boolean", reconnect = "boolean|table", tolerate = "table", tlvs = "table", loop = "table",
  binds = whole, order = options.one_of("destination", "none"), rate_per_s = options.number(1e-3, math.huge),
  burst = options.number(1, math.huge), adaptive = "boolean|table", retry = "boolean|table", log = "boolean|string|table|function",
  on_unknown = function(value)
    if value == "report" or value == "resend" or type(value) == "function" then return nil end
    return '"report", "resend" or a function expected'
  end,
  outbind = "function", bound = "function",
  message = "function", receipt = "function", deliver_sm = "function", data_sm = "function",
  pdu = "function",
}, sender.options, inbox.options)

local COMMAND_NAMES = {}
for _, command in ipairs(connection.requests) do COMMAND_NAMES[command.id] = command.name end

local RETRY = { attempts = whole, age_s = seconds }
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
  if o.retry == nil or o.retry == true then o.retry = {} end
  if o.retry then options.check(o.retry, RETRY, level + 1) end
  if o.on_unknown == "report" then o.on_unknown = nil end
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
    [0x103] = o.data_sm or o.deliver_sm or deliver,
    [0x102] = function(pdu) self:emit("alert_notification", pdu) end,
  }
end

--- The binds that `bind` and `binds` ask for; those of a pool each prefer a host of their own.
local function links_of(self)
  local o, list = self.options, {}
  for n = 1, o.binds or 1 do
    local hosts = {}
    for i = 1, #o.hosts do hosts[i] = o.hosts[(n + i - 2) % #o.hosts + 1] end
    if o.pinned then hosts = { hosts[1] } end
    for _, bind in ipairs(o.bind == "tx+rx" and { "tx", "rx" } or { o.bind }) do list[#list + 1] = links.new(self, bind, hosts) end
  end
  return list
end

local function new(o)
  local self = setmetatable({
    options = o,
    loop = o.loop,
    system_id = o.system_id,
    state = "connecting",
    links = {},
    connection = nil,           -- a bound one, for what needs any
    direct = nil,               -- the one that requests go to without being chosen: one bind, no rate, no pause
    turn = 0,                   -- of the links, for ties
    queue = queues.new(),       -- requests that wait for a bind, the window, the rate or the end of a pause
    throttle = o.rate_per_s and throttles.new(o.rate_per_s, o.burst, o.loop:now()) or nil,
    adaptive = o.adaptive and windows.new(type(o.adaptive) == "table" and o.adaptive or { max = o.window }) or nil,
    counters = stats.new(),
    refused_full = false,       -- a callback was told that the queue is full: `drain` is owed
    timer = nil,                -- wakes the queue after a pause
    held = false,               -- keeps the loop alive while there is no socket
    failures = {},              -- what did not make it, for close()
    listeners = {},
    has_handlers = (o.message or o.receipt or o.deliver_sm or o.data_sm) ~= nil,
  }, mt)
  self.sink = function(trace) self:emit("error", trace) end
  self.write_log = logs.writer(o.log, o.loop)
  self.timer = o.loop:timer(function() self:pump() end)
  self.inbox = inbox.new(self)
  self.sender = sender.new(self)
  self.links = links_of(self)
  return self
end

--- Writes one line to the log, if there is one.
---@param level "debug"|"info"|"warn"|"error"
function Client:log(level, event, fields)
  if self.write_log then self.write_log(level, event, options.merge({ system_id = self.system_id }, fields)) end
end

-- ---- binds ----

function Client:set_state(state, reason)
  if self.state == state then return end
  local from = self.state
  self.state = state
  self:hold_loop(state == "waiting" or state == "connecting")
  self:log(state == "waiting" and "warn" or "info", state, { from = from, reason = reason })
  self:emit("state", state, from, reason)
end

function Client:hold_loop(hold)
  if hold == self.held then return end
  self.held = hold
  if hold then self.loop:hold() else self.loop:release() end
end

--- What this client adds to a connection that is being made.
function Client:prepare(c)
  c.handlers, c.target, c.pdu_first, c.stats = incoming(self), self, true, self.counters
  return c
end

--- Bound, as far as it takes: something to send with if any link sends, something to receive with if any receives.
local function is_bound(self)
  local sends, receives, can_send, can_receive = false, false, false, false
  for _, link in ipairs(self.links) do
    sends, receives = sends or link.sends, receives or link.receives
    if link.connection then can_send, can_receive = can_send or link.sends, can_receive or link.receives end
  end
  return (can_send or not sends) and (can_receive or not receives)
end

--- Chooses anew what requests go to.
function Client:refresh()
  self.connection, self.direct = nil, nil
  local senders = 0
  for _, link in ipairs(self.links) do
    if link.connection then
      if link.sends or not self.connection then self.connection = link.connection end
      if link.sends then
        senders = senders + 1
        self.direct = link.connection
      end
    end
  end
  if senders ~= 1 or #self.links > 2 or self.throttle then self.direct = nil end
end

function Client:link_up(link, conn)
  self.counters.binds = self.counters.binds + 1
  conn.link = link
  conn.on_window = function() self:pump() end
  conn.listeners.error = { function(message) self:emit("error", message) end }
  if self.adaptive then
    conn.core:set_window(self.adaptive.size)
    conn.observe = function(latency_s, pdu) self:observe(conn, latency_s, pdu) end
  end
  if events.heard(self, "pdu") then conn:on("pdu", function(...) self:emit("pdu", ...) end) end
  self:log("info", "bound", { host = conn.host, bind = link.bind, version = ("%X"):format(conn.version), mc = conn.mc_system_id })
  self:refresh()
  if is_bound(self) then self:set_state("bound", conn.host) end
  self:pump()
end

function Client:link_down(link, reason)
  self:refresh()
  self:log("warn", "lost", { bind = link.bind, reason = reason })
  if self.state == "closing" or self.state == "closed" then
    if self.closer then task.wake_for(self.closer, self) end
    return
  end
  if not self.options.reconnect then
    link.stopped = true
    return self:link_gave_up(link, reason, "connection_lost")
  end
  if not is_bound(self) then self:set_state("waiting", reason) end
end

function Client:link_dialing()
  if self.state == "waiting" then self:set_state("connecting") end
end

function Client:link_failed(link, message, code)
  self:log("warn", "bind_failed", { bind = link.bind, reason = message, code = code })
  if not is_bound(self) then self:set_state("waiting", message) end
end

--- A link is no use any more; when none is left, everything that waits is told.
function Client:link_gave_up(link, message, code)
  self:log("error", "gave_up", { bind = link.bind, reason = message, code = code })
  self:emit("error", message)
  local useful = false
  for _, other in ipairs(self.links) do useful = useful or not other.stopped end
  if useful and self.options.bind ~= "tx+rx" then return end
  for _, other in ipairs(self.links) do
    other:stop()
    if other.connection then other.connection:close() end
  end
  self:set_state("closed", message)
  self:end_all(message, code)
end

function Client:end_all(message, code)
  if code == "connection_lost" then code = "closed" end
  local entry = self.queue:take()
  while entry do
    if not entry.cancelled then
      self.failures[#self.failures + 1] = { command = COMMAND_NAMES[entry.id], fields = entry.fields, code = "not_sent" }
      self:give(entry.waiter, nil, message or "closed before it was sent", "not_sent")
    end
    entry = self.queue:take()
  end
  self.sender:close()
  self.inbox:close()
  self.timer:close()
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

local function hash(text)
  local h = 5381
  for i = 1, #text do h = (h * 33 + text:byte(i)) % 4294967296 end
  return h
end

--- The link for a request now: that of its destination where order is kept, else the one with the least outstanding.
---@return smpp.Link? link
---@return number? wait_s  when every bound one is pausing
function Client:choose(fields, now)
  local best, least, wait_s = nil, math.huge, nil
  local n = #self.links
  local first = self.options.order == "destination" and hash(fields.destination_addr or "") or self.turn
  for i = 1, n do
    local link = self.links[(first + i - 1) % n + 1]
    local conn = link.sends and link.connection
    if conn then
      if now < link.resume_at then
        wait_s = math.min(wait_s or math.huge, link.resume_at - now)
        if self.options.order == "destination" then return nil, wait_s end
      else
        local in_flight = conn.core:in_flight()
        if self.options.order == "destination" then return link end
        if in_flight < least then best, least = link, in_flight end
      end
    end
  end
  self.turn = (self.turn + 1) % n
  return best, wait_s
end

--- Sends what waits, as far as binds, windows, rate and pauses allow.
function Client:pump()
  local queue = self.queue
  while queue.count > 0 do
    local entry = queue:peek()
    if entry.cancelled then
      queue:take()
    else
      local now = self.loop:now()
      local link, wait_s = self:choose(entry.fields, now)
      if not link then
        if wait_s then self.timer:start(wait_s) end
        break
      end
      wait_s = self.throttle and self.throttle:take(now) or 0
      if wait_s > 0 then
        self.timer:start(wait_s)
        break
      end
      local cookie, message, code = link.connection:send(entry.id, entry.fields, entry.waiter)
      if not cookie and (code == "window_full" or code == "closed") then
        if self.throttle then self.throttle:give_back() end
        break
      end
      queue:take()
      entry.link = link
      if not cookie then
        if type(entry.waiter) == "thread" and not task.is_waiting(entry.waiter) then
          entry.failed = { message, code } -- its task is still in enqueue()
        else
          self:give(entry.waiter, nil, message, code)
        end
      end
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

--- Puts a request into the queue; false, message, code: it cannot be sent.
function Client:enqueue(entry)
  if self.state == "closing" or self.state == "closed" then
    return false, self.last_error and self.last_error[1] or "the client is closed", "closed"
  end
  self.queue:put(entry)
  if self.queue:peek() == entry then
    self:pump()
    if entry.failed then return false, entry.failed[1], entry.failed[2] end
  end
  return true
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
  local waiter = callback or need(3)
  local conn, queue = self.direct, self.queue
  if conn and queue.count == 0 and conn.link.resume_at == 0 then
    if not timeout_s then
      local cookie, message, code = conn:send(command_id, fields, waiter)
      if cookie then
        if callback then return true end
        if not self.options.on_unknown then return wait() end
        return self:resolve({ id = command_id, fields = fields, waiter = waiter, serial = queue:ticket() }, wait())
      end
      if code ~= "window_full" and code ~= "closed" then
        if not callback then return nil, message, code end
        self:give(callback, nil, message, code)
        return false
      end
    elseif conn.core:in_flight() < conn.window then
      return conn:request(command_id, fields, timeout_s, callback)
    end
  end
  if callback and queue.count >= self.options.queue_limit then
    self.refused_full = true
    self:give(callback, nil, ("the queue is full: %d requests wait"):format(queue.count), "queue_full")
    return false
  end
  local entry = { id = command_id, fields = fields, waiter = waiter, cancelled = false }
  local ok, message, code = self:enqueue(entry)
  if not ok then
    if not callback then return nil, message, code end
    self:give(callback, nil, message, code)
    return false
  end
  if timeout_s then
    local timer
    timer = self.loop:timer(function()
      timer:close()
      if entry.queued and not entry.cancelled then
        entry.cancelled = true
        self:give(waiter, nil, "not sent in time", "not_sent")
      end
    end, true)
    timer:start(timeout_s)
    if not callback then return settle_queue_timeout(timer, wait()) end
  end
  if callback then return true end
  if not self.options.on_unknown then return wait() end
  return self:resolve(entry, wait())
end

--- What the user wants done with a request of unknown outcome.
local function wants_resend(self, entry, code)
  local policy = self.options.on_unknown
  if policy == "resend" then return true end
  return type(policy) == "function" and policy(entry.fields, code) == true
end

--- A response, or the next attempt where policies ask for one.
---@async
function Client:resolve(entry, response, message, code, refused)
  if response then return response end
  if (code == "connection_lost" or code == "timeout") and wants_resend(self, entry, code) then
    return self:again(entry, message, code)
  end
  return nil, message, code, refused
end

--- Sends an entry once more, in its old place.
---@async
function Client:again(entry, message, code)
  self.counters.retried = self.counters.retried + 1
  entry.waiter = need(2)
  local ok = self:enqueue(entry)
  if not ok then return nil, message, code end
  return self:resolve(entry, wait())
end

--- A submission of `esme:send`: throttled and temporary refusals are tried again, in order, up to a count and an age.
---@async
---@param fields table
---@param lane? integer
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
function Client:submit(fields, lane)
  local retry = self.options.retry
  local entry = { id = 0x04, fields = fields, lane = lane, serial = self.queue:ticket(), cancelled = false }
  local started, attempts = self.loop:now(), 0
  while true do
    attempts = attempts + 1
    entry.waiter = need(2)
    local ok, message, code, refused = self:enqueue(entry)
    local response
    if ok then
      response, message, code, refused = self:resolve(entry, wait())
      if response then
        if entry.link then entry.link:calm() end
        return response
      end
    end
    local row = retry and explain.status(code or "")
    local class = row and row.class
    if class ~= "throttle" and class ~= "temporary" then return nil, message, code, refused end
    local pause_s = entry.link and entry.link:pause() or 1
    self:log("warn", "throttled", { code = code, pause_s = pause_s })
    if attempts >= (retry.attempts or 4) or self.loop:now() + pause_s - started > (retry.age_s or 60) then
      return nil, message, code, refused
    end
    self.counters.retried = self.counters.retried + 1
  end
end

--- Takes note of a response, for the adaptive window.
function Client:observe(conn, latency_s, pdu)
  local now = self.loop:now()
  local status = pdu.command_status
  local congestion = conn.version >= 0x50 and pdu.congestion_state or 0
  local is_congested = status == 0x58 or status == 0x14 or congestion >= 90 and congestion <= 100
  local size = is_congested and self.adaptive:congested(now) or not is_congested and self.adaptive:answered_in(latency_s, now)
  if not size then return end
  for _, link in ipairs(self.links) do
    if link.connection then link.connection.core:set_window(size) end
  end
end

for _, command in ipairs(connection.requests) do
  local id = command.id
  --- Every request an ESME sends, by its name: esme:submit_sm{ ... } -> response | nil, message, code.
  ---@async
  Client[command.name] = function(self, fields, timeout_s, callback)
    local defaults = self.options.defaults
    if defaults and type(fields) ~= "userdata" and (id == 0x04 or id == 0x21 or id == 0x103) then fields = options.merge(defaults, fields) end
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
--- Adds a listener; it runs as a task.  docs/client.md lists the events.
---@param name "state"|"message"|"receipt"|"alert_notification"|"incomplete"|"pdu"|"error"|"drain"
---@param fn fun(...)
---@return smpp.Client self
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

--- Counters, latencies and what waits, of all binds together.
---@return table stats  requests, answered, refused, statuses, unknown, retried, received, binds, latency { count, sum_s,
---  max_s, buckets, p50_s, p90_s, p99_s }, queued, in_flight, window, state, bound
function Client:stats()
  local snapshot = self.counters:snapshot()
  snapshot.queued, snapshot.in_flight, snapshot.bound, snapshot.state = self.queue.count, 0, 0, self.state
  snapshot.window = self.adaptive and self.adaptive.size or self.options.window or 10
  for _, link in ipairs(self.links) do
    if link.connection then
      snapshot.bound = snapshot.bound + 1
      snapshot.in_flight = snapshot.in_flight + link.connection.core:in_flight()
    end
  end
  return snapshot
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
  for _, link in ipairs(self.links) do link:stop() end
  if token and self.connection and self.queue.count > 0 then
    self.closer = token
    local timer = self.loop:timer(function() task.wake_for(token, self) end, true)
    timer:start(timeout_s or 10)
    while self.connection and self.queue.count > 0 and self.loop:now() < deadline do wait(self) end
    timer:close()
    self.closer = nil
  end
  local open = 0
  for _, link in ipairs(self.links) do
    local conn = link.connection
    if conn then
      open = open + 1
      conn.on_closed = function()
        link.connection = nil
        open = open - 1
        if open > 0 then return end
        self:closed_down()
        if token then task.wake_for(token, link) end
        token = nil
      end
      conn:unbind(math.max(0, deadline - self.loop:now()), true)
      if token and link.connection == conn and not conn.closed then self.last_link = link end
    end
  end
  if open == 0 then
    self:closed_down()
  elseif token then
    for _, link in ipairs(self.links) do self.last_link = link.connection and link or self.last_link end
    wait(self.last_link)
  end
  return self.failures
end

function Client:closed_down()
  if self.state == "closed" then return end
  self:refresh()
  self:set_state("closed", "closed by the user")
  self:end_all("closed", "closed")
end

Client.close = task.waits(Client.close, function(self) return self.sink end)

-- ---- constructors ----

--- The first attempt of every link: enough bound, or why not.
local function first_attempts(self)
  local bound, message, code = 0, nil, nil
  for _, link in ipairs(self.links) do
    local conn, err, err_code = link:attempt()
    if conn then
      bound = bound + 1
    else
      message, code = message or err, code or err_code
      if self.options.bind == "tx+rx" then break end
    end
    if self.state == "closed" or self.state == "closing" then return false, "closed", "closed" end
  end
  if is_bound(self) then return true end
  return false, message, code
end

--- Asked for a transceiver that the MC does not have: a transmitter and a receiver instead.
local function fall_back(self, code)
  if not self.options.fallback or self.options.bind ~= "trx" or code ~= "ESME_RINVCMDID" then return false end
  self.options.bind = "tx+rx"
  self.links = links_of(self)
  self:log("warn", "fallback", { bind = "tx+rx", reason = "the MC has no transceivers" })
  return true
end

local function connect(self)
  local ok, message, code = first_attempts(self)
  if not ok and fall_back(self, code) then ok, message, code = first_attempts(self) end
  local row = explain.status(code or "")
  local hopeless = row and row.bind == "give_up" or code == "closed"
  if not ok and (not self.options.wait or hopeless) then
    for _, link in ipairs(self.links) do
      link:stop()
      if link.connection then link.connection:close() end
    end
    self:set_state("closed", message)
    if self.timer then self:end_all(message, code) end
    return nil, message, code
  end
  if not ok then
    self:emit("error", message)
    self:set_state("waiting", message)
  end
  if self.options.reconnect then
    for _, link in ipairs(self.links) do link:keep(code) end
  end
  if ok then return self end
  local token = need(2)
  self:on("state", function(state)
    if state == "bound" or state == "closed" then task.wake_for(token, connect) end
  end)
  wait(connect)
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
function client.connect(given, callback) return open(settings(given, 2), callback) end

--- Several binds that act as one: requests go to the one with the least outstanding, receipts come on any.
---@async
---@param given table  as connect; `binds` (default one per host): how many; each keeps to a host of its own
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme
---@return string? message
---@return string? code
function client.pool(given, callback)
  local o = settings(given, 2)
  o.binds = o.binds or #o.hosts
  o.pinned = o.binds >= #o.hosts
  return open(o, callback)
end

--- Waits for MCs that call (outbind) and binds to each that does.
---@param given table  options of connect without hosts, plus host ("127.0.0.1"), port, and
---  `outbind = function(pdu, session)`: true takes the MC, anything else closes the connection
---@return table? listener  { port, close() }
---@return string? message
---@return string? code  "connect_failed"
function client.listen_outbind(given)
  local o = settings(options.merge({ host = "127.0.0.1", bind = "rx" }, given), 2)
  o.reconnect = false
  local listener, message, code
  local self = { clients = {}, has_handlers = true }
  listener, message, code = o.loop:listen({ host = o.host, port = given.port or 2775 }, function(transport)
    local esme = new(options.merge(o))
    local link = esme.links[1]
    local conn
    local spec = esme:prepare(dialer.spec(link.options, transport))
    spec.session.session_init_s = o.bind_timeout_s
    spec.handlers[0x0B] = function(pdu)
      if o.outbind and o.outbind(pdu, conn) ~= true then return conn:close() end
      local bound, err = dialer.bind(link.options, conn)
      if not bound then return esme:emit("error", err) end
      self.clients[esme] = true
      esme.hold_loop(esme, true)
      link:adopt(conn)
      if o.bound then o.bound(esme) end
    end
    conn = connection.new(spec)
    conn.host = loops.address(transport.peer.host, transport.peer.port)
    conn:start()
  end)
  if not listener then return nil, message, code end
  self.host, self.port = listener.host, listener.port
  --- Stops listening and closes the sessions.
  function self.close()
    listener:close()
    for esme in pairs(self.clients) do esme:close() end
    run.closed(self)
  end
  run.opened(self)
  return self
end

--- Connects without binding: requests in any state; with `unchecked = true` also those that the state forbids.
---@async
---@param given string|table
---@param callback? fun(session: smpp.Connection?, message: string?, code: string?)
---@return smpp.Connection? session
---@return string? message
---@return string? code
function client.open(given, callback)
  local o = settings(given, 2)
  if callback then
    task.start(nil, function() callback(client.open(given)) end)
    return
  end
  need(2)
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
