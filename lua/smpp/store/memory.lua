--- A store in memory.  It keeps octets, not tables: records are small, their memory is counted, and callers cannot
--- rely on getting the very table that was added.
local core = require "smpp.core"
local option = require "smpp.base.kind"
local kinds = require "smpp.store.kinds"
local schema = require "smpp.base.schema"

local memory = {}

local Memory = {
  takes_pdus = true,               -- `pdu` of an addition: its parameters are written as they lie there
}
local mt = { __index = Memory, __name = "smpp.store.memory" }

local codec = core.record(kinds.names)
local write, read, reader, field, change_octets = codec.write, codec.read, codec.reader, codec.field, codec.change

local RECORD_OCTETS = 160 -- approximate memory of a record besides its octets: key, indices, string header
local RESERVE = 1.1 -- changes that finish messages are accepted up to this multiple of max_octets

local whole = option.integer(1, 2 ^ 53)

--- Its options.
memory.schema = schema.new {
  { "limit", whole, 100000, "maximum of messages that are not final", "limit = 1000" },
  { "max_octets", option.with_unit("octets", whole), 256 * 1024 * 1024, "maximum size of all records", "max_octets = 1048576" },
  { "keep_final", option.integer(0, 2 ^ 53), 10000, "final messages to keep for queries; the oldest is removed first", "keep_final = 0" },
}

---@class smpp.MemoryOptions
---@field limit integer?       maximum of messages that are not final (100000)
---@field max_octets integer?  maximum size of all records (256 MiB)
---@field keep_final integer?  final messages to keep for queries (10000); the oldest is removed first, also at max_octets

-- ---- groups: records with the same values in some fields ----
-- The index of a group is built at its first query.

-- Most have one record: then its serial stands for the list.  Else a list of serials in order, from `first` to `last`;
-- those of records that are gone stay until they are many.
local function group_of(name, o) return { name = name, fields = o.fields, is_open = o.open, lists = nil } end

--- The key of a record in a group: its field values in one string.
local function place(group, record)
  local fields = group.fields
  local value = record[fields[1]] or ""
  for i = 2, #fields do value = value .. "\0" .. (record[fields[i]] or "") end
  return value
end

local function place_of_octets(group, octets)
  local fields = group.fields
  local value = field(octets, fields[1]) or ""
  for i = 2, #fields do value = value .. "\0" .. (field(octets, fields[i]) or "") end
  return value
end

local function enter(group, at, serial)
  local lists = group.lists
  local list = lists[at]
  if not list then
    lists[at] = serial
    return
  elseif type(list) == "number" then
    lists[at] = { first = 1, last = 2, live = 2, list, serial }
    return
  end
  local last = list.last + 1
  list.last, list.live, list[last] = last, list.live + 1, serial
end

--- Returns true if a record is still in a group.
local function is_member(kind, group, serial)
  local octets = kind.records[serial]
  return octets and not (group.is_open and kind.final[field(octets, "state")])
end

local function compact(kind, group, list)
  local n = 0
  for i = list.first, list.last do
    local serial = list[i]
    list[i] = nil
    if is_member(kind, group, serial) then
      n = n + 1
      list[n] = serial
    end
  end
  list.first, list.last = 1, n
end

--- Removes a record from a group.
local function leave(kind, group, octets)
  if not group.lists then return end
  local at = place_of_octets(group, octets)
  local list = group.lists[at]
  if type(list) == "number" then
    group.lists[at] = nil
    return
  end
  list.live = list.live - 1
  if list.live == 0 then
    group.lists[at] = nil
  elseif list.last - list.first > 2 * list.live + 32 then
    compact(kind, group, list)
  end
end

-- ---- kinds ----

local function new_kind(o)
  local kind = {
    final = o.final, age = o.age,
    records = {}, serials = {},    -- serial -> octets; key -> serial
    first = 1, last = 0, count = 0, -- serials in use
    open = 0,                      -- records that are not final
    ended = {}, ended_first = 1, ended_last = 0, -- serials of final ones, and of records that only expire, in that order
    groups = {},
  }
  for name, group in pairs(o.groups) do kind.groups[#kind.groups + 1] = group_of(name, group) end
  table.sort(kind.groups, function(a, b) return #a.fields > #b.fields end) -- the narrowest first, for queries
  return kind
end

--- Makes a store.
---@param o? smpp.MemoryOptions
---@return smpp.Store
function memory.open(o)
  o = memory.schema:fill(memory.schema:check(o))
  local self = setmetatable({
    limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final,
    octets = 0,
    kinds = {},
    readers = setmetatable({}, { __mode = "k" }), -- list of names -> what reads these fields
    new = {},                      -- octets that a commit is about to put, by the number of its change
  }, mt)
  for name, kind in pairs(kinds.kinds) do self.kinds[name] = new_kind(kind) end
  return self
end

--- Changes the limits.
---@param o smpp.MemoryOptions
function Memory:configure(o)
  for name, value in pairs(memory.schema:check(o)) do self[name] = value end
end

local function kind_of(self, name)
  return self.kinds[name] or error(("unknown kind of records '%s'"):format(tostring(name)), 3)
end

--- Removes a record.
local function remove(self, kind, serial, octets, key, is_final)
  kind.records[serial], kind.serials[key] = nil, nil
  kind.count = kind.count - 1
  self.octets = self.octets - #octets - RECORD_OCTETS
  if not is_final then kind.open = kind.open - 1 end
  for i = 1, #kind.groups do
    local group = kind.groups[i]
    if group.lists and not (is_final and group.is_open) then leave(kind, group, octets) end
  end
  if kind.count == 0 then
    kind.first = kind.last + 1
  elseif serial == kind.first then
    repeat serial = serial + 1 until kind.records[serial]
    kind.first = serial
  end
end

--- Removes the oldest final record.
local function forget_first(self, kind)
  local at = kind.ended_first
  local serial = kind.ended[at]
  kind.ended[at], kind.ended_first = nil, at + 1
  local octets = kind.records[serial]
  if octets then remove(self, kind, serial, octets, field(octets, "key"), kind.final ~= nil) end
end

local function note_end(self, kind, serial)
  kind.ended_last = kind.ended_last + 1
  kind.ended[kind.ended_last] = serial
  if not kind.final then return end
  while kind.ended_last - kind.ended_first + 1 > self.keep_final do forget_first(self, kind) end
end

-- ---- changes ----

--- Returns true if so many more octets fit; removes final messages if needed.
local function has_room(self, octets, max)
  local message = self.kinds.message
  while self.octets + octets > max do
    if message.ended_first > message.ended_last then return false end
    forget_first(self, message)
  end
  return true
end

local CONFLICT, GONE, DUPLICATE = "conflict: the record has another state", "conflict: unknown record", "duplicate key"

--- Validates a change: the error, or nil with the new octets in `self.new[i]`.
local function check(self, change, i)
  local kind, op = kind_of(self, change.kind), change.op
  if op == "add" then
    local record = change.record
    if type(record.key) ~= "string" then error("invalid record: expected a string as key", 0) end
    if kind.serials[record.key] then return DUPLICATE, "duplicate" end
    local octets = write(record, change.pdu)
    self.new[i] = octets
    return nil, nil, #octets + RECORD_OCTETS, kind.final and not kind.final[record.state] and 1
  end
  local serial = kind.serials[change.key]
  if not serial then return GONE, "conflict" end
  local octets = kind.records[serial]
  if change.from and field(octets, "state") ~= change.from then return CONFLICT, "conflict" end
  if op == "remove" then return nil, nil, 0 end
  if op ~= "change" then error(("op: expected add, change or remove, got %s"):format(tostring(op)), 0) end
  local new = change_octets(octets, change.set, change.clear)
  self.new[i] = new
  return nil, nil, #new - #octets
end

local function add(self, kind, record, octets)
  local serial = kind.last + 1
  kind.last, kind.count = serial, kind.count + 1
  kind.records[serial], kind.serials[record.key] = octets, serial
  self.octets = self.octets + #octets + RECORD_OCTETS
  local is_final = kind.final and kind.final[record.state]
  if not is_final then kind.open = kind.open + 1 end
  for i = 1, #kind.groups do
    local group = kind.groups[i]
    if group.lists and not (is_final and group.is_open) then enter(group, place_of_octets(group, octets), serial) end
  end
  if is_final or (kind.age and not kind.final) then note_end(self, kind, serial) end
end

--- Stores a record's new octets, and indexes it if it has become final.
local function replace(self, kind, serial, octets, change)
  local old, final = kind.records[serial], kind.final
  kind.records[serial] = octets
  self.octets = self.octets + #octets - #old
  if not final or not final[change.set.state or field(octets, "state")] or final[change.from or field(old, "state")] then return end
  kind.open = kind.open - 1
  for i = 1, #kind.groups do
    if kind.groups[i].is_open then leave(kind, kind.groups[i], octets) end
  end
  note_end(self, kind, serial)
end

local function apply(self, change, octets)
  local kind = self.kinds[change.kind]
  if change.op == "add" then return add(self, kind, change.record, octets) end
  local serial = kind.serials[change.key]
  if not serial then return end -- it was final, and was removed to make room for an earlier change of this commit
  if change.op == "change" then return replace(self, kind, serial, octets, change) end
  local old = kind.records[serial]
  remove(self, kind, serial, old, change.key, kind.final and kind.final[field(old, "state")])
end

--- Makes all changes, or none.  Each key may be in them once.
function Memory:commit(changes, done, context)
  local octets, messages = 0, 0
  for i = 1, #changes do
    local message, code, more, opens = check(self, changes[i], i)
    if message then return done(nil, message, code, context) end
    octets, messages = octets + more, messages + (opens or 0)
  end
  if messages > 0 and self.kinds.message.open + messages > self.limit then
    return done(nil, ("store full: %d messages are queued, limit %d"):format(self.kinds.message.open, self.limit), "queue_full", context)
  end
  if octets > 0 then
    local max = messages > 0 and self.max_octets or self.max_octets * RESERVE
    if self.octets + octets > max and not has_room(self, octets, max) then
      return done(nil, ("store full: %d octets, limit %d"):format(self.octets, self.max_octets), "queue_full", context)
    end
  end
  for i = 1, #changes do apply(self, changes[i], self.new[i]) end
  return done(true, nil, nil, context)
end

-- ---- reading ----

local function record_of(kind, serial, read_fields)
  local record = (read_fields or read)(kind.records[serial])
  record.serial = serial
  return record
end

function Memory:get(name, key, done, context, names)
  local kind = kind_of(self, name)
  local serial = kind.serials[key]
  if not serial then return done(nil, GONE, "missing", context) end
  local read_fields = names and self.readers[names]
  if names and not read_fields then
    read_fields = reader(names)
    self.readers[names] = read_fields
  end
  return done(record_of(kind, serial, read_fields), nil, nil, context)
end

local function build(kind, group)
  group.lists = {}
  for serial = kind.first, kind.last do
    if is_member(kind, group, serial) then enter(group, place_of_octets(group, kind.records[serial]), serial) end
  end
end

--- The group that a query names the fields of.
local function group_for(kind, query)
  for i = 1, #kind.groups do
    local group, fits = kind.groups[i], true
    for j = 1, #group.fields do fits = fits and query[group.fields[j]] ~= nil end
    if fits and (not group.is_open or query.open) then
      if not group.lists then build(kind, group) end
      return group
    end
  end
end

--- The serials to search for a query: list, first and last position; the list is nil for a whole kind.
local function range(kind, query)
  local group = group_for(kind, query)
  if not group then return nil, kind.first, kind.last end
  local list = group.lists[place(group, query)]
  if not list then return {}, 1, 0 end
  if type(list) == "number" then return { list }, 1, 1 end
  return list, list.first, list.last
end

--- The first position in a list with a serial above the given one.
local function above(list, first, last, serial)
  local low, high = first, last + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle] > serial then high = middle else low = middle + 1 end
  end
  return low
end

function Memory:find(query, done, context)
  local kind = kind_of(self, query.kind)
  local list, first, last = range(kind, query)
  local after, found, limit = query.after, {}, query.limit or 100
  if after and query.newest then
    last = list and above(list, first, last, after - 1) - 1 or math.min(last, after - 1)
  elseif after then
    first = list and above(list, first, last, after) or math.max(first, after + 1)
  end
  local from, to, step = first, last, 1
  if query.newest then from, to, step = last, first, -1 end
  for i = from, to, step do
    local serial = list and list[i] or i
    local octets = kind.records[serial]
    if octets and not (query.open and kind.final and kind.final[field(octets, "state")]) then
      found[#found + 1] = record_of(kind, serial)
      if #found >= limit then break end
    end
  end
  return done(found, nil, nil, context)
end

--- Removes final messages, and other records that expire, older than `before`.
function Memory:discard(name, before, done, context)
  local kind = kind_of(self, name)
  while kind.ended_first <= kind.ended_last do
    local octets = kind.records[kind.ended[kind.ended_first]]
    if octets and (field(octets, kind.age) or 0) >= before then break end
    forget_first(self, kind)
  end
  return done(true, nil, nil, context)
end

--- The number of messages that are not final, and the octets of all records.
---@return integer open
---@return integer octets
function Memory:load() return self.kinds.message.open, self.octets end

function Memory:close(done, context)
  if done then return done(true, nil, nil, context) end
end

return memory
