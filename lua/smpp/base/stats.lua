--- Counters and a latency histogram of a connection, a client or a pool.
local core = require "smpp.core"

local unpack = table.unpack or unpack -- luacheck: compat

local stats = {}

-- Upper bounds in seconds; one more bucket counts latencies above the last.
local BOUNDS = core.counts_bounds
stats.bounds_s = BOUNDS

-- Counters that are 0 are here and not in each object: there may be a hundred thousand clients.
local Stats = {
  requests = 0, answered = 0, refused = 0, unknown = 0, not_sent = 0, retried = 0, received = 0, refused_received = 0, binds = 0, unnamed = 0,
  statuses = nil,               -- from the first refusal on
  latency = nil,                -- from the first response on
  counts = nil,                 -- what C sessions count, to be added; from the first session on
}
Stats.__index = Stats

---@class smpp.Stats
---@field requests integer     sent, each transmission counted
---@field answered integer     with status 0
---@field refused integer      with another status; `statuses` says which
---@field statuses table<string, integer>?
---@field unknown integer      timeout or connection lost: outcome unknown
---@field not_sent integer     given up before they were sent
---@field retried integer      sent again: after a throttled or temporary refusal, or of unknown outcome
---@field received integer     requests of the peer
---@field refused_received integer  those refused before any handler: malformed, invalid in this bind state, unknown, above the limit
---@field binds integer        successful ones
---@field latency { count: integer, sum_s: number, max_s: number, buckets: integer[] }?  of responses
function stats.new() return setmetatable({}, Stats) end

--- What C sessions are to count in: requests, answered, unknown and latency, which `add` and `snapshot` look at.
---@return smpp.Counts
function Stats:of_sessions()
  self.counts = self.counts or core.counts()
  return self.counts
end

local function new_latency()
  local buckets = {}
  for i = 1, #BOUNDS + 1 do buckets[i] = 0 end
  return { count = 0, sum_s = 0, max_s = 0, buckets = buckets }
end

local function add_latencies(self, count, sum_s, max_s, buckets)
  self.latency = self.latency or new_latency()
  local latency = self.latency
  latency.count, latency.sum_s, latency.max_s = latency.count + count, latency.sum_s + sum_s, math.max(latency.max_s, max_s)
  for i, n in ipairs(buckets) do latency.buckets[i] = latency.buckets[i] + n end
end

--- Adds what the C sessions have counted since.
local function collect(self)
  local taken = self.counts and self.counts:take()
  if not taken then return end
  self.requests, self.answered, self.unknown = self.requests + taken.requests, self.answered + taken.answered, self.unknown + taken.unknown
  add_latencies(self, taken.responses, taken.seconds, taken.slowest, taken.buckets)
end

--- A peer can send 2^32 statuses without a name ("0x00000499"): beyond a limit they are counted under one key.
local MOST_UNNAMED = 100

function Stats:note_refusal(status)
  self.refused = self.refused + 1
  self.statuses = self.statuses or {}
  local statuses = self.statuses
  local known = statuses[status]
  if not known and status:sub(1, 2) == "0x" then
    if self.unnamed >= MOST_UNNAMED then
      status = "other"
      known = statuses.other
    else
      self.unnamed = self.unnamed + 1
    end
  end
  statuses[status] = (known or 0) + 1
end

--- The latency below which a share of the responses came: the upper bound of its bucket.
---@param latency table
---@param share number  0 to 1
---@return number? seconds  nil: no responses yet
local function quantile_s(latency, share)
  local seen = 0
  if latency.count == 0 then return nil end
  for i, n in ipairs(latency.buckets) do
    seen = seen + n
    if seen >= share * latency.count then return math.min(BOUNDS[i] or latency.max_s, latency.max_s) end
  end
end

local COUNTERS = { "requests", "answered", "refused", "unknown", "not_sent", "retried", "received", "refused_received", "binds" }

--- Adds the counters of another one.
---@param other smpp.Stats
function Stats:add(other)
  collect(other)
  for _, name in ipairs(COUNTERS) do self[name] = self[name] + other[name] end
  if other.statuses then
    self.statuses = self.statuses or {}
    for name, n in pairs(other.statuses) do self.statuses[name] = (self.statuses[name] or 0) + n end
  end
  local more = other.latency
  if more then add_latencies(self, more.count, more.sum_s, more.max_s, more.buckets) end
end

--- A copy, as a plain table, with p50_s, p90_s and p99_s.
function Stats:snapshot()
  collect(self)
  local copy = { statuses = {} }
  for _, name in ipairs(COUNTERS) do copy[name] = self[name] end
  for name, n in pairs(self.statuses or {}) do copy.statuses[name] = n end
  local latency = self.latency or new_latency()
  copy.latency = {
    count = latency.count, sum_s = latency.sum_s, max_s = latency.max_s, buckets = { unpack(latency.buckets) },
    p50_s = quantile_s(latency, 0.5), p90_s = quantile_s(latency, 0.9), p99_s = quantile_s(latency, 0.99),
  }
  return copy
end

return stats
