--- The queue of entries to be sent: lanes by priority, higher lanes first, first in first out within a lane.
--- An entry that is queued again for a retry returns to its former position.
local Queue = { serial = 0 }
Queue.__index = Queue

local queue = {}

---@class smpp.Queue
---@field count integer
---@field memory { octets: number }  sum of `entry.octets` of the entries in this queue, and in others that share the table

---@param memory? { octets: number }  shared by several queues
---@return smpp.Queue
function queue.new(memory) return setmetatable({ count = 0, memory = memory or { octets = 0 }, lanes = {}, order = {} }, Queue) end

--- Counts an entry that came (1) or went (-1).
local function count(self, entry, change)
  self.count = self.count + change
  self.memory.octets = self.memory.octets + change * (entry.octets or 0)
  entry.queue = change > 0 and self or nil
end

local function lane_of(self, number)
  local lane = self.lanes[number]
  if not lane then
    lane = { number = number, first = 1, last = 0 }
    self.lanes[number] = lane
    table.insert(self.order, lane)
    table.sort(self.order, function(a, b) return a.number > b.number end)
  end
  return lane
end

--- Assigns a position in the order of sending, for an entry that may be queued again.
function Queue:ticket()
  self.serial = self.serial + 1
  return self.serial
end

--- Puts an entry at the end of its lane (`entry.lane`, default 0), or at the position of its serial (`entry.serial`).
function Queue:put(entry)
  local lane = lane_of(self, entry.lane or 0)
  entry.serial = entry.serial or self:ticket()
  if lane.first <= lane.last and lane[lane.last].serial > entry.serial then
    local at = lane.first
    while lane[at].serial < entry.serial do at = at + 1 end
    for i = lane.last, at, -1 do lane[i + 1] = lane[i] end
    lane[at] = entry
  else
    lane[lane.last + 1] = entry
  end
  lane.last = lane.last + 1
  count(self, entry, 1)
  return entry
end

local function first_lane(self)
  for _, lane in ipairs(self.order) do
    if lane.first <= lane.last then return lane end
  end
end

function Queue:peek()
  local lane = first_lane(self)
  return lane and lane[lane.first]
end

function Queue:take()
  local lane = first_lane(self)
  if not lane then return nil end
  local entry = lane[lane.first]
  lane[lane.first] = nil
  lane.first = lane.first + 1
  if lane.first > lane.last then lane.first, lane.last = 1, 0 end
  count(self, entry, -1)
  return entry
end

--- Removes an entry from any position.
function Queue:remove(entry)
  local lane = lane_of(self, entry.lane or 0)
  for i = lane.first, lane.last do
    if lane[i] == entry then
      for j = i, lane.last do lane[j] = lane[j + 1] end
      lane.last = lane.last - 1
      count(self, entry, -1)
      return
    end
  end
end

return queue
