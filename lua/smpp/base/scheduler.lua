--- A scheduler: any number of items, each due at its own time, on one timer of the loop.  Times are rounded up to milliseconds, so that items of
--- one moment share a slot and cost one table entry each.
local heaps = require "smpp.base.heap"

local scheduler = {}

---@class smpp.Scheduler
local Scheduler = {}
local mt = { __index = Scheduler, __name = "smpp.Scheduler" }

local BATCH = 500 -- items per turn, so that many due items do not block the sockets

---@param loop smpp.Loop
---@param fire fun(item: any, at: number)  `at` as `add` returned it
---@return smpp.Scheduler
function scheduler.new(loop, fire)
  local self = setmetatable({
    loop = loop,
    fire = fire,
    slots = {},                -- time in ms -> { items..., at = that time }
    heap = heaps.new(),        -- those slots, the earliest first
    armed = nil,               -- the time for which the timer is set
    closed = false,
  }, mt)
  self.timer = loop:timer(function() self:on_timer() end)
  return self
end

--- Schedules an item for `at`, seconds of the loop's clock.  Returns the moment it is really scheduled for.
---@param at number
---@param item any  best a key that is looked up when it is due: items cannot be cancelled
---@param rank? number  of the items of one moment those of a higher rank go first; default 0
---@return number at
function Scheduler:add(at, item, rank)
  local key = math.ceil(at * 1000 - 1e-6)
  local slot = self.slots[key]
  if slot then
    slot[#slot + 1] = item
  else
    slot = { item, at = key, serial = 0 }
    self.slots[key] = slot
    heaps.push(self.heap, slot)
    self:arm()
  end
  if rank and rank ~= 0 then
    slot.ranks = slot.ranks or {}
    slot.ranks[#slot] = rank
  end
  return key / 1000
end

function Scheduler:arm()
  local first = self.heap[1]
  if self.closed or not first or (self.armed and self.armed <= first.at) then return end
  self.armed = first.at
  self.timer:start(math.max(0, first.at / 1000 - self.loop:now()))
end

--- A stable sort by rank, higher ranks first.
local function order(slot)
  local ranks, places, items = slot.ranks, {}, {}
  for i, item in ipairs(slot) do places[i], items[i] = i, item end
  table.sort(places, function(a, b)
    local x, y = ranks[a] or 0, ranks[b] or 0
    if x ~= y then return x > y end
    return a < b
  end)
  for i, place in ipairs(places) do slot[i] = items[place] end
  slot.ranks = nil
end

function Scheduler:on_timer()
  self.armed = nil
  local now, left = math.floor(self.loop:now() * 1000 + 1e-6), BATCH
  while left > 0 and self.heap[1] and self.heap[1].at <= now do
    local slot = self.heap[1]
    local key, at = slot.at, slot.at / 1000
    local n, taken = #slot, slot.taken or 0
    if slot.ranks and taken == 0 then order(slot) end
    local last = math.min(n, taken + left)
    left = left - (last - taken)
    if last == n then
      self.slots[key] = nil
      heaps.remove(self.heap, slot)
    else
      slot.taken = last
    end
    for i = taken + 1, last do
      local item = slot[i]
      slot[i] = false
      self.fire(item, at)
    end
  end
  self:arm()
end

function Scheduler:close()
  if self.closed then return end
  self.closed = true
  self.slots, self.heap = {}, heaps.new()
  self.timer:close()
end

return scheduler
