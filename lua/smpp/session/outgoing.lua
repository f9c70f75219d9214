--- Our requests: matches each response, timeout or lost connection to the task or callback that waits for it.  A part of a
--- session.  A request is identified by its cookie, an index into the arrays below, reused after the request has ended.
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local task = require "smpp.base.task"

---@class smpp.Outgoing
local Outgoing = { free_count = 0, last_cookie = 0 }
local mt = { __index = Outgoing, __name = "smpp.Outgoing" }

local outgoing = {}

local GENERIC_NACK = commands.ids.generic_nack

local start, wake, wait, need = task.start, task.wake, task.wait, task.need

local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a method that is a tail call of `request`

local TIMEOUT = "no response in time, outcome unknown"

---@param session smpp.Session
---@param counters smpp.Stats?
---@return smpp.Outgoing
function outgoing.new(session, counters)
  local self = setmetatable({
    session = session,
    counters = nil,
    -- Made with the first request:
    waiters = nil,              -- cookie -> the task, callback or object (its method `outcome`) that gets the outcome; false: none
    started = nil,              -- cookie -> loop time when it was sent; false: not counted
    free = nil,                 -- free cookies, free_count of them; last_cookie is the highest
    fields = nil, commands = nil, -- cookie -> what was sent; only if the owner has on_outcome_unknown
  }, mt)
  self:set_owner(session.owner, counters)
  return self
end

--- Replaces the owner and its counters.
---@param owner smpp.SessionOwner
---@param counters smpp.Stats?
function Outgoing:set_owner(owner, counters)
  self.counters = counters
  if counters and owner.on_outcome_unknown and not self.fields then
    self.fields, self.commands = {}, {}
    for cookie = 1, self.last_cookie do self.fields[cookie], self.commands[cookie] = false, false end
  end
end

local function new_cookie(self)
  local n = self.free_count
  if n > 0 then
    self.free_count = n - 1
    return self.free[n]
  end
  local cookie = self.last_cookie + 1
  if cookie == 1 then self.waiters, self.started, self.free = {}, {}, {} end
  self.last_cookie, self.started[cookie] = cookie, false
  return cookie
end

local function free_cookie(self, cookie)
  local n = self.free_count + 1
  self.free_count, self.free[n] = n, cookie
end

--- Ends a request: frees its cookie, and gives its outcome to the waiter.
local function settle(self, cookie, ...)
  local waiter = self.waiters[cookie]
  self.waiters[cookie], self.started[cookie] = false, false
  if self.fields then self.fields[cookie], self.commands[cookie] = false, false end
  free_cookie(self, cookie)
  if not waiter then return end
  local kind = type(waiter)
  if kind == "function" then
    start(self.session.sink, waiter, ...)
  elseif kind == "table" then
    start(self.session.sink, waiter.outcome, waiter, ...)
  else
    wake(waiter, ...)
  end
end

local function fail(self, cookie, message, code, pdu)
  if self.started[cookie] then
    local session = self.session
    local owner = session.owner
    self.counters.unknown = self.counters.unknown + 1
    if self.fields and owner.on_outcome_unknown then
      owner:on_outcome_unknown(session, self.commands[cookie], self.fields[cookie], code)
    end
  end
  settle(self, cookie, nil, message, code, pdu)
end

--- A response was received.
---@param status integer  command_status
---@param reason string|false  why the response is malformed; the outcome is then unknown
function Outgoing:complete(cookie, pdu, status, reason)
  if reason then
    return fail(self, cookie, ("%s: %s, outcome unknown"):format(pdu.command, reason), "timeout", pdu)
  end
  local started = self.started[cookie]
  if started then
    local session, counters = self.session, self.counters
    local latency_s, owner = session.now - started, session.owner
    counters:note_latency(latency_s)
    if status == 0 then counters.answered = counters.answered + 1 else counters:note_refusal(pdu.status) end
    if owner.on_response then owner:on_response(session, pdu, latency_s) end
  end
  if status == 0 then
    settle(self, cookie, pdu)
  else
    local row, session = explain.status(status), self.session
    local owner = session.owner
    if owner.on_refusal then owner:on_refusal(session, row, pdu, started) end
    local name = pdu.command_id == GENERIC_NACK and " (generic_nack)" or ""
    settle(self, cookie, nil, ("%s%s: %s"):format(row.name, name, row.meaning), row.name, pdu)
  end
end

--- No response within the timeout.
function Outgoing:timed_out(cookie) fail(self, cookie, TIMEOUT, "timeout") end

--- The session ended before the response.
function Outgoing:lost(cookie)
  local reason = self.session.lost_reason
  fail(self, cookie, reason and ("connection lost (" .. reason .. "), outcome unknown") or "connection lost, outcome unknown", "connection_lost")
end

--- `Session:send`.
---@param session smpp.Session
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|table|false
---@return integer? cookie  nil, message, code: not sent
local function send(session, command_id, fields, waiter)
  local self = session.outgoing
  local cookie, counters = new_cookie(self), self.counters
  local now = session.processing and session.now or session.loop:now()
  local sequence, message, code = session.machine:request(command_id, fields, cookie, now)
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiters[cookie] = waiter
  if counters and session.is_bound then
    self.started[cookie] = now
    counters.requests = counters.requests + 1
    if self.fields then self.fields[cookie], self.commands[cookie] = fields, command_id end
  end
  if not session.processing and not session.dirty then session:touch() end
  return cookie
end
outgoing.send = send

--- Ends the wait for a request, not the request: its response is still matched and counted, and then dropped.
---@return boolean ended  false: the wait had ended already
function Outgoing:stop_waiting(cookie, waiter)
  if not waiter or self.waiters[cookie] ~= waiter then return false end
  self.waiters[cookie] = false
  return true
end

--- Gives a wait a timeout of its own.
local function limit(self, cookie, waiter, timeout_s)
  local timer
  timer = self.session.loop:timer(function()
    timer:close()
    if not self:stop_waiting(cookie, waiter) then return end
    if type(waiter) == "function" then
      start(self.session.sink, waiter, nil, TIMEOUT, "timeout")
    else
      wake(waiter, nil, TIMEOUT, "timeout")
    end
  end, true)
  timer:start(timeout_s)
  return timer
end

local function close_timer(timer, ...)
  timer:close()
  return ...
end

--- Sends a request and waits for its response; if the last argument is a function, calls it instead of waiting.
---@async
function Outgoing:request(command_id, fields, timeout_s, callback)
  if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
  local timer
  local waiter = callback and timeout_s and function(...)
    timer:close()
    return callback(...)
  end or callback or need(LEVEL)
  local cookie, message, code = send(self.session, command_id, fields or {}, waiter)
  if callback then
    if not cookie then
      start(self.session.sink, callback, nil, message, code)
    elseif timeout_s then
      timer = limit(self, cookie, waiter, timeout_s)
    end
    return cookie ~= nil
  end
  if not cookie then return nil, message, code end
  if timeout_s then return close_timer(limit(self, cookie, waiter, timeout_s), wait()) end
  return wait()
end

--- Forwards a received request and waits for the response.
---@async
function Outgoing:forward(pdu, changes)
  local waiter, cookie = need(3), new_cookie(self)
  local sequence, message, code = self.session.machine:forward(pdu, changes, cookie, self.session.loop:now())
  if not sequence then
    free_cookie(self, cookie)
    return nil, message, code
  end
  self.waiters[cookie] = waiter
  self.session:touch()
  return wait()
end

--- Sends a request that has no response.
---@return boolean? sent  nil, message, code: not sent
function Outgoing:send_unanswered(command_id, fields)
  local sequence, message, code = self.session.machine:request(command_id, fields or {}, 0, self.session.loop:now())
  if not sequence then return nil, message, code end
  self.session:touch()
  return true
end

--- Number of tasks and callbacks that wait for an outcome.
---@return integer
function Outgoing:waiting()
  local n = 0
  for cookie = 1, self.last_cookie do
    if self.waiters[cookie] then n = n + 1 end
  end
  return n
end

--- The method that sends a command, for objects with an `outgoing` part:
--- session:deliver_sm{ ... } -> response | nil, message, code, refusing response.
---@param command smpp.Command
---@return function
function outgoing.method(command)
  local id = command.id
  if not command.response_id then
    return function(self, fields) return self.outgoing:send_unanswered(id, fields) end
  end
  return function(self, fields, timeout_s, callback)
    return self.outgoing:request(id, fields, timeout_s, callback)
  end
end

return outgoing
