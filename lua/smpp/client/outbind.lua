--- smpp.listen_outbind: an ESME that listens for connections of MCs, and binds on them after their outbind (3.4, 4.1.7).
local commands = require "smpp.codec.commands"
local dialer = require "smpp.client.dialer"
local listeners = require "smpp.transport.listener"
local metrics = require("smpp.metrics").standard
local net = require "smpp.base.net"
local run = require "smpp.loop.run"
local task = require "smpp.base.task"
local shown = require "smpp.base.shown"

local outbind = {}

local OUTBIND = commands.ids.outbind

---@class smpp.OutbindListener
---@field host string
---@field port integer
local Listener = {}
local mt = { __index = Listener, __name = "smpp.OutbindListener" }

--- An outbind was accepted: binds on the connection, which becomes a client.
---@async
local function take(self, session)
  local esme = self.new_client()
  local bind = esme.pool.binds[1]
  session:set_owner(bind, bind.counters)
  bind:follow(session)
  local bound, message = dialer.bind(bind.options, session)
  self.waiting[session] = nil
  if not bound then
    esme:emit("error", message)
    return esme:abandon(message)
  end
  table.insert(self.clients, esme)
  esme:on("state", function(state)
    if state ~= "closed" then return end
    for i, other in ipairs(self.clients) do
      if other == esme then table.remove(self.clients, i) break end
    end
  end)
  bind:adopt(session)
  if self.options.bound then self.options.bound(esme) end
end

-- The owner of a session until its outbind is accepted.
---@class smpp.Caller : smpp.SessionOwner
local Caller = {}
local CALLER = { __index = Caller, __name = "smpp.Caller" }

function Caller:on_request(session, pdu, command_id)
  local listener = self.listener
  if command_id ~= OUTBIND then return nil, "ESME_RINVCMDID" end
  if listener.closed or listener.options.outbind(pdu, session) ~= true then return session:close() end
  task.start(listener.sink, take, listener, session) -- a task of its own: this one is the handler of outbind, which has no response
end

function Caller:on_closed(session) self.listener.waiting[session] = nil end

function Caller:on_error(_, message) self.listener.sink(message) end

local function accept(self, transport)
  local o, peer = self.options, transport.peer
  local session = dialer.session(o, transport, net.address(peer.host, peer.port), {
    owner = setmetatable({ listener = self }, CALLER), session_init_s = o.bind_timeout_s,
  })
  metrics.connections:add(1, "client", "ok")
  self.waiting[session] = true
  session:start()
end

---@param o table  read options of the client, with `outbind`
---@param new_client fun(): smpp.Client
---@return smpp.OutbindListener? listener
---@return string? message
---@return string? code  "connect_failed", "tls"
function outbind.listen(o, new_client)
  local self = setmetatable({
    options = o,
    new_client = new_client,
    clients = {},               -- bound clients, oldest first
    waiting = {},               -- sessions not bound yet
    has_handlers = true,
    closed = false,
  }, mt)
  self.sink = function(trace) io.stderr:write("smpp: ", shown.lines(trace), "\n") end
  local owner = {
    accepted = function(transport) accept(self, transport) end,
    failed = function(inner, why) self.sink(("connection from %s: %s"):format(inner.peer.host, why)) end,
  }
  local list, message, code = listeners.open(o.loop, o.addresses, { timeout_s = o.bind_timeout_s }, function() return owner end)
  if not list then
    if o.capture then o.capture:close() end
    return nil, message, code
  end
  for _, one in ipairs(list) do one.chain:warn(self.sink) end
  self.addresses, self.host, self.port = list, list[1].host, list[1].port
  run.opened(self)
  return self
end

--- Stops listening and closes the sessions.
---@async
---@param timeout_s? number  for each session, default 10
function Listener:close(timeout_s)
  task.check_timeout(timeout_s, 2 + task.TAIL_LEVELS)
  if self.closed then return end
  self.closed = true
  for _, address in ipairs(self.addresses) do address:close() end
  for session in pairs(self.waiting) do session:close() end
  while self.clients[1] do table.remove(self.clients, 1):close(timeout_s) end
  if self.options.capture then self.options.capture:close() end
  run.closed(self)
end

Listener.close = task.waits(Listener.close, function(self) return self.sink end)

return outbind
