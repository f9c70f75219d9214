--- smpp sim: the message centre simulator.
local convert = require "smpp.cli.convert"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local latency = require "smpp.simulator.latency"
local live = require "smpp.cli.live"
local log_flags = require "smpp.cli.log_flags"
local metrics_flag = require "smpp.cli.metrics_flag"
local numbers = require "smpp.cli.live_numbers"
local net = require "smpp.base.net"
local option_help = require "smpp.cli.option_help"
local settings = require "smpp.simulator.settings"
local sim_control = require "smpp.cli.sim_control"
local sim_events = require "smpp.cli.sim_events"
local sim_options = require "smpp.cli.sim_options"
local services = require "smpp.cli.service"
local smpp = require "smpp"
local sources = require "smpp.cli.live_sources"
local task = require "smpp.base.task"

local sim = {
  description = [[
A message centre simulator: accepts binds, answers every request that an ESME
sends, and delivers a receipt after a second when one was requested. Options, a
Lua file, or the texts of messages make it refuse, delay, lose and fail.]],
  epilog = [[
TIME is a number of seconds, or a distribution: FROM-TO, normal:MEAN,DEVIATION,
spikes:USUAL,SPIKE,PERCENT or checks:EVERY,PERCENT,MAX.

Examples:
   smpp sim
   smpp sim --port 0 --account me:secret --account other:geheim
   smpp sim -v --deliver-after 0.1 --for 60
   smpp sim --state DELIVERED=90,UNDELIVERABLE=10 --latency 0.1-2 --seed 42
   smpp sim --behaviour flaky --fault reset=1 --refuse RTHROTTLED=5
   smpp sim --mo-file phones.csv --mo-rate 0.5
   smpp sim sim.lua --set 'rules={ { destination = "^4999", state = "EXPIRED" } }'
   smpp send smpp://me:secret@localhost --to 491 --receipt "sim: undelivered after 3s"

]],
}

--- The keys of FILE and --set, for the help.
---@param width integer
---@return string
function sim.keys_help(width)
  return option_help.wrap("Keys of FILE and of --set, each with an example:", width, "", "") .. "\n"
    .. option_help.rows(settings.own:without("file").rows, width) .. "\n\n"
    .. option_help.wrap("Keys of the server under it (handlers of other requests by their names, as submit_sm); in a file that is read "
      .. "again only accounts change:", width, "", "") .. "\n" .. option_help.rows(settings.of_server.rows, width)
end

--- The command's arguments and options.
---@param command table  of argparse
function sim.define(command)
  sim_options.define(command)
  command:option("--for", "Stop after this many seconds."):target "duration":convert(convert.seconds):argname "S"
  command:flag("-q --quiet", "Print only warnings and the summary.")
  command:option("--control", "Be driven by lines of JSON on stdin, answer on stdout (docs/testing.md); the port is then a free one.")
    :choices({ "-" }):argname "-"
  command:option("--http", "Serve the HTTP API for tests on this port (127.0.0.1 unless HOST is given): docs/simulator.md."):convert(convert.listen)
    :argname "[HOST:]PORT"
  command:option("--http-token", "Token of the HTTP API; made where HOST is not loopback and none is given."):argname "TOKEN"
  command:option("--console-token", "Token that opens the console, the page that --http serves on loopback; made at the start when none is given "
    .. "(also SMPP_CONSOLE_TOKEN)."):argname "TOKEN"
  metrics_flag.define(command)
  log_flags.define(command)
  live.define(command)
  dial.define_watching(command)
end

--- A simulator, or an exit code; the error has been printed.
local function start(given, out)
  local read, wrong = settings.read(given)
  if not read then
    out:fail("%s", wrong.message)
    return nil, exit.USAGE
  end
  local mc, message, code = smpp.simulator(read)
  if mc then return mc end
  out:fail("%s", message)
  return nil, code == "bad_value" and exit.USAGE or exit.UNREACHABLE
end

--- Where it listens, and what a client needs for the certificate it has never seen.
local function say_where(mc, out)
  local secure
  for i, listener in ipairs(mc.server.addresses) do
    local tls = listener.chain:settings_of "tls"
    local pin = tls and tls.contexts.certificates[1].pin
    secure = secure or tls and listener
    if out.json then
      out:object(json.object({ "event", "listening", "host", listener.host, "port", listener.port, "tls", tls and true or nil, "pin", pin }, 10))
    else
      out:print(("listening on %s%s"):format(net.address(listener.host, listener.port), tls and i > 1 and " (TLS)" or ""))
    end
  end
  if mc.http then
    if out.json then
      out:object(json.object({ "event", "http", "url", mc.http.url, "token", mc.http.is_token_made and mc.http.token or nil }, 6))
      if mc.http.console then out:object(json.object { "event", "console", "url", mc.http.console:url(mc.http.url) }) end
    else
      out:print("http on " .. mc.http.url)
      if mc.http.is_token_made then out:print("http token " .. mc.http.token) end
      if mc.http.console then out:print("console on " .. mc.http.console:url(mc.http.url)) end
    end
  end
  if out.json or not secure or not mc.pin then return end
  local id = next(mc.server.options.accounts or {})
  local host = (secure.host == "127.0.0.1" or secure.host == "::1" or secure.host == "0.0.0.0" or secure.host == "::") and "localhost" or secure.host
  out:print("certificate " .. mc.pin)
  local who = id and id .. ":PASSWORD" or "me:secret"
  out:print(("smpp send smpps://%s@%s --pin %s --to 12345 Hello"):format(who, net.address(host, secure.port), mc.pin))
end

--- The live view.
local function view_of(mc, options, out, quit)
  return live.start(out, mc.loop, options, not options.quiet, {
    title = "smpp sim", subject = net.address(mc.host, mc.port), read = sources.server(mc.server), quit = quit, what = "latency",
    survives_hangup = (mc.signal or mc.server.signal) ~= nil,
    pause = function(paused) mc.server:pause_sending(paused) end,
    change = function(factor)
      local scaled = latency.scale(mc.settings.latency_s, factor)
      mc:set { latency_s = scaled }
      return type(scaled) == "number" and "latency " .. numbers.time(scaled, " ") or factor > 1 and "latency longer" or "latency shorter"
    end,
  })
end

--- What the service manager is told.
local function service_of(mc, out)
  local read = sources.server(mc.server)
  return services.start(out, mc.loop, {
    reloads = true,
    status = function()
      local r = read()
      return ("%s: %d sessions, %d answered, %d errors, %d queued"):format(net.address(mc.host, mc.port), r.sessions, r.ok, r.errors, r.queue)
    end,
  })
end

--- Waits until --for is over, the view is quit, or the reader of stdout is gone.
local function wait(mc, options, out)
  local token, seconds = task.need(), options.duration
  local function stop() task.wake_for(token, sim) end
  out.on_broken = stop
  local view = view_of(mc, options, out, stop)
  local timer = seconds and mc.loop:timer(function() task.wake_for(token, sim) end, true)
  if timer then timer:start(seconds) end
  task.wait(sim)
  if timer then timer:close() end
  view:close()
end

--- Driven over stdin and stdout.
local function work_controlled(given, out, follow)
  given.port = given.port or not given.listen and 0 or nil
  local read, wrong = settings.read(given)
  if not read then
    out:fail("%s", wrong.message)
    return exit.USAGE
  end
  local mc, message, code = smpp.simulator(read)
  if not mc then
    if code == "bad_value" then
      out:fail("%s", message)
      return exit.USAGE
    end
    sim_control.failed(out, message)
    return exit.UNREACHABLE
  end
  follow(mc)
  return sim_control.serve(mc, out)
end

local function work(options, given, out, started, follow)
  if options.control then return work_controlled(given, out, follow) end
  local watch, trace = dial.watch(options, out, sim_events.who)
  if options.trace and not watch then
    out:fail("%s", trace)
    return exit.USAGE
  end
  local mc, code = start(given, out)
  if mc then
    follow(mc)
    say_where(mc, out)
    started(sim_events.follow(mc, out, options.quiet))
    if watch then mc:on("pdu", function(session, pdu, direction) watch(pdu, direction, session) end) end
    local service = service_of(mc, out)
    service:ready()
    wait(mc, options, out)
    mc:close()
    service:close()
  end
  if trace then trace:close() end
  return code or (out.broken and exit.FAILED or exit.DONE)
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function sim.run(options, out)
  local given, wrong = sim_options.read(options, out)
  if not given then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  if options.http_token and not options.http then
    out:fail "--http-token needs --http"
    return exit.USAGE
  end
  if options.console_token and not options.http then
    out:fail "--console-token needs --http"
    return exit.USAGE
  end
  if options.http then
    local token = options.console_token or os.getenv "SMPP_CONSOLE_TOKEN"
    given.http = { host = options.http.host, port = options.http.port, token = options.http_token, console_token = token ~= "" and token or nil,
      console = options.console_token and true or nil }
  end
  out.live = true
  local events
  local code, _, interrupted, _, signal = out.run(function()
    return metrics_flag.serve(options, out, "server", function(follow)
      return work(options, given, out, function(started) events = started end, follow)
    end)
  end)
  out:settle()
  if events and not out.broken then events:summary() end
  if interrupted ~= "interrupted" then return code end
  return options.control and signal == "SIGTERM" and exit.DONE or exit.INTERRUPTED
end

return sim
