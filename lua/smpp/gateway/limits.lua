--- Limits of accounts and carriers that several nodes count together: binds and rates.  Before this node has joined the others it counts alone.
local buckets = require "smpp.base.bucket"
local task = require "smpp.base.task"

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

--- It has so many, of an account without a limit, or fewer than before.
---@param account string
---@param count integer
function Limits:count(account, count)
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

-- ---- those that adapt ----

local Learned = {}
local LEARNED = { __index = Learned, __name = "smpp.LearnedRate" }

local REPORT_S = 1 -- what was sent without a limit is told so often, and what others have learned comes

function Learned:take()
  if self.grants:take() then
    self.learner.sent = self.learner.sent + 1
    return 0
  end
  self.grants:wait(self.pump)
  return LOOK_S
end

function Learned:give_back()
  self.learner.sent = self.learner.sent - 1
  self.grants:give_back()
end
function Learned:note_refused() self.learner.refused = self.learner.refused + 1 end
function Learned:pause() self.learner:pause() end
function Learned:resume()
  self.learner:resume()
  return false -- the engine says what it is now
end

--- Another rate, which the nodes count together, but do not learn.
function Learned:fix(rate_per_s)
  self:close()
  self.client.outbox:use_rate(self.fixed(rate_per_s))
end

---@private
function Learned:look()
  local grants = self.grants
  grants:ask(self.client.loop:now(), 0)
  self.rate_per_s = grants.rate_per_s
  self.timer:start(REPORT_S)
end

function Learned:close()
  self.timer:close()
  self.grants:close()
end

--- Gives the client of a carrier with a rate that of all nodes together.
---@param nodes smpp.Nodes
---@param name string   of the carrier
---@param client smpp.Client
---@return boolean has_rate  to be closed: it is that of the client's outbox
function limits.of_carrier(nodes, name, client)
  local given = client.options.rate_per_s
  if not given then return false end
  local function pump() client.outbox:pump() end
  local function fixed(rate_per_s)
    local grants = nodes:grants("carrier:" .. name, rate_per_s, ("carrier %s: rate_per_s"):format(name))
    return setmetatable({ rate_per_s = rate_per_s, grants = grants, pump = pump }, CARRIER_RATE)
  end
  local rate
  if type(given) == "number" then
    rate = fixed(given)
  else
    local grants, learner = nodes:learned_grants("carrier:" .. name, given)
    rate = setmetatable({ client = client, grants = grants, learner = learner, rate_per_s = grants.rate_per_s, pump = pump, fixed = fixed }, LEARNED)
    rate.timer = nodes.loop:timer(function() rate:look() end, true)
    rate:look()
  end
  client.outbox:use_rate(rate)
  return true
end

--- Ends it.
function Limits:close()
  for _, rate in pairs(self.rates) do
    if rate.grants then rate.grants:close() end
  end
  for _, one in pairs(self.matched) do one:close() end
end

return limits
