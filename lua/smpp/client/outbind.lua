--- smpp.listen_outbind: an ESME that is called by MCs (outbind), and binds on the connection they made.
local connection = require "smpp.session"
local dialer = require "smpp.client.dialer"
local net = require "smpp.base.net"
local run = require "smpp.loop.run"
local task = require "smpp.base.task"

local outbind = {}

---@class smpp.OutbindListener
---@field host string
---@field port integer
local Listener = {}
local mt = { __index = Listener, __name = "smpp.OutbindListener" }

--- An MC whose outbind was taken: binds, and becomes a client.
---@async
local function bind(self, conn)
  local esme = self.new_client()
  local link = esme.links[1]
  esme:prepare(conn)
  esme:link_dialed(link, conn)
  local bound, message = dialer.bind(link.options, conn)
  if not bound then
    esme:emit("error", message)
    return esme:abandon(message)
  end
  self.waiting[conn] = nil
  table.insert(self.clients, esme)
  esme:on("state", function(state)
    if state ~= "closed" then return end
    for i, other in ipairs(self.clients) do
      if other == esme then table.remove(self.clients, i) break end
    end
  end)
  link:adopt(conn)
  if self.options.bound then self.options.bound(esme) end
end

local function accept(self, transport)
  local o = self.options
  local conn
  local spec = dialer.spec(o, transport)
  spec.session.session_init_s = o.bind_timeout_s
  spec.pdu_first = true
  spec.handlers = { [0x0B] = function(pdu)
    if self.closed or o.outbind(pdu, conn) ~= true then return conn:close() end
    -- In a task of its own: this one is the handler of a PDU without an answer.
    task.start(self.sink, bind, self, conn)
  end }
  conn = connection.new(spec)
  conn.host = net.address(transport.peer.host, transport.peer.port)
  conn.listeners.error = { function(message) self.sink(message) end }
  if o.pdu then conn:on("pdu", function(pdu, direction) o.pdu(pdu, direction, conn) end) end
  self.waiting[conn] = true
  conn.on_closed = function() self.waiting[conn] = nil end
  conn:start()
end

---@param o table  read options of the client, with `outbind`
---@param port integer
---@param new_client fun(): smpp.Client
---@return smpp.OutbindListener? listener
---@return string? message
---@return string? code  "connect_failed"
function outbind.listen(o, port, new_client)
  local self = setmetatable({
    options = o,
    new_client = new_client,
    clients = {},               -- bound ones, oldest first
    waiting = {},               -- connections that did not bind yet
    has_handlers = true,
    closed = false,
  }, mt)
  self.sink = function(trace) io.stderr:write("smpp: ", tostring(trace), "\n") end
  local listener, message, code = o.loop:listen({ host = o.hosts[1].host, port = port }, function(transport) accept(self, transport) end)
  if not listener then return nil, message, code end
  self.listener, self.host, self.port = listener, listener.host, listener.port
  run.opened(self)
  return self
end

--- Stops listening and closes the sessions.
---@async
---@param timeout_s? number  for each session, default 10
function Listener:close(timeout_s)
  if self.closed then return end
  self.closed = true
  self.listener:close()
  for conn in pairs(self.waiting) do conn:close() end
  while self.clients[1] do table.remove(self.clients, 1):close(timeout_s) end
  run.closed(self)
end

Listener.close = task.waits(Listener.close, function(self) return self.sink end)

return outbind
