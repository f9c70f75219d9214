--- A store in one file: the store in memory, and a log of its commits, which is read again at the next start.
---
--- Each commit is one entry: its length, its octets, its length again.  An entry that is torn, because the process was killed
--- while it was written, is the last and is dropped.  When the log has grown to several times what is still needed, it is written
--- anew beside the old one, and takes its name.  A lock on FILE-lock keeps others out.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local memory = require "smpp.store.memory"
local option = require "smpp.base.kind"
local schema = require "smpp.base.schema"

local file = {}

local File = {}
local mt = { __index = File, __name = "smpp.store.file" }

local MAGIC = "smpp store 1\n"
local BATCH = 500 -- records of an entry of a log that is written anew

local codec = core.record(kinds.names)

--- Its options: those of the store in memory, too.
file.schema = schema.new(memory.schema, {
  { "path", "string", nil, "the file; it is made if it is missing", 'path = "messages.log"', required = true },
  { "compact_octets", option.integer(1), 4 * 1024 * 1024, "the log is written anew when it is this large and four times what is needed",
    "compact_octets = 65536" },
})

local function length_of(count)
  return string.char(math.floor(count / 16777216) % 256, math.floor(count / 65536) % 256, math.floor(count / 256) % 256, count % 256)
end

local function entry(record)
  local octets = codec.write(record)
  local length = length_of(#octets)
  return length .. octets .. length
end

--- The entries of a log, and how many octets of it are whole.
local function entries(handle)
  local good = #MAGIC
  return function()
    local head = handle:read(4)
    if not head or #head < 4 then return nil, good end
    local a, b, c, d = head:byte(1, 4)
    local count = ((a * 256 + b) * 256 + c) * 256 + d
    local octets = handle:read(count)
    local tail = handle:read(4)
    if not octets or #octets < count or tail ~= head then return nil, good end
    good = good + count + 8
    local ok, record = pcall(codec.read, octets)
    if not ok then error("corrupt entry before octet " .. good, 0) end
    return record, good
  end
end

local function nothing() end

--- Makes the changes of a log again.  Returns the octets that are whole.
local function replay(self, handle)
  local next_entry = entries(handle)
  while true do
    local record, good = next_entry()
    if not record then return good end
    if record.discard then
      self.memory:discard(record.discard, record.before, nothing)
    else
      self.memory:commit(record.changes, function(ok, message)
        if not ok then error(("entry before octet %d: %s"):format(good, message), 0) end
      end)
    end
  end
end

local function put(handle, octets)
  local ok, message = handle:write(octets)
  if ok then ok, message = handle:flush() end
  return ok, message
end

--- Writes all records to a new file, which takes the name of the log.
local function compact(self)
  local path = self.path .. ".new"
  local handle, message = io.open(path, "wb")
  if not handle then return nil, message end
  local ok
  ok, message = handle:write(MAGIC)
  local size, batch = #MAGIC, {}
  local function write()
    if #batch == 0 or not ok then return end
    local octets = entry { changes = batch }
    ok, message = handle:write(octets)
    size, batch = size + #octets, {}
  end
  self.memory:each(function(kind, record)
    record.serial = nil
    batch[#batch + 1] = { op = "add", kind = kind, record = record }
    if #batch >= BATCH then write() end
  end)
  write()
  if ok then ok, message = handle:flush() end
  if ok then ok, message = os.rename(path, self.path) end
  if not ok then
    handle:close()
    os.remove(path)
    return nil, message
  end
  if self.handle then self.handle:close() end
  self.handle, self.size, self.base = handle, size, size
  return true
end

local function open_log(self)
  local handle, message = io.open(self.path, "rb")
  if not handle then
    local new, why = io.open(self.path, "ab") -- a folder, or not readable: the message of writing is the better one
    if not new then return nil, why or message end
    new:close()
    return compact(self)
  end
  local head = handle:read(#MAGIC)
  local known = head == MAGIC or head == nil or MAGIC:sub(1, #head) == head
  local ok, good = known, "not a store of this library"
  if head == MAGIC then ok, good = pcall(replay, self, handle) end
  handle:close()
  if not ok then return nil, ("%s: %s"):format(self.path, tostring(good)) end
  return compact(self) -- cuts a torn entry off, and what is not needed any more
end

local held = setmetatable({}, { __mode = "v" }) -- path -> its lock in this process, which its stores share

--- Locks a log for this process alone: another one would write it anew under its feet.
---@param path string
---@return { file: smpp.CoreLock, stores: integer }? lock  nil, message
---@return string? message
local function lock_of(path)
  local lock = held[path]
  if not lock then
    local made, message, code = core.lock(path .. "-lock")
    if not made then return nil, code == "busy" and path .. ": another process uses it (a gateway?)" or message end
    lock = { file = made, stores = 0 }
    held[path] = lock
  end
  lock.stores = lock.stores + 1
  return lock
end

--- A store does not need its lock any more; one that nobody has closed gives it up when it is collected.
local function unlock(self)
  local lock = self.lock
  if not lock then return end
  self.lock, lock.stores = nil, lock.stores - 1
  if lock.stores > 0 then return end
  held[self.path] = nil
  lock.file:close()
end

--- Opens one.
---@param o { path: string, limit: integer?, max_octets: integer?, keep_final: integer?, compact_octets: integer? }
---@return smpp.Store? store
---@return string? message
---@return string? code  "store_failed": the file cannot be read or written, or is open elsewhere
function file.open(o)
  o = file.schema:fill(file.schema:check(o))
  local self = setmetatable({
    path = o.path,
    compact_octets = o.compact_octets,
    memory = memory.open { limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final },
    handle = nil, lock = nil,
    size = 0, base = 0,          -- octets of the log now, and when it was last written anew
    failure = nil,               -- why nothing more is written
  }, mt)
  local ok, message
  self.lock, message = lock_of(o.path)
  if self.lock then ok, message = open_log(self) end
  if not ok then
    unlock(self)
    return nil, "cannot open the store: " .. tostring(message), "store_failed"
  end
  return self
end

local function fail(self, message)
  self.failure = ("cannot write %s: %s"):format(self.path, tostring(message))
  return self.failure
end

--- Appends an entry; the octets are the system's when this returns.
local function append(self, record)
  local octets = entry(record)
  local ok, message = put(self.handle, octets)
  if not ok then return nil, fail(self, message) end
  self.size = self.size + #octets
  if self.size > self.compact_octets and self.size > 4 * self.base then
    ok, message = compact(self)
    if not ok then return nil, fail(self, message) end
  end
  return true
end

function File:commit(changes, done, context)
  if self.failure then return done(nil, self.failure, "store_failed", context) end
  local ok, message, code
  self.memory:commit(changes, function(a, b, c) ok, message, code = a, b, c end)
  if not ok then return done(nil, message, code, context) end
  ok, message = append(self, { changes = changes })
  if not ok then return done(nil, message, "store_failed", context) end
  return done(true, nil, nil, context)
end

function File:discard(kind, before, done, context)
  if self.failure then return done(nil, self.failure, "store_failed", context) end
  self.memory:discard(kind, before, nothing)
  local ok, message = append(self, { discard = kind, before = before })
  if not ok then return done(nil, message, "store_failed", context) end
  return done(true, nil, nil, context)
end

function File:get(...) return self.memory:get(...) end
function File:find(...) return self.memory:find(...) end

--- The number of messages that are not final, and the octets of all records.
function File:load() return self.memory:load() end

function File:close(done, context)
  if self.handle then self.handle:close() end
  unlock(self)
  self.handle, self.failure = nil, "the store is closed"
  if done then return done(true, nil, nil, context) end
end

return file
