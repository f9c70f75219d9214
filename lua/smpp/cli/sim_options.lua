--- The options of `smpp sim`, as options of smpp.simulator.
local convert = require "smpp.cli.convert"
local faults = require "smpp.simulator.faults"
local log_flags = require "smpp.cli.log_flags"
local latency = require "smpp.simulator.latency"
local mistake = require "smpp.base.mistake"
local outcome = require "smpp.simulator.outcome"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local tls_flags = require "smpp.cli.tls_flags"

local sim_options = {}

--- The keys of --set: all but those that the command sets itself.
local keys = settings.schema:without("file", "loop")

--- "0.5", "0.5-3", "normal:1,0.2": a time that varies, as smpp.simulator.latency has it.
local function time(word)
  local value = latency.kind.read(word)
  if value and latency.kind.fits(value) then return value end
  return nil, ("invalid time '%s': expected seconds, FROM-TO, normal:MEAN,DEVIATION, spikes:USUAL,SPIKE,PERCENT "
    .. "or checks:EVERY,PERCENT,MAX"):format(word)
end

--- A converter for "NAME=NUMBER,NAME=NUMBER"; `name_of(word)` returns the name, or nil and a message.
local function weights(name_of, default)
  return function(word)
    local list = {}
    for item in (word .. ","):gmatch "([^,]*)," do
      local name, weight = item:match "^([^=]+)=(.+)$"
      weight = name and tonumber(weight) or not name and default
      if not weight or weight < 0 then return nil, ("'%s': NAME=%s expected"):format(item, default and "WEIGHT" or "PERCENT") end
      local message
      name, message = name_of(name or item)
      if not name then return nil, message end
      list[#list + 1] = { name, weight }
    end
    return list
  end
end

--- One of some words; else a message with the most similar.
local function one_of(words, word, what)
  local set = {}
  for _, name in ipairs(words) do set[name] = true end
  if set[word] then return word end
  local like = mistake.similar(word, set)
  return nil, ("unknown %s '%s'%s; there are %s"):format(what, word, like and (", did you mean '" .. like .. "'?") or "", table.concat(words, ", "))
end

local function state(word) return one_of(outcome.state_kind.values, word:upper(), "final state") end

local function fault(word) return one_of(faults.names, word:gsub("%-", "_"), "fault") end

local function status(word)
  local value = outcome.status_kind.read(word)
  if outcome.status_kind.fits(value) then return value end
  return nil, ("unknown command_status '%s'"):format(word)
end

--- Lists of { name, number } as one table.
local function tabled(lists)
  if #lists == 0 then return nil end
  local out = {}
  for _, list in ipairs(lists) do
    for _, item in ipairs(list) do out[item[1]] = item[2] end
  end
  return out
end

--- The value of a Lua expression; nil and an error message.
local function evaluated(word)
  local chunk, message = (loadstring or load)("return " .. word, "=VALUE") -- luacheck: compat
  if not chunk then return nil, (message:gsub("\n.*", "")) end -- a traceback: too many levels
  local ok, value = pcall(chunk)
  if not ok then return nil, tostring(value) end
  return value
end

--- The value behind --set KEY=: a table, a function or a string as in Lua, else what the kind of the key makes of the word.
local function value_of(name, word)
  local as_lua = word:find "^%s*[{\"']" or word:find "^%s*function"
  local value, wrong, message
  if not as_lua then
    value, wrong = keys:parse(name, word)
    if value ~= nil then return value end
    if wrong.unknown or word:find "^%s*[%a_][%w_]*%s*$" then return nil, wrong.message end
  end
  value, message = evaluated(word)
  if value == nil then return nil, wrong and wrong.message or name .. ": " .. (message or "nil") end
  wrong = keys:problem { [name] = value }
  if wrong then return nil, wrong.message end
  return value
end

local function setting(word)
  local name, text = word:match "^([%w_.]+)=(.*)$"
  if not name then return nil, ("invalid setting '%s': expected KEY=VALUE"):format(word) end
  local value, message = value_of(name, text)
  if value == nil then return nil, message end
  return { name, value }
end

local function outbind(word)
  local id, password, rest = word:match "^([^:]*):(.*)@([^@]+)$"
  rest = rest or word
  local host, port = rest:match "^%[(.+)%]:(%d+)$"
  if not host then host, port = rest:match "^([^:@]+):(%d+)$" end
  port = tonumber(port)
  if not port or port < 1 or port > 65535 then
    return nil, ("invalid value '%s': expected HOST:PORT or ID:PASSWORD@HOST:PORT"):format((word:gsub("^([^:]*):.*@", "%1:***@")))
  end
  return { host = host, port = port, system_id = id, password = password }
end

--- Declares them.
---@param command table  of argparse
function sim_options.define(command)
  command:argument("file", "A Lua file that returns a table of the keys below; read again when it changes, and on SIGHUP. "
    .. "The command line takes precedence."):args "?"
  command:group("Network and accounts",
    command:option("--host", "Address to listen on (127.0.0.1)."):argname "HOST",
    command:option("--port", "Port to listen on (2775); 0 picks a free one."):hidden_name "-p":convert(convert.number(0, 65535, true)):argname "PORT",
    command:option("--account", "Accept this bind only; may be given more than once. Without it any bind is accepted."):hidden_name "-a"
      :count "*":argname "ID:PASSWORD",
    command:option("--outbind", "Connect to an ESME that listens and send outbind."):convert(outbind):argname "[ID:PASSWORD@]HOST:PORT")
  tls_flags.define_server(command)
  command:group("Final states and receipts",
    command:option("--state", "Final state of messages, or weights: DELIVERED=90,EXPIRED=10. ENROUTE: no final state."):count "*"
      :convert(weights(state, 100)):argname "STATE",
    command:option("--deliver-after", "Time from submit_sm to the final state (1)."):convert(time):argname "TIME",
    command:option("--receipt-after", "Time from the final state to the receipt (0)."):convert(time):argname "TIME",
    command:option("--undeliverable", "Destination that is always UNDELIVERABLE: a number, or a Lua pattern that begins with ^."):count "*"
      :argname "NUMBER",
    command:flag("--by-digit", "The first digit of the destination selects the final state: 1 EXPIRED, 2 DELETED, 3 UNDELIVERABLE, "
      .. "4 ACCEPTED, 5 REJECTED."))
  command:group("Latency, refusals and faults",
    command:option("--behaviour", "Preset: healthy, slow, flaky, throttling, dead, gatewayapi."):hidden_name "-b"
      :argname "NAME",
    command:option("--latency", "Time from a request to its response (0)."):convert(time):argname "TIME",
    command:option("--throttle", "Messages per second; above: ESME_RTHROTTLED."):convert(convert.number(1e-6, 1e9)):argname "RATE",
    command:option("--throttle-burst", "Burst of --throttle: messages accepted at once (one second's worth).")
      :convert(convert.number(1, 1e9, true)):argname "N",
    command:option("--refuse", "Refuse a percentage of the messages: RSYSERR=2,RMSGQFUL=1."):count "*"
      :convert(weights(status)):argname "STATUS=PERCENT",
    command:option("--fault", "Apply a fault to a percentage of the responses: " .. table.concat(faults.names, ", ") .. "."):count "*"
      :convert(weights(fault)):argname "NAME=PERCENT",
    command:option("--seed", "Seed of the random choices: the same seed repeats a run."):convert(convert.number(-1e15, 1e15)):argname "N",
    command:option("--set", "Set any of the keys below; VALUE is Lua, or a word."):count "*":convert(setting):argname "KEY=VALUE")
  command:group("Mobile originated messages (MO)",
    command:option("--mo-file", "Deliver the messages of a CSV file: source,destination,text."):argname "FILE",
    command:option("--mo-rate", "MO messages per second (1)."):convert(convert.number(1e-6, 1e9)):argname "RATE",
    command:flag("--loopback", "Deliver every message back as MO from its destination."),
    command:flag("--esme-to-esme", "Deliver a message to the receiver whose address_range matches its destination."))
end

--- Accounts by system_id; nil and an error message.
local function accounts_of(words)
  if #words == 0 then return nil end
  local accounts = {}
  for _, word in ipairs(words) do
    local id, password = word:match "^([^:]+):(.*)$"
    if not id then return nil, ("--account %s: expected ID:PASSWORD"):format((word:gsub(":.*", ":***"))) end
    if #id > 15 then return nil, ("--account %s: a system_id has at most 15 octets"):format(id) end
    accounts[id] = { password = password }
  end
  return accounts
end

--- The options for smpp.simulator.
---@param o table  as argparse gives them
---@param out smpp.CliOutput
---@return table? given
---@return string? message
function sim_options.read(o, out)
  local accounts, message = accounts_of(o.account)
  if message then return nil, message end
  local where
  where, message = tls_flags.read_server(o, out)
  if not where then return nil, message end
  if o.mo_rate and not o.mo_file then return nil, "--mo-rate needs --mo-file" end
  if o.throttle_burst and not o.throttle then return nil, "--throttle-burst: --throttle RATE is missing" end
  local given = {
    file = o.file, host = where.host, port = where.port, tls = where.tls, listen = where.listen, accounts = accounts, outbind = o.outbind,
    outcomes = tabled(o.state), deliver_after_s = o.deliver_after, receipt_after_s = o.receipt_after,
    undeliverable = #o.undeliverable > 0 and o.undeliverable or nil, by_digit = o.by_digit,
    behaviour = o.behaviour, latency_s = o.latency, throttle = o.throttle and { rate_per_s = o.throttle, burst = o.throttle_burst },
    refusals = tabled(o.refuse), faults = tabled(o.fault), seed = o.seed,
    mo = o.mo_file and { file = o.mo_file, per_minute = 60 * (o.mo_rate or 1) },
    log = log_flags.read(o, out), loopback = o.loopback, esme_to_esme = o.esme_to_esme,
  }
  if o.outbind and #o.account == 1 then o.outbind.account = next(accounts) end
  for _, pair in ipairs(o.set) do schema.put(given, pair[1], pair[2]) end
  return given
end

return sim_options
