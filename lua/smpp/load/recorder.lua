--- What a load test measures: totals, histograms, and a row for each second.
local explain = require "smpp.codec.explain"
local histogram = require "smpp.load.histogram"

local recorder = {}

---@class smpp.LoadRecorder
---@field started number  time of the first due message, of loop:precise()
local Recorder = {}
local mt = { __index = Recorder, __name = "smpp.LoadRecorder" }

local floor, max = math.floor, math.max

local LATE_S = 0.010 -- a timer of luv or epoll ticks in milliseconds: what is less late than this is not the generator's fault

local function second_of(index, latency)
  return { t_s = index, sent = 0, answered = 0, ok = 0, errors = 0, late = 0, latency = latency }
end

-- Name of a status -> whether it is a throttle.
local throttles = setmetatable({}, { __index = function(known, status)
  local row = explain.status(status)
  known[status] = row and explain.class(status) == "throttle" or false
  return known[status]
end })

---@param o { closed: boolean?, rate_at: (fun(at_s: number): number)?, in_flight: fun(): integer, on_second: fun(row: table)? }
---@return smpp.LoadRecorder
function recorder.new(o)
  local service = not o.closed and histogram.new() or nil
  return setmetatable({
    closed = o.closed, rate_at = o.rate_at, in_flight = o.in_flight, on_second = o.on_second,
    started = nil, second = second_of(0, histogram.new()), series = {},
    sent = 0, messages = 0, answered = 0, ok = 0, unknown = 0, not_sent = 0, throttled = 0, statuses = {}, warm = 0,
    latency = histogram.new(),     -- of all seconds that are over
    service = service,             -- nil in the closed model: the same as the latency
    lateness = not o.closed and histogram.new() or nil, late = 0,
    waits = not o.closed and histogram.new() or nil, waited = 0,
    receipt = histogram.new(), receipts_wanted = 0, receipts = 0, delivered = 0,
    last_due = nil, last_left = nil, window_sum = 0, window_looks = 0, window_max = 0, checks = {}, reconnections = 0,
  }, mt)
end

--- Ends the running second, and all others before a time.
function Recorder:roll(at_s)
  local index = floor(at_s)
  while self.second.t_s < index do
    local second = self.second
    local p = second.latency:percentiles { 50, 99 }
    self.latency:add(second.latency)
    self.sent, self.answered, self.ok = self.sent + second.sent, self.answered + second.answered, self.ok + second.ok
    local row = {
      t_s = second.t_s, target = self.rate_at and self.rate_at(second.t_s + 0.5) or nil, sent = second.sent, answered = second.answered,
      ok = second.ok, errors = second.errors, p50 = p[1], p99 = p[2], max = second.latency:max(), window = self.in_flight(), late = second.late,
    }
    self.series[#self.series + 1] = row
    second.latency:clear()
    self.second = second_of(second.t_s + 1, second.latency)
    if self.on_second then self.on_second(row) end
  end
end

--- The row that a time belongs to.
local function row(self, now)
  local second, at_s = self.second, now - self.started
  if at_s >= second.t_s + 1 then
    self:roll(at_s)
    return self.second
  end
  return second
end

--- A message has left.
---@param now number   loop:precise()
---@param due number
---@param blocked_until number  when the window or the socket had room again; 0: it never was full
---@param begins_text boolean?  the first part of a text, or all of it
function Recorder:note_sent(now, due, blocked_until, begins_text)
  local second = row(self, now)
  if begins_text then self.messages = self.messages + 1 end
  second.sent, self.last_due, self.last_left = second.sent + 1, due, now
  if self.closed then return end
  local late_s = now - due
  if blocked_until > due then
    self.waited = self.waited + 1
    self.waits:record(late_s)
    late_s = now - blocked_until
  end
  self.lateness:record(late_s)
  if late_s > LATE_S then self.late, second.late = self.late + 1, second.late + 1 end
end

--- Sends messages of a batch that count: session:send_batch with the arguments of core's.
---@param batch smpp.LoadBatch
---@param session smpp.Session
---@param now number   loop:precise()
---@param messages integer
---@param dues number[]?  when they were due, from `from` on; nil: now
---@param from integer?
---@param blocked_until number?
---@return integer sent
---@return string? message  why one was not sent
---@return string? code
function Recorder:send_batch(batch, session, now, messages, dues, from, blocked_until)
  local second = row(self, now)
  local sent, late, waited, message, code = batch:send(session, now, true, messages, dues, from, blocked_until, LATE_S, self.lateness, self.waits)
  if sent > 0 then
    second.sent, second.late, self.last_due, self.last_left = second.sent + sent, second.late + late, dues and dues[from + sent - 1] or now, now
    self.messages, self.late, self.waited = self.messages + sent, self.late + late, self.waited + waited
  end
  return sent, message, code
end

--- Counts the outcomes of messages of a batch that have come.
---@param batch smpp.CoreBatch
---@param now number
---@return integer ended  also those of the warm-up
function Recorder:settle(batch, now)
  local second = row(self, now)
  local ended, answered, ok, unknown, refusals = batch:settle(now, second.latency, self.service)
  second.answered, second.ok, second.errors = second.answered + answered, second.ok + ok, second.errors + answered - ok + unknown
  self.unknown = self.unknown + unknown
  if refusals then
    for i = 1, #refusals, 2 do
      local status, count = explain.status(refusals[i]).name, refusals[i + 1]
      self.statuses[status] = (self.statuses[status] or 0) + count
      if throttles[status] then self.throttled = self.throttled + count end
    end
  end
  return ended
end

--- Records a sample of the requests in flight.
function Recorder:note_window(open)
  self.window_sum, self.window_looks = self.window_sum + open, self.window_looks + 1
  if open > self.window_max then self.window_max = open end
end

--- An answer was read.
---@param now number
---@param due number
---@param left number
---@param status string  name of its command_status
function Recorder:note_answer(now, due, left, status)
  local second = row(self, now)
  second.answered = second.answered + 1
  if status == "ESME_ROK" then
    second.ok = second.ok + 1
  else
    self.statuses[status] = (self.statuses[status] or 0) + 1
    second.errors = second.errors + 1
    if throttles[status] then self.throttled = self.throttled + 1 end
  end
  second.latency:record(now - due)
  if self.service then self.service:record(now - left) end
end

--- Messages got no answer.
---@param now number
---@param count integer?  default 1
function Recorder:note_unknown(now, count)
  if count == 0 then return end
  count = count or 1
  local second = row(self, now)
  second.errors, self.unknown = second.errors + count, self.unknown + count
end

--- Messages that were due and never left.
function Recorder:note_not_sent(now, count)
  local second = row(self, now)
  second.errors, self.not_sent = second.errors + count, self.not_sent + count
end

--- A final receipt.
---@param delivered boolean
---@param latency_s number  since its message was due
function Recorder:note_receipt(delivered, latency_s)
  self.receipts = self.receipts + 1
  if delivered then self.delivered = self.delivered + 1 end
  self.receipt:record(latency_s)
end

function Recorder:note_check(name, passed)
  local check = self.checks[name] or { passed = 0, failed = 0 }
  self.checks[name] = check
  local key = passed and "passed" or "failed"
  check[key] = check[key] + 1
end

--- All latencies, those of the running second too.
---@return smpp.LoadHistogram
function Recorder:latencies()
  local all = histogram.new()
  all:add(self.latency)
  all:add(self.second.latency)
  return all
end

--- Sent, answered and accepted so far, and the statuses.
---@return { sent: integer, answered: integer, ok: integer, statuses: table<string, integer> }
function Recorder:counts()
  local second, statuses = self.second, {}
  local ok = self.ok + second.ok
  for status, n in pairs(self.statuses) do statuses[status] = n end
  statuses.ESME_ROK = ok > 0 and ok or nil
  return { sent = self.sent + second.sent, answered = self.answered + second.answered, ok = ok, statuses = statuses }
end

local function delays(count, histogram_)
  return { count = count, max_s = histogram_ and histogram_:max() or 0, p99_s = histogram_ and histogram_:percentile(99) or 0 }
end

--- The figures so far; times in seconds, of all that counts.
---@param rate number?  the target
---@return table
function Recorder:figures(rate)
  local counts = self:counts()
  local sent, answered, ok, statuses = counts.sent, counts.answered, counts.ok, counts.statuses
  local due = sent + self.not_sent
  local latency = self:latencies()
  local last = self.last_left or self.started or 0
  local ends = max(last, (self.last_due or last) + (rate and rate > 0 and 1 / rate or 0))
  local duration_s = self.started and max(0, ends - self.started) or 0
  return {
    duration_s = duration_s, sent = sent, messages = self.messages, answered = answered, ok = ok, unknown = self.unknown,
    not_sent = self.not_sent, due = due, throttled = self.throttled, statuses = statuses,
    errors = (answered - ok) + self.unknown + self.not_sent,
    rate = duration_s > 0 and sent / duration_s or 0,
    latency_s = latency:summary(), service_time_s = (self.service or latency):summary(), histogram = latency:encode(),
    receipt_s = self.receipts_wanted > 0 and self.receipt:summary() or nil,
    histograms = { service = (self.service or latency):encode(), receipt = self.receipt:encode() },
    receipts = { wanted = self.receipts_wanted, final = self.receipts, delivered = self.delivered },
    late = delays(self.late, self.lateness), waited = delays(self.waited, self.waits),
    window = { max = self.window_max, mean = self.window_looks > 0 and self.window_sum / self.window_looks or 0 },
    reconnections = self.reconnections, checks = self.checks, warm_up = { sent = self.warm },
  }
end

--- Ends the last second; the rows of all.
---@param now number
---@return table[]
function Recorder:close(now)
  local second = self.second
  if second.sent + second.answered + second.errors == 0 then self.on_second = nil end
  if self.started then self:roll(now - self.started + 1) end
  while self.series[2] do -- seconds in which nothing happened any more
    local last = self.series[#self.series]
    if last.sent + last.answered + last.errors > 0 then break end
    self.series[#self.series] = nil
  end
  return self.series
end

return recorder
