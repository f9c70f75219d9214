--- The network of the virtual loop: names, addresses, connections in memory, and their faults.
local nets = require "smpp.base.net"
local link_of = require("smpp.loop.virtual_wire").new

local net = { methods = {} }
local methods = net.methods

local REFUSED = "connection refused"

--- The initial state of a network, without listeners.
function net.new()
  return {
    names = { localhost = { "127.0.0.1" } }, -- name -> addresses
    listeners = {},                          -- "address:port" -> listener
    refusing = {}, holes = {},               -- "address:port" -> true
    watchers = {},                           -- functions given to on_link
    next_port = 49152, next_client_port = 32768,
  }
end

local function is_literal(host) return host:find(":", 1, true) or host:find("^%d+%.%d+%.%d+%.%d+$") end

local function addresses_of(self, host) return is_literal(host) and { host } or self.net.names[host] end

local function listener_at(self, address, port)
  local listeners = self.net.listeners
  local wildcard = address:find(":", 1, true) and "::" or "0.0.0.0"
  return listeners[nets.address(address, port)] or listeners[nets.address(wildcard, port)]
    or listeners[nets.address("::", port)]
end

--- Sets the addresses of a name; none: the name becomes unknown.
---@param name string
---@param addresses string[]?
function methods:declare(name, addresses) self.net.names[name] = addresses end

local function mark(self, set, host, port, on)
  for _, address in ipairs(addresses_of(self, host) or error("unknown host " .. host, 3)) do
    set[nets.address(address, port)] = on ~= false or nil
  end
end

--- Connections to host:port are refused, from now on or (`on` = false) no longer.
---@param host string
---@param port integer
---@param on? boolean
function methods:refuse(host, port, on) mark(self, self.net.refusing, host, port, on) end

--- Connections to host:port are never answered, from now on or (`on` = false) no longer.
---@param host string
---@param port integer
---@param on? boolean
function methods:blackhole(host, port, on) mark(self, self.net.holes, host, port, on) end

--- Registers `fn(link)`, called for each new connection before either end sees it.
---@param fn fun(link: smpp.Wire)
function methods:on_link(fn) table.insert(self.net.watchers, fn) end

local Connect = {}
local CONNECT = { __index = Connect, __name = "smpp.Connect" }

function Connect:cancel()
  self.done = true
  self.timer:close()
  self.loop:keep(self, false)
  self.loop:forget(self)
end

local function settle(self, transport, message)
  self:cancel()
  self.callback(transport, message, message and "connect_failed")
end

local try_next

local function fail(self, why)
  local address = self.addresses[self.at]
  if address and address ~= self.host then why = address .. ": " .. why end
  table.insert(self.failures, why)
  try_next(self)
end

-- The handshake takes one latency until the server sees the connection, and one back.
local function dial(self, listener, address)
  local loop = self.loop
  local client_port = loop.net.next_client_port
  loop.net.next_client_port = client_port + 1
  local from = address:find(":", 1, true) and "::1" or "127.0.0.1"
  local link = link_of(loop, { host = from, port = client_port }, { host = address, port = self.port })
  for _, watch in ipairs(loop.net.watchers) do loop.guard(watch, link) end
  local there, back = link.a_to_b:latency(), link.b_to_a:latency()
  local attempt = self.at
  loop:after(there, function()
    if listener.closed then
      link.a:close()
      link.b:close()
      if not self.done and self.at == attempt then fail(self, REFUSED) end
      return
    end
    if not loop.guard(listener.callback, link.b) then link.b:reset() end
  end)
  loop:after(there + back, function()
    if self.done or self.at ~= attempt then return link.a:reset() end
    if not loop.guard(function() settle(self, link.a) end) then link.a:reset() end
  end)
end

function try_next(self)
  local loop = self.loop
  self.at = self.at + 1
  local address = self.addresses[self.at]
  if not address then
    return settle(self, nil, ("cannot connect to %s: %s"):format(self.address, table.concat(self.failures, "; ")))
  end
  local left_s = math.max(self.deadline - loop:now(), 0)
  self.timer:start(left_s / (#self.addresses - self.at + 1))
  local key = nets.address(address, self.port)
  if loop.net.holes[key] then return end
  local listener = not loop.net.refusing[key] and listener_at(loop, address, self.port)
  if listener then return dial(self, listener, address) end
  local attempt = self.at
  loop:post(function()
    if not self.done and self.at == attempt then fail(self, REFUSED) end
  end)
end

function methods:connect(o, callback)
  nets.check_address(o, 2)
  local timeout_s = o.timeout_s or 30
  local connect = setmetatable({
    loop = self,
    kind = "connect",
    host = o.host,
    port = o.port,
    address = nets.address(o.host, o.port),
    callback = callback,
    deadline = self:now() + timeout_s,
    failures = {},
    addresses = {}, at = 0,
    done = false,
  }, CONNECT)
  connect.timer = self:timer(function() fail(connect, "connection timed out") end)
  self:opened(connect)
  self:keep(connect, true)
  self:post(function()
    if connect.done then return end
    connect.addresses = addresses_of(self, o.host) or {}
    if #connect.addresses == 0 then table.insert(connect.failures, "unknown node or service") end
    try_next(connect)
  end)
  return connect
end

local Listener = {}
local LISTENER = { __index = Listener, __name = "smpp.Listener" }

function Listener:close()
  if self.closed then return end
  self.closed = true
  self.loop.net.listeners[self.address] = nil
  self.loop:keep(self, false)
  self.loop:forget(self)
end

function methods:listen(o, callback)
  nets.check_address(o, 2)
  local addresses, port = addresses_of(self, o.host), o.port
  local why = not addresses and "unknown node or service"
  if addresses and port == 0 then
    port = self.net.next_port
    self.net.next_port = port + 1
  elseif addresses and self.net.listeners[nets.address(addresses[1], port)] then
    why = "address already in use"
  end
  if why then
    return nil, ("cannot listen on %s: %s"):format(nets.address(o.host, o.port), why), "connect_failed"
  end
  local listener = setmetatable({
    loop = self,
    kind = "listener",
    host = addresses[1],
    port = port,
    address = nets.address(addresses[1], port),
    callback = callback,
    closed = false,
  }, LISTENER)
  self.net.listeners[listener.address] = listener
  self:opened(listener)
  self:keep(listener, true)
  return listener
end

return net
