--- Any number of waits under few timers.  Waits of one length end in the order they began: so each length has one timer,
--- for the oldest of them, and a wait that ends before its time touches no timer at all.
local lists = require "smpp.base.list"

---@class smpp.Deadlines
local Deadlines = {}
local mt = { __index = Deadlines, __name = "smpp.Deadlines" }

local deadlines = {}

local LINKS = lists.links "deadline"

---@param loop smpp.Loop
---@param fire fun(item: table)  its time is up; it is no longer waited for
---@return smpp.Deadlines
function deadlines.new(loop, fire)
  return setmetatable({
    loop = loop,
    fire = fire,
    lengths = {},               -- seconds -> list of items with its timer, as long as that runs
    closed = false,
  }, mt)
end

local function arm(self, length) length.timer:start(math.max(0, length.first.due - self.loop:now())) end

local function finish(self, length)
  length.timer:close()
  if self.lengths[length.seconds] == length then self.lengths[length.seconds] = nil end
end

local function finish_item(self, item)
  lists.remove(item.length, LINKS, item)
  item.length = nil
  self.loop:release()
end

local function open(self, seconds)
  local length = { seconds = seconds }
  length.timer = self.loop:timer(function()
    local now = self.loop:now()
    while length.first and length.first.due <= now do
      local item = length.first
      finish_item(self, item)
      self.fire(item)
    end
    if length.first then arm(self, length) else finish(self, length) end
  end)
  self.lengths[seconds] = length
  return length
end

--- Begins a wait; the loop is kept alive until it ends.
---@param item table  gets the fields due and length, and those of a list
---@param seconds number
function Deadlines:add(item, seconds)
  local length, now = self.lengths[seconds], self.loop:now()
  item.due = now + seconds
  local is_new = not length
  length = length or open(self, seconds)
  item.length = length
  lists.append(length, LINKS, item)
  self.loop:hold()
  if is_new then arm(self, length) end
end

--- Ends a wait before its time; harmless when it is over.
---@param item table
function Deadlines:remove(item)
  local length = item.length
  if not length then return end
  finish_item(self, item)
  if self.closed and not length.first then finish(self, length) end -- else its timer may find others
end

--- Lets go of timers that nothing waits for, now and from now on.
function Deadlines:close()
  self.closed = true
  for _, length in pairs(self.lengths) do
    if not length.first then finish(self, length) end
  end
end

return deadlines
