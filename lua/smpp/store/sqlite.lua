--- A store in SQLite.  A thread owns the database: it takes what was sent while it committed, and commits that together
--- (WAL, synchronous = FULL); the loop is told through a pipe.  On a loop that cannot poll, as the virtual one, calls complete
--- before they return.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local loops = require "smpp.loop"
local option = require "smpp.base.kind"
local schema = require "smpp.base.schema"

local concat = table.concat

local store = {}

local PLAIN = ("D"):byte() -- an answer that is numbers of calls, "first-last first-last …": they are done

local HEADS = {} -- kind -> what stands before a record to add
for name in pairs(kinds.kinds) do HEADS[name] = name .. "\0" end

local codec = core.record(kinds.names)
local write, read = codec.write, codec.read

local Store = { takes_pdus = true }
local mt = { __index = Store, __name = "smpp.store.sqlite" }

local whole = option.integer(1, 2 ^ 53)

--- Its options.
store.schema = schema.new {
  { "path", "string", nil, "the file; it is made if it is missing", 'path = "messages.db"', required = true },
  { "limit", whole, nil, "maximum of messages that are not final", "limit = 1000", default_text = "no limit" },
  { "max_octets", option.with_unit("octets", whole), nil, "maximum size of all records", "max_octets = 1048576", default_text = "no limit" },
  { "keep_final", option.integer(0, 2 ^ 53), nil, "final messages to keep for queries; the oldest is removed first", "keep_final = 0",
    default_text = "all, until `discard`" },
  { "by_address", "boolean", nil, "false: without indexes of messages by their addresses, also where a file has them: `find` by addresses reads all",
    "by_address = false", default_text = "true for a new file" },
  { "exclusive", "boolean", false, "refused where another process has opened it so; a lock on the file PATH-lock, which ends with the process",
    "exclusive = true" },
  { "threads", "boolean", nil, "false: without a thread, each call completes before it returns", "threads = false",
    default_text = "true where the loop can poll" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}

local CODE = [[
local channel, path, cpath, file, options = ...
package.path, package.cpath = path, cpath
require("smpp.store.sqlite_tables").serve(channel, file, options)
]]

local function missing() return nil, "SQLite support is not installed (rock smpp-sqlite)", "store_failed" end

local function start_thread(self, sqlite, options)
  local worker, message = sqlite.worker(CODE, package.path, package.cpath, self.path, options)
  if not worker then return nil, message end
  self.worker = worker
  while true do -- the answer to the opening: it is short
    local list = worker:receive()
    if list[1] then
      local answer = read(list[1])
      if answer.opened then break end
      worker:stop()
      return nil, answer.message
    end
    local running, why = worker:wait(30000)
    if not running then return nil, why end
  end
  self.poll = self.loop:watch(worker:fd(), function() self:answered() end)
  return true
end

local BUSY = 5 -- SQLITE_BUSY

--- Locks a database for this process alone; others may read it and change it, but not take the lock.
local function lock_of(sqlite, path)
  local db, message = sqlite.open(path .. "-lock")
  if not db then return nil, message end
  db:busy(0)
  db:exec "PRAGMA journal_mode = OFF" -- nothing is written: a full disk does not keep a gateway from starting
  local ok, why, code = db:exec "BEGIN EXCLUSIVE"
  if ok then return db end
  db:close()
  return nil, code == BUSY and "another process uses it (a gateway?)" or "lock: " .. why
end

--- Opens a database; makes it if it is missing.
---@param o { path: string, limit: integer?, max_octets: integer?, keep_final: integer?, by_address: boolean?, exclusive: boolean?,
---  threads: boolean?, loop: smpp.Loop? }
---@return smpp.Store? store
---@return string? message
---@return string? code  "store_failed"
function store.open(o)
  o = store.schema:check(o)
  local has, sqlite = pcall(require, "smpp.sqlite")
  if not has then return missing() end
  local loop = o.loop or loops.current()
  local self = setmetatable({
    path = o.path, loop = loop,
    limits = { limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final, by_address = o.by_address },
    worker = nil, poll = nil,     -- the thread, and what waits for its answers
    tables = nil,                 -- without a thread: smpp.store.sqlite_tables
    lock = nil,
    number = 0, waiting = {},     -- calls without an answer: number -> { done, context, what }
    pending = 0,                  -- how many
    unsent = {}, unsent_count = 0, -- jobs of this turn of the loop: the thread gets, and commits, them together
    flush_deferred = nil,
    closed = false,
  }, mt)
  self.flush_deferred = function() self:flush() end
  local ok, message
  if o.exclusive then
    self.lock, message = lock_of(sqlite, o.path)
    if not self.lock then return nil, ("%s: %s"):format(o.path, message), "store_failed" end
  end
  if o.threads == false or not loop.watch then
    ok, message = pcall(function() self.tables = require("smpp.store.sqlite_tables").open(o.path, self.limits) end)
  else
    ok, message = start_thread(self, sqlite, write(self.limits))
  end
  if not ok then
    if self.lock then self.lock:close() end
    return nil, ("%s: %s"):format(o.path, tostring(message)), "store_failed"
  end
  return self
end

--- Records as callers get them: with their serials; nil, message: one is malformed.
local function records_of(result)
  local list = {}
  for i, serial in ipairs(result.serials) do
    local record, message = read(result.octets[i])
    if not record then return nil, message end
    record.serial, list[i] = serial, record
  end
  return list
end

--- Gives a result to whoever called.
local function complete(entry, result)
  local done, context = entry.done, entry.context
  if not result.ok then return done(nil, result.message, result.code, context) end
  if result.serials then
    local list, message = records_of(result)
    if not list then return done(nil, message, "store_failed", context) end
    return done(entry.what == "get" and list[1] or list, nil, nil, context)
  end
  done(true, nil, nil, context, result.more)
end

local function nothing() end

--- Sends a job; what it is made of is written before this returns.
---@param form string     smpp.store.sqlite_tables.forms
---@param kind string     of an addition, and a zero octet; else ""
---@param payload string
local function send(self, what, form, kind, payload, done, context)
  local entry = { done = done or nothing, context = context, what = what }
  if self.closed then return complete(entry, { ok = false, message = "the store is closed", code = "store_failed" }) end
  local number = self.number + 1
  self.number = number
  local octets = form .. number .. "\0" .. kind .. payload -- Lua 5.1 formats no strings with zeros
  if self.tables then return complete(entry, self.tables:perform({ self.tables.job(octets) })[1]) end
  self.waiting[number], self.pending = entry, self.pending + 1
  if self.pending == 1 then self.loop:hold() end
  local n = self.unsent_count + 1
  self.unsent[n], self.unsent_count = octets, n
  if n == 1 then self.loop:defer(self.flush_deferred) end
end

--- Sends the thread the jobs of this turn.
---@private
function Store:flush()
  local n = self.unsent_count
  if n == 0 or self.closed then return end
  self.unsent_count = 0
  self.worker:send(self.unsent, n)
end

local function ask(self, job, done, context) return send(self, job.op, "J", "", write(job), done, context) end

local DONE = { ok = true }

--- Gives the result of a call to its caller.
local function answer(self, number, result)
  local entry = self.waiting[number]
  self.waiting[number], self.pending = nil, self.pending - 1
  if self.pending == 0 then self.loop:release() end
  local ok, err = pcall(complete, entry, result)
  if not ok then self.loop.on_error(debug.traceback(tostring(err)), err) end
end

---@private
function Store:answered()
  local list = self.worker:receive()
  for i = 1, #list do
    local octets = list[i]
    if octets:byte() == PLAIN then
      for first, last in octets:gmatch "(%d+)%-(%d+)" do
        for number = tonumber(first), tonumber(last) do answer(self, number, DONE) end
      end
    else
      local result = read(octets)
      answer(self, result.number, result)
    end
  end
end

--- Several additions as octets: of each its kind, a zero octet, the length of the record, a zero octet, the record; nil: there is another change.
local function additions(changes, count)
  local list, n = {}, 0
  for i = 1, count do
    local change = changes[i]
    local head, record = HEADS[change.kind], change.record
    if change.op ~= "add" or not head or type(record.key) ~= "string" then return nil end
    local octets = write(record, change.pdu)
    list[n + 1], list[n + 2], list[n + 3], list[n + 4] = head, #octets, "\0", octets
    n = n + 4
  end
  return concat(list, "", 1, n)
end

--- See docs/store.md.
---@param changes smpp.Change[]
---@param done? fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:commit(changes, done, context)
  local count, one = #changes, changes[1]
  local name = one and one.kind
  if count == 1 and kinds.kinds[name] then -- most commits
    if one.op == "add" and type(one.record.key) == "string" then
      return send(self, "commit", "A", HEADS[name], write(one.record, one.pdu), done, context)
    elseif one.op == "change" then
      return send(self, "commit", "C", "", write(one), done, context)
    end
  elseif count > 1 then
    local octets = additions(changes, count)
    if octets then return send(self, "commit", "M", "", octets, done, context) end
  end
  local list = {}
  for i = 1, count do
    local change = changes[i]
    local op, kind = change.op, kinds.kinds[change.kind]
    if not kind then error(("unknown kind of records '%s'"):format(tostring(change.kind)), 2) end
    if op == "add" then
      local record = change.record
      if type(record.key) ~= "string" then error("invalid record: expected a string as key", 2) end
      list[i] = { op = op, kind = change.kind, key = record.key, octets = write(record, change.pdu) }
    elseif op == "change" or op == "remove" then
      list[i] = { op = op, kind = change.kind, key = change.key, from = change.from, set = change.set, clear = change.clear }
    else
      error(("op: expected add, change or remove, got %s"):format(tostring(op)), 2)
    end
  end
  ask(self, { op = "commit", changes = list }, done, context)
end

--- See docs/store.md.
---@param kind string
---@param key string
---@param done fun(record: table?, message: string?, code: string?, context: any)
---@param context any
function Store:get(kind, key, done, context)
  if not kinds.kinds[kind] then error(("unknown kind of records '%s'"):format(tostring(kind)), 2) end
  ask(self, { op = "get", kind = kind, key = key }, done, context)
end

--- See docs/store.md.
---@param query smpp.Query
---@param done fun(list: table[]?, message: string?, code: string?, context: any)
---@param context any
function Store:find(query, done, context)
  if not kinds.kinds[query.kind] then error(("unknown kind of records '%s'"):format(tostring(query.kind)), 2) end
  ask(self, { op = "find", query = query }, done, context)
end

--- See docs/store.md.  Removes a page at a time: what is called meanwhile comes between.
---@param kind string
---@param before number
---@param done? fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:discard(kind, before, done, context)
  if not kinds.kinds[kind] then error(("unknown kind of records '%s'"):format(tostring(kind)), 2) end
  local job, is_asking, is_next = { op = "discard", kind = kind, before = before }, false, true
  local function next_page()
    if is_asking then return end -- without a thread the answer comes before `ask` returns
    is_asking = true
    while is_next do
      is_next = false
      ask(self, job, function(ok, message, code, _, more)
        if ok and more then
          is_next = true
          next_page()
        elseif done then
          done(ok, message, code, context)
        end
      end)
    end
    is_asking = false
  end
  next_page()
end

--- Waits for what was committed, and closes.
---@param done? fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:close(done, context)
  if not self.closed then
    if self.worker then self:flush() end
    self.closed = true
    if self.tables then
      self.tables:close()
    else
      self.worker:stop()
      self:answered()
      self.poll:close()
    end
    if self.lock then self.lock:close() end
  end
  if done then done(true, nil, nil, context) end
end

return store
