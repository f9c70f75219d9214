--- TCP over luv: transports, connecting, listening.  The methods' contracts are in docs/loop.md.
local net = require "smpp.base.net"
local uv = require "smpp.loop.uv"

local tcp = {}

local CHUNK_OCTETS = 65536 -- what libuv reads at most at once

local TEXT = { -- luv passes only the name of the error to some callbacks
  ECONNREFUSED = "connection refused", ECONNRESET = "connection reset by peer", ETIMEDOUT = "connection timed out",
  EHOSTUNREACH = "host is unreachable", ENETUNREACH = "network is unreachable", EPIPE = "broken pipe",
  EADDRNOTAVAIL = "address not available", EAI_NONAME = "unknown node or service",
  EAI_AGAIN = "temporary failure in name resolution", EAI_FAIL = "permanent failure in name resolution",
  EAI_NODATA = "no address", EMFILE = "too many open files", ENFILE = "file table overflow",
  ECONNABORTED = "connection aborted",
}

local function reason(err)
  err = tostring(err)
  return TEXT[err] or err:match("^%u[%u%d_]*: (.*)") or err
end

---@class smpp.LuvTransport: smpp.Transport
local Transport = {
  paused = false,
  read_deferred = false,         -- reading continues in the next turn, after a large read
  shut = false,                  -- shutdown was sent: nothing more is written
  ended = false,                 -- the peer's FIN or RST was seen
  closed = false,
  broken = nil,                  -- why writing failed
}
local TRANSPORT = { __index = Transport, __name = "smpp.Transport" }
function TRANSPORT:__tostring() return "tcp " .. net.address(self.peer.host, self.peer.port) end

-- A transport that is idle has no other fields than these: there may be a hundred thousand.
local function transport_of(loop, handle)
  loop:survive_sigpipe()
  uv.tcp_nodelay(handle, true)
  uv.tcp_keepalive(handle, true, 60)
  local peer, own = uv.tcp_getpeername(handle) or {}, uv.tcp_getsockname(handle) or {}
  local self = setmetatable({
    loop = loop,
    handle = handle,
    peer = { host = peer.ip or "?", port = peer.port or 0 }, -- unknown: already closed
    local_port = own.port or 0,
    on_data = nil, on_close = nil, -- given to start
    on_drain = nil,                -- set by the owner: called when pending octets were written
    mode = "off",                  -- "reading": luv reads; "holding": the transport holds the loop
  }, TRANSPORT)
  self:update()
  return self
end

--- What luv calls with octets that were read.
local function reader(self)
  return function(err, chunk)
    if self.closed then return end
    if not chunk then return self:finish(err) end
    self.loop.guard(self.on_data, chunk)
    if #chunk == CHUNK_OCTETS then self:defer_read() end
  end
end

--- What luv calls when octets were written that the socket did not take at once.
local function writer(self)
  local guard, handle = self.loop.guard, self.handle
  return function(err)
    if self.closed then return end
    if err then
      self.broken = self.broken or reason(err)
    elseif self.on_drain and uv.stream_get_write_queue_size(handle) == 0 then
      guard(self.on_drain)
    end
  end
end

--- Starts or stops reading, and holds or releases the loop, according to the state: a handle that is open and does not read would not
--- keep the loop alive.
---@private
function Transport:update()
  local old, mode = self.mode, "off"
  if not (self.closed or self.ended) then
    mode = self.on_data ~= nil and not (self.paused or self.read_deferred) and "reading" or "holding"
  end
  if mode == old then return end
  self.mode = mode
  if mode == "reading" then
    uv.read_start(self.handle, reader(self))
  elseif old == "reading" and not self.closed then
    uv.read_stop(self.handle)
  end
  if mode == "holding" then
    self.loop:hold()
  elseif old == "holding" then
    self.loop:release()
  end
end

local function go_on(self)
  self.read_deferred = false
  self:update()
end

--- Defers further reading to the next turn: libuv would read up to 2 MB before it serves another connection.
---@private
function Transport:defer_read()
  self.read_deferred = true
  self.loop.unread_at_ms = uv.now()
  self:update()
  self.loop:defer(go_on, self)
end

--- The end of the connection, orderly or not.  A failed write is reported here too, after all readable octets.
---@private
function Transport:finish(err)
  self.ended = true
  self:update()
  local message = err and reason(err) or self.broken
  if message then self:close() end
  self.loop.guard(self.on_close, message, message and "connection_lost")
end

function Transport:start(on_data, on_close)
  self.on_data, self.on_close = on_data, on_close
  self:update()
end

function Transport:write(octets)
  if self.closed or self.broken or self.shut then return end
  local n, err, name = uv.try_write(self.handle, octets)
  if n == #octets then return end
  if not n and name ~= "EAGAIN" then
    self.broken = reason(err)
    return
  end
  if n and n > 0 then octets = octets:sub(n + 1) end
  local request, failure = uv.write(self.handle, octets, writer(self))
  if not request then self.broken = reason(failure) end
end

function Transport:pending() return self.closed and 0 or uv.stream_get_write_queue_size(self.handle) end

function Transport:pause()
  self.paused = true
  self:update()
end

function Transport:resume()
  self.paused = false
  self:update()
end

function Transport:shutdown()
  if self.closed or self.shut then return end
  self.shut = true
  uv.shutdown(self.handle)
end

local function forget(self)
  self.closed = true
  self:update()
  if not self.timer then return end
  self.timer:close()
  self.timer = nil
  local lingering, at = self.loop.lingering, self.lingers_at
  local n = lingering.count -- not #lingering: smpp.base.heap
  local last = lingering[n]
  lingering[at], last.lingers_at = last, at -- the last one takes its place: constant time, thousands may close at once
  lingering[n], lingering.count = nil, n - 1
end

function Transport:close()
  if self.closed then return end
  forget(self)
  if not uv.is_closing(self.handle) then uv.close(self.handle) end
end

function Transport:reset()
  if self.closed then return end
  forget(self)
  if not uv.tcp_close_reset(self.handle) then uv.close(self.handle) end -- refused after a shutdown
end

-- A socket closed with unread octets sends RST, which makes the peer drop our last octets.  So after the
-- flush we read and discard until the peer closes too; meanwhile the transport does not keep the script alive.
function Transport:close_after_flush(timeout_s)
  if self.closed or self.timer then return end
  if self.broken or (self.ended and self:pending() == 0) then return self:close() end
  local function done() self:close() end
  self.timer = self.loop:timer(done)
  self.timer:start(timeout_s or 5)
  local lingering = self.loop.lingering
  local n = lingering.count + 1
  lingering[n], lingering.count, self.lingers_at = self, n, n
  self.on_data, self.on_close, self.on_drain, self.paused = function() end, done, nil, false
  self:update()
  local function flushed(err)
    if self.closed then return end
    if err or self.ended then return self:close() end
    uv.unref(self.handle)
  end
  if self.shut then return end
  self.shut = true
  if not uv.shutdown(self.handle, flushed) then self:close() end
end

---@class smpp.LuvConnect
local Connect = {}
local CONNECT = { __index = Connect, __name = "smpp.Connect" }

function Connect:cancel()
  self.done = true
  if self.timer then self.timer:close() end
  if self.lookup then uv.cancel(self.lookup) end
  if self.handle and not uv.is_closing(self.handle) then uv.close(self.handle) end
  self.timer, self.lookup, self.handle = nil, nil, nil
end

---@private
function Connect:finish(transport)
  self.handle = nil
  local failures = self.failures
  self:cancel()
  if transport then
    if not self.loop.guard(self.callback, transport) then transport:reset() end
    return
  end
  local message = ("cannot connect to %s: %s"):format(net.address(self.host, self.port), table.concat(failures, "; "))
  self.loop.guard(function() self.callback(nil, message, "connect_failed") end)
end

---@private
function Connect:fail(why)
  local tried = self.addresses and self.addresses[self.at]
  if tried and tried ~= self.host then why = tried .. ": " .. why end
  table.insert(self.failures, why)
  if self.handle then uv.close(self.handle) end
  self.handle = nil
  self:try_next()
end

--- Tries the next address; each gets an even share of the time that is left.
---@private
function Connect:try_next()
  self.at = self.at + 1
  local address = self.addresses[self.at]
  if not address then return self:finish() end
  local left_s = math.max(self.deadline - self.loop:now(), 0)
  self.timer:start(left_s / (#self.addresses - self.at + 1))
  local handle = uv.new_tcp()
  self.handle = handle
  local ok, request, err = pcall(uv.tcp_connect, handle, address, self.port, function(failure)
    if self.handle ~= handle then return end -- cancelled meanwhile
    if failure then return self:fail(reason(failure)) end
    self:finish(transport_of(self.loop, handle))
  end)
  if not ok or not request then self:fail(reason(ok and err or "invalid address")) end
end

---@private
function Connect:resolved(err, results)
  if self.done then return end
  self.lookup = nil
  local list, seen = {}, {}
  for _, result in ipairs(results or {}) do
    if not seen[result.addr] then list[#list + 1] = result.addr end
    seen[result.addr] = true
  end
  self.addresses = list
  if #list == 0 then table.insert(self.failures, reason(err or "EAI_NODATA")) end
  self:try_next()
end

local function is_literal(host) return host:find(":", 1, true) or host:find("^%d+%.%d+%.%d+%.%d+$") end

--- `loop:connect` of the luv loop.
function tcp.connect(loop, o, callback)
  net.check_address(o, 2)
  local timeout_s = o.timeout_s or 30
  local self = setmetatable({
    loop = loop,
    host = o.host,
    port = o.port,
    callback = callback,
    deadline = loop:now() + timeout_s,
    failures = {},                -- the error of each address
    addresses = nil, at = 0,      -- known once the name is resolved
    lookup = nil, handle = nil,   -- the pending request or socket
    done = false,
  }, CONNECT)
  self.timer = loop:timer(function()
    if self.lookup then
      uv.cancel(self.lookup)
      self.lookup, self.addresses = nil, {}
      self:fail("name resolution timed out")
    else
      self:fail("connection timed out")
    end
  end)
  self.timer:start(timeout_s)
  local guard = loop.guard
  local function resolved(err, results)
    guard(function() self:resolved(err, results) end)
  end
  local lookup, err, results
  if is_literal(o.host) then
    results = { { addr = o.host } }
  else
    lookup, err = uv.getaddrinfo(o.host, nil, { socktype = "stream" }, resolved)
  end
  self.lookup = lookup
  if not lookup then
    loop:hold()
    loop:defer(function()
      loop:release()
      self:resolved(err, results)
    end)
  end
  return self
end

---@class smpp.LuvListener
local Listener = {}
local LISTENER = { __index = Listener, __name = "smpp.Listener" }

function Listener:close()
  if self.handle and not uv.is_closing(self.handle) then uv.close(self.handle) end
  self.handle = nil
end

--- `loop:listen` of the luv loop.
function tcp.listen(loop, o, callback)
  net.check_address(o, 2)
  local function failed(err)
    return nil, ("cannot listen on %s: %s"):format(net.address(o.host, o.port), reason(err)), "connect_failed"
  end
  local host = o.host
  if not is_literal(host) then
    local found, err = uv.getaddrinfo(host, nil, { socktype = "stream" })
    if not found then return failed(err) end
    host = found[1].addr
  end
  local handle = uv.new_tcp()
  local function refused(err)
    uv.close(handle)
    return failed(err)
  end
  local ok, bound, err = pcall(uv.tcp_bind, handle, host, o.port)
  if not ok then return refused("invalid address") end
  if not bound then return refused(err) end
  local function accept(failure)
    if failure then return loop.guard(loop.on_error, "accept: " .. reason(failure), failure) end
    local client = uv.new_tcp()
    if not uv.accept(handle, client) then return uv.close(client) end
    local transport = transport_of(loop, client)
    if not loop.guard(callback, transport) then transport:reset() end
  end
  local listening, why = uv.listen(handle, o.backlog or 511, accept)
  if not listening then return refused(why) end
  local name = uv.tcp_getsockname(handle)
  return setmetatable({ handle = handle, host = name.ip, port = name.port }, LISTENER)
end

--- `loop:reserve` of the luv loop.
function tcp.reserve(_, o)
  local handle = uv.new_tcp()
  local bound, err = uv.tcp_bind(handle, o.host, o.port)
  local name = bound and uv.tcp_getsockname(handle)
  if not name then
    uv.close(handle)
    return nil, ("cannot take %s: %s"):format(net.address(o.host, o.port), reason(err)), "connect_failed"
  end
  return setmetatable({ handle = handle, host = name.ip, port = name.port }, LISTENER)
end

return tcp
