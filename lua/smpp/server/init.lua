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
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local outbound = require "smpp.server.outbound"
local parts = require "smpp.server.parts"
local reporters = require "smpp.server.reporter"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local sessions = require "smpp.server.sessions"
local settings = require "smpp.server.options"
local shutdown = require "smpp.server.shutdown"
local stores = require "smpp.store"
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

events.mixin(Server, { "connection", "session", "closed", "state", "pdu", "error", "refused", "rejected", "stopped" })

function mt:__tostring()
  return ("server %s, %d sessions"):format(net.address(self.host, self.port), #self.sessions)
end

local server = { class = Server, schema = settings.schema, read = settings.read }

local OUTBIND = schema.new {
  { "host", "string", nil, "host name or IP address of the ESME", 'host = "192.0.2.1"', required = true },
  { "port", kind.integer(1, 65535), nil, "TCP port of the ESME", "port = 2776", required = true },
  { "system_id", kind.text(15), nil, "system_id of the outbind", 'system_id = "SMSC"', default_text = "the server's" },
  { "password", "string", nil, "password of the outbind", 'password = "secret"', secret = true },
  { "timeout_s", kind.seconds, nil, "timeout of connecting", "timeout_s = 5" },
  { "tls", transports.kind("tls", "connect"), nil, "true: TLS; or its options", "tls = true" },
}

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
    if not ok then self:emit("error", message) end
  end)
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
    has_handlers = true,
  }, mt)
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
  if not ok then return nil, message, code end
  self.outbound = outbound.new(self, self.store)
  ok, message, code = self.acceptor:listen()
  if not ok then
    self.outbound:close()
    return nil, message, code
  end
  self.addresses = self.acceptor.listeners
  self.host, self.port = self.addresses[1].host, self.addresses[1].port
  watch(self)
  self.loop:defer(function() self.acceptor:warn() end) -- deferred: the program must be able to listen to `error` first
  self.outbound:restore()
  run.opened(self)
  return self
end

local DELIVER = schema.new {
  { "session", "table", nil, "bind to prefer while it exists (spread = \"same_bind\")", "session = session" },
  { "done", "function", nil, "called once, when the message is acknowledged, refused permanently, or given up", "done = print" },
  { "stored", "function", nil, "called once, when the message is stored, or storing failed", "stored = print" },
}

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
  if not ok then return nil, message, code end
  if type(self.options.accounts) == "string" then return self:load_accounts() end
  return true
end

--- Removes an account that is not configured, once it has no sessions and no queued messages.
---@param account smpp.Account
function Server:forget(account) self.directory:forget(account) end

--- Starts a session on a transport of the caller, such as one end of smpp.transport.memory.
---@param transport smpp.Transport  not started
---@return smpp.Session? session  nil: reset (a limit, or the server is closing), or a filter is not established yet
function Server:accept(transport) return self.acceptor:accept(transport) end

function Server:trace(session)
  session:on("pdu", function(pdu, direction) self:emit("pdu", session, pdu, direction) end)
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
  chain:warn(function(warning) self:emit("error", warning) end)
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
  if not ok and code == "unknown_field" then error("deliver: " .. err, 2) end
  return ok, err, code
end

--- Shuts down: stops listening, waits for running handlers, unbinds each session, closes.  Further calls have no effect.
---@async
---@param timeout_s? number  in total, default 10
---@return smpp.Left left
function Server:close(timeout_s)
  if self.shutdown then return self.shutdown.left end
  self.shutdown = shutdown.new(self, timeout_s)
  return self.shutdown:run()
end

return server
