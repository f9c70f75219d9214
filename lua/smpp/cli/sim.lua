--- smpp sim: the message centre simulator.
local convert = require "smpp.cli.convert"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local json = require "smpp.cli.json"
local net = require "smpp.base.net"
local option_help = require "smpp.cli.option_help"
local settings = require "smpp.simulator.settings"
local sim_events = require "smpp.cli.sim_events"
local sim_options = require "smpp.cli.sim_options"
local smpp = require "smpp"
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
  if out.json or not secure or not mc.pin then return end
  local id = next(mc.server.options.accounts or {})
  local host = (secure.host == "127.0.0.1" or secure.host == "::1" or secure.host == "0.0.0.0" or secure.host == "::") and "localhost" or secure.host
  out:print("certificate " .. mc.pin)
  local who = id and id .. ":PASSWORD" or "me:secret"
  out:print(("smpp send smpps://%s@%s --pin %s --to 12345 Hello"):format(who, net.address(host, secure.port), mc.pin))
end

--- Waits until --for is over or the reader of stdout is gone.
local function wait(mc, seconds, out)
  local token = task.need()
  out.on_broken = function() task.wake_for(token, sim) end
  local timer = seconds and mc.loop:timer(function() task.wake_for(token, sim) end, true)
  if timer then timer:start(seconds) end
  task.wait(sim)
  if timer then timer:close() end
end

local function work(options, given, out, started)
  local watch, trace = dial.watch(options, out, sim_events.who)
  if options.trace and not watch then
    out:fail("%s", trace)
    return exit.USAGE
  end
  local mc, code = start(given, out)
  if mc then
    say_where(mc, out)
    started(sim_events.follow(mc, out, options.quiet))
    if watch then mc:on("pdu", function(session, pdu, direction) watch(pdu, direction, session) end) end
    wait(mc, options.duration, out)
    mc:close()
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
  out.live = true
  local events
  local code, _, interrupted = out.run(function()
    return work(options, given, out, function(started) events = started end)
  end)
  if events and not out.broken then events:summary() end
  return interrupted == "interrupted" and exit.INTERRUPTED or code
end

return sim
