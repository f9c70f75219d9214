--- The binds of a carrier as leases, where several nodes have one gateway: it binds where it holds a slot, and while it does.

local limits = require "smpp.gateway.limits"

local leasing = {}

---@class smpp.Leasing
---@field leases smpp.Leases?
local Leasing = {}
local mt = { __index = Leasing, __name = "smpp.Leasing" }

local DRAIN_S = 5 -- for the answers to what was sent, before a slot is given back

-- Another node's bind may still stand at the carrier, which cannot know that it is over: no failure, it is tried again.
local TAKEN = { ESME_RALYBND = true, ESME_RBINDFAIL = true }

--- How a lease and a place tell each other.
local function owner_of(self, lease)
  local carrier = self.carrier
  return {
    may_bind = function() return lease:is_held(carrier.loop:precise()) end,
    may_write = function() return lease:may_write(carrier.loop:precise()) end,
    up = function() lease:bound() end,
    down = function() lease:unbound() end,
    failed = function(code)
      if not TAKEN[code] then lease:failed() end
    end,
  }
end

--- Opens its leases, when those of a carrier of this name before are given back.
---@param carrier smpp.Carrier
---@param nodes smpp.Nodes
---@return smpp.Leasing
function leasing.open(carrier, nodes)
  local self = setmetatable({ carrier = carrier, nodes = nodes, leases = nil, places = {}, has_rate = false, closed = false }, mt)
  local o = carrier.client.options
  self.has_rate = limits.of_carrier(nodes, carrier.name, carrier.client)
  nodes:when_free(carrier.name, function()
    if self.closed then return end
    self.leases = nodes:leases(carrier.name, {
      binds = o.binds or #o.hosts,
      taken = function(lease) self.places[lease] = carrier.client:open_place(lease.slot, owner_of(self, lease)) end,
      lost = function(lease, why) self:take(lease):drop(lease.close_s, "lease lost: " .. why) end,
      give_back = function(lease, why)
        self.places[lease]:drain(DRAIN_S, function()
          self.places[lease] = nil
          lease:done()
        end, "lease given back: " .. why)
      end,
    })
  end)
  return self
end

---@private
function Leasing:take(lease)
  local place = self.places[lease]
  self.places[lease] = nil
  return place
end

--- The rate of all nodes; it may have become another one.
local function carrier_rate(self) return self.carrier.client.outbox.rate end

--- Gives all back, drained.
---@param done fun()
function Leasing:close(done)
  self.closed = true
  local function finish()
    if self.has_rate then carrier_rate(self):close() end
    done()
  end
  if not self.leases then return finish() end
  self.leases:stop(finish)
end

return leasing
