--- smpp bot: runs the bot of a file, checks it, or talks with it in the terminal.
local bots = require "smpp.bot"
local chat = require "smpp.cli.bot_chat"
local collector = require "smpp.cli.collector"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local logs = require "smpp.base.log"
local loops = require "smpp.loop"
local reload = require "smpp.bot.reload"
local shown = require "smpp.base.shown"

local bot = {
  description = "Runs the bot that a Lua file makes with require(\"smpp.bot\").new, until SIGTERM or Ctrl-C. When the file changes, and at "
    .. "SIGHUP, it is loaded again: handlers, schedules and texts are replaced, running dialogues finish with the old handlers.",
  epilog = [[
Examples:
   smpp bot shop.lua
   smpp bot shop.lua --check
   smpp bot shop.lua --chat
In a chat each line is a message of the subscriber +10000000001.
Commands: /as NUMBER, /dial *100#, /hangup, /wait 10 min, /quit.
A line that begins with // is a message that begins with a slash.]],
}

--- Declares its arguments and options.
---@param command table  of argparse
function bot.define(command)
  command:argument("file", "A Lua file that makes a bot.")
  command:flag("--chat", "Chat with the bot in the terminal, in virtual time and without a network.")
  command:flag("--check", "Check that the file can be loaded, and exit.")
end

--- The log goes to stderr, unless the file has its own.
local function log_to(shop, out)
  local o = shop.o.log
  if o ~= true and type(o) ~= "string" then return end
  local own = { level = type(o) == "string" and o or nil, write = function(record) out:note("%s", logs.line(record)) end }
  shop.o.log = own
  for _, carrier in ipairs(shop.carriers) do
    if carrier.given.log == o then carrier.given.log = own end
  end
end

--- Runs it until a signal, or until no message centre takes its bind.
local function serve(shop, out, load, path)
  out.live = true
  function shop.bound(host, system_id) out:print(("bound to %s as %s"):format(shown.text(host), shown.text(system_id or ""))) end
  local function stop_looking() end
  local ok, message, code, _, signal = out.run(function()
    dial.survive_sigusr1(out)
    local started, why, failure = shop:start()
    if not started then return nil, why, failure end
    reload.watch(shop, load, path)
    stop_looking = collector.for_bot(loops.current())
    return shop:wait()
  end)
  stop_looking()
  if ok then return exit.DONE end
  if code == "interrupted" then return signal == "SIGTERM" and exit.DONE or exit.INTERRUPTED end
  out:fail("%s", message)
  return code == "store_failed" and exit.FAILED or exit.UNREACHABLE
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function bot.run(options, out)
  local path = options.file
  local function load() return bots.load(path, setmetatable({}, { __index = _G })) end
  local shop, message = load()
  if not shop then
    out:note("%s", message)
    return exit.USAGE
  end
  if options.check then
    out:print(shown.text(path) .. ": ok")
    return exit.DONE
  end
  log_to(shop, out)
  if options.chat then return chat.run(shop, out) end
  return serve(shop, out, load, path)
end

return bot
