--- smpp nodes: the nodes of a gateway on an engine, what they hold, and what waits.
local exit = require "smpp.cli.exit"
local gateways = require "smpp.gateway"
local json = require "smpp.codec.json"
local mistake = require "smpp.base.mistake"
local nodes = require "smpp.nodes"
local shown = require "smpp.base.shown"
local status = require "smpp.nodes.status"
local stores = require "smpp.store"
local valkey = require "smpp.valkey"
local valkey_options = require "smpp.valkey.options"

local command = {
  description = [[
Shows the nodes of a gateway that share an engine: who lives, which binds each
holds, and what waits. FILE is the gateway's file on one of the nodes, or the
engine's URL.]],
  epilog = [[
Exit codes: 0 all is well; 1 a node is dead, or files differ; 2 usage; 3 the
engine is away.

Examples:
   smpp nodes gateway.lua
   smpp nodes gateway.lua --json
   smpp nodes "valkey://:secret@10.0.0.5?prefix=eu"
   smpp nodes gateway.lua --drain a
   smpp nodes gateway.lua --credit acme=+100]],
}

--- The command's arguments and options.
---@param of table  of argparse
function command.define(of)
  of:argument("file", "The gateway's file, or the URL of an engine."):argname "FILE"
  of:option("--drain", "Ask a node to give back its binds, and to take no more."):argname "NAME"
  of:option("--credit", "Change the credit of an account: NAME=+N, NAME=-N; NAME=N sets it."):argname "NAME=N"
end

--- Where a file's store is.
---@return table? options  of smpp.valkey; nil: `message` says why not
---@return string prefix_or_message
local function place_of(path)
  if stores.is_url(path) then
    local url, o = nodes.of_url(path)
    local wrong = not url and o or select(2, valkey_options.of_url(url))
    if wrong then return nil, wrong.message end
    return { url }, o.prefix or "smpp"
  end
  local config, problems = gateways.read(path)
  for _, one in ipairs(not config and problems or {}) do
    if one.severity == "error" then return nil, gateways.words(one) end
  end
  if not config.store or not config.store.url then return nil, path .. ": its store is in no engine: it is one node" end
  return { config.store.url, password_file = config.store.password_file }, config.store.prefix
end

local function of_leases(list)
  local words, last = {}, nil
  for _, one in ipairs(list) do
    if one.carrier ~= last then words[#words + 1] = shown.text(one.carrier) end
    last = one.carrier
    words[#words + 1] = ("%d"):format(one.slot)
  end
  return #words > 0 and ": " .. table.concat(words, " ") or ""
end

local MANY = 1000 -- messages; fewer take less memory than the engine's connections and scripts

local function octets(count) return count >= 1e9 and ("%.1f GB"):format(count / 1e9) or ("%.1f MB"):format(count / 1e6) end

local function show(out, read)
  local engine = read.engine
  out:print(("engine %s  %s  %s, %d replicas  %s of %s, %s  fsync %s  %.1f ms"):format(engine.address, shown.text(engine.version),
    shown.text(engine.role), engine.replicas, octets(engine.used), engine.max > 0 and octets(engine.max) or "no limit", shown.text(engine.policy),
    shown.text(engine.fsync), engine.round_trip_ms))
  if engine.messages > 0 then
    local each = engine.messages >= MANY and (", %d octets of memory each"):format(engine.octets_per_message) or ""
    out:print(("%8d  messages in the books, %d of them not final%s"):format(engine.messages, engine.open, each))
  end
  local first = read.nodes[1]
  for _, one in ipairs(read.nodes) do
    out:print(("node %s  %s  %.1f s ago  %s  %s  config %s%s  %d working  %d binds%s"):format(shown.text(one.node), shown.text(one.state),
      one.beat_s, shown.text(one.address), shown.text(one.version), shown.text(one.config), one.config ~= first.config and " differs" or "",
      one.working, one.binds, of_leases(one.leases)))
  end
  if not first then out:print "no nodes" end
  for _, one in ipairs(read.queues) do
    out:print(("%8d  waiting, carrier %s, the oldest %.0f s"):format(one.waiting, shown.text(one.carrier), one.oldest_s))
  end
  for _, one in ipairs(read.accounts) do
    out:print(("%8d  waiting, account %s%s"):format(one.waiting, shown.text(one.account), one.credit and (", credit %g"):format(one.credit) or ""))
  end
end

local ORDER = {
  engine = { "address", "version", "role", "replicas", "used", "max", "policy", "fsync", "round_trip_ms", "messages", "open",
    "octets_per_message" },
  nodes = { "node", "version", "config", "beat_s", "address", "binds", "leases", "working", "state" },
  leases = { "carrier", "slot", "fence" },
  queues = { "carrier", "waiting", "oldest_s" },
  accounts = { "account", "waiting", "credit" },
}

--- A value with its members in the order of the docs.
local function ordered(value, name)
  local list = {}
  for _, member in ipairs(ORDER[name]) do
    local item = value[member]
    if ORDER[member] and type(item) == "table" then
      local items = {}
      for i, each in ipairs(item) do items[i] = ordered(each, member) end
      item = json.list(items)
    end
    if item ~= nil then list[#list + 1], list[#list + 2] = member, item end
  end
  return json.object(list)
end

local function object_of(read)
  local out = json.object { "engine", ordered(read.engine, "engine") }
  for _, name in ipairs { "nodes", "queues", "accounts" } do
    local items = {}
    for i, each in ipairs(read[name]) do items[i] = ordered(each, name) end
    json.add(out, name, json.list(items))
  end
  return out
end

--- What --credit asks for.
---@return { account: string, amount: number, is_change: boolean }?
local function credit_of(text)
  local account, sign, amount = text:match "^([^=]+)=([+-]?)(%d[%d.]*)$"
  amount = tonumber(amount)
  if not amount or amount > 1e9 then return nil end
  return { account = account, amount = sign == "-" and -amount or amount, is_change = sign ~= "" }
end

local function work(options, out)
  local credit = options.credit and credit_of(options.credit)
  if options.credit and not credit then
    out:fail("--credit: expected NAME=+N, NAME=-N or NAME=N, got %s", mistake.show(options.credit))
    return exit.USAGE
  end
  local o, prefix = place_of(options.file)
  if not o then
    out:fail("%s", prefix)
    return exit.USAGE
  end
  local place = prefix .. ":{gw}:"
  o.client_name, o.password_env, o.tag = "smpp-nodes", "SMPP_STORE_PASSWORD", place
  local client, message = valkey.connect(o)
  if not client then
    out:fail("%s", message)
    return exit.UNREACHABLE
  end
  local result, read, code
  if options.drain then
    result, message, code = status.drain(client, place, options.drain)
  elseif credit then
    result, message, code = status.credit(client, place, credit.account, credit.amount, credit.is_change)
  else
    read, message, code = status.read(client, place)
    result = read
  end
  client:close()
  if not result then
    out:fail("%s", message)
    return (code == "missing" or code == "too_little") and exit.FAILED or exit.UNREACHABLE
  end
  if credit then out:print(("account %s: credit %.6g"):format(shown.text(credit.account), result)) end
  if not read then return exit.DONE end
  if out.json then out:object(object_of(read)) else show(out, read) end
  return status.is_well(read) and exit.DONE or exit.FAILED
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function command.run(options, out) return (out.run(function() return work(options, out) end)) end

return command
