--- The items of an outbound queue in the store: adds, reads and removes them.
local backoffs = require "smpp.base.backoff"
local stores = require "smpp.store"

local stored = {}

---@class smpp.StoredItems
local StoredItems = {}
local mt = { __index = StoredItems, __name = "smpp.StoredItems" }

local OCTETS = { "octets" }
local GIVEN = 100      -- items of one commit
local RETRY_MAX_S = 60 -- longest back-off of failed removals

---@param store smpp.Store
---@param loop smpp.Loop
---@param on_error fun(message: string)
function stored.new(store, loop, on_error)
  local self
  local place = store.shared and { "work", home = nil, due = nil, over = nil, most = nil } or nil
  local record = { key = nil, system_id = nil, octets = nil, since = nil, bind = nil, not_before = nil }
  self = setmetatable({
    store = store,
    loop = loop,
    on_error = on_error,
    run = nil, number = 0,     -- parts of keys: this run, and a number in it
    record = record,           -- reused for each item: a store copies during the call
    place = place,             -- in a store that nodes share: here, or in the account's queue
    add = { op = "add", kind = "outbound", record = record, place = place },
    batch = {},
    settled = {}, count = 0,   -- removals of the next commit
    gone = {}, gone_count = 0, -- serials of further removals
    spare = {}, spare_count = 0, -- removals that are done, to be used again
    failures = 0,              -- in a row, of the removal
    timer = loop:timer(function() self:flush() end),
    stops = {},                -- functions that stop reading items of an earlier run
    closed = false,
  }, mt)
  self.on_removed = function(ok, message, code, list) self:removed(list, ok, message, code) end
  return self
end

--- The parts of the next key: this run, and a number in it.
local function next_key(self)
  self.run = self.run or ("%.0f-"):format(self.loop:time() * 1000) .. (self.store.shared and self.store.run .. "-" or "")
  self.number = self.number + 1
  return self.run, self.number
end

--- Commits a message and its receipt as a store with `commit_due` has drafted them.  The item's key is the serial of its record.
---@param key string  of the message
---@param item table
---@param now number  Unix time
---@return boolean ok
function StoredItems:commit_due(key, item, now)
  local run, number = next_key(self)
  item.key = self.store:commit_due(key, "outbound", run, number, now)
  return item.key ~= nil
end

--- The octets of an item that `commit_due` has put there; nil: they are gone.
---@param item table
---@return string?
function StoredItems:octets(item) return self.store:octets_at("outbound", item.key) end

--- The change that adds an item to the store.  Valid until the next call: commit it at once.
---@param item table  gets its `key`
---@param octets string  its PDU
---@return smpp.Change
function StoredItems:change(item, octets)
  local record = self.record
  item.key = ("%s%d"):format(next_key(self))
  record.key, record.system_id, record.octets = item.key, item.account.system_id, octets
  record.since, record.bind = self.loop:time(), item.bind
  record.not_before = item.not_before and self.loop:time() + item.not_before - self.loop:now() or nil
  local place = self.place
  if place then
    record.since = self.store:time()
    place[1], place.home = item.is_away and "queue" or "work", "o:" .. record.system_id
    place.due, place.over, place.most = record.since, record.since + item.account.keep_s, item.account.queue_limit
  end
  return self.add
end

--- Puts items into the queue of their account, from which any node takes them.
---@param items table[]  in order
function StoredItems:give_back(items)
  for first = 1, #items, GIVEN do
    local changes = { patient = true }
    for i = first, math.min(#items, first + GIVEN - 1) do
      local item = items[i]
      local since = self.store:time() - (self.loop:now() - item.since)
      changes[#changes + 1] = { op = "change", kind = "outbound", key = item.key, guard = "mine", place = {
        "queue", home = "o:" .. item.account.system_id, due = since, over = since + item.account.keep_s,
      } }
    end
    self.store:commit(changes, function(ok, message, code)
      if not ok and not stores.is_lost(code) then self.on_error("cannot give messages back: " .. message) end
    end)
  end
end

--- Tests whether an item was added by this run.
---@param key string
---@return boolean
function StoredItems:is_own(key) return self.run ~= nil and key:sub(1, #self.run) == self.run end

--- Commits one item.
---@param item table
---@param octets string
---@param done fun(ok: boolean?, message: string?, code: string?, item: table)
function StoredItems:put(item, octets, done)
  self.batch[1] = self:change(item, octets)
  self.store:commit(self.batch, done, item)
end

--- An item is settled: removes it at the next flush.
---@param key string|integer  integer: its serial
---@return boolean first  it is the only removal so far
function StoredItems:settle(key)
  if type(key) == "number" then
    local n = self.gone_count + 1
    self.gone[n], self.gone_count = key, n
    return n == 1 and self.count == 0
  end
  self.count = self.count + 1
  local spare, n = self.spare, self.spare_count
  local change = spare[n]
  if change then
    spare[n], self.spare_count = nil, n - 1
    change.key = key
  end
  self.settled[self.count] = change or { op = "remove", kind = "outbound", key = key }
  return self.count == 1 and self.gone_count == 0
end

--- Removes settled items, in one commit.
function StoredItems:flush()
  if self.closed then return end
  if self.gone_count > 0 then
    self.store:remove_at("outbound", self.gone, self.gone_count)
    self.gone_count = 0
  end
  if self.count == 0 then return end
  local list = self.settled
  self.settled, self.count = {}, 0
  self.store:commit(list, self.on_removed, list)
end

---@private
function StoredItems:removed(list, ok, message, code)
  if ok then
    self.failures = 0
    if #list > self.spare_count then self.spare, self.spare_count = list, #list end
  elseif stores.is_lost(code) then -- one was removed already, or all are other nodes'
    if #list > 1 and code == "conflict" then
      for i = 1, #list do self.store:commit({ list[i] }, self.on_removed, { list[i] }) end
    end
  elseif not self.closed then
    for i = 1, #list do self.settled[self.count + i] = list[i] end
    self.count = self.count + #list
    self.on_error(("cannot remove %d settled messages from the store (they may be sent twice after a restart): %s"):format(self.count, message))
    self.failures = self.failures + 1
    self.timer:start(backoffs.delay_s(self.failures, nil, RETRY_MAX_S))
  end
end

--- Reads the octets of an item.
---@param item table
---@param done fun(record: table?, message: string?, code: string?, item: table)
function StoredItems:load(item, done) self.store:get("outbound", item.key, done, item, OCTETS) end

--- Calls fn(record) for all items of an earlier run, oldest first.
---@param system_id string?  only this account
---@param fn fun(record: table)
function StoredItems:walk(system_id, fn)
  if self.closed then return end
  self.stops[#self.stops + 1] = stores.recover(self.store, { kind = "outbound", system_id = system_id }, function(record)
    if not self:is_own(record.key) then fn(record) end
  end, { loop = self.loop, on_error = function(message) self.on_error("cannot read queued messages from the store: " .. message) end })
end

function StoredItems:close()
  self:flush()
  self.closed = true
  self.timer:close()
  for _, stop in ipairs(self.stops) do stop() end
end

return stored
