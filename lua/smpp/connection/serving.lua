--- Requests of the peer: handlers run as tasks, and each request gets its answer, whatever its handler does.
local task = require "smpp.task"

local serving = { methods = {} }
local Connection = serving.methods

local UNANSWERED = { esme = "ESME_RX_T_APPN", mc = "ESME_RSYSERR" }

local start = task.start

local function answer(self, pdu, result, status)
  local session, now = self.core, self.processing and self.now or self.loop:now()
  local ok, message, code
  if result == nil then
    if status ~= nil then
      ok, message, code = session:answer(pdu, status, nil, now)
    else
      ok, message, code = session:answer(pdu, nil, self.message_id and self.message_id(self, pdu), now)
    end
  elseif type(result) == "string" then
    ok, message, code = session:answer(pdu, nil, result, now)
  elseif type(result) == "table" then
    ok, message, code = session:respond(pdu, result, now)
    if session:state() ~= self.state then self:poll() end -- it was a bind's
  elseif result == true then
    ok, message, code = session:answer(pdu, nil, nil, now)
  else
    error(("a handler of %s returned a %s; nothing, a message_id, a table or nil, status expected"):format(pdu.command, type(result)), 0)
  end
  if not ok and code ~= "closed" and code ~= "not_sent" then
    error(("the answer to %s: %s"):format(pdu.command, message), 0)
  end
  if not self.processing then self:touch() end -- the handler had waited
end

local function run(self, handler, pdu) return answer(self, pdu, handler(self.target, pdu)) end
local function run_pdu_first(self, handler, pdu) return answer(self, pdu, handler(pdu, self.target, self)) end

local OUTBIND, ALERT_NOTIFICATION = 0x0B, 0x102 -- nothing answers these

local function run_unanswered(self, handler, pdu)
  if self.pdu_first then handler(pdu, self.target) else handler(self.target, pdu) end
end

function Connection:serve(pdu, command_id)
  local handler, stats = self.handlers[command_id], self.stats
  if stats then stats.received = stats.received + 1 end
  if not handler then return self:serve_unhandled(pdu, command_id) end
  if command_id == OUTBIND or command_id == ALERT_NOTIFICATION then
    start(self.sink, run_unanswered, self, handler, pdu)
    return
  end
  self.serving = pdu
  local co, waits = start(self.sink, self.pdu_first and run_pdu_first or run, self, handler, pdu)
  self.serving = nil
  if waits then self:hold(pdu, co) end
end

--- Runs fn(pdu) as the handler of a request: its results are the answer, its errors are answered.
---@param pdu smpp.Pdu
---@param fn fun(target, pdu): any, any
function Connection:serve_with(pdu, fn)
  self.serving = pdu
  local co, waits = start(self.sink, run, self, fn, pdu)
  self.serving = nil
  if waits then self:hold(pdu, co) end
  self:touch()
end

function Connection:serve_unhandled(pdu, command_id)
  if self.unhandled then return self.unhandled(self, pdu, command_id) end
  if self.core:is_answerable(pdu) then self.core:answer(pdu, "ESME_RINVCMDID", nil, self.loop:now()) end
end

--- Forgets the oldest requests that are answered.
local function trim_busy(self)
  local busy, first, last = self.busy, self.busy_first, self.busy_last
  while first <= last and not self.core:is_answerable(busy[first][1]) do
    busy[first] = nil
    first = first + 1
  end
  if first > last then first, last = 1, 0 end
  self.busy_first, self.busy_last = first, last
end

--- A request whose answer is to come: answered for its handler when that takes too long.
function Connection:hold(pdu, co)
  trim_busy(self)
  self.busy_last = self.busy_last + 1
  self.busy[self.busy_last] = { pdu, self.loop:now() + self.answer_timeout_s, co }
  if self.busy_last - self.busy_first >= self.swamped_above and not self.swamped and self.core:unanswered() > self.swamped_above then
    self.swamped = true
    self:update_reading()
  end
  if self.busy_last == self.busy_first then self:arm() end
end

--- The request of a handler that failed: one that had waited is among the busy ones.
local function failed_request(self, co)
  for i = self.busy_first, self.busy_last do
    local entry = self.busy[i]
    if entry[3] == co and self.core:is_answerable(entry[1]) then return entry[1] end
  end
  return self.serving
end

function Connection:handler_failed(trace, co)
  local pdu = failed_request(self, co)
  if pdu and not self.closed and self.core:is_answerable(pdu) then
    self.core:answer(pdu, UNANSWERED[self.role], nil, self.loop:now())
    self:touch()
  end
  self:emit("error", ("the handler of %s failed: %s"):format(pdu and pdu.command or "a request", trace))
end

function Connection:expire_busy(now)
  trim_busy(self)
  while self.busy_first <= self.busy_last and self.busy[self.busy_first][2] <= now do
    self.core:answer(self.busy[self.busy_first][1], UNANSWERED[self.role], nil, now)
    trim_busy(self)
  end
end

--- Answers a request before, or instead of, its handler's result.
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function Connection:answer(pdu, result, status)
  local ok, message, code
  if type(result) == "table" then
    ok, message, code = self.core:respond(pdu, result, self.loop:now())
  else
    ok, message, code = self.core:answer(pdu, status, result, self.loop:now())
  end
  self:touch()
  return ok, message, code
end

--- Acknowledges the request whose handler a task is, which waits for the end of the session, which waits for its answer.
---@param co smpp.Task
function Connection:answer_own(co)
  for i = self.busy_first, self.busy_last do
    local entry = self.busy[i]
    if entry[3] == co and self.core:is_answerable(entry[1]) then self:answer(entry[1]) end
  end
end

return serving
