--- Any number of waits under few timers.  Waits of one length end in the order they began: so each length has one timer,
--- for the oldest of them, and a wait that ends before its time costs no timer at all.
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
    waits = {},                 -- seconds -> list of items, with its timer; none where nothing waits
  }, mt)
end

local function arm(self, wait)
  wait.timer:start(math.max(0, wait.first.due - self.loop:now()))
end

local function finish(self, seconds, wait)
  wait.timer:close()
  if self.waits[seconds] == wait then self.waits[seconds] = nil end
end

local function open(self, seconds)
  local wait = {}
  wait.timer = self.loop:timer(function()
    local now = self.loop:now()
    while wait.first and wait.first.due <= now do
      local item = wait.first
      lists.remove(wait, LINKS, item)
      item.wait = nil
      self.fire(item)
    end
    if wait.first then arm(self, wait) else finish(self, seconds, wait) end
  end, true)
  self.waits[seconds] = wait
  return wait
end

--- Begins a wait; the loop is kept alive until it ends.
---@param item table  gets the fields due and wait, and those of a list
---@param seconds number
function Deadlines:add(item, seconds)
  local wait = self.waits[seconds] or open(self, seconds)
  local is_first = not wait.first
  item.due, item.wait, item.seconds = self.loop:now() + seconds, wait, seconds
  lists.append(wait, LINKS, item)
  if is_first then arm(self, wait) end
end

--- Ends a wait before its time; harmless when it is over.
---@param item table
function Deadlines:remove(item)
  local wait = item.wait
  if not wait then return end
  lists.remove(wait, LINKS, item)
  item.wait = nil
  if not wait.first then finish(self, item.seconds, wait) end
end

return deadlines
