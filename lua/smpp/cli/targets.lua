--- Message centres by name: `@acme` stands for the target `acme` of a configuration file.  Also the command `smpp targets`.
local client_options = require "smpp.client.options"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local luafile = require "smpp.base.luafile"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local shown = require "smpp.base.shown"
local task = require "smpp.base.task"
local url = require "smpp.client.url"

local targets = {
  description = "Lists the targets of the configuration file: names for message centres, which other commands take as @NAME.",
  epilog = [[
Examples:
   smpp targets
   smpp send @acme --to +4915112345678 "Hello"
   smpp listen '@acme?bind=rx'

The file is $SMPP_CONFIG, else the first of $XDG_CONFIG_HOME/smpp/config.lua,
~/.config/smpp/config.lua and /etc/smpp/config.lua:

   return {
     targets = {
       acme = { url = "smpps://me@smsc.example", password_command = "pass acme" },
     },
     defaults = { enquire_link_s = 20 },
   }]],
}

local COMMAND_S = 10 -- how long password_command may take

--- The options of a target: those of smpp.connect, and where its password is.
targets.schema = schema.new(client_options.schema:select(function(row) return not row.program and type(row[1]) == "string" end), {
  { "password_command", "string", nil, "a command of the shell that prints the password, in its first line", 'password_command = "pass acme"' },
  { "password_file", "string", nil, "a file whose first line is the password", 'password_file = "/etc/smpp/acme.password"' },
})

local SOURCES = { "password", "password_command", "password_file" }

--- Where the configuration may be, first come first served.
local function places(getenv)
  local explicit = getenv "SMPP_CONFIG"
  if explicit and explicit ~= "" then return { explicit }, true end
  local list = {}
  local function add(name, rest)
    local folder = getenv(name)
    if folder and folder ~= "" then list[#list + 1] = folder .. rest end
  end
  add("XDG_CONFIG_HOME", "/smpp/config.lua")
  add("HOME", "/.config/smpp/config.lua")
  list[#list + 1] = "/etc/smpp/config.lua"
  return list
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function is_writable_by_others(path)
  local has_luv, streams = pcall(require, "smpp.loop.luv_stream")
  return has_luv and streams.is_writable_by_others(path)
end

---@class smpp.Configuration
---@field path string?   of its file; nil: there is none
---@field places string[]  where it was looked for
---@field targets table<string, table>
---@field defaults table

--- Reads the configuration.
---@param out smpp.CliOutput
---@return smpp.Configuration?
---@return string? message
function targets.load(out)
  local list, must = places(out.getenv)
  local path
  for _, place in ipairs(list) do
    if not path and (must or exists(place)) then path = place end
  end
  if not path then return { places = list, targets = {}, defaults = {} } end
  if is_writable_by_others(path) then return nil, path .. ": others may write this file: chmod go-w" end
  local loaded, message = luafile.load(path, { smpp = require "smpp" })
  if not loaded then return nil, message end
  local wrong = schema.new({ { "targets", "table" }, { "defaults", client_options.schema } }):problem(loaded)
  if wrong then return nil, path .. ": " .. wrong.message end
  for name, target in pairs(loaded.targets or {}) do
    if type(name) ~= "string" or not name:find "^[^%c%s/?]+$" then
      return nil, ("%s: invalid name of a target %s: expected no blank, / or ?"):format(path, mistake.show(name))
    end
    if type(target) ~= "table" then return nil, ("%s: targets.%s: expected a table, got a %s"):format(path, name, type(target)) end
  end
  return { path = path, places = list, targets = loaded.targets or {}, defaults = loaded.defaults or {} }
end

--- Why a target cannot be used; nil: it can.
local function problem_of(config, name)
  local target = config.targets[name]
  local wrong = targets.schema:problem(target)
  local given = {}
  for _, source in ipairs(SOURCES) do
    if target[source] then given[#given + 1] = source end
  end
  if not wrong and #given > 1 then wrong = mistake.new(("%s and %s cannot be combined"):format(given[1], given[2])) end
  if not wrong and not (target.url or target.host or target.hosts) then wrong = mistake.new "missing url" end
  if not wrong and target.url then
    local parsed, message = url.parse(target.url)
    if not parsed then
      wrong = mistake.inside(mistake.new(message), "url")
    else
      wrong = select(2, client_options.of_words(parsed.options))
    end
  end
  return wrong and ("%s: %s"):format(config.path, mistake.inside(mistake.inside(wrong, name), "targets").message)
end

local function unknown(config, name)
  if not config.path then
    return ("unknown target '%s': no configuration file (looked for %s)"):format(shown.text(name), table.concat(config.places, ", "))
  end
  local like = mistake.similar(name, config.targets)
  local names = {}
  for known in pairs(config.targets) do names[#names + 1] = known end
  table.sort(names)
  local hint = "known: " .. table.concat(names, ", ", 1, math.min(#names, 10))
  if like then hint = ("did you mean '%s'?"):format(like) elseif #names == 0 then hint = "it has no targets" end
  return ("unknown target '%s' in %s; %s"):format(shown.text(name), config.path, hint)
end

--- Merges tables of options, later ones winning, tables inside key by key; lists are replaced.
local function merge(...)
  local result = {}
  for i = 1, select("#", ...) do
    for key, value in pairs((select(i, ...)) or {}) do
      local earlier = result[key]
      local inside = type(value) == "table" and type(earlier) == "table" and value[1] == nil and earlier[1] == nil and not getmetatable(value)
      result[key] = inside and merge(earlier, value) or value
    end
  end
  return result
end

local function query_of(text)
  local words = {}
  for piece in text:gmatch "[^&]+" do
    local parsed = url.parse("smpp://h?" .. piece)
    for name, word in pairs(parsed.options) do words[name] = word end
  end
  return words
end

---@class smpp.Target
---@field name string
---@field url string?     without its options
---@field options table   options of smpp.connect but the password: those of the file
---@field asked table     those behind `@name?`
---@field secret { password: string?, password_command: string?, password_file: string? }

--- The target of "@name?option=value".
---@param word string
---@param out smpp.CliOutput
---@return smpp.Target?
---@return string? message
function targets.find(word, out)
  local name, path, query = word:match "^@([^/?]*)(/?[^?]*)%??(.*)$"
  if name == "" or path ~= "" then return nil, ("invalid target '%s': expected @name or @name?option=value"):format(shown.text(word)) end
  local config, message = targets.load(out)
  if not config then return nil, message end
  local target = config.targets[name]
  if not target then return nil, unknown(config, name) end
  message = problem_of(config, name)
  if message then return nil, message end
  local asked, wrong = client_options.of_words(query_of(query))
  if not asked then return nil, ("@%s: %s"):format(name, wrong.message) end
  local parsed = target.url and url.parse(target.url) or { options = {} }
  local options = merge(config.defaults, (client_options.of_words(parsed.options)), target)
  -- The password of one source is not mixed with that of a weaker one.
  local secret = {}
  for _, source in ipairs(SOURCES) do secret[source], options[source] = target[source], nil end
  if not next(secret) then secret.password = parsed.password or (parsed.options.password or config.defaults.password) end
  options.url, options.password = nil, nil
  return { name = name, url = target.url and target.url:gsub("%?.*", ""), options = options, asked = asked, secret = secret }
end

targets.merge = merge

--- The password of a target.
---@async
---@param target smpp.Target
---@return string? password  nil without a message: it has none
---@return string? message
---@return integer? exit_code
function targets.password(target, loop)
  local secret = target.secret
  if secret.password_file then
    local password, message = luafile.first_line(secret.password_file)
    return password, message, exit.USAGE
  end
  if not secret.password_command then return secret.password end
  local token, key, output, code = task.need(), {}, nil, nil
  local waits, done = false, false
  loop:run_command(secret.password_command, COMMAND_S, function(...)
    output, code = ...
    done = true
    if waits then task.wake_for(token, key) end
  end)
  waits = true
  if not done then task.wait(key) end
  local what = ("password_command of target '%s'"):format(target.name)
  if not output then
    return nil, code == "timeout" and ("%s did not end within %d s"):format(what, COMMAND_S) or ("%s: %s"):format(what, code), exit.UNREACHABLE
  end
  if code ~= 0 then return nil, ("%s failed with exit code %d"):format(what, code), exit.UNREACHABLE end
  local line = output:match "^([^\n]*)"
  if line == "" then return nil, what .. " printed no password", exit.UNREACHABLE end
  return (line:gsub("\r$", ""))
end

-- ---- smpp targets ----

local SECRET = { password = true, tls_key_password = true, ["tls.key_password"] = true }

--- A URL without its password, and without those among its options.
local function public(words)
  local main, query = words:match "^([^?]*)%??(.*)$"
  local rest = {}
  for piece in query:gmatch "[^&]+" do
    if not SECRET[next(query_of(piece))] then rest[#rest + 1] = piece end
  end
  main = main:gsub("^(%a+://[^:@]*):.*@", "%1@")
  return main .. (rest[1] and "?" .. table.concat(rest, "&") or "")
end

--- The address of a target as a URL.
local function address_of(target)
  if target.url then return public(target.url) end
  local hosts = {}
  for i, host in ipairs(target.hosts or { { host = target.host, port = target.port } }) do
    hosts[i] = type(host) == "string" and host or host.host .. (host.port and ":" .. host.port or "")
  end
  return ("%s://%s%s"):format(target.tls and "smpps" or "smpp", target.system_id and target.system_id .. "@" or "", table.concat(hosts, ","))
end

--- The names of all targets, sorted; none where the configuration cannot be read.
---@param out smpp.CliOutput
---@return string[]
function targets.names(out)
  local config, names = targets.load(out), {}
  for name in pairs(config and config.targets or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- It has no arguments of its own.
function targets.define() end

--- Runs `smpp targets`.
---@param _ table
---@param out smpp.CliOutput
---@return integer exit_code
function targets.run(_, out)
  local config, message = targets.load(out)
  if not config then
    out:fail("%s", message)
    return exit.USAGE
  end
  if not config.path then
    out:note("no configuration file (looked for %s)", table.concat(config.places, ", "))
    return exit.DONE
  end
  local names, width, code = targets.names(out), 0, exit.DONE
  for _, name in ipairs(names) do width = math.max(width, #shown.text(name)) end
  for _, name in ipairs(names) do
    local target, wrong = config.targets[name], problem_of(config, name)
    if wrong then
      out:fail("%s", wrong)
      code = exit.USAGE
    elseif out.json then
      out:object(json.object({
        "name", json.text(name), "url", json.text(address_of(target)), "profile", type(target.profile) == "string" and target.profile or nil,
        "password", target.password_command and "command" or target.password_file and "file" or nil,
      }, 8))
    else
      local profile = type(target.profile) == "string" and "  profile " .. target.profile or ""
      out:print(("%s%s  %s%s"):format(out:paint("bold", shown.text(name)), (" "):rep(width - #shown.text(name)), shown.text(address_of(target)),
        shown.text(profile)))
    end
  end
  return code
end

return targets
