--- Requests of the peer: handlers run as tasks, and each request gets its answer, whatever its handler does.
local commands = require "smpp.codec.commands"
local task = require "smpp.base.task"

local serving = { methods = {} }
local Connection = serving.methods

local UNANSWERED = { esme = "ESME_RX_T_APPN", mc = "ESME_RSYSERR" }

local start, current = task.start, task.current

-- A request whose handler waits: its entry is in a list of the connection's, since deadlines come in the order of
-- arrival, and known by its task, since handlers end in any.  Of a task that took too long only the name of its command
-- is left.  A task that nobody can wake any more is not kept.
local PDU, DEADLINE, TASK, OLDER, NEWER = 1, 2, 3, 4, 5
local held = setmetatable({}, { __mode = "k" })

local function unlink(self, entry)
  local older, newer = entry[OLDER], entry[NEWER]
  if older then older[NEWER] = newer else self.busy_oldest = newer end
  if newer then newer[OLDER] = older else self.busy_newest = older end
  self.busy_count = self.busy_count - 1
  local load = self.load
  if load then load.count = load.count - 1 end
end

--- The handler that a task ran is over: its entry, if it had waited.
local function release(self, co)
  local entry = held[co]
  if not entry then return nil end
  held[co] = nil
  if type(entry) == "table" then unlink(self, entry) end
  return entry
end

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

local function run(self, handler, pdu)
  answer(self, pdu, handler(self.target, pdu))
  if self.serving ~= pdu then release(self, current()) end -- it had waited
end

local function run_pdu_first(self, handler, pdu)
  answer(self, pdu, handler(pdu, self.target, self))
  if self.serving ~= pdu then release(self, current()) end
end

local unanswered, is_bind = commands.roles.unanswered, commands.roles.bind

local function run_unanswered(self, handler, pdu)
  if self.pdu_first then handler(pdu, self.target) else handler(self.target, pdu) end
end

function Connection:serve(pdu, command_id)
  local handler, stats = self.handlers[command_id], self.stats
  if stats then stats.received = stats.received + 1 end
  if not handler then return self:serve_unhandled(pdu, command_id) end
  if unanswered[command_id] then
    start(self.sink, run_unanswered, self, handler, pdu)
    return
  end
  local load = self.load
  if load and load.count >= load.limit and not is_bind[command_id] then
    self.core:answer(pdu, "ESME_RTHROTTLED", nil, self.now)
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

--- A request whose answer is to come: answered for its handler when that takes too long.
function Connection:hold(pdu, co)
  local newest, load = self.busy_newest, self.load
  local entry = { pdu, self.loop:now() + self.answer_timeout_s, co, newest, nil }
  if newest then newest[NEWER] = entry else self.busy_oldest = entry end
  held[co], self.busy_newest, self.busy_count = entry, entry, self.busy_count + 1
  if load then load.count = load.count + 1 end
  if self.busy_count > self.swamped_above and not self.swamped and self.core:unanswered() > self.swamped_above then
    self.swamped = true
    self:update_reading()
  end
  if not newest then self:arm() end
end

function Connection:handler_failed(trace, co)
  local entry, pdu, name = release(self, co), nil, nil
  if not entry then
    pdu = self.serving
  elseif type(entry) == "table" then
    pdu = entry[PDU]
  else
    name = entry
  end
  if pdu and not self.closed and self.core:is_answerable(pdu) then
    self.core:answer(pdu, UNANSWERED[self.role], nil, self.loop:now())
    self:touch()
  end
  self:emit("error", ("the handler of %s failed: %s"):format(name or pdu and pdu.command or "a request", trace))
end

--- Answers for the handlers that took too long.
---@param now number  math.huge: the session is over
function Connection:expire_busy(now)
  local entry = self.busy_oldest
  while entry and entry[DEADLINE] <= now do
    if self.core:is_answerable(entry[PDU]) then self.core:answer(entry[PDU], UNANSWERED[self.role], nil, now) end
    held[entry[TASK]] = entry[PDU].command
    unlink(self, entry)
    entry = self.busy_oldest
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
  local entry = held[co]
  if type(entry) == "table" and self.core:is_answerable(entry[PDU]) then self:answer(entry[PDU]) end
end

return serving
