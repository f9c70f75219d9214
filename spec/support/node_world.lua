--- Several nodes beside an engine on the virtual loop, with carriers whose binds are leases, and what must always be true of them.
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes"
local processes = require "spec.support.process_loop"
local task = require "smpp.base.task"
local util = require "spec.support.util"
local valkey = require "smpp.valkey"
local virtual = require "smpp.loop.virtual"

local world = {}

local World = {}
local mt = { __index = World }

--- A body for `it`.
---@param fn fun(world: table, loop: smpp.VirtualLoop)
---@param o table?
function world.with(fn, o)
  return function()
    o = o or {}
    local loop, errors = virtual.new { seed = o.seed or 7 }, {}
    local of_tasks = task.on_error
    local function sink(trace) errors[#errors + 1] = trace end
    loop.on_error, task.on_error = sink, sink
    local self = world.new(loop, { random = o.random or util.random(o.seed or 7), carriers = o.carriers, lease_s = o.lease_s,
      latency_s = o.latency_s })
    local ok, err = pcall(fn, self, loop)
    pcall(self.close, self)
    task.on_error = of_tasks
    if not ok then error(err, 0) end
    if errors[1] then error(errors[1], 0) end
  end
end

---@param loop smpp.VirtualLoop
---@param o { lease_s: number?, carriers: table<string, integer>?, random: fun(n: integer): integer, latency_s: number? }
function world.new(loop, o)
  local self = setmetatable({
    loop = loop, lease_s = o.lease_s or 10, carriers = o.carriers or { a = 4, b = 1 }, random = o.random,
    nodes = {},         -- name -> { process, client, nodes, open = { [carrier] = { [slot] = lease } } }
    engine = models.new(loop, {}), engines = 1,
    lines = {},         -- what nodes have told
    refuses = {},       -- name .. carrier -> true: it cannot bind there
    writes = 0,
  }, mt)
  if o.latency_s then -- each way, each time another
    loop:on_link(function(link)
      for _, direction in ipairs { link.a_to_b, link.b_to_a } do
        direction.latency_s = function() return loop:random() * o.latency_s end
      end
    end)
  end
  function loop.watch() self:check() end
  return self
end

local function delay_of(self, most) return self.random(1000) / 1000 * most end

--- Closes a connection of a node to a carrier.
local function close(one, lease)
  local slots = one.open[lease.carrier]
  if slots[lease.slot] == lease then slots[lease.slot] = nil end
end

local function attempt(self, one, lease)
  if one.open[lease.carrier][lease.slot] ~= lease then return end
  one.nodes:later(0.05 + delay_of(self, 0.3), function()
    if one.open[lease.carrier][lease.slot] ~= lease then return end
    if not lease:is_held(one.process:precise()) then return close(one, lease) end
    if not self.refuses[one.name .. lease.carrier] then return lease:bound() end
    lease:failed()
    attempt(self, one, lease)
  end)
end

local function hold(self, one, carrier, binds)
  one.open[carrier] = {}
  one.leases[carrier] = one.nodes:leases(carrier, {
    binds = binds,
    taken = function(lease)
      one.open[carrier][lease.slot] = lease
      attempt(self, one, lease)
    end,
    lost = function(lease)
      if lease.close_s <= 0 then return close(one, lease) end
      one.nodes:later(lease.close_s, function() close(one, lease) end)
    end,
    give_back = function(lease)
      one.nodes:later(delay_of(self, 1), function()
        if one.open[carrier][lease.slot] ~= lease then return end
        close(one, lease)
        lease:done()
      end)
    end,
  })
end

--- Writes what a gateway would: each turn, on each bind, after a look at the deadline.
local function write(self, one)
  for carrier, slots in pairs(one.open) do
    for slot, lease in pairs(slots) do
      if not lease:is_held(one.process:precise()) then
        if not lease.giving and lease.close_s == nil then close(one, lease) end
      elseif lease.is_bound then
        self.writes = self.writes + 1
        for name, other in pairs(self.nodes) do
          local its = other.open[carrier] and other.open[carrier][slot]
          if name ~= one.name and its and not other.process.killed and not other.process.stopped and its:is_held(other.process:precise()) then
            error(("%s and %s both use %s %d at %.3f"):format(one.name, name, carrier, slot, self.loop:now()), 0)
          end
        end
      end
    end
  end
end

--- Starts a node.
function World:start(name, o)
  local process = processes.new(self.loop)
  local one = { name = name, process = process, open = {}, leases = {}, runs = {} }
  one.client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, loop = process, timeout_s = 2 })
  local settings = { name = name, lease_s = self.lease_s, loop = process, process = "host/1/" .. name .. self.loop.serial,
    has_ended = function(text)
      for _, other in pairs(self.nodes) do
        if other.nodes.process == text then return other.process.killed end
      end
      return self.ended and self.ended[text] or false
    end }
  for key, value in pairs(o or {}) do settings[key] = value end
  one.nodes = nodes.open(one.client, settings)
  for _, event in ipairs { "life", "died", "joined", "left", "dead", "orphans", "away", "back", "failover", "differs", "refused", "lease" } do
    one.nodes:on(event, function(...)
      local words = { ("%.1f"):format(self.loop:now()), name, event }
      for i = 1, select("#", ...) do words[#words + 1] = tostring((select(i, ...))) end
      self.lines[#self.lines + 1] = table.concat(words, " ")
    end)
  end
  one.nodes:on("orphans", function(runs)
    for _, run in ipairs(runs) do one.nodes:settled(run) end
  end)
  local old = self.nodes[name]
  if old then
    self.ended = self.ended or {}
    self.ended[old.nodes.process] = old.process.killed
  end
  self.nodes[name] = one
  for carrier, binds in pairs(o and o.carriers or self.carriers) do hold(self, one, carrier, binds) end
  local timer
  timer = process:timer(function()
    timer:start(0.1)
    write(self, one)
  end)
  timer:start(0.1)
  return one
end

function World:kill(name) self.nodes[name].process:kill() end

--- Does this node count: it runs, and has done so for a second?
local function counts(self, one)
  return not one.process.killed and not one.process.stopped and self.loop:now() - one.process.resumed_at > 1
end

--- How many use each slot, of the nodes that count.
function World:used(carrier)
  local slots, count = {}, 0
  for _, one in pairs(self.nodes) do
    if counts(self, one) then
      for slot in pairs(one.open[carrier] or {}) do
        slots[slot], count = (slots[slot] or 0) + 1, count + 1
      end
    end
  end
  return slots, count
end

--- At every instant: no slot is used twice, and none beyond the number.
function World:check()
  for carrier, binds in pairs(self.carriers) do
    local slots, count = self:used(carrier)
    for slot, times in pairs(slots) do
      if times > 1 or slot > binds then error(("%s %d is used %d times at %.3f"):format(carrier, slot, times, self.loop:now()), 0) end
    end
    if count > binds then error(("%s: %d of %d binds at %.3f"):format(carrier, count, binds, self.loop:now()), 0) end
  end
end

--- Bound slots of each node, as a text: "a: 2+2".
function World:shares(carrier)
  local list = {}
  for name, one in pairs(self.nodes) do
    if not one.process.killed then
      local count = 0
      for _, lease in pairs(one.open[carrier] or {}) do
        if lease.is_bound then count = count + 1 end
      end
      list[#list + 1] = { name, count }
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  local total = 0
  for i, pair in ipairs(list) do
    total = total + pair[2]
    list[i] = pair[1] .. pair[2]
  end
  return table.concat(list, " "), total
end

--- All slots of all carriers are bound?
function World:is_full()
  for carrier, binds in pairs(self.carriers) do
    if select(2, self:shares(carrier)) ~= binds then return false end
  end
  return true
end

--- Advances until all slots are bound; how long that took.
function World:until_full(most_s)
  local began = self.loop:now()
  while not self:is_full() do
    if self.loop:now() - began > most_s then
      error(("not all slots are used after %g s: a %s, b %s\n%s"):format(most_s, self:shares "a", self:shares "b", table.concat(self.lines, "\n")), 0)
    end
    self.loop:advance(0.1)
  end
  return self.loop:now() - began
end

--- Another engine takes the place: with this data, at the same address.
function World:replace_engine(data)
  self.engine.close()
  self.engines = self.engines + 1
  self.engine = models.new(self.loop, { data = data, info = { run_id = "run-" .. self.engines, master_replid = "replid-" .. self.engines } })
end

function World:close()
  self.loop.watch = nil
  for _, one in pairs(self.nodes) do
    one.nodes:close()
    one.client:close()
  end
  self.engine.close()
end

return world
