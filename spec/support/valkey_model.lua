--- A model of an engine for the virtual loop: strings, hashes, lists, sets, sorted sets, scripts, whose commands it runs one after another, messages, and
--- replicas, which WAIT waits for.
--- { data } may be given, so that an engine comes back with what it had, or with what a replica had of it.
local engines = require "spec.support.valkey"

local model = {}

local unpack = table.unpack or unpack -- luacheck: compat

local function hash(data, key, makes)
  if not data[key] and makes then data[key] = { kind = "hash", fields = {}, count = 0 } end
  return data[key]
end

--- Members of a sorted set in order.
local function sorted(data, key)
  local set = data[key]
  if not set then return {} end
  if not set.list then -- a spec has put it there
    set.list = {}
    for member, score in pairs(set.scores) do set.list[#set.list + 1] = { member, score } end
    table.sort(set.list, function(a, b)
      if a[2] ~= b[2] then return a[2] < b[2] end
      return a[1] < b[1]
    end)
  end
  return set.list
end

--- The place of a member in the list of a sorted set, or where it would be.
local function place_of(list, member, score)
  local low, high = 1, #list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local item = list[middle]
    if item[2] < score or item[2] == score and item[1] < member then low = middle + 1 else high = middle end
  end
  return low
end

local function bound(text)
  local open = text:sub(1, 1) == "("
  local word = open and text:sub(2) or text
  return word == "+inf" and math.huge or word == "-inf" and -math.huge or tonumber(word), open
end

local function score_text(score) return ("%.17g"):format(score) end

local commands = {}

function commands.HGET(data, key, field) return hash(data, key) and data[key].fields[field] or false end

function commands.HSET(data, key, ...)
  local one, words = hash(data, key, true), { ... }
  for i = 1, #words, 2 do one.fields[words[i]] = tostring(words[i + 1]) end
  return 1
end

function commands.HSETNX(data, key, field, value)
  local one = hash(data, key, true)
  if one.fields[field] then return 0 end
  one.fields[field] = tostring(value)
  return 1
end

function commands.HDEL(data, key, ...)
  local had = 0
  for _, field in ipairs { ... } do
    local one = hash(data, key)
    if one and one.fields[field] then
      one.fields[field], had = nil, had + 1
      if not next(one.fields) then data[key] = nil end
    end
  end
  return had
end

function commands.HINCRBY(data, key, field, more)
  local one = hash(data, key, true)
  local value = (tonumber(one.fields[field]) or 0) + tonumber(more)
  one.fields[field] = ("%d"):format(value)
  return value
end

function commands.HMGET(data, key, ...)
  local list, words = {}, { ... }
  for i, field in ipairs(words) do list[i] = commands.HGET(data, key, field) end
  return list
end

function commands.HEXISTS(data, key, field) return commands.HGET(data, key, field) and 1 or 0 end

function commands.HKEYS(data, key)
  local list = {}
  for field in pairs(hash(data, key) and data[key].fields or {}) do list[#list + 1] = field end
  return list
end

function commands.HLEN(data, key) return #commands.HKEYS(data, key) end

function commands.GET(data, key) return data[key] and data[key].text or false end

function commands.SET(data, key, text)
  data[key] = { kind = "string", text = text }
  return "OK"
end

function commands.MGET(data, ...)
  local list = {}
  for i, key in ipairs { ... } do list[i] = commands.GET(data, key) end
  return list
end

function commands.MSET(data, ...)
  local words = { ... }
  for i = 1, #words, 2 do commands.SET(data, words[i], words[i + 1]) end
  return "OK"
end

local function list_of(data, key, makes)
  if not data[key] and makes then data[key] = { kind = "list", list = {} } end
  return data[key] and data[key].list or {}
end

function commands.RPUSH(data, key, ...)
  local list = list_of(data, key, true)
  for _, item in ipairs { ... } do list[#list + 1] = item end
  return #list
end

function commands.LPUSH(data, key, item)
  table.insert(list_of(data, key, true), 1, item)
  return #data[key].list
end

function commands.LRANGE(data, key, from, to)
  local list, out = list_of(data, key), {}
  for i = tonumber(from) + 1, tonumber(to) < 0 and #list + tonumber(to) + 1 or math.min(#list, tonumber(to) + 1) do out[#out + 1] = list[i] end
  return out
end

function commands.LTRIM(data, key, from, to)
  local kept = commands.LRANGE(data, key, from, to)
  data[key] = kept[1] and { kind = "list", list = kept } or nil
  return "OK"
end

function commands.SADD(data, key, ...)
  local had = 0
  data[key] = data[key] or { kind = "members", members = {} }
  for _, member in ipairs { ... } do
    had, data[key].members[member] = had + (data[key].members[member] and 0 or 1), true
  end
  return had
end

function commands.SREM(data, key, member)
  local set = data[key]
  if not set or not set.members[member] then return 0 end
  set.members[member] = nil
  if not next(set.members) then data[key] = nil end
  return 1
end

function commands.SMEMBERS(data, key)
  local list = {}
  for member in pairs(data[key] and data[key].members or {}) do list[#list + 1] = member end
  table.sort(list)
  return list
end

function commands.HGETALL(data, key)
  local list = {}
  for field, value in pairs(hash(data, key) and data[key].fields or {}) do list[#list + 1], list[#list + 2] = field, value end
  return list
end

function commands.EXISTS(data, key) return data[key] and 1 or 0 end
function commands.EXPIRE(data, key, seconds)
  if data[key] then data[key].expire_s = tonumber(seconds) end
  return data[key] and 1 or 0
end

function commands.DEL(data, ...)
  local had = 0
  for _, key in ipairs { ... } do had, data[key] = had + (data[key] and 1 or 0), nil end
  return had
end

local function unrank(data, key, member)
  local set = data[key]
  if not set or not set.scores[member] then return 0 end
  table.remove(sorted(data, key), place_of(sorted(data, key), member, set.scores[member]))
  set.scores[member] = nil
  if not set.list[1] then data[key] = nil end
  return 1
end

local function rank(data, key, score, member)
  unrank(data, key, member)
  data[key] = data[key] or { kind = "set", scores = {}, list = {} }
  local set = data[key]
  score = tonumber(score)
  local list = sorted(data, key)
  set.scores[member] = score
  table.insert(list, place_of(list, member, score), { member, score })
end

function commands.ZADD(data, key, ...)
  local words = { ... }
  for i = 1, #words, 2 do rank(data, key, words[i], words[i + 1]) end
  return #words / 2
end

function commands.ZREM(data, key, ...)
  local had = 0
  for _, member in ipairs { ... } do had = had + unrank(data, key, member) end
  return had
end

function commands.ZCARD(data, key) return #sorted(data, key) end

function commands.ZRANGE(data, key, from, to, ...)
  local o, words = {}, { ... }
  for i, word in ipairs(words) do
    o[word] = true
    if word == "LIMIT" then o.offset, o.count = tonumber(words[i + 1]), tonumber(words[i + 2]) end
  end
  local list, out = sorted(data, key), {}
  local function add(item)
    out[#out + 1] = item[1]
    if o.WITHSCORES then out[#out + 1] = score_text(item[2]) end
  end
  if not o.BYSCORE then
    local last = tonumber(to)
    for i = tonumber(from) + 1, last < 0 and #list + last + 1 or math.min(#list, last + 1) do add(list[i]) end
    return out
  end
  local low, low_open = bound(o.REV and to or from)
  local high, high_open = bound(o.REV and from or to)
  local left = o.count or math.huge
  local first, last, step = math.max(1, place_of(list, "", low)), #list, 1
  if o.REV then first, last, step = math.min(#list, place_of(list, "\255\255", high)), 1, -1 end
  for i = first, last, step do
    local score = list[i][2]
    if left == 0 or (step == 1 and score > high) or (step == -1 and score < low) then break end
    local fits = (score > low or not low_open and score == low) and (score < high or not high_open and score == high)
    if fits and left > 0 then
      left = left - 1
      add(list[i])
    end
  end
  return out
end

-- Commands about the engine, not its data.
local own = {}

function own.TIME(self)
  local time = self.loop:time() + self.clock_ahead_s
  return { ("%d"):format(math.floor(time)), ("%d"):format(math.floor(time % 1 * 1e6)) }
end

function own.PING() return "PONG" end

function own.INFO(self)
  local lines = {}
  for _, name in ipairs(self.info_names) do lines[#lines + 1] = name .. ":" .. self.info[name] end
  return table.concat(lines, "\r\n") .. "\r\n"
end

function own.CONFIG() return { "appendonly", "yes", "appendfsync", "always" } end

function own.PUBLISH(self, channel, payload)
  local count = 0
  for transport, channels in pairs(self.subscribers) do
    if channels[channel] and not transport.closed then
      transport:write(">3\r\n" .. engines.reply "message" .. engines.reply(channel) .. engines.reply(payload))
      count = count + 1
    end
  end
  return count
end

-- ---- replicas ----

local WRITES = {}
for word in ("HSET HSETNX HDEL HINCRBY SET MSET RPUSH LPUSH LTRIM SADD SREM EXPIRE DEL ZADD ZREM"):gmatch "%S+" do WRITES[word] = true end

--- What a replica has got by now.
local function apply(self, replica)
  while replica.at < self.offset do
    local item = self.stream[replica.at + 1]
    if item.at + replica.lag_s > self.loop:now() or replica.is_stopped then return end
    commands[item[1]](replica.data, unpack(item, 2, item.count))
    replica.at = replica.at + 1
  end
end

local function having(self, offset)
  local count = 0
  for _, replica in ipairs(self.replicas) do
    apply(self, replica)
    if replica.at >= offset then count = count + 1 end
  end
  return count
end

--- WAIT and WAITAOF: the connection stands until its writes are there, or time is over.  Of its disk a replica says what is there when it is asked,
--- and once a second.
local function wait(self, words, transport, answer)
  local disk = words[1] == "WAITAOF"
  local wanted, most_s = tonumber(words[disk and 3 or 2]), tonumber(words[disk and 4 or 3]) / 1000
  local offset, till, timer = self.written[transport] or 0, self.loop:now() + most_s, nil
  local standing, asked_at, count = {}, self.loop:now(), having(self, offset)
  self.standing[transport] = standing
  local function look()
    if not disk or self.loop:now() >= asked_at + 1 then count, asked_at = having(self, offset), self.loop:now() end
    if transport.closed then return timer:close() end
    local is_enough = count >= wanted and (not disk or self.has_disk)
    if not is_enough and self.loop:now() < till then return timer:start(0.005) end
    timer:close()
    self.waits[timer] = nil
    self.standing[transport] = nil
    transport:write(disk and engines.reply { self.has_disk and 1 or 0, count } or engines.reply(count))
    for i, later in ipairs(standing) do
      if self.standing[transport] then
        table.insert(self.standing[transport], later)
      else
        local octets = answer(later, transport, i)
        if octets and not transport.closed then transport:write(octets) end
      end
    end
  end
  timer = self.loop:timer(look)
  self.waits[timer] = true
  look()
end

local function run(self, name, ...)
  local words = { ... }
  self.made = self.made + 1
  for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
  if own[name] then return own[name](self, unpack(words)) end
  local command = commands[name] or error("the model has no command " .. tostring(name))
  if WRITES[name] then
    self.offset = self.offset + 1
    self.written[self.transport or self] = self.offset
    if self.replicas[1] then self.stream[self.offset] = { name, at = self.loop:now(), count = select("#", ...) + 1, unpack(words) } end
  end
  return command(self.data, unpack(words, 1, select("#", ...)))
end

--- Runs a script; a first line "#!lua flags=…" is for a real engine.
local function script(self, text, words)
  local keys, arguments, count = {}, {}, tonumber(words[3])
  for i = 1, count do keys[i] = words[3 + i] end
  for i = 4 + count, #words do arguments[#arguments + 1] = words[i] end
  local known = self.compiled[text]
  if not known then
    local env = setmetatable({ redis = { call = function(...) return run(self, ...) end } }, { __index = _G })
    local set = setfenv -- luacheck: ignore 113
    local plain = text:gsub("^#![^\n]*", "")
    known = { env = env, chunk = set and set(assert(loadstring(plain)), env) or assert(load(plain, "script", "t", env)) } -- luacheck: ignore 113
    self.compiled[text] = known
  end
  known.env.KEYS, known.env.ARGV = keys, arguments
  return known.chunk()
end

local function reply(value) return value == false and "_\r\n" or engines.reply(value) end

local function perform(self, words, transport)
  local name = words[1]
  self.transport = transport
  if name == "SCRIPT" then
    local sha = ("%040d"):format(#self.texts + 1)
    self.texts[#self.texts + 1], self.texts[sha] = words[3], words[3]
    return engines.reply(sha)
  elseif name == "EVAL" then
    return reply(script(self, words[2], words))
  elseif name == "EVALSHA" then
    return self.texts[words[2]] and reply(script(self, self.texts[words[2]], words)) or "-NOSCRIPT No matching script.\r\n"
  elseif name == "SUBSCRIBE" then
    self.subscribers[transport] = self.subscribers[transport] or {}
    self.subscribers[transport][words[2]] = true
    return ">3\r\n" .. engines.reply "subscribe" .. engines.reply(words[2]) .. engines.reply(1)
  elseif name == "UNSUBSCRIBE" then
    if self.subscribers[transport] then self.subscribers[transport][words[2]] = nil end
    return ">3\r\n" .. engines.reply "unsubscribe" .. engines.reply(words[2]) .. engines.reply(0)
  end
  if not own[name] and not commands[name] then return ("-ERR unknown command '%s'\r\n"):format(name) end
  return reply(run(self, unpack(words)))
end

local INFO = {
  { "redis_version", "7.0.15" }, { "run_id", "run-1" }, { "master_replid", "replid-1" }, { "maxmemory", "0" }, { "maxmemory_policy", "noeviction" },
  { "used_memory", "1000000" }, { "evicted_keys", "0" }, { "role", "master" }, { "connected_slaves", "0" },
}

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

--- Listens.  `refusal(words, transport)`: octets of an error, instead of running a command.  `fate(words, transport, script)`: "lost": the command is not run, and the connection ends; "unanswered": it is run, and the connection ends
--- before its reply.  `clock_ahead_s` may be set; `info` has what INFO says; `stand_still(true)`: commands wait until `stand_still(false)`;
--- `copy()`: the data as it is now; `replicate(lag_s)`: a replica from now on, with `data`, `lag_s` and `is_stopped`.
---@param loop smpp.Loop
---@param o { data: table?, fate: (fun(words: string[], transport: smpp.Transport, script: string?): string?)?,
---  refusal: (fun(words: string[], transport: smpp.Transport): string?)?, host: string?, port: integer?, info: table? }
---@return table
function model.new(loop, o)
  local self, answer
  function answer(words, transport)
    local text = words[1] == "EVALSHA" and self.texts[words[2]] or words[1] == "EVAL" and words[2] or nil
    local fate = o.fate and o.fate(words, transport, text)
    if fate == "lost" then
      loop:defer(function() transport:reset() end)
      self.dead[transport] = true
    end
    if self.dead[transport] then return nil end
    if self.standing[transport] then
      table.insert(self.standing[transport], words)
      return nil
    end
    local refusal = o.refusal and o.refusal(words, transport)
    if refusal then return refusal end
    if words[1] == "WAIT" or words[1] == "WAITAOF" then return wait(self, words, transport, answer) end
    local octets = perform(self, words, transport)
    if fate ~= "unanswered" then return octets end
    loop:defer(function() transport:reset() end)
    self.dead[transport] = true
  end
  self = engines.new(loop, { host = o.host, port = o.port, answer = function(words, transport)
    if not self.waiting then return answer(words, transport) end
    table.insert(self.waiting, { words, transport })
  end })
  self.offset, self.written, self.stream, self.replicas, self.standing = 0, setmetatable({}, { __mode = "k" }), {}, {}, {}
  self.has_disk, self.waits = true, {}
  self.made = 0 -- commands
  self.compiled = {} -- text of a script -> it, and its environment
  self.loop, self.data, self.texts, self.dead = loop, o.data or {}, {}, setmetatable({}, { __mode = "k" })
  --- Runs a command that has come late, over a connection that was given up.
  function self.late(words) return perform(self, words, self) end
  self.clock_ahead_s, self.subscribers, self.info, self.info_names, self.waiting = 0, {}, {}, {}, nil
  for i, pair in ipairs(INFO) do self.info_names[i], self.info[pair[1]] = pair[1], o.info and o.info[pair[1]] or pair[2] end
  function self.copy() return copy(self.data) end
  function self.replicate(lag_s)
    local replica = { data = copy(self.data), at = self.offset, lag_s = lag_s or 0, is_stopped = false }
    table.insert(self.replicas, replica)
    self.info.connected_slaves = tostring(#self.replicas)
    return replica
  end
  --- As SCRIPT FLUSH.
  function self.forget_scripts()
    for name in pairs(copy(self.texts)) do
      if type(name) == "string" then self.texts[name] = nil end
    end
  end
  --- What a replica has got in this instant.
  function self.promote(replica)
    apply(self, replica)
    return replica.data
  end
  local close = self.close
  function self.close()
    for timer in pairs(self.waits) do timer:close() end
    close()
  end
  function self.stand_still(on)
    local list = self.waiting or {}
    self.waiting = on and (self.waiting or {}) or nil
    for _, item in ipairs(not on and list or {}) do
      local octets = answer(item[1], item[2])
      if octets and not item[2].closed then item[2]:write(octets) end
    end
  end
  return self
end

return model
