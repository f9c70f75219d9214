--- A process of its own on the virtual loop, with its faults: it stands still (SIGSTOP), is killed, or is cut off from the others.
--- It has the interface of a loop; what it does not change is the loop's below it.
local process = {}

local Process = {}

local function is_gone(self) return self.killed end

--- Runs fn now, or when the process goes on.  What is of one stream (a connection, the deferred calls) stays in order.
local function enter(self, stream, fn, a, b)
  if is_gone(self) then return end
  if not self.stopped then return self.loop.guard(fn, a, b) end
  self.late[#self.late + 1] = { fn, a, b, stream = stream }
end

-- ---- timers ----

local Timer = {}
local TIMER = { __index = Timer }

function Process:timer(fn, keep)
  local timer = setmetatable({ serial = 0, closed = false }, TIMER)
  timer.inner = self.loop:timer(function()
    local serial = timer.serial
    enter(self, timer, function()
      if not timer.closed and timer.serial == serial then fn() end
    end)
  end, keep)
  self.timers[timer] = true
  timer.process = self
  return timer
end

function Timer:start(delay_s)
  if self.closed then error("the timer is closed", 2) end
  self.serial = self.serial + 1
  self.inner:start(delay_s > 0 and math.max(delay_s, 1e-6) or delay_s) -- its own clock is rounded otherwise: it would fire for ever
end

function Timer:stop()
  self.serial = self.serial + 1
  self.inner:stop()
end

function Timer:close()
  self.closed = true
  self.process.timers[self] = nil
  self.inner:close()
end

function Process:defer(fn, arg)
  self.loop:defer(function() enter(self, "deferred", fn, arg) end)
end

function Process:now() return self.loop:now() - self.behind_s end
function Process:precise() return self.loop:precise() - self.behind_s end

-- A process keeps nobody else alive.
function Process:hold() end -- luacheck: no self
function Process:release() end -- luacheck: no self

-- ---- connections ----

--- Is this connection cut?
local function is_cut(one, port) return one.cut == true or one.cut == port and port ~= nil end

local Transport = {}
local TRANSPORT = { __index = function(self, name)
  if Transport[name] then return Transport[name] end
  local value = self.inner[name]
  if type(value) ~= "function" then return value end
  return function(_, ...) return value(self.inner, ...) end
end }

function Transport:start(on_data, on_close)
  local one = self.process
  local function arrives(fn, a, b)
    if is_cut(one, self.port) then
      one.held[#one.held + 1] = function() enter(one, self, fn, a, b) end
    else
      enter(one, self, fn, a, b)
    end
  end
  self.inner:start(function(octets) arrives(on_data, octets) end, function(message, code) arrives(on_close, message, code) end)
end

function Transport:write(octets)
  local one = self.process
  if is_gone(one) then return end
  if not is_cut(one, self.port) then return self.inner:write(octets) end
  one.held[#one.held + 1] = function() self.inner:write(octets) end
end

local function leave(name)
  Transport[name] = function(self)
    self.process.transports[self] = nil
    local one = self.process
    if not is_cut(one, self.port) then return self.inner[name](self.inner) end
    one.held[#one.held + 1] = function() self.inner[name](self.inner) end
  end
end
leave "close"
leave "reset"

local function wrap(one, inner, port)
  local transport = setmetatable({ inner = inner, process = one, port = port }, TRANSPORT)
  one.ports[inner.local_port] = true
  one.transports[transport] = true
  return transport
end

--- Listens: connections that come while it stands still are there when it goes on.
function Process:listen(o, callback)
  local one = self
  local listener, message, code = self.loop:listen(o, function(inner)
    local transport = wrap(one, inner, o.port)
    enter(one, transport, function() callback(transport) end)
  end)
  if listener then self.listeners[listener] = true end
  return listener, message, code
end

function Process:signal(name, fn)
  local signal = self.loop:signal(name, fn)
  self.listeners[signal] = true
  return signal
end

function Process:connect(o, callback)
  local one = self
  if is_cut(one, o.port) then
    local timer
    local connect = { cancel = function() timer:close() end }
    timer = one:timer(function()
      timer:close()
      callback(nil, "connection timed out", "connect_failed")
    end)
    timer:start(o.timeout_s or 30)
    return connect
  end
  return self.loop:connect(o, function(inner, message, code)
    if is_gone(one) then return inner and inner:reset() end
    local transport = inner and wrap(one, inner, o.port)
    enter(one, callback, function() callback(transport or nil, message, code) end)
  end)
end

-- ---- faults ----

--- Stands still: what comes meanwhile happens afterwards, in any order that the system may choose.
---@param is_suspended boolean?  with its machine: its monotonic clock stands still, too
function Process:stop(is_suspended) self.stopped, self.stopped_at, self.is_suspended = true, self.loop:now(), is_suspended end

--- Goes on.
---@param random? fun(n: integer): integer  of the order of what is late
function Process:go_on(random)
  self.resumed_at = self.loop:now()
  self.stood_s, self.stopped = self.stopped and self.resumed_at - self.stopped_at or 0, false
  if self.is_suspended then self.behind_s = self.behind_s + self.stood_s end
  local late = self.late
  self.late = {}
  while late[1] do
    local i = random and random(#late) or 1
    for j = 1, i do
      if late[j].stream == late[i].stream then -- the first of its stream
        i = j
        break
      end
    end
    local item = table.remove(late, i)
    enter(self, item.stream, item[1], item[2], item[3])
  end
end

--- kill -9: its connections are closed by the system.
function Process:kill()
  self.killed = true
  for timer in pairs(self.timers) do timer.inner:close() end
  for transport in pairs(self.transports) do transport.inner:reset() end
  for one in pairs(self.listeners) do one:close() end
  self.timers, self.transports, self.listeners, self.late, self.held = {}, {}, {}, {}, {}
end

--- The network between it and all others is cut, or whole again: what was sent meanwhile arrives late.
---@param on boolean|integer  a port: only connections to it
function Process:cut_off(on)
  self.cut = on
  local held = self.held
  if on then return end
  self.held = {}
  for _, fn in ipairs(held) do fn() end
end

--- A process.
---@param loop smpp.VirtualLoop
---@return table
function process.new(loop)
  return setmetatable({
    loop = loop, guard = loop.guard, stopped = false, killed = false, cut = false, is_suspended = false,
    stopped_at = nil, resumed_at = -math.huge, stood_s = 0, behind_s = 0, -- when it stood still, for how long; how far its clock is behind
    ports = {},                -- its own, of connections
    late = {}, held = {}, timers = {}, transports = {}, listeners = {},
  }, { __index = function(_, name)
    if Process[name] then return Process[name] end
    local value = loop[name]
    if type(value) ~= "function" then return value end
    return function(_, ...) return value(loop, ...) end
  end })
end

return process
