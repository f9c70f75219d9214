--- An ESME that stays bound: its methods, connecting and closing.  Its parts have fields of their own: the pool of binds
--- (smpp.client.pool; one bind: smpp.client.bind), the outbox (requests), the inbox (deliver_sm), the sender (messages).
local commands = require "smpp.codec.commands"
local dialer = require "smpp.client.dialer"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local inbox = require "smpp.client.inbox"
local logs = require "smpp.base.log"
local mistake = require "smpp.base.mistake"
local outbind = require "smpp.client.outbind"
local outbox = require "smpp.client.outbox"
local places = require "smpp.client.place"
local pools = require "smpp.client.pool"
local rings = require "smpp.capture.ring"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local sender = require "smpp.client.sender"
local sessions = require "smpp.session"
local settings = require "smpp.client.options"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"

local need, wait = task.need, task.wait

local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a method that is a tail call

---@class smpp.Client
---@field state "connecting"|"bound"|"waiting"|"closing"|"closed"
---@field system_id string
---@field session smpp.Session?  any bound session
---@field capture smpp.Capture?  of the option `trace`
local Client = {
  holds_loop = false,           -- keeps the loop running while there is no socket
  has_handlers = false,
  unbinder = nil,               -- the task in close(), while sessions unbind
  unbinding = false,            -- close() has begun to unbind
  unfinished = nil,             -- requests not sent or not answered, for close()
  last_error = nil,             -- { message, code } of the end
}
local mt = { __index = Client, __name = "smpp.Client" }

events.mixin(Client, { "state", "bind", "message", "receipt", "alert_notification", "incomplete", "refused", "pdu", "error", "drain" })
local client = { class = Client }

local ids = commands.ids

local UNBIND_S = 3 -- to wait for unbind_resp

function mt:__tostring() return ("esme %s %s"):format(self.options.system_id or "", self.state) end

local function deliver(pdu, self, session) return self.inbox:deliver(pdu, session) end
local function alert(pdu, self) self:emit("alert_notification", pdu) end

local USUAL_HANDLERS = { [ids.deliver_sm] = deliver, [ids.data_sm] = deliver, [ids.alert_notification] = alert }

--- Handlers of requests of the MC: command_id -> fn(pdu, client, session).
local function handlers_of(self)
  local o = self.options
  if not (o.deliver_sm or o.data_sm or next(o.vendor_handlers)) then return USUAL_HANDLERS end
  local handlers = {
    [ids.deliver_sm] = o.deliver_sm or deliver, [ids.data_sm] = o.data_sm or o.deliver_sm or deliver, [ids.alert_notification] = alert,
  }
  for name, handler in pairs(o.vendor_handlers) do handlers[self.commands.ids[name]] = handler end
  return handlers
end

--- Fields over the `defaults` that the command has: data_sm has no validity_period.
local function with_defaults(self, command, fields)
  local o, merged = self.options, {}
  for name, value in pairs(o.defaults) do
    if o.codec.field(command.name, name) then merged[name] = value end
  end
  return schema.merge(merged, fields)
end

--- The method that sends a request by its name: esme:submit_sm{ ... } -> response | nil, message, code.
local function request_method(command)
  local id, takes_defaults = command.id, command.roles.defaults
  if not command.response_id then
    return function(self, fields)
      if not self.session then return nil, "not bound", "closed" end
      local wrong = type(fields) == "table" and self.options.codec.unknown_field(id, fields)
      if wrong then error(wrong, 2) end
      return self.session[command.name](self.session, fields)
    end
  end
  return function(self, fields, timeout_s, callback)
    local defaults = takes_defaults and self.options.defaults
    if defaults and type(fields) ~= "userdata" then fields = with_defaults(self, command, fields) end
    return self.outbox:request(id, fields or {}, timeout_s, callback)
  end
end

--- Rejects a second argument that is not a function: `smpp.connect(url:gsub(a, b))` passes gsub's count, too.
local function check_callback(callback, name)
  if callback ~= nil and type(callback) ~= "function" then
    error(("%s: argument 2: expected a callback function, got %s"):format(name, mistake.show(callback)), 3)
  end
end

--- An error without a listener.
local function log_error(self, message) self:log("error", { message = message }) end

local function new(o)
  local self = setmetatable({
    options = o,
    loop = o.loop,
    system_id = o.system_id,
    commands = o.codec.commands,
    state = "connecting",
    session = nil,              -- any bound session
    handlers = nil,             -- command_id -> fn(pdu, client, session)
    pool = nil, outbox = nil, inbox = nil, sender = nil,
    counters = stats.new(),     -- in addition to those of the binds
    listeners = {},
    map_seed = nil,             -- random, against hash collisions crafted by the peer
    sink = nil,
  }, mt)
  if o.capture then self.capture = o.capture end -- writes all PDUs
  if o.message or o.receipt or o.deliver_sm or o.data_sm then self.has_handlers = true end
  self.sink = function(trace) self:emit("error", trace) end
  local _
  self.write_log, _, self.log_level, self.close_log = logs.writer(o.log, o.loop, { role = "client", system_id = o.system_id })
  if self.write_log then self.on_unheard = log_error end
  self.map_seed = o.loop:random_octets(8)
  if self.commands ~= commands then -- vendor commands of a profile have no methods in the class
    for _, command in ipairs(self.commands.declared) do self[command.name] = request_method(command) end
  end
  self.handlers = handlers_of(self)
  self.pool = pools.new(self)
  self.outbox = outbox.new(self)
  self.inbox = inbox.new(self)
  self.sender = sender.new(self)
  return self
end

--- Writes a record to the log, if the option is set.
---@param event string  of smpp.base.log
---@param fields? table
---@param session? smpp.Session  that it is about
function Client:log(event, fields, session)
  if self.write_log then self.write_log(event, fields, session) end
end

-- ---- for the parts of a client ----
function Client:set_state(state, reason)
  if self.state == state then return end
  local from = self.state
  self.state = state
  self:hold_loop(state == "waiting" or state == "connecting")
  self:log(state, { previous = from, reason = reason })
  self:emit("state", state, from, reason)
end

function Client:set_session(session) self.session = session end

function Client:hold_loop(hold)
  if hold == self.holds_loop then return end
  self.holds_loop = hold or nil
  if hold then self.loop:hold() else self.loop:release() end
end

-- ---- the end ----

--- Records a request that was not sent or not answered.
function Client:note_unfinished(command_id, fields, code)
  self.unfinished = self.unfinished or {}
  self.unfinished[#self.unfinished + 1] = { command = self.commands.rows[command_id].name, fields = fields, code = code }
end

--- Ends without unbind: there is no session, or the MC refused the bind for good.
function Client:abandon(message, code)
  self.pool:stop()
  self.pool:each_session(function(session) session:close() end)
  self:finish(message, code)
end

--- The last step of closing.
function Client:finish(message, code)
  if self.state == "closed" then return end
  self.last_error = { message, code == "connection_lost" and "closed" or code }
  self.pool:refresh()
  self:set_state("closed", message)
  if self.capture and not self.options.shares_capture then self.capture:close() end
  if self.close_log then self.close_log() end
  self.outbox:close(message)
  self.sender:close()
  self.inbox:close()
  run.closed(self)
end

--- A session has ended while the client is closing or closed.
function Client:session_ended()
  self.outbox:wake_drainer()
  if not self.unbinding or self.pool:has_sessions() then return end
  self:finish("closed by the user", "closed")
  if self.unbinder then task.wake_for(self.unbinder, self) end
end

--- Closes the client: drains the queue and requests in flight, waits for handlers, unbinds.  Called by a handler it
--- acknowledges that handler's request first.
---@async
---@param timeout_s? number  for draining, default 10; then 3 s for unbind_resp
---@return { command: string, fields: table, code: string }[] unfinished  code "not_sent"; or in flight at the timeout
---  ("connection_lost", "timeout": outcome unknown)
function Client:close(timeout_s)
  task.check_timeout(timeout_s, LEVEL)
  if self.state == "closing" or self.state == "closed" then return {} end
  local deadline, pool = self.loop:now() + (timeout_s or 10), self.pool
  local token = task.current()
  self:set_state("closing", "closed by the user")
  pool:refresh() -- new requests cannot bypass the queue
  self.inbox:refuse_queued()
  pool:stop()
  if token then
    self.loop:defer(function() -- when it waits
      pool:each_session(function(session) session:acknowledge(token) end)
    end)
    self.outbox:drain(token, deadline)
  end
  self.unbinding = true
  if not pool:has_sessions() then
    self:finish("closed by the user", "closed")
    return self.unfinished or {}
  end
  pool:each_session(function(session) session:begin_unbind(math.max(0, deadline - self.loop:now())) end)
  if token and self.state ~= "closed" then
    self.unbinder = token
    local timer = self.loop:timer(function()
      pool:each_session(function(session) session:close() end)
    end)
    timer:start(math.max(0, deadline - self.loop:now()) + UNBIND_S)
    wait(self)
    timer:close()
  end
  return self.unfinished or {}
end

Client.close = task.waits(Client.close, function(self) return self.sink end)

-- ---- requests ----

--- Sends a request as soon as a bind and the window allow, and waits for its response; if the last argument is a function,
--- calls it instead of waiting.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
function Client:request(command_id, fields, timeout_s, callback)
  return self.outbox:request(command_id, fields, timeout_s, callback)
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
function Client:request_queued(command_id, fields, queue_s)
  local response, message, code, refused = self.outbox:request_queued(command_id, fields, queue_s)
  return response, message, code, refused
end

--- Ends the requests that are queued, with not_sent; those in flight get their responses.
---@param message? string  of the failures
function Client:unqueue(message) self.outbox:unqueue(message or "not sent: taken out of the queue") end

commands:methods(Client, request_method)

-- These do not count against the window, and are never queued.
for _, name in ipairs { "enquire_link", "unbind" } do
  Client[name] = task.waits(function(self, ...)
    local session = self.session
    if not session then return nil, "not bound", "closed" end
    return session[name](session, ...)
  end, function(self) return self.sink end)
end

--- Tests whether requests can be sent, now or as soon as a window has room: a bind is up and not backing off.
---@return boolean
function Client:is_ready() return self.pool:is_ready() end

--- The number of requests that can be in flight at once.
---@return integer
function Client:capacity() return self.pool:capacity() end

--- Sends one message: text of any length and alphabet, or octets.  docs/client.md lists the fields.
---@async
---@param message table  { from, to, text | data, receipt, flash, encoding, long, validity_s, at, ... } or submit_sm's own
---@param callback? fun(sent: smpp.Sent?, message: string?, code: string?)  called instead of waiting; send then returns false if the queue is full
---@return smpp.Sent? sent  { message_id, message_ids, parts }
---@return string? message
---@return string? code
---@return smpp.Sent? partial  the parts that were accepted before one was refused
function Client:send(message, callback)
  check_callback(callback, "send")
  return self.sender:send(message, callback, LEVEL)
end

--- Sends many messages, keeping the window full.
---@async
---@param items fun(): table?  an iterator, or a list of messages
---@param fn? fun(message: table, sent: smpp.Sent?, err: string?, code: string?, partial: smpp.Sent?)  called after each;
---  partial: the parts that were accepted before one was refused
---@return { sent: integer, partly: integer, failed: integer, codes: table<string, integer> } counts  partly: some parts
---  were accepted, and would be sent twice if the message were sent again; codes: of messages not sent completely
function Client:send_all(items, fn)
  local counts = { sent = 0, partly = 0, failed = 0, codes = {} }
  run.each(items, self:capacity(), function(message)
    local sent, err, code, partial = self:send(message)
    local outcome = sent and "sent" or partial and #partial.message_ids > 0 and "partly" or "failed"
    counts[outcome] = counts[outcome] + 1
    if not sent then counts.codes[code] = (counts.codes[code] or 0) + 1 end
    if fn then fn(message, sent, err, code, partial) end
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
    for _, bind in ipairs(self.pool.binds) do
      if bind.session then bind:follow(bind.session) end
    end
  end
  return self
end

--- Changes the rate of submissions while the client runs; an adaptive rate becomes fixed.
---@param rate_per_s number
function Client:set_rate(rate_per_s)
  if type(rate_per_s) ~= "number" or not (rate_per_s >= 1e-3 and rate_per_s < math.huge) then
    error("set_rate: expected a number >= 0.001, got " .. mistake.show(rate_per_s), 2)
  end
  self.outbox:set_rate(rate_per_s)
end

--- Counters, latencies and queue sizes: of all binds together, and of each in `links`.
---@return table stats  requests, answered, refused, statuses, unknown, not_sent, retried, received, binds, latency { count,
---  sum_s, max_s, buckets, p50_s, p90_s, p99_s }, queued, queued_octets, in_flight, window, state, bound, links
function Client:stats()
  local total, list = stats.new(), {}
  local now, own = self.loop:now(), self.outbox
  local in_flight, bound, window = 0, 0, 0
  total:add(self.counters)
  for i, bind in ipairs(self.pool.binds) do
    local session, each = bind.session, bind.counters:snapshot()
    total:add(bind.counters)
    each.bind, each.bound, each.host = bind.kind, session ~= nil, (session or bind.previous or {}).host
    each.in_flight, each.window = session and session:in_flight() or 0, session and session.window or 0
    each.paused_s = math.max(0, bind.backoff.ends_at - now)
    list[i] = each
    bound, in_flight, window = bound + (session and 1 or 0), in_flight + each.in_flight, window + (bind.sends and each.window or 0)
  end
  local snapshot = total:snapshot()
  snapshot.queued_octets = own.memory.octets
  snapshot.queued, snapshot.in_flight, snapshot.bound, snapshot.window = own:waiting() + #own.backing_off, in_flight, bound, window
  snapshot.state, snapshot.links = self.state, list
  snapshot.rate_per_s = own.rate and own.rate.rate_per_s < math.huge and own.rate.rate_per_s or nil -- nil: no limit (yet)
  return snapshot
end

-- ---- constructors ----

local function connect(self)
  local pool = self.pool
  local ok, message, code = pool:first_attempts()
  if not ok and pool:fall_back(code) then ok, message, code = pool:first_attempts() end
  local row = explain.status(code or "")
  local hopeless = row and row.bind == "give_up" or code == "closed" or code == "tls" or not self.options.reconnect
  if not ok and (not self.options.wait or hopeless) then
    if self.state ~= "closing" then self:abandon(message, code) end
    return nil, message, code
  end
  if not ok then
    self:emit_logged(message)
    self:set_state("waiting", message)
  end
  pool:keep(code)
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

--- Returns the client to the program; receipts queued so far are handled at the end of this loop turn, when the program has
--- had time to add a listener.
local function handed_out(self, esme, ...)
  if esme then self.loop:defer(function() self.inbox:listening "receipt" end) end
  return esme, ...
end

--- The trace that the options ask for; `teller` is who tells of it, once there is one.
local function capture_of(o, teller)
  if not o.trace then return true end
  local message, code
  o.capture, message, code = rings.new(o.trace, o.loop, function(event, file, why)
    local self = teller.client
    if not self then return end
    self:log(event, { file = file, message = why })
    if event == "trace_failed" then self:emit_logged(("trace %s: %s"):format(file, why)) end
  end)
  if not o.capture then return nil, "trace: " .. message, code end
  return true
end

local function open(o, callback)
  if not callback then need(2 + task.TAIL_LEVELS) end -- tail-called by what the program calls
  local teller = {}
  local ok, why, code = capture_of(o, teller)
  if not ok then
    if callback then return callback(nil, why, code) end
    return nil, why, code
  end
  local self = new(o)
  teller.client = self
  run.opened(self, callback ~= nil)
  self:hold_loop(true)
  self.inbox:keep_receipts()
  if not callback then return handed_out(self, connect(self)) end
  task.start(self.sink, function() callback(handed_out(self, connect(self))) end)
  return self
end

--- Connects to an MC and binds; reconnects until `close()`.
---@async
---@param given string|table  a URL, or { url, option = value ... }
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "connection_lost", or the status that refused the bind
function client.connect(given, callback)
  local o = settings.demand(given, 2)
  check_callback(callback, "connect")
  return open(o, callback)
end

--- Several binds that act as one: requests go to the bind with the fewest in flight; receipts may arrive on any.
---@async
---@param given table  as connect; `binds` (default one per host): how many; each prefers a host of its own
---@param callback? fun(esme: smpp.Client?, message: string?, code: string?)
---@return smpp.Client? esme  with a callback at once, not bound yet
---@return string? message
---@return string? code
function client.pool(given, callback)
  local o = settings.demand(given, 2)
  check_callback(callback, "pool")
  o.binds = o.binds or #o.hosts
  o.pinned = o.binds >= #o.hosts
  return open(o, callback)
end

--- Several binds that act as one, as `pool`, but none is opened by itself: see `open_place`.
---@param given table  as pool
---@return smpp.Client? esme  at once
---@return string? message
---@return string? code
function client.leased(given)
  local o = settings.demand(given, 2)
  o.is_leased = true
  local teller = {}
  local ok, why, code = capture_of(o, teller)
  if not ok then return nil, why, code end
  local self = new(o)
  teller.client = self
  run.opened(self, true)
  self:hold_loop(true)
  self.inbox:keep_receipts()
  self:set_state("waiting", "no bind is wanted")
  return handed_out(self, self)
end

--- Opens a bind, or a pair, which stays and is opened again until it is closed.
---@param number integer  of several hosts it prefers that one
---@param owner smpp.PlaceOwner
---@return smpp.Place
function Client:open_place(number, owner) return places.open(self.pool, number, owner) end

--- Listens for connections of MCs that send outbind, and binds on each connection that `outbind` accepts.
---@param given table  options of connect without hosts, those of a listener (docs/client.md), and
---  `outbind = function(pdu, session)`: true accepts the MC, anything else closes the connection (the bind would send the
---  password); `bound = function(esme)`: called for each bound client
---@return smpp.OutbindListener? listener  { host, port, clients, close() }
---@return string? message
---@return string? code  "connect_failed"
function client.listen_outbind(given)
  local o = settings.demand(given, 2, { host = "127.0.0.1", bind = "rx" }, settings.listening)
  if not o.outbind then error("outbind: expected a function (pdu, session) that returns true for a trusted MC", 2) end
  if o.bind == "tx+rx" then error('bind = "tx+rx": not supported by listen_outbind (one connection carries one bind)', 2) end
  o.reconnect = false
  local teller = {}
  local ok, why, code = capture_of(o, teller)
  if not ok then return nil, why, code end
  o.shares_capture = true
  return outbind.listen(o, function()
    local esme = new(schema.merge(o))
    teller.client = esme
    run.opened(esme, true)
    esme:hold_loop(true)
    return esme
  end)
end

--- Connects without binding; with `unchecked = true` requests that the state of the session forbids are sent, too.
---@async
---@param given string|table
---@param callback? fun(session: smpp.Session?, message: string?, code: string?)
---@return smpp.Session? session
---@return string? message
---@return string? code
function client.open(given, callback)
  local o = settings.demand(given, 2)
  check_callback(callback, "open")
  if callback then
    task.start(nil, function() callback(client.open(given)) end)
    return
  end
  need(2)
  o.bind = false
  local owner, given_handlers = sessions.handlers {}, { deliver_sm = o.deliver_sm, data_sm = o.data_sm }
  for name, handler in pairs(schema.merge(given_handlers, o.vendor_handlers)) do
    owner.handlers[o.codec.commands.ids[name]] = function(session, pdu) return handler(pdu, session, session) end
  end
  local teller, session = {}, nil
  local ok, message, code = capture_of(o, teller)
  if not ok then return nil, message, code end
  local capture = o.capture
  teller.client = { log = function() end, emit_logged = function(_, why) if session then session:emit("error", why) end end }
  function owner.on_closed(_, ended)
    if capture then capture:close() end
    run.closed(ended)
  end
  for _, host in ipairs(o.hosts) do
    session, message, code = dialer.open(o, host, {
      owner = owner, has_handlers = next(owner.handlers) ~= nil, made = capture and function(new_session) capture:follow(new_session) end,
    })
    if session then break end
  end
  if not session then
    if capture then capture:close() end
    return nil, message, code
  end
  session:set_capture(capture)
  run.opened(session)
  return session
end

return client
