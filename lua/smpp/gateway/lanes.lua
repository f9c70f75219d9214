--- Order by destination, where nodes share the store: messages for a carrier with `order = "destination"` are in lanes by their destination, and
--- a node that has taken one of a lane is the only one that takes from it, until it has none of it any more.
local core = require "smpp.core"

local lanes = {}

---@class smpp.Lanes
local Lanes = {}
local mt = { __index = Lanes, __name = "smpp.Lanes" }

local LANES = 1024
local FREE_S = 0.05 -- before lanes without messages are given up: the next may follow
local KEY = ("smpp lanes"):rep(2):sub(1, 16)

---@param gateway smpp.Gateway
---@param loop smpp.Loop
---@param give_up fun()  has the store learn what `free` says
---@return smpp.Lanes
function lanes.new(gateway, loop, give_up)
  return setmetatable({
    gateway = gateway,
    counts = {},               -- lane -> messages that this node has
    unused = {}, has_unused = false, -- lanes that the store still has as this node's
    timer = loop:timer(give_up, true), closed = false,
  }, mt)
end

--- The lane of a message; nil: none of its carriers wants an order.
---@param decision smpp.Decision
---@param to string  its destination, as carriers get it
---@return integer?
function Lanes:of(decision, to)
  for _, name in ipairs(decision.action == "via" and decision.names or {}) do
    local carrier = self.gateway.by_name[name]
    if carrier and carrier.read.order then
      local a, b = core.map.digest(to, KEY):byte(1, 2)
      return (a * 256 + b) % LANES
    end
  end
end

--- This node has taken a message of a lane.
---@param lane integer
function Lanes:took(lane) self.counts[lane], self.unused[lane] = (self.counts[lane] or 0) + 1, nil end

--- This node has it no more.
---@param lane integer
function Lanes:left(lane)
  local count = self.counts[lane]
  if not count then return end -- of a life before
  self.counts[lane] = count > 1 and count - 1 or nil
  if count > 1 then return end
  self.unused[lane] = true
  if self.has_unused or self.closed then return end -- closed: they are free when this node's life is over
  self.has_unused = true
  self.timer:start(FREE_S)
end

--- Another engine has taken over, which may have been behind: what was given up there is given up again.
function Lanes:give_up_again()
  for lane = 0, LANES - 1 do
    if not self.counts[lane] then self.unused[lane] = true end
  end
  if self.has_unused or self.closed then return end
  self.has_unused = true
  self.timer:start(FREE_S)
end

--- The lanes that are to be given up.
---@return integer[]
function Lanes:free()
  local list = {}
  for lane in pairs(self.unused) do list[#list + 1] = lane end
  self.unused, self.has_unused = {}, false
  return list
end

--- The node has a new life.
function Lanes:forget() self.counts, self.unused, self.has_unused = {}, {}, false end

function Lanes:close()
  self.closed = true
  self.timer:close()
end

return lanes
