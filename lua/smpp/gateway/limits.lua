--- Limits of accounts and carriers that several nodes count together: binds and rates.  Before this node has joined the others it counts alone.
local buckets = require "smpp.base.bucket"
local iterate = require "smpp.base.iterate"
local task = require "smpp.base.task"

local pairs = iterate.pairs

local limits = {}

---@class smpp.GatewayLimits: smpp.SharedLimits
local Limits = {}
local mt = { __index = Limits, __name = "smpp.GatewayLimits" }

---@param gateway smpp.Gateway
---@return smpp.GatewayLimits
function limits.new(gateway)
  return setmetatable({
    gateway = gateway, rates = {},
    matched = {}, matched_count = 0, -- grants of rates of rules, by rate and key
  }, mt)
end

--- May this node have so many binds of an account?
---@async
---@param account string
---@param count integer
---@param most integer
---@return boolean
function Limits:bind(account, count, most)
  local nodes = self.gateway.nodes
  if not nodes then return count <= most end
  local token, key, result = task.need(), {}, nil
  nodes:count_binds(account, count, nodes:least(("account %s: max_binds"):format(account), most), function(ok)
    result = ok
    task.wake_for(token, key)
  end)
  if result == nil then task.wait(key) end
  return result
end

--- It has fewer.
---@param account string
---@param count integer
function Limits:unbound(account, count)
  local nodes = self.gateway.nodes
  if nodes then nodes:count_binds(account, count, nil, function() end) end
end

-- ---- rates of accounts ----

---@class smpp.AccountRate
local Rate = {}
local RATE = { __index = Rate, __name = "smpp.AccountRate" }

--- Takes a message of the account.
---@async
---@return boolean
function Rate:admit()
  local gateway = self.gateway
  if not gateway.nodes then return self.bucket:take(gateway.loop:now()) == 0 end
  if not self.grants then
    local account = self.account
    self.grants = gateway.nodes:grants("account:" .. account, self.rate_per_s, ("account %s: rate_per_s"):format(account))
  end
  return self.grants:admit()
end

--- The rate of an account; the same one after a reload.
---@param account string
---@param rate_per_s number
---@return smpp.AccountRate
function Limits:rate(account, rate_per_s)
  local gateway, known = self.gateway, self.rates[account]
  local rate = known or setmetatable({ gateway = gateway, account = account, grants = nil, rate_per_s = nil, bucket = nil }, RATE)
  if rate.rate_per_s ~= rate_per_s then
    rate.rate_per_s, rate.bucket = rate_per_s, buckets.new(rate_per_s, nil, gateway.loop:now())
    if rate.grants then rate.grants:change(rate_per_s) end
  end
  self.rates[account] = rate
  return rate
end

-- ---- rates of rules ----

local MOST_MATCHED = 1000 -- keys, after which those that are of no use are forgotten
local SHORT_S = 1

--- Forgets what the engine knows as well.
local function forget_idle(self)
  self.matched_count = 0
  for name, one in pairs(self.matched) do
    if one:is_idle() then
      one:close()
      self.matched[name] = nil
    else
      self.matched_count = self.matched_count + 1
    end
  end
  self.most_matched = math.max(MOST_MATCHED, 2 * self.matched_count)
end

--- Is a message beyond a rate of the rules, over all nodes?  As of smpp.RouteState.
---@async
---@param msg smpp.RouteMessage  gets `is_uncounted` where the engine does not answer
---@param rate string  its name
---@param key string   for which it is counted
---@param n integer
---@param per_s number
---@return boolean?
function Limits:is_beyond(msg, rate, key, n, per_s)
  local gateway = self.gateway
  local nodes, books = gateway.nodes, gateway.books
  if not nodes then return nil end
  if books and books.is_shared then books:wait_for_life() end
  local name = ("rule:%s %d/%.14g:%s"):format(rate, n, per_s, key)
  local one = self.matched[name]
  if not one then
    if self.matched_count >= (self.most_matched or MOST_MATCHED) then forget_idle(self) end
    one = nodes:grants(name, n / per_s, nil, per_s > SHORT_S and n or nil)
    self.matched[name], self.matched_count = one, self.matched_count + 1
  end
  local taken = one:admit()
  if taken == nil then msg.is_uncounted = true end
  return not taken
end

-- ---- rates of carriers: in the place of smpp.Rate of a client ----

local CarrierRate = {}
local CARRIER_RATE = { __index = CarrierRate, __name = "smpp.CarrierRate" }

local LOOK_S = 1 -- at the latest; what was granted wakes the queue before

function CarrierRate:take()
  if self.grants:take() then return 0 end
  self.grants:wait(self.pump)
  return LOOK_S
end

function CarrierRate:give_back() self.grants:give_back() end
function CarrierRate:note_refused() end -- luacheck: no self
function CarrierRate:pause() end        -- luacheck: no self
function CarrierRate:resume() return false end -- luacheck: no self
function CarrierRate:fix(rate_per_s) self.grants:change(rate_per_s) end
function CarrierRate:close() self.grants:close() end

--- Gives the client of a carrier with a fixed rate that of all nodes together.  A rate that adapts is each node's own.
---@param nodes smpp.Nodes
---@param name string   of the carrier
---@param client smpp.Client
---@return { close: fun(self) }?
function limits.of_carrier(nodes, name, client)
  local rate_per_s = client.options.rate_per_s
  if type(rate_per_s) ~= "number" then return nil end
  local rate = setmetatable({
    rate_per_s = rate_per_s, grants = nodes:grants("carrier:" .. name, rate_per_s, ("carrier %s: rate_per_s"):format(name)),
    pump = function() client.outbox:pump() end,
  }, CARRIER_RATE)
  client.outbox:use_rate(rate)
  return rate
end

--- Ends it.
function Limits:close()
  for _, rate in pairs(self.rates) do
    if rate.grants then rate.grants:close() end
  end
  for _, one in pairs(self.matched) do one:close() end
end

return limits
