--- The text forms of a registry: OpenMetrics 1.0, and Prometheus' own (0.0.4).
local shown = require "smpp.base.shown"

local text = {}

--- The Content-Type of each form.
text.types = {
  openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus = "text/plain; version=0.0.4; charset=utf-8",
}

local function number(value)
  if value ~= value then return "NaN" end
  if value == math.huge then return "+Inf" end
  if value == -math.huge then return "-Inf" end
  if value % 1 == 0 and math.abs(value) < 2 ^ 53 then return ("%.0f"):format(value) end
  local short = ("%.15g"):format(value)
  return tonumber(short) == value and short or ("%.17g"):format(value)
end

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label(name, value)
  if value:find '[\\"\n\128-\255]' then value = shown.repaired(value):gsub('[\\"\n]', ESCAPES) end
  return ('%s="%s"'):format(name, value)
end

--- The labels of a series in braces; an empty value is as none.
local function labels(names, values, everywhere, more)
  local list = {}
  for i, name in ipairs(names) do
    if values[i] ~= "" then list[#list + 1] = label(name, values[i]) end
  end
  list[#list + 1] = everywhere
  list[#list + 1] = more
  return #list > 0 and "{" .. table.concat(list, ",") .. "}" or ""
end

--- The label that all series of a registry have, but those of metrics that have it themselves.
local function everywhere_of(registry, metric)
  local own = registry.everywhere
  if not own then return nil end
  for _, name in ipairs(metric.labels) do
    if name == own.name then return nil end
  end
  return label(own.name, own.value)
end

--- A bound of a bucket: OpenMetrics wants 1.0 for 1.
local function bound_text(bound, is_open)
  local shortest = number(bound)
  return is_open and shortest:find "^%-?%d+$" and shortest .. ".0" or shortest
end

local function histogram(out, metric, series, is_open)
  local count, everywhere = 0, everywhere_of(metric.registry, metric)
  for i, n in ipairs(series.buckets) do
    count = count + n
    local bound = metric.bounds[i]
    local line = ("%s_bucket%s %s"):format(metric.name,
      labels(metric.labels, series.labels, everywhere, ('le="%s"'):format(bound and bound_text(bound, is_open) or "+Inf")), number(count))
    if is_open and series.session and series.session[i] then
      line = ('%s # {session="%s"} %s'):format(line, ("%08x"):format(series.session[i]), number(series.latest[i]))
    end
    out[#out + 1] = line
  end
  local own = labels(metric.labels, series.labels, everywhere)
  out[#out + 1] = ("%s_count%s %s"):format(metric.name, own, number(count))
  out[#out + 1] = ("%s_sum%s %s"):format(metric.name, own, number(series.sum))
end

local function order(a, b)
  for i = 1, #a.labels do
    if a.labels[i] ~= b.labels[i] then return a.labels[i] < b.labels[i] end
  end
  return false
end

local function one(out, metric, is_open)
  local suffix = metric.kind == "counter" and "_total" or metric.kind == "info" and "_info" or ""
  local name, is_info = is_open and metric.name or metric.name .. suffix, metric.kind == "info"
  out[#out + 1] = ("# HELP %s %s"):format(name, (metric.help:gsub("[\\\n]", ESCAPES)))
  out[#out + 1] = ("# TYPE %s %s"):format(name, not is_open and is_info and "gauge" or metric.kind)
  if is_open and metric.unit then out[#out + 1] = ("# UNIT %s %s"):format(name, metric.unit) end
  local list, everywhere = {}, everywhere_of(metric.registry, metric)
  for i, series in ipairs(metric:samples()) do list[i] = series end
  table.sort(list, order)
  for _, series in ipairs(list) do
    if metric.kind == "histogram" then
      histogram(out, metric, series, is_open)
    else
      out[#out + 1] = ("%s%s%s %s"):format(metric.name, suffix, labels(metric.labels, series.labels, everywhere), number(series.value))
    end
  end
end

--- All metrics as text.
---@param registry smpp.MetricsRegistry
---@param format "openmetrics"|"prometheus"
---@return string
function text.of(registry, format)
  local out = {}
  registry:read_all(function()
    for _, metric in ipairs(registry.metrics) do one(out, metric, format == "openmetrics") end
  end)
  if format == "openmetrics" then out[#out + 1] = "# EOF" end
  out[#out + 1] = ""
  return table.concat(out, "\n")
end

return text
