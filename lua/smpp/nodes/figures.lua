--- The metrics of nodes, with the label node on all; docs/metrics.md has the table.
local registry = require("smpp.metrics").registry

local figures = {
  errors = registry:counter("smpp_store_errors", "Calls of the engine without a result, by what it said.", { "node", "error" }),
  failovers = registry:counter("smpp_store_failovers", "Engines that have taken another's place, or have started again.", { "node" }),
  lost = registry:counter("smpp_lease_lost", "Leases that ended by themselves.", { "node", "carrier" }),
  round_trips = registry:histogram("smpp_store_round_trip_seconds", "Round trips of beats and leases to the engine.", { "node" },
    { unit = "seconds", bounds = { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2 } }),
}

local open = setmetatable({}, { __mode = "k" }) -- smpp.Nodes, until they are closed

local function computed(name, help, labels, each)
  registry:computed("gauge", name, help, labels, function(put)
    for nodes in pairs(open) do each(nodes, put) end
  end)
end

computed("smpp_store_up", "Does the engine answer?  1: yes.", { "node" }, function(nodes, put)
  put(nodes.engine:can_ask() and not nodes.engine.is_away and 1 or 0, nodes.name)
end)

computed("smpp_store_waiting", "Messages in the engine that are not final.", { "node" }, function(nodes, put)
  put(nodes.room.waiting, nodes.name)
end)

computed("smpp_store_octets", "Octets of messages that are not final, and of what waits for customers.", { "node" }, function(nodes, put)
  put(nodes.room.octets, nodes.name)
end)

computed("smpp_lease_held", "Binds of a carrier that this node may have.", { "node", "carrier" }, function(nodes, put)
  for carrier, leases in pairs(nodes.all_leases) do put(leases.count, nodes.name, carrier) end
end)

computed("smpp_nodes_live", "Nodes that live, as this one sees it.", { "node" }, function(nodes, put)
  local count = 0
  for _, one in ipairs(nodes:nodes()) do count = count + (one.state ~= "dead" and 1 or 0) end
  put(count, nodes.name)
end)

computed("smpp_config_differs", "Nodes whose files differ from this one's.", { "node" }, function(nodes, put)
  local count = 0
  for name in pairs(nodes.others.differing) do count = count + (nodes.others.records[name] and 1 or 0) end
  put(count, nodes.name)
end)

--- A node has started.
---@param nodes smpp.Nodes
function figures.opened(nodes) open[nodes] = true end

--- A node has ended.
---@param nodes smpp.Nodes
function figures.closed(nodes) open[nodes] = nil end

return figures
