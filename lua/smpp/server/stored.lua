--- The items of an outbound queue in the store: adds, reads and removes them.
local stores = require "smpp.store"

local stored = {}

---@class smpp.StoredItems
local StoredItems = {}
local mt = { __index = StoredItems, __name = "smpp.StoredItems" }

local OCTETS = { "octets" }
local RETRY_S, RETRY_MOST_S = 1, 60 -- back-off of failed removals, doubling

---@param store smpp.Store
---@param loop smpp.Loop
---@param on_error fun(message: string)
function stored.new(store, loop, on_error)
  local self
  local record = { key = nil, system_id = nil, octets = nil, since = nil, bind = nil, not_before = nil }
  self = setmetatable({
    store = store,
    loop = loop,
    on_error = on_error,
    run = nil, number = 0,     -- parts of keys: this run, and a number in it
    record = record,           -- reused for each item: a store copies during the call
    add = { op = "add", kind = "outbound", record = record },
    batch = {},
    settled = {}, count = 0,   -- removals of the next commit
    spare = {}, spare_count = 0, -- removals that are done, to be used again
    retry_s = RETRY_S,
    timer = loop:timer(function() self:flush() end),
    stops = {},                -- functions that stop reading items of an earlier run
    closed = false,
  }, mt)
  self.on_removed = function(ok, message, code, list) self:removed(list, ok, message, code) end
  return self
end

--- The change that adds an item to the store.  Valid until the next call: commit it at once.
---@param item table  its `key` is set
---@param octets string  its PDU
---@return smpp.Change
function StoredItems:change(item, octets)
  self.run = self.run or ("%.0f-"):format(self.loop:time() * 1000)
  self.number = self.number + 1
  local record = self.record
  item.key = ("%s%d"):format(self.run, self.number)
  record.key, record.system_id, record.octets = item.key, item.account.system_id, octets
  record.since, record.bind = self.loop:time(), item.bind
  record.not_before = item.not_before and self.loop:time() + item.not_before - self.loop:now() or nil
  return self.add
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
---@param key string
---@return boolean first  it is the only removal so far
function StoredItems:settle(key)
  self.count = self.count + 1
  local spare, n = self.spare, self.spare_count
  local change = spare[n]
  if change then
    spare[n], self.spare_count = nil, n - 1
    change.key = key
  end
  self.settled[self.count] = change or { op = "remove", kind = "outbound", key = key }
  return self.count == 1
end

--- Removes settled items, in one commit.
function StoredItems:flush()
  if self.count == 0 or self.closed then return end
  local list = self.settled
  self.settled, self.count = {}, 0
  self.store:commit(list, self.on_removed, list)
end

---@private
function StoredItems:removed(list, ok, message, code)
  if ok then
    self.retry_s = RETRY_S
    if #list > self.spare_count then self.spare, self.spare_count = list, #list end
  elseif code == "conflict" then -- one was removed already
    if #list > 1 then
      for i = 1, #list do self.store:commit({ list[i] }, self.on_removed, { list[i] }) end
    end
  elseif not self.closed then
    for i = 1, #list do self.settled[self.count + i] = list[i] end
    self.count = self.count + #list
    self.on_error(("cannot remove %d settled messages from the store (they may be sent twice after a restart): %s"):format(self.count, message))
    self.timer:start(self.retry_s)
    self.retry_s = math.min(self.retry_s * 2, RETRY_MOST_S)
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
