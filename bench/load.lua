--- The other end: load for a server, a sink for a client; the C tools where they are given, else our own programs.
local process = require "process"

local unpack = table.unpack or unpack -- luacheck: compat

local load = {}

--- Messages for a program to get warm, the same number for all.
load.WARM = 20000

--- Sends submit_sm over so many connections, first some to get warm.  Returns the seconds that `count` took and the
--- CPU seconds of the server meanwhile, binds not counted.  With `receipts` each message asks for one; they are awaited.
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

--- Something that answers submit_sm; its port is `found`.
function load.sink(bench)
  if not bench.tools then return process.start(bench.helper.command "server", "(%d+)\n") end
  local port = process.free_port()
  local sink = process.start(("%s --port %d"):format(bench.tools.refsink, port))
  process.wait_port(port)
  sink.found = port
  return sink
end

--- A server under load: messages per second and its CPU µs per message, warm.
function load.server(bench, subject, count, window, connections)
  local server = process.start(process.with_descriptors(connections + 100, subject.command "server"), "(%d+)\n")
  local seconds, cpu = load.drive(bench, server, count, window, connections)
  server:stop()
  return count / seconds, cpu / count * 1e6
end

--- Readings of several subjects and cases, to take medians of.
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
