--- Compares two results of load tests, with a verdict that allows for noise (Mann-Whitney U test).
local compare = {}

local SAME = 0.05     -- relative differences below this count as "same"
local ENOUGH = 8      -- seconds of each series for a rank test; with fewer they must not overlap
local Z_95 = 1.96

--- figure -> its place in a result, the column in the series that shows its spread, whether more is better
local FIGURES = {
  { "rate", function(r) return r.rate end, "answered", more = true },
  { "p50", function(r) return r.latency_s and r.latency_s.p50 end, "p50", unit = "s" },
  { "p90", function(r) return r.latency_s and r.latency_s.p90 end, "p99", unit = "s" },
  { "p99", function(r) return r.latency_s and r.latency_s.p99 end, "p99", unit = "s" },
  { "p99.9", function(r) return r.latency_s and r.latency_s.p999 end, "max", unit = "s" },
  { "max", function(r) return r.latency_s and r.latency_s.max end, "max", unit = "s" },
  { "errors", function(r) local due = r.sent + r.not_sent return due > 0 and r.errors / due or 0 end, "errors", unit = "%" },
  { "cpu", function(r) return r.cpu end, nil, unit = "%" },
}

--- Mann and Whitney's U of two samples as a normal deviate, ties corrected.
---@param a number[]
---@param b number[]
---@return number z  0: nothing can be said
function compare.deviate(a, b)
  local n, m = #a, #b
  if n < ENOUGH or m < ENOUGH then return 0 end
  local all = {}
  for _, value in ipairs(a) do all[#all + 1] = { value, true } end
  for _, value in ipairs(b) do all[#all + 1] = { value, false } end
  table.sort(all, function(x, y) return x[1] < y[1] end)
  local ranks, ties, i = 0, 0, 1
  while i <= #all do
    local k = i
    while all[k + 1] and all[k + 1][1] == all[i][1] do k = k + 1 end
    local rank, t = (i + k) / 2, k - i + 1
    for at = i, k do
      if all[at][2] then ranks = ranks + rank end
    end
    ties, i = ties + t * t * t - t, k + 1
  end
  local total = n + m
  local mean = n * m / 2
  local variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
  if variance <= 0 then return 0 end
  return (ranks - n * (n + 1) / 2 - mean) / math.sqrt(variance)
end

local function column(series, name)
  local list = {}
  for i, row in ipairs(series or {}) do
    local value = row[name]
    if i < #series and type(value) == "number" then list[#list + 1] = value end -- the last second is not whole
  end
  return list
end

--- Do the seconds of two results differ by more than they vary?  Without seconds nothing contradicts that.
local function is_beyond_noise(a, b)
  if #a >= ENOUGH and #b >= ENOUGH then return math.abs(compare.deviate(a, b)) > Z_95 end
  table.sort(a)
  table.sort(b)
  return #a == 0 or #b == 0 or a[#a] < b[1] or b[#b] < a[1]
end

--- Compares b with a.
---@param a table  a result
---@param b table
---@return { figures: { name: string, a: number?, b: number?, difference: number?, verdict: string, unit: string? }[], warnings: string[],
---  verdict: "better"|"worse"|"same" }
function compare.results(a, b)
  local out = { figures = {}, warnings = {}, verdict = "same" }
  if a.role ~= b.role then out.warnings[1] = ("different roles: %s and %s"):format(a.role, b.role) end
  if (a.rate_target or false) ~= (b.rate_target or false) then
    local x, y = tostring(a.rate_target or "closed"), tostring(b.rate_target or "closed")
    out.warnings[#out.warnings + 1] = ("different target rates: %s and %s"):format(x, y)
  end
  if a.trustworthy == false or b.trustworthy == false then out.warnings[#out.warnings + 1] = "a generator was the bottleneck in one of them" end
  for _, figure in ipairs(FIGURES) do
    local name, of, key = figure[1], figure[2], figure[3]
    local x, y = of(a), of(b)
    local verdict, difference = "same", nil
    if type(x) == "number" and type(y) == "number" then
      local most = math.max(math.abs(x), math.abs(y))
      difference = x ~= 0 and (y - x) / math.abs(x) or nil
      local differs = most > 0 and math.abs(y - x) / most > SAME
      if differs and key then
        local c, d = column(a.series, key), column(b.series, key)
        differs = is_beyond_noise(c, d)
      end
      if differs and name ~= "cpu" then verdict = (y > x) == (figure.more or false) and "better" or "worse" end
    end
    out.figures[#out.figures + 1] = { name = name, a = x, b = y, difference = difference, verdict = verdict, unit = figure.unit }
    if verdict == "worse" or verdict == "better" and out.verdict == "same" then out.verdict = verdict end
  end
  return out
end

return compare
