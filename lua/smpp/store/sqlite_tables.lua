--- The tables of a store in SQLite, and what each call does to them.  Runs in the thread that owns the database, or where
--- there is no thread in the caller's.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local sqlite = require "smpp.sqlite"

local tables = {}

tables.VERSION = 1 -- of the schema: PRAGMA user_version

local codec = core.record(kinds.names)
local field, read, change_octets = codec.field, codec.read, codec.change

local RECORD_OCTETS = 160 -- approximate size of a record besides its octets, as of the store in memory
local RESERVE = 1.1       -- changes that finish messages are accepted up to this multiple of max_octets

---@class smpp.SqliteTables
local Tables = {}
local mt = { __index = Tables, __name = "smpp.SqliteTables" }

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local NAMES = sorted(kinds.kinds)

--- The columns of a kind's groups, each once, in order.
local function columns_of(kind)
  local set = {}
  for _, group in pairs(kind.groups) do
    for _, name in ipairs(group.fields) do set[name] = true end
  end
  return sorted(set)
end

--- Column names in quotes: "group" is a word of SQL.
local function quoted(name) return '"' .. name .. '"' end

--- The statements that make the tables of version 1.
local function schema_of()
  local list = {}
  for _, name in ipairs(NAMES) do
    local kind = kinds.kinds[name]
    local columns = {}
    for i, column in ipairs(columns_of(kind)) do columns[i] = quoted(column) .. " TEXT, " end
    list[#list + 1] = ("CREATE TABLE %s (serial INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, state TEXT, %sfinal INTEGER NOT NULL, "
      .. "age REAL, ended INTEGER, record BLOB NOT NULL)"):format(name, table.concat(columns))
    for _, group in ipairs(sorted(kind.groups)) do
      local fields = {}
      for i, one in ipairs(kind.groups[group].fields) do fields[i] = quoted(one) end
      list[#list + 1] = ("CREATE INDEX %s_%s ON %s (%s, serial)%s"):format(name, group, name, table.concat(fields, ", "),
        kind.groups[group].open and " WHERE final = 0" or "")
    end
    if kind.final then
      list[#list + 1] = ("CREATE INDEX %s_open ON %s (serial) WHERE final = 0"):format(name, name)
      list[#list + 1] = ("CREATE INDEX %s_ended ON %s (ended) WHERE final = 1"):format(name, name)
    end
    if kind.age then list[#list + 1] = ("CREATE INDEX %s_age ON %s (age)"):format(name, name) end
  end
  list[#list + 1] = "PRAGMA user_version = " .. tables.VERSION
  return list
end

local function prepare(self, sql)
  local statement = self.statements[sql]
  if not statement then
    local message
    statement, message = self.db:prepare(sql)
    if not statement then error(message, 0) end
    self.statements[sql] = statement
  end
  return statement
end

--- A result, or an error raised.
local function must(result, message, ...)
  if result == nil and message ~= nil then error(message, 0) end
  return result, message, ...
end

local function migrate(self)
  local db = self.db
  local version = prepare(self, "PRAGMA user_version"):row()
  if version > tables.VERSION then
    error(("schema version %d is newer than this program's (%d)"):format(version, tables.VERSION), 0)
  end
  if version == tables.VERSION then return end
  must(db:exec "BEGIN IMMEDIATE")
  for _, sql in ipairs(schema_of()) do
    local ok, message = db:exec(sql)
    if not ok then
      db:exec "ROLLBACK"
      error(message, 0)
    end
  end
  must(db:exec "COMMIT")
end

--- Removes the indexes of messages by their addresses.  Where millions wait, each message has pages of these of its own to change, which are
--- most of the work of adding it; `find` needs none of them.
local function remove_indexes(self)
  for _, group in ipairs(sorted(kinds.kinds.message.groups)) do must(self.db:exec("DROP INDEX IF EXISTS message_" .. group)) end
end

--- Opens the database; raises with a message.
---@param path string
---@param o { limit: number?, max_octets: number?, keep_final: number?, by_address: boolean? }
---@return smpp.SqliteTables
function tables.open(path, o)
  local db, message = sqlite.open(path)
  if not db then error(message, 0) end
  local self = setmetatable({
    db = db, statements = {},
    limit = o.limit or math.huge, max_octets = o.max_octets or math.huge, keep_final = o.keep_final or math.huge,
    open = 0, final = 0, octets = 0, ended = 0, -- messages that are not final, final ones; octets of all records; the last end
  }, mt)
  db:busy(10000)
  must(db:exec "PRAGMA journal_mode = WAL")
  must(db:exec "PRAGMA synchronous = FULL")
  migrate(self)
  if o.by_address == false then remove_indexes(self) end
  self:count()
  return self
end

--- Counts what the limits are about, at the start and after a transaction that failed; without limits nothing, since it reads all records.
function Tables:count()
  self.octets, self.open, self.final = 0, 0, 0
  if self.max_octets < math.huge then
    for _, name in ipairs(NAMES) do
      local records, octets = must(prepare(self, ("SELECT count(*), coalesce(sum(length(record)), 0) FROM %s"):format(name)):row())
      self.octets = self.octets + octets + records * RECORD_OCTETS
    end
  end
  if self.limit < math.huge then self.open = must(prepare(self, "SELECT count(*) FROM message WHERE final = 0"):row()) end
  if self.max_octets < math.huge or self.keep_final < math.huge then
    self.final = must(prepare(self, "SELECT count(*) FROM message WHERE final = 1"):row())
  end
  self.ended = must(prepare(self, "SELECT coalesce(max(ended), 0) FROM message WHERE final = 1"):row())
end

-- ---- changes ----

local COLUMNS, FIND, DELETE, DELETE_KEY = {}, {}, {}, {} -- by the name of a kind
for _, name in ipairs(NAMES) do
  COLUMNS[name] = columns_of(kinds.kinds[name])
  FIND[name] = ("SELECT serial, record FROM %s WHERE key = ?"):format(name)
  DELETE[name] = ("DELETE FROM %s WHERE serial = ?"):format(name)
  DELETE_KEY[name] = ("DELETE FROM %s WHERE key = ?"):format(name)
end

local function found(self, change)
  local serial, octets = must(prepare(self, FIND[change.kind]):row(change.key))
  return serial, octets
end

--- Removes the oldest final messages.
local function forget(self, count)
  if count <= 0 then return 0 end
  local rows = must(prepare(self, "SELECT serial, length(record) FROM message WHERE final = 1 ORDER BY ended LIMIT ?"):all(count))
  for i = 1, #rows, 2 do
    must(prepare(self, "DELETE FROM message WHERE serial = ?"):run(rows[i]))
    self.octets = self.octets - rows[i + 1] - RECORD_OCTETS
  end
  self.final = self.final - #rows / 2
  return #rows / 2
end

local function has_room(self, more, most)
  while self.octets + more > most do
    if forget(self, 1) == 0 then return false end
  end
  return true
end

--- What a commit needs, before anything is changed: nil, message, code where it cannot be.
local function check(self, changes)
  local more, opens, closes = 0, 0, false
  for _, change in ipairs(changes) do
    local kind = kinds.kinds[change.kind]
    if change.op == "add" then
      if found(self, change) then return nil, "duplicate key", "duplicate" end
      more = more + #change.octets + RECORD_OCTETS
      if change.kind == "message" and not kind.final[field(change.octets, "state")] then opens = opens + 1 end
    else
      local serial, octets = found(self, change)
      if not serial then return nil, "conflict: unknown record", "conflict" end
      local state = field(octets, "state")
      if change.from and state ~= change.from then return nil, "conflict: the record has another state", "conflict" end
      change.serial, change.old, change.was_final = serial, octets, kind.final and kind.final[state] or false
      if change.op == "change" then
        change.octets = change_octets(octets, change.set, change.clear)
        more = more + #change.octets - #octets
        if change.kind == "message" and not change.was_final and kind.final[field(change.octets, "state")] then closes = true end
      end
    end
  end
  if self.open + opens > self.limit and opens > 0 then return nil, ("%d messages are stored (limit)"):format(self.open), "queue_full" end
  if more > 0 and not has_room(self, more, self.max_octets * ((closes or opens == 0) and RESERVE or 1)) then
    return nil, "the store is full (max_octets)", "queue_full"
  end
  return true
end

--- The values of the columns of a record.
local function values_of(self, name, kind, octets)
  local list, columns = { field(octets, "key"), field(octets, "state") }, COLUMNS[name]
  local n = 2
  for i = 1, #columns do
    n = n + 1
    list[n] = field(octets, columns[i])
  end
  local final = kind.final and kind.final[field(octets, "state")] and 1 or 0
  if final == 1 then self.ended = self.ended + 1 end
  list[n + 1], list[n + 2], list[n + 3], list[n + 4] = final, kind.age and field(octets, kind.age), final == 1 and self.ended or nil, octets
  return list, n + 4
end

local unpack = table.unpack or unpack -- luacheck: compat

local INSERT, INSERT_NEW, UPDATE = {}, {}, {}
for _, name in ipairs(NAMES) do
  local columns = { "key", "state" }
  for _, column in ipairs(columns_of(kinds.kinds[name])) do columns[#columns + 1] = quoted(column) end
  local marks = ("?, "):rep(#columns)
  INSERT[name] = ("INSERT INTO %s (%s, final, age, ended, record) VALUES (%s?, ?, ?, CAST(? AS BLOB))"):format(name,
    table.concat(columns, ", "), marks)
  INSERT_NEW[name] = INSERT[name] .. " ON CONFLICT (key) DO NOTHING"
  UPDATE[name] = ("UPDATE %s SET state = ?, final = ?, age = ?, ended = coalesce(ended, ?), record = CAST(? AS BLOB) "
    .. "WHERE serial = ?"):format(name)
end

local function apply(self, change)
  local name = change.kind
  local kind = kinds.kinds[name]
  if change.op == "add" then
    local list, n = values_of(self, name, kind, change.octets)
    must(prepare(self, INSERT[name]):run(unpack(list, 1, n)))
    self.octets = self.octets + #change.octets + RECORD_OCTETS
    if name == "message" then
      if list[n - 3] == 1 then self.final = self.final + 1 else self.open = self.open + 1 end
    end
    return
  end
  if change.op == "remove" then
    must(prepare(self, DELETE[name]):run(change.serial))
    self.octets = self.octets - #change.old - RECORD_OCTETS
    if name == "message" then
      if change.was_final then self.final = self.final - 1 else self.open = self.open - 1 end
    end
    return
  end
  local octets = change.octets
  local state = field(octets, "state")
  local final = kind.final and kind.final[state] and 1 or 0
  local ends = final == 1 and not change.was_final
  if ends then self.ended = self.ended + 1 end
  must(prepare(self, UPDATE[name]):run(state, final, kind.age and field(octets, kind.age), ends and self.ended or nil, octets, change.serial))
  self.octets = self.octets + #octets - #change.old
  if name == "message" and ends then self.open, self.final = self.open - 1, self.final + 1 end
end

local call = {}

local DONE = { ok = true }

--- Does a limit have to be looked at when a record is added?
local function is_limited(self, name)
  return self.max_octets < math.huge or (name == "message" and (self.limit < math.huge or self.keep_final < math.huge))
end

--- Adds a record where no limit is, without a search for its key; false: there is one with its key.
local function insert(self, name, octets)
  local list, n = values_of(self, name, kinds.kinds[name], octets)
  return must(prepare(self, INSERT_NEW[name]):run(unpack(list, 1, n))) ~= 0
end

--- Adds one record.
function call.add(self, job)
  local name = job.kind
  if is_limited(self, name) then
    return call.commit(self, { changes = { { op = "add", kind = name, key = field(job.octets, "key"), octets = job.octets } } })
  end
  return insert(self, name, job.octets) and DONE or { ok = false, message = "duplicate key", code = "duplicate" }
end

--- Adds several records, or none: the list has their kinds and octets by turns.
function call.adds(self, job)
  local list, limited = job.list, false
  for i = 1, #list, 2 do limited = limited or is_limited(self, list[i]) end
  if limited then
    local changes = {}
    for i = 1, #list, 2 do changes[#changes + 1] = { op = "add", kind = list[i], key = field(list[i + 1], "key"), octets = list[i + 1] } end
    return call.commit(self, { changes = changes })
  end
  for i = 1, #list, 2 do
    if not insert(self, list[i], list[i + 1]) then
      for k = 1, i - 1, 2 do must(prepare(self, DELETE_KEY[list[k]]):run(field(list[k + 1], "key"))) end
      return { ok = false, message = "duplicate key", code = "duplicate" }
    end
  end
  return DONE
end

local one = { changes = {} }

function call.change(self, job)
  one.changes[1] = job.change
  return call.commit(self, one)
end

function call.commit(self, job)
  local ok, message, code = check(self, job.changes)
  if not ok then return { ok = false, message = message, code = code } end
  for _, change in ipairs(job.changes) do apply(self, change) end
  forget(self, self.final - self.keep_final)
  return DONE
end

function call.get(self, job)
  local serial, octets = found(self, job)
  if not serial then return { ok = false, message = "unknown key", code = "missing" } end
  return { ok = true, serials = { serial }, octets = { octets } }
end

--- The group of a kind that a query names: the one with the most of its fields.
local function group_of(kind, query)
  local best
  for _, name in ipairs(sorted(kind.groups)) do
    local group = kind.groups[name]
    local has = not group.open or query.open
    for _, one in ipairs(group.fields) do has = has and query[one] ~= nil end
    if has and (not best or #group.fields > #best.fields) then best = group end
  end
  return best
end

function call.find(self, job)
  local query = job.query
  local kind = kinds.kinds[query.kind]
  local where, values, n = {}, {}, 0
  local group = group_of(kind, query)
  for _, name in ipairs(group and group.fields or {}) do
    n = n + 1
    where[#where + 1], values[n] = quoted(name) .. " = ?", query[name]
  end
  if query.open then where[#where + 1] = "final = 0" end
  if query.after then
    n = n + 1
    where[#where + 1], values[n] = query.newest and "serial < ?" or "serial > ?", query.after
  end
  n = n + 1
  values[n] = query.limit or 100
  local rows = must(prepare(self, ("SELECT serial, record FROM %s%s ORDER BY serial%s LIMIT ?"):format(query.kind,
    where[1] and " WHERE " .. table.concat(where, " AND ") or "", query.newest and " DESC" or "")):all(unpack(values, 1, n)))
  local serials, octets = {}, {}
  for i = 1, #rows, 2 do serials[(i + 1) / 2], octets[(i + 1) / 2] = rows[i], rows[i + 1] end
  return { ok = true, serials = serials, octets = octets }
end

tables.DISCARD = 1000 -- records that a discard removes in one transaction, so that commits which come meanwhile do not wait for all of it

--- Removes some old records: `more`, whether there may be others.
function call.discard(self, job)
  local name, kind = job.kind, kinds.kinds[job.kind]
  local old = ("FROM %s WHERE age < ?%s ORDER BY age, serial LIMIT %d"):format(name, kind.final and " AND final = 1" or "", tables.DISCARD)
  if self.max_octets < math.huge or self.keep_final < math.huge then
    local sum = ("SELECT count(*), coalesce(sum(length(record)), 0) FROM (SELECT record %s)"):format(old)
    local records, octets = must(prepare(self, sum):row(job.before))
    self.octets = self.octets - octets - records * RECORD_OCTETS
    if name == "message" then self.final = self.final - records end
  end
  local count = must(prepare(self, ("DELETE FROM %s WHERE serial IN (SELECT serial %s)"):format(name, old)):run(job.before))
  return count == tables.DISCARD and { ok = true, more = true } or DONE
end

--- A job that was sent as octets: a letter, the number of the call, a zero octet, and behind it for
---   A  a kind, a zero octet and a record to add
---   M  for each of several records its kind, a zero octet, its length, a zero octet, and the record
---   C  a change, as codec.write makes it
---   J  a job, as codec.write makes it
---@param octets string
---@return table
function Tables.job(octets)
  local form, stop = octets:sub(1, 1), octets:find("\0", 1, true)
  local number = tonumber(octets:sub(2, stop - 1))
  local job
  if form == "A" then
    local last = octets:find("\0", stop + 1, true)
    job = { op = "add", kind = octets:sub(stop + 1, last - 1), octets = octets:sub(last + 1) }
  elseif form == "M" then
    job = { op = "adds", list = {} }
    local n, from, size = 0, stop + 1, #octets
    while from <= size do
      local last = octets:find("\0", from, true)
      local start = octets:find("\0", last + 1, true) + 1
      local length = tonumber(octets:sub(last + 1, start - 2))
      job.list[n + 1], job.list[n + 2] = octets:sub(from, last - 1), octets:sub(start, start + length - 1)
      n, from = n + 2, start + length
    end
  elseif form == "C" then
    job = { op = "change", change = must(read(octets:sub(stop + 1))) }
  else
    job = must(read(octets:sub(stop + 1)))
  end
  job.number = number
  return job
end

--- Does several jobs in one transaction; all fail when it cannot be committed.
---@param jobs table[]
---@return table[] results  { ok, message, code, serials, octets } each
function Tables:perform(jobs)
  local results = {}
  local done, message = pcall(function()
    must(self.db:exec "BEGIN IMMEDIATE")
    for i, job in ipairs(jobs) do results[i] = call[job.op](self, job) end
    must(self.db:exec "COMMIT")
  end)
  if done then return results end
  self.db:exec "ROLLBACK"
  pcall(self.count, self)
  if #jobs > 1 then -- one by one: those that can be done are
    for i, job in ipairs(jobs) do results[i] = self:perform({ job })[1] end
    return results
  end
  return { { ok = false, message = tostring(message), code = "store_failed" } }
end

--- Closes the database.
function Tables:close()
  for _, statement in pairs(self.statements) do statement:close() end
  self.statements = {}
  self.db:close()
end

--- What the thread does: opens the database, then performs what is sent together in one transaction.
---@param channel { take: (fun(): string[]?), give: fun(octets: string) }
---@param path string
---@param options string  as codec.write makes them
function tables.serve(channel, path, options)
  local opened, self = pcall(tables.open, path, read(options))
  channel.give(codec.write { opened = opened, message = not opened and tostring(self) or nil })
  if not opened then return end
  while true do
    local list = channel.take()
    if not list then break end
    local jobs = {}
    for i, octets in ipairs(list) do jobs[i] = Tables.job(octets) end
    local results, done, n, first, last = self:perform(jobs), {}, 0, nil, nil
    local function tell_done()
      if first then done[n + 1], n = ("%.0f-%.0f"):format(first, last), n + 1 end
      if n > 0 then channel.give("D" .. table.concat(done, " ", 1, n)) end -- in the order of the calls
      n, first = 0, nil
    end
    for i, result in ipairs(results) do
      local number = jobs[i].number
      if result ~= DONE then
        tell_done()
        result.number = number
        channel.give(codec.write(result))
      elseif first and number == last + 1 then
        last = number
      else
        if first then done[n + 1], n = ("%.0f-%.0f"):format(first, last), n + 1 end
        first, last = number, number
      end
    end
    tell_done()
  end
  self:close()
end

return tables
