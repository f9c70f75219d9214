--- What an engine has of the nodes of a gateway, for people and alarms: nodes, leases, what waits.  It only reads, in small pieces.
local checks = require "smpp.nodes.checks"
local lease = require "smpp.nodes.lease"
local task = require "smpp.base.task"
local valkey = require "smpp.valkey"

local status = {}

---@class smpp.NodesStatus
---@field engine { address: string, version: string, role: string, replicas: integer, used: integer, max: integer, policy: string, fsync: string,
---  round_trip_ms: number, messages: integer, open: integer, octets_per_message: integer? }  messages: in the books; open: of them, not final;
---  octets_per_message: of the engine's memory, besides what it has without data; nil: there are no messages
---@field nodes { node: string, version: string, config: string, beat_s: number, address: string, binds: integer,
---  leases: { carrier: string, slot: integer, fence: number }[], working: integer, state: "live"|"draining"|"dead" }[]
---@field queues { carrier: string, waiting: integer, oldest_s: number }[]
---@field accounts { account: string, waiting: integer, credit: number? }[]

local UNIT = 1000000 -- credit is kept in whole millionths

--- Replies of commands; raises what the engine says.
local function ask(client, list)
  if #list == 0 then return {} end
  local replies = client:pipeline(list)
  for _, reply in ipairs(replies) do
    if valkey.is_error(reply) then error({ message = reply.message, code = reply.code }, 0) end
  end
  return replies
end

--- A map, whatever version of the protocol it came by.
local function map_of(reply)
  if reply[1] == nil then return reply end
  local out = {}
  for i = 1, #reply, 2 do out[reply[i]] = reply[i + 1] end
  return out
end

local function sorted(list, name)
  table.sort(list, function(a, b) return a[name] < b[name] end)
  return list
end

local function engine_of(client, place)
  local began = client.loop:precise()
  ask(client, { { "TIME" } })
  local took_s = client.loop:precise() - began
  local info = checks.info(ask(client, { { "INFO" } })[1])
  local counted = ask(client, { { "HMGET", place .. "meta", "messages", "open" } })[1]
  local messages, used = tonumber(counted[1] or 0), tonumber(info.used_memory) or 0
  local settings = client:call("CONFIG", "GET", "append*") -- may be denied
  settings = settings and map_of(settings) or {}
  return {
    address = client.address or "", version = (checks.version(info)), role = info.role or "",
    replicas = tonumber(info.connected_slaves) or 0, used = used, max = tonumber(info.maxmemory) or 0,
    policy = info.maxmemory_policy or "", fsync = settings.appendonly == "no" and "none" or settings.appendfsync or "unknown",
    round_trip_ms = took_s * 1000, messages = messages, open = tonumber(counted[2] or 0),
    octets_per_message = messages > 0 and math.floor((used - (tonumber(info.used_memory_startup) or 0)) / messages + 0.5) or nil,
  }
end

--- Nodes with their leases.
local function nodes_of(client, place, now)
  local first = ask(client, { { "HGETALL", place .. "nodes" }, { "HGET", place .. "meta", "lease_s" }, { "SMEMBERS", place .. "carriers" } })
  local names, lease_s, carriers = map_of(first[1]), tonumber(first[2] or 10), first[3]
  local list, by_run, asked = {}, {}, {}
  for name, run in pairs(names) do
    list[#list + 1] = { node = name, run = run, leases = {}, binds = 0 }
    by_run[run] = list[#list]
  end
  sorted(list, "node")
  for _, one in ipairs(list) do
    asked[#asked + 1] = { "HGETALL", place .. "node:" .. one.node }
    asked[#asked + 1] = { "ZCARD", place .. "work:" .. one.run }
  end
  local replies = ask(client, asked)
  for i, one in ipairs(list) do
    local record = map_of(replies[2 * i - 1])
    one.version, one.config, one.address = record.version or "", record.config or "", record.address or ""
    one.beat_s = math.max(0, now - (tonumber(record.at) or now))
    one.state = one.beat_s > lease_s + 1 and "dead" or record.state or "dead"
    one.working = replies[2 * i]
  end
  asked = {}
  for i, carrier in ipairs(carriers) do asked[i] = { "HGETALL", place .. "lease:" .. carrier } end
  for i, reply in ipairs(ask(client, asked)) do
    for slot, value in pairs(map_of(reply)) do
      local run, fence = lease.read(value)
      local holder = by_run[run]
      if holder then
        holder.binds = holder.binds + 1
        holder.leases[holder.binds] = { carrier = carriers[i], slot = tonumber(slot), fence = fence }
      end
    end
  end
  for _, one in ipairs(list) do
    table.sort(one.leases, function(a, b)
      if a.carrier ~= b.carrier then return a.carrier < b.carrier end
      return a.slot < b.slot
    end)
  end
  return list
end

--- What waits for carriers, and for accounts.
local function queues_of(client, place, now)
  local names, asked = ask(client, { { "SMEMBERS", place .. "queues" } })[1], {}
  for _, name in ipairs(names) do
    asked[#asked + 1] = { "ZCARD", place .. "queue:" .. name }
    asked[#asked + 1] = { "ZRANGE", place .. "queue:" .. name, 0, 0, "WITHSCORES" }
  end
  local replies, carriers, accounts = ask(client, asked), {}, {}
  for i, name in ipairs(names) do
    local kind, rest = name:match "^(%l):(.*)$"
    local first, count = replies[2 * i], replies[2 * i - 1]
    local due = first[1] and tonumber(type(first[1]) == "table" and first[1][2] or first[2])
    local carrier = (kind == "m" or kind == "s") and rest or kind == "l" and rest:match "^%d+:(.*)$"
    if carrier then
      local one = carriers[carrier] or { carrier = carrier, waiting = 0, oldest_s = 0 }
      carriers[carrier] = one
      one.waiting, one.oldest_s = one.waiting + count, math.max(one.oldest_s, due and now - due or 0)
    elseif kind == "o" then
      accounts[rest] = { account = rest, waiting = count }
    end
  end
  return carriers, accounts
end

--- Credit of accounts, of the store's counters, in the pages of their index.
local function add_credit(client, place, accounts)
  local index = place .. "counter:all"
  for _, bucket in ipairs(ask(client, { { "ZRANGE", index, 0, -1 } })[1]) do
    local keys, asked = {}, {}
    for _, key in ipairs(ask(client, { { "ZRANGE", index .. ":" .. bucket, 0, -1 } })[1]) do
      local account = key:match "^credit/(.*)$"
      if account then keys[#keys + 1], asked[#asked + 1] = account, { "GET", place .. "counter:r:" .. key } end
    end
    for i, text in ipairs(ask(client, asked)) do
      local one = accounts[keys[i]] or { account = keys[i], waiting = 0 }
      accounts[keys[i]] = one
      one.credit = text and tonumber(text:match "^(-?%d+)\n" or "") or nil
      one.credit = one.credit and one.credit / UNIT
    end
  end
end

local function list_of(set, name)
  local list = {}
  for _, one in pairs(set) do list[#list + 1] = one end
  return sorted(list, name)
end

--- Reads it.
---@async
---@param client smpp.ValkeyClient  ready
---@param place string  prefix of the keys, with its tag: "smpp:{gw}:"
---@return smpp.NodesStatus? status
---@return string? message
---@return string? code
function status.read(client, place)
  local out = {}
  local ok, err = task.pcall(function()
    out.engine = engine_of(client, place)
    local time = ask(client, { { "TIME" } })[1]
    local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
    out.nodes = nodes_of(client, place, now)
    local carriers, accounts = queues_of(client, place, now)
    add_credit(client, place, accounts)
    out.queues, out.accounts = list_of(carriers, "carrier"), list_of(accounts, "account")
  end)
  if ok then return out end
  if type(err) ~= "table" then error(err, 0) end
  return nil, err.message, err.code
end

--- Is all well: every node lives, and all have one configuration?
---@param read smpp.NodesStatus
---@return boolean
function status.is_well(read)
  for _, one in ipairs(read.nodes) do
    if one.state == "dead" or one.config ~= read.nodes[1].config then return false end
  end
  return true
end

--- Asks a node to give back what it has, and to take nothing more.
---@async
---@param client smpp.ValkeyClient
---@param place string
---@param name string
---@return boolean? ok
---@return string? message  there is no such node, or the engine's
---@return string? code     "missing", or the engine's
function status.drain(client, place, name)
  local reply, message, code = client:eval(status.drain_script, { place }, { name })
  if reply == nil then return nil, message, code end
  if reply == 0 then return nil, ("no node '%s'"):format(name), "missing" end
  return true
end

--- Changes the credit of an account.
---@async
---@param client smpp.ValkeyClient
---@param place string
---@param account string
---@param amount number    in the unit of the option `credit`
---@param is_change boolean  it is added; false: it is the credit from now on
---@return number? credit  afterwards
---@return string? message
---@return string? code     "missing": the account has no credit in the books; "too_little": it would be below zero; or the engine's
function status.credit(client, place, account, amount, is_change)
  local units = ("%.0f"):format(amount * UNIT)
  local reply, message, code = client:eval(status.credit_script, { place }, { account, is_change and 1 or 0, units })
  if reply == nil then return nil, message, code end
  if reply == "missing" then return nil, ("account '%s' has no credit in the books"):format(account), "missing" end
  local left = tonumber(reply:match "%-?%d+") / UNIT
  if reply:find "^too little" then return nil, ("account '%s': it has %.6g"):format(account, left), "too_little" end
  return left
end

status.credit_script = valkey.script [[#!lua flags=allow-oom
local record = KEYS[1] .. "counter:r:credit/" .. ARGV[1]
local state, rest = string.match(redis.call("GET", record) or "", "^(-?%d+)(\n.*)$")
local before = tonumber(state or "")
if not before then return "missing" end
local after = ARGV[2] == "1" and before + tonumber(ARGV[3]) or tonumber(ARGV[3])
if after < 0 then return "too little " .. string.format("%.0f", before) end
redis.call("SET", record, string.format("%.0f", after) .. rest)
return string.format("%.0f", after)
]]

status.drain_script = valkey.script [[#!lua flags=allow-oom
local record = KEYS[1] .. "node:" .. ARGV[1]
if redis.call("EXISTS", record) == 0 then return 0 end
redis.call("HSET", record, "drain", "1")
redis.call("PUBLISH", KEYS[1] .. "nodes", ARGV[1])
return 1
]]

return status
