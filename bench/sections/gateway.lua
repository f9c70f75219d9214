--- A gateway with 10,000 prefix rules between a client and a message centre that takes everything: messages per second and CPU of the
--- gateway alone, passing through, with a store in SQLite, and with one in an engine where redis-server is installed, with the CPU of the engine;
--- by SMPP, and by HTTP where wrk is installed.  With the C tools these are at both ends, and the last column is the 99th percentile of the time to
--- the response at half of that rate.
local load = require "load"
local process = require "process"

local RULES, WINDOW, CONNECTIONS = 10000, 100, 4

local NONE = 0 -- CPU of no engine
local HTTP_CONNECTIONS, HTTP_S, TOKEN = 64, 5, "bench-token-1"

-- In the order of the table; `receipts` needs the C tools, `alone`: the carrier is away, messages are accepted only.
local MODES = {
  { name = "through", count = 200000 },
  { name = "through, with receipts", count = 50000, receipts = true },
  { name = "stored", count = 20000, store = true },
  { name = "stored, with receipts", count = 10000, store = true, receipts = true },
  { name = "stored in an engine", count = 20000, engine = true },
  { name = "stored in an engine, with receipts", count = 10000, engine = true, receipts = true },
  { name = "accepted and stored", count = 20000, store = true, alone = true },
  { name = "by HTTP, through", http = true },
  { name = "by HTTP, stored", http = true, store = true },
}

local function file_of(port, sink, mode)
  local lines = {
    ("listen { port = %d, max_unanswered = 2000, queue_limit = 1000000, window = %d }"):format(port, WINDOW),
    ('carrier "sink" { "smpp://bench:bench@127.0.0.1:%s", window = 500, queue_limit = 100000 }'):format(sink),
    ("for i = 1, %d do route { to = prefix((\"99%%05d\"):format(i)), via = \"sink\" } end"):format(RULES),
    'route { via = "sink" }',
  }
  local folder = process.capture("mktemp -d"):match "%S+"
  if mode.http then
    lines[#lines + 1] = ('http { port = %d, accounts = { bench = { token = "%s" } } }'):format(mode.http_port, TOKEN)
  end
  if mode.store then table.insert(lines, 1, 'store "gateway.db"') end
  if mode.engine then table.insert(lines, 1, ('store { "valkey://127.0.0.1:%s", node = "bench" }'):format(mode.engine_port)) end
  local path = folder .. "/gateway.lua"
  local file = assert(io.open(path, "w"))
  file:write(table.concat(lines, "\n"), "\n")
  file:close()
  return path, folder
end

--- An engine that writes each commit to its disk.
local function start_engine(mode)
  local folder = process.capture("mktemp -d"):match "%S+"
  mode.engine_port = process.free_port()
  local engine = process.start(("exec redis-server --port %d --bind 127.0.0.1 --dir %s --save '' --appendonly yes --appendfsync always"):format(
    mode.engine_port, folder))
  engine.folder = folder
  process.wait_port(mode.engine_port)
  return engine
end

return function(bench)
  local readings = load.readings()

  local function measure(subject, mode)
    local sink, port = load.sink(bench, mode.receipts), process.free_port()
    if mode.http then mode.http_port = process.free_port() end
    local engine = mode.engine and start_engine(mode)
    local path, folder = file_of(port, mode.alone and process.free_port() or sink.found, mode)
    local gateway = process.start(("%s gateway %s"):format(subject.smpp, path), mode.alone and "(listening)" or "(bind_up)")
    gateway.found = port
    gateway.pid = process.capture("pgrep -P " .. gateway.pid):match "%d+" or gateway.pid -- behind `env` and the shell of bin/smpp
    local count, seconds, cpu, p99, engine_cpu
    local engine_before = engine and engine:cpu()
    if mode.http then
      count, seconds, cpu = load.drive_http(gateway, ("http://127.0.0.1:%d/v1/messages"):format(mode.http_port), TOKEN, HTTP_CONNECTIONS, HTTP_S)
    else
      local drive = mode.receipts and load.drive_receipts or load.drive
      count, seconds, cpu = mode.count, drive(bench, gateway, mode.count, WINDOW, CONNECTIONS)
      if engine then engine_cpu = (engine:cpu() - engine_before) / (count + (mode.receipts and 0 or load.WARM)) * 1e6 end
      if bench.tools and not mode.receipts then p99 = load.p99(bench, gateway, count / 2, WINDOW, CONNECTIONS, count / seconds / 2) end
    end
    gateway:stop()
    sink:stop()
    if engine then
      engine:stop()
      folder = folder .. " " .. engine.folder
    end
    process.capture("rm -r " .. folder)
    return count / seconds, cpu / count * 1e6, engine_cpu or NONE, p99
  end

  --- Can this be measured here?
  local function is_possible(mode)
    return (bench.tools or not mode.receipts) and (not mode.http or process.have "wrk") and (not mode.engine or process.have "redis-server")
  end

  local function round()
    for _, subject in ipairs(bench.subjects) do
      for _, mode in ipairs(subject.is_ours and MODES or {}) do
        if is_possible(mode) then readings.note(mode.name .. subject.name, measure(subject, mode)) end
      end
    end
  end

  local function result()
    local rows = {}
    for _, mode in ipairs(MODES) do
      for _, subject in ipairs(bench.subjects) do
        if subject.is_ours and is_possible(mode) then
          local rate, cpu, engine, p99 = readings.medians(mode.name .. subject.name)
          rows[#rows + 1] = { mode = mode.name, subject = subject.name, rate_per_s = rate, cpu_us = cpu,
            engine_us = mode.engine and engine or nil, p99_ms = p99 }
        end
      end
    end
    return {
      title = ("Gateway, %d prefix rules, %d connections, window %d"):format(RULES, CONNECTIONS, WINDOW),
      columns = {
        { "mode", "", "%s" }, { "subject", "", "%s" }, { "rate_per_s", "messages/s", "%.0f" }, { "cpu_us", "CPU us/message", "%.1f" },
        { "engine_us", "CPU us/message of the engine", "%.1f" },
        { "p99_ms", "p99 at half, ms", "%.1f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
