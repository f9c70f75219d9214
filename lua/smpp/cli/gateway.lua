--- smpp gateway: forwards messages of customers to carriers, as a file says.
local collector = require "smpp.cli.collector"
local convert = require "smpp.cli.convert"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local files = require "smpp.base.luafile"
local gateways = require "smpp.gateway"
local json = require "smpp.codec.json"
local jasmin = require "smpp.cli.gateway_jasmin"
local kannel = require "smpp.cli.gateway_kannel"
local lines = require "smpp.cli.gateway_nodes"
local live = require "smpp.cli.live"
local logs = require "smpp.base.log"
local metrics_flag = require "smpp.cli.metrics_flag"
local net = require "smpp.base.net"
local question = require "smpp.gateway.question"
local replay = require "smpp.cli.gateway_replay"
local services = require "smpp.cli.service"
local shown = require "smpp.base.shown"
local sources = require "smpp.cli.live_sources"
local task = require "smpp.base.task"

local gateway = {
  description = [[
Runs a gateway: customers bind to it, rules in a Lua file route their messages
to carriers, receipts and incoming messages are returned to the customers. The
guide is docs/gateway.md.]],
  epilog = [[
SIGHUP, or a change of FILE, reloads it. SIGTERM drains: pending messages get
their responses, then all sessions are unbound.

Examples:
   smpp gateway gateway.lua
   smpp gateway gateway.lua --check
   smpp gateway gateway.lua --explain '{"account":"acme","to":"4915123","text":"Hi"}'
   smpp gateway --from-kannel kannel.conf > gateway.lua
   smpp gateway --from-jasmin session.txt > gateway.lua
   smpp gateway gateway.lua --replay traffic.pcap --against new.lua]],
}

--- The command's arguments and options.
---@param command table  of argparse
function gateway.define(command)
  command:argument("file", "The gateway's configuration, a Lua file."):argname "FILE":args "?"
  command:option("--from-kannel", "Convert Kannel's configuration to a gateway's file."):target "kannel":argname "CONF"
  command:option("--from-jasmin", "Convert a session of Jasmin's console (jcli) to a gateway's file."):target "jasmin":argname "FILE"
  command:flag("--check", "Check FILE for mistakes, without starting.")
  command:option("--explain", "Explain rule by rule how a message is routed: JSON, or a PDU in hex."):argname "MESSAGE"
  command:option("--replay", "Route the messages of a capture, and count the decisions."):argname "CAPTURE"
  command:option("--against", "With --replay: show which decisions would change with this file."):argname "FILE2"
  command:option("--at", "With --explain: the local time of the message, YYYY-MM-DDTHH:MM."):argname "TIME"
  command:option("--for", "Stop after this many seconds."):target "duration":convert(convert.seconds):argname "S"
  command:option("--console-token", "Token that opens the console, the page that http{} serves on loopback; made at the start when none is given "
    .. "(also SMPP_CONSOLE_TOKEN)."):argname "TOKEN"
  command:flag("-q --quiet", "Print only listening addresses and warnings.")
  metrics_flag.define(command)
  live.define(command)
end

local function count(problems, severity)
  local n = 0
  for _, one in ipairs(problems) do n = n + (one.severity == severity and 1 or 0) end
  return n
end

--- Prints mistakes and doubts: to stderr, or with --json as one object to stdout.
local function report(problems, out, ok)
  if out.json then
    local list = {}
    for i, one in ipairs(problems) do
      list[i] = json.object({ "file", one.file, "line", one.line, "severity", one.severity, "message", one.message }, 8)
    end
    out:object(json.object { "ok", ok, "problems", json.list(list) })
    return
  end
  for _, one in ipairs(problems) do
    out:note("%s:%s %s: %s", shown.text(one.file), one.line and one.line .. ":" or "", one.severity, shown.text(one.message))
  end
end

local function check(options, out)
  local config, problems = gateways.read(options.file)
  report(problems, out, config ~= nil)
  if not out.json and config then
    local doubts = count(problems, "warning")
    local words = doubts > 0 and (", %d warning%s"):format(doubts, doubts == 1 and "" or "s") or ""
    out:print(("%s: no mistakes%s"):format(shown.text(options.file), words))
  end
  return config and exit.DONE or exit.USAGE
end

--- A configuration, or the exit code; what is wrong has been printed.
local function read(path, out)
  local config, problems = gateways.read(path)
  if config then return config end
  if out.json then report(problems, out, false) else report(problems, { note = function(_, ...) out:note(...) end }, false) end
  return nil, exit.USAGE
end

local function decision_object(decision)
  local object = json.object { "line", decision.line }
  if not decision.line then object = json.object {} end
  local action = decision.action
  if action == "via" then
    json.add(object, "via", decision.carriers[1])
    json.add(object, "carriers", json.list { (table.unpack or unpack)(decision.carriers) }) -- luacheck: compat
    if not decision.carriers[1] then json.add(object, "reject", "ESME_RSYSERR") end
  else
    json.add(object, action, decision[action])
  end
  return object
end

--- A decision in words, for --explain and --replay.
function gateway.describe(decision)
  local words = question.answer(decision)
  return decision.line and ("line %d: %s"):format(decision.line, words) or "no rule matches: " .. words
end

local function explain(options, out)
  local config, code = read(options.file, out)
  if not config then return code end
  local msg, wrong = question.message(options.explain, config)
  local time
  if msg then time, wrong = question.time(options.at) end
  if not time then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  local decision, steps = gateways.explain(config, msg, time)
  if out.json then
    local list = {}
    for i, step in ipairs(steps) do list[i] = json.object { "line", step.line, "matched", step.matched, "why", step.why } end
    out:object(json.object { "decision", decision_object(decision), "steps", json.list(list) })
    return exit.DONE
  end
  for _, step in ipairs(steps) do
    out:print(("line %-4d %s  %s"):format(step.line, step.matched and out:paint("green", "yes") or "no ", shown.text(step.why)))
  end
  out:print(out:paint("bold", gateway.describe(decision)))
  return exit.DONE
end

--- Records of the log as lines; with --json as objects.
local function writer(options, out)
  return function(record)
    if options.quiet and (record.level == "info" or record.level == "debug") then return end
    if not out.json then return out:print(lines.of(record) or logs.line(record)) end
    local names = {}
    for name in pairs(record) do
      if name ~= "event" and name ~= "level" and name ~= "time" then names[#names + 1] = name end
    end
    table.sort(names)
    local object = json.object { "time", record.time, "level", record.level, "event", record.event }
    for _, name in ipairs(names) do json.add(object, name, record[name]) end
    out:object(object)
  end
end

local function say_where(made, out)
  for _, server in ipairs(made.servers) do
    for _, address in ipairs(server.addresses) do
      if out.json then
        out:object(json.object { "event", "listening", "host", address.host, "port", address.port })
      else
        out:print("listening on " .. net.address(address.host, address.port))
      end
    end
  end
  if made.node and out.json then out:object(json.object { "event", "node", "name", made.node.name }) end
  if made.node and not out.json then out:print("node " .. made.node.name) end
  for _, server in ipairs(made.http and made.http.servers or {}) do
    local page = made.http.pages[server]
    if out.json then
      out:object(json.object { "event", "http", "url", server.url })
      if page then out:object(json.object { "event", "console", "url", page:url(server.url) }) end
    else
      out:print("http on " .. server.url)
      if page then out:print("console on " .. page:url(server.url)) end
    end
  end
end

--- The token that opens the console; nil: one is made.
local function console_token(options)
  local token = options.console_token or os.getenv "SMPP_CONSOLE_TOKEN"
  return token ~= "" and token or nil
end

local function work(options, out, follow)
  local made, message, code, problems = gateways.new {
    path = options.file, log = writer(options, out), console_token = console_token(options),
  }
  if not made then
    if problems then report(problems, out, false) else out:fail("%s", message) end
    return code == "bad_value" and exit.USAGE or exit.UNREACHABLE
  end
  if not out.json then report(problems, out, true) end
  collector.for_gateway(made.books ~= nil)
  follow(made.servers[1])
  say_where(made, out)
  if options.console_token and not (made.http and next(made.http.pages)) then out:note "--console-token: no http{} of the file serves a console" end
  local token = task.need()
  local function stop() task.wake_for(token, gateway) end
  out.on_broken = stop
  local read_numbers = sources.servers(made.servers)
  local service = services.start(out, made.loop, { reloads = true, status = function()
    local r = read_numbers()
    return ("%d sessions, %d answered, %d errors, %d queued"):format(r.sessions, r.ok, r.errors, r.queue)
  end })
  service:ready()
  local view = live.start(out, made.loop, options, not options.quiet, {
    title = "smpp gateway", subject = options.file, read = sources.servers(made.servers), quit = stop, survives_hangup = true,
  })
  made:on("closed", function() task.wake_for(token, gateway) end)
  local refused, refusal -- why it cannot be one of several nodes
  made:on("refused", function(why, its_code)
    refused, refusal = why, its_code
    task.wake_for(token, gateway)
  end)
  local timer = options.duration and made.loop:timer(function() task.wake_for(token, gateway) end, true)
  if timer then timer:start(options.duration) end
  task.wait(gateway)
  if timer then timer:close() end
  view:close()
  local left = made:close()
  service:close()
  if left.waiting > 0 then out:note("lost: %d receipts and messages for customers that were not bound", left.waiting) end
  if refused then
    out:fail("%s: %s", options.file, refused)
    return (refusal == "settings" or refusal == "format") and exit.USAGE or exit.UNREACHABLE
  end
  return out.broken and exit.FAILED or exit.DONE
end

--- Prints a file made of another gateway's configuration.
local function from(path, converter, out)
  local text, reason = files.octets(path)
  if not text then
    out:fail("cannot read %s: %s", path, reason)
    return exit.USAGE
  end
  out:print((converter.convert(text, path):gsub("\n$", "")))
  return exit.DONE
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function gateway.run(options, out)
  if options.kannel then return from(options.kannel, kannel, out) end
  if options.jasmin then return from(options.jasmin, jasmin, out) end
  if not options.file then
    out:fail("missing FILE")
    out:note("try: smpp gateway --help")
    return exit.USAGE
  end
  if options.check then return check(options, out) end
  if options.explain then return explain(options, out) end
  if options.replay then return replay.run(options, out, read, gateway.describe) end
  if options.against then
    out:fail("--against needs --replay")
    return exit.USAGE
  end
  out.live = true
  local code, _, interrupted, _, signal = out.run(function()
    dial.survive_sigusr1(out)
    return metrics_flag.serve(options, out, "server", function(follow) return work(options, out, follow) end)
  end)
  out:settle()
  if interrupted == "interrupted" then return signal == "SIGTERM" and exit.DONE or exit.INTERRUPTED end -- both drain
  return code
end

return gateway
