--- The scripts of a store in Valkey: what each call does, at once and alone, inside the engine.
---
--- Keys, all of them after the prefix KEYS[1]:
---   KIND:r:KEY              string: a record, as smpp.store.valkey_fields writes it
---   KIND:all:N              sorted set: keys of the records by serial, those with serials of 64 N and above;  KIND:all  sorted set: N of those
---   KIND:open:N, KIND:open  of those that are not final; only of kinds with final states
---   KIND:ended, KIND:age    sorted sets: of final ones by the order of their ends; of records by the time that `discard` compares
---   KIND:g:GROUP:VALUES     sorted set by serial: of a group
---   run:RUN                 hash: number of a commit of this process -> its result, until the process has it
---   meta                    hash: format, serials, octets, number of ends, clock (the last time that scripts went by, and the engine's then)
---
--- Where nodes share a store, ids are in no index, there are no groups but those of values, and instead of KIND:ended and KIND:age
---   KIND:past               list: time and key, as they became final or were added; a key may be there again, later
---
--- A record may have a place there, and a queue that is its home, to which it goes back:
---   work:RUN                sorted set: KIND:KEY by the time when they were due: a node works on them
---   queue:NAME              sorted set: KIND:KEY by the time when they are due: they are anybody's
---   queues                  set: names of queues that are not empty, or were not when it was last looked
---   lanes                   hash: lane of the queues l:LANE:… -> the run that has work of it
---   expiry                  sorted set: KIND:KEY of those in queues by the time when they are over
---   given:RUN               hash: number of a call that took records -> their members, until the node has them
---   runs                    hash: the runs of nodes that live (smpp.nodes); others may not have work
---   wake                    a channel: the name of a queue that has got something
local prelude = require "smpp.store.valkey_prelude"
local valkey = require "smpp.valkey"

local scripts = {}

scripts.FORMAT = 2 -- of the keys above, and of those of smpp.nodes

local PAGE = 100 -- records of one call at most: no script takes a millisecond

local text_of = prelude.text_of

--- run, number, "1" if its work is shared, limit, max_octets, keep_final (or ""), how many results the process has, their numbers; then
--- commits, each of: how many changes; changes: op (put: add, in the place of one that is there), kind, key, from (or ""), guard, where to; for
--- work and queue: home, due, over, most (or ""); then of an addition: state, same, age, octets (smpp.store.valkey_fields); of a change: "=" and
--- the state (or ""), octets with the names of fields to clear, age, octets of those to set; of a count: by, least, most, per_s (or "").
--- Returns the results of the commits, a line for each; "dead": none was made, since the run is over.
local COMMIT = [=[
local name_of_run, number = take(), take()
local run, work, mine = P .. "run:" .. name_of_run, "work:" .. name_of_run, "w" .. name_of_run
local before = call("HGET", run, number)
if before then return before end
if take() == "1" and call("HEXISTS", P .. "runs", name_of_run) == 0 then return "dead" end
local limit, most, keep = tonumber(take()), tonumber(take()), tonumber(take())
local results = {}
for i = 1, tonumber(take()) do results[i] = take() end

--- The new state of a counter; nil: it would be less or more than it may. With per_s it counts anew in each so many seconds.
local function sum(c, old)
  local by, least, limit, per_s = tonumber(c.one), tonumber(c.two), tonumber(c.three), tonumber(c.four)
  if not per_s then
    local value = tonumber(old) + by
    if least and value < least then return nil end
    return string.format("%.0f", value)
  end
  local window = math.floor(clock() / per_s)
  local before_s, its, used = match(old, "^(%S+) (%S+) (%S+)$")
  used = tonumber(before_s) == per_s and tonumber(its) == window and tonumber(used) or 0
  if used + by > limit then return nil end
  return string.format("%.14g %.0f %.0f", per_s, window, used + by)
end

local wanted, is_wanted = {}, {} -- keys of records that will be asked for
local function want(key)
  if is_wanted[key] then return end
  is_wanted[key], wanted[#wanted + 1] = true, key
end

--- Reads a change.
local function read()
  local op, kind, key, from, guard, to = unpack(ARGV, at + 1, at + 6)
  local home, due, over, room, one, two, three, four
  at = at + 6
  if to == "work" or to == "queue" then
    home, due, over, room = unpack(ARGV, at + 1, at + 4)
    at = at + 4
  end
  if op ~= "remove" then
    one, two, three, four = unpack(ARGV, at + 1, at + 4)
    at = at + 4
  end
  local name = key_of(kind, key)
  want(name)
  if op == "add" or op == "put" then
    return {
      op = op, kind = kind, key = key, name = name, to = to, home = home, due = due, over = over, room = room,
      one = one, two = two, three = three, four = four, -- state, "i", age, octets
      final = is_final(kind, one), old = nil,
    }
  end
  if sub(guard, 1, 3) == "id:" then want(key_of("id", sub(guard, 4))) end
  local c = {
    op = op, kind = kind, key = key, name = name, from = from, guard = guard, to = to,
    one = one, two = two, three = three, four = four, -- state, names to clear or "*", age, octets to set or all; by, least, most, per_s
    r = nil, final = nil, was_final = nil, grows = nil,
  }
  if home then c.home, c.due, c.over = home, due, over end
  return c
end

--- Can it be made?  nil: yes; else a result.  Adds up what it needs.
local function check(c, needs)
  if c.op == "add" or c.op == "put" then
    if c.op == "put" then c.old = record_at(c.name) elseif text_at(c.name) then return "duplicate" end
    needs.octets = needs.octets + RECORD + #c.four
    if c.kind == "message" and not c.final then needs.opens = needs.opens + 1 end
    if c.to == "queue" and c.room ~= "" and call("ZCARD", P .. "queue:" .. c.home) >= tonumber(c.room) then return "limit" end
    return nil
  end
  local r = record_at(c.name)
  if not r then return "gone" end
  if c.from ~= "" and r.state ~= c.from then return "conflict" end
  if c.guard == "mine" and r.place ~= mine then return "conflict" end
  if c.guard == "queued" and r.place ~= "q" then return "conflict" end
  if c.guard == "idle" and r.place ~= mine and r.place ~= "q" then return "conflict" end
  if sub(c.guard, 1, 3) == "id:" then -- that id of a carrier is of this message
    local id = read_record("id", sub(c.guard, 4))
    if not id or field_of(id.text, MESSAGE, id.from) ~= c.key then return "conflict" end
  end
  if c.guard == "ended" and call("HEXISTS", P .. "runs", c.from) == 1 then return "conflict" end -- its state is a run
  c.r, c.was_final = r, is_final(c.kind, r.state)
  if c.op == "change" then
    local before = size_of(r)
    if c.two == "*" then
      r.state, r.octets = sub(c.one, 2), c.four
    else
      local gone = {}
      note_names(c.four, gone)
      note_names(c.two, gone)
      if c.one ~= "" then
        r.state, gone[STATE] = sub(c.one, 2), true
      elseif gone[STATE] then
        r.state = ""
      end
      r.octets = strip(octets_of(r), gone) .. c.four
    end
    c.grows = #r.octets - before
    c.final = is_final(c.kind, r.state)
    needs.octets = needs.octets + c.grows
    if c.kind == "message" and c.final and not c.was_final then needs.closes = true end
  elseif c.op == "count" then
    r.state = sum(c, r.state)
    if not r.state then return "exceeded:" .. c.key end
  end
end

--- The time that discard compares: of final records, where a kind has final states.
local function note_age(c, r, is_new)
  if not KINDS[c.kind].age or r.age == "" or KINDS[c.kind].final and not c.final or not is_new and c.three == "" then return end
  if SHARED then push(P .. c.kind .. ":past", r.age .. " " .. c.key) else call("ZADD", P .. c.kind .. ":age", r.age, c.key) end
end

local function note_end(c)
  if not SHARED then call("ZADD", P .. c.kind .. ":ended", call("HINCRBY", P .. "meta", "ended", 1), c.key) end
end

local woken = {}

--- When a message of a lane is due that is not for later: in the order in which it came here, whatever clocks say.
local function in_order(due)
  local now = math.max(clock(), (tonumber(call("HGET", P .. "meta", "ordered")) or 0) + 0.000001)
  if tonumber(due) > now then return due end
  now = string.format("%.6f", now)
  call("HSET", P .. "meta", "ordered", now)
  return now
end

--- Puts a record where it is to be.
local function move(c, r)
  if c.to == "" then return end
  local member = c.kind .. ":" .. c.key
  unplace(r, member)
  if c.to == "none" then
    r.place, r.home, r.over = "", "", ""
    return
  end
  r.place, r.home, r.over = c.to == "work" and mine or "q", c.home, c.over
  if c.op ~= "change" and sub(c.home, 1, 2) == "l:" then c.due = in_order(c.due) end -- it is new
  if c.to == "work" then return rank(P .. work, member, c.due) end
  enqueue(member, c.home, c.due, c.over)
  woken[string.match(c.home, "^l:") or c.home] = true -- all lanes at once
end

local function add(c)
  if c.old then remove(c.kind, c.key, c.old) end
  local kind, serial = KINDS[c.kind], ""
  if not kind.unlisted then
    serial = next_serial(c.kind)
    enlist(P .. c.kind .. ":all", serial, c.key)
    if kind.final and not c.final then enlist(P .. c.kind .. ":open", serial, c.key) end
  end
  local r = { state = c.one, same = c.two, serial = serial, age = c.three, place = "", home = "", over = "", octets = c.four }
  move(c, r)
  put_record(c.name, r)
  if next(kind.groups) then
    for _, group in ipairs(groups_of(c.kind, c.four, not c.final, true)) do call("ZADD", group, serial, c.key) end
  end
  count(c.kind, RECORD + #c.four, 1, c.final and 0 or 1, waits(c.kind, c.final, #c.four))
  if c.final then note_end(c) end
  note_age(c, r, true)
end

local function change(c, r)
  move(c, r)
  if c.three ~= "" then r.age = c.three end
  put_record(c.name, r)
  local is_over = c.final and not c.was_final
  count(c.kind, c.grows, 0, is_over and -1 or 0, waits(c.kind, c.final, #r.octets) - waits(c.kind, c.was_final, #r.octets - c.grows))
  if is_over then
    unlist(P .. c.kind .. ":open", r.serial, c.key)
    for _, group in ipairs(groups_of(c.kind, r.octets, true, false)) do call("ZREM", group, c.key) end
    note_end(c)
  end
  note_age(c, r, is_over)
end

local function make(c)
  if c.op == "add" or c.op == "put" then return add(c) end
  if not SHARED and not text_at(c.name) then return end -- a final one may have made room for the others
  if c.op == "remove" then return remove(c.kind, c.key, c.r) end
  if c.op == "count" then return put_record(c.name, c.r) end
  change(c, c.r)
end

--- Makes a commit: all of its changes, or none.
local function commit(changes)
  local needs = { octets = 0, opens = 0, closes = false }
  for i = 1, #changes do
    local result = check(changes[i], needs)
    if result then return result end
  end
  if limit and needs.opens > 0 and known("open") + needs.opens > limit then return "limit" end
  if most and needs.octets > 0 then
    local room = most * ((needs.closes or needs.opens == 0) and RESERVE or 1)
    while known "octets" + needs.octets > room do
      local oldest = call("ZRANGE", P .. "message:ended", 0, 0)[1]
      if not oldest then return "full" end
      remove("message", oldest)
    end
  end
  for i = 1, #changes do make(changes[i]) end
  if keep then
    local over = call("ZCARD", P .. "message:ended") - keep
    if over > 0 then
      for _, key in ipairs(call("ZRANGE", P .. "message:ended", 0, over - 1)) do remove("message", key) end
    end
  end
  return "ok"
end

local commits, lines = {}, {}
while at < #ARGV do
  local changes = {}
  for i = 1, tonumber(take()) do changes[i] = read() end
  commits[#commits + 1] = changes
end
fetch(wanted)
for i = 1, #commits do lines[i] = commit(commits[i]) end
settle()
local answer = concat(lines, "\n")
call("HSET", run, number, answer)
if results[1] then call("HDEL", run, unpack(results)) else call("EXPIRE", run, 86400) end -- last: after such a write a full engine refuses nothing
for queue in pairs(woken) do call("PUBLISH", P .. "wake", queue) end
return answer
]=]
scripts.commit = valkey.script(text_of(COMMIT, false))

--- The same in a store that nodes share; and for what finishes work that was taken: it goes on when the engine is full.
scripts.shared_commit = valkey.script("#!lua\n" .. text_of(COMMIT, true))
scripts.finish = valkey.script("#!lua flags=allow-oom\n" .. text_of(COMMIT, true))

--- kind, key: the record, as the engine has it.
scripts.get = valkey.script [[return redis.call("GET", KEYS[1] .. ARGV[1] .. ":r:" .. ARGV[2])]]

--- kind, group (or ""), how many values, the values, open, newest, after (or ""), limit: the key of each record, and it.
local FIND = [[
local kind, group, values = take(), take(), {}
for i = 1, tonumber(take()) do values[i] = take() end
local open, newest, after, left = take() == "1", take() == "1", take(), tonumber(take())
local filters = open and KINDS[kind].final and group ~= "" and not KINDS[kind].groups[group].open
local list = {}
--- Members of a sorted set from a score on: keys and scores.
local function page_of(set, from)
  if newest then return call("ZRANGE", set, from, "-inf", "BYSCORE", "REV", "LIMIT", 0, left, "WITHSCORES") end
  return call("ZRANGE", set, from, "+inf", "BYSCORE", "LIMIT", 0, left, "WITHSCORES")
end
--- Adds the records of a set; how many were looked at, and the score of the last one.
local function read_set(set, from)
  local page = page_of(set, from)
  for i = 1, #page, 2 do
    local text = call("GET", key_of(kind, page[i]))
    if not filters or not is_final(kind, match(text, "^[^\n]*")) then
      list[#list + 1], list[#list + 2] = page[i], text
      left = left - 1
    end
    from = "(" .. page[i + 1]
  end
  return #page / 2, from
end
local from = after ~= "" and "(" .. after or newest and "+inf" or "-inf"
if group ~= "" then
  local set = group_key(kind, group, values)
  while left > 0 do
    local before, count = left, nil
    count, from = read_set(set, from)
    if count < before then break end
  end
  return list
end
local index = P .. kind .. (open and KINDS[kind].final and ":open" or ":all")
local bucket = after ~= "" and math.floor(tonumber(after) / SPAN) or from
while left > 0 do
  local before = left
  local buckets = page_of(index, bucket)
  for i = 1, #buckets, 2 do
    if left > 0 then read_set(index .. ":" .. buckets[i], from) end
    bucket = "(" .. buckets[i + 1]
  end
  if #buckets / 2 < before then break end
end
return list
]]
scripts.find = valkey.script(text_of(FIND, false))
scripts.shared_find = valkey.script(text_of(FIND, true))

--- kind, time: removes at most a page of older records; how many.
scripts.discard = valkey.script(text_of(([[
local kind = take()
local list = call("ZRANGE", P .. kind .. ":age", "-inf", "(" .. take(), "BYSCORE", "LIMIT", 0, %d)
for _, key in ipairs(list) do remove(kind, key) end
settle()
return #list
]]):format(PAGE), false))
scripts.shared_discard = valkey.script("#!lua flags=allow-oom\n" .. text_of(([[
local n = remove_past(take(), tonumber(take()), %d)
settle()
return n
]]):format(PAGE), true))

--- The format of the keys that are there; ours where there are none.
scripts.format = valkey.script(([[
redis.call("HSETNX", KEYS[1] .. "meta", "format", %d)
return tonumber(redis.call("HGET", KEYS[1] .. "meta", "format"))
]]):format(scripts.FORMAT))

scripts.PAGE, scripts.text_of = PAGE, text_of

scripts.HEAD = 9 -- words before a commit's list of results

local TAIL = { add = 4, put = 4, change = 4, count = 4, remove = 0 } -- words of a change behind where to

--- Calls fn(op, kind, key, to, by, per_s) for the changes of a commit in the words of a call; by, per_s: of a count.
---@param words (string|number)[]
---@param at integer  where the commit begins
---@param fn fun(op: string, kind: string, key: string, to: string, by: number?, per_s: number|string|nil)
function scripts.each_change(words, at, fn)
  local left = words[at]
  at = at + 1
  for _ = 1, left do
    local op, to = words[at], words[at + 5]
    local tail = at + 6 + ((to == "work" or to == "queue") and 4 or 0)
    local is_count = op == "count"
    fn(op, words[at + 1], words[at + 2], to, is_count and words[tail] or nil, is_count and words[tail + 3] or nil)
    at = tail + TAIL[op]
  end
end

return scripts
