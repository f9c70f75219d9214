--- One timer of the loop for the deadlines of all its sessions.  A timer of its own would be 0.7 KB of a session, and nine
--- objects that the collector visits; there may be a hundred thousand sessions.
local heaps = require "smpp.base.heap"

local alarms = {}

-- loop -> its alarms, while a session has one.  The loop holds them by their timer, as long as it would fire.
local of_loop = setmetatable({}, { __mode = "kv" })

local EARLY_S = 1e-6 -- what the timer's milliseconds may differ from a deadline

---@class smpp.SessionAlarms
local Alarms = {}
local mt = { __index = Alarms, __name = "smpp.SessionAlarms" }

local function new(loop)
  local self = setmetatable({
    loop = loop,
    heap = heaps.new(), -- the sessions that have an alarm, the earliest first
    timer = nil,
  }, mt)
  self.timer = loop:timer(function() self:ring() end)
  of_loop[loop] = self
  return self
end

--- Starts the timer for the earliest alarm; without one it is closed.
---@private
function Alarms:update()
  local first = self.heap[1]
  if first then return self.timer:start(math.max(0, first.at - self.loop:now())) end
  self.timer:close()
  if of_loop[self.loop] == self then of_loop[self.loop] = nil end
end

local function remove(self, session)
  heaps.remove(self.heap, session)
  session.at = nil
end

--- Calls `on_alarm` of each session whose alarm is due, once: an alarm that it sets for now waits for the next turn, since a
--- deadline may be later than this turn's time by less than the clock's resolution.
---@private
function Alarms:ring()
  local heap, loop = self.heap, self.loop
  local now, due, n = loop:now(), {}, 0
  local first = heap[1]
  while first and first.at <= now + EARLY_S do
    remove(self, first)
    n = n + 1
    due[n], first.is_due = first, true
    first = heap[1]
  end
  for i = 1, n do
    local session = due[i]
    if session.is_due then
      session.is_due = nil
      loop.guard(session.on_alarm, session)
    end
  end
  self:update()
end

--- Calls `session:on_alarm()` at a time, instead of at the one set before.
---@param session smpp.Session  its fields `at`, the time (nil: none), `index` and `is_due` are written here only
---@param at number  loop time
function alarms.set(session, at)
  local self = of_loop[session.loop] or new(session.loop)
  if session.at then heaps.remove(self.heap, session) end
  session.at, session.is_due = at, nil
  heaps.push(self.heap, session)
  if self.heap[1] == session then self:update() end
end

--- Removes the alarm of a session, if it has one.
---@param session smpp.Session
function alarms.clear(session)
  session.is_due = nil
  local self = session.at and of_loop[session.loop]
  if not self then return end
  remove(self, session)
  if self.heap.count == 0 then self:update() end
end

return alarms
