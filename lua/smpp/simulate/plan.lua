--- A plan of a simulation: clients, messages, replies of phones, and faults, each with its time.  Plain data, so that a plan can be
--- shrunk and written into a file.
local random = require "smpp.base.random"

local plan = {}

---@class smpp.SimulatePlan
---@field seconds number   while the faults last
---@field clients table[]  { window, binds, order, rate_per_s, on_unknown }
---@field messages table[] { at, client, to, length, receipt, refusals, status, state, after_s }
---@field replies table[]  { at, client, length }: messages of phones
---@field gateways table[] at most one, between clients and message centres: { carriers, window, binds, stored, resend }
---@field bots table[]     at most one, beside the clients: { window, resend }
---@field talks table[]    { at }: a phone that talks with the bot
---@field faults table[]   { at, what, link, for_s, octets, value }

local STATUSES = { "ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RINVDSTADR", "ESME_RSUBMITFAIL" }
local STATES = { "DELIVERED", "DELIVERED", "DELIVERED", "UNDELIVERABLE", "EXPIRED", "REJECTED" }

--- The kinds of faults.
plan.faults = { "cut", "cut_after", "stall", "latency", "chunk", "refuse", "throttle", "silence", "drop", "unbind", "slow", "reload" }

--- Makes the plan of a seed.
---@param seed integer
---@param o? { seconds: number? }
---@return smpp.SimulatePlan
function plan.make(seed, o)
  local next_number = random.generator(seed)
  local function whole(low, high) return low + math.floor(next_number() * (high - low + 1)) end
  local function chance(percent) return next_number() * 100 < percent end
  local function time(seconds) return math.floor(next_number() * seconds * 1000) / 1000 end
  local function one_of(list) return list[whole(1, #list)] end
  local has_gateway, has_bot = chance(25), chance(20)
  local more = has_gateway or has_bot -- more actors say less, so that all seeds take about the same time
  local seconds = o and o.seconds or whole(20, has_gateway and 60 or 120)
  local self = { seconds = seconds, gateways = {}, bots = {}, clients = {}, messages = {}, replies = {}, talks = {}, faults = {} }
  if has_gateway then
    self.gateways[1] = { carriers = whole(1, 3), window = whole(1, 8), binds = whole(1, 2), stored = chance(60) or nil, resend = chance(20) or nil }
  end
  if has_bot then
    self.bots[1] = { window = whole(1, 4), resend = chance(60) or nil }
    for i = 1, whole(1, 6) do self.talks[i] = { at = time(seconds) } end
  end
  for i = 1, whole(1, 3) do
    self.clients[i] = {
      window = whole(1, 8), binds = chance(30) and whole(2, 3) or 1, order = chance(35) or nil,
      rate_per_s = chance(20) and whole(2, 20) or nil, resend = chance(20) or nil,
    }
  end
  for i = 1, whole(5, more and 25 or 60) do
    local refused = chance(12)
    self.messages[i] = {
      at = time(seconds), client = whole(1, #self.clients), to = whole(1, 6), length = chance(25) and whole(161, 700) or whole(6, 150),
      receipt = chance(60) or nil, status = refused and one_of(STATUSES) or nil, refusals = refused and whole(1, 3) or nil,
      state = one_of(STATES), after_s = time(10),
    }
  end
  for _ = 1, whole(0, more and 6 or 10) do
    local at, client, from = time(seconds), whole(1, #self.clients), whole(1, 3)
    for _ = 1, chance(50) and whole(2, 4) or 1 do -- several at once, of one phone
      table.insert(self.replies, { at = at, client = client, from = from, length = chance(70) and whole(161, 500) or whole(6, 150) })
    end
  end
  for i = 1, whole(0, 12) do
    local what = plan.faults[whole(1, #plan.faults - (self.gateways[1] and 0 or 1))] -- only a gateway is loaded again
    self.faults[i] = {
      at = time(seconds), what = what, link = whole(1, 6), for_s = math.max(0.5, time(20)),
      octets = what == "cut_after" and whole(1, 2000) or nil,
      value = what == "latency" and math.max(0.01, time(3)) or what == "chunk" and whole(1, 40) or what == "slow" and math.max(0.1, time(8)) or nil,
    }
  end
  local function by_time(a, b) return a.at < b.at end
  table.sort(self.messages, by_time)
  table.sort(self.faults, by_time)
  return self
end

return plan
