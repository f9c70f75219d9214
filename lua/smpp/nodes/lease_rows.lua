--- What the engine has of a carrier's leases, as of the last reply: who holds which slot, and how many each node wants.
local lease = require "smpp.nodes.lease"
local sightings = require "smpp.nodes.sightings"

local lease_rows = {}

---@class smpp.LeaseRows
---@field rows table<integer, string>   by slot: "run fence beat"
---@field wants table<string, { binds: integer, most: integer }>  by run
---@field is_complete boolean           both have come
---@field seen smpp.Sightings           of rows
local LeaseRows = {}
local mt = { __index = LeaseRows, __name = "smpp.LeaseRows" }

---@param nodes smpp.Nodes
---@return smpp.LeaseRows
function lease_rows.new(nodes)
  return setmetatable({ nodes = nodes, rows = {}, wants = {}, is_complete = false, seen = sightings.new(nodes.lease_s + 1) }, mt)
end

--- Notes the rows.
---@param list string[]  slots and values
function LeaseRows:note(list)
  local now, nodes = self.nodes.loop:now(), self.nodes
  self.rows = {}
  for i = 1, #list, 2 do self.rows[tonumber(list[i])] = list[i + 1] end
  for slot in pairs(self.seen.values) do
    if not self.rows[slot] then self.seen:note(slot, nil, now) end
  end
  for slot, value in pairs(self.rows) do
    self.seen:note(slot, value, now)
    nodes:saw_fence((select(2, lease.read(value))))
  end
end

--- Notes all of it.
---@param list string[]   slots and values
---@param wants string[]  runs and "binds most"
function LeaseRows:read(list, wants)
  self:note(list)
  self.wants, self.is_complete = {}, true
  for i = 1, #wants, 2 do
    local binds, most = wants[i + 1]:match "^(%d+) (%d+)$"
    self.wants[wants[i]] = { binds = tonumber(binds), most = tonumber(most) }
  end
end

--- Run, fence and beat of a slot; nothing: it is free.
---@param slot integer
---@return string? run
---@return number? fence
---@return number? beat
function LeaseRows:of(slot) return lease.read(self.rows[slot] or "") end

--- Slots over all nodes: the smallest number in the files of the live ones.
---@param binds integer  in this one's
---@return integer
function LeaseRows:slots(binds)
  for run, want in pairs(self.wants) do
    if want.binds < binds and self.nodes:is_run_live(run) then binds = want.binds end
  end
  return binds
end

--- The live nodes that share the slots, but this one.
---@return smpp.ShareOf[]
function LeaseRows:others()
  local nodes, held, list = self.nodes, {}, {}
  for _, value in pairs(self.rows) do
    local run = lease.read(value)
    if run then held[run] = (held[run] or 0) + 1 end
  end
  for run, want in pairs(self.wants) do
    if run ~= nodes.run and nodes:is_run_live(run) then
      list[#list + 1] = { name = nodes.others:name_of(run), held = held[run] or 0, most = want.most }
    end
  end
  return list
end

--- Could another of them hold more than it does?
---@return boolean
function LeaseRows:others_may()
  for _, node in ipairs(self:others()) do
    if node.most > node.held then return true end
  end
  return false
end

--- What was seen is old: another engine, another life.
function LeaseRows:forget() self.is_complete = false end

return lease_rows
