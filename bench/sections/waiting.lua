--- A gateway in whose store millions of messages wait for a carrier that is away: its start, its memory, and what it accepts beside them,
--- beside what it accepts into an empty store.  Needs the C tools, and half a gigabyte of disk for each million.
local load = require "load"
local process = require "process"

local WINDOW, CONNECTIONS, COUNT, READ_S = 100, 4, 20000, 600

local function file_of(folder)
  local port = process.free_port()
  local file = assert(io.open(folder .. "/gateway.lua", "w"))
  file:write('store "gateway.db"\n', ("listen { port = %d, max_unanswered = 2000 }\n"):format(port),
    ('carrier "away" { "smpp://bench:bench@127.0.0.1:%d", window = 500 }\n'):format(process.free_port()), 'route { via = "away" }\n')
  file:close()
  return folder .. "/gateway.lua", port
end

return function(bench)
  local readings, folder = load.readings(), nil

  --- Accepted messages a second, CPU µs each.
  local function accept(gateway)
    local command = "%s --port %s -n %d -w %d -c %d --warmup 0 --pid %s"
    local out = process.capture(command:format(bench.tools.refload, gateway.found, COUNT, WINDOW, CONNECTIONS, gateway.pid))
    assert(out:find '"errors":{"total":0,', out)
    return out:match '"msgs_per_s":([%d.]+)', out:match '"server":.-"cpu_s_per_million":([%d.]+)'
  end

  local function start(subject, path)
    local began = require("luv").hrtime()
    local gateway = process.start(("%s gateway %s"):format(subject.smpp, path), "listening on [%d.]+:(%d+)")
    gateway.pid = process.capture("pgrep -P " .. gateway.pid):match "%d+" or gateway.pid
    local out = process.capture(("%s --port %s -n 1 -w 1 -c 1 --warmup 0"):format(bench.tools.refload, gateway.found))
    assert(out:find '"answered":1,', out)
    return gateway, (require("luv").hrtime() - began) / 1e9
  end

  --- Waits until all that waits has been read once: the CPU stands still.
  local function settle(gateway)
    local before
    for _ = 1, READ_S / 5 do
      local now = gateway:cpu()
      if before == now then return end
      before = now
      process.sleep(5000)
    end
  end

  local function measure(subject, count)
    local own = process.capture("mktemp -d"):match "%S+"
    local path = file_of(own)
    if count > 0 then os.execute(("cp %s/gateway.db %s/gateway.db"):format(folder, own)) end
    local gateway, start_s = start(subject, path)
    local rate_reading, cpu_reading = accept(gateway)
    settle(gateway)
    local rate, cpu = accept(gateway)
    local key = subject.name .. count
    readings.note(key, start_s, gateway:rss() / 2 ^ 20, tonumber(rate_reading), tonumber(cpu_reading), tonumber(rate), tonumber(cpu))
    gateway:stop()
    process.capture("rm -r " .. own)
  end

  local function round()
    if not bench.tools then return end
    if not folder then
      folder = process.capture("mktemp -d"):match "%S+"
      process.capture(("%s %s/gateway.db %d"):format(bench.helper.command "waiting", folder, bench.waiting))
    end
    for _, subject in ipairs(bench.subjects) do
      for _, count in ipairs(subject.is_ours and { 0, bench.waiting } or {}) do measure(subject, count) end
    end
  end

  local function result()
    if folder then process.capture("rm -r " .. folder) end
    local rows = {}
    for _, subject in ipairs(bench.tools and bench.subjects or {}) do
      for _, count in ipairs(subject.is_ours and { 0, bench.waiting } or {}) do
        local start_s, rss, rate_reading, cpu_reading, rate, cpu = readings.medians(subject.name .. count)
        rows[#rows + 1] = {
          subject = subject.name, waiting = count, start_s = start_s, rss = rss, rate_reading = rate_reading, cpu_reading = cpu_reading, rate = rate,
          cpu = cpu,
        }
      end
    end
    return {
      title = ("Gateway, messages that wait in its store, %d connections, window %d"):format(CONNECTIONS, WINDOW),
      columns = {
        { "subject", "", "%s" }, { "waiting", "waiting", "%d" }, { "start_s", "first response, s", "%.2f" }, { "rss", "MB", "%.0f" },
        { "rate_reading", "accepted/s at first", "%.0f" }, { "cpu_reading", "CPU us", "%.1f" }, { "rate", "then", "%.0f" },
        { "cpu", "CPU us", "%.1f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
