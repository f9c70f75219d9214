--- The scripts of a store in Valkey: what each call does, at once and alone, inside the engine.
---
--- Keys, all of them after the prefix KEYS[1]:
---   KIND:r:KEY              hash: the fields of a record, each with its type in front; "#": serial, "%": octets that are counted
---   KIND:all                sorted set: keys of the records by serial
---   KIND:open               of those that are not final; only of kinds with final states
---   KIND:ended, KIND:age    of final ones by the order of their ends; of records by the time that `discard` compares
---   KIND:g:GROUP:VALUES     of a group
---   run:RUN                 hash: number of a commit of this process -> its result, until the process has it
---   meta                    hash: format, serials, octets, number of ends
---
--- Where nodes share a store, a record may have a place ("@" in its hash), and a queue that is its home ("@home"), to which it goes
--- back, with the time when it is over behind a blank:
---   work:RUN                sorted set: KIND:KEY by the time when they were due: a node works on them
---   queue:NAME              sorted set: KIND:KEY by the time when they are due: they are anybody's
---   queues                  set: names of queues that are not empty, or were not when it was last looked
---   lanes                   hash: lane of the queues l:LANE:… -> the run that has work of it
---   expiry                  sorted set: KIND:KEY of those in queues by the time when they are over
---   given:RUN               hash: number of a call that took records -> their members, until the node has them
---   runs                    hash: the runs of nodes that live (smpp.nodes); others may not have work
---   wake                    a channel: the name of a queue that has got something
local kinds = require "smpp.store.kinds"
local valkey = require "smpp.valkey"

local scripts = {}

scripts.FORMAT = 1 -- of the keys above

local RECORD_OCTETS = 160 -- approximate size of a record besides its fields, as of the store in memory
local RESERVE = 1.1       -- changes that finish messages are accepted up to this multiple of max_octets
local PAGE = 100          -- records of one call at most: no script takes a millisecond

--- A table of plain data as Lua, in order.
local function literal(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local names, list = {}, {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do list[i] = ("[%s]=%s"):format(literal(name), literal(value[name])) end
  return "{" .. table.concat(list, ",") .. "}"
end

-- What all scripts know.  In a store that nodes share there are no groups of messages and items, and fewer sets: nobody asks for them.
local COMMON = [[
local unpack = unpack or table.unpack
local P = KEYS[1]
local call = redis.call
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function group_key(kind, name, values) return P .. kind .. ":g:" .. name .. ":" .. table.concat(values, "\0") end
local function is_final(kind, state) return KINDS[kind].final and KINDS[kind].final[string.sub(state or "", 2)] or false end

--- The groups of a record; those of open records only where it is open.
local function groups_of(kind, r, open_only)
  local list = {}
  for name, group in pairs(KINDS[kind].groups) do
    if not open_only or group.open then
      local values = {}
      for i, field in ipairs(group.fields) do values[i] = string.sub(call("HGET", r, field) or "", 2) end
      list[#list + 1] = group_key(kind, name, values)
    end
  end
  return list
end

local counted = 0
local function count_octets()
  if counted ~= 0 then call("HINCRBY", P .. "meta", "octets", counted) end
  counted = 0
end

--- Takes a record from where it is.
local function unplace(place, member)
  if not place then return end
  call("ZREM", P .. place, member)
  if string.sub(place, 1, 6) == "queue:" then call("ZREM", P .. "expiry", member) end
end

--- Puts it into a queue.
local function enqueue(member, home, due, over)
  call("ZADD", P .. "queue:" .. home, due, member)
  call("SADD", P .. "queues", home)
  if over ~= "" then call("ZADD", P .. "expiry", over, member) end
end

local function remove(kind, key)
  local r = P .. kind .. ":r:" .. key
  local known = call("HMGET", r, "@", "%")
  for _, group in ipairs(groups_of(kind, r)) do call("ZREM", group, key) end
  unplace(known[1], kind .. ":" .. key)
  if not KINDS[kind].unlisted then call("ZREM", P .. kind .. ":all", key) end
  if KINDS[kind].final then
    call("ZREM", P .. kind .. ":open", key)
    if not LEAN then call("ZREM", P .. kind .. ":ended", key) end
  end
  if KINDS[kind].age then call("ZREM", P .. kind .. ":age", key) end
  counted = counted - (tonumber(known[2]) or 0)
  call("DEL", r)
end
]]

--- The kinds of a store that nodes share.
local function lean_kinds()
  local list = {}
  for name, kind in pairs(kinds.kinds) do
    list[name] = { final = kind.final, age = kind.age, groups = name == "value" and kind.groups or {}, unlisted = name == "id" or nil }
  end
  return list
end

--- The text of a script.
local function text_of(body, is_lean)
  return ("local KINDS, RECORD, RESERVE, LEAN = %s, %d, %g, %s\n"):format(literal(is_lean and lean_kinds() or kinds.kinds), RECORD_OCTETS, RESERVE,
    tostring(is_lean)) .. COMMON .. body
end

--- run, number, "1" if its work is shared, limit, max_octets, keep_final (or ""), how many results the process has, their numbers; then
--- commits, each of: how many changes; changes: op (put: add, in the place of one that is there), kind, key, from (or ""), guard, where to; for
--- work and queue: home, due, over, most (or ""); how many fields to set, their names and values, how many to clear, their names.
--- Returns the results of the commits, a line for each; "dead": none was made, since the run is over.
local COMMIT = [=[
local name_of_run, number = take(), take()
local run, work = P .. "run:" .. name_of_run, "work:" .. name_of_run
local known = call("HGET", run, number)
if known then return known end
if take() == "1" and call("HEXISTS", P .. "runs", name_of_run) == 0 then return "dead" end
local limit, most, keep = tonumber(take()), tonumber(take()), tonumber(take())
local results = {}
for i = 1, tonumber(take()) do results[i] = take() end

--- The new state of a counter; nil: it would be less or more than it may. With per_s it counts anew in each so many seconds.
local function sum(c, old)
  local o = {}
  for i = 1, #c.names do o[c.names[i]] = tonumber(string.sub(c.values[i], 2)) end
  if not o.per_s then
    local value = tonumber(string.sub(old, 2)) + o.by
    if o.least and value < o.least then return nil end
    return string.format("s%.0f", value)
  end
  local time = call("TIME")
  local window = math.floor(tonumber(time[1]) / o.per_s)
  local per_s, its, used = string.match(old, "^s(%S+) (%S+) (%S+)$")
  used = tonumber(per_s) == o.per_s and tonumber(its) == window and tonumber(used) or 0
  if used + o.by > o.most then return nil end
  return string.format("s%.14g %.0f %.0f", o.per_s, window, used + o.by)
end

--- Reads a change.
local function read()
  local c = { op = take(), kind = take(), key = take(), from = take(), guard = take(), to = take(), names = {}, values = {}, clear = {} }
  if c.to == "work" or c.to == "queue" then c.home, c.due, c.over, c.most = take(), take(), take(), take() end
  local names, values = c.names, c.values
  for i = 1, tonumber(take()) do
    names[i], values[i] = take(), take()
    if names[i] == "state" then c.state = values[i] end
  end
  for i = 1, tonumber(take()) do c.clear[i] = take() end
  c.r, c.member = P .. c.kind .. ":r:" .. c.key, c.kind .. ":" .. c.key
  return c
end

--- Can it be made?  nil: yes; else a result.  Adds up what it needs.
local function check(c, needs)
  if c.op == "add" or c.op == "put" then
    if call("EXISTS", c.r) == 1 then
      if c.op == "add" then return "duplicate" end
      c.replaces = true
    end
    c.op, c.size = "add", RECORD
    for i = 1, #c.names do c.size = c.size + #c.names[i] + #c.values[i] end
    c.final = is_final(c.kind, c.state)
    needs.octets = needs.octets + c.size
    if c.kind == "message" and not c.final then needs.opens = needs.opens + 1 end
    if c.to == "queue" and c.most ~= "" and call("ZCARD", P .. "queue:" .. c.home) >= tonumber(c.most) then return "limit" end
    return nil
  end
  local asked, n = { "#", "state", "@", "%" }, 4
  for i = 1, c.op == "change" and #c.names or 0 do n, asked[n + 1] = n + 1, c.names[i] end
  for i = 1, #c.clear do n, asked[n + 1] = n + 1, c.clear[i] end
  local old = call("HMGET", c.r, unpack(asked))
  if not old[1] then return "gone" end
  if c.from ~= "" and old[2] ~= "s" .. c.from then return "conflict" end
  if c.guard == "mine" and old[3] ~= work then return "conflict" end
  if c.guard == "queued" and string.sub(old[3] or "", 1, 6) ~= "queue:" then return "conflict" end
  if c.guard == "idle" and old[3] ~= work and string.sub(old[3] or "", 1, 6) ~= "queue:" then return "conflict" end
  if c.guard == "ended" and call("HEXISTS", P .. "runs", c.from) == 1 then return "conflict" end -- its state is a run
  c.place = old[3]
  c.was_final = is_final(c.kind, old[2])
  c.final = is_final(c.kind, c.state or old[2])
  if c.op == "change" then
    c.size = 0
    for i = 5, n do
      local before, value = old[i], c.values[i - 4]
      c.size = c.size + (value and #value or -#asked[i]) - (before and #before or -#asked[i])
    end
    c.octets = (tonumber(old[4]) or 0) + c.size
    needs.octets = needs.octets + c.size
    if c.kind == "message" and c.final and not c.was_final then needs.closes = true end
  elseif c.op == "count" then
    c.state = sum(c, old[2])
    if not c.state then return "exceeded:" .. c.key end
  end
end

--- The time that discard compares: of final records, where a kind has final states.
local function note_age(c)
  local field = KINDS[c.kind].age
  if not field or (KINDS[c.kind].final and not c.final) then return end
  local age
  for i = 1, #c.names do
    if c.names[i] == field then age = c.values[i] end
  end
  if not age and c.op == "change" and not LEAN then age = call("HGET", c.r, field) end
  if age then call("ZADD", P .. c.kind .. ":age", string.sub(age, 2), c.key) end
end

local function note_end(c)
  if not LEAN then call("ZADD", P .. c.kind .. ":ended", call("HINCRBY", P .. "meta", "ended", 1), c.key) end
end

local woken = {}

--- When a message of a lane is due that is not for later: in the order in which it came here, whatever clocks say.
local function in_order(due)
  local time = call("TIME")
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  now = math.max(now, (tonumber(call("HGET", P .. "meta", "ordered")) or 0) + 0.000001)
  if tonumber(due) > now then return due end
  now = string.format("%.6f", now)
  call("HSET", P .. "meta", "ordered", now)
  return now
end

--- Puts a record where it is to be: its fields say it, too.
local function move(c, fields)
  if c.to == "" then return end
  unplace(c.place, c.member)
  if c.to == "none" then
    if c.place then c.clear[#c.clear + 1], c.clear[#c.clear + 2] = "@", "@home" end
    return
  end
  local n = #fields
  fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = "@", c.to == "work" and work or "queue:" .. c.home, "@home", c.home .. " " .. c.over
  if c.op == "add" and string.sub(c.home, 1, 2) == "l:" then c.due = in_order(c.due) end
  if c.to == "work" then return call("ZADD", P .. work, c.due, c.member) end
  enqueue(c.member, c.home, c.due, c.over)
  woken[c.home] = true
end

local function make(c)
  local fields = {}
  for i = 1, #c.names do fields[2 * i - 1], fields[2 * i] = c.names[i], c.values[i] end
  if c.op == "add" then
    if c.replaces then remove(c.kind, c.key) end
    local n, kind = #fields, KINDS[c.kind]
    fields[n + 1], fields[n + 2] = "%", c.size
    local serial
    if not kind.unlisted then
      serial = call("HINCRBY", P .. "meta", "serial:" .. c.kind, 1)
      fields[n + 3], fields[n + 4] = "#", serial
      call("ZADD", P .. c.kind .. ":all", serial, c.key)
    else
      fields[n + 3], fields[n + 4] = "#", 0
    end
    move(c, fields)
    call("HSET", c.r, unpack(fields))
    if kind.final and not c.final then call("ZADD", P .. c.kind .. ":open", serial, c.key) end
    local of
    for name, group in pairs(kind.groups) do
      if not of then
        of = {}
        for i = 1, #c.names do of[c.names[i]] = c.values[i] end
      end
      if not group.open or not c.final then
        local values, has = {}, false
        for i, field in ipairs(group.fields) do
          values[i] = string.sub(of[field] or "", 2)
          has = has or values[i] ~= ""
        end
        if has then call("ZADD", group_key(c.kind, name, values), serial, c.key) end
      end
    end
    counted = counted + c.size
    if c.final then note_end(c) end
    note_age(c)
  elseif c.op == "remove" then
    remove(c.kind, c.key)
  elseif c.op == "count" then
    call("HSET", c.r, "state", c.state)
  elseif LEAN or call("EXISTS", c.r) == 1 then -- a final one may have made room for the others
    move(c, fields)
    if c.size ~= 0 then
      fields[#fields + 1], fields[#fields + 2] = "%", c.octets
      counted = counted + c.size
    end
    if fields[1] then call("HSET", c.r, unpack(fields)) end
    if c.clear[1] then call("HDEL", c.r, unpack(c.clear)) end
    if c.final and not c.was_final then
      call("ZREM", P .. c.kind .. ":open", c.key)
      for _, group in ipairs(groups_of(c.kind, c.r, true)) do call("ZREM", group, c.key) end
      note_end(c)
    end
    note_age(c)
  end
end

--- Makes a commit: all of its changes, or none.
local function commit()
  local changes, needs, result = {}, { octets = 0, opens = 0, closes = false }, nil
  for i = 1, tonumber(take()) do
    changes[i] = read()
    result = result or check(changes[i], needs)
  end
  if result then return result end
  if limit and needs.opens > 0 and call("ZCARD", P .. "message:open") + needs.opens > limit then return "limit" end
  if most and needs.octets > 0 then
    local room = most * ((needs.closes or needs.opens == 0) and RESERVE or 1)
    count_octets()
    while (tonumber(call("HGET", P .. "meta", "octets")) or 0) + needs.octets > room do
      local oldest = call("ZRANGE", P .. "message:ended", 0, 0)[1]
      if not oldest then return "full" end
      remove("message", oldest)
      count_octets()
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

local lines = {}
while at < #ARGV do lines[#lines + 1] = commit() end
count_octets()
local answer = table.concat(lines, "\n")
call("HSET", run, number, answer)
if results[1] then call("HDEL", run, unpack(results)) else call("EXPIRE", run, 86400) end -- last: after such a write a full engine refuses nothing
for queue in pairs(woken) do call("PUBLISH", P .. "wake", queue) end
return answer
]=]
scripts.commit = valkey.script(text_of(COMMIT, false))

--- The same in a store that nodes share; and for what finishes work that was taken: it goes on when the engine is full.
scripts.shared_commit = valkey.script("#!lua\n" .. text_of(COMMIT, true))
scripts.finish = valkey.script("#!lua flags=allow-oom\n" .. text_of(COMMIT, true))

--- kind, key: the fields of a record.
scripts.get = valkey.script [[return redis.call("HGETALL", KEYS[1] .. ARGV[1] .. ":r:" .. ARGV[2])]]

--- kind, group (or ""), how many values, the values, open, newest, after (or ""), limit: the fields of each record.
local FIND = [[
local kind, group, values = take(), take(), {}
for i = 1, tonumber(take()) do values[i] = take() end
local open, newest, after, left = take() == "1", take() == "1", take(), tonumber(take())
local filters = open and KINDS[kind].final and group ~= "" and not KINDS[kind].groups[group].open
local set = group ~= "" and group_key(kind, group, values) or P .. kind .. (open and KINDS[kind].final and ":open" or ":all")
local from = after ~= "" and "(" .. after or newest and "+inf" or "-inf"
local list = {}
while left > 0 do
  local page
  if newest then
    page = call("ZRANGE", set, from, "-inf", "BYSCORE", "REV", "LIMIT", 0, left, "WITHSCORES")
  else
    page = call("ZRANGE", set, from, "+inf", "BYSCORE", "LIMIT", 0, left, "WITHSCORES")
  end
  local before = left
  for i = 1, #page, 2 do
    local fields = call("HGETALL", P .. kind .. ":r:" .. page[i])
    local state
    for j = 1, filters and #fields or 0, 2 do
      if fields[j] == "state" then state = fields[j + 1] end
    end
    if not filters or not is_final(kind, state) then
      list[#list + 1] = fields
      left = left - 1
    end
    from = "(" .. page[i + 1]
  end
  if #page / 2 < before then break end
end
return list
]]
scripts.find = valkey.script(text_of(FIND, false))
scripts.shared_find = valkey.script(text_of(FIND, true))

--- kind, time: removes at most a page of older records; how many.
local DISCARD = ([[
local kind = take()
local list = call("ZRANGE", P .. kind .. ":age", "-inf", "(" .. take(), "BYSCORE", "LIMIT", 0, %d)
for _, key in ipairs(list) do remove(kind, key) end
count_octets()
return #list
]]):format(PAGE)
scripts.discard = valkey.script(text_of(DISCARD, false))
scripts.shared_discard = valkey.script("#!lua flags=allow-oom\n" .. text_of(DISCARD, true))

--- The format of the keys that are there; ours where there are none.
scripts.format = valkey.script(([[
redis.call("HSETNX", KEYS[1] .. "meta", "format", %d)
return tonumber(redis.call("HGET", KEYS[1] .. "meta", "format"))
]]):format(scripts.FORMAT))

scripts.PAGE, scripts.text_of = PAGE, text_of

scripts.HEAD = 9 -- words before a commit's list of results

--- Calls fn(op, kind, key, fields, to) for the changes of a commit in the words of a call; fields: names and values as the engine has them.
---@param words (string|number)[]
---@param at integer  where the commit begins
---@param fn fun(op: string, kind: string, key: string, fields: table<string, string>, to: string)
function scripts.each_change(words, at, fn)
  local left = words[at]
  at = at + 1
  for _ = 1, left do
    local op, kind, key, to = words[at], words[at + 1], words[at + 2], words[at + 5]
    at = at + 6 + ((to == "work" or to == "queue") and 4 or 0)
    local fields = {}
    for i = 1, words[at] do fields[words[at + 2 * i - 1]] = words[at + 2 * i] end
    at = at + 1 + 2 * words[at]
    at = at + 1 + words[at]
    fn(op, kind, key, fields, to)
  end
end

return scripts
