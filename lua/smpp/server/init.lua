--- A message centre's side: listens, lets ESMEs bind, hands their requests to handlers.
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
---@field addresses { host: string, port: integer }[]  those it listens on, in the order of `listen`
---@field sessions smpp.Session[]  the bound ones, in order of bind
---@field accounts table<string, smpp.Account>  by system_id
local Server = {}
local mt = { __index = Server, __name = "smpp.Server" }

events.mixin(Server, { "connection", "session", "closed", "state", "pdu", "error", "refused", "rejected", "stopped" })

function mt:__tostring()
  return ("server %s, %d sessions"):format(net.address(self.host, self.port), #self.sessions)
end

local server = { class = Server, schema = settings.schema, read = settings.read }

local OUTBIND = schema.new {
  { "host", "string", nil, "of the ESME", 'host = "192.0.2.1"', required = true },
  { "port", kind.integer(1, 65535), nil, "its port", "port = 2776", required = true },
  { "system_id", kind.text(15), nil, "of the outbind", 'system_id = "SMSC"', default_text = "the server's" },
  { "password", "string", nil, "of the outbind", 'password = "secret"', secret = true },
  { "timeout_s", kind.seconds, nil, "for the connection", "timeout_s = 5" },
  { "tls", transports.kind("tls", "connect"), nil, "true, or its options", "tls = true" },
}

--- Ids for handlers that give none: eight hexadecimal digits (all that 3.3 allows), counted from the second of the start.
local function counted_ids(loop)
  local last = math.floor(loop:time()) * 64 % 0x100000000
  return function()
    last = (last + 1) % 0x100000000
    return ("%08x"):format(last)
  end
end

--- The handlers of a server by command_id: the user's, behind the checks asked for, and that of the binds.
local function add_handlers(self)
  local o, handlers = self.options, self.handlers
  for _, command in ipairs(settings.handlers) do handlers[command.id] = o[command.name] end
  for name, handler in pairs(o.vendor_handlers) do handlers[self.codec.commands.ids[name]] = handler end
  if o.checks then checks.guard(handlers, o.checks, self.loop) end
  local on_bind = bind.handler(self)
  for id in pairs(self.codec.commands.roles.bind) do handlers[id] = on_bind end
end

--- Reads its files again on SIGHUP, where it has any; what is invalid in them goes to `error`.
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
---@return string? code  "connect_failed": cannot listen there; "bad_value": there is something wrong with the accounts' file
function server.new(given)
  local o, profile = settings.read(given, 2)
  if not o then mistake.raise(profile, 2) end
  local self = setmetatable({
    options = o,
    loop = o.loop,
    profile = profile,
    codec = o.codec,
    handlers = {},              -- command_id -> function
    message_id = nil,           -- fn(session, pdu): for handlers that return none
    load = { count = 0, limit = o.max_unanswered_in_all }, -- requests whose handlers wait
    addresses = nil, host = nil, port = nil,
    directory = nil, accounts = nil,   -- smpp.server.accounts, and its accounts by system_id
    connections = nil, sessions = nil, -- smpp.server.sessions, and those that are bound
    acceptor = nil,             -- smpp.server.acceptor
    reporter = nil,             -- smpp.server.reporter
    store = o.store or stores.memory(), -- what must outlive the process
    outbound = nil,             -- receipts and MO messages that wait for a receiver
    signal = nil,               -- SIGHUP: reads its files again
    shutdown = nil,             -- smpp.server.shutdown, once it has begun
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
  self.loop:defer(function() self.acceptor:warn() end) -- when the program listens to `error`
  self.outbound:restore()
  run.opened(self)
  return self
end

local DELIVER = schema.new {
  { "session", "table", nil, "the bind to use while it lasts", "session = session" },
  { "done", "function", nil, "called once, when the message is acknowledged, refused for good or given up", "done = print" },
  { "stored", "function", nil, "called when the store has it", "stored = print" },
}

--- Replaces the accounts; sessions of removed accounts are unbound.
---@param given table<string, table|string>  system_id -> settings, or a password
---@param level? integer
function Server:set_accounts(given, level)
  self.directory:set(given, (level or 1) + 1)
end

--- Takes the accounts from the file again, as SIGHUP does; a broken one changes nothing.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function Server:load_accounts() return self.directory:load() end

--- Reads the accounts' file and the certificates again, as SIGHUP does.  What is invalid changes nothing; sessions stay.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value": the accounts; "tls": a certificate or key
function Server:reload()
  local ok, message, code = self.acceptor:reload()
  if not ok then return nil, message, code end
  if type(self.options.accounts) == "string" then return self:load_accounts() end
  return true
end

--- Drops an account that nobody configured, once nothing is bound or kept for it.
---@param account smpp.Account
function Server:forget(account) self.directory:forget(account) end

--- Speaks SMPP over a transport that is none of the addresses', such as one end of smpp.transport.memory.
---@param transport smpp.Transport  not started
---@return smpp.Session? session  nil: it was reset (a limit, the end of the server), or a filter has to be established first
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

--- Calls an ESME that listens, so that it binds.  The bind is checked as any other.
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

--- Sends a message to whichever receivers an account has, now or later: it waits for one (`queue_limit`, `keep_s`), is
--- spread over them (`spread`), stays until it is acknowledged and is sent again when a session was lost.
---@param system_id string
---@param message smpp.ServerMessage|table|smpp.Pdu  { from, to, text }, fields of a deliver_sm (or of a data_sm, with
---  command = "data_sm"), a PDU, which goes on as it came, or { parts = { pdu… } }, which go together or not at all
---@param o? { session: smpp.Session?, done: (fun(ok: boolean, code: string?))?, stored: (fun(ok: boolean?, message: string?, code: string?))? }
---  session: the bind to use while it lasts, with spread = "same_bind"; done: called once, when it is acknowledged, refused for
---  good or given up; stored: called once, when it is in the server's store, or could not be put there
---@return boolean? ok
---@return string? message
---@return string? code  "queue_full", "closed", "store_failed"; "bad_value": no such account; what is wrong with a value
function Server:deliver(system_id, message, o)
  if type(message) ~= "table" and not core.is_pdu(message) then error("deliver(system_id, { from =, to =, text = }) expected", 2) end
  o = DELIVER:check(o)
  if self.shutdown then return nil, "the server is closing", "closed" end
  local account = self.directory:get(system_id)
  if not account then return nil, "no such account: " .. system_id, "bad_value" end
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

--- Stops: no new sessions, answers what runs, unbinds each session, closes.  Called again it changes nothing.
---@async
---@param timeout_s? number  for all of it, default 10
---@return smpp.Left left
function Server:close(timeout_s)
  if self.shutdown then return self.shutdown.left end
  self.shutdown = shutdown.new(self, timeout_s)
  return self.shutdown:run()
end

return server
