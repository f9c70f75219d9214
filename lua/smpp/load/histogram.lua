--- A histogram of durations with three significant digits (HdrHistogram's layout): nothing is sampled, and a percentile is at most
--- 0.1 % above what was measured.  From 1 µs to one hour; what is longer counts as one hour.  The counting is in C (smpp.core).
local core = require "smpp.core"

local histogram = {}

---@class smpp.LoadHistogram
---@field record fun(self, seconds: number)  counts a duration
---@field add fun(self, other: smpp.LoadHistogram)  adds all of another one
---@field clear fun(self)
---@field put fun(self, index: integer, times: integer): boolean  counts the highest value of an index; false: there is no such index
---@field after fun(self, index: integer): integer?, integer?, integer?  the next index that was counted, how often, its µs; from -1 on
---@field value fun(self, wanted: integer): integer?  µs that so many of the values do not exceed
---@field count fun(self): integer, integer  all durations, and those above an hour
---@field extent fun(self): number?, integer?, integer?  sum, smallest and largest in µs; nil: nothing was counted
---@field set_extent fun(self, sum: number, smallest: integer, largest: integer)
local Histogram = core.histogram_methods

local HIGHEST = 3600000000 -- µs
local floor = math.floor

--- A histogram without values.
---@return smpp.LoadHistogram
histogram.new = core.histogram

--- Percentiles: of each p the smallest recorded value that at least p % do not exceed.
---@param list number[]
---@return number?[] seconds  nil: nothing was counted
function Histogram:percentiles(list)
  local out, count = {}, self:count()
  if count == 0 then return out end
  for i, p in ipairs(list) do out[i] = self:value(math.max(1, math.ceil(p / 100 * count - 1e-9))) / 1e6 end
  return out
end

---@param p number
---@return number? seconds
function Histogram:percentile(p) return self:percentiles { p }[1] end

--- The largest value; nil: nothing was counted.
---@return number? seconds
function Histogram:max()
  local _, _, largest = self:extent()
  return largest and largest / 1e6
end

--- min, mean, p50 … max and count; all but the count nil when nothing was counted.
---@return table
function Histogram:summary()
  local p, count = self:percentiles { 50, 90, 95, 99, 99.9 }, self:count()
  local sum, smallest, largest = self:extent()
  return {
    count = count, min = sum and smallest / 1e6, mean = sum and sum / count / 1e6,
    p50 = p[1], p90 = p[2], p95 = p[3], p99 = p[4], p999 = p[5], max = sum and largest / 1e6,
  }
end

--- Every value that was counted and how often, in order: (seconds, count).
---@return fun(): number?, integer?
function Histogram:values()
  local index = -1
  return function()
    local times, us
    index, times, us = self:after(index)
    if index then return us / 1e6, times end
  end
end

--- How many values are at most as long as each bound, and above the one before it; the last: above all.
---@param bounds number[]  in seconds, rising
---@return integer[]
function Histogram:buckets(bounds)
  local out, i = {}, 1
  for k = 1, #bounds + 1 do out[k] = 0 end
  for seconds, n in self:values() do
    while bounds[i] and seconds > bounds[i] do i = i + 1 end
    out[i] = out[i] + n
  end
  return out
end

-- ---- the form that other HdrHistograms read: V2, zlib (stored, not compressed), base64 ----

local char, byte = string.char, string.byte
local COOKIE, COMPRESSED = 0x1c849303 + 0x10, 0x1c849304 + 0x10

local function be(value, octets)
  local out = {}
  for i = octets, 1, -1 do
    out[i] = char(value % 256)
    value = floor(value / 256)
  end
  return table.concat(out)
end

local function unbe(octets, at, count)
  local value = 0
  for i = at, at + count - 1 do value = value * 256 + byte(octets, i) end
  return value
end

--- Zigzag LEB128 of at most nine octets.
local function varint(value)
  value = value < 0 and -value * 2 - 1 or value * 2
  local out = {}
  while value >= 128 do
    out[#out + 1] = char(value % 128 + 128)
    value = floor(value / 128)
  end
  out[#out + 1] = char(value)
  return table.concat(out)
end

local function adler32(octets)
  local a, b = 1, 0
  for i = 1, #octets do
    a = (a + byte(octets, i)) % 65521
    b = (b + a) % 65521
  end
  return b * 65536 + a
end

--- zlib's format without compression.
local function stored(octets)
  local out, at = { "\120\1" }, 1
  repeat
    local piece = octets:sub(at, at + 65534)
    at = at + #piece
    local n = #piece
    out[#out + 1] = char(at > #octets and 1 or 0, n % 256, floor(n / 256), 255 - n % 256, 255 - floor(n / 256)) .. piece
  until at > #octets
  out[#out + 1] = be(adler32(octets), 4)
  return table.concat(out)
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(octets)
  local out = {}
  for i = 1, #octets, 3 do
    local a, b, c = byte(octets, i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    local function digit(shift) local d = floor(n / shift) % 64 + 1 return DIGITS:sub(d, d) end
    out[#out + 1] = digit(262144) .. digit(4096) .. (b and digit(64) or "=") .. (c and digit(1) or "=")
  end
  return table.concat(out)
end

local VALUES = {}
for i = 1, 64 do VALUES[byte(DIGITS, i)] = i - 1 end

local function unbase64(words)
  local out = {}
  words = words:gsub("=", "")
  for i = 1, #words, 4 do
    local n, count = 0, 0
    for k = i, i + 3 do
      local value = VALUES[byte(words, k)]
      if k <= #words and not value then return nil end
      n = n * 64 + (value or 0)
      if k <= #words then count = count + 1 end
    end
    out[#out + 1] = char(floor(n / 65536), floor(n / 256) % 256, n % 256):sub(1, count - 1)
  end
  return table.concat(out)
end

--- The histogram as other HdrHistograms decode it: "HISTFAAA…".
---@return string
function Histogram:encode()
  local payload, previous = {}, -1
  local index, times = self:after(-1)
  while index do
    local empty = index - previous - 1
    if empty == 1 then payload[#payload + 1] = varint(0) elseif empty > 1 then payload[#payload + 1] = varint(-empty) end
    payload[#payload + 1] = varint(times)
    previous = index
    index, times = self:after(index)
  end
  local body = table.concat(payload)
  -- cookie, payload length, normalizing index offset, significant digits, lowest and highest value, conversion ratio 1.0
  local plain = be(COOKIE, 4) .. be(#body, 4) .. be(0, 4) .. be(3, 4) .. be(1, 8) .. be(HIGHEST, 8) .. "\63\240\0\0\0\0\0\0" .. body
  local packed = stored(plain)
  return base64(be(COMPRESSED, 4) .. be(#packed, 4) .. packed)
end

--- Reads what `encode` wrote; other encodings (compressed) are refused.
---@param words string
---@return smpp.LoadHistogram? self
---@return string? message
function histogram.decode(words)
  local octets = unbase64(words)
  if not octets or #octets < 8 or unbe(octets, 1, 4) ~= COMPRESSED then return nil, "no HdrHistogram in base64" end
  local plain, at = {}, 11
  repeat
    local kind = byte(octets, at)
    if not kind or kind > 1 or #octets < at + 4 then return nil, "a compressed HdrHistogram: only stored ones are read" end
    local size = byte(octets, at + 1) + 256 * byte(octets, at + 2)
    plain[#plain + 1] = octets:sub(at + 5, at + 4 + size)
    at = at + 5 + size
  until kind == 1
  local raw = table.concat(plain)
  if #raw < 40 or unbe(raw, 1, 4) ~= COOKIE then return nil, "not version 2 of HdrHistogram" end
  local self, index, place = histogram.new(), 0, 41
  while place <= #raw do
    local value, scale, octet = 0, 1
    repeat
      octet = byte(raw, place)
      if not octet then return nil, "truncated HdrHistogram" end
      value, scale, place = value + octet % 128 * scale, scale * 128, place + 1
    until octet < 128
    if value % 2 == 1 then
      index = index + (value + 1) / 2
    else
      local n = floor(value / 2)
      if n > 0 and not (index < 2 ^ 31 and self:put(index, n)) then return nil, "HdrHistogram beyond one hour" end
      index = index + 1
    end
  end
  return self
end

return histogram
