--- Shared by `smpp send` and `smpp listen`: URL and password, the connection, PDUs shown with -v, traces.
local brief = require "smpp.cli.brief"
local client_options = require "smpp.client.options"
local content = require "smpp.receipt.content"
local exit = require "smpp.cli.exit"
local explain = require "smpp.codec.explain"
local json = require "smpp.codec.json"
local log_flags = require "smpp.cli.log_flags"
local loops = require "smpp.loop"
local luafile = require "smpp.base.luafile"
local rings = require "smpp.capture.ring"
local schema = require "smpp.base.schema"
local smpp = require "smpp"
local targets = require "smpp.cli.targets"
local tls_flags = require "smpp.cli.tls_flags"
local url = require "smpp.client.url"

local dial = {}

local BINDS = { "trx", "tx", "rx", "tx+rx" }

--- The first argument of all commands that bind.
---@param command table  of argparse
function dial.define_url(command)
  command:argument("url", "smpp://system_id:password@host:2775, or @NAME of `smpp targets`; with ?option=value for any "
    .. "option of smpp.connect.")
end

--- Their options.
---@param command table  of argparse
function dial.define(command)
  command:group("Connection",
    command:option("--bind", "Bind type: trx, tx, rx or tx+rx."):choices(BINDS):argname "TYPE",
    command:option("--password-file", "Read the password from the first line of a file (or set SMPP_PASSWORD)."):argname "FILE",
    command:option("--config", "A Lua file that returns options of smpp.connect, for instance vendor TLVs; the URL and the command line "
      .. "take precedence."):argname "FILE")
  tls_flags.define(command)
  log_flags.define(command)
  dial.define_watching(command)
end

--- The options of all commands that show or trace PDUs.
function dial.define_watching(command)
  command:flag("-v --verbose", "Show the PDUs sent and received."):count "*"
  command:option("--trace", "Write the PDUs to a pcapng file for Wireshark, a ring of five of 100 MiB; SIGUSR1 stops it and goes on."):argname "FILE"
  command:flag("--show-secrets", "Show passwords in PDUs and traces.")
end

--- SIGUSR1 without --trace is answered with a line: its default action would end the command.
---@param out smpp.CliOutput
function dial.survive_sigusr1(out)
  out:keep(loops.current():signal("SIGUSR1", function() out:note "SIGUSR1: no trace to stop or start: no --trace was given" end))
end

--- A function that shows and traces each PDU as the options ask; nil without -v and --trace.
---@param options table
---@param out smpp.CliOutput
---@param name? fun(session): string  which session it is, where there are many
---@return (fun(pdu, direction, session))? watch
---@return smpp.Capture|string|nil trace  or why it cannot be written
function dial.watch(options, out, name)
  local trace, message
  if options.trace then
    local words = { trace_started = "goes on", trace_stopped = "stopped (SIGUSR1 goes on)" }
    trace, message = rings.new({ file = options.trace, secrets = options.show_secrets }, loops.current(), function(event, file, why)
      if event == "trace_failed" then return out:fail("trace %s: %s", file, why) end
      if trace and trace.signal then out:note("trace %s %s", file, words[event]) end
    end)
    if not trace then return nil, message end
    trace:toggle_on "SIGUSR1"
  else
    dial.survive_sigusr1(out)
  end
  if not trace and not out.verbose then return nil end
  local painter = { paint = function(_, style, text) return out:paint_note(style, text) end }
  return function(pdu, direction, session)
    if trace then trace:record(session, pdu, direction) end
    if not out.verbose then return end
    if out.json then
      local object = json.object({ "event", "pdu", "direction", direction, "session", name and name(session) }, 6)
      local fields = json.pdu(pdu, options.show_secrets)
      for _, key in ipairs(getmetatable(fields).__jsonorder) do json.add(object, key, fields[key]) end
      content.add_json(object, content.of(pdu))
      return out:object(object)
    end
    out:note("%s %s%s", out:paint_note("yellow", direction == "in" and "<-" or "->"), name and name(session) .. "  " or "",
      brief.line(painter, pdu))
  end, trace
end

--- The options that a file returns.
local function of_file(path)
  if not path then return {} end
  local loaded, message = luafile.load(path)
  if not loaded then return nil, message end
  local wrong = client_options.schema:problem(loaded)
  if wrong then return nil, path .. ": " .. wrong.message end
  return loaded
end

--- Where the options come from: the URL, or a target and its options.
---@return table? source  { url, options, asked, password?, target? }; asked: options that win over --config
---@return string? message
local function source_of(options, out)
  if options.url:sub(1, 1) == "@" then
    local target, message = targets.find(options.url, out)
    if not target then return nil, message end
    return { url = target.url, options = target.options, asked = target.asked, password = target.asked.password, target = target }
  end
  local parsed, message = url.parse(options.url)
  if not parsed then return nil, message end
  local asked, wrong = client_options.of_words(parsed.options)
  if not asked then return nil, wrong.message end
  return { url = options.url, options = {}, asked = asked, password = parsed.password or asked.password }
end

--- The password that is not a target's: of the URL, --password-file, SMPP_PASSWORD; for a target the flag is first.
local function password_of(source, options, out)
  local file = options.password_file
  if source.password and not (file and source.target) then return source.password end
  if file then return luafile.first_line(file) end
  return out.getenv "SMPP_PASSWORD"
end

--- The options for smpp.connect.
---@param options table
---@param out smpp.CliOutput
---@param extra? table  more options for smpp.connect
---@param defaults? table  those where nothing else is given
---@return table? given
---@return string|table message  or the same as smpp.connect reads it
---@return smpp.Target? target  whose password is still to be asked for
function dial.read(options, out, extra, defaults)
  local source, message = source_of(options, out)
  if not source then return nil, message end
  local password, why = password_of(source, options, out)
  if why then return nil, why end
  local of_config, wrong = of_file(options.config)
  if not of_config then return nil, wrong end
  local given = targets.merge(defaults, source.options, of_config, source.asked)
  local tls
  tls, wrong = tls_flags.read(options, out, given.tls)
  if wrong then return nil, wrong end
  local log = log_flags.read(options, out) or given.log or tls_flags.log(out)
  given = schema.merge(given, { source.url, password = password, bind = options.bind, log = log }, extra)
  given.tls = tls
  local read
  read, wrong = client_options.read(given)
  if not read then return nil, wrong.message end
  return given, read, not password and source.target or nil
end

--- Reports why the bind failed, with what to check on lines of their own.
---@param out smpp.CliOutput
---@param why string
---@param code string?
function dial.tell_refused(out, why, code)
  local row = explain.status(code or "")
  local head = row and why:match "^(.-%(0x%x+%))"
  if not head then
    local what, causes = why:match "^(.-); (possible causes: .*)$"
    out:fail("%s", what or why)
    if causes then out:note("      %s", causes) end
    return
  end
  out:fail("%s", head)
  out:note("      %s", row.meaning)
  out:note("      advice: %s", row.advice)
  local note = why:match "; note: (.*)$"
  if note then out:note("      %s %s", out:paint_note("yellow", "note:"), note) end
end

--- Connects and binds.
---@async
---@param options table
---@param out smpp.CliOutput
---@param extra table  more options for smpp.connect
---@param defaults? table  those where nothing else is given
---@return smpp.Client? esme
---@return integer? exit_code  the reason has been printed
---@return smpp.Capture? trace  to be closed at the end
function dial.connect(options, out, extra, defaults)
  local given, message, target = dial.read(options, out, extra, defaults)
  if not given then
    out:fail("%s", message)
    return nil, exit.USAGE
  end
  if target then
    local failed
    given.password, message, failed = targets.password(target, given.loop or loops.current())
    if message then
      out:fail("%s", message)
      return nil, failed
    end
  end
  local password = given.password
  if password and (password:find "^%s" or password:find "%s$") then
    out:note("%s the password begins or ends with a blank", out:paint_note("yellow", "warning:"))
  end
  local trace
  given.pdu, trace = dial.watch(options, out)
  if options.trace and not given.pdu then
    out:fail("%s", trace)
    return nil, exit.USAGE
  end
  local esme, why, code = smpp.connect(given)
  if esme then return esme, nil, trace end
  if trace then trace:close() end
  dial.tell_refused(out, why, code)
  return nil, exit.UNREACHABLE
end

return dial
