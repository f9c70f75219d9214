--- Sends the messages of a load test one by one, as its source makes them: scripts, captures, receipts, mixes, texts of several parts.

local single = {}

---@class smpp.LoadSingle
local Single = {}
local mt = { __index = Single, __name = "smpp.LoadSingle" }

local LOOK = 16 -- messages sent between two readings of the clock

---@param source smpp.LoadSource
---@param command_id integer
---@param script table?
---@return smpp.LoadSingle
function single.new(source, command_id, script)
  return setmetatable({
    source = source, command_id = command_id, script = script,
    free = {}, free_count = 0, -- flights
    flights = {},              -- all flights made, to count those still open at the end
    submits = nil, part = 0, wants = false, due = nil, warm = false, -- the message that is being sent
    seen_session = nil, seen_reads = nil, seen_at = 0,
  }, mt)
end

--- Nothing to prepare: each request has its own flight.
function Single.join() end

-- ---- outcomes ----

-- A request in flight; reused.
local Flight = {}
local FLIGHT = { __index = Flight }

--- The time at which the octets being processed were read; the clock is read once per read of the socket.
local function time_read(self, engine, session)
  local reads = session.reads
  if session ~= self.seen_session or reads ~= self.seen_reads then
    self.seen_session, self.seen_reads, self.seen_at = session, reads, engine.loop:precise()
  end
  return self.seen_at
end

--- Calls `answered` and `check` of a script.
local function tell_script(self, engine, flight, answer, status, now)
  local script, source = self.script, self.source
  local before = engine.loop:precise()
  local seen = { n = flight.n, status = status, message_id = answer and answer.message_id, latency_s = now and now - flight.due }
  if script.answered then engine:call(script.answered, seen) end
  if script.check then
    for name, passed in pairs(engine:call(script.check, seen) or {}) do engine.recorder:note_check(name, passed and true or false) end
  end
  source.spent_s = source.spent_s + engine.loop:precise() - before
end

--- The outcome of a request, as `Session:send` gives it.
function Flight:outcome(response, _, code, refused)
  local link = self.link
  if not link then return end -- counted as unknown at the end
  local own, engine = self.single, self.engine
  local recorder = engine.recorder
  link.open = link.open - 1
  if response or refused and code ~= "timeout" then
    local now = time_read(own, engine, self.session)
    local status = response and "ESME_ROK" or code
    if not self.warm then
      recorder:note_answer(now, self.due, self.left, status)
      if response and self.wants then engine:expect_receipt(response.message_id or "", self.due) end
    end
    if own.script then tell_script(own, engine, self, response or refused, status, now) end
  else
    if not self.warm then recorder:note_unknown(engine.loop:precise()) end
    if own.script then tell_script(own, engine, self, nil, code) end
  end
  local n = own.free_count + 1
  own.free[n], own.free_count, self.link = self, n, nil
  engine:freed(1)
end

-- ---- sending ----

--- Takes the next message that is due; false: none now.
---@return boolean taken
local function take(self, engine, now)
  if engine.stopping then return false end
  if engine.schedule then
    local due = engine:next(now)
    if not due then return false end
    self.due = due
  elseif engine:left(now) > 0 then
    self.due = now
  else
    engine:stop "done"
    return false
  end
  local submits, wants = self.source:next()
  if not submits then
    engine:stop "done"
    return false
  end
  engine.n = engine.n + 1
  self.warm = self.due < engine.recorder.started
  self.submits, self.part, self.wants = submits, 1, wants
  return true
end

--- Sends a PDU over a link.  Returns whether it left.
local function send(self, engine, link, session, fields, due, now)
  local n = self.free_count
  local flight
  if n > 0 then
    flight, self.free_count = self.free[n], n - 1
  else
    flight = setmetatable({ single = self, engine = engine }, FLIGHT)
    self.flights[#self.flights + 1] = flight
  end
  local cookie, message, code = session:send(self.command_id, fields, flight)
  if not cookie then
    self.free_count = n > 0 and n or 1
    self.free[self.free_count] = flight
    if code == "window_full" or code == "closed" or code == "not_sent" then
      if code ~= "window_full" then link.session = nil end
      return false
    end
    error(message, 0)
  end
  flight.link, flight.session, flight.due, flight.left, flight.warm, flight.wants, flight.n = link, session, due, now, self.warm, self.wants, engine.n
  link.open, engine.open = link.open + 1, engine.open + 1
  return true
end

--- Sends all that is due and has room.
---@param engine smpp.LoadEngine
function Single:pump(engine)
  local loop, recorder = engine.loop, engine.recorder
  local now, look = loop:precise(), LOOK
  while not engine.stopping do
    local link, session
    if not engine.schedule and not self.submits then link, session = engine:room(now) end
    if not self.submits and not engine.schedule and not link then
      engine.is_blocked = true -- closed model: without room no message is due
      break
    elseif not self.submits and not take(self, engine, now) then
      if engine.stopping or not engine.next_due then break end
      now, look = loop:precise(), LOOK
      if engine.next_due > now then break end
    else
      if not link then link, session = engine:room(now) end
      if not link then
        engine:block(now - self.due)
        break
      end
      if engine.is_blocked then
        now = loop:precise()
        engine:unblock(now)
      end
      look = look - 1
      if look == 0 then
        now, look = loop:precise(), LOOK
        recorder:note_window(engine.open)
      end
      if send(self, engine, link, session, self.submits[self.part], self.due, now) then
        if self.warm then recorder.warm = recorder.warm + 1 else recorder:note_sent(now, self.due, engine.blocked_until, self.part == 1) end
        if self.part == #self.submits then self.submits = nil else self.part = self.part + 1 end
      end
    end
  end
end

--- When the message was due that waits to be sent; nil: none does.
---@return number?
function Single:oldest() return self.submits and self.due or nil end

--- How many messages wait to be sent, when the sending ends; they never will be.
---@return integer count
---@return boolean is_counted  whether the latest message counts
function Single:drop()
  local count = self.submits and #self.submits - self.part + 1 or 0
  self.submits = nil
  return count, not self.warm
end

--- Forgets what is in flight.  Returns how many of them count.
---@return integer
function Single:abandon()
  local count = 0
  for i = 1, #self.flights do
    local flight = self.flights[i]
    if flight.link then
      if not flight.warm then count = count + 1 end
      flight.link = nil
    end
  end
  return count
end

return single
