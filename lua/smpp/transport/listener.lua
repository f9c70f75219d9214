--- Addresses to listen on, each with a chain of its own: connections are handed over when their filters are established.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local transports = require "smpp.transport"

local listener = {}

--- Options of an address to listen on.
listener.address = schema.new {
  { "host", kind.host, "127.0.0.1", "address to listen on", 'host = "0.0.0.0"', implied = true },
  { "port", kind.port, nil, "port to listen on; 0 picks a free one", "port = 2776", default_text = "2775, with TLS 8775" },
  { "backlog", kind.count, nil, "connections that the operating system queues until they are accepted", "backlog = 128",
    default_text = "the system's" },
  { "proxy_protocol", transports.kind("proxy_protocol", "accept"), false,
    "accept the PROXY header of a load balancer: true, or only from these addresses", 'proxy_protocol = { "10.0.0.0/8" }', implied = true },
  { "tls", transports.kind("tls", "accept"), nil, "TLS on every connection: true, or its options", "tls = true" },
}

--- The same, or a list of such addresses.
listener.options = schema.new(listener.address, {
  { "listen", kind.list(listener.address, "addresses"), nil,
    "several addresses, each with its own options, instead of host, port, proxy_protocol and tls",
    'listen = { { port = 2775 }, { host = "::1", port = 2776, proxy_protocol = true } }' },
})

--- The addresses that options name: those of `listen`, or the one that the options themselves are.
---@param given table  as the user gave them
---@param read? table  the same after reading; used where `listen` is absent
---@return table[]? addresses
---@return smpp.Mistake?
function listener.addresses(given, read)
  local list, names = {}, listener.address.by_name
  for _, row in ipairs(listener.address.rows) do
    if given.listen and given[row[1]] ~= nil then return nil, mistake.new(("listen or %s, not both"):format(row[1])) end
  end
  for i, address in ipairs(given.listen or { read or given }) do
    list[i] = {}
    for name in pairs(names) do list[i][name] = address[name] end
    list[i].host = list[i].host or names.host[3]
    list[i].port = list[i].port or transports.default_port(address)
  end
  if #list == 0 then return nil, mistake.inside(mistake.new "expected a list of addresses, got none", "listen") end
  return list
end

---@class smpp.TransportListener
---@field host string
---@field port integer           the port in use, chosen by the system if 0 was given
---@field pending_count integer  connections whose filters are not established yet
local Listener = {}
local mt = { __index = Listener, __name = "smpp.TransportListener" }

---@class smpp.ListenerOwner
---@field admit (fun(inner: smpp.Transport): any)?     a new connection; nil or false: reset it; any other value is passed to `released`
---@field released (fun(admitted: any))?               it was established, failed or was cancelled
---@field accepted fun(transport: smpp.Transport)      ready for a session; start it
---@field failed (fun(inner: smpp.Transport, message: string, code: string?))?  an invalid or timed out header or handshake

---@param loop smpp.Loop
---@param o { host: string, port: integer, backlog: integer?, timeout_s: number?, chain: smpp.Chain }  timeout_s: of a chain's steps
---@param owner smpp.ListenerOwner
---@return smpp.TransportListener? listener
---@return string? message
---@return string? code  "connect_failed"
function listener.new(loop, o, owner)
  local self = setmetatable({
    owner = owner,
    chain = o.chain,
    context = { side = "accept", loop = loop, timeout_s = o.timeout_s },
    pending = {}, pending_count = 0, -- smpp.Establishing -> what `admit` returned
    closed = false,
  }, mt)
  local message, code
  self.listener, message, code = loop:listen({ host = o.host, port = o.port, backlog = o.backlog }, function(inner) self:accept(inner) end)
  if not self.listener then return nil, message, code end
  self.host, self.port = self.listener.host, self.listener.port
  return self
end

--- Removes a pending connection.
local function release(self, establishing)
  local admitted = self.pending[establishing]
  if admitted == nil then return end
  self.pending[establishing], self.pending_count = nil, self.pending_count - 1
  if self.owner.released then self.owner.released(admitted) end
end

---@private
function Listener:accept(inner)
  local owner, admitted, establishing = self.owner, true, nil
  if self.closed then return inner:reset() end
  if owner.admit then admitted = owner.admit(inner) end
  if not admitted then return inner:reset() end
  establishing = self.chain:establish(inner, self.context, function(transport, message, code)
    if establishing then release(self, establishing) elseif owner.released then owner.released(admitted) end
    if transport then return owner.accepted(transport) end
    if owner.failed then owner.failed(inner, message, code) end
  end)
  if establishing.finished then return end
  self.pending[establishing], self.pending_count = admitted, self.pending_count + 1
end

--- Stops listening, and resets pending connections.
function Listener:close()
  if self.closed then return end
  self.closed = true
  self.listener:close()
  for establishing in pairs(self.pending) do
    establishing:cancel()
    release(self, establishing)
  end
end

--- Listens on several addresses, each with the chain of its options; on all of them or on none.
---@param loop smpp.Loop
---@param addresses { host: string, port: integer, backlog: integer?, proxy_protocol: any, tls: any }[]
---@param o { timeout_s: number?, filters: function[]? }  for all of them
---@param owner_of fun(address: table): smpp.ListenerOwner
---@return smpp.TransportListener[]? listeners  in the order of the addresses
---@return string? message
---@return string? code  "connect_failed", "tls"; whatever a filter says
function listener.open(loop, addresses, o, owner_of)
  local list = {}
  for i, address in ipairs(addresses) do
    local one
    local chain, message, code = transports.chain("accept", address, o.filters)
    if chain then
      one, message, code = listener.new(loop, {
        host = address.host, port = address.port, backlog = address.backlog, timeout_s = o.timeout_s, chain = chain,
      }, owner_of(address))
    end
    if not one then
      for _, other in ipairs(list) do other:close() end
      return nil, message, code
    end
    list[i] = one
  end
  return list
end

return listener
