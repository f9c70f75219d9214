--- What a gateway that is one of several nodes prints of them: a line for each change.
local shown = require "smpp.base.shown"

local lines = {}

local function lease(what)
  return function(r) return ("lease %s %d %s"):format(shown.text(r.carrier), r.slot, r.from and "from " .. shown.text(r.from) or what) end
end

local function node(what)
  return function(r) return ("node %s %s"):format(shown.text(r.name), what) end
end

local LINES = {
  lease_given = lease "given", lease_lost = lease "lost", lease_taken = lease "taken",
  node_dead = node "dead", node_joined = node "joined", node_left = node "left",
  store_away = function(r) return "store away: " .. shown.text(r.reason) end,
  store_back = function(r) return ("store back after %.0f s"):format(r.after_s) end,
  store_engine = function(r) return ("store engine %s %s durable %s"):format(r.address, shown.text(r.version), r.durable) end,
  store_failover = function(r) return ("store failover: %s → %s"):format(tostring(r.from), tostring(r.to)) end,
}

--- The line of a record of the log.
---@param record table
---@return string?  nil: it is of something else
function lines.of(record)
  local line = LINES[record.event]
  return line and line(record)
end

return lines
