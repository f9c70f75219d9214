--- Memory of idle bound sessions, thousands in one process: of a server, and of clients.
local process = require "process"

local SPARE = 100 -- file descriptors besides those of sessions

return function(bench)
  local room = process.descriptors() - SPARE
  local n = math.min(bench.sessions, room)
  local rows, notes = {}, {}
  if n < bench.sessions then
    notes[1] = ("%d sessions instead of %d: limited by file descriptors (ulimit -Hn)"):format(n, bench.sessions)
  end

  local function program(command) return process.with_descriptors(n + SPARE, command) end

  local function add(side, subject, line)
    local rss, lua, core = line:match "(%d+) (%d+) (%d+)"
    rows[#rows + 1] = { side = side, subject = subject.name, sessions = n, rss = tonumber(rss), lua = tonumber(lua), core = tonumber(core) }
  end

  local function ours(subject)
    local server = process.start(program(subject.command "idle" .. " server " .. n), "port (%d+)\n")
    local client = process.start(program(("%s client %d %s"):format(subject.command "idle", n, server.found)))
    add("server", subject, server:expect "idle (%d+ %d+ %d+)\n")
    add("client", subject, client:expect "idle (%d+ %d+ %d+)\n")
    client:stop()
    server:stop()
  end

  local function theirs(subject)
    local server = process.start(program(subject.command "server"), "(%d+)\n")
    local before = server:rss()
    local client = process.start(program(("%s client %d %s"):format(bench.helper.command "idle", n, server.found)), "(idle)")
    rows[#rows + 1] = { side = "server", subject = subject.name, sessions = n, rss = (server:rss() - before) / n }
    client:stop()
    server:stop()
  end

  -- Memory varies little: one round is enough.
  local function round(number)
    if number > 1 then return end
    for _, subject in ipairs(bench.subjects) do
      if subject.is_ours then ours(subject) else theirs(subject) end
    end
  end

  local function result()
    return {
      title = "Memory of an idle bound session, octets",
      columns = {
        { "side", "", "%s" }, { "subject", "", "%s" }, { "sessions", "sessions", "%d" }, { "rss", "RSS", "%.0f" },
        { "lua", "Lua's heap", "%.0f" }, { "core", "C core", "%.0f" },
      },
      rows = rows, notes = notes,
    }
  end

  return { round = round, result = result }
end
