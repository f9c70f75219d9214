--- Throughput and CPU of a server with 1 to 1,000 connections, window 10 on each.
local load = require "load"

local CONNECTIONS, WINDOW = { 1, 10, 100, 1000 }, 10

return function(bench)
  local readings = load.readings()

  local function round()
    for _, connections in ipairs(CONNECTIONS) do
      for _, subject in ipairs(bench.subjects) do
        local rate, cpu = load.server(bench, subject, subject.is_ours and 200000 or 30000, WINDOW, connections)
        readings.note(connections .. subject.name, rate, cpu)
      end
    end
  end

  local function result()
    local rows = {}
    for _, subject in ipairs(bench.subjects) do
      local first = readings.medians(CONNECTIONS[1] .. subject.name)
      for _, connections in ipairs(CONNECTIONS) do
        local rate, cpu = readings.medians(connections .. subject.name)
        rows[#rows + 1] = { subject = subject.name, connections = connections, rate_per_s = rate, cpu_us = cpu, share = rate / first * 100 }
      end
    end
    return {
      title = "Server by number of connections, window 10 on each",
      columns = {
        { "subject", "", "%s" }, { "connections", "connections", "%d" }, { "rate_per_s", "messages/s", "%.0f" },
        { "cpu_us", "CPU us/message", "%.2f" }, { "share", "% of one", "%.0f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
