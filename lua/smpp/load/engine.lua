--- Sends messages when they are due, over several links, and notes what became of them.
--- The open model: a message leaves when it is due, whatever became of the others; while the window or the socket is full it waits, and
--- its latency counts from when it was due.  The closed model: a message leaves when there is room in the window.
--- Its sender sends in batches (smpp.load.batch) or, where messages need Lua, one by one (smpp.load.single).
local task = require "smpp.base.task"

local engine = {}

---@class smpp.LoadEngine
local Engine = {}
local mt = { __index = Engine, __name = "smpp.LoadEngine" }

local MOST_PENDING = 1048576 -- octets queued for a socket; above: it counts as full
local MOST_EARLY = 100000    -- kept receipts that came before the submit_sm_resp of their message

---@class smpp.LoadLink  a session that sends
---@field session smpp.Session?  nil: not bound now
---@field open integer   requests in flight
---@field limit integer  of them
---@field weight number?  its share of the messages; nil: all alike
---@field credit number
---@field ended fun(session: smpp.Session)?  outcomes of its messages in a batch may have come

---@param o { loop: smpp.Loop, recorder: smpp.LoadRecorder, sender: smpp.LoadBatch|smpp.LoadSingle, schedule: smpp.LoadSchedule?,
---  count: integer?, for_s: number?, warm_up_s: number?, max_late_s: number }
---@return smpp.LoadEngine
function engine.new(o)
  local self = setmetatable({
    loop = o.loop, recorder = o.recorder, sender = o.sender, schedule = o.schedule, for_s = o.for_s,
    warm_up_s = o.warm_up_s or 0, max_late_s = o.max_late_s, count = o.count or math.huge,
    links = {}, turn = 0, is_weighted = false, open = 0,
    n = 0,                     -- messages taken
    blocked_until = 0, is_blocked = false,
    started_at = nil, stops_at = nil, stopping = nil, -- why no more is sent
    failure = nil,             -- the error that ended it
    waiting_for = {},          -- message_id -> when its message was due
    waiting_count = 0, early = {}, early_count = 0,
    waiter = nil, paused = false,
    factor = 1, from_at = 0, from_s = 0, -- the schedule runs `factor` times as fast since from_s, when it had come to from_at
    timer = nil, pumping = false, is_touched = false, deferred = nil,
  }, mt)
  self.timer = o.loop:timer(function() self:pump() end, true)
  self.deferred = function()
    self.is_touched = false
    self:pump()
  end
  return self
end

--- Adds a link, or notes that it has room again, and sends.
---@param link smpp.LoadLink
function Engine:add(link)
  for _, known in ipairs(self.links) do
    if known == link then return self:pump() end
  end
  self.links[#self.links + 1] = link
  self.sender:join(self, link)
  self.is_weighted = self.is_weighted or link.weight ~= nil
  self:pump()
end

--- Removes a link that will not come back; what is in flight over it still counts.
---@param link smpp.LoadLink
function Engine:remove(link)
  for i, known in ipairs(self.links) do
    if known == link then
      table.remove(self.links, i)
      break
    end
  end
end

--- Starts: from now on messages are due.
function Engine:start()
  local now = self.loop:precise()
  self.began_at = now
  self.recorder.started = now + self.warm_up_s
  self.stops_at = not self.schedule and self.for_s and now + self.warm_up_s + self.for_s or nil
  self:pump()
end

-- ---- outcomes ----

--- A message that asks for a receipt was accepted: notes its id, or counts the receipt if it came before the answer.
---@param id string
---@param due number
function Engine:expect_receipt(id, due)
  local recorder = self.recorder
  recorder.receipts_wanted = recorder.receipts_wanted + 1
  local early = self.early[id]
  if early then
    self.early[id], self.early_count = nil, self.early_count - 1
    return recorder:note_receipt(early.delivered, early.at - due)
  end
  if not self.waiting_for[id] then self.waiting_count = self.waiting_count + 1 end
  self.waiting_for[id] = due
end

--- A final receipt was received.
---@param id string
---@param delivered boolean
function Engine:receipt(id, delivered)
  local due = self.waiting_for[id]
  if due then
    self.waiting_for[id], self.waiting_count = nil, self.waiting_count - 1
    self.recorder:note_receipt(delivered, self.loop:precise() - due)
    if self.waiting_count == 0 and self.waiter then task.wake_for(self.waiter, self) end
  elseif self.early_count < MOST_EARLY and not self.early[id] then
    self.early[id], self.early_count = { at = self.loop:precise(), delivered = delivered }, self.early_count + 1
  end
end

--- Requests are no longer in flight: more is sent, or the wait for them is over.
---@param count integer
function Engine:freed(count)
  self.open = self.open - count
  if self.stopping then
    if self.open == 0 and self.waiter then task.wake_for(self.waiter, self) end
  elseif (self.is_blocked or not self.schedule) and not self.is_touched then
    self.is_touched = true -- messages for which one chunk of answers makes room are sent together
    self.loop:defer(self.deferred)
  end
end

-- ---- sending ----

local function has_room(link, now)
  local session = link.session
  if not session or link.open >= link.limit or not session.is_bound then return false end
  if link.looked_at ~= now and session:unsent() >= MOST_PENDING then return false end
  link.looked_at = now
  return true
end

--- A link with room, each as often as its weight says; nil: none.
local function weighted_room(self, now)
  local best, sum = nil, 0
  for _, link in ipairs(self.links) do
    if has_room(link, now) then
      local weight = link.weight or 1
      sum, link.credit = sum + weight, link.credit + weight
      if not best or link.credit > best.credit then best = link end
    end
  end
  if not best then return nil end
  best.credit = best.credit - sum
  return best, best.session
end

--- A link with room, the next in turn; nil: none.
---@param now number
---@return smpp.LoadLink? link
---@return smpp.Session? session
function Engine:room(now)
  local links, n = self.links, #self.links
  if self.is_weighted then return weighted_room(self, now) end
  for i = 1, n do
    local at = (self.turn + i - 1) % n + 1
    local link = links[at]
    if has_room(link, now) then
      self.turn = at
      return link, link.session
    end
  end
end

--- When the next message is due: schedules count from 0, at the rate they were given.
local function following(self)
  local at_s = self.schedule:next()
  self.next_at = at_s
  self.next_due = at_s and self.began_at + self.from_s + (at_s - self.from_at) / self.factor
  return self.next_due
end

--- From now on the schedule runs `factor` times as fast as it was given.
local function warp(self, factor)
  local now_s = self.loop:precise() - self.began_at
  if not self.paused then self.from_at = self.from_at + (now_s - self.from_s) * self.factor end
  self.from_s, self.factor = now_s, factor
  -- A message that is late already stays as late as it is.
  if self.next_due and self.next_at >= self.from_at then
    self.next_due = self.began_at + now_s + (self.next_at - self.from_at) / factor
  end
end

--- Changes the rate of the open model; the closed model has none.
---@param factor number
---@return number factor  of the rate that was asked for
function Engine:change_rate(factor)
  if self.schedule and self.began_at and not self.stopping then
    warp(self, self.factor * factor)
    self:pump()
  end
  return self.factor
end

--- How many messages are due and have not left, as far as they are known: at the rate of now.
---@return integer
function Engine:backlog()
  local due = self.sender:oldest() or self.next_due
  if not due or not self.schedule or self.paused then return 0 end
  local late_s = self.loop:precise() - due
  if late_s <= 0 then return 0 end
  return math.floor(late_s * self.schedule:rate_at(self.next_at or 0) * self.factor + 0.5)
end

--- Pauses: no message is due until it goes on.
---@param paused boolean
function Engine:pause(paused)
  if self.paused == paused or not self.began_at or self.stopping then return end
  if self.schedule then warp(self, self.factor) end
  self.paused = paused
  if paused then self.timer:stop() else self:pump() end
end

--- Takes the next message of the schedule that is due; nil: none now.
---@param now number
---@param is_further boolean?  others wait to be sent: without more the sending is not over yet
---@return number? due
function Engine:next(now, is_further)
  local due = self.next_due or following(self)
  if not due then
    if not is_further then self:stop "done" end
    return nil
  end
  if due > now then return nil end
  if now - due > self.max_late_s then
    self:stop "late"
    return nil
  end
  self.next_due = nil
  return due
end

--- How many messages of the closed model may still be taken.
---@param now number
---@return integer|number
function Engine:left(now) return self.stops_at and now >= self.stops_at and 0 or self.count - self.n end

--- No link has room for a message that has been due for so long.
---@param late_s number
function Engine:block(late_s)
  self.is_blocked = true
  if late_s > self.max_late_s then self:stop "late" end
end

--- There is room again.
---@param now number
function Engine:unblock(now) self.is_blocked, self.blocked_until = false, now end

--- Sends all that is due and has room.
function Engine:pump()
  if self.pumping or not self.began_at or self.paused then return end
  self.pumping = true
  local ok, message = pcall(self.sender.pump, self.sender, self)
  self.pumping = false
  if not ok then self:fail(message) end
  self.recorder:note_window(self.open)
  if self.stopping then
    if self.open == 0 and self.waiter then task.wake_for(self.waiter, self) end
    return
  end
  local wait_s
  if self.is_blocked then
    wait_s = 0.001 -- polled: nothing tells when a full socket has room again
  elseif self.next_due then
    wait_s = self.next_due - self.loop:precise()
  elseif self.stops_at then
    wait_s = self.stops_at - self.loop:precise()
  end
  if wait_s then self.timer:start(math.max(0, wait_s)) end
end

--- Calls a function of a script; where it raises, the test ends.
---@param fn function
---@param ... any
---@return any result  nil: it raised
function Engine:call(fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  self:fail(result)
end

--- Ends the test because of an error.
---@param message any
function Engine:fail(message)
  if self.failure == nil then self.failure = message end
  self:stop "failed"
end

--- Sends no more.
---@param why "done"|"late"|"interrupted"|"lost"|"rule"|"failed"
function Engine:stop(why)
  if self.stopping then return end
  local now = self.loop:precise()
  self.stopping = why
  self.timer:stop()
  if self.recorder.started then
    local left, is_counted = self.sender:drop()
    if self.schedule then
      -- Those that are due by now; of a generator that is too late all that were still to come.
      local due = self.next_due or following(self)
      while due and due <= now and not self.paused do
        left, due = left + 1, following(self)
      end
      if why == "late" and due then
        local more = self.schedule:left() + 1
        if more < math.huge then left = left + more end
      end
      self.next_due = nil
    end
    if left > 0 and is_counted then self.recorder:note_not_sent(now, left) end
  end
  if self.waiter then task.wake_for(self.waiter, self) end
end

--- Waits until no more is sent.
---@async
function Engine:wait()
  self.waiter = task.current()
  while not self.stopping do task.wait(self) end
  self.waiter = nil
end

--- Waits until nothing is in flight and no receipt is due, within limits.
---@async
---@param drain_s number
---@param receipt_wait_s number
---@param hurry fun(): boolean  no more patience
function Engine:drain(drain_s, receipt_wait_s, hurry)
  local loop = self.loop
  local from = loop:precise()
  self.waiter = task.current()
  local timer = loop:timer(function() task.wake_for(self.waiter, self) end, true)
  while not hurry() do
    local now = loop:precise()
    local left = self.open > 0 and from + drain_s - now or self.waiting_count > 0 and from + receipt_wait_s - now or 0
    if left <= 0 then
      if self.open == 0 or now >= from + drain_s then break end
    end
    timer:start(math.max(left, 0.001))
    task.wait(self)
  end
  timer:close()
  self.waiter = nil
  self.recorder:note_unknown(loop:precise(), self.sender:abandon())
end

return engine
