--- What all scripts of a store in Valkey know: how a record is kept, what lists it, and where it is.
local fields = require "smpp.store.valkey_fields"
local kinds = require "smpp.store.kinds"

local prelude = {}

local RECORD_OCTETS = 160 -- approximate size of a record besides its octets, as of the store in memory
local RESERVE = 1.1       -- changes that finish messages are accepted up to this multiple of max_octets
local SPAN = 64           -- records of one bucket of an index: such sorted sets are compact in the engine

-- Sizes of the parts of a form: smpp.store.valkey_scripts.
local SIZES = "^" .. ("(%d+),"):rep(9) .. "(%d+):()"

prelude.RECORD_OCTETS = RECORD_OCTETS

--- A table of plain data as Lua, in order.
local function literal(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local names, list = {}, {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do list[i] = ("[%s]=%s"):format(literal(name), literal(value[name])) end
  return "{" .. table.concat(list, ",") .. "}"
end

--- The kinds as scripts know them: fields by their octets.  Where nodes share a store, nobody asks for groups of messages and items, and
--- nobody looks for ids.
local function kinds_of(is_shared)
  local list = {}
  for name, kind in pairs(kinds.kinds) do
    local groups = {}
    for group, row in pairs((not is_shared or name == "value") and kind.groups or {}) do
      groups[group] = { open = row.open, fields = {} }
      for i, field in ipairs(row.fields) do groups[group].fields[i] = fields.places[field] end
    end
    list[name] = { final = kind.final, age = kind.age ~= nil, groups = groups, unlisted = is_shared and name == "id" or nil }
  end
  return list
end

local TEXT = [=[
local unpack = unpack or table.unpack
local byte, sub, match, concat, floor = string.byte, string.sub, string.match, table.concat, math.floor
local P = KEYS[1]
local call = redis.call
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

--- The engine's time, in seconds.  That of another engine after a failover may be earlier: then this goes on from what it was, at nine tenths of
--- the pace, until it is the same again.  Nothing comes before what was, and nothing has to wait until then.
local function clock()
  local time, known = call("TIME"), call("HGET", P .. "meta", "clock")
  local real = tonumber(time[1]) + tonumber(time[2]) / 1000000
  local last, last_real = match(known or "0 0", "^(%S+) (%S+)$")
  last, last_real = tonumber(last), tonumber(last_real)
  local now = math.max(real, last + 0.9 * math.max(0, math.min(2, real - last_real))) -- 2: nodes ask more often
  if now - last >= 0.1 or real < last_real then call("HSET", P .. "meta", "clock", string.format("%.6f %.6f", now, real)) end
  return now
end

local function group_key(kind, name, values) return P .. kind .. ":g:" .. name .. ":" .. concat(values, "\0") end

-- ---- what a script has read and is to write: most is written at its end, in few commands ----

local PIECE = 1000 -- arguments of a command, even
local texts, changed = {}, {}  -- key -> the record as it is for this script, false: there is none; the same of those that it has changed
local scores, entries = {}, {} -- sorted set -> member -> its new score, or false: out with it; list -> what is put behind it

--- Calls a command with the words of a list, in pieces; key: what goes before them, if anything.
local function call_with(name, key, list)
  for i = 1, #list, PIECE do
    local last = math.min(i + PIECE - 1, #list)
    if key then call(name, key, unpack(list, i, last)) else call(name, unpack(list, i, last)) end
  end
end

--- Reads records that will be asked for.
local function fetch(keys)
  for i = 1, #keys, PIECE do
    local last = math.min(i + PIECE - 1, #keys)
    local found = call("MGET", unpack(keys, i, last))
    for j = i, last do texts[keys[j]] = found[j - i + 1] end
  end
end

local function text_at(key)
  local text = texts[key]
  if text == nil then
    text = call("GET", key)
    texts[key] = text
  end
  return text
end

local function put_text(key, text) texts[key], changed[key] = text, text end

--- The score that a member is to have in a sorted set, false: it is to be in it no more.  Nothing else of the script may read that set.
local function rank(set, member, score)
  local members = scores[set]
  if not members then
    members = {}
    scores[set] = members
  end
  members[member] = score
end

local function push(list, entry)
  local known = entries[list]
  if known then known[#known + 1] = entry else entries[list] = { entry } end
end

--- Writes it.
local function write_all()
  local new, gone = {}, {}
  for key, text in pairs(changed) do
    if text then
      new[#new + 1] = key
      new[#new + 1] = text
    else
      gone[#gone + 1] = key
    end
  end
  call_with("MSET", nil, new)
  call_with("DEL", nil, gone)
  for set, members in pairs(scores) do
    local added, out = {}, {}
    for member, score in pairs(members) do
      if score then
        added[#added + 1] = score
        added[#added + 1] = member
      else
        out[#out + 1] = member
      end
    end
    call_with("ZADD", set, added)
    call_with("ZREM", set, out)
  end
  for list, added in pairs(entries) do call_with("RPUSH", list, added) end
  changed, scores, entries = {}, {}, {}
end

local function is_final(kind, state) return KINDS[kind].final and KINDS[kind].final[state] or false end
local function key_of(kind, key) return P .. kind .. ":r:" .. key end

-- ---- the octets of a record: fields, each a name and a value ----

--- Where what follows a value is.
local function skip(octets, from)
  local tag = byte(octets, from)
  if tag >= 0xC0 then return from + 1 + tag - 0xC0 end -- a short string
  if tag <= 0x81 then return from + 1 end              -- a small number, true, false
  if tag == 0x84 then return from + 9 end              -- a double
  from = from + 1
  if tag == 0x86 then                                  -- a table
    while byte(octets, from) ~= 0x87 do from = skip(octets, from) end
    return from + 1
  end
  local n, scale, octet = 0, 1, nil
  repeat
    octet = byte(octets, from)
    n, scale, from = n + octet % 128 * scale, scale * 128, from + 1
  until octet < 128
  return tag == 0x85 and from + n or from              -- a string; a number
end

--- The name at a place, and where its value is.
local function name_at(octets, from)
  local place = byte(octets, from)
  if place > 0 then return place, from + 1 end
  local stop = skip(octets, from + 1)
  return sub(octets, from + 1, stop - 1), stop
end

--- Adds the names of fields to a set.
local function note_names(octets, set)
  local from, name = 1, nil
  while from <= #octets do
    name, from = name_at(octets, from)
    set[name], from = true, skip(octets, from)
  end
end

--- The octets without some fields.
local function strip(octets, names)
  local parts, kept, from = {}, 1, 1
  while from <= #octets do
    local name, value = name_at(octets, from)
    local stop = skip(octets, value)
    if names[name] then
      if kept < from then parts[#parts + 1] = sub(octets, kept, from - 1) end
      kept = stop
    end
    from = stop
  end
  if kept == 1 then return octets end
  parts[#parts + 1] = sub(octets, kept)
  return concat(parts)
end

--- The string of a field, from a place on; "": it has none.
local function field_of(octets, wanted, from)
  from = from or 1
  while from <= #octets do
    local name, value = name_at(octets, from)
    local stop = skip(octets, value)
    if name == wanted then
      local tag = byte(octets, value)
      if tag >= 0xC0 then return sub(octets, value + 1, stop - 1) end
      if tag ~= 0x85 then return "" end
      repeat value = value + 1 until byte(octets, value) < 128
      return sub(octets, value + 1, stop - 1)
    end
    from = stop
  end
  return ""
end

-- ---- records ----

--- Reads a record into a table: its key in the engine, its head, and how many octets it has; nil: there is none.
local function read_into(r, name)
  local text = text_at(name)
  if not text then return nil end
  local from
  r.name, r.state, r.same, r.serial, r.age, r.place, r.home, r.over, from = name, match(text, HEAD)
  r.size = #text - from + 1
  return r
end
local function read_record(name) return read_into({ "", "", "", "", "", "", "", "", 0 }, name) end

--- The octets of a record as it is for this script.
local function octets_of(r)
  local text = text_at(r.name)
  return sub(text, #text - r.size + 1)
end

local function text_of(r, state, age, place, home, over, octets)
  return state .. "\n" .. r.same .. r.serial .. "\n" .. age .. "\n" .. place .. "\n" .. home .. "\n" .. over .. "\n" .. octets
end

--- Writes a record that has another place, but the same octets.
local function write_record(r)
  local text = text_of(r, r.state, r.age, r.place, r.home, r.over, octets_of(r))
  put_text(r.name, text)
  return text
end

--- The groups of a record: of those that have open records only, and of the others.
local function groups_of(kind, octets, open, others)
  local list = {}
  for name, group in pairs(KINDS[kind].groups) do
    if group.open and open or not group.open and others then
      local values, has = {}, false
      for i, place in ipairs(group.fields) do
        values[i] = field_of(octets, place)
        has = has or values[i] ~= ""
      end
      if has then list[#list + 1] = group_key(kind, name, values) end
    end
  end
  return list
end

-- ---- indexes: sorted sets of records by serial, in buckets; and one of the buckets that are there ----

local touched = {} -- index -> number of a bucket -> its key
local function bucket_of(index, serial)
  local buckets, bucket = touched[index], floor(serial / SPAN)
  if not buckets then
    buckets = {}
    touched[index] = buckets
  end
  local set = buckets[bucket]
  if not set then
    set = index .. ":" .. bucket
    buckets[bucket] = set
  end
  return set
end
local function enlist(index, serial, key) rank(bucket_of(index, serial), key, serial) end
local function unlist(index, serial, key) rank(bucket_of(index, serial), key, false) end

local serials = {}
--- The next serial of a kind, as text.
local function next_serial(kind)
  local serial = (serials[kind] or tonumber(call("HGET", P .. "meta", "serial:" .. kind) or 0)) + 1
  serials[kind] = serial
  return string.format("%.0f", serial)
end

--- The octets of a record, if it is one of those that wait.
local function waits(kind, final, octets) return SHARED and (kind == "outbound" or kind == "message" and not final) and RECORD + octets or 0 end

local counted = { octets = 0, messages = 0, open = 0, waiting = 0 }
--- Counts more or fewer octets and messages; waiting: octets of what is not final, and of what is for customers.
local function count(kind, octets, messages, open, waiting)
  counted.octets, counted.waiting = counted.octets + octets, counted.waiting + waiting
  if kind ~= "message" then return end
  counted.messages, counted.open = counted.messages + messages, counted.open + open
end

--- Before a script ends: what it has to write, what it has counted, and which buckets are there.
local function settle()
  write_all()
  for kind, serial in pairs(serials) do call("HSET", P .. "meta", "serial:" .. kind, string.format("%.0f", serial)) end
  serials = {}
  for index, buckets in pairs(touched) do
    for bucket, set in pairs(buckets) do
      if call("EXISTS", set) == 1 then call("ZADD", index, bucket, bucket) else call("ZREM", index, bucket) end
    end
  end
  touched = {}
  for name, n in pairs(counted) do
    if n ~= 0 then call("HINCRBY", P .. "meta", name, n) end
    counted[name] = 0
  end
end
local function known(name) return tonumber(call("HGET", P .. "meta", name) or 0) + counted[name] end

-- ---- places ----

--- Takes a record from where it is.
local function unplace(r, member)
  if r.place == "" then return end
  if r.place ~= "q" then return rank(P .. "work:" .. sub(r.place, 2), member, false) end
  call("ZREM", P .. "queue:" .. r.home, member)
  if r.over ~= "" then call("ZREM", P .. "expiry", member) end
end

local named = {}
--- Puts it into a queue.
local function enqueue(member, home, due, over)
  call("ZADD", P .. "queue:" .. home, due, member)
  if not named[home] then call("SADD", P .. "queues", home) end
  named[home] = true
  if over ~= "" then call("ZADD", P .. "expiry", over, member) end
end

local function remove(kind, key, r)
  r = r or read_record(key_of(kind, key))
  if not r then return end
  local o = KINDS[kind]
  local is_open = o.final and not is_final(kind, r.state)
  if next(o.groups) then
    for _, group in ipairs(groups_of(kind, octets_of(r), is_open, true)) do call("ZREM", group, key) end
  end
  unplace(r, kind .. ":" .. key)
  if not o.unlisted then unlist(P .. kind .. ":all", r.serial, key) end
  if is_open then unlist(P .. kind .. ":open", r.serial, key) end
  if o.final and not SHARED then call("ZREM", P .. kind .. ":ended", key) end
  if o.age and not SHARED then call("ZREM", P .. kind .. ":age", key) end
  count(kind, -RECORD - r.size, -1, is_open and -1 or 0, -waits(kind, not is_open, r.size))
  put_text(r.name, false)
end

--- Removes what is older than a time, at most a page; how many entries of the list are gone.  keeps(key, r): it stays for now.
local function remove_past(kind, before, most, keeps)
  local past = P .. kind .. ":past"
  local n, kept, seen = 0, {}, {}
  for _, entry in ipairs(call("LRANGE", past, 0, most - 1)) do
    local age, key = match(entry, "^(%S+) (.*)$")
    if tonumber(age) >= before then break end
    n = n + 1
    local r = read_record(key_of(kind, key))
    if r and not seen[key] and tonumber(r.age) and tonumber(r.age) < before then -- else it has come again
      seen[key] = true
      if keeps and keeps(key, r) then kept[#kept + 1] = entry else remove(kind, key, r) end
    end
  end
  if n > 0 then call("LTRIM", past, n, -1) end
  for i = #kept, 1, -1 do call("LPUSH", past, kept[i]) end
  return n - #kept
end
]=]

-- A record, and a change with the record that it is of, are lists in the engine, which take less of it than tables by name: place of each field.
local PLACES = {}
for i, name in ipairs {
  "name", "state", "same", "serial", "age", "place", "home", "over", "size", -- of the record
  "form", "key", "due", "till", "since", "given", "new",                     -- of the change; new: key of the id in its guard, then its state
} do PLACES[name] = i end

--- The text of a script.
---@param body string
---@param is_shared boolean  nodes share the store
---@return string
function prelude.text_of(body, is_shared)
  local places = fields.places
  local constants = ("local RECORD, RESERVE, SPAN, SHARED, HEAD, SIZES, MESSAGE, OF, STATE = %d, %g, %d, %s, %q, %q, %d, %d, %d\n"):format(
    RECORD_OCTETS, RESERVE, SPAN, tostring(is_shared), fields.HEAD, SIZES, places.message, places.of, places.state)
  local text = TEXT .. body
  text = text:gsub("%f[%w_]([cr])%.(%l+)", function(list, field) return PLACES[field] and ("%s[%d]"):format(list, PLACES[field]) end)
  return "local KINDS = " .. literal(kinds_of(is_shared)) .. "\n" .. constants .. text
end

return prelude
