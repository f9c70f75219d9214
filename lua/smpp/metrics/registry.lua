--- A registry of metrics: counters, gauges and histograms with labels, in the data model of Prometheus.  An observation
--- makes no table; a program that observes often keeps the series (`family:at(...)`) and changes its fields.
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"

local registry = {}

local MOST_LABELS = 4
local MAX_SERIES = 10000

--- The bounds of the library's own latencies, in seconds.
registry.seconds = core.tally_bounds

-- ---- families ----

---@class smpp.Metric
---@field name string       without _total
---@field kind "counter"|"gauge"|"histogram"|"info"
---@field labels string[]
---@field bounds number[]?  of a histogram
local Metric = {}
local mt = { __index = Metric, __name = "smpp.Metric" }

function mt:__tostring() return ("%s %s{%s}"):format(self.kind, self.name, table.concat(self.labels, ",")) end

local function new_series(self, labels)
  if self.kind ~= "histogram" then return { labels = labels, value = 0 } end
  local buckets = {}
  for i = 1, #self.bounds + 1 do buckets[i] = 0 end
  return { labels = labels, sum = 0, buckets = buckets }
end

--- Makes a series; beyond max_series, the one whose labels are all "other".
local function add(self, ...)
  local registry_of, labels, n = self.registry, {}, #self.labels
  for i = 1, n do
    local value = select(i, ...)
    if type(value) ~= "string" then
      error(("%s: label %s: expected a string, got %s"):format(self.name, self.labels[i], mistake.show(value)), 4)
    end
    labels[i] = value
  end
  if registry_of.series >= registry_of.max_series then
    registry_of.overflow = registry_of.overflow + 1
    if self.other then return self.other end
    for i = 1, n do labels[i] = "other" end
  end
  local node = self.root
  for i = 1, n - 1 do
    node[labels[i]] = node[labels[i]] or {}
    node = node[labels[i]]
  end
  local series = node[labels[n]] or new_series(self, labels)
  if registry_of.series >= registry_of.max_series then self.other = series end
  node[labels[n]] = series
  self.list[#self.list + 1] = series
  registry_of.series = registry_of.series + 1
  return series
end

local function find(self, a, b, c, d)
  local node, n = self.root, #self.labels
  if n > 0 then
    node = node[a]
    if n > 1 and node then
      node = node[b]
      if n > 2 and node then
        node = node[c]
        if n > 3 and node then node = node[d] end
      end
    end
  end
  return node or add(self, a, b, c, d)
end

--- The series of label values, in the order of `labels`; made with 0 if it is new.  `series.value` of a counter or gauge may
--- be changed directly: the cheapest way to count.
---@param ... string
---@return { value: number }
function Metric:at(...) return find(self, ...) end

--- Adds to a counter or gauge.
---@param n number  of a counter: not negative
---@param ... string  the label values
function Metric:add(n, ...)
  if n < 0 and self.kind == "counter" then error(("%s: a counter cannot fall"):format(self.name), 2) end
  local series = find(self, ...)
  series.value = series.value + n
end

--- Sets a gauge.
---@param value number
---@param ... string
function Metric:set(value, ...)
  if self.kind ~= "gauge" then error(("%s: only gauges can be set"):format(self.name), 2) end
  find(self, ...).value = value
end

--- Counts a value in a histogram.
---@param value number
---@param ... string
function Metric:observe(value, ...)
  local bounds, i = self.bounds, 1
  if not bounds then error(("%s: only histograms observe"):format(self.name), 2) end
  local series = find(self, ...)
  local buckets = series.buckets
  while bounds[i] and value > bounds[i] do i = i + 1 end
  buckets[i] = buckets[i] + 1
  series.sum = series.sum + value
end

--- Adds a histogram's buckets to another's; a bucket has the exemplar of one of them.
local function merge(into, value)
  if value.session then into.session, into.latest = into.session or {}, into.latest or {} end
  for i = 1, #value.buckets do
    into.buckets[i] = (into.buckets[i] or 0) + value.buckets[i]
    if value.session and value.buckets[i] > 0 then into.session[i], into.latest[i] = value.session[i], value.latest[i] end
  end
  into.sum = into.sum + value.sum
end

--- All series, those of a computed metric computed now: { { labels, value } or { labels, buckets, sum, latest, session } ... }.
---@return table[]
function Metric:samples()
  if not self.compute then return self.list end
  local registry_of = self.registry
  if not registry_of.is_reading then registry_of.reading = registry_of.reading + 1 end
  local list, by_labels = {}, {}
  self.compute(function(value, ...)
    local labels = { ... }
    for i = 1, #self.labels do labels[i] = labels[i] or "" end
    local key = table.concat(labels, "\0")
    local series = by_labels[key]
    if not series then
      series = type(value) == "table" and { labels = labels, sum = 0, buckets = {} } or { labels = labels, value = 0 }
      by_labels[key], list[#list + 1] = series, series
    end
    if type(value) == "table" then merge(series, value) else series.value = series.value + value end
  end)
  return list
end

-- ---- registries ----

---@class smpp.MetricsRegistry
---@field max_series integer
local Registry = {}
local registry_mt = { __index = Registry, __name = "smpp.MetricsRegistry" }

local OPTIONS = schema.new {
  { "max_series", kind.count, MAX_SERIES, "label values beyond so many series are counted as `other`", "max_series = 1000" },
}

local DECLARED = schema.new {
  { "unit", "string", nil, "of the values, the end of the name", 'unit = "seconds"', default_text = "none" },
  { "bounds", kind.list("number", "bounds"), registry.seconds, "of a histogram's buckets, rising", "bounds = { 0.1, 1, 10 }",
    default_text = "those of smpp_response_seconds" },
}

--- Makes an empty registry.  Programs use the one of the library, `smpp.metrics`.
---@param o? { max_series: integer? }
---@return smpp.MetricsRegistry
function registry.new(o)
  o = OPTIONS:fill(OPTIONS:check(o, 2))
  return setmetatable({
    max_series = o.max_series,
    metrics = {}, by_name = {},   -- in the order of their declaration
    series = 0, overflow = 0,     -- how many there are, and observations with new labels beyond max_series
    reading = 0, is_reading = false, -- the number of the reading that goes on; several metrics may be read in one
  }, registry_mt)
end

local function check_name(name, what, level)
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" or what == "label" and name:find "^__" then
    error(("invalid %s name %s: expected letters, digits and _"):format(what, mistake.show(name)), level + 1)
  end
end

---@private
function Registry:declare(family, level)
  check_name(family.name, "metric", level + 1)
  if type(family.help) ~= "string" then error(("%s: expected a text of help"):format(family.name), level + 1) end
  for _, name in ipairs(family.labels) do check_name(name, "label", level + 1) end
  if not family.compute and #family.labels > MOST_LABELS then
    error(("%s: %d labels, at most %d"):format(family.name, #family.labels, MOST_LABELS), level + 1)
  end
  if family.kind == "counter" and family.name:find "_total$" then
    error(("%s: name it without _total, which is added"):format(family.name), level + 1)
  end
  if family.unit and family.name:sub(-#family.unit - 1) ~= "_" .. family.unit then
    error(("%s: expected a name that ends in _%s, its unit"):format(family.name, family.unit), level + 1)
  end
  local last = -math.huge
  for _, bound in ipairs(family.bounds or {}) do
    if bound <= last then error(("%s: bounds must rise"):format(family.name), level + 1) end
    last = bound
  end
  local known = self.by_name[family.name]
  if known then
    if known.kind == family.kind and table.concat(known.labels, ",") == table.concat(family.labels, ",") then return known end
    error(("duplicate metric %s: declared as %s"):format(family.name, tostring(known)), level + 1)
  end
  family.registry = self
  setmetatable(family, mt)
  if not family.compute then
    family.list, family.root = {}, {}
    if #family.labels == 0 then
      family.root = new_series(family, {})
      family.list[1], self.series = family.root, self.series + 1
    end
  end
  self.metrics[#self.metrics + 1], self.by_name[family.name] = family, family
  return family
end

for _, each in ipairs { "counter", "gauge", "histogram" } do
  --- Declares a metric, or returns the one that is declared with the same name, kind and labels.
  ---@param name string  of a counter: without _total
  ---@param help string
  ---@param labels? string[]  at most four
  ---@param o? { unit: string?, bounds: number[]? }
  ---@return smpp.Metric
  Registry[each] = function(self, name, help, labels, o)
    o = DECLARED:fill(DECLARED:check(o, 2))
    return self:declare({
      kind = each, name = name, help = help, labels = labels or {}, unit = o.unit, bounds = each == "histogram" and o.bounds or nil,
    }, 2)
  end
end

--- Declares a metric whose series are computed when they are read: `compute(put)` calls put(value, label values...); values
--- put for the same labels are added.  A histogram's value is { buckets = counts, sum = }.
---@param what "counter"|"gauge"|"histogram"|"info"
---@param name string
---@param help string
---@param labels string[]
---@param compute fun(put: fun(value: number|table, ...))
---@param o? { unit: string?, bounds: number[]? }
---@return smpp.Metric
function Registry:computed(what, name, help, labels, compute, o)
  o = DECLARED:fill(DECLARED:check(o, 2))
  return self:declare({
    kind = what, name = name, help = help, labels = labels, compute = compute, unit = o.unit,
    bounds = what == "histogram" and o.bounds or nil,
  }, 2)
end

--- A label that all series have in texts from now on, as the name of a node; nil: none any more.
---@param name string?
---@param value string?
function Registry:label_all(name, value) self.everywhere = name and { name = name, value = value } or nil end

--- Calls fn, in which several metrics are read; the sources of computed metrics (tallies) are read only once meanwhile.
---@param fn fun(...): any
---@param ... any
function Registry:read_all(fn, ...)
  self.reading, self.is_reading = self.reading + 1, true
  local ok, result = pcall(fn, ...)
  self.is_reading = false
  if not ok then error(result, 0) end
  return result
end

local function fits(metric, series, wanted)
  for i, label in ipairs(metric.labels) do
    if wanted[label] ~= nil and wanted[label] ~= series.labels[i] then return false end
  end
  return true
end

--- The sum of the series of a metric whose labels have the wanted values; of a histogram { count, sum, buckets, bounds }.
---@param name string  without _total
---@param labels? table<string, string>  labels that are not named: any value
---@return number|{ count: number, sum: number, buckets: number[], bounds: number[] }
function Registry:get(name, labels)
  local metric = self.by_name[name]
  if not metric then
    local like = core.suggest(tostring(name), self.by_name)
    error(("unknown metric '%s'%s"):format(tostring(name), like and ("; did you mean '" .. like .. "'?") or ""), 2)
  end
  local names = {}
  for _, label in ipairs(metric.labels) do names[label] = true end
  for label in pairs(labels or {}) do
    if not names[label] then error(("%s has no label '%s'"):format(name, tostring(label)), 2) end
  end
  local total, histogram = 0, metric.kind == "histogram" and new_series(metric) or nil
  for _, series in ipairs(metric:samples()) do
    if fits(metric, series, labels or {}) then
      if histogram then merge(histogram, series) else total = total + series.value end
    end
  end
  if not histogram then return total end
  local count = 0
  for _, n in ipairs(histogram.buckets) do count = count + n end
  return { count = count, sum = histogram.sum, buckets = histogram.buckets, bounds = metric.bounds }
end

--- The value below which a share of a histogram's observations lies, interpolated within its bucket.
---@param histogram { buckets: number[], bounds: number[] }  of `get`
---@param share number  0 to 1
---@param before? { buckets: number[] }  the same, read before: of what was observed since
---@return number?  nil: nothing was observed
function registry.quantile(histogram, share, before)
  local counts, total = {}, 0
  for i, n in ipairs(histogram.buckets) do
    counts[i] = n - (before and before.buckets[i] or 0)
    total = total + counts[i]
  end
  if total == 0 then return nil end
  local wanted, seen, low, bounds = share * total, 0, 0, histogram.bounds
  for i, n in ipairs(counts) do
    local high = bounds[i]
    if n > 0 and seen + n >= wanted then
      if not high then return low end
      return low + (high - low) * math.max(0, wanted - seen) / n
    end
    seen, low = seen + n, high
  end
  return bounds[#bounds]
end

return registry
