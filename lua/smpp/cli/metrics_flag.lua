--- `--metrics [HOST:]PORT` of commands that run: serves /metrics and /health.
local convert = require "smpp.cli.convert"
local exit = require "smpp.cli.exit"
local metrics = require "smpp.metrics"
local task = require "smpp.base.task"

local metrics_flag = {}

--- Its option.
---@param command table  of argparse
function metrics_flag.define(command)
  command:option("--metrics", "Serve /metrics for Prometheus and /health on this port (127.0.0.1 unless HOST is given)."):convert(convert.listen)
    :argname "[HOST:]PORT"
end

--- Listens.
---@param options table
---@param out smpp.CliOutput
---@param role "client"|"server"
---@return smpp.MetricsEndpoint? endpoint
---@return integer? exit_code  the error has been printed
function metrics_flag.open(options, out, role)
  local at = options.metrics
  local endpoint, message = metrics.serve { host = at.host, port = at.port, role = role }
  if not endpoint then
    out:fail("--metrics: %s", message)
    return nil, exit.UNREACHABLE
  end
  out:note("metrics on %s", endpoint.url)
  return endpoint
end

--- Runs fn(follow), beside the endpoint if the option is given; follow(client or server) says whose health is shown.  The
--- endpoint is closed afterwards, also when fn raises.
---@async
---@param options table
---@param out smpp.CliOutput
---@param role "client"|"server"
---@param fn fun(follow: fun(object: table)): integer
---@return integer exit_code
function metrics_flag.serve(options, out, role, fn)
  if not options.metrics then return fn(function() end) end
  local endpoint, code = metrics_flag.open(options, out, role)
  if not endpoint then return code end
  local function finish(ok, ...)
    endpoint:close()
    if not ok then error((...), 0) end
    return ...
  end
  return finish(task.pcall(fn, function(object) endpoint:follow(object) end))
end

return metrics_flag
