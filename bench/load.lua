--- The peer of a program under test: load for a server, a sink for a client; the C tools if given, else our own programs.
local process = require "process"

local unpack = table.unpack or unpack -- luacheck: compat

local load = {}

--- Number of warm-up messages, the same for all programs.
load.WARM = 20000

--- Sends submit_sm over several connections, after a warm-up.  Returns the seconds for `count` messages and the CPU seconds
--- of the server, without binds.  With `receipts` each message requests a receipt, and all are awaited.
function load.drive(bench, server, count, window, connections, receipts)
  local warm = math.max(load.WARM, 5 * connections * window)
  local command
  if receipts then
    command = ("%s %s %d %d 1 %d %s receipts"):format(bench.helper.command "client", server.found, count, window, warm, server.pid)
  elseif bench.tools then
    command = ("%s --port %s -n %d -w %d -c %d --warmup %d --pid %s")
      :format(bench.tools.refload, server.found, count, window, connections, warm, server.pid)
  else
    command = ("%s %s %d %d %d %d %s"):format(bench.helper.command "client", server.found, count, window, connections, warm, server.pid)
  end
  local out = process.capture(process.with_descriptors(connections + 50, command))
  if receipts or not bench.tools then
    local seconds, _, cpu = out:match "([%d.]+) ([%d.]+) ([%d.]+)"
    return assert(tonumber(seconds), out), tonumber(cpu)
  end
  assert(out:find '"errors":{"total":0,', out)
  return count / out:match '"msgs_per_s":([%d.]+)', out:match '"server":.-"cpu_s_per_million":([%d.]+)' * count / 1e6
end

--- As `drive`, through a gateway: several connections whose messages come back with receipts.  With the C tools only.
function load.drive_receipts(bench, gateway, count, window, connections)
  local command = ("%s --port %s -n %d -w %d -c %d --warmup 0 --registered --expect-receipts %d --pid %s")
    :format(bench.tools.refload, gateway.found, count, window, connections, count, gateway.pid)
  local out = process.capture(process.with_descriptors(connections + 50, command))
  assert(out:find '"errors":{"total":0,', out)
  local user, system = out:match '"server":{"cpu_user_s":([%d.]+),"cpu_sys_s":([%d.]+)' -- its cpu_s_per_million counts receipts as messages
  return count / out:match '"msgs_per_s":([%d.]+)', tonumber(user) + tonumber(system)
end

local SCRIPT = [[
wrk.method = "POST"
wrk.body = '{"from":"Shop","to":"+491761234567","text":"Your code is 123456. It is good for ten minutes."}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %s"
]]

local TICKS_PER_S = 100 -- of /proc

local function cpu_of(pid)
  local file = assert(io.open(("/proc/%s/stat"):format(pid)))
  local user, system = file:read("*a"):match "%) %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ (%d+) (%d+)"
  file:close()
  return (user + system) / TICKS_PER_S
end

--- Sends messages by HTTP with wrk for some seconds: how many were accepted, the seconds, and the CPU seconds of the server.
function load.drive_http(server, url, token, connections, seconds)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(SCRIPT:format(token))
  file:close()
  local function run(time_s) return process.capture(("wrk -t1 -c%d -d%ds -s %s %s"):format(connections, time_s, path, url)) end
  run(1)
  local before = cpu_of(server.pid)
  local out = run(seconds)
  local cpu = cpu_of(server.pid) - before
  os.remove(path)
  assert(not out:find "Non%-2xx", out)
  local count, unit_s = out:match "(%d+) requests in ([%d.]+)s"
  return assert(tonumber(count), out), tonumber(unit_s), cpu
end

--- The 99th percentile of the time to the response, in ms, of messages at a rate.  With the C tools only.
function load.p99(bench, server, count, window, connections, rate_per_s)
  local command = "%s --port %s -n %d -w %d -c %d --warmup 0 --rate %.0f"
  local out = process.capture(command:format(bench.tools.refload, server.found, count, window, connections, rate_per_s))
  assert(out:find '"errors":{"total":0,', out)
  return out:match '"p99":([%d.]+)' / 1000
end

--- Starts a server that answers submit_sm; its port is `found`.  receipts: and sends them (the C tool).
function load.sink(bench, receipts)
  if not bench.tools then return process.start(bench.helper.command "server", "(%d+)\n") end
  local port = process.free_port()
  local sink = process.start(("%s --port %d%s"):format(bench.tools.refsink, port, receipts and " --dlr --window 500" or ""))
  process.wait_port(port)
  sink.found = port
  return sink
end

--- Measures a server under load after a warm-up: messages per second, CPU µs per message.
function load.server(bench, subject, count, window, connections)
  local server = process.start(process.with_descriptors(connections + 100, subject.command "server"), "(%d+)\n")
  local seconds, cpu = load.drive(bench, server, count, window, connections)
  server:stop()
  return count / seconds, cpu / count * 1e6
end

--- Results of several subjects and cases, for medians.
function load.readings()
  local all = {}
  return {
    note = function(key, ...)
      all[key] = all[key] or {}
      for i = 1, select("#", ...) do
        local value = select(i, ...)
        if value ~= nil then
          all[key][i] = all[key][i] or {}
          table.insert(all[key][i], value)
        end
      end
    end,
    medians = function(key)
      local list = {}
      for i, values in ipairs(all[key] or {}) do list[i] = process.median(values) end
      return unpack(list)
    end,
  }
end

return load
