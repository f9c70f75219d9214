--- Our requests: gives each response, timeout or lost connection to the task or callback that waits for it.  Functions of a
--- session: the C session keeps what waits for a request, and its fields, until it has ended.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local task = require "smpp.base.task"

local outgoing = {}

local GENERIC_NACK = commands.ids.generic_nack

local ACCEPTED = core.session_events.accepted.kind
local ACCEPTED_SLOTS = #core.session_events.accepted + 1

local start, wake, wake_with, check_timeout = task.start, task.wake, task.wake_with, task.check_timeout
local wait, wait_as, need = task.wait, task.wait_as, task.need
local will_wait, stay = task.will_wait, task.stay

local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a method that is a tail call of `request`
local FORWARD_LEVEL = LEVEL + 1 -- of the caller of `Session:forward`, which is a tail call

--- A field that the command does not have is a mistake of the program: raises at its line.
---@param level integer  as of `error`, seen from the caller
local function check_known(code, message, level)
  if code == "unknown_field" then error(message, level + 1) end
end
outgoing.check_known = check_known

local TIMEOUT = "no response in time, outcome unknown"

--- Gives its outcome to what waits for a request: a task, a callback or an object (its method `outcome`, which never waits
--- if the object `is_prompt`); false: nobody waits.
local function settle(session, waiter, ...)
  if not waiter then return end
  local kind = type(waiter)
  if kind == "function" then
    start(session, waiter, ...)
  elseif kind == "table" and waiter.is_prompt then
    local ok, message = pcall(waiter.outcome, waiter, ...)
    if not ok then session(message) end
  elseif kind == "table" then
    start(session, waiter.outcome, waiter, ...)
  else
    wake(waiter, ...)
  end
end

local function fail(session, waiter, sent, command_id, fields, message, code, pdu)
  if sent then
    local owner = session.owner
    if owner.on_outcome_unknown then owner:on_outcome_unknown(session, command_id, fields, code) end
  end
  settle(session, waiter, nil, message, code, pdu)
end

--- Gives consecutive responses with status 0 among the events to those who wait for them.
---@param slots table  events of the C session
---@param at integer
---@param last integer
---@return integer next  slot after them
function outgoing.accepted(session, slots, at, last)
  repeat
    local pdu, waiter, sent = slots[at + 1], slots[at + 2], slots[at + 3]
    local owner = session.owner
    if sent and owner.on_response then owner:on_response(session, pdu, session.now - sent) end
    if not wake_with(waiter, pdu) then settle(session, waiter, pdu) end
    at = at + ACCEPTED_SLOTS
  until at > last or slots[at] ~= ACCEPTED
  return at
end

--- A response was received that is a refusal, or to a request that changes the state.
---@param waiter any       of the request
---@param pdu smpp.Pdu
---@param status integer   command_status
---@param sent number|false  when the request was sent; false: not counted
function outgoing.complete(session, waiter, pdu, status, sent)
  local owner = session.owner
  if sent and owner.on_response then owner:on_response(session, pdu, session.now - sent) end
  if status == 0 then return settle(session, waiter, pdu) end
  if sent then session.incoming.counters:note_refusal(pdu.status) end
  local row = explain.status(status)
  if owner.on_refusal then owner:on_refusal(session, row, pdu, sent) end
  local name = pdu.command_id == GENERIC_NACK and " (generic_nack)" or ""
  settle(session, waiter, nil, ("%s%s: %s"):format(row.name, name, row.meaning), row.name, pdu)
end

--- A malformed response was received: the outcome is unknown.
---@param reason string
function outgoing.malformed(session, waiter, pdu, reason, sent, command_id, fields)
  fail(session, waiter, sent, command_id, fields, ("%s: %s, outcome unknown"):format(pdu.command, reason), "timeout", pdu)
end

--- No response within the timeout.
---@param waiter any
---@param sent number|false
---@param command_id integer  of the request
---@param fields table|smpp.Pdu
function outgoing.timed_out(session, waiter, sent, command_id, fields)
  fail(session, waiter, sent, command_id, fields, TIMEOUT, "timeout")
end

--- The session ended before the response.
function outgoing.lost(session, waiter, sent, command_id, fields)
  local reason = session:cause()
  fail(session, waiter, sent, command_id, fields,
    reason and ("connection lost (" .. reason .. "), outcome unknown") or "connection lost, outcome unknown", "connection_lost")
end

--- The session ended before any octet of the request was written.
function outgoing.unsent(session, waiter)
  settle(session, waiter, nil, ("connection lost (%s) before it was sent"):format(session:cause() or "closed"), "not_sent")
end

--- `Session:send`.
---@param session smpp.Session
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|table|false
---@return integer? cookie  nil, message, code: not sent
local function send(session, command_id, fields, waiter)
  local is_processing = session.processing
  local sequence, cookie, code = session.machine:request(command_id, fields, waiter, is_processing and session.now or session.loop:now())
  if not sequence then return nil, cookie, code end
  if not is_processing and not session.dirty then session:touch() end
  return cookie
end
outgoing.send = send

--- Sends a request of the running task, which waits for the response: `send` and the wait in one call of C, if its fields are usual ones.
---@async
---@param session smpp.Session
---@param command_id integer
---@param fields table|smpp.Pdu|string
---@return smpp.Pdu|false|nil response  false: nothing was sent, `send` does it or tells why not
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
local function ask(session, command_id, fields)
  local token = will_wait()
  if not token then return false end
  local now = session.now
  if not session.processing then
    now = session.loop:now()
    if not session.dirty then session:touch() end
  end
  local response, message, code, refused = session.machine:ask(command_id, fields, token, now)
  if response == false then stay(token) end
  return response, message, code, refused
end
outgoing.ask = ask

--- `Session:reply`.
local function reply(session, pdu, text, waiter)
  local is_processing = session.processing
  local sequence, cookie, code = session.machine:reply(pdu, text, waiter, is_processing and session.now or session.loop:now())
  if not sequence then return nil, cookie, code end
  if not is_processing and not session.dirty then session:touch() end
  return cookie
end
outgoing.reply = reply

--- Gives a wait a timeout of its own.
local function limit(session, cookie, waiter, timeout_s)
  local timer
  timer = session.loop:timer(function()
    timer:close()
    if not session:stop_waiting(cookie, waiter) then return end
    if type(waiter) == "function" then
      start(session, waiter, nil, TIMEOUT, "timeout")
    else
      wake(waiter, nil, TIMEOUT, "timeout")
    end
  end, true)
  timer:start(timeout_s)
  return timer
end

--- A callback that closes its timer.  Apart from `request`: LuaJIT never compiles a function that makes closures.
local function with_timer(callback)
  local timer
  return function(...)
    timer:close()
    return callback(...)
  end, function(made) timer = made end
end

local function close_timer(timer, ...)
  timer:close()
  return ...
end

--- Sends a request and waits for its response; if the last argument is a function, calls it instead of waiting.
---@async
function outgoing.request(session, command_id, fields, timeout_s, callback)
  if timeout_s then
    if type(timeout_s) == "function" then timeout_s, callback = nil, timeout_s end
    check_timeout(timeout_s, LEVEL)
  end
  local waiter, set_timer = callback or need(LEVEL), nil
  if callback and timeout_s then waiter, set_timer = with_timer(callback) end
  local cookie, message, code = send(session, command_id, fields or {}, waiter)
  if not cookie then check_known(code, message, LEVEL) end
  if callback then
    if not cookie then
      start(session, callback, nil, message, code)
    elseif timeout_s then
      set_timer(limit(session, cookie, waiter, timeout_s))
    end
    return cookie ~= nil
  end
  if not cookie then return nil, message, code end
  if timeout_s then return close_timer(limit(session, cookie, waiter, timeout_s), wait()) end
  return wait_as(waiter)
end

--- Forwards a received request and waits for the response.
---@async
function outgoing.forward(session, pdu, changes)
  local waiter = need(FORWARD_LEVEL)
  local sequence, message, code = session.machine:forward(pdu, changes, waiter, session.loop:now())
  if not sequence then
    check_known(code, message, FORWARD_LEVEL)
    return nil, message, code
  end
  session:touch()
  return wait()
end

--- Sends a request that has no response.
---@return boolean? sent  nil, message, code: not sent
function outgoing.send_unanswered(session, command_id, fields)
  local sequence, message, code = session.machine:request(command_id, fields or {}, false, session.loop:now())
  if not sequence then
    check_known(code, message, LEVEL)
    return nil, message, code
  end
  session:touch()
  return true
end

--- The method of a session that sends a command:
--- session:deliver_sm{ ... } -> response | nil, message, code, refusing response.
---@param command smpp.Command
---@return function
function outgoing.method(command)
  local id = command.id
  if not command.response_id then
    return function(self, fields) return outgoing.send_unanswered(self, id, fields) end
  end
  return function(self, fields, timeout_s, callback)
    return outgoing.request(self, id, fields, timeout_s, callback)
  end
end

return outgoing
