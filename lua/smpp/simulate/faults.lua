--- The faults of a simulation: what each does, and a function that ends it, where it lasts.

local function open_links(self)
  local list = {}
  for _, link in ipairs(self.links) do
    if not link.a.closed and not link.b.closed then list[#list + 1] = link end
  end
  return list
end

local function link_of(self, fault)
  local list = open_links(self)
  return #list > 0 and list[(fault.link - 1) % #list + 1] or nil
end

local function each_direction(self, fn)
  for _, link in ipairs(self.links) do
    fn(link.a_to_b)
    fn(link.b_to_a)
  end
end

local FAULTS = {}

--- A connection is reset.
function FAULTS.cut(self, fault)
  local link = link_of(self, fault)
  if link then link:cut() end
end

--- A connection is reset after so many octets.
function FAULTS.cut_after(self, fault)
  local link = link_of(self, fault)
  if not link then return end
  local direction = fault.octets % 2 == 0 and link.a_to_b or link.b_to_a
  direction:cut_after(direction.delivered + fault.octets)
end

--- Nothing arrives on a connection.
function FAULTS.stall(self, fault)
  local link = link_of(self, fault)
  if not link then return end
  link.a_to_b:stall()
  link.b_to_a:stall()
  return function()
    link.a_to_b:resume()
    link.b_to_a:resume()
  end
end

--- All octets take their time.
function FAULTS.latency(self, fault)
  self.latency_s = fault.value
  each_direction(self, function(direction) direction.latency_s = fault.value end)
  return function()
    self.latency_s = 0
    each_direction(self, function(direction) direction.latency_s = 0 end)
  end
end

--- All octets arrive in small pieces.
function FAULTS.chunk(self, fault)
  self.chunk = fault.value
  each_direction(self, function(direction) direction.chunk = fault.value end)
  return function()
    self.chunk = nil
    each_direction(self, function(direction) direction.chunk = 65536 end)
  end
end

--- A port refuses connections.
function FAULTS.refuse(self, fault)
  local port = self.ports[(fault.link - 1) % #self.ports + 1]
  self.loop:refuse("127.0.0.1", port)
  return function() self.loop:refuse("127.0.0.1", port, false) end
end

--- The message centre that a fault is of.
local function centre_of(self, fault) return self.centres[(fault.link - 1) % #self.centres + 1] end

local function setting(name, value)
  return function(self, fault)
    local mc = centre_of(self, fault)
    mc:set { [name] = value or fault.value }
    return function() mc:set { [name] = mc.default } end
  end
end

FAULTS.throttle = setting("throttle", { rate_per_s = 1 })
FAULTS.slow = setting("latency_s")
FAULTS.silence = setting("faults", { drop = 100 })

--- A message centre resets its connections.
function FAULTS.drop(self, fault) centre_of(self, fault):drop(nil, "reset") end

--- A message centre unbinds its ESMEs.
function FAULTS.unbind(self, fault) centre_of(self, fault):drop(nil, "unbind") end

--- The gateway loads its file again.
function FAULTS.reload(self)
  if self.relay then self.relay:reload() end
end

--- Kind of fault -> fn(stage, fault), which returns what undoes it; nil: it does not last.
---@type table<string, fun(self: table, fault: table): fun()?>
return FAULTS
