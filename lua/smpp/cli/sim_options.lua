--- The options of `smpp sim`: what people type, as what smpp.simulator takes.
local faults = require "smpp.simulator.faults"
local latency = require "smpp.simulator.latency"
local mistake = require "smpp.base.mistake"
local outcome = require "smpp.simulator.outcome"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local tls_flags = require "smpp.cli.tls_flags"

local sim_options = {}

--- The keys behind --set: all but what the command brings.
local keys = settings.schema:without("file", "loop")

--- A converter for argparse: a number in a range.
local function number(least, most)
  return function(word)
    local n = tonumber(word)
    if n and n >= least and n <= most then return n end
    local range = least % 1 == 0 and ("from %.0f to %.0f"):format(least, most) or "above 0"
    return nil, ("'%s': a number %s expected"):format(word, range)
  end
end

--- "0.5", "0.5-3", "normal:1,0.2": a time that varies, as smpp.simulator.latency has it.
local function time(word)
  local value = latency.kind.read(word)
  if value and latency.kind.fits(value) then return value end
  return nil, ("'%s': expected seconds, FROM-TO, normal:MEAN,DEVIATION, spikes:USUAL,SPIKE,PERCENT or checks:EVERY,PERCENT,MAX"):format(word)
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

--- A Lua expression; nil and a message for what is none.
local function evaluated(word)
  local chunk, message = (loadstring or load)("return " .. word, "=VALUE") -- luacheck: compat
  if not chunk then return nil, message end
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
  if not name then return nil, ("'%s': KEY=VALUE expected"):format(word) end
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
    return nil, ("'%s': HOST:PORT or ID:PASSWORD@HOST:PORT expected"):format((word:gsub("^([^:]*):.*@", "%1:***@")))
  end
  return { host = host, port = port, system_id = id, password = password }
end

--- Declares them.
---@param command table  of argparse
function sim_options.define(command)
  command:argument("file", "A Lua file that returns options, any of the keys below; read again when it changes, and on SIGHUP. "
    .. "What is given on the command line wins."):args "?"
  command:group("Where, and for whom",
    command:option("--host", "Where to listen (127.0.0.1)."):argname "HOST",
    command:option("--port", "Which port (2775); 0 picks a free one."):hidden_name "-p":convert(number(0, 65535)):argname "PORT",
    command:option("--account", "Who may bind; more than one is fine. Without any, everybody."):hidden_name "-a":count "*":argname "ID:PASSWORD",
    command:option("--outbind", "Call an ESME that listens, so that it binds."):convert(outbind):argname "[ID:PASSWORD@]HOST:PORT")
  tls_flags.define_server(command)
  command:group("What becomes of messages",
    command:option("--state", "Their final state, or weights: DELIVERED=90,EXPIRED=10. ENROUTE is none."):count "*"
      :convert(weights(state, 100)):argname "STATE",
    command:option("--deliver-after", "From a message to its final state (1)."):convert(time):argname "TIME",
    command:option("--receipt-after", "From the final state to the receipt (0)."):convert(time):argname "TIME",
    command:option("--undeliverable", "A number that is never reached, or a Lua pattern that begins with ^."):count "*":argname "NUMBER",
    command:flag("--by-digit", "The first digit of the destination decides: 1 EXPIRED, 2 DELETED, 3 UNDELIVERABLE, "
      .. "4 ACCEPTED, 5 REJECTED."))
  command:group("How it behaves",
    command:option("--behaviour", "Ready sets of options: healthy, slow, flaky, throttling, dead, gatewayapi."):hidden_name "-b"
      :argname "NAME",
    command:option("--latency", "From a request to its answer (0)."):convert(time):argname "TIME",
    command:option("--throttle", "Above so many messages a second: ESME_RTHROTTLED."):convert(number(1e-6, 1e9)):argname "RATE",
    command:option("--throttle-burst", "So many of them may come at once (a second's worth)."):convert(number(1, 1e9, true)):argname "N",
    command:option("--refuse", "Refuse so many percent of the messages: RSYSERR=2,RMSGQFUL=1."):count "*"
      :convert(weights(status)):argname "STATUS=PERCENT",
    command:option("--fault", "Spoil so many percent of the answers: " .. table.concat(faults.names, ", ") .. "."):count "*"
      :convert(weights(fault)):argname "NAME=PERCENT",
    command:option("--seed", "Makes every run the same."):convert(number(-1e15, 1e15)):argname "N",
    command:option("--set", "Any of the keys below; the value is Lua, or a word."):count "*":convert(setting):argname "KEY=VALUE")
  command:group("Messages from phones",
    command:option("--mo-file", "Send those of a CSV file: source,destination,text."):argname "FILE",
    command:option("--mo-rate", "So many a second (1)."):convert(number(1e-6, 1e9)):argname "RATE",
    command:flag("--loopback", "Every message comes back from its destination."),
    command:flag("--esme-to-esme", "A message goes to the receiver whose address_range has its destination."))
end

--- Accounts by system_id; nil and a message for one that is none.
local function accounts_of(words)
  if #words == 0 then return nil end
  local accounts = {}
  for _, word in ipairs(words) do
    local id, password = word:match "^([^:]+):(.*)$"
    if not id then return nil, ("--account %s: ID:PASSWORD expected"):format((word:gsub(":.*", ":***"))) end
    if #id > 15 then return nil, ("--account %s: a system_id has at most 15 octets"):format(id) end
    accounts[id] = { password = password }
  end
  return accounts
end

--- What smpp.simulator gets.
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
  if o.mo_rate and not o.mo_file then return nil, "--mo-rate: of which messages? --mo-file FILE is missing" end
  if o.throttle_burst and not o.throttle then return nil, "--throttle-burst: --throttle RATE is missing" end
  local given = {
    file = o.file, host = where.host, port = where.port, tls = where.tls, listen = where.listen, accounts = accounts, outbind = o.outbind,
    outcomes = tabled(o.state), deliver_after_s = o.deliver_after, receipt_after_s = o.receipt_after,
    undeliverable = #o.undeliverable > 0 and o.undeliverable or nil, by_digit = o.by_digit,
    behaviour = o.behaviour, latency_s = o.latency, throttle = o.throttle and { rate_per_s = o.throttle, burst = o.throttle_burst },
    refusals = tabled(o.refuse), faults = tabled(o.fault), seed = o.seed,
    mo = o.mo_file and { file = o.mo_file, per_minute = 60 * (o.mo_rate or 1) },
    loopback = o.loopback, esme_to_esme = o.esme_to_esme,
  }
  if o.outbind and #o.account == 1 then o.outbind.account = next(accounts) end
  for _, pair in ipairs(o.set) do schema.put(given, pair[1], pair[2]) end
  return given
end

return sim_options
