--- The messages of one account that wait for a receiver, in the order of their numbers.  No I/O, no clock.
local account_queue = {}

---@class smpp.AccountQueue
---@field count integer       of all items that are not settled: queued, deferred, lost and sent
---@field in_memory integer   items whose octets are in memory
local AccountQueue = {}
local mt = { __index = AccountQueue, __name = "smpp.AccountQueue" }

---@return smpp.AccountQueue
function account_queue.new()
  return setmetatable({
    first = 1, last = 0,       -- queued items; those that come back go before the first
    deferred = {},             -- number -> item: refused for now
    lost = {},                 -- number -> item: a receiver had it when the server was closed
    count = 0, number = 0,     -- number: of the item that came last
    in_memory = 0, loading = 0, -- loading: items that the store is asked for
    turn = 0,                  -- receiver that had the last one
    is_swept = false,          -- a timer will look for what gets too old
    is_fresh = false,          -- it got something in this turn of the loop
  }, mt)
end

--- The item that goes next.
---@return smpp.OutboundItem?
function AccountQueue:head() return self[self.first] end

--- Takes the head.
---@return smpp.OutboundItem
function AccountQueue:shift()
  local item = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  if self.first > self.last then self.first, self.last = 1, 0 end
  return item
end

--- Queues an item behind those of lower numbers: the newest at the end, what comes back near the head.
---@param item smpp.OutboundItem
function AccountQueue:insert(item)
  local last = self.last
  if self.first > last or self[last].number < item.number then
    self.last = last + 1
    self[last + 1] = item
    return
  end
  local at = self.first - 1
  self.first = at
  while self[at + 1].number < item.number do
    self[at] = self[at + 1]
    at = at + 1
  end
  self[at] = item
end

--- The first items whose octets are in the store only.
---@param most integer  how many places to look at
---@return smpp.OutboundItem[]
function AccountQueue:not_in_memory(most)
  local list = {}
  for i = self.first, math.min(self.last, self.first + most - 1) do
    if not self[i].octets then list[#list + 1] = self[i] end
  end
  return list
end

--- Takes out everything but what is sent, by number.
---@return smpp.OutboundItem[]
function AccountQueue:clear()
  local list = {}
  for i = self.first, self.last do list[#list + 1], self[i] = self[i], nil end
  for _, set in ipairs { self.deferred, self.lost } do
    for _, item in pairs(set) do list[#list + 1] = item end
  end
  self.first, self.last, self.deferred, self.lost = 1, 0, {}, {}
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

return account_queue
