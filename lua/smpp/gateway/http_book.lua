--- What the HTTP API remembers of its messages: a record for each, in the gateway's store, or in memory.  The state of a part is that of
--- its message in the books; of one that passed through, it is kept here.
local explain = require "smpp.codec.explain"
local fields = require "smpp.http.fields"
local http_json = require "smpp.http.json"
local json = require "smpp.codec.json"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local book = {}

---@class smpp.HttpBook
local Book = {}
local mt = { __index = Book, __name = "smpp.HttpBook" }

local KEEP_S = 48 * 3600    -- in memory
local IN_MEMORY = 100000    -- messages in memory
local KEY_S = 86400         -- an Idempotency-Key is kept
local PRUNE_S = 300

book.KEY_S = KEY_S

---@param gateway smpp.Gateway
---@return smpp.HttpBook
function book.new(gateway)
  local self
  self = setmetatable({
    gateway = gateway, loop = gateway.loop,
    is_stored = gateway.store ~= nil,
    store = gateway.store or stores.memory(),
    parts = {},              -- id of a part that passed through -> its message's record; true: that is in memory's store only
    oldest = 1, newest = 0, order = {}, created = {}, -- records in memory, in order: ids, or those of several parts; and their times
    on_receipt = nil,        -- called with the record and the receipt of one that passed through
    timer = nil, closed = false,
    sink = gateway.forward.sink,
  }, mt)
  self.timer = gateway.loop:timer(function() task.start(self.sink, self.prune, self) end)
  self.timer:start(PRUNE_S)
  return self
end

local function key_of(id) return "http/" .. id end
local function group_of(account) return "http/" .. account end

--- The change that adds a message.
---@param record table
---@return smpp.Change
function Book:addition(record)
  record.key, record.group = key_of(record.id), group_of(record.account)
  if self.store.shared then record.state = "0" end -- how often it has changed
  return { op = "add", kind = "value", record = record }
end

--- Notes a message of which a part may pass through, before that is sent.
function Book:expect(record, part_id)
  self.parts[part_id] = record
end

--- Keeps a record whose parts have passed through, or been dropped: it is not in the books.
---@async
---@param record table
---@param changes smpp.Change[]?  that go with it
function Book:keep(record, changes)
  local list = { self:addition(record) }
  for i = 1, changes and #changes or 0 do list[i + 1] = changes[i] end
  local ok, message = stores.commit(self.store, list)
  if not ok then self.gateway:log("error", "store_failed", { account = record.account, reason = message }) end
  record.is_kept = ok
  if not self.is_stored then
    local is_one = ok and not record.part_list[2] -- its receipts cannot meet: it need not stay in Lua's memory
    if is_one and self.parts[record.id] then self.parts[record.id] = true end
    self.newest = self.newest + 1
    self.order[self.newest], self.created[self.newest] = is_one and record.id or record, record.created
    self:forget_oldest()
  end
  return ok
end

--- The record that changes for all who have it, of a message that passed through; nil: the books have its parts.
---@async
---@param id string        of a part
---@param record table?    as it is in the store
---@return table?
function Book:live(id, record)
  local live = self.parts[id]
  if live ~= true then return live end
  live = record or stores.get(self.store, "value", key_of(id))
  if live then live.is_kept = true end
  return live
end

--- Writes the parts of a record again.
---@async
---@param record table
---@param changes smpp.Change[]?  that go with it
function Book:update(record, changes)
  record.updated = self.loop:time()
  if not record.is_kept then return end
  local list = { { op = "change", kind = "value", key = key_of(record.id), set = { part_list = record.part_list, updated = record.updated } } }
  for _, change in ipairs(changes or {}) do list[#list + 1] = change end
  stores.commit(self.store, list)
end

--- Notes in a record what a receipt says of one of its parts.
local function note(self, record, part_id, receipt)
  for _, part in ipairs(record.part_list) do
    if part.id == part_id and not stores.is_final(part.state or "") then
      if receipt.final then
        part.state, part.done = stores.is_final(receipt.state) and receipt.state or "UNKNOWN", self.loop:time()
      elseif receipt.state == "ACCEPTED" then
        part.state = "ACCEPTD"
      end
      part.error = receipt.err ~= "" and receipt.err or nil
    end
  end
end

--- A receipt for a part that passed through; false: it is of another message.
---@async
---@return boolean
function Book:receipt(part_id, receipt)
  local record = self:live(part_id)
  if not record then return false end
  note(self, record, part_id, receipt)
  self:update(record)
  if self.on_receipt then self.on_receipt(record, receipt) end
  return true
end

--- The same where nodes share the store, which has the record; several nodes may get receipts of its parts.
---@async
---@param id string  of the message
---@param part_id string
---@param receipt smpp.Receipt
---@return boolean? ok  nil: it cannot be written now, or is not there
function Book:shared_receipt(id, part_id, receipt)
  while true do
    local record = stores.get(self.store, "value", key_of(id))
    if not record then return nil end
    note(self, record, part_id, receipt)
    local ok, _, code = stores.commit(self.store, { {
      op = "change", kind = "value", key = record.key, from = record.state, set = {
        part_list = record.part_list, updated = self.loop:time(), state = tostring(record.state + 1),
      },
    } })
    if ok then
      record.is_kept = true
      if self.on_receipt then self.on_receipt(record, receipt) end
      return true
    end
    if code ~= "conflict" then return nil end
  end
end

--- Removes what is too old, or too much, from memory.
function Book:forget_oldest()
  local before = self.loop:time() - KEEP_S
  while self.oldest <= self.newest do
    local record, at = self.order[self.oldest], self.oldest
    if self.created[at] >= before and self.newest - at < IN_MEMORY then break end
    self.order[at], self.created[at], self.oldest = nil, nil, at + 1
    local id = record
    if type(record) == "table" then
      id = record.id
      for _, part in ipairs(record.part_list) do self.parts[part.id] = nil end
    else
      self.parts[id] = nil
    end
    task.start(self.sink, stores.commit, self.store, { { op = "remove", kind = "value", key = key_of(id) } })
  end
end

--- Removes the records of a group that are older.
---@async
local function prune_group(self, group, before)
  while not self.closed do
    local list = stores.find(self.store, { kind = "value", group = group, limit = 100 }) or {}
    local changes = {}
    for _, record in ipairs(list) do
      if record.created >= before then break end
      changes[#changes + 1] = { op = "remove", kind = "value", key = record.key }
      for _, part in ipairs(record.part_list or {}) do self.parts[part.id] = nil end
    end
    if #changes > 0 then stores.commit(self.store, changes) end
    if #changes < 100 then break end
  end
end

---@async
---@private
function Book:prune()
  local now = self.loop:time()
  prune_group(self, "http-keys", now - KEY_S)
  if self.is_stored then
    for name in pairs(self.gateway.customers) do
      prune_group(self, group_of(name), now - self.gateway.config.store.keep_s)
      prune_group(self, "http-events/" .. name, now - self.gateway.config.store.keep_s)
    end
  else
    self:forget_oldest()
    for name in pairs(self.gateway.customers) do prune_group(self, "http-events/" .. name, now - KEEP_S) end
  end
  if not self.closed then self.timer:start(PRUNE_S) end
end

function Book:close()
  self.closed = true
  self.timer:close()
end

-- ---- states ----

local FINAL = { delivered = true, undelivered = true, expired = true, cancelled = true, rejected = true, refused = true, unknown = true }
local FAILED = { undelivered = true, expired = true, cancelled = true, rejected = true, refused = true, unknown = true }
local RANK = { scheduled = 1, queued = 2, held = 3, sent = 4, accepted = 5, delivered = 6 }
book.states = {
  "scheduled", "queued", "sent", "accepted", "held", "delivered", "undelivered", "expired", "cancelled", "rejected", "refused", "unknown",
}

local NAMES = {
  SCHEDULED = "scheduled", DELIVERED = "delivered", UNDELIVERABLE = "undelivered", EXPIRED = "expired", DELETED = "cancelled", UNKNOWN = "unknown",
  ACCEPTD = "accepted",
}

--- The state of SMPP that a state of the API is.
---@type table<string, string>
book.of_smpp = { rejected = "REJECTED", refused = "REJECTED", sent = "ENROUTE", queued = "ENROUTE", held = "UNKNOWN", accepted = "ACCEPTED" }
for state, name in pairs(NAMES) do book.of_smpp[name] = book.of_smpp[name] or state end

--- The state of a part, from its message in the books or what is kept here.
local function state_of(source, asks)
  local state = source.state
  if state == "REJECTED" then return source.carrier_id and "rejected" or "refused" end
  if state == "UNKNOWN" and not asks and source.carrier_id then return "sent" end -- nobody asked what became of it
  if state == "ACCEPTED" then return "sent" end
  if NAMES[state] then return NAMES[state] end
  if source.held then return "held" end
  return (source.carrier_id or source.sent) and "sent" or "queued"
end

book.state_of = state_of

--- An error code of a part in words: a command_status, or what the carrier's receipt says.
local function words_of(code)
  if not code then return nil end
  local row = explain.status(tonumber(code) or code)
  return row and row.meaning or ("error %s of the carrier"):format(code)
end

book.words_of = words_of

--- The parts of a record with their states; those of `ending` are about to be in the books.
---@async
local function parts_of(self, record, ending, read)
  local list = {}
  for i, part in ipairs(record.part_list) do
    local source = ending and ending[part.id]
    if not source then source = self.gateway.books and (read or stores.get)(self.store, "message", part.id) or part end
    local state = state_of(source, record.receipt)
    local status = source.status
    if state == "refused" and source.error then
      local row = explain.status(tonumber(source.error) or 0)
      status = status or row and row.name
    end
    list[i] = {
      n = i, state = state, carrier = source.carrier, carrier_id = source.carrier_id, status = status, error = source.error,
      sent = source.sent, done = source.done, expires = source.expires,
    }
  end
  return list
end

--- The state of a message: of its parts the first failure, else the least advanced.
local function whole(parts)
  local state, failed
  for _, part in ipairs(parts) do
    if FAILED[part.state] then
      if not failed then failed = part end
    elseif not state or RANK[part.state] < RANK[state] then
      state = part.state
    end
  end
  return failed and failed.state or state, failed
end

--- The error of a message whose part has failed.
local function fault_of(failed)
  if not failed or failed.state == "cancelled" then return nil end
  local code = failed.status or failed.error
  return json.object({ "code", code or failed.state, "text", words_of(code) or failed.state }, 4)
end

--- What an event tells of a message: its state, and whether all its parts are final.
---@async
---@param record table
---@param ending table<string, table>?  parts that are about to be in the books
---@return { state: string, final: boolean, failed: boolean, error: table?, status: string?, carrier: string?, carrier_id: string? } what
---@return boolean is_over
---@return table[] parts
function Book:outcome(record, ending)
  local parts, is_over = parts_of(self, record, ending), true
  for _, part in ipairs(parts) do is_over = is_over and FINAL[part.state] == true end
  local state, failed = whole(parts)
  local told = failed or parts[1]
  return {
    state = state, final = FINAL[state] == true, failed = failed ~= nil, error = fault_of(failed), status = told.status,
    carrier = told.carrier or parts[1].carrier, carrier_id = told.carrier_id,
  }, is_over, parts
end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

--- A message as the API shows it.
---@async
---@param record table
---@param read fun(store: smpp.Store, kind: string, key: string)?  stores.settled: for an answer that has to stay true; default stores.get
---@return table object
---@return string state
function Book:view(record, read)
  local parts = parts_of(self, record, nil, read)
  local state, failed = whole(parts)
  local list, last = {}, record.updated or record.created
  for i, part in ipairs(parts) do
    last = math.max(last, part.sent or 0, part.done or 0)
    list[i] = json.object({
      "n", part.n, "state", part.state, "carrier", or_null(part.carrier), "carrier_id", or_null(part.carrier_id), "status", or_null(part.status),
      "error", or_null(part.error), "sent", or_null(fields.time_text(part.sent)), "done", or_null(fields.time_text(part.done)),
    }, 16)
  end
  local object = json.object({
    "id", record.id, "account", record.account, "from", or_null(record.from), "to", record.to,
    "text", record.text, "data", record.data and fields.base64(record.data), "encoding", record.encoding,
    "state", state, "final", FINAL[state] == true,
    "reference", or_null(record.reference), "receipt", record.receipt, "created", fields.time_text(record.created),
    "at", or_null(fields.time_text(record.at)), "valid_until", or_null(fields.time_text(parts[1].expires or record.valid_until)),
    "updated", fields.time_text(last), "parts", json.list(list), "error", or_null(fault_of(failed)),
  }, 36)
  return object, state
end

--- The record of a message of an account; nil: there is none, or its store cannot be read.
---@async
---@param account string
---@param id string
---@param read fun(store: smpp.Store, kind: string, key: string)?  as of `view`
---@return table? record
---@return string? message
---@return string? code  "missing", "store_failed"
function Book:get(account, id, read)
  if not id:find "^[%w_.-]+$" then return nil, "invalid id", "missing" end
  local record, message, code = (read or stores.get)(self.store, "value", key_of(id))
  if record and record.account ~= account then return nil, "of another account", "missing" end
  return record, message, code
end

--- The record of a message, whoever sent it.
---@async
---@return table?
function Book:record(id) return self:live(id) or stores.get(self.store, "value", key_of(id)) end

--- Is a record in the store, not only in memory yet?
---@param record table
---@return boolean
function Book:is_written(record) return record.is_kept or self.parts[record.id] ~= record end

--- Messages of an account, the newest first, from a serial on.
---@async
---@return table[]? records
---@return string? message
function Book:page(account, after, limit)
  return stores.find(self.store, { kind = "value", group = group_of(account), newest = true, after = after, limit = limit })
end

book.null = http_json.null

return book
