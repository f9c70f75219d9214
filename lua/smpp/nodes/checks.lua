--- What has to be so, and what should be, of an engine that nodes share.
local task = require "smpp.base.task"

local unpack = table.unpack or unpack -- luacheck: compat

local checks = {}

---@class smpp.NodesProblem
---@field severity "error"|"warning"
---@field word string     what it is about, for programs: "version", "maxmemory-policy"
---@field message string

local ROUND_TRIP_S = 0.010
local CLOCK_S = 2
local OLDEST = 7 -- major version; the scripts' flags are from 7.0 on

-- What nodes and messages need, by the commands' names.
local COMMANDS = {
  "GET", "MGET", "SET", "MSET", "DEL", "EXISTS", "EXPIRE", "HGET", "HSET", "HSETNX", "HMGET", "HGETALL", "HDEL", "HEXISTS", "HINCRBY", "HKEYS",
  "HLEN", "LPUSH", "RPUSH", "LRANGE", "LTRIM", "ZADD", "ZREM", "ZCARD", "ZRANGE", "SADD", "SREM", "SMEMBERS", "EVAL", "EVALSHA", "SCRIPT",
  "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE", "WAIT", "INFO", "ROLE", "HELLO", "CLIENT", "TIME",
}

--- INFO as a table.
---@param text string
---@return table<string, string>
function checks.info(text)
  local info = {}
  for line in text:gmatch "[^\r\n]+" do
    local name, value = line:match "^([%w_]+):(.*)$"
    if name then info[name] = value end
  end
  return info
end

--- What an engine is.  Valkey has its own version beside the one of Redis that it is compatible with.
---@param info table<string, string>
---@return string version  "": unknown
---@return "Valkey"|"Redis" name
function checks.version(info)
  if info.valkey_version then return info.valkey_version, "Valkey" end
  return info.redis_version or "", "Redis"
end

local function numbers_of(version)
  local major, minor = version:match "^(%d+)%.(%d+)"
  return tonumber(major) or 0, tonumber(minor) or 0
end

--- Memory: what an engine evicts is lost.
---@param info table<string, string>
---@return smpp.NodesProblem?
function checks.of_memory(info)
  if tonumber(info.maxmemory) == 0 or info.maxmemory_policy == "noeviction" then return nil end
  return { severity = "error", word = "maxmemory-policy",
    message = ("maxmemory-policy is %s: expected noeviction, since the engine would drop messages"):format(tostring(info.maxmemory_policy)) }
end

local function problem(list, severity, word, message, ...)
  list[#list + 1] = { severity = severity, word = word, message = message:format(...) }
end

local function of_version(list, info, durable, in_cluster)
  local version, name = checks.version(info)
  local major, minor = numbers_of(version)
  if version == "" then return problem(list, "error", "engine", "not an engine: INFO says no redis_version") end
  if major < OLDEST then
    problem(list, "error", "version", "%s %s: expected Valkey, or Redis %d.0 or newer", name, version, OLDEST)
  end
  if durable == "disk" and (major < 7 or major == 7 and minor < 2) then
    problem(list, "error", "WAITAOF", 'durable = "disk" needs WAITAOF: Valkey or Redis 7.2, this is %s %s', name, version)
  end
  if durable == "disk" and info.aof_enabled == "0" then
    problem(list, "error", "appendonly", 'durable = "disk" needs appendonly yes: the engine writes nothing to its disk')
  end
  if (info.server_mode or info.redis_mode) == "cluster" and not in_cluster then -- Valkey has the first one
    problem(list, "error", "cluster", "the engine is a cluster: expected a URL like valkey+cluster://host")
  end
end

--- What CONFIG GET says; a list in RESP 2, a table in RESP 3.
local function pairs_of(reply)
  local out = {}
  for key, value in pairs(reply) do
    if type(key) == "string" then out[key] = value end
  end
  for i = 1, #reply, 2 do out[reply[i]] = reply[i + 1] end
  return out
end

local function of_settings(list, client, durable)
  local reply = client:call("CONFIG", "GET", "append*")
  local replicas = reply and client:call("CONFIG", "GET", "min-replicas-*")
  if not reply or not replicas then
    return problem(list, "warning", "config", "could not read appendonly, appendfsync and min-replicas-to-write (CONFIG GET is denied)")
  end
  local file, group = pairs_of(reply), pairs_of(replicas)
  if file.appendonly == "no" and durable ~= "disk" then
    problem(list, "warning", "appendonly", "appendonly is no: a crash of the engine loses what was answered")
  elseif file.appendfsync ~= "always" then
    local what = durable == "disk" and "answers wait longer for the disk; expected always, on replicas, too" or
      "a crash may lose the last moments; expected always"
    problem(list, "warning", "appendfsync", "appendfsync is %s: %s", tostring(file.appendfsync), what)
  end
  if durable ~= "engine" and group["min-replicas-to-write"] == "0" then
    problem(list, "warning", "min-replicas-to-write", "min-replicas-to-write is 0: a primary that is cut off still takes writes")
  end
end

local function of_commands(list, client, durable)
  local words = { "COMMAND", "INFO" }
  for i, name in ipairs(COMMANDS) do words[i + 2] = name end
  if durable == "disk" and not list[1] then words[#words + 1] = "WAITAOF" end -- of an old version more was said
  local reply, message, code = client:call(unpack(words))
  if not reply then
    if code == "NOPERM" then return problem(list, "warning", "commands", "could not look for commands: %s", message) end
    return
  end
  local missing = {}
  for i = 3, #words do
    if not reply[i - 2] then missing[#missing + 1] = words[i] end
  end
  if missing[1] then problem(list, "error", "commands", "the engine has no %s", table.concat(missing, ", ")) end
end

--- Looks at an engine.
---@async
---@param client smpp.ValkeyClient  ready
---@param o { durable: string?, replicas: integer? }
---@return smpp.NodesProblem[]? problems  errors first; nil: it does not answer
---@return string? message
---@return string? code
function checks.run(client, o)
  task.need(2)
  local list, durable = {}, o.durable or "engine"
  local text, message, code = client:call "INFO"
  if not text then
    if code == "NOPERM" or code == "NOAUTH" then return { { severity = "error", word = code, message = message } } end
    return nil, message, code
  end
  local info = checks.info(text)
  of_version(list, info, durable, client.o and client.o.cluster)
  list[#list + 1] = checks.of_memory(info)
  of_commands(list, client, durable)
  of_settings(list, client, durable)
  if tonumber(info.maxmemory) == 0 then
    problem(list, "warning", "maxmemory", "maxmemory is 0: the engine grows until the system stops it")
  end
  if (tonumber(info.evicted_keys) or 0) > 0 then
    problem(list, "warning", "evicted_keys", "the engine has dropped %s keys: messages may be missing", info.evicted_keys)
  end
  local replicas = tonumber(info.connected_slaves) or 0
  if durable ~= "engine" and replicas < (o.replicas or 1) then
    problem(list, "warning", "replicas", 'durable = "%s" with %d of %d replicas: nothing is accepted until they are there', durable, replicas,
      o.replicas or 1)
  end
  local began = client.loop:precise()
  local time = client:call "TIME"
  local took_s = client.loop:precise() - began
  if took_s > ROUND_TRIP_S then problem(list, "warning", "round trip", "a round trip takes %.0f ms: expected less than 10", took_s * 1000) end
  local apart_s = time and math.abs(tonumber(time[1]) + tonumber(time[2]) / 1e6 - client.loop:time()) or 0
  if apart_s > CLOCK_S then problem(list, "warning", "clock", "the engine's clock and this one are %.0f s apart", apart_s) end
  local errors = {}
  for _, one in ipairs(list) do
    if one.severity == "error" then errors[#errors + 1] = one end
  end
  for _, one in ipairs(list) do
    if one.severity ~= "error" then errors[#errors + 1] = one end
  end
  return errors
end

return checks
