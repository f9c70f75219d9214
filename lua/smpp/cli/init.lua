--- The command `smpp`.  `main(arg)` returns the exit code; docs/cli.md is the guide.
local argparse = require "argparse"
local exit = require "smpp.cli.exit"
local option_help = require "smpp.cli.option_help"
local output = require "smpp.cli.output"
local task = require "smpp.base.task"

local unpack = table.unpack or unpack -- luacheck: compat

local cli = {}

-- Name and summary, in the order of the help.  The module smpp.cli.<name> { description, epilog, define, run } is loaded
-- when the command is called.
local COMMANDS = {
  { "send", "Send a message, or a file of messages." },
  { "listen", "Print incoming messages and delivery receipts." },
  { "bot", "Run the bot of a Lua file, or talk with it here." },
  { "sim", "Run a message centre simulator." },
  { "gateway", "Run a gateway: customers, routing rules, carriers." },
  { "nodes", "Show the nodes of a gateway that share an engine." },
  { "store", "Show what a store has: messages that wait, their lives." },
  { "conformance", "Test a message centre against the standard." },
  { "simulate", "Simulate this toolkit under random faults." },
  { "test", "Run scenarios: test anything that speaks SMPP." },
  { "load", "Load test of a message centre." },
  { "decode", "Decode PDUs: hex, binary or a capture." },
  { "explain", "Explain a status, a field's value, a command, a TLV, a receipt's words." },
  { "count", "Show what a text costs: encoding, parts, characters left." },
  { "targets", "List the message centres of the configuration file." },
  { "completion", "Print a script for completion in bash, zsh or fish." },
}

local DESCRIPTION = [[
SMPP on the command line: send and receive SMS, simulate a message centre,
decode PDUs and captures.]]

local EPILOG = [[
Try:
   smpp sim &
   smpp send smpp://me:secret@localhost --from Test --to +4915112345678 --receipt "Hello 👋"
   smpp decode session.pcap
   smpp explain ESME_RTHROTTLED

Exit codes: 0 done; 1 refused, failed or undelivered; 2 usage; 3 cannot connect,
bind or listen; 4 timeout or outcome unknown; 130 interrupted.
"smpp COMMAND --help" lists the options of a command; the guide is docs/cli.md.]]

--- A help flag that neither prints nor exits by itself, as argparse's own would.
local function add_help(parser, asked)
  parser:add_help(false)
  parser:flag("-h --help", "Show this help."):action(function()
    asked.help = parser:get_help()
    error("help", 0)
  end)
end

--- What a converter says of a value, argparse prints as it is: the option's name goes before it.
local function name_options(command)
  for _, option in ipairs(command._options) do
    local convert, name = option._convert, ""
    for _, alias in ipairs(option._aliases) do name = #alias > #name and alias or name end
    if type(convert) == "function" then
      option:convert(function(word)
        local value, message = convert(word)
        return value, value == nil and ("%s: %s"):format(name, message or ("invalid value '%s'"):format(word)) or nil
      end)
    end
  end
end

local function add_common(command, module)
  if not module.has_json_file then command:flag("--json", "Results as JSON, one object per line.") end
  command:option("--color", "Colours: auto, always or never.", "auto"):choices({ "auto", "always", "never" }):argname "WHEN"
end

--- The parser of the whole command line.  Only the command that is called has its options defined.
---@param called string?  "*": all have
---@param width integer  of its help
local function new_parser(asked, called, width)
  local parser = argparse("smpp", DESCRIPTION, EPILOG):help_max_width(width):usage_max_width(width):help_description_margin(28)
  parser:require_command(false)
  add_help(parser, asked)
  parser:flag("--version", "Show the version."):action(function()
    asked.help = "smpp " .. require("smpp")._VERSION
    error("help", 0)
  end)
  for _, row in ipairs(COMMANDS) do
    local name, summary = row[1], row[2]
    local command = parser:command(name):summary(summary)
    if name == called or called == "*" then
      local module = require("smpp.cli." .. name)
      command:description(module.description)
      command:epilog(module.keys_help and module.epilog .. "\n\n" .. module.keys_help(width) or module.epilog)
      add_help(command, asked)
      module.define(command)
      add_common(command, module)
      name_options(command)
      command:action(function(options) options.run = module.run end)
    end
  end
  return parser
end

--- The parser with the options of all commands, for what describes them.
---@param width? integer  of its help
---@return table  of argparse
function cli.parser(width) return new_parser({}, "*", option_help.width(width)) end

--- "smpp help send" means "smpp send --help".
local function words_of(arg)
  local words = {}
  for i = 1, #arg do words[i] = arg[i] end
  if words[1] == "help" then
    table.remove(words, 1)
    words[#words + 1] = "--help"
  end
  return words
end

--- The command: the first word that is not an option.
local function called_in(words)
  for _, word in ipairs(words) do
    if word:sub(1, 1) ~= "-" then
      for _, row in ipairs(COMMANDS) do
        if word == row[1] then return word end
      end
      return nil
    end
  end
end

--- pcall that keeps the traceback; in a task (the streams brought a `run` of their own) one that can wait.
local function guard(fn)
  if task.current() then return task.pcall(fn) end
  return xpcall(fn, function(err) return err == output.BROKEN_PIPE and err or debug.traceback(tostring(err), 2) end)
end

--- Runs a command.
---@param arg string[]
---@param streams? smpp.CliStreams
---@return integer exit_code
function cli.main(arg, streams)
  local out, asked = output.new(streams), {}
  local words = words_of(arg)
  local command = called_in(words)
  local parser = new_parser(asked, command, option_help.width(out:width()))
  local parsed, ok, result = pcall(parser.pparse, parser, words)
  if asked.help then
    out.stdout:write(asked.help, "\n")
    return out:finish() and exit.DONE or exit.FAILED
  end
  if not parsed then error(ok, 0) end
  out:set_color(ok and result.color or "auto")
  if not ok then
    out:fail("%s", result)
    out:note("try: smpp %s--help", command and command .. " " or "")
    return exit.USAGE
  end
  if not result.run then
    out:note("%s", parser:get_help())
    return exit.USAGE
  end
  result.words = { unpack(words, 2) } -- behind the command's name
  out.json, out.verbose = result.json == true, (result.verbose or 0) > 0
  local finished, code = guard(function() return result.run(result, out) end)
  out:settle()
  if finished then return not out:finish() and code == exit.DONE and exit.FAILED or code end
  if code == output.BROKEN_PIPE then return exit.FAILED end
  error(code, 0)
end

return cli
