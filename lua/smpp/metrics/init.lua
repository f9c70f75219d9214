--- Metrics: what the library counts by itself, and what a program adds; as numbers and as text for Prometheus.
--- The guide is docs/metrics.md.
local endpoints = require "smpp.metrics.endpoint"
local mistake = require "smpp.base.mistake"
local registries = require "smpp.metrics.registry"
local standard = require "smpp.metrics.standard"
local text = require "smpp.metrics.text"

local core = require "smpp.core"

local metrics = {
  new = registries.new,
  quantile = registries.quantile,
  types = text.types,
}

--- The registry of this Lua state.
---@type smpp.MetricsRegistry
local registry = registries.new()
metrics.registry = registry

--- What clients, pools, servers and simulators feed.
---@type smpp.StandardMetrics
metrics.standard = standard.declare(registry)

--- Declares a counter; `counter:add(1, label values...)`.
---@param name string  without _total
---@param help string
---@param labels? string[]  their names
---@param o? { unit: string? }
---@return smpp.Metric
function metrics.counter(name, help, labels, o) return registry:counter(name, help, labels, o) end

--- Declares a gauge; `gauge:set(value, label values...)`, `gauge:add`.
---@param name string
---@param help string
---@param labels? string[]
---@param o? { unit: string? }
---@return smpp.Metric
function metrics.gauge(name, help, labels, o) return registry:gauge(name, help, labels, o) end

--- Declares a histogram; `histogram:observe(value, label values...)`.
---@param name string
---@param help string
---@param labels? string[]
---@param o? { unit: string?, bounds: number[]? }  bounds of the buckets, without the last, infinity
---@return smpp.Metric
function metrics.histogram(name, help, labels, o) return registry:histogram(name, help, labels, o) end

--- The sum of a metric's series with these label values; of a histogram { count, sum, buckets, bounds }.
---@param name string  without _total
---@param labels? table<string, string>
---@return number|{ count: number, sum: number, buckets: number[], bounds: number[] }
function metrics.get(name, labels) return registry:get(name, labels) end

--- Serves /metrics and /health over HTTP.  `endpoint:follow(client or server)` says whose health is shown; `endpoint:close()`.
---@param o { port: integer, host: string?, role: "client"|"server"?, registry: smpp.MetricsRegistry?, loop: smpp.Loop? }
---  port 0 picks a free one; host: default 127.0.0.1
---@return smpp.MetricsEndpoint? endpoint
---@return string? message
---@return string? code  "connect_failed": cannot listen
function metrics.serve(o) return endpoints.new(o, registry, metrics.standard.loop_lag, 2) end

local FORMATS = { openmetrics = true, prometheus = true }

--- All metrics as text.
---@param format? "openmetrics"|"prometheus"  default openmetrics; prometheus: the older form, 0.0.4
---@param of? smpp.MetricsRegistry  default: the registry of this Lua state
---@return string
function metrics.text(format, of)
  format = format or "openmetrics"
  if not FORMATS[format] then
    local like = core.suggest(tostring(format), FORMATS)
    error(("text: unknown format %s%s"):format(mistake.show(format), like and ("; did you mean '" .. like .. "'?") or ""), 2)
  end
  return text.of(of or registry, format)
end

return metrics
