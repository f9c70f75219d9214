--- A TCP proxy that injects faults: it cuts, delays, corrupts, stalls or half-closes connections after so many octets.
local proxy = {}

---@class spec.Fault
---@field what "cut"|"close"|"half_close"|"garble"|"stall"|nil  nil: none
---@field direction "up"|"down"?  whose octets are counted: up is from the one that connects
---@field after integer?          octets that pass before it
---@field delay_s number?         for everything, both ways

local Proxy = {}
local mt = { __index = Proxy }

--- Calls a function later, unless the proxy is closed before.
local function later(self, seconds, fn)
  if seconds <= 0 then return fn() end
  local timer
  timer = self.loop:timer(function()
    self.timers[timer] = nil
    timer:close()
    fn()
  end, true)
  self.timers[timer] = true
  timer:start(seconds)
end

local function drop(self, link, how)
  if link.over then return end
  link.over, self.links[link] = true, nil
  link.from[how](link.from)
  link.to[how](link.to)
end

--- Applies the fault to a chunk.  Returns the part that passes.
local function spoil(self, link, way, octets)
  local fault = link.fault
  local room = fault.after - way.seen
  way.seen = way.seen + #octets
  if not fault.what or fault.direction ~= way.name or way.seen <= fault.after then return octets end
  local passes = octets:sub(1, math.max(0, room))
  if fault.what == "garble" then return passes .. ("\255"):rep(#octets - #passes) end
  self.spoilt[fault.what] = (self.spoilt[fault.what] or 0) + 1
  way.dead = true
  if fault.what == "cut" then
    later(self, fault.delay_s + 0.01, function() drop(self, link, "reset") end)
  elseif fault.what == "close" then
    later(self, fault.delay_s + 0.01, function() drop(self, link, "close") end)
  elseif fault.what == "half_close" then
    later(self, fault.delay_s + 0.01, function() if not link.over then way.target:shutdown() end end)
  end
  return passes
end

local function pipe(self, link, source, target, name)
  local way = { name = name, target = target, seen = 0, dead = false }
  source:start(function(octets)
    if way.dead or self.is_cut then return end
    octets = spoil(self, link, way, octets)
    later(self, link.fault.delay_s, function()
      if not link.over and octets ~= "" then target:write(octets) end
    end)
  end, function(message)
    if link.fault.what == "stall" and way.dead then return end -- the other side sees no end
    later(self, link.fault.delay_s, function()
      if link.over then return end
      link.ended = (link.ended or 0) + 1
      if message then return drop(self, link, "reset") end
      target:shutdown()
      if link.ended == 2 then drop(self, link, "close") end
    end)
  end)
end

--- Listens on a free port of 127.0.0.1 and forwards each connection.
---@param loop smpp.Loop
---@param port integer  of the server on 127.0.0.1
---@param choose fun(n: integer): spec.Fault?  the fault of the n-th connection
---@return table proxy  { port, count, spoilt, is_cut, close() }  is_cut: set it, and nothing passes any more
function proxy.open(loop, port, choose)
  local self = setmetatable({ loop = loop, links = {}, timers = {}, connects = {}, count = 0, spoilt = {} }, mt)
  self.listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(from)
    self.count = self.count + 1
    local fault = choose(self.count) or {}
    fault.after, fault.delay_s = fault.after or 0, fault.delay_s or 0
    local connect
    connect = loop:connect({ host = "127.0.0.1", port = port }, function(to)
      self.connects[connect] = nil
      if not to then return from:reset() end
      local link = { from = from, to = to, fault = fault }
      self.links[link] = true
      pipe(self, link, from, to, "up")
      pipe(self, link, to, from, "down")
    end)
    self.connects[connect] = from
  end))
  self.port = self.listener.port
  return self
end

--- Closes the open connections; new ones are accepted.
function Proxy:drop_all()
  for link in pairs(self.links) do drop(self, link, "reset") end
end

function Proxy:close()
  self.listener:close()
  for connect, from in pairs(self.connects) do
    connect:cancel()
    from:reset()
  end
  self:drop_all()
  for timer in pairs(self.timers) do timer:close() end
  self.timers = {}
end

return proxy
