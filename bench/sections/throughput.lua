--- Messages per second and CPU per message of a server (its handler reads four fields) and of a client (as many tasks
--- or callbacks as the window is wide), over one connection.
local load = require "load"
local process = require "process"

local OURS, THEIRS = { ["1"] = 20000, ["10"] = 100000 }, { ["1"] = 10000, ["10"] = 20000 }

return function(bench)
  local readings = load.readings()

  local function client(subject, count, window)
    local sink = load.sink(bench)
    local out = process.capture(("%s %s %d %d 1 %d"):format(subject.command "client", sink.found, count, window, load.WARM))
    sink:stop()
    local wall, cpu = out:match "([%d.]+) ([%d.]+)"
    assert(wall, out)
    return count / tonumber(wall), tonumber(cpu) / count * 1e6
  end

  local measures = { server = function(subject, count, window) return load.server(bench, subject, count, window, 1) end, client = client }

  local function round()
    for _, window in ipairs(bench.windows) do
      for _, subject in ipairs(bench.subjects) do
        local count = subject.is_ours and (OURS[window] or 300000) or THEIRS[window] or 40000
        for side, measure in pairs(measures) do
          readings.note(side .. window .. subject.name, measure(subject, count, tonumber(window)))
        end
      end
    end
  end

  local function result()
    local rows = {}
    for _, side in ipairs { "server", "client" } do
      for _, window in ipairs(bench.windows) do
        local base, base_cpu = readings.medians(side .. window .. "node-smpp")
        for _, subject in ipairs(bench.subjects) do
          local rate, cpu = readings.medians(side .. window .. subject.name)
          rows[#rows + 1] = {
            side = side, window = tonumber(window), subject = subject.name, rate_per_s = rate, cpu_us = cpu,
            rate_ratio = base and rate / base, cpu_ratio = base and base_cpu / cpu,
          }
        end
      end
    end
    return {
      title = "Throughput, one connection",
      columns = {
        { "side", "", "%s" }, { "window", "window", "%d" }, { "subject", "", "%s" }, { "rate_per_s", "messages/s", "%.0f" },
        { "cpu_us", "CPU us/message", "%.2f" }, { "rate_ratio", "x node-smpp", "%.1f" }, { "cpu_ratio", "x per CPU", "%.1f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
