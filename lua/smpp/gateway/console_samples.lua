--- What a gateway's console shows over time: rates, shares of errors and latencies of the last seconds, and five minutes for charts.  Read
--- once a second from counters that exist anyway; nothing is done for each message.
local figures = require "smpp.gateway.figures"
local json = require "smpp.codec.json"
local metrics = require "smpp.metrics"
local stats = require "smpp.base.stats"

local samples = {}

---@class smpp.ConsoleSamples
---@field count integer   samples taken
local Samples = {}
local mt = { __index = Samples, __name = "smpp.ConsoleSamples" }

local EVERY_S = 1
local WINDOW = 10    -- readings: what is shown as "now" is of so many seconds
local HISTORY = 300  -- samples kept for charts

samples.WINDOW_S, samples.HISTORY = WINDOW * EVERY_S, HISTORY

--- A number that is short as text; null: there is none.
---@param value number?
---@param unit number
---@return number|table
function samples.rounded(value, unit)
  if value == nil then return json.null end
  return math.floor(value / unit + 0.5) * unit
end
local rounded = samples.rounded

---@param gateway smpp.Gateway
---@return smpp.ConsoleSamples
function samples.new(gateway)
  local self = setmetatable({
    gateway = gateway, loop = gateway.loop,
    points = {}, count = 0,                            -- the last HISTORY samples for charts, by number
    readings = {}, turn = 0,                           -- the last readings, a ring
    carriers = setmetatable({}, { __mode = "k" }),     -- carrier -> figures of the last seconds
    accounts = {},                                     -- account -> messages per second
    now = { rate_in = 0, rate_out = 0, refused = 0, errors = 0, customers = nil, carriers = nil },
    timer = nil,
  }, mt)
  self.timer = self.loop:timer(function()
    self:take()
    self.timer:start(EVERY_S)
  end, true)
  self:take()
  self.timer:start(EVERY_S)
  return self
end

--- Messages taken by account, of all, and refused.
local function messages()
  local list, taken, refused = {}, 0, 0
  for _, series in ipairs(figures.messages:samples()) do
    local account = series.labels[1]
    if series.labels[2] == "refused" then
      refused = refused + series.value
    else
      list[account], taken = (list[account] or 0) + series.value, taken + series.value
    end
  end
  return list, taken, refused
end

--- What is counted, now.
local function read(self)
  local gateway = self.gateway
  local reading = { time = self.loop:now(), carriers = {}, accounts = nil, taken = nil, refused = nil, answers = nil }
  reading.accounts, reading.taken, reading.refused = messages()
  for _, carrier in ipairs(gateway.carriers) do
    reading.carriers[carrier] = {
      sent = carrier.sent, failed = carrier.refused + carrier.unknown, link = carrier.client and carrier.client:stats() or nil,
    }
  end
  reading.answers = metrics.get("smpp_response_seconds", { role = "server", direction = "out", command = "submit_sm" })
  return reading
end

--- p50 and p99 of what two histograms differ by; nil: nothing.
local function latency(now, before)
  local p50 = metrics.quantile(now, 0.5, before)
  if not p50 then return nil end
  return { p50_s = p50, p99_s = metrics.quantile(now, 0.99, before) }
end

--- Adds the buckets of a carrier's responses to a sum.
local function add_buckets(sum, link)
  for i, count in ipairs(link and link.latency.buckets or {}) do sum.buckets[i] = (sum.buckets[i] or 0) + count end
end

--- The figures of a carrier between two readings.
local function carrier_figures(carrier, new, old, seconds)
  local link = new.link
  local before = old or { sent = 0, failed = 0 }
  local sent, failed = new.sent - before.sent, new.failed - before.failed
  local buckets = link and { buckets = link.latency.buckets, bounds = stats.bounds_s }
  local earlier = before.link and { buckets = before.link.latency.buckets } or nil
  return {
    rate = sent / seconds, errors = sent > 0 and math.min(1, failed / sent) or 0, latency = buckets and latency(buckets, earlier) or nil,
    binds = link and link.bound or 0, wanted = link and #link.links or 0, window_used = link and link.in_flight or 0,
    window = link and link.window or 0, queued = link and link.queued or 0, outstanding = carrier.outstanding,
  }
end

--- What two readings differ by, over the carriers of the second.
local function totals(new, old)
  local sum = {
    taken = new.taken - old.taken, refused = new.refused - old.refused, sent = 0, failed = 0,
    now = { buckets = {}, bounds = stats.bounds_s }, before = { buckets = {} },
  }
  for carrier, one in pairs(new.carriers) do
    local before = old.carriers[carrier]
    sum.sent, sum.failed = sum.sent + one.sent - (before and before.sent or 0), sum.failed + one.failed - (before and before.failed or 0)
    add_buckets(sum.now, one.link)
    if before then add_buckets(sum.before, before.link) end
  end
  return sum
end

--- Messages that no carrier has taken yet, and receipts and MO that customers have not.
---@return integer stored
---@return integer outbound
function Samples:waiting()
  local gateway, outbound = self.gateway, 0
  for _, server in ipairs(gateway.servers) do outbound = outbound + server.outbound.waiting end
  return gateway.books and gateway.books.waiting.count or 0, outbound
end

--- Takes a sample.
function Samples:take()
  local new = read(self)
  local last = self.readings[self.turn]
  local oldest = self.readings[self.turn % WINDOW + 1] or self.readings[1]
  self.turn = self.turn % WINDOW + 1
  self.readings[self.turn] = new
  if not last or new.time <= last.time then return end
  local seconds = new.time - oldest.time
  for carrier, one in pairs(new.carriers) do
    self.carriers[carrier] = carrier_figures(carrier, one, oldest.carriers[carrier], seconds)
  end
  self.accounts = {}
  for account, taken in pairs(new.accounts) do self.accounts[account] = (taken - (oldest.accounts[account] or 0)) / seconds end
  local sum = totals(new, oldest)
  self.now = {
    rate_in = sum.taken / seconds, rate_out = sum.sent / seconds, refused = sum.refused / seconds, errors = sum.failed / seconds,
    customers = latency(new.answers, oldest.answers), carriers = latency(sum.now, sum.before),
  }
  local since = totals(new, last)
  local of_second = new.time - last.time
  local answers = latency(since.now, since.before)
  local stored, outbound = self:waiting()
  self.count = self.count + 1
  self.points[self.count] = json.list {
    rounded(self.loop:time(), 0.1), rounded(since.taken / of_second, 0.1), rounded(since.sent / of_second, 0.1),
    rounded(since.failed / of_second, 0.1), rounded(answers and answers.p50_s, 1e-5), rounded(answers and answers.p99_s, 1e-5), stored + outbound,
  }
  self.points[self.count - HISTORY] = nil
end

--- Samples behind a number, the oldest first: { time, messages taken, sent, failed per second, p50, p99 of the carriers' answers, waiting }.
---@param after integer
---@return table[] points
---@return integer count  number of the last
---@return integer skipped
function Samples:after(after)
  local list, n = {}, 0
  for i = math.max(after, self.count - HISTORY, 0) + 1, self.count do
    n = n + 1
    list[n] = self.points[i]
  end
  return list, self.count, 0
end

function Samples:close() self.timer:close() end

return samples
