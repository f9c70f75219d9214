--- A message centre's side: listens, lets ESMEs bind, hands their requests to handlers.
--- The guide is docs/server.md.
local accounts = require "smpp.server.accounts"
local bind = require "smpp.server.bind"
local checks = require "smpp.server.checks"
local cidr = require "smpp.base.cidr"
local connection = require "smpp.session"
local deliveries = require "smpp.server.outbound"
local events = require "smpp.base.events"
local files = require "smpp.base.luafile"
local net = require "smpp.base.net"
local options = require "smpp.base.options"
local pdus = require "smpp.codec"
local proxy = require "smpp.transport.proxy"
local run = require "smpp.loop.run"
local settings = require "smpp.server.options"
local task = require "smpp.base.task"

---@class smpp.Server
---@field host string
---@field port integer
---@field sessions smpp.Connection[]  the bound ones, in order of bind
local Server = {}
local mt = { __index = Server, __name = "smpp.Server" }

events.mixin(Server, { "session", "closed", "state", "pdu", "error", "refused" })

function mt:__tostring()
  return ("server %s, %d sessions"):format(net.address(self.host, self.port), #self.sessions)
end

local server = { class = Server }

--- The options' names and checks, for smpp.options.
server.known = settings.known

--- Ids for handlers that give none: eight hexadecimal digits (all that 3.3 allows), counted from the second of the start.
local function counted_ids(loop)
  local last = math.floor(loop:time()) * 64 % 0x100000000
  return function()
    last = (last + 1) % 0x100000000
    return ("%08x"):format(last)
  end
end

--- Listens.
---@param given table  docs/server.md lists the options; handlers by the name of their request
---@return smpp.Server? server
---@return string? message
---@return string? code  "connect_failed": cannot listen there; "bad_value": there is something wrong with the accounts' file
function server.new(given)
  local o, profile = settings.read(given, 2)
  local loop = o.loop
  local self = setmetatable({
    options = o,
    loop = loop,
    authenticate = o.authenticate,
    accounts_given = o.accounts ~= nil,
    no_limits = {},             -- settings of an account nobody configured
    accounts = {},              -- system_id -> smpp.Account
    sessions = {}, last_serial = 0,
    connections = {}, connection_count = 0, last_number = 0, -- session -> its number, bound or not
    per_address = {},           -- whose (smpp.server.cidr) -> connections
    greeting = {}, greeting_count = 0, -- transport -> fn that ends it: their PROXY header is not whole yet
    refused_count = 0, refused_told = -math.huge, -- connections over a limit
    load = { count = 0, limit = o.max_unanswered_in_all }, -- requests whose handlers wait
    handlers = {},
    give_id = nil,              -- a message_id for handlers that return none
    profile = profile,
    codec = profile.tlvs and pdus.new_codec(profile.tlvs) or pdus.codec,
    -- for what is built on a server: wrap(transport) -> transport, on_accept(session), on_finished()
    wrap = nil, on_accept = nil, on_finished = nil,
    delivery = nil,             -- receipts and MO messages that wait
    listeners = {},
    closing = false, closed = false,
    is_proxy = type(o.proxy_protocol) == "table" and cidr.set(o.proxy_protocol) or nil,
    has_handlers = true,
  }, mt)
  local message_id = o.message_id or counted_ids(loop)
  local roles = self.codec.commands.roles
  local has_message_id = roles.message_id
  self.give_id = function(session, pdu)
    if has_message_id[pdu.command_id] then return message_id(session, pdu) end
  end
  for _, command in ipairs(settings.handlers) do self.handlers[command.id] = o[command.name] end
  if o.checks then checks.guard(self.handlers, options.check(o.checks, checks.options, 2), loop) end
  local on_bind = bind.handler(self)
  for id in pairs(roles.bind) do self.handlers[id] = on_bind end
  if type(o.accounts) == "string" then
    local ok, message, code = self:load_accounts()
    if not ok then return nil, message, code end
  elseif o.accounts then
    self:set_accounts(o.accounts, 2)
  end
  self.delivery = deliveries.new(self)
  local listener, message, code = loop:listen({ host = o.host, port = o.port, backlog = o.backlog }, function(transport)
    self:accept(transport)
  end)
  if not listener then
    self.delivery:close()
    return nil, message, code
  end
  self.listener, self.host, self.port = listener, listener.host, listener.port
  if type(o.accounts) == "string" then
    self.signal = loop:signal("SIGHUP", function()
      local ok, reason = self:load_accounts()
      if not ok then self:emit("error", reason) end
    end)
  end
  run.opened(self)
  return self
end

-- ---- accounts ----

--- Replaces the accounts; sessions of those that are gone end.
---@param given table<string, table|string>  system_id -> settings, or a password
---@param level? integer
function Server:set_accounts(given, level)
  level = level or 1
  local ids, checked = {}, {}
  for id in pairs(given) do
    if type(id) ~= "string" or #id > 15 then
      error(("accounts: a system_id of at most 15 octets expected, got %s"):format(tostring(id)), level + 1)
    end
    ids[#ids + 1] = id
  end
  table.sort(ids)
  for _, id in ipairs(ids) do checked[id] = accounts.check(id, given[id], level + 1) end
  for _, id in ipairs(ids) do self:account(id, checked[id]) end
  local gone = {}
  for id, account in pairs(self.accounts) do
    if not checked[id] then gone[#gone + 1] = account end
  end
  table.sort(gone, function(a, b) return a.system_id < b.system_id end)
  for _, account in ipairs(gone) do
    self.accounts[account.system_id] = nil
    for i = #account.binds, 1, -1 do
      local session = account.binds[i]
      task.start(nil, function() session:unbind() end)
    end
    self.delivery:drop(account)
  end
end

--- Takes the accounts from the file again, as SIGHUP does; a broken one changes nothing.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function Server:load_accounts()
  local given, message = files.load(self.options.accounts)
  if not given then return nil, "accounts: " .. message, "bad_value" end
  local ok, err = pcall(self.set_accounts, self, given, 0)
  if not ok then
    return nil, ("accounts: %s: %s"):format(self.options.accounts, (tostring(err):gsub("^[^:]+:%d+: ", ""))), "bad_value"
  end
  return true
end

--- The account of a system_id, under the settings given for it.
---@return smpp.Account
function Server:account(system_id, given)
  local account = self.accounts[system_id]
  if account then
    account:configure(given)
  else
    account = accounts.new(system_id, given, self)
    self.accounts[system_id] = account
  end
  return account
end

--- Lets go of an account that nobody configured, once nothing is bound or kept for it.
function Server:forget(account)
  if self.accounts_given or #account.binds > 0 or account.outbox then return end
  if self.accounts[account.system_id] == account then self.accounts[account.system_id] = nil end
end

-- ---- connections ----

--- Why a connection is not taken, nil: it is.
local function over_limit(self, host)
  local o = self.options
  if self.connection_count >= o.max_connections then return ("max_connections %d"):format(o.max_connections) end
  local most = o.max_connections_per_address or (bind.is_local(host) and math.huge or 1000)
  if (self.per_address[cidr.owner(host)] or 0) >= most then return ("max_connections_per_address %d"):format(most) end
end

--- Refused connections are told of at most every ten seconds: a flood must not become one of log lines.
local function refuse(self, transport, why)
  self.refused_count = self.refused_count + 1
  transport:reset()
  local now = self.loop:now()
  if now - self.refused_told < 10 then return end
  self.refused_told = now
  self:emit("error", ("connection from %s refused: %s; %d refused so far"):format(transport.peer.host, why, self.refused_count))
end

--- A connection whose peer is known.
local function take(self, transport, octets)
  if self.closing then return transport:reset() end
  local why = over_limit(self, transport.peer.host)
  if why then return refuse(self, transport, why) end
  local session = self:serve(self.wrap and self.wrap(transport) or transport)
  if octets and octets ~= "" then session:on_data(octets) end
end

--- Takes a connection, behind a PROXY header where one is asked for.
---@param transport smpp.Transport
function Server:accept(transport)
  local o = self.options
  if not o.proxy_protocol or (self.is_proxy and not self.is_proxy(transport.peer.host)) then return take(self, transport) end
  local from = transport.peer.host
  if self.closing or self.greeting_count >= o.max_connections then return transport:reset() end
  self.greeting_count = self.greeting_count + 1
  self.greeting[transport] = proxy.accept(self.loop, transport, o.bind_timeout_s, function(rest, message)
    self.greeting[transport], self.greeting_count = nil, self.greeting_count - 1
    if rest then return take(self, transport, rest) end
    if message then self:emit("error", ("connection from %s: %s"):format(from, message)) end
  end)
end

--- Speaks SMPP over a transport as this server.
---@param transport smpp.Transport
---@return smpp.Connection session
function Server:serve(transport)
  local o = self.options
  local session = connection.new {
    role = "mc",
    loop = self.loop,
    transport = transport,
    codec = self.codec,
    handlers = self.handlers,
    load = self.load,
    answer_timeout_s = o.answer_timeout_s,
    message_id = self.give_id,
    session = {
      version = o.version, window = o.window, max_unanswered = o.max_unanswered, max_pdu_octets = o.max_pdu_octets,
      enquire_link_s = o.enquire_link_s, enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s,
      session_init_s = o.bind_timeout_s, pdu_read_s = o.pdu_read_s, response_s = o.response_timeout_s, tolerate = o.tolerate,
    },
  }
  local owner = cidr.owner(session.peer.host)
  self.last_number = self.last_number + 1
  self.connections[session] = self.last_number
  self.connection_count = self.connection_count + 1
  self.per_address[owner] = (self.per_address[owner] or 0) + 1
  session.state_changed = function(to, from, reason) self:on_state(session, to, from, reason) end
  session.on_closed = function(reason) self:on_closed(session, reason) end
  session.listeners.error = { function(message) self:emit("error", message, session) end }
  if self.listeners.pdu then self:trace(session) end
  if self.on_accept then self.on_accept(session) end
  session:start()
  return session
end

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
    for session in pairs(self.connections) do self:trace(session) end
  end
  return self
end

--- Calls an ESME that listens, so that it binds.  The bind is checked as any other.
---@async
---@param o { host: string, port: integer, system_id: string?, password: string?, timeout_s: number? }
---@return smpp.Connection? session  not bound yet: listen to its `state`, or to the server's `session`
---@return string? message
---@return string? code  "connect_failed", "closed"
function Server:outbind(o)
  options.check(o, { host = "string", port = "number", system_id = "string", password = "string", timeout_s = "number" })
  local token = task.need(2)
  if self.closing then return nil, "the server is closing", "closed" end
  self.loop:connect({ host = o.host, port = o.port, timeout_s = o.timeout_s }, function(...) task.wake_for(token, o, ...) end)
  local transport, message, code = task.wait(o)
  if not transport then return nil, message, code end
  if self.closing then
    transport:reset()
    return nil, "the server is closing", "closed"
  end
  local session = self:serve(self.wrap and self.wrap(transport) or transport)
  session:outbind { system_id = o.system_id or self.options.system_id, password = o.password or "" }
  return session
end

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

--- Removes what was added with growing serials.
local function remove(list, session)
  local low, high = 1, #list
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].serial < session.serial then low = middle + 1 else high = middle end
  end
  if list[low] == session then table.remove(list, low) end
end

function Server:on_state(session, to, from, reason)
  local account = session.place
  if BOUND[to] then
    self.last_serial = self.last_serial + 1
    session.serial = self.last_serial
    self.sessions[#self.sessions + 1] = session
    account.binds[#account.binds + 1] = session
  elseif BOUND[from] then
    remove(self.sessions, session)
    remove(account.binds, session)
    self.delivery:leave(session)
  end
  self:emit("state", session, to, from, reason)
  if BOUND[to] then self:emit("session", session) end
  if to == "BOUND_RX" or to == "BOUND_TRX" then self.delivery:join(session) end
end

function Server:on_closed(session, reason)
  local owner = cidr.owner(session.peer.host)
  self.connections[session] = nil
  self.connection_count = self.connection_count - 1
  local left = self.per_address[owner] - 1
  self.per_address[owner] = left > 0 and left or nil
  if session.place then self:forget(session.place) end
  if session.serial then self:emit("closed", session, reason) end
  if self.closer and self.connection_count == 0 then self.closer() end
end

-- ---- messages for ESMEs ----

--- Sends a message to whichever receivers an account has, now or later: it waits for one (`queue_limit`, `keep_s`), is
--- spread over them (`spread`), stays until it is acknowledged and is sent again when a session was lost.
---@param system_id string
---@param fields table  of a deliver_sm, or of a data_sm with command = "data_sm"
---@param o? { session: smpp.Connection?, done: (fun(ok: boolean, code: string?))? }  session: the bind to use while
---  it lasts, with spread = "same_bind"; done: called once, when it is acknowledged, refused for good or given up
---@return boolean? ok
---@return string? message
---@return string? code  "queue_full", "closed"; "bad_value": no such account
function Server:deliver(system_id, fields, o)
  if type(fields) ~= "table" then error("deliver(system_id, { short_message = ... }) expected", 2) end
  if self.closing then return nil, "the server is closing", "closed" end
  local account = self.accounts[system_id]
  if not account then
    if self.accounts_given then return nil, "no such account: " .. system_id, "bad_value" end
    account = self:account(system_id, self.no_limits)
  end
  return self.delivery:put(account, { fields = fields, session = o and o.session, done = o and o.done })
end

-- ---- the end ----

---@class smpp.Left  what a server could not finish
---@field sessions integer  that did not answer the unbind in time
---@field unanswered integer  requests of ESMEs without an answer
---@field unacknowledged integer  requests of ours without one: outcome unknown
---@field waiting integer  receipts and MO messages that no receiver took

local function oldest_first(connections)
  local list = {}
  for session in pairs(connections) do list[#list + 1] = session end
  table.sort(list, function(a, b) return connections[a] < connections[b] end)
  return list
end

--- Stops: no new sessions, answers what runs, unbinds each session, closes.  Called again it changes nothing.
---@async
---@param timeout_s? number  for all of it, default 10
---@return smpp.Left left
function Server:close(timeout_s)
  local left = { sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }
  if self.closing then return self.left or left end
  self.closing, self.left = true, left
  self.listener:close()
  self.delivery:flush()
  if self.signal then self.signal:close() end
  for transport, cancel in pairs(self.greeting) do
    self.greeting[transport] = nil
    cancel()
  end
  local loop, token = self.loop, task.current()
  local deadline, timer = loop:now() + (timeout_s or 10), nil
  local function finished()
    if self.closed then return end
    self.closed, self.closer = true, nil
    if timer then timer:close() end
    left.waiting = self.delivery.waiting
    self.delivery:close()
    if self.on_finished then self.on_finished() end
    run.closed(self)
    if token then task.wake_for(token, self, left) end
  end
  local function step()
    local now = loop:now()
    for _, session in ipairs(oldest_first(self.connections)) do
      local info = session.core:info()
      if now >= deadline then
        left.sessions = left.sessions + (session.serial and 1 or 0)
        left.unanswered, left.unacknowledged = left.unanswered + info.unanswered, left.unacknowledged + info.in_flight
        session:close("shutting down")
      elseif info.unanswered > 0 and BOUND[info.state] and not info.unbinding then
        session:pause() -- else one who goes on submitting is never through
      elseif not (info.unbinding and (BOUND[info.state] or info.unanswered > 0)) then
        session:resume()
        task.start(nil, session.unbind, session, deadline - now)
      end
    end
    if self.connection_count == 0 then return finished() end
    timer:start(math.min(0.05, math.max(deadline - now, 0.001)))
  end
  timer = loop:timer(step, true)
  self.closer = finished
  step()
  if token and not self.closed then return task.wait(self) end
  return left
end

return server
