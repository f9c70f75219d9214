--- How many of a carrier's binds each node is to hold: as even as what each can hold allows.  All nodes come to the same result, since all see
--- the same table.
local core = require "smpp.core"

local share = {}

---@class smpp.ShareOf  a live node
---@field name string
---@field held integer  slots that it has
---@field most integer  slots that it can hold

--- Each node's share.  Where they cannot be equal, who holds more keeps more.
---@param carrier string
---@param binds integer
---@param nodes smpp.ShareOf[]
---@return table<string, integer> shares  by name
function share.of(carrier, binds, nodes)
  local order, shares, ranks = {}, {}, {}
  for i, node in ipairs(nodes) do
    order[i], shares[node.name], ranks[node.name] = node, 0, core.sha256(carrier .. " " .. node.name) -- another order for each carrier
  end
  table.sort(order, function(a, b)
    if a.held ~= b.held then return a.held > b.held end
    if ranks[a.name] ~= ranks[b.name] then return ranks[a.name] < ranks[b.name] end
    return a.name < b.name
  end)
  for _ = 1, binds do
    local least
    for _, node in ipairs(order) do
      local own = shares[node.name]
      if own < node.most and (not least or own < shares[least]) then least = node.name end
    end
    if not least then break end
    shares[least] = shares[least] + 1
  end
  return shares
end

return share
