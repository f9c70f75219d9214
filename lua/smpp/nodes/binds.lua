--- Binds of customers, counted over all nodes: each node says how many it has, so a call that is made twice counts once.
local scripts = require "smpp.nodes.scripts"

local binds = {}

---@class smpp.BindCounts
local BindCounts = {}
local mt = { __index = BindCounts, __name = "smpp.BindCounts" }

---@param nodes smpp.Nodes
---@return smpp.BindCounts
function binds.new(nodes) return setmetatable({ nodes = nodes, counts = {}, others = {} }, mt) end

--- Within what this node last knew of the others?
local function fits(self, account, count, most)
  return not most or count + (self.others[account] or 0) <= most
end

--- Counts; where the engine is away, within the last known share.
---@param account string
---@param count integer  how many this node has, with the one in question; less than before is always right
---@param most integer?
---@param done fun(ok: boolean)
function BindCounts:set(account, count, most, done)
  local nodes, before = self.nodes, self.counts[account] or 0
  if not nodes:can_ask() then
    local ok = count <= before or fits(self, account, count, most)
    if ok then self:keep(account, count) end
    return done(ok)
  end
  nodes.engine:run(scripts.binds, { 1, nodes.place, account, nodes.run, count, most or "" }, 6, function(reply)
    local ok
    if type(reply) == "table" then
      self.others[account], ok = reply[2], reply[1] == 1
    else -- whether the engine has counted it is unknown: it is told again, when it answers
      ok = count <= before or fits(self, account, count, most)
      self.counts[account] = before
    end
    if ok then self:keep(account, count) end
    done(ok)
  end)
end

--- How many there are over all nodes; done(nil): the engine does not say.
---@param account string
---@param done fun(count: integer?)
function BindCounts:read(account, done)
  local nodes = self.nodes
  if not nodes:can_ask() then return done(nil) end
  nodes:ask(scripts.bound, done, account)
end

---@private
function BindCounts:keep(account, count) self.counts[account] = count end

--- Tells the engine all counts: after a new connection, and in a new life, with which those of the one before fall.
function BindCounts:again()
  local nodes = self.nodes
  for account, count in pairs(self.counts) do
    nodes.engine:run(scripts.binds, { 1, nodes.place, account, nodes.run, count, "" }, 6, function(reply)
      if type(reply) == "table" then self.others[account] = reply[2] end
    end)
  end
end

return binds
