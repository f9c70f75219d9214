--- The scripts of a store in Valkey: what each call does, at once and alone, inside the engine.
---
--- Keys, all of them after the prefix KEYS[1]:
---   KIND:r:KEY              string: a record, as smpp.store.valkey_fields writes it
---   KIND:all:N              sorted set: keys of the records by serial, those with serials of 64 N and above;  KIND:all  sorted set: N of those
---   KIND:open:N, KIND:open  of those that are not final; only of kinds with final states
---   KIND:ended, KIND:age    sorted sets: of final ones by the order of their ends; of records by the time that `discard` compares
---   KIND:g:GROUP:VALUES     sorted set by serial: of a group
---   run:RUN                 hash: number of a commit of this process -> its result, until the process has it; oldest: those below are over
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
---   given:RUN               hash: number of a call that took records -> their members, until the node has them; oldest: those below are over
---   runs                    hash: the runs of nodes that live (smpp.nodes); others may not have work
---   wake                    a channel: the name of a queue that has got something
local kinds = require "smpp.store.kinds"
local prelude = require "smpp.store.valkey_prelude"
local valkey = require "smpp.valkey"

local scripts = {}

scripts.FORMAT = 2 -- of the keys above, and of those of smpp.nodes

local PAGE = 100 -- records of one call at most: no script takes a millisecond

local text_of = prelude.text_of

--- run, number, the oldest number that is under way, "1" if its work is shared, limit, max_octets, keep_final (or ""), how many results the
--- process has, their numbers; then commits, each of: how many changes; changes, as bind_commit.c writes them: a form, which many changes have in
--- common; key; for work and queue: due, over; for the guard "id": the key of the id; then of an addition and of a change: age, where the kind
--- has one, octets; of a count: by, least, most, per_s (or "").
---
--- A form: the sizes of its parts, and they: op (put: add, in the place of one that is there), kind, from (or ""), guard, where to, home, most (or
--- ""), "=" where a change sets the state, state, then of an addition "i" (smpp.store.valkey_fields), of a change octets with the names of fields
--- to clear, "*": it gives all octets.
--- Returns the results of the commits, a line for each; "dead": none was made, since the run is over, or the call has
--- come late: nobody waits for it any more.
local COMMIT = [=[
local name_of_run, number, oldest = take(), take(), tonumber(take())
local run, work, mine = P .. "run:" .. name_of_run, P .. "work:" .. name_of_run, "w" .. name_of_run
local kept = call("HMGET", run, number, "oldest")
if kept[1] then return kept[1] end
oldest = math.max(oldest, tonumber(kept[2]) or 0)
if tonumber(number) < oldest or take() == "1" and call("HEXISTS", P .. "runs", name_of_run) == 0 then return "dead" end
local limit, most, keep = tonumber(take()), tonumber(take()), tonumber(take())
local results = {}
for i = 1, tonumber(take()) do results[i] = take() end

local forms, NONE = {}, {}
--- Reads a form.
local function form_of(word)
  local size_1, size_2, size_3, size_4, size_5, size_6, size_7, size_8, size_9, size_10, from = match(word, SIZES)
  local function part(size)
    from = from + size
    return sub(word, from - size, from - 1)
  end
  local op, kind, state, guard, to = part(size_1), part(size_2), part(size_3), part(size_4), part(size_5)
  local home, room, sets, new, names = part(size_6), part(size_7), part(size_8), part(size_9), part(size_10)
  local o = KINDS[kind]
  local f = {
    op = op, kind = kind, o = o, is_new = op == "add" or op == "put", records = key_of(kind, ""), has_age = o.age, has_groups = next(o.groups) ~= nil,
    all = P .. kind .. ":all", open = P .. kind .. ":open", past = P .. kind .. ":past", finals = o.final or NONE,
    from = state, guard = guard, to = to, home = home, room = tonumber(room), is_placed = to == "work" or to == "queue",
    place = to == "work" and mine or "q", is_lane = op ~= "change" and sub(home, 1, 2) == "l:",
    sets = sets == "=", state = new, names = names,
    waits = SHARED and (kind == "outbound" or kind == "message"), -- what it has to wait for is counted
  }
  if to == "queue" then f.wakes = string.match(home, "^l:") or home end -- all lanes at once
  forms[word] = f
  return f
end

--- The new state of a counter; nil: it would be less or more than it may. With per_s it counts anew in each so many seconds.
local function sum(by, least, limit, per_s, old)
  by, least, limit, per_s = tonumber(by), tonumber(least), tonumber(limit), tonumber(per_s)
  if not per_s then
    local value = tonumber(old) + by
    if least and value < least then return nil end
    return string.format("%.0f", value)
  end
  local window = floor(clock() / per_s)
  local before_s, its, used = match(old, "^(%S+) (%S+) (%S+)$")
  used = tonumber(before_s) == per_s and tonumber(its) == window and tonumber(used) or 0
  if used + by > limit then return nil end
  return string.format("%.14g %.0f %.0f", per_s, window, used + by)
end

local wanted, want = {}, 0 -- keys of records that will be asked for

--- Reads a change: the record that is there has a place in it.
local function read()
  local form, key = ARGV[at + 1], ARGV[at + 2]
  local f = forms[form] or form_of(form)
  at = at + 2
  local name = f.records .. key
  want = want + 1
  wanted[want] = name
  local c = { name, "", f.names, "", "", "", "", "", 0, f, key, "", "", "", "", "" } -- as PLACES of the prelude
  if f.is_placed then
    c.due, c.till = ARGV[at + 1], ARGV[at + 2]
    at = at + 2
  end
  if f.guard == "id" then
    at = at + 1
    c.new = key_of("id", ARGV[at])
    want = want + 1
    wanted[want] = c.new
  end
  if f.is_new or f.op == "change" then
    if f.has_age then
      at = at + 1
      c.since = ARGV[at]
    end
    at = at + 1
    c.given = ARGV[at]
  elseif f.op == "count" then
    c.due, c.till, c.since, c.given = unpack(ARGV, at + 1, at + 4) -- by, least, most, per_s
    at = at + 4
  end
  return c
end

--- Can it be made?  nil: yes; else a result.  Adds up what it needs.
local function check(c, needs)
  local f = c.form
  if f.is_new then
    if f.op == "add" and text_at(c.name) then return "duplicate" end
    needs.octets = needs.octets + RECORD + #c.given
    if f.kind == "message" and not f.finals[f.state] then needs.opens = needs.opens + 1 end
    if f.to == "queue" and f.room and call("ZCARD", P .. "queue:" .. f.home) >= f.room then return "limit" end
    return nil
  end
  local guard = f.guard
  if not read_into(c, c.name) then return "gone" end
  if f.from ~= "" and c.state ~= f.from then return "conflict" end
  if guard == "mine" then
    if c.place ~= mine then return "conflict" end
  elseif guard == "queued" then
    if c.place ~= "q" then return "conflict" end
  elseif guard == "idle" then
    if c.place ~= mine and c.place ~= "q" then return "conflict" end
  elseif guard == "id" then -- that id of a carrier is of this message
    local text = text_at(c.new)
    if not text or field_of(text, MESSAGE, (select(8, match(text, HEAD)))) ~= c.key then return "conflict" end
  elseif guard == "ended" then -- its state is a run
    if call("HEXISTS", P .. "runs", f.from) == 1 then return "conflict" end
  end
  if f.op == "change" then
    c.new = f.sets and f.state or c.state
    if f.names ~= "*" then
      local gone = {}
      note_names(c.given, gone)
      note_names(f.names, gone)
      if f.sets then gone[STATE] = true elseif gone[STATE] then c.new = "" end
      c.given = strip(octets_of(c), gone) .. c.given
    end
    needs.octets = needs.octets + #c.given - c.size
    if f.finals[c.new] and f.kind == "message" and not f.finals[c.state] then needs.closes = true end
  elseif f.op == "count" then
    c.new = sum(c.due, c.till, c.since, c.given, c.state)
    if not c.new then return "exceeded:" .. c.key end
  end
end

--- Notes the time that discard compares.
local function note_age(f, key, age)
  if SHARED then push(f.past, age .. " " .. key) else call("ZADD", P .. f.kind .. ":age", age, key) end
end

local function note_end(f, key)
  if not SHARED then call("ZADD", P .. f.kind .. ":ended", call("HINCRBY", P .. "meta", "ended", 1), key) end
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

--- Puts a record where it is to be, and writes it with these octets.
local function put(c, f, age)
  local place, home, over = c.place, c.home, c.over
  if f.to ~= "" then
    local member = f.kind .. ":" .. c.key
    if place == mine then rank(work, member, false) else unplace(c, member) end
    place, home, over = "", "", ""
    if f.is_placed then
      place, home, over = f.place, f.home, c.till
      local due = f.is_lane and in_order(c.due) or c.due -- of a lane: it is new
      if f.wakes then
        enqueue(member, home, due, over)
        woken[f.wakes] = true
      else
        rank(work, member, due)
      end
    end
  end
  put_text(c.name, text_of(c, c.new, age, place, home, over, c.given))
end

local function add(c, f)
  local kind, key, final, size = f.kind, c.key, f.finals[f.state], RECORD + #c.given
  if f.op == "put" then
    local old = read_record(c.name)
    if old then remove(kind, key, old) end
  end
  if not f.o.unlisted then
    c.serial = next_serial(kind)
    enlist(f.all, c.serial, key)
    if f.o.final and not final then enlist(f.open, c.serial, key) end
  end
  c.new = f.state
  put(c, f, c.since)
  if f.has_groups then
    for _, group in ipairs(groups_of(kind, c.given, not final, true)) do call("ZADD", group, c.serial, key) end
  end
  counted.octets = counted.octets + size
  if f.waits and not final then counted.waiting = counted.waiting + size end
  if kind == "message" then
    counted.messages = counted.messages + 1
    if not final then counted.open = counted.open + 1 end
  end
  if final then note_end(f, key) end
  if f.has_age and c.since ~= "" and (final or not f.o.final) then note_age(f, key, c.since) end
end

local function change(c, f)
  local kind, key, age = f.kind, c.key, c.since ~= "" and c.since or c.age
  local was_final, final, more = f.finals[c.state], f.finals[c.new], #c.given - c.size
  local is_over = final and not was_final
  put(c, f, age)
  counted.octets = counted.octets + more
  if f.waits then
    counted.waiting = counted.waiting + (final and 0 or RECORD + #c.given) - (was_final and 0 or RECORD + c.size)
  end
  if is_over then
    if kind == "message" then counted.open = counted.open - 1 end
    unlist(f.open, c.serial, key)
    if f.has_groups then
      for _, group in ipairs(groups_of(kind, c.given, true, false)) do call("ZREM", group, key) end
    end
    note_end(f, key)
  end
  if f.has_age and age ~= "" and (final or not f.o.final) and (is_over or c.since ~= "") then note_age(f, key, age) end
end

local function make(c)
  local f = c.form
  if f.is_new then return add(c, f) end
  if not SHARED and not text_at(c.name) then return end -- a final one may have made room for the others
  if f.op == "remove" then return remove(f.kind, c.key, c) end
  if f.op == "change" then return change(c, f) end
  put_text(c.name, text_of(c, c.new, c.age, c.place, c.home, c.over, octets_of(c)))
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
call("HSET", run, number, answer, "oldest", oldest)
if results[1] then call("HDEL", run, unpack(results)) end -- not first: after such a write a full engine refuses nothing
call("EXPIRE", run, 86400)
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
    if text and not (filters and is_final(kind, match(text, "^[^\n]*"))) then -- false: somebody has deleted it by hand
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

--- The word at a place of a command's octets, and where the next one is.
local function word_at(octets, at)
  local _, stop, size = octets:find("^%$(%d+)\r\n", at)
  return octets:sub(stop + 1, stop + size), stop + size + 3
end

--- Calls fn(op, kind, key, to, by, per_s) for the changes of a commit.
---@param octets string  of its words
---@param fn fun(op: string, kind: string, key: string, to: string, by: number?, per_s: string?)  by, per_s: of a count
function scripts.each_change(octets, fn)
  local left, at = word_at(octets, 1)
  local function take()
    local word
    word, at = word_at(octets, at)
    return word
  end
  for _ = 1, left do
    local form, key = take(), take()
    local sizes, text = form:match "^([%d,]+):(.*)$"
    local parts, from, by, per_s = {}, 1, nil, nil
    for size in sizes:gmatch "%d+" do
      parts[#parts + 1], from = text:sub(from, from + size - 1), from + size
    end
    local op, kind, _, guard, to = (table.unpack or unpack)(parts) -- luacheck: compat
    local more = ((to == "work" or to == "queue") and 2 or 0) + (guard == "id" and 1 or 0)
    if op == "count" then
      local words = { take(), take(), take(), take() }
      by, per_s = tonumber(words[1]), words[4]
    elseif op ~= "remove" then
      more = more + (kinds.kinds[kind].age and 2 or 1)
    end
    for _ = 1, more do take() end
    fn(op, kind, key, to, by, per_s)
  end
end

return scripts
