--- The cost of TLS: messages per second at window 100 with and without TLS, and CPU of client and server together; full handshakes
--- (ECDSA P-256, TLS 1.3) and the CPU of each side; the memory of an idle connection.
local load = require "load"
local process = require "process"

local COUNT, WINDOW, HANDSHAKES, SESSIONS = 200000, 100, 2000, 1000

return function(bench)
  local readings = load.readings()

  local function rate(subject, how)
    local server = process.start(subject.command "server" .. " " .. how, "(%d+)\n")
    local out = process.capture(("%s %s %d %d 1 %d %s %s"):format(subject.command "client", server.found, COUNT, WINDOW, load.WARM, server.pid, how))
    server:stop()
    local seconds, own, of_server = out:match "([%d.]+) ([%d.]+) ([%d.]+)"
    assert(seconds, out)
    return COUNT / seconds, (own + of_server) / COUNT * 1e6
  end

  local function handshakes(subject)
    local server = process.start(subject.command "server" .. " tls no-tickets", "(%d+)\n")
    local out = process.capture(("%s %s %d %s"):format(subject.command "handshakes", server.found, HANDSHAKES, server.pid))
    server:stop()
    local per_s, own, of_server = out:match "(%d+) (%d+) (%d+)"
    assert(per_s, out)
    return tonumber(per_s), tonumber(own), tonumber(of_server)
  end

  local function octets(subject, how)
    local server = process.start(process.with_descriptors(SESSIONS + 100, ("%s server %d %s"):format(subject.command "idle", SESSIONS, how)),
      "port (%d+)\n")
    local client = process.start(process.with_descriptors(SESSIONS + 100, ("%s client %d %s %s"):format(subject.command "idle", SESSIONS,
      server.found, how)))
    local rss = server:expect "idle (%d+)"
    client:expect "idle (%d+)"
    client:stop()
    server:stop()
    return tonumber(rss)
  end

  local function round()
    for _, subject in ipairs(bench.subjects) do
      if subject.is_ours then
        local plain, plain_us = rate(subject, "")
        local secure, secure_us = rate(subject, "tls")
        local plain_octets, secure_octets = octets(subject, ""), octets(subject, "tls")
        readings.note(subject.name, plain, secure, plain_us, secure_us, plain_us / secure_us * 100, plain_octets, secure_octets, handshakes(subject))
      end
    end
  end

  local function result()
    local rows = {}
    for _, subject in ipairs(bench.subjects) do
      if subject.is_ours then
        local row = { subject = subject.name }
        row.plain, row.secure, row.plain_us, row.secure_us, row.share, row.plain_octets, row.secure_octets, row.shakes, row.client_us,
          row.server_us = readings.medians(subject.name)
        rows[#rows + 1] = row
      end
    end
    return {
      title = "TLS 1.3, ECDSA P-256: messages at window 100, full handshakes, octets of RSS of an idle connection of a server",
      columns = {
        { "subject", "", "%s" }, { "plain", "plain/s", "%.0f" }, { "secure", "TLS/s", "%.0f" }, { "plain_us", "plain CPU us", "%.2f" },
        { "secure_us", "TLS CPU us", "%.2f" }, { "share", "% by CPU", "%.0f" }, { "shakes", "handshakes/s", "%.0f" },
        { "client_us", "client CPU us", "%.0f" }, { "server_us", "server CPU us", "%.0f" },
        { "plain_octets", "plain octets", "%.0f" }, { "secure_octets", "TLS octets", "%.0f" },
      },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
