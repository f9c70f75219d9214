--- The queue of one account: receipts and MO messages for its receivers, in the order of their numbers.  No I/O, no clock.
local account_queue = {}

---@class smpp.AccountQueue
---@field count integer       of all items that are not settled: queued, deferred, lost and sent
---@field in_memory integer   items whose octets are in memory
local AccountQueue = {}
local mt = { __index = AccountQueue, __name = "smpp.AccountQueue" }

---@return smpp.AccountQueue
function account_queue.new()
  return setmetatable({
    first = 1, last = 0,       -- queued items; requeued items go before the first
    deferred = {},             -- number -> item: refused temporarily, until retry_s
    lost = {},                 -- number -> item: in flight when the server was closed; outcome unknown
    count = 0, number = 0,     -- number: of the newest item
    in_memory = 0, loading = 0, -- loading: items being read from the store
    turn = 0,                  -- index of the receiver of the last item
    is_swept = false,          -- a timer for expired items is set
    is_fresh = false,          -- an item was added in this turn of the loop
  }, mt)
end

--- The head of the queue.
---@return smpp.OutboundItem?
function AccountQueue:head() return self[self.first] end

--- Removes the head.
---@return smpp.OutboundItem
function AccountQueue:shift()
  local item = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  if self.first > self.last then self.first, self.last = 1, 0 end
  return item
end

--- Queues an item behind those of lower numbers: new items at the end, requeued items near the head.
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

--- The first items whose octets are not in memory, but those that are read when they are sent (their key is a serial).
---@param most integer  number of places to check
---@return smpp.OutboundItem[]
function AccountQueue:not_in_memory(most)
  local list = {}
  for i = self.first, math.min(self.last, self.first + most - 1) do
    local item = self[i]
    if not item.octets and type(item.key) ~= "number" then list[#list + 1] = item end
  end
  return list
end

--- Removes all items except those in flight; returns them in the order of their numbers.
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
