--- How a client's requests get out: the queue, the choice of a bind, pauses and rate, and what is tried again.
--- A request that cannot go at once becomes an entry, which lives until its outcome is known:
---   { id, fields, lane, serial, waiter, queue, conn, cookie, link, accepted, ... }
--- The parts of a message are one entry, one after the other: they keep its place, and its turn at the destination.
local explain = require "smpp.codec.explain"
local queues = require "smpp.base.queue"
local task = require "smpp.base.task"

local need, wait = task.need, task.wait

local outbox = { methods = {} }
local Client = outbox.methods

-- Ends of an attempt after which the MC may have taken the request.
local UNKNOWN = { timeout = true, connection_lost = true }

local CLOSED = "the client is closed"

--- The bound link with the least outstanding that may be sent on now.
---@return smpp.Link? link
---@return number? wait_s  when those that could are pausing
function Client:choose(now)
  local best, least, wait_s = nil, math.huge, nil
  local links, n = self.links, #self.links
  for i = 1, n do
    local link = links[(self.turn + i - 1) % n + 1]
    local conn = link.sends and not link.leaving and not link.full and link.connection
    if conn then
      if now < link.resume_at then
        wait_s = math.min(wait_s or math.huge, link.resume_at - now)
      else
        link.resume_at = 0
        local in_flight = conn.core:in_flight()
        if in_flight < least then best, least = link, in_flight end
      end
    end
  end
  self.turn = (self.turn + 1) % n
  return best, wait_s
end

--- Sends what waits, as far as binds, windows, rate and pauses allow.
function Client:pump()
  local queue = self.queue
  while queue.count > 0 do
    local now = self.loop:now()
    local link, wait_s = self:choose(now)
    if link and self.throttle then
      wait_s = self.throttle:take(now)
      if wait_s > 0 then link = nil end
    end
    if not link then
      if wait_s then self.timer:start(wait_s) end
      break
    end
    local entry, conn = queue:peek(), link.connection
    local cookie, message, code = conn:send(entry.id, entry.fields, entry.waiter)
    if not cookie and self.throttle then self.throttle:give_back() end
    if not cookie and (code == "closed" or (code == "not_sent" and conn.core:info().unbinding)) then
      link.leaving = true -- another bind takes it, or the next one
    elseif not cookie and code == "window_full" then
      link.full = true -- until it says that there is room
    else
      queue:take()
      entry.link, entry.conn, entry.cookie = link, conn, cookie
      if not cookie then self:fail_entry(entry, message, code) end
    end
  end
  if self.refused_full and self:waiting() <= self.options.queue_limit / 2 then
    self.refused_full = false
    self:emit("drain")
  end
  if self.closer then task.wake_for(self.closer, self) end
end

--- Tells whoever waits for an entry that it cannot be sent.
function Client:fail_entry(entry, message, code)
  if type(entry.waiter) == "thread" and not task.is_waiting(entry.waiter) then
    entry.failed = { message, code } -- its task is still on its way to wait
  else
    self:give(entry.waiter, nil, message, code)
  end
end

--- How many requests wait to be sent.
function Client:waiting() return self.queue.count + self.parked_count end

--- Keeps an entry back while another one to its destination is on its way.  That one goes in the higher lane of the two.
---@return boolean parked
local function park(self, entry)
  if not self.options.order or entry.destination or not self.commands.roles.ordered[entry.id] then return false end
  local destination = entry.fields.destination_addr or ""
  local parked = self.parked[destination]
  if parked then
    local first = parked.first
    if (entry.lane or 0) > (first.lane or 0) then
      local waits = first.queue
      if waits then waits:remove(first) end
      first.lane = entry.lane
      if waits then waits:put(first) end
    end
    parked:put(entry)
    self.parked_count = self.parked_count + 1
    return true
  end
  parked = queues.new()
  parked.first, self.parked[destination], entry.destination = entry, parked, destination
  return false
end

--- What became of an entry is known: the next to its destination may go.
local function unpark(self, entry)
  local destination = entry.destination
  if not destination then return end
  local parked = self.parked[destination]
  local entry_after = parked:take()
  if not entry_after then
    self.parked[destination] = nil
    return
  end
  self.parked_count = self.parked_count - 1
  parked.first, entry_after.destination = entry_after, destination
  self.queue:put(entry_after)
  self:pump()
end

--- Puts a request into the queue; false, message, code: it cannot be sent.
function Client:enqueue(entry)
  if self.state == "closed" or (self.state == "closing" and not (entry.accepted and self.connection and self.draining)) then
    return false, self.last_error and self.last_error[1] or CLOSED, "closed"
  end
  if not self.sends then return false, "bound as a receiver, which sends nothing", "not_sent" end
  entry.accepted = true
  entry.serial = entry.serial or self.queue:ticket()
  if park(self, entry) then return true end
  self.queue:put(entry)
  if self.queue:peek() == entry then
    self:pump()
    if entry.failed then
      local failed = entry.failed
      entry.failed = nil
      return false, failed[1], failed[2]
    end
  end
  return true
end

--- The wait for an entry is over, whatever becomes of its request.
local function give_up(self, entry)
  entry.expired = true
  if entry.queue then
    if entry.queue ~= self.queue then self.parked_count = self.parked_count - 1 end
    entry.queue:remove(entry)
    if not entry.doubt then self.counters.not_sent = self.counters.not_sent + 1 end
    self:give(entry.waiter, nil, "not sent in time", "not_sent")
    self:pump() -- `drain` may be owed
  elseif entry.cookie and entry.conn.waiting[entry.cookie] == entry.waiter then
    entry.conn.waiting[entry.cookie] = false
    self:give(entry.waiter, nil, "no response in time, outcome unknown", "timeout")
  end
end

--- An entry is neither queued nor in flight between two attempts: close() finds it here.
local function set_aside(self, entry) self.resting[#self.resting + 1] = entry end

local function take_back(self, entry)
  for i, other in ipairs(self.resting) do
    if other == entry then return table.remove(self.resting, i) end
  end
end

--- Waits before another attempt, without keeping others from theirs.
---@async
---@return boolean rested  false: the client closes
local function rest(self, entry, seconds)
  local timer = self.loop:timer(function() task.wake_for(entry.waiter, entry, true) end, true)
  timer:start(seconds)
  set_aside(self, entry)
  local rested = wait(entry)
  timer:close()
  take_back(self, entry)
  return rested == true
end

--- What the user wants done with a request of unknown outcome; the answer may take its time.
---@async
local function wants_resend(self, entry, code)
  local policy = self.options.on_unknown
  if type(policy) ~= "function" then return policy == "resend" end
  set_aside(self, entry)
  local ok, answer = task.pcall(policy, entry.fields, code)
  take_back(self, entry)
  if not ok then self:emit("error", "on_unknown failed: " .. tostring(answer)) end
  return ok and answer == true
end

local class_of = explain.class

--- Whether an entry is to be sent once more; waits until it may be.
---@async
local function wants_again(self, entry, code, retries)
  local retry = self.options.retry or {}
  entry.code = code
  if entry.expired or self.state == "closed" or entry.attempts >= (retry.attempts or 10) then return false end
  if UNKNOWN[code] then
    -- A client that closes has it in its list by now.
    if self.state == "closing" or not wants_resend(self, entry, code) or entry.expired then return false end -- it may have waited
  else
    local class = retries and self.options.retry and class_of(code)
    if class ~= "throttle" and class ~= "temporary" then return false end
    local now = self.loop:now()
    entry.refused_at = entry.refused_at or now
    -- "throttle": the bind pauses, and what was refused goes first afterwards.
    local throttled = class == "throttle"
    local pause_s = throttled and math.max(0, entry.link.resume_at - now) or math.min(30, 2 ^ (entry.attempts - 1))
    if now + pause_s - entry.refused_at > (retry.age_s or 60) then return false end
    if not throttled and not rest(self, entry, pause_s) then return false end
  end
  self.counters.retried = self.counters.retried + 1
  return true
end

--- Sees an entry through: queue, response, and the attempts after that which policies ask for.
---@async
---@param entry table
---@param timeout_s? number
---@param retries? boolean  throttled and temporary refusals are tried again, in order, up to a count and an age
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
function Client:perform(entry, timeout_s, retries)
  local timer, response, message, code, refused
  if timeout_s then
    timer = self.loop:timer(function() give_up(self, entry) end, true)
    timer:start(timeout_s)
  end
  entry.waiter, entry.attempts, entry.refused_at, entry.doubt = task.current(), 0, nil, nil
  self.performing = self.performing + 1
  repeat
    entry.attempts = entry.attempts + 1
    local ok, why, why_code = self:enqueue(entry)
    if ok then
      response, message, code, refused = wait()
      entry.cookie = nil
      if UNKNOWN[code] then entry.doubt = { message, code } end
    elseif entry.attempts == 1 then
      message, code, entry.rejected = why, why_code, true
      break
    else -- closed meanwhile: what the last attempt brought stands
      break
    end
  until response or not wants_again(self, entry, code, retries)
  -- What an attempt left in doubt stays so, unless the MC says that it takes no such message.
  local doubt = entry.doubt
  if doubt and not response and class_of(code) ~= "permanent" then message, code, refused = doubt[1], doubt[2], nil end
  if response and entry.link then entry.link:calm() end
  if timer then timer:close() end
  self.performing = self.performing - 1
  if not (response and entry.more) then unpark(self, entry) end
  if self.closer then task.wake_for(self.closer, self) end
  if not response and self.write_log and self.commands.roles.ordered[entry.id] then
    self:log("debug", "not_taken", { code = code, to = self.show(tostring(entry.fields.destination_addr)) })
  end
  return response, message, code, refused
end

local function full(self)
  self.refused_full = true
  return nil, ("the queue is full: %d requests wait"):format(self:waiting()), "queue_full"
end
outbox.full = full

--- How many requests can be in flight at once.
---@return integer
function Client:capacity()
  local n, o = 0, self.options
  for _, link in ipairs(self.links) do
    if link.sends then n = n + (link.adaptive and link.adaptive.max or o.window or 10) end
  end
  return math.max(1, n)
end

--- Whether a request that does not wait has to be refused.
function Client:is_full() return self:waiting() >= self.options.queue_limit end

--- Sends a request as soon as a bind and the window allow, and waits for its response.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Client:request(command_id, fields, timeout_s, callback)
  if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
  local waiter = callback or need(3)
  local conn = self.direct
  if conn and not timeout_s and self.queue.count == 0 and conn.link.resume_at == 0 then
    local cookie, message, code = conn:send(command_id, fields, waiter)
    if cookie then
      if callback then return true end
      return wait()
    end
    if code ~= "window_full" and code ~= "closed" and not (code == "not_sent" and conn.core:info().unbinding) then
      if not callback then return nil, message, code end
      self:give(callback, nil, message, code)
      return false
    end
  end
  if type(fields) ~= "table" and type(fields) ~= "userdata" then error("fields: a table or a PDU expected, got " .. type(fields), 3) end
  local entry = { id = command_id, fields = fields }
  if not callback then return self:perform(entry, timeout_s) end
  if self:is_full() then
    self:give(callback, full(self))
    return false
  end
  task.start(self.sink, function() callback(self:perform(entry, timeout_s)) end)
  return not entry.rejected
end

--- Everything that waits, or rests before another attempt, is told that it will not be sent.
---@param message string
function Client:drop_waiting(message)
  local left = {}
  local function take(queue)
    local entry = queue:take()
    while entry do
      left[#left + 1] = entry
      entry = queue:take()
    end
  end
  take(self.queue)
  for _, parked in pairs(self.parked) do take(parked) end
  self.parked_count = 0
  table.sort(left, function(a, b) return a.serial < b.serial end)
  for _, entry in ipairs(left) do
    if not entry.doubt then self.counters.not_sent = self.counters.not_sent + 1 end
    self:note_left(entry.id, entry.fields, entry.doubt and entry.doubt[2] or "not_sent")
    self:give(entry.waiter, nil, message, "not_sent")
  end
  while self.resting[1] do
    local entry = table.remove(self.resting, 1)
    self:note_left(entry.id, entry.fields, entry.doubt and entry.doubt[2] or entry.code)
    task.wake_for(entry.waiter, entry, false)
  end
end

return outbox
