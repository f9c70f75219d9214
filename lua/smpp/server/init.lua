--- The server side of SMPP, as a message centre: listens, answers binds, passes requests of ESMEs to handlers.
--- The guide is docs/server.md.
local accept = require "smpp.server.acceptor"
local accounts = require "smpp.server.accounts"
local bind = require "smpp.server.bind"
local checks = require "smpp.server.checks"
local compose = require "smpp.server.compose"
local core = require "smpp.core"
local events = require "smpp.base.events"
local kind = require "smpp.base.kind"
local logs = require "smpp.base.log"
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local outbound = require "smpp.server.outbound"
local parts = require "smpp.server.parts"
local reporters = require "smpp.server.reporter"
local rings = require "smpp.capture.ring"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local sessions = require "smpp.server.sessions"
local settings = require "smpp.server.options"
local shutdown = require "smpp.server.shutdown"
local stats = require "smpp.base.stats"
local stores = require "smpp.store"
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"
local transports = require "smpp.transport"

---@class smpp.Server
---@field host string  of the first address
---@field port integer
---@field addresses { host: string, port: integer }[]  addresses it listens on, in the order of `listen`
---@field sessions smpp.Session[]  bound sessions, in the order of their binds
---@field accounts table<string, smpp.Account>  by system_id
local Server = {}
local mt = { __index = Server, __name = "smpp.Server" }

events.mixin(Server, { "connection", "session", "closed", "state", "pdu", "error", "refused", "rejected", "undelivered", "stopped" })

function mt:__tostring()
  return ("server %s, %s"):format(net.address(self.host, self.port), strings.plural(#self.sessions, "session"))
end

local server = { class = Server, schema = settings.schema, read = settings.read }

--- Options of `outbind`.
server.outbind_schema = schema.new {
  { "host", kind.host, nil, "host name or IP address of the ESME", 'host = "192.0.2.1"', required = true },
  { "port", kind.integer(1, 65535), nil, "TCP port of the ESME", "port = 2776", required = true },
  { "system_id", kind.text(15), nil, "system_id of the outbind", 'system_id = "SMSC"', default_text = "the server's" },
  { "password", "string", nil, "password of the outbind", 'password = "secret"', secret = true },
  { "timeout_s", kind.seconds, nil, "timeout of connecting", "timeout_s = 5" },
  { "tls", transports.kind("tls", "connect"), nil, "true: TLS; or its options", "tls = true" },
}
local OUTBIND = server.outbind_schema

--- message_ids for handlers that return none: eight hexadecimal digits (the maximum of 3.3), counted from the start time.
local function counted_ids(loop)
  local last = math.floor(loop:time()) * 64 % 0x100000000
  return function()
    last = (last + 1) % 0x100000000
    return ("%08x"):format(last)
  end
end

--- The handlers of a server by command_id: those of the user, wrapped by `checks`, and the handler of binds.
local function add_handlers(self)
  local o, handlers = self.options, self.handlers
  for _, command in ipairs(settings.handlers) do handlers[command.id] = o[command.name] end
  for name, handler in pairs(o.vendor_handlers) do handlers[self.codec.commands.ids[name]] = handler end
  if o.checks then checks.guard(handlers, o.checks, self.loop) end
  local on_bind = bind.handler(self)
  for id in pairs(self.codec.commands.roles.bind) do handlers[id] = on_bind end
end

--- Reloads files on SIGHUP, if the options name any; invalid files are reported as `error`.
local function watch(self)
  local has_files = type(self.options.accounts) == "string"
  for _, address in ipairs(self.options.addresses) do has_files = has_files or address.tls ~= nil and address.tls ~= false end
  if not has_files then return end
  self.signal = self.loop:signal("SIGHUP", function()
    local ok, message = self:reload()
    if not ok then self:emit_logged(message) end
  end)
end

--- An error without a listener.
local function log_error(self, message) self:log("error", nil, { message = message }) end

--- Begins the trace that the options ask for.
local function trace_to(self, given)
  if not given then return true end
  local message, code
  self.capture, message, code = rings.new(given, self.loop, function(event, file, why)
    self:log(event, nil, { file = file, message = why })
    if event == "trace_failed" then self:emit_logged(("trace %s: %s"):format(file, why)) end
  end)
  if not self.capture then return nil, "trace: " .. message, code end
  return true
end

--- Listens.
---@param given table  docs/server.md lists the options; handlers by the name of their request
---@return smpp.Server? server
---@return string? message
---@return string? code  "connect_failed": cannot listen; "bad_value": invalid accounts file
function server.new(given)
  local o, profile = settings.read(given, 2)
  if not o then mistake.raise(profile, 2) end
  local self = setmetatable({
    options = o,
    loop = o.loop,
    profile = profile,
    codec = o.codec,
    handlers = {},              -- command_id -> function
    message_id = nil,           -- fn(session, pdu): ids for handlers that return none
    load = { count = 0, limit = o.max_unanswered_in_all }, -- pending requests of all sessions
    addresses = nil, host = nil, port = nil,
    directory = nil, accounts = nil,   -- smpp.server.accounts, and its accounts by system_id
    connections = nil, sessions = nil, -- smpp.server.sessions, and its bound sessions
    acceptor = nil,             -- smpp.server.acceptor
    reporter = nil,             -- smpp.server.reporter
    store = o.store or stores.memory(), -- messages that must survive a restart
    outbound = nil,             -- queues of receipts and MO messages for ESMEs
    signal = nil,               -- SIGHUP: reloads files
    shutdown = nil,             -- smpp.server.shutdown, once started
    listeners = {},             -- of events
    counters = stats.new(),     -- of all sessions
    rejected = 0, refused_binds = 0, -- further ones: requests that a handler or check answered with an error status; binds
    has_handlers = true,
    capture = nil,              -- smpp.capture.ring: writes all PDUs
  }, mt)
  local _
  self.write_log, _, self.log_level, self.close_log = logs.writer(o.log, o.loop, { role = "server" })
  if self.write_log then self.on_unheard = log_error end
  self.directory, self.connections, self.acceptor = accounts.new(self), sessions.new(self), accept.new(self)
  self.reporter = reporters.new(self)
  self.accounts, self.sessions = self.directory.by_id, self.connections.bound
  self.message_id = o.message_id or counted_ids(o.loop)
  add_handlers(self)
  local ok, message, code = true, nil, nil
  if type(o.accounts) == "string" then
    ok, message, code = self:load_accounts()
  elseif o.accounts then
    self.directory:set(o.accounts, 2)
  end
  if ok then ok, message, code = trace_to(self, o.trace) end
  if not ok then return nil, message, code end
  self.outbound = outbound.new(self, self.store)
  ok, message, code = self.acceptor:listen()
  if not ok then
    self.outbound:close()
    if self.capture then self.capture:close() end
    return nil, message, code
  end
  self.addresses = self.acceptor.listeners
  self.host, self.port = self.addresses[1].host, self.addresses[1].port
  for _, address in ipairs(self.addresses) do self:log("listening", nil, { address = net.address(address.host, address.port) }) end
  watch(self)
  self.loop:defer(function() self.acceptor:warn() end) -- deferred: the program must be able to listen to `error` first
  self.outbound:restore()
  run.opened(self)
  return self
end

--- Options of `deliver`.
server.deliver_schema = schema.new {
  { "session", "table", nil, "bind to prefer while it exists (spread = \"same_bind\")", "session = server.sessions[1]" },
  { "done", "function", nil, "called once, when the message is acknowledged, refused permanently, or given up", "done = print" },
  { "stored", "function", nil, "called once, when the message is stored, or storing failed", "stored = print" },
}
local DELIVER = server.deliver_schema

--- Replaces the accounts; sessions of removed accounts are unbound.
---@param given table<string, table|string>  system_id -> options, or a password
---@param level? integer
function Server:set_accounts(given, level)
  self.directory:set(given, (level or 1) + 1)
end

--- Reloads the accounts file, as SIGHUP does; an invalid file changes nothing.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function Server:load_accounts() return self.directory:load() end

--- Reloads the accounts file and the certificates, as SIGHUP does.  An invalid file changes nothing; open sessions stay.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value": the accounts; "tls": a certificate or key
function Server:reload()
  local ok, message, code = self.acceptor:reload()
  if ok and type(self.options.accounts) == "string" then ok, message, code = self:load_accounts() end
  self:log(ok and "reloaded" or "reload_failed", nil, { message = message })
  return ok, message, code
end

--- Removes an account that is not configured, once it has no sessions and no queued messages.
---@param account smpp.Account
function Server:forget(account) self.directory:forget(account) end

--- Writes a record about a session to the log, if the option is set.
---@param event string  of smpp.base.log
---@param session smpp.Session?  that it is about
---@param fields? table
function Server:log(event, session, fields)
  if not self.write_log then return end
  if session then fields = schema.merge({ peer = net.address(session.peer.host, session.peer.port) }, fields) end
  self.write_log(event, fields, session)
end

--- Logs what a peer did wrong.  Of peers that are not bound some lines are omitted when there are many.
---@param event string
---@param session smpp.Session?
---@param fields table
function Server:log_refused(event, session, fields)
  if not self.write_log then return end
  if not (session and session.is_bound) then
    local omitted = self.reporter:take_line()
    if not omitted then return end
    fields.omitted = omitted > 0 and omitted or nil
  end
  self:log(event, session, fields)
end

--- Counters and latencies of all sessions since the start.
---@return table stats  of requests to ESMEs requests, answered, refused, statuses, unknown and latency; received; refused_received
---  (before any handler), rejected (by a handler or a check), binds, refused_binds; now: sessions (bound), connections
function Server:stats()
  local snapshot = self.counters:snapshot()
  snapshot.not_sent, snapshot.retried = nil, nil -- of clients
  snapshot.rejected, snapshot.refused_binds = self.rejected, self.refused_binds
  snapshot.sessions, snapshot.connections = #self.sessions, self.connections.count
  return snapshot
end

--- Starts a session on a transport of the caller, such as one end of smpp.transport.memory.
---@param transport smpp.Transport  not started
---@return smpp.Session? session  nil: reset (a limit, or the server is closing), or a filter is not established yet
function Server:accept(transport) return self.acceptor:accept(transport) end

--- Refuses connections for a time; open sessions stay, and so do the ports.
---@param seconds number
function Server:refuse(seconds) self.acceptor:refuse(seconds) end

function Server:trace(session)
  session:on("pdu", function(pdu, direction) self:emit("pdu", session, pdu, direction) end)
end

--- Writes each PDU of a session to the trace, and at level trace to the log.
---@param session smpp.Session
function Server:write_pdus(session)
  if self.capture then self.capture:follow(session) end
  if self.log_level ~= "trace" then return end
  session:on("pdu", function(pdu, direction) self:log("pdu", session, logs.of_pdu(pdu, direction)) end)
end

local on = Server.on
--- Adds a listener; see `smpp.base.events`.
---@param name string
---@param fn fun(...)
---@return table self
function Server:on(name, fn)
  on(self, name, fn)
  if name == "pdu" and #self.listeners.pdu == 1 then
    for _, session in ipairs(self.connections:list()) do self:trace(session) end
  end
  return self
end

--- Connects to a listening ESME and sends outbind, so that the ESME binds.  The bind is checked like any other.
---@async
---@param o { host: string, port: integer, system_id: string?, password: string?, timeout_s: number?, tls: boolean|table? }
---@return smpp.Session? session  not bound yet: listen to its `state`, or to the server's `session`
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "closed"
function Server:outbind(o)
  OUTBIND:check(o)
  task.need(2)
  if self.shutdown then return nil, "the server is closing", "closed" end
  local chain, message, code = transports.chain("connect", o, self.options.filters)
  if not chain then return nil, message, code end
  chain:warn(function(warning)
    self:log("tls_warning", nil, { peer = net.address(o.host, o.port), reason = warning })
    self:emit_logged(warning)
  end)
  local transport
  transport, message, code = chain:connect(self.loop, {
    host = o.host, port = o.port, connect_timeout_s = o.timeout_s, timeout_s = self.options.bind_timeout_s,
  })
  if not transport then return nil, message, code end
  if self.shutdown then
    transport:reset()
    return nil, "the server is closing", "closed"
  end
  local session = self.connections:serve(transport)
  session:outbind { system_id = o.system_id or self.options.system_id, password = o.password or "" }
  return session
end

--- Queues a message for the receivers of an account, bound now or later (`queue_limit`, `keep_s`, `spread`).  It stays in the
--- queue until it is acknowledged, and is sent again after a lost session.
---@param system_id string
---@param message smpp.ServerMessage|table|smpp.Pdu  { from, to, text }, fields of a deliver_sm (or of a data_sm, with
---  command = "data_sm"), a PDU, sent unchanged, or { parts = { pdu… } }, queued all or none
---@param o? { session: smpp.Session?, done: (fun(ok: boolean, code: string?))?, stored: (fun(ok: boolean?, message: string?, code: string?))? }
---  session: the bind to prefer while it exists, with spread = "same_bind"; done: called once, when it is acknowledged, refused
---  permanently, or given up; stored: called once, when it is stored, or storing failed
---@return boolean? ok
---@return string? message
---@return string? code  "queue_full", "closed", "store_failed"; "bad_value": unknown account, or an invalid value
function Server:deliver(system_id, message, o)
  if type(message) ~= "table" and not core.is_pdu(message) then error("deliver: expected (system_id, { from =, to =, text = })", 2) end
  o = DELIVER:check(o)
  if self.shutdown then return nil, "the server is closing", "closed" end
  local account = self.directory:get(system_id)
  if not account then return nil, "unknown account: " .. system_id, "bad_value" end
  local bind, list, ok, err, code = o.session and o.session.owner.serial, nil, nil, nil, nil
  if compose.is_message(message) then
    list, err, code = compose.pdus(message)
    if not list then
      self:forget(account)
      return nil, err, code
    end
    if list[2] then ok, err, code = parts.put(self.outbound, account, list, bind, o.done, o.stored) end
  end
  if not list or not list[2] then ok, err, code = self.outbound:put(account, list and list[1] or message, bind, o.done, o.stored) end
  if not ok and code == "unknown_field" then
    local wrong = compose.is_message(message) and compose.unknown_key(message, self.codec)
    error("deliver: " .. (wrong and wrong.message or err), 2)
  end
  return ok, err, code
end

--- Number of receipts and MO messages that wait for receivers of an account.
---@param system_id string
---@return integer
function Server:waiting(system_id)
  local account = self.directory:get(system_id)
  return account and account.outbox and account.outbox.count or 0
end

--- Stops sending receipts and MO messages, or goes on; they are queued meanwhile.  Requests are answered all the time.
---@param paused boolean
function Server:pause_sending(paused) self.outbound:pause(paused) end

--- Shuts down: stops listening, waits for running handlers, unbinds each session, closes.  Further calls have no effect.
---@async
---@param timeout_s? number  in total, default 10
---@return smpp.Left left
function Server:close(timeout_s)
  task.check_timeout(timeout_s, 2)
  if self.shutdown then return self.shutdown.left end
  self.shutdown = shutdown.new(self, timeout_s)
  return self.shutdown:run()
end

return server
