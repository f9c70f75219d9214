--- The scripts of several nodes on one engine: what nodes and leases change, at once and alone, inside the engine.  All may run where the
--- engine is full: a lease that could not be renewed would be lost.
---
--- Keys, all of them after the prefix KEYS[1]:
---   meta            hash: format, gateway (id), lease_s, durable, fence (counter), engine (the last one that nodes took for the right one)
---   nodes           hash: name -> run;  node:NAME  hash: the record of a node
---   runs            hash: run -> name, of the lives that go on; a script that writes for a run refuses others
---   orphans         set: runs that have ended, and whose work nobody has taken over yet
---   carriers        set: of those that have leases
---   lease:CARRIER   hash: slot -> "run fence beat";  want:CARRIER  hash: run -> "binds most", what each node may hold
---   binds:ACCOUNT   hash: run -> binds of customers
---   rate:KEY        string: the time at which the bucket is full again (microseconds of the engine's clock)
---   adapt:KEY       hash: a rate that nodes learn together (smpp.nodes.learner)
local store = require "smpp.store.valkey_scripts"
local valkey = require "smpp.valkey"

local scripts = {}

scripts.FORMAT = store.FORMAT -- of the keys above, and of those of the store beside them

local COMMON = [[#!lua flags=allow-oom
local P, call = KEYS[1], redis.call
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function is_live(run) return call("HEXISTS", P .. "runs", run) == 1 end
--- A configuration that no node has any more.
local function forget_config(hash)
  if not hash or hash == "" then return end
  for _, name in ipairs(call("HKEYS", P .. "nodes")) do
    if call("HGET", P .. "node:" .. name, "config") == hash then return end
  end
  call("DEL", P .. "config:" .. hash)
end
local function ended(name, run)
  local config = call("HGET", P .. "node:" .. name, "config")
  call("DEL", P .. "node:" .. name)
  call("HDEL", P .. "nodes", name)
  call("HDEL", P .. "runs", run)
  call("SADD", P .. "orphans", run)
  call("PUBLISH", P .. "nodes", name)
  forget_config(config)
end
]]

--- name, run, format, gateway id, lease_s, durable, the run and beat of an earlier life that is seen dead (or ""), then names and values of the
--- record.  { "joined" }, { "other", run, beat, process }, { "format", number } or { "settings", name, value }
scripts.join = valkey.script(COMMON .. [[
local name, run, format, gateway, lease_s, durable, past, past_beat = take(), take(), take(), take(), take(), take(), take(), take()
local meta, record = P .. "meta", P .. "node:" .. name
call("HSETNX", meta, "format", format)
call("HSETNX", meta, "gateway", gateway)
local there = call("HGET", meta, "format")
if there ~= format then return { "format", there } end -- older ones were never released: there is nothing to migrate
local old = call("HMGET", record, "run", "beat", "process")
if old[1] and old[1] ~= run then
  if old[1] ~= past or old[2] ~= past_beat then return { "other", old[1], old[2], old[3] or "" } end
  ended(name, past)
end
for key, value in pairs({ lease_s = lease_s, durable = durable }) do
  local known = call("HGET", meta, key)
  if known and known ~= value and call("HLEN", P .. "nodes") > 0 then return { "settings", key, known } end
  call("HSET", meta, key, value)
end
call("HSET", P .. "runs", run, name)
call("HSET", P .. "nodes", name, run)
call("HSET", record, "run", run, "beat", 0)
while at < #ARGV do call("HSET", record, take(), take()) end
call("PUBLISH", P .. "nodes", name)
return { "joined" }
]])

--- name, run, beat, state, config, engine (or ""): { "dead" }, or { "ok", engine, seconds of its clock, fence, runs to be taken over, records }
scripts.beat = valkey.script(COMMON .. [[
local name, run, beat, state, config, engine = take(), take(), take(), take(), take(), take()
if not is_live(run) or call("HGET", P .. "node:" .. name, "run") ~= run then return { "dead" } end
local before = call("HGET", P .. "node:" .. name, "config")
call("HSET", P .. "node:" .. name, "beat", beat, "state", state, "config", config, "at", call("TIME")[1]) -- for people: nothing is decided by it
if before ~= config then forget_config(before) end
local known = call("HGET", P .. "meta", "engine") or ""
if engine ~= "" and engine ~= known then
  call("HSET", P .. "meta", "engine", engine)
  known = engine
end
local list = {}
for _, other in ipairs(call("HKEYS", P .. "nodes")) do list[#list + 1] = { other, call("HGETALL", P .. "node:" .. other) } end
return { "ok", known, call("TIME")[1], call("HGET", P .. "meta", "fence") or "0", call("SMEMBERS", P .. "orphans"), list }
]])

--- name, run, beat: the node is dead if its record is still the same.  1, 0
scripts.bury = valkey.script(COMMON .. [[
local name, run, beat = take(), take(), take()
local record = call("HMGET", P .. "node:" .. name, "run", "beat")
if record[1] ~= run or record[2] ~= beat then return 0 end
ended(name, run)
return 1
]])

--- name, run: the node leaves, without slots and without work.
scripts.leave = valkey.script(COMMON .. [[
local name, run = take(), take()
if not is_live(run) then return 0 end
ended(name, run)
if call("EXISTS", P .. "work:" .. run) == 0 then
  call("SREM", P .. "orphans", run)
  call("DEL", P .. "given:" .. run) -- as where it is taken over
end
return 1
]])

--- The leases of a carrier: carrier, run, beat, binds, most (or "": wants none any more), the highest fence seen; how many to renew, their slots and
--- fences; how many to give back, slots and fences; how many to take, slots and what is there now (""; free).
--- { "dead" }, or { "ok", slots and values, runs and what they want }
scripts.lease = valkey.script(COMMON .. [[
local carrier, run, beat, binds, most, seen = take(), take(), take(), take(), take(), tonumber(take())
if not is_live(run) then return { "dead" } end
local leases, want = P .. "lease:" .. carrier, P .. "want:" .. carrier
if most == "" then call("HDEL", want, run) else call("HSET", want, run, binds .. " " .. most) end
local function is_ours(slot, fence)
  local value = call("HGET", leases, slot)
  return value and string.sub(value, 1, #run + #fence + 2) == run .. " " .. fence .. " "
end
for i = 1, tonumber(take()) do
  local slot, fence = take(), take()
  if is_ours(slot, fence) then call("HSET", leases, slot, run .. " " .. fence .. " " .. beat) end
end
local gave = false
for i = 1, tonumber(take()) do
  local slot, fence = take(), take()
  if is_ours(slot, fence) then
    call("HDEL", leases, slot)
    gave = true
  end
end
for i = 1, tonumber(take()) do
  local slot, expected = take(), take()
  if (call("HGET", leases, slot) or "") == expected then
    local fence = call("HINCRBY", P .. "meta", "fence", 1)
    if fence <= seen then -- a replica that was behind
      fence = seen + 1
      call("HSET", P .. "meta", "fence", fence)
    end
    call("HSET", leases, slot, run .. " " .. string.format("%.0f", fence) .. " " .. beat)
  end
end
if gave then call("PUBLISH", P .. "leases", carrier) end
call("SADD", P .. "carriers", carrier)
for _, other in ipairs(call("HKEYS", want)) do
  if not is_live(other) then call("HDEL", want, other) end
end
if call("EXISTS", leases) == 0 and call("EXISTS", want) == 0 then call("SREM", P .. "carriers", carrier) end
return { "ok", call("HGETALL", leases), call("HGETALL", want) }
]])

--- carrier: slots and values.
scripts.rows = valkey.script(COMMON .. [[return call("HGETALL", P .. "lease:" .. take())]])

--- Binds of a customer: account, run, how many this node has, the most over all nodes (or "": however many there are).
--- { 1, those of other nodes } or { 0, those of other nodes }: too many, and nothing has changed; "dead"
scripts.binds = valkey.script(COMMON .. [[
local account, run, count, most = take(), take(), tonumber(take()), tonumber(take())
if not is_live(run) then return "dead" end
local key, others = P .. "binds:" .. account, 0
for _, other in ipairs(call("HKEYS", key)) do
  if other ~= run then
    if is_live(other) then others = others + tonumber(call("HGET", key, other)) else call("HDEL", key, other) end
  end
end
if most and others + count > most and count > (tonumber(call("HGET", key, run)) or 0) then return { 0, others } end
if count > 0 then call("HSET", key, run, count) else call("HDEL", key, run) end
return { 1, others }
]])

--- account: its binds at the nodes that live.
scripts.bound = valkey.script(COMMON .. [[
local key, sum = P .. "binds:" .. take(), 0
for _, run in ipairs(call("HKEYS", key)) do
  if is_live(run) then sum = sum + tonumber(call("HGET", key, run)) end
end
return sum
]])

--- A grant of a rate (the generic cell rate algorithm of ITU-T I.371): key, microseconds for each, burst, how many are wanted.
--- { granted, microseconds until there is one }
scripts.grant = valkey.script(COMMON .. [[
local key, step, burst, wanted = P .. "rate:" .. take(), tonumber(take()), tonumber(take()), tonumber(take())
local time = call("TIME")
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full = tonumber(call("GET", key)) or 0
if full < now then full = now end
local is_back = full > now + burst * step -- the clock, as at a promoted replica
if is_back then full = now + burst * step end
local count = math.min(wanted, math.floor((now + burst * step - full) / step + 0.000001))
if count > 0 or is_back then
  full = full + count * step
  call("SET", key, string.format("%.0f", full))
  call("EXPIRE", key, 60 + math.ceil(burst * step / 1000000))
end
return { count, math.max(0, math.ceil(full + step - now - burst * step)) }
]])

return scripts
