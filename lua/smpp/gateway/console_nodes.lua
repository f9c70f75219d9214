--- The nodes of a gateway for its console: who lives, who holds which bind, what waits, and the engine; the same as `smpp nodes`.
local json = require "smpp.codec.json"
local samples = require "smpp.gateway.console_samples"
local status = require "smpp.nodes.status"

local rounded = samples.rounded

local console_nodes = {}

local READ_S = 2   -- the engine is asked no more often, however many pages are open
local SHOWN = 200  -- nodes, carriers, queues and accounts

local function list_of(items, fn)
  local list = {}
  for i = 1, math.min(#items, SHOWN) do list[i] = fn(items[i]) end
  return json.list(list)
end

--- Carriers with their slots: which node has which.
local function carriers_of(self, read)
  local by_name, list = {}, {}
  local function get(name)
    if not by_name[name] then
      by_name[name] = { name = name, slots = {} }
      list[#list + 1] = by_name[name]
    end
    return by_name[name]
  end
  for _, carrier in ipairs(self.gateway.carriers) do
    local o = carrier.client and carrier.client.options
    get(carrier.name).binds = o and self.gateway.nodes:least(("carrier %s: binds"):format(carrier.name), o.binds or #o.hosts)
  end
  for _, node in ipairs(read.nodes) do
    for _, lease in ipairs(node.leases) do table.insert(get(lease.carrier).slots, { slot = lease.slot, node = node.node }) end
  end
  for _, one in ipairs(list) do table.sort(one.slots, function(x, y) return x.slot < y.slot end) end
  return list
end

local function node_object(self, read)
  local own, first = self.gateway.node.name, read.nodes[1]
  return function(one)
    return json.object({
      "name", one.node, "state", one.state, "is_self", one.node == own, "address", one.address, "version", one.version,
      "beat_s", rounded(one.beat_s, 0.1), "config", one.config, "differs", one.config ~= first.config, "binds", one.binds, "working", one.working,
    }, 20)
  end
end

local function read_object(self, read)
  local engine = read.engine
  return json.object {
    "engine", json.object({
      "address", engine.address, "version", engine.version, "role", engine.role, "replicas", engine.replicas, "used", engine.used, "max", engine.max,
      "policy", engine.policy, "fsync", engine.fsync, "round_trip_s", rounded(engine.round_trip_ms / 1000, 1e-5),
    }, 18),
    "nodes", list_of(read.nodes, node_object(self, read)),
    "carriers", list_of(carriers_of(self, read), function(one)
      return json.object { "name", one.name, "binds", one.binds or json.null, "slots", list_of(one.slots, function(slot)
        return json.object { "slot", slot.slot, "node", slot.node }
      end) }
    end),
    "queues", list_of(read.queues, function(one)
      return json.object { "carriers", one.carrier, "waiting", one.waiting, "oldest_s", rounded(one.oldest_s, 0.1) }
    end),
    "accounts", list_of(read.accounts, function(one)
      return json.object { "name", one.account, "waiting", one.waiting, "credit", one.credit or json.null }
    end),
  }
end

--- What the engine has of all nodes.
---@async
---@param self smpp.GatewayConsole
---@return table? object
---@return string? message  the engine is away
---@return string? code     "store"
function console_nodes.read(self)
  local now = self.loop:now()
  local kept = self.nodes_read
  if kept and now - kept.at < READ_S then return kept.object end
  local node = self.gateway.node
  if not node then return nil, "this gateway is one node", "not_found" end
  local read, message
  if node.nodes.engine:can_ask() then read, message = status.read(node.client, node.nodes.place) end
  if not read then return nil, "the engine is away: " .. tostring(message or node.nodes.engine.why), "store" end
  self.nodes_read = { at = now, object = read_object(self, read) }
  return self.nodes_read.object
end

return console_nodes
