--- A gate in front of an iterator: while it is paused the tasks that ask for an item wait; once it is shut there are none.
local task = require "smpp.base.task"

---@class smpp.Gate
---@field is_paused boolean
---@field is_shut boolean
local Gate = {}
local mt = { __index = Gate, __name = "smpp.Gate" }

local gate = {}

---@return smpp.Gate
function gate.new() return setmetatable({ is_paused = false, is_shut = false, waiting = {} }, mt) end

--- The iterator behind the gate.
---@generic T
---@param next_item fun(): T?
---@return fun(): T?
function Gate:wrap(next_item)
  return function()
    while self.is_paused and not self.is_shut do
      self.waiting[#self.waiting + 1] = task.need()
      task.wait(self)
    end
    if self.is_shut then return nil end
    return next_item()
  end
end

local function wake(self)
  local waiting = self.waiting
  self.waiting = {}
  for _, token in ipairs(waiting) do task.wake_for(token, self) end
end

---@param paused boolean
function Gate:pause(paused)
  self.is_paused = paused
  if not paused then wake(self) end
end

--- Ends the iteration.
function Gate:shut()
  self.is_shut = true
  wake(self)
end

return gate
