--- The network of a scenario in virtual time: latency, jitter, bandwidth, partitions, and connections that are cut.
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"

local network = {}

network.options = schema.new {
  { "latency_s", kind.seconds }, { "jitter_s", kind.seconds }, { "bandwidth_octets_per_s", kind.rate }, { "cut", kind.real(0, 1) },
  { "partition", "table" },
}

local CUT_OCTETS = 2000 -- a connection that is cut dies within so many octets

--- The name of the actor that listens on a port.
local function listener_of(world, port)
  for _, actor in ipairs(world.actors) do
    if rawget(actor, "connections") and actor.port == port then return actor end
  end
end

local function is_apart(world, entry)
  local apart = world.net and world.net.partition
  if not apart then return false end
  local one, other = listener_of(world, entry.wire.port), world.ports[entry.port]
  if not one then return false end
  if not other then return one.name == apart[1] or one.name == apart[2] end -- the connecting actor is not known yet: stalled until it is
  return one.name == apart[1] and other == apart[2] or one.name == apart[2] and other == apart[1]
end

local function directions(entry) return ipairs { entry.wire.a_to_b, entry.wire.b_to_a } end

--- Stalls a connection whose ends are partitioned, or lets it go on.
local function apply_partition(world, entry)
  local apart = is_apart(world, entry)
  if apart == entry.apart then return end
  entry.apart = apart
  for _, direction in directions(entry) do
    if apart then direction:stall() else direction:resume() end
  end
end

local function apply(world, entry)
  local o = world.net or {}
  for _, direction in directions(entry) do
    local latency, jitter = o.latency_s or 0, o.jitter_s or 0
    direction.latency_s = jitter > 0 and function() return latency + jitter * world.random() end or latency
    direction.octets_per_s = o.bandwidth_octets_per_s
  end
  apply_partition(world, entry)
end

--- Follows the connections of a virtual loop.
---@param world smpp.ScenarioWorld
function network.watch(world)
  world.wires, world.wire_changes = {}, {}
  world.loop:on_link(function(wire)
    local entry = { wire = wire, port = wire.b.peer.port, apart = false }
    table.insert(world.wires, entry)
    apply(world, entry)
    local o = world.net or {}
    if o.cut and world.random() < o.cut then
      local direction = world.random() < 0.5 and wire.a_to_b or wire.b_to_a
      direction:cut_after(math.floor(world.random() * CUT_OCTETS))
    end
    world:changed(world.wire_changes)
  end)
end

--- The actor that made a connection is known now: applies the partition to it.
---@param world smpp.ScenarioWorld
function network.resolved(world)
  for _, entry in ipairs(world.wires or {}) do apply_partition(world, entry) end
  if world.wire_changes then world:changed(world.wire_changes) end
end

--- Changes the network, for connections that exist and those to come.
---@param world smpp.ScenarioWorld
---@param given table
function network.set(world, given)
  world:check_options(network.options, given, "network")
  local o = schema.merge(given)
  if o.partition then
    local names = {}
    for i, actor in ipairs(o.partition) do names[i] = type(actor) == "table" and actor.name or actor end
    if #names ~= 2 or not (world.names[names[1]] and world.names[names[2]]) then world:misuse "partition: expected two actors" end
    o.partition = names
  end
  world.net = o
  for _, entry in ipairs(world.wires) do apply(world, entry) end
end

---@class smpp.ScenarioLink  one end of a connection
local Link = {}
local LINK = { __index = Link, __name = "smpp.ScenarioLink" }

--- Cuts the connection after so many octets that this actor sends from now on.
---@param octets integer
function Link:cut_after(octets) self.out:cut_after(self.out.delivered + octets) end

--- Cuts the connection: both ends see a reset.
function Link:cut() self.wire:cut() end

--- Nothing passes, in either direction, until `resume`.
function Link:stall()
  for _, direction in directions(self) do direction:stall() end
end

--- Ends a stall.
function Link:resume()
  for _, direction in directions(self) do direction:resume() end
end

--- An actor's end of its n-th connection; waits for the connection.
---@async
---@param world smpp.ScenarioWorld
---@param actor table
---@param n? integer  default 1
---@return smpp.ScenarioLink
function network.link(world, actor, n)
  world:check_alive()
  world:need_virtual "link"
  local function find()
    local count = 0
    for _, entry in ipairs(world.wires) do
      local listens = rawget(actor, "connections") and entry.wire.port == actor.port
      if listens or world.ports[entry.port] == actor.name then
        count = count + 1
        if count == (n or 1) then return setmetatable({ wire = entry.wire, out = listens and entry.wire.b_to_a or entry.wire.a_to_b }, LINK) end
      end
    end
  end
  return world:await(world.within_s, world.wire_changes, find)
    or world:abort { kind = "expect", actor = actor.name, message = ("expected connection %d of %s"):format(n or 1, actor.name) }
end

return network
