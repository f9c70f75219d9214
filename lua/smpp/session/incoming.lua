--- Requests of the peer: the owner's handler runs as a task, and each request gets its answer, whatever the handler does.
--- A part of a session.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local task = require "smpp.base.task"

-- Fields that few sessions set have their defaults here: there may be a hundred thousand sessions.
---@class smpp.Incoming
local Incoming = {
  timeout_s = 10,
  overload_at = math.huge,      -- an MC answers ESME_RTHROTTLED above its limit; an ESME has no such status and lets TCP say it
  pending = 0,                  -- requests whose handlers wait
  at = 1,                       -- event that is being served
}
local mt = { __index = Incoming, __name = "smpp.Incoming" }

local incoming = {}

-- The answer to a request whose handler failed or took too long.
local UNANSWERED = { esme = "ESME_RX_T_APPN", mc = "ESME_RSYSERR" }

local REQUEST = core.session_events.request.kind
local REQUEST_SLOTS = #core.session_events.request + 1

local is_bind = commands.roles.bind

local begin, run_woken, current = task.begin, task.run_woken, task.current

--- The requests that nothing answers, by command_id.
local function no_response_of(self) return self.session.codec.commands.roles.unanswered end

-- A request whose handler waits: its entry is in a list of the session's, since deadlines come in the order of arrival,
-- and known by its task, since handlers end in any.  One that took too long is in the list no more, and its PDU is let go.
-- A task that nobody can wake any more is not kept.
local PDU, DEADLINE, OLDER, NEWER, COMMAND, INCOMING = 1, 2, 3, 4, 5, 6
local entries = setmetatable({}, { __mode = "k" })

---@param session smpp.Session
---@param o smpp.SessionOptions
---@return smpp.Incoming
function incoming.new(session, o)
  return setmetatable({
    session = session,
    counters = o.counters,
    load = o.load,              -- of all sessions of an owner: { count, limit } of requests whose handlers wait, or nil
    timeout_s = o.answer_timeout_s,
    oldest = nil, newest = nil, -- of the requests whose handlers wait
    serving = nil,              -- PDU whose handler runs right now, not having waited
    overload_at = o.role == "esme" and math.floor((o.machine.max_unanswered or core.defaults.max_unanswered) / 2) or nil,
  }, mt)
end

local function unlink(self, entry)
  local older, newer = entry[OLDER], entry[NEWER]
  if older then older[NEWER] = newer else self.oldest = newer or nil end
  if newer then newer[OLDER] = older else self.newest = older or nil end
  entry[OLDER], entry[NEWER] = false, false
  self.pending = self.pending - 1
  local load = self.load
  if load then load.count = load.count - 1 end
end

--- The handler that a task ran is over.
---@return table? entry  nil: it had not waited
local function release(self, co)
  local entry = entries[co]
  if not entry then return nil end
  entries[co] = nil
  if entry[PDU] then unlink(self, entry) end
  return entry
end

--- Answers with what a handler returned.
local function answer(self, pdu, result, status)
  local session = self.session
  local machine = session.machine
  local now = session.processing and session.now or session.loop:now()
  local ok, message, code
  if result == nil then
    ok, message, code = machine:answer(pdu, status, nil, now)
  elseif type(result) == "string" then
    ok, message, code = machine:answer(pdu, nil, result, now)
  elseif type(result) == "table" then
    ok, message, code = machine:respond(pdu, result, now)
    if machine:state() ~= session.state then session:poll() end -- it was a bind's
  elseif result == true then
    ok, message, code = machine:answer(pdu, nil, nil, now)
  else
    error(("a handler of %s returned a %s; nothing, a message_id, a table or nil, status expected"):format(pdu.command, type(result)), 0)
  end
  if not ok and code ~= "closed" and code ~= "not_sent" then
    error(("the answer to %s: %s"):format(pdu.command, message), 0)
  end
end

--- A handler's result came after it was answered for: said, unless it is the very answer.
local function report_late(self, entry, result, status)
  local row = result == nil and status ~= nil and explain.status(status)
  if row and row.name == UNANSWERED[self.session.role] then return end
  local shown = row and row.name or type(result) == "string" and ("message_id '%s'"):format(result) or "ESME_ROK"
  self.session:report(("the handler of %s ended after %.3g s; its result (%s) was dropped, %s was the answer after %g s"):format(
    entry[COMMAND], self.session.loop:now() - entry[DEADLINE] + self.timeout_s, shown, UNANSWERED[self.session.role], self.timeout_s), "late_result")
end

--- The end of a handler that had waited.
local function finish(self, pdu, result, status)
  local co = current()
  local entry = entries[co]
  if entry and not entry[PDU] then
    entries[co] = nil
    if entry[PDU] == false then report_late(self, entry, result, status) end
    return
  end
  if not no_response_of(self)[pdu.command_id] then answer(self, pdu, result, status) end
  release(self, co)
  if not self.session.processing then self.session:touch() end
end

--- Answers a request that no handler gets.
local function refuse(self, pdu, command_id, status, reason)
  if no_response_of(self)[command_id] then return end
  self.session.machine:answer(pdu, status, nil, self.session.now)
  self.session:note_refused(pdu, status, reason)
end

--- Serves the requests that come next among the events.  A handler that returns costs a call; the first that waits keeps
--- the task, and the requests behind it are served in another.
local function serve_run(self, slots, last)
  local session, counters, load = self.session, self.counters, self.load
  local at, no_response = self.at, no_response_of(self)
  repeat
    local pdu, command_id = slots[at + 1], slots[at + 2]
    at = at + REQUEST_SLOTS
    self.at, self.serving = at, pdu
    if counters and session.is_bound then counters.received = counters.received + 1 end
    local owner = session.owner
    if not owner.on_request then
      refuse(self, pdu, command_id, "ESME_RINVCMDID", "no handler for it")
    elseif load and load.count >= load.limit and not is_bind[command_id] then
      refuse(self, pdu, command_id, "ESME_RTHROTTLED", "too many requests are being handled")
    else
      local result, status = owner:on_request(session, pdu, command_id)
      if self.serving ~= pdu then return finish(self, pdu, result, status) end
      if not no_response[command_id] then answer(self, pdu, result, status) end
    end
  until at > last or slots[at] ~= REQUEST
end

--- A request whose answer is to come: answered for its handler when that takes too long.
local function expect_answer(self, pdu, co)
  if no_response_of(self)[pdu.command_id] then return end
  local newest, load = self.newest, self.load
  local entry = { pdu, self.session.loop:now() + self.timeout_s, newest or false, false, pdu.command, self }
  if newest then newest[NEWER] = entry else self.oldest = entry end
  entries[co], self.newest, self.pending = entry, entry, self.pending + 1
  if load then load.count = load.count + 1 end
  if self.pending > self.overload_at and self.session.machine:unanswered() > self.overload_at then
    self.session.reading:set_overloaded(true)
  end
  if not newest then self.session:arm() end
end

--- Serves the run of requests that begins at an event.
---@param slots table  events of the C session
---@param at integer
---@param last integer
---@return integer next  behind them
function Incoming:serve(slots, at, last)
  local sink = self.session.sink
  self.at = at
  repeat
    local co, waits = begin(sink, serve_run, self, slots, last)
    local pdu = self.serving
    self.serving = nil
    if waits then expect_answer(self, pdu, co) end
    run_woken()
  until self.at > last or slots[self.at] ~= REQUEST
  return self.at
end

--- An error of a handler, or of the answer it asked for.
function Incoming:handler_failed(trace, co)
  local session, entry = self.session, release(self, co)
  local pdu, name
  if entry then
    pdu, name = entry[PDU], entry[COMMAND]
  else
    pdu = self.serving
    name = pdu and pdu.command or "a request"
  end
  if pdu and not session.closed and self.session.machine:is_answerable(pdu) then
    self.session.machine:answer(pdu, UNANSWERED[self.session.role], nil, self.session.loop:now())
    session:touch()
  end
  session:report(("the handler of %s failed: %s"):format(name, trace), "handler_failed")
end

--- Answers for the handlers that took too long.
---@param now number
function Incoming:expire(now)
  local entry = self.oldest
  while entry and entry[DEADLINE] <= now do
    local pdu = entry[PDU]
    unlink(self, entry)
    if self.session.machine:is_answerable(pdu) then
      self.session.machine:answer(pdu, UNANSWERED[self.session.role], nil, now)
      entry[PDU] = false
      self.session:report(("the handler of %s has not answered in %g s (answer_timeout_s): %s is the answer"):format(
        entry[COMMAND], self.timeout_s, UNANSWERED[self.session.role]), "answer_timeout", pdu)
    else
      entry[PDU] = nil -- answered before its handler ends: nothing is late
    end
    entry = self.oldest
  end
end

--- The session is over: handlers that still run have nobody to answer.
function Incoming:close()
  local entry = self.oldest
  while entry do
    unlink(self, entry)
    entry[PDU] = nil
    entry = self.oldest
  end
end

--- Whether half of what made an overload is answered.
---@return boolean
function Incoming:keeps_up() return self.session.machine:unanswered() <= self.overload_at / 2 end

--- When the oldest request is to be answered for its handler.
---@return number?
function Incoming:deadline() return self.oldest and self.oldest[DEADLINE] end

--- If a task is the handler of a request of this session, acknowledges that request.
---@param co smpp.Task
function Incoming:acknowledge(co)
  local entry = entries[co]
  if entry and entry[INCOMING] == self and entry[PDU] and self.session.machine:is_answerable(entry[PDU]) then self:answer(entry[PDU]) end
end

--- Answers a request before, or instead of, its handler's result.
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function Incoming:answer(pdu, result, status)
  local ok, message, code
  if type(result) == "table" then
    ok, message, code = self.session.machine:respond(pdu, result, self.session.loop:now())
  else
    ok, message, code = self.session.machine:answer(pdu, status, result, self.session.loop:now())
  end
  self.session:touch()
  return ok, message, code
end

return incoming
