--- smpp load: messages per second and CPU per message in the closed model, one bind, simple messages (made in C) and a mix of lengths
--- (made in Lua); and how late it sends at 100,000/s in the open model.  The message centre is refsink, or our own server.
local load = require "load"
local process = require "process"

local WINDOW, SECONDS, RATE = 1000, 3, 100000
local MODES = {
  { name = "closed, simple", options = ("--closed --window %d"):format(WINDOW) },
  { name = "closed, mixed", options = ("--closed --window %d --length 20-30"):format(WINDOW) },
  { name = ("open, %d/s"):format(RATE), options = ("--rate %d"):format(RATE) },
}

return function(bench)
  local readings = load.readings()

  --- Messages per second, CPU µs per message, and by how much 99 % of the messages left late, in ms (open model).
  local function measure(subject, mode)
    local sink = load.sink(bench)
    local out = process.capture(("%s load smpp://bench:bench@127.0.0.1:%s --for %d --warm-up 1 --json -q %s 2>/dev/null"):format(
      subject.smpp, sink.found, SECONDS, mode.options))
    sink:stop()
    local rate, cpu = tonumber(out:match '"rate":([%d.e+]+)'), tonumber(out:match '"cpu":([%d.e-]+)')
    assert(rate and cpu, out)
    return rate, cpu / rate * 1e6, tonumber(out:match '"late":{.-"p99_s":([%d.e-]+)') * 1000
  end

  local function round()
    for _, subject in ipairs(bench.subjects) do
      for _, mode in ipairs(subject.is_ours and MODES or {}) do readings.note(mode.name .. subject.name, measure(subject, mode)) end
    end
  end

  local function result()
    local rows = {}
    for _, mode in ipairs(MODES) do
      for _, subject in ipairs(bench.subjects) do
        if subject.is_ours then
          local rate, cpu, late = readings.medians(mode.name .. subject.name)
          rows[#rows + 1] = { mode = mode.name, subject = subject.name, rate_per_s = rate, cpu_us = cpu, late_ms = late > 0 and late or nil }
        end
      end
    end
    return {
      title = ("smpp load, one bind, window %d when closed"):format(WINDOW),
      columns = {
        { "mode", "", "%s" }, { "subject", "", "%s" }, { "rate_per_s", "messages/s", "%.0f" }, { "cpu_us", "CPU us/message", "%.2f" },
        { "late_ms", "p99 late, ms", "%.2f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
