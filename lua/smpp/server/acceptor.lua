--- New connections of a server: listens on its addresses, and enforces the connection limits.
local cidr = require "smpp.base.cidr"
local listeners = require "smpp.transport.listener"
local metrics = require("smpp.metrics").standard
local proxy = require "smpp.transport.proxy"
local transports = require "smpp.transport"

---@class smpp.Acceptor
---@field listeners smpp.TransportListener[]  one per address, in the order of the options
---@field pending_count integer  connections whose PROXY header or TLS handshake is not complete
local Acceptor = {}
local mt = { __index = Acceptor, __name = "smpp.Acceptor" }

local acceptor = { class = Acceptor }

local PER_ADDRESS = 1000 -- default of max_connections_per_address

--- Hosts exempt from the default of max_connections_per_address.
local is_local = cidr.set { "127.0.0.0/8", "::1" }

---@param server smpp.Server
---@return smpp.Acceptor
function acceptor.new(server)
  return setmetatable({
    server = server,
    loop = server.loop,
    listeners = {},
    pending_count = 0,
    timer = nil, reserved = {}, refusing = false, -- of `refuse`
    closed = false,
    pending_per_address = {},         -- smpp.base.cidr.owner -> count; connections of proxies are not counted
  }, mt)
end

--- The limit that one more connection of a host would exceed, nil: none.
---@param host string?  nil: behind a proxy, not known yet
local function exceeded(self, host)
  local o, connections = self.server.options, self.server.connections
  if connections.count + self.pending_count >= o.max_connections then return ("max_connections %d"):format(o.max_connections) end
  if not host then return nil end
  local most = o.max_connections_per_address or (is_local(host) and math.huge or PER_ADDRESS)
  local count = connections:count_of(host) + (self.pending_per_address[cidr.owner(host)] or 0)
  if count >= most then return ("max_connections_per_address %d"):format(most) end
end

local function report_refused(self, host, limit)
  metrics.connections:add(1, "server", "refused")
  self.server:log_refused("connection_refused", nil, { peer = host, reason = limit })
  self.server.reporter:report("refused", ("connection from %s refused: %s"):format(host, limit))
end

--- Reports a connection that failed before it had a session: an invalid header, or a handshake.
local function report_failed(self, host, message, code)
  metrics.connections:add(1, "server", (code == "tls" or code == "timeout") and code or "failed")
  self.server:log_refused(code == "tls" and "tls_failed" or "connection_failed", nil, { peer = host, reason = message })
  self.server.reporter:report("failed", ("connection from %s: %s"):format(host, message))
end

--- Starts a session on an established connection, unless a limit is exceeded.
---@param transport smpp.Transport
---@return smpp.Session? session  nil: the connection was reset
function Acceptor:take(transport)
  local limit = exceeded(self, transport.peer.host)
  if not limit and not self.server.shutdown then return self.server.connections:serve(transport) end
  if limit then report_refused(self, transport.peer.host, limit) end
  transport:reset()
end

--- Starts a session on a transport of the caller, with the server's own filters (`filters`).
---@param inner smpp.Transport
---@return smpp.Session? session  nil: the connection was reset, or a filter is not established yet
function Acceptor:accept(inner)
  local o, session = self.server.options, nil
  local context = { side = "accept", loop = self.loop, timeout_s = o.bind_timeout_s }
  transports.chain("accept", {}, o.filters):establish(inner, context, function(transport, message, code)
    if transport then
      session = self:take(transport)
    else
      report_failed(self, inner.peer.host, message, code)
    end
  end)
  return session
end

local function count_pending(self, owner, change)
  self.pending_count = self.pending_count + change
  if not owner then return end
  local count = (self.pending_per_address[owner] or 0) + change
  self.pending_per_address[owner] = count > 0 and count or nil
end

--- The owner of the listener of an address.
local function owner_of(self, address)
  local is_proxy = address.proxy_protocol and proxy.matcher(address.proxy_protocol)
  local owner = {}
  function owner.admit(inner)
    local host = inner.peer.host
    local is_known = not (is_proxy and is_proxy(host))
    local limit = exceeded(self, is_known and host or nil)
    if limit then return report_refused(self, host, limit) end
    local admitted = { owner = is_known and cidr.owner(host) or nil }
    count_pending(self, admitted.owner, 1)
    return admitted
  end
  function owner.released(admitted) count_pending(self, admitted.owner, -1) end
  function owner.accepted(transport) self:take(transport) end
  function owner.failed(inner, message, code) report_failed(self, inner.peer.host, message, code) end
  return owner
end

--- Listens on all addresses, or on none.
---@return boolean? ok
---@return string? message
---@return string? code  "connect_failed", "tls"
function Acceptor:listen()
  local o = self.server.options
  local list, message, code = listeners.open(self.loop, o.addresses, { timeout_s = o.bind_timeout_s, filters = o.filters }, function(address)
    return owner_of(self, address)
  end)
  if not list then return nil, message, code end
  self.listeners = list
  return true
end

--- Reloads certificates and keys of all addresses, or of none; open sessions are not affected.
---@return boolean? ok
---@return string? message
---@return string? code  "tls"
function Acceptor:reload()
  local changes = {}
  for i, listener in ipairs(self.listeners) do
    local message, code
    changes[i], message, code = listener.chain:reload()
    if not changes[i] then return nil, message, code end
  end
  for _, apply in ipairs(changes) do apply() end
  return true
end

--- Reports warnings of the filters, such as certificates that expire soon.
function Acceptor:warn()
  for _, listener in ipairs(self.listeners) do
    listener.chain:warn(function(message)
      self.server:log("tls_warning", nil, { reason = message })
      self.server:emit_logged("warning: " .. message)
    end)
  end
end

--- Refuses connections for a time; the ports stay its own.
---@param seconds number
function Acceptor:refuse(seconds)
  local loop, reserved = self.loop, {}
  if self.refusing then return self.timer:start(seconds) end
  self.refusing = true
  for i, listener in ipairs(self.listeners) do
    self.server.options.addresses[i].port = listener.port
    listener:close()
    if loop.reserve then reserved[i] = loop:reserve { host = listener.host, port = listener.port } end
  end
  self.timer = self.timer or loop:timer(function()
    for _, taken in ipairs(self.reserved) do taken:close() end
    self.reserved, self.refusing = {}, false
    local ok, message = true, nil
    if not self.closed then ok, message = self:listen() end
    if not ok then self.server.reporter:report("failed", message) end
  end, true)
  self.reserved = reserved
  self.timer:start(seconds)
end

--- Stops listening, and resets connections that have no session yet.
function Acceptor:close()
  for _, listener in ipairs(self.listeners) do listener:close() end
  if self.timer then self.timer:close() end
  for _, taken in ipairs(self.reserved) do taken:close() end
  self.closed, self.reserved = true, {}
end

return acceptor
