--- The items of an outbound queue in their store: how they get in, are read again, and go when they are settled.
local stores = require "smpp.store"

local stored = {}

---@class smpp.StoredItems
local StoredItems = {}
local mt = { __index = StoredItems, __name = "smpp.StoredItems" }

local OCTETS = { "octets" }
local RETRY_S, RETRY_MOST_S = 1, 60 -- until what the store could not take out is tried again, doubling

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
    run = nil, number = 0,     -- of keys: this run, and a number in it
    record = record,           -- used again for each item: a store takes what it needs during the call
    add = { op = "add", kind = "outbound", record = record },
    batch = {},
    settled = {}, count = 0,   -- removals that go to the store together
    spare = {}, spare_count = 0, -- removals that are done, to be used again
    retry_s = RETRY_S,
    timer = loop:timer(function() self:flush() end),
    stops = {},                -- of the walks through what an earlier run has left
    closed = false,
  }, mt)
  self.on_removed = function(ok, message, code, list) self:removed(list, ok, message, code) end
  return self
end

--- The change that puts an item into the store.  It is good for a commit now, not later.
---@param item table  gets its `key`
---@param octets string  of its PDU
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

--- Whether an item was put by this run.
---@param key string
---@return boolean
function StoredItems:is_own(key) return self.run ~= nil and key:sub(1, #self.run) == self.run end

--- Commits one item, and only that.
---@param item table
---@param octets string
---@param done fun(ok: boolean?, message: string?, code: string?, item: table)
function StoredItems:put(item, octets, done)
  self.batch[1] = self:change(item, octets)
  self.store:commit(self.batch, done, item)
end

--- An item is settled: it goes at the next flush.
---@param key string
---@return boolean first  nothing had waited for that
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

--- Takes out what is settled, in one commit.
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
  elseif code == "conflict" then -- one is gone already
    if #list > 1 then
      for i = 1, #list do self.store:commit({ list[i] }, self.on_removed, { list[i] }) end
    end
  elseif not self.closed then
    for i = 1, #list do self.settled[self.count + i] = list[i] end
    self.count = self.count + #list
    self.on_error(("%d settled messages are still stored, and may be sent twice after a restart: %s"):format(self.count, message))
    self.timer:start(self.retry_s)
    self.retry_s = math.min(self.retry_s * 2, RETRY_MOST_S)
  end
end

--- Reads the octets of an item.
---@param item table
---@param done fun(record: table?, message: string?, code: string?, item: table)
function StoredItems:load(item, done) self.store:get("outbound", item.key, done, item, OCTETS) end

--- Calls fn(record) for all that an earlier run has left, oldest first.
---@param system_id string?  of one account
---@param fn fun(record: table)
function StoredItems:walk(system_id, fn)
  if self.closed then return end
  self.stops[#self.stops + 1] = stores.recover(self.store, { kind = "outbound", system_id = system_id }, function(record)
    if not self:is_own(record.key) then fn(record) end
  end, { loop = self.loop, on_error = function(message) self.on_error("messages that wait cannot be read: " .. message) end })
end

function StoredItems:close()
  self:flush()
  self.closed = true
  self.timer:close()
  for _, stop in ipairs(self.stops) do stop() end
end

return stored
