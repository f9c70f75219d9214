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

--- Starts a server that answers submit_sm; its port is `found`.
function load.sink(bench)
  if not bench.tools then return process.start(bench.helper.command "server", "(%d+)\n") end
  local port = process.free_port()
  local sink = process.start(("%s --port %d"):format(bench.tools.refsink, port))
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
        all[key][i] = all[key][i] or {}
        table.insert(all[key][i], (select(i, ...)))
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
