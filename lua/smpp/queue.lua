--- First in, first out.
local Queue = {}
Queue.__index = Queue

local queue = {}

---@class smpp.Queue
---@field count integer
function queue.new() return setmetatable({ first = 1, last = 0, count = 0 }, Queue) end

--- Puts an entry at the end; `entry.queued` is true as long as it is in.
function Queue:put(entry)
  self.last = self.last + 1
  self[self.last] = entry
  self.count = self.count + 1
  entry.queued = true
  return entry
end

function Queue:peek() return self[self.first] end

function Queue:take()
  local entry = self[self.first]
  if not entry then return nil end
  self[self.first] = nil
  self.first = self.first + 1
  self.count = self.count - 1
  if self.count == 0 then self.first, self.last = 1, 0 end
  entry.queued = false
  return entry
end

return queue
