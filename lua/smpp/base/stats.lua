--- Counters and a latency histogram of a connection, a client or a pool.
local unpack = table.unpack or unpack -- luacheck: compat

local stats = {}

-- Upper bounds in seconds; one more bucket counts latencies above the last.
local BOUNDS = { 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60 }
stats.bounds_s = BOUNDS

local Stats = {}
Stats.__index = Stats

---@class smpp.Stats
---@field requests integer     sent, each transmission counted
---@field answered integer     with status 0
---@field refused integer      with another status; `statuses` says which
---@field statuses table<string, integer>
---@field unknown integer      timeout or connection lost: outcome unknown
---@field not_sent integer     given up before they were sent
---@field retried integer      sent again: after a throttled or temporary refusal, or of unknown outcome
---@field received integer     requests of the peer
---@field refused_received integer  those refused before any handler: malformed, invalid in this bind state, unknown, above the limit
---@field binds integer        successful ones
---@field latency { count: integer, sum_s: number, max_s: number, buckets: integer[] }  of responses
function stats.new()
  local buckets = {}
  for i = 1, #BOUNDS + 1 do buckets[i] = 0 end
  return setmetatable({
    requests = 0, answered = 0, refused = 0, statuses = {}, unknown = 0, not_sent = 0, retried = 0, received = 0,
    refused_received = 0, binds = 0, unnamed = 0,
    latency = { count = 0, sum_s = 0, max_s = 0, buckets = buckets },
  }, Stats)
end

function Stats:note_latency(seconds)
  local latency, i = self.latency, 1
  while BOUNDS[i] and seconds > BOUNDS[i] do i = i + 1 end
  latency.buckets[i] = latency.buckets[i] + 1
  latency.count = latency.count + 1
  latency.sum_s = latency.sum_s + seconds
  if seconds > latency.max_s then latency.max_s = seconds end
end

--- A peer can send 2^32 statuses without a name ("0x00000499"): beyond a limit they are counted under one key.
local MOST_UNNAMED = 100

function Stats:note_refusal(status)
  self.refused = self.refused + 1
  local known = self.statuses[status]
  if not known and status:sub(1, 2) == "0x" then
    if self.unnamed >= MOST_UNNAMED then
      status = "other"
      known = self.statuses.other
    else
      self.unnamed = self.unnamed + 1
    end
  end
  self.statuses[status] = (known or 0) + 1
end

--- The latency below which a share of the responses came: the upper bound of its bucket.
---@param share number  0 to 1
---@return number? seconds  nil: no responses yet
function Stats:quantile_s(share)
  local latency, seen = self.latency, 0
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
  for _, name in ipairs(COUNTERS) do self[name] = self[name] + other[name] end
  for name, n in pairs(other.statuses) do self.statuses[name] = (self.statuses[name] or 0) + n end
  local latency, more = self.latency, other.latency
  latency.count, latency.sum_s = latency.count + more.count, latency.sum_s + more.sum_s
  latency.max_s = math.max(latency.max_s, more.max_s)
  for i, n in ipairs(more.buckets) do latency.buckets[i] = latency.buckets[i] + n end
end

--- A copy, as a plain table, with p50_s, p90_s and p99_s.
function Stats:snapshot()
  local copy = {}
  for _, name in ipairs(COUNTERS) do copy[name] = self[name] end
  copy.statuses = {}
  for name, n in pairs(self.statuses) do copy.statuses[name] = n end
  local latency = self.latency
  copy.latency = {
    count = latency.count, sum_s = latency.sum_s, max_s = latency.max_s, buckets = { unpack(latency.buckets) },
    p50_s = self:quantile_s(0.5), p90_s = self:quantile_s(0.9), p99_s = self:quantile_s(0.99),
  }
  return copy
end

return stats
