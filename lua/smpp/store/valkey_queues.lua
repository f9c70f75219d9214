--- What nodes share in a store in Valkey: queues that any of them takes from, the work of each, and numbers for ids.  A record is in a queue,
--- or with one node; it goes from one to the other in one script, and a node whose run is over can change nothing that it had.
local calls = require "smpp.store.valkey_calls"
local fields = require "smpp.store.valkey_fields"
local scripts = require "smpp.store.valkey_scripts"
local valkey = require "smpp.valkey"

local queues = {}

local PAGE = scripts.PAGE
local ASKED = 50   -- questions of one call
local PROMPT_S = 0.5 -- a reply that took longer, or was lost once, says nothing of the engine's clock
local BLOCK = 1000 -- numbers for ids that a node takes at once

--- A script that goes on when the engine is full.
local function shared(body) return valkey.script("#!lua flags=allow-oom\n" .. scripts.text_of(body, true)) end

--- run, number of the call, the oldest that is under way, how many calls are known to have got their result, their numbers; most records, "1": what
--- waits for another attempt, too, though it is not due; a time: messages of all carriers that were due then, or ""; how many lanes are given up,
--- the lanes; how many wishes; wishes: carrier, queue or set (all of a queue, where it has so many), name, room.
--- Moves records from queues to the work of this run.  Returns the time, whether there is more, and of each record its kind, its key, and it.
local take_script = shared([[
local run = take()
if call("HEXISTS", P .. "runs", run) == 0 then return { "dead" } end
local work, number, oldest, given = P .. "work:" .. run, take(), take(), P .. "given:" .. run
local last_oldest = tonumber(call("HGET", given, "oldest")) or 0
if tonumber(number) < last_oldest then return { "dead" } end -- it has come late
if tonumber(oldest) > last_oldest then call("HSET", given, "oldest", oldest) end
for i = 1, tonumber(take()) do call("HDEL", given, take()) end
local left, early, all, unused = tonumber(take()), take() == "1", take(), {}
for i = 1, tonumber(take()) do unused[i] = take() end
local now, page = clock(), left
local out, more, members = { string.format("%.6f", now), 0 }, 0, {}
local function show(kind, key)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3] = kind, key, call("GET", key_of(kind, key))
end
local before = call("HGET", given, number)
if before then -- its reply was lost
  for member in string.gmatch(before, "[^\n]+") do
    local kind, key = match(member, "^(%a+):(.*)$")
    local r = read_record(key_of(kind, key))
    if r and r.place == "w" .. run then show(kind, key) end
  end
  out[2] = 1
  return out
end
local function grab(set, member, score)
  local kind, key = match(member, "^(%a+):(.*)$")
  local r = read_record(key_of(kind, key))
  if not r then return call("ZREM", set, member) end -- somebody has deleted it by hand
  unplace(r, member)
  rank(work, member, score)
  r.place = "w" .. run
  local n = #out
  out[n + 1], out[n + 2], out[n + 3] = kind, key, write_record(r)
  members[#members + 1] = member
  left = left - 1
end
--- Takes what is due from a queue, so much at most; how much it was.
local function drain(queue, room, limit)
  local set = P .. "queue:" .. queue
  local list = call("ZRANGE", set, "-inf", limit, "BYSCORE", "LIMIT", 0, math.min(room, left), "WITHSCORES")
  for i = 1, #list, 2 do grab(set, list[i], list[i + 1]) end
  if call("EXISTS", set) == 0 then call("SREM", P .. "queues", queue) end
  if #list > 0 and #list / 2 == math.min(room, left + #list / 2) then more = 1 end
  return #list / 2
end
local lanes, owners, is_over, last = P .. "lanes", nil, {}, nil
--- Whose lane is it?
local function owner_of(lane)
  if not owners then
    local list = call("HGETALL", lanes)
    owners = {}
    for i = 1, #list, 2 do
      local its = list[i]
      owners[its] = list[i + 1]
    end
  end
  return owners[lane]
end
--- May this run take from a lane: has nobody else work of it?
local function is_ours(lane)
  local owner = owner_of(lane)
  if not owner or owner == run then return true end
  if is_over[owner] == nil then is_over[owner] = call("HEXISTS", P .. "runs", owner) == 0 and call("EXISTS", P .. "work:" .. owner) == 0 end
  return is_over[owner]
end
for _, lane in ipairs(unused) do
  if owner_of(lane) == run then
    call("HDEL", lanes, lane)
    owners[lane] = nil
  end
end
if unused[1] then call("PUBLISH", P .. "wake", "l:") end
local over = call("ZRANGE", P .. "expiry", "-inf", string.format("%.6f", now), "BYSCORE", "LIMIT", 0, left)
for _, member in ipairs(over) do grab(P .. "expiry", member, now) end
local rooms, has = {}, false
for i = 1, tonumber(take()) do
  local what, name, room = take(), take(), tonumber(take())
  if what == "carrier" then
    rooms[name], has = room, true
  elseif what == "set" then
    local count = call("ZCARD", P .. "queue:" .. name)
    if count > left and left < page then more = 1 elseif count >= room then drain(name, count, "+inf") end
  elseif left > 0 then
    drain(name, room, string.format("%.6f", now))
  end
end
local due = string.format("%.6f", now)
local list = (has or all ~= "") and call("SMEMBERS", P .. "queues") or {}
for i = 1, #list do
  local queue = list[(i + number) % #list + 1] -- another is the first each time
  local sort, names = string.match(queue, "^([ms]):(.*)$")
  local lane, its = string.match(queue, "^l:(%d+):(.*)$")
  if lane then sort, names = is_ours(lane) and "l", its end
  if string.sub(queue, 1, 2) == "j:" and left > 0 then drain(queue, left, due) end -- not all have come
  local count, limit = 0, early and sort == "m" and "+inf" or due
  if sort == "l" then
    last = last or math.max(now, tonumber(call("HGET", P .. "meta", "ordered")) or 0) -- the clock may have gone back
    limit = string.format("%.6f", last)
  end
  if sort and all ~= "" then
    if left > 0 then count = drain(queue, left, all) end
  elseif sort and left > 0 then
    for name in string.gmatch(names, "[^,]+") do
      local room = rooms[name] or 0
      if room > 0 and left > 0 then
        local more_of_it = drain(queue, room, limit)
        rooms[name], count = room - more_of_it, count + more_of_it
      end
    end
  end
  if lane and count > 0 and owners[lane] ~= run then
    call("HSET", lanes, lane, run)
    owners[lane] = run
  end
end
if left == 0 then more = 1 end
write_all()
if members[1] then call("HSET", given, number, table.concat(members, "\n")) end
out[2] = more
return out
]])

--- run: a node that is no more.  Puts at most a page of its work back into queues, the oldest first; how much is left.
local bury_script = shared(([[
local run = take()
if call("HEXISTS", P .. "runs", run) == 1 then return -1 end
local work, woken = P .. "work:" .. run, {}
local list = call("ZRANGE", work, 0, %d, "WITHSCORES")
for i = 1, #list, 2 do
  local member = list[i]
  local kind, key = string.match(member, "^(%%a+):(.*)$")
  local r = read_record(key_of(kind, key))
  call("ZREM", work, member)
  if r and r.home ~= "" then
    r.place = "q"
    enqueue(member, r.home, list[i + 1], r.over)
    write_record(r)
    woken[r.home] = true
  end
end
write_all()
for queue in pairs(woken) do call("PUBLISH", P .. "wake", queue) end
local left = call("ZCARD", work)
if left == 0 then call("DEL", P .. "given:" .. run) end
return left
]]):format(PAGE - 1))

--- Questions, each of: how many keys of ids, the keys.  Of each the first that is there: key and record of it, and of its message or of the id
--- that it is of; false: none is.
local resolve_script = valkey.script(scripts.text_of([[
local out = {}
while at < #ARGV do
  local keys, answer = {}, false
  for i = 1, tonumber(take()) do keys[i] = take() end
  for _, key in ipairs(keys) do
    local id = call("GET", key_of("id", key))
    if id then
      local octets = sub(id, (select(8, match(id, HEAD))))
      local message = field_of(octets, MESSAGE)
      local of = message == "" and field_of(octets, OF) or message
      answer = { key, id, of, of ~= "" and call("GET", key_of(message == "" and "id" or "message", of)) }
      break
    end
  end
  out[#out + 1] = answer
end
return out
]], true))

--- The last of a block of numbers that nobody else gets.
local block_script = valkey.script(("#!lua flags=allow-oom\nreturn redis.call('HINCRBY', KEYS[1] .. 'meta', 'numbers', %d)"):format(BLOCK))

--- Time: ids that are older and of no open message are removed, at most a page; of the others key and message are returned, behind how many
--- are gone; without a message where it has passed through.
local old_ids_script = shared(([[
local out = { 0 }
out[1] = remove_past("id", tonumber(take()), %d, function(key, r)
  local message = field_of(octets_of(r), MESSAGE)
  local state = r.state
  if message ~= "" then state = match(call("GET", key_of("message", message)) or "", "^[^\n]*") end
  if state == "" or is_final("message", state) then return false end
  out[#out + 1], out[#out + 2] = key, message
  return true
end)
settle()
return out
]]):format(PAGE))

---@class smpp.StoreQueues
local Queues = {}
local mt = { __index = Queues, __name = "smpp.StoreQueues" }

---@param store smpp.Store
---@return smpp.StoreQueues
function queues.new(store)
  return setmetatable({
    store = store,
    asked = nil,             -- what is to be resolved in this turn of the loop
    takes = calls.numbers(), -- of calls of `take`
  }, mt)
end

local function taken(call, value, message, code)
  if not value or value[1] == "dead" then return call.done(nil, message or "the node has not joined", code or "store_failed", call.context) end
  local list = {}
  calls.known(call.search.numbers, call.search.number)
  local asked_at, answered_at = call.search.asked_at, call.answered_at
  if answered_at - asked_at <= PROMPT_S then call.store.offset = tonumber(value[1]) - (asked_at + answered_at) / 2 end
  for i = 3, #value, 3 do list[#list + 1] = { kind = value[i], record = fields.read(value[i + 1], value[i + 2]) } end
  call.done(list, tonumber(value[2]) == 1, nil, call.context)
end

--- Takes records from queues, as work of this node; a call whose reply is lost is made again, and gets what it took.
---@param wishes { what: "carrier"|"queue"|"set", name: string, room: integer }[]
---@param o { early: boolean?, all: number?, free: integer[]? }  early: messages that wait for another attempt, too; all: of all carriers, due at
---  that time; free: lanes of which this node has nothing
---@param done fun(list: { kind: string, record: table }[]?, more: boolean|string, code: string?, context: any)
---@param context any
function Queues:take(wishes, o, done, context)
  self.store:flush()
  if not self.store.run then return done(nil, "the store is away", "store_failed", context) end
  local numbers = self.takes
  local known, number = numbers.known, numbers.last + 1
  numbers.known, numbers.last = {}, number
  local words = { 1, self.store.place, self.store.run, number, numbers.oldest, #known }
  for i = 1, #known do words[6 + i] = known[i] end
  local n = 6 + #known
  local free = o.free or {}
  words[n + 1], words[n + 2], words[n + 3], words[n + 4] = PAGE, o.early and 1 or 0, o.all and ("%.6f"):format(o.all) or "", #free
  n = n + 4
  for i = 1, #free do words[n + i] = free[i] end
  n = n + #free + 1
  words[n] = #wishes
  for _, wish in ipairs(wishes) do
    words[n + 1], words[n + 2], words[n + 3] = wish.what, wish.name, wish.room
    n = n + 3
  end
  local search = { asked_at = self.store.loop:time(), numbers = numbers, number = number, waits = true, results = "given:" .. self.store.run }
  calls.make(self.store, take_script, words, n, taken, done, context, search, true)
end

local function buried(call, left, message, code)
  if not left then return call.done(nil, message, code, call.context) end
  if left <= 0 then return call.done(left == 0, nil, nil, call.context) end
  calls.make(call.store, bury_script, call.words, call.count, buried, call.done, call.context)
end

--- Puts the work of a run that is over back into queues.
---@param run string
---@param done fun(ok: boolean?, message: string?, code: string?, context: any)  false: it lives
---@param context any
function Queues:bury(run, done, context) calls.make(self.store, bury_script, { 1, self.store.place, run }, 3, buried, done, context) end

--- The answers to questions.
local function resolved(call, value, message, code)
  local asked = call.search
  for i = 1, asked.count do
    local one, answer = asked[i], value and value[i]
    if not value then
      one.done(nil, message, code, one.context)
    elseif not answer then
      one.done(nil, nil, nil, one.context)
    else
      one.done(fields.read(answer[1], answer[2]), answer[4] and fields.read(answer[3], answer[4]) or nil, nil, one.context)
    end
  end
end

--- Asks what was to be resolved in this turn of the loop.
function Queues:flush()
  local asked = self.asked
  if not asked then return end
  self.asked = nil
  calls.make(self.store, resolve_script, asked.words, asked.n, resolved, nil, nil, asked)
end

--- The first of these ids that is there, with its message; done(nil, nil, nil): none is.  Questions of one turn of the loop are one call,
--- behind the commits of that turn.
---@param keys string[]
---@param done fun(id: table?, message: table|string|nil, code: string?, context: any)
---@param context any
function Queues:resolve(keys, done, context)
  local asked = self.asked
  if not asked then
    asked = { words = { 1, self.store.place }, n = 2, count = 0 }
    self.asked = asked
    self.store:defer()
  end
  local words, n = asked.words, asked.n + 1
  words[n] = #keys
  for i = 1, #keys do words[n + i] = keys[i] end
  asked.n, asked.count = n + #keys, asked.count + 1
  asked[asked.count] = { done = done, context = context }
  if asked.count >= ASKED then self.store:flush() end
end

local function handed(call, last, message, code)
  if not last then return call.done(nil, message, code, call.context) end
  call.done(last - BLOCK + 1, last, nil, call.context)
end

--- Numbers that nobody else gets: done(first, last).
---@param done fun(first: integer?, last: integer|string, code: string?, context: any)
---@param context any
function Queues:numbers(done, context) calls.make(self.store, block_script, { 1, self.store.place }, 2, handed, done, context) end

local listed
function listed(call, list, message, code)
  if not list then return call.done(nil, message, code, call.context) end
  if list[1] > 0 and list[1] + (#list - 1) / 2 >= PAGE then -- there may be more, behind those of open messages
    return calls.make(call.store, old_ids_script, call.words, call.count, listed, call.done, call.context)
  end
  local out = {}
  for i = 2, #list, 2 do out[#out + 1] = { key = list[i], message = list[i + 1] } end
  call.done(out, nil, nil, call.context)
end

--- Ids since before a time whose messages are open; the others are removed.
---@param before number  Unix time
---@param done fun(list: { key: string, message: string }[]?, message: string?, code: string?, context: any)
---@param context any
function Queues:old_ids(before, done, context)
  calls.make(self.store, old_ids_script, { 1, self.store.place, ("%.6f"):format(before) }, 3, listed, done, context)
end

queues.scripts = { take = take_script, bury = bury_script }

return queues
