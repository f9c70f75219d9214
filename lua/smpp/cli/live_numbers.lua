--- The numbers of a live view: rates of the last minute and latencies of the last seconds, from counters read once a second.
local quantile = require("smpp.metrics").quantile

local numbers = {}

---@class smpp.LiveReading  what a view is about; counters only grow
---@field done integer        what the rate counts: messages answered
---@field ok integer
---@field errors integer
---@field statuses table<string, integer>
---@field latency { buckets: integer[], bounds: number[] }  responses by the time they took
---@field window integer      requests that await a response
---@field window_limit integer?
---@field queue integer
---@field sessions integer
---@field session_words string?  their kinds
---@field total integer?      of `done` at the end, where it is known

---@class smpp.LiveNumbers
---@field reading smpp.LiveReading  the last one
---@field rate number         per second, over the last second
---@field peak number
---@field rates number[]      of the last minute, the newest last
---@field p50_s number?       of the last ten seconds; nil: no responses
---@field p99_s number?
local Numbers = {}
local mt = { __index = Numbers, __name = "smpp.LiveNumbers" }

local MINUTE, RECENT = 60, 10

---@param read fun(): smpp.LiveReading
---@param now number
---@return smpp.LiveNumbers
function numbers.new(read, now)
  local reading = read()
  return setmetatable({
    read = read, at = now, started = now, reading = reading,
    rate = 0, peak = 0, rates = {}, p50_s = nil, p99_s = nil,
    earlier = { reading.latency }, -- those of the last seconds, the oldest first
  }, mt)
end

--- Reads the counters; once a second.
---@param now number
function Numbers:sample(now)
  local before, reading, elapsed_s = self.reading, self.read(), now - self.at
  if elapsed_s <= 0 then return end
  self.reading, self.at = reading, now
  self.rate = (reading.done - before.done) / elapsed_s
  self.peak = math.max(self.peak, self.rate)
  table.insert(self.rates, self.rate)
  if self.rates[MINUTE + 1] then table.remove(self.rates, 1) end
  local oldest = self.earlier[1]
  self.p50_s, self.p99_s = quantile(reading.latency, 0.5, oldest), quantile(reading.latency, 0.99, oldest)
  table.insert(self.earlier, reading.latency)
  if self.earlier[RECENT + 1] then table.remove(self.earlier, 1) end
end

--- A whole number with a comma before each third digit from the right.
---@param n number
---@return string
function numbers.count(n)
  local text = ("%.0f"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

--- A rate: with a decimal below ten.
---@param n number
---@return string
function numbers.of_rate(n)
  if n > 0 and n < 9.95 then return ("%.1f"):format(n) end
  return ("%.0f"):format(n)
end

--- A duration: "0.8ms", "12ms", "1.9s"; "-": none.
---@param seconds number?
---@param blank? string  between number and unit
---@return string
function numbers.time(seconds, blank)
  if not seconds then return "-" end
  local value, unit = seconds * 1000, "ms"
  if value >= 999.5 then value, unit = seconds, "s" end
  return (value < 9.95 and "%.1f" or "%.0f"):format(value) .. (blank or "") .. unit
end

--- The line of a second, where nothing can be redrawn.
---@param unix_time number
---@return string
function Numbers:line(unix_time)
  local r = self.reading
  return ("%s rate=%s ok=%d errors=%d p50=%s p99=%s window=%s queue=%d sessions=%d"):format(
    os.date("!%H:%M:%S", math.floor(unix_time)), numbers.of_rate(self.rate), r.ok, r.errors, numbers.time(self.p50_s), numbers.time(self.p99_s),
    r.window_limit and ("%d/%d"):format(r.window, r.window_limit) or ("%d"):format(r.window), r.queue, r.sessions)
end

return numbers
