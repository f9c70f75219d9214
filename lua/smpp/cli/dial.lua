--- Shared by `smpp send` and `smpp listen`: URL and password, the connection, PDUs shown with -v, traces.
local brief = require "smpp.cli.brief"
local client_options = require "smpp.client.options"
local content = require "smpp.cli.content"
local exit = require "smpp.cli.exit"
local explain = require "smpp.codec.explain"
local json = require "smpp.cli.json"
local luafile = require "smpp.base.luafile"
local schema = require "smpp.base.schema"
local smpp = require "smpp"
local tls_flags = require "smpp.cli.tls_flags"
local traces = require "smpp.capture.writer"
local url = require "smpp.client.url"

local dial = {}

local BINDS = { "trx", "tx", "rx", "tx+rx" }

--- The first argument of all commands that bind.
---@param command table  of argparse
function dial.define_url(command)
  command:argument("url", "smpp://system_id:password@host:2775, with ?option=value for any option of smpp.connect.")
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
  dial.define_watching(command)
end

--- The options of all commands that show or trace PDUs.
function dial.define_watching(command)
  command:flag("-v --verbose", "Show the PDUs sent and received."):count "*"
  command:option("--trace", "Write the PDUs to a pcapng file for Wireshark."):argname "FILE"
  command:flag("--show-secrets", "Show passwords in PDUs and traces.")
end

local function first_line(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local line = file:read "*l"
  file:close()
  if not line then return nil, path .. ": empty file, expected a password in its first line" end
  return (line:gsub("\r$", ""))
end

--- The password of the URL, the file or the environment, in this order.
local function password_of(parsed, options, out)
  if parsed.password then return parsed.password end
  if options.password_file then return first_line(options.password_file) end
  return out.getenv "SMPP_PASSWORD"
end

--- A function that shows and traces each PDU as the options ask; nil without -v and --trace.
---@param options table
---@param out smpp.CliOutput
---@param name? fun(session): string  which session it is, where there are many
---@return (fun(pdu, direction, session))? watch
---@return smpp.Trace|string|nil trace  or why it cannot be written
function dial.watch(options, out, name)
  local trace, message
  if options.trace then
    trace, message = traces.new(options.trace, { secrets = options.show_secrets })
    if not trace then return nil, message end
  end
  if not trace and not out.verbose then return nil end
  local painter = { paint = function(_, style, text) return out:paint_note(style, text) end }
  return function(pdu, direction, session)
    if trace and trace.file then trace:record(session, pdu, direction) end
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

--- The options for smpp.connect.
---@param options table
---@param out smpp.CliOutput
---@param extra? table  more options for smpp.connect
---@return table? given
---@return string|table message  or the same as smpp.connect reads it
function dial.read(options, out, extra)
  local parsed, message = url.parse(options.url)
  if not parsed then return nil, message end
  local password, why = password_of(parsed, options, out)
  if why then return nil, why end
  local given, wrong = of_file(options.config)
  if not given then return nil, wrong end
  local tls
  tls, wrong = tls_flags.read(options, out, given.tls, parsed.options)
  if wrong then return nil, wrong end
  for name in pairs(parsed.options) do given[name] = nil end -- the URL wins
  given = schema.merge(given, { options.url, password = password, bind = options.bind, log = given.log or tls_flags.log(out) }, extra)
  given.tls = tls
  local read
  read, wrong = client_options.read(given)
  if not read then return nil, wrong.message end
  return given, read
end

--- Reports why the bind failed, with what to check on lines of their own.
local function tell_refused(out, why, code)
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
---@return smpp.Client? esme
---@return integer? exit_code  the reason has been printed
---@return smpp.Trace? trace  to be closed at the end
function dial.connect(options, out, extra)
  local given, message = dial.read(options, out, extra)
  if not given then
    out:fail("%s", message)
    return nil, exit.USAGE
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
  tell_refused(out, why, code)
  return nil, exit.UNREACHABLE
end

return dial
