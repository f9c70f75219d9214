--- New connections of a server: listens, reads PROXY headers, holds connections to the limits.
local cidr = require "smpp.base.cidr"
local proxy = require "smpp.transport.proxy"

---@class smpp.Acceptor
---@field host string
---@field port integer
local Acceptor = {}
local mt = { __index = Acceptor, __name = "smpp.Acceptor" }

local acceptor = { class = Acceptor }

local PER_ADDRESS = 1000 -- connections of one address, where nothing else is said
local REPORT_S = 10      -- between two reports of refused connections

--- Hosts that the default of max_connections_per_address does not hold for.
local is_local = cidr.set { "127.0.0.0/8", "::1" }

---@param server smpp.Server
---@return smpp.Acceptor
function acceptor.new(server)
  local proxies = server.options.proxy_protocol
  return setmetatable({
    server = server,
    loop = server.loop,
    listener = nil, host = nil, port = nil, -- set by listen
    is_proxy = type(proxies) == "table" and cidr.set(proxies) or nil,
    pending = {}, pending_count = 0,  -- transport -> fn that ends it: their PROXY header is not complete yet
    refused_count = 0, reported_at = -math.huge, -- connections over a limit
  }, mt)
end

--- Begins to listen.
---@return boolean? ok
---@return string? message
---@return string? code  "connect_failed"
function Acceptor:listen()
  local o = self.server.options
  local listener, message, code = self.loop:listen({ host = o.host, port = o.port, backlog = o.backlog }, function(transport)
    self:accept(transport)
  end)
  if not listener then return nil, message, code end
  self.listener, self.host, self.port = listener, listener.host, listener.port
  return true
end

--- The limit that a connection of this host is over; nil: none.
local function exceeded(self, host)
  local o, connections = self.server.options, self.server.connections
  if connections.count >= o.max_connections then return ("max_connections %d"):format(o.max_connections) end
  local most = o.max_connections_per_address or (is_local(host) and math.huge or PER_ADDRESS)
  if connections:count_of(host) >= most then return ("max_connections_per_address %d"):format(most) end
end

--- Refused connections are reported at most once per 10 s, so that a flood does not flood the log.
local function refuse(self, transport, limit)
  self.refused_count = self.refused_count + 1
  transport:reset()
  local now = self.loop:now()
  if now - self.reported_at < REPORT_S then return end
  self.reported_at = now
  self.server:emit("error", ("connection from %s refused: %s; %d refused so far"):format(transport.peer.host, limit, self.refused_count))
end

--- A connection whose peer is known.
local function take(self, transport, octets)
  local server = self.server
  if server.shutdown then return transport:reset() end
  local limit = exceeded(self, transport.peer.host)
  if limit then return refuse(self, transport, limit) end
  local session = server.connections:serve(transport)
  if octets and octets ~= "" then session:receive(octets) end
end

--- Takes a new connection, behind a PROXY header where one is asked for.
---@param transport smpp.Transport
function Acceptor:accept(transport)
  local server = self.server
  local o = server.options
  if not o.proxy_protocol or (self.is_proxy and not self.is_proxy(transport.peer.host)) then return take(self, transport) end
  local from = transport.peer.host
  if server.shutdown or self.pending_count >= o.max_connections then return transport:reset() end
  self.pending_count = self.pending_count + 1
  self.pending[transport] = proxy.accept(self.loop, transport, o.bind_timeout_s, function(rest, message)
    self.pending[transport], self.pending_count = nil, self.pending_count - 1
    if rest then return take(self, transport, rest) end
    if message then server:emit("error", ("connection from %s: %s"):format(from, message)) end
  end)
end

--- Listens no longer, and ends connections that are not sessions yet.
function Acceptor:close()
  if self.listener then self.listener:close() end
  for transport, cancel in pairs(self.pending) do
    self.pending[transport] = nil
    cancel()
  end
end

return acceptor
