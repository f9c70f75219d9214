--- Requests of the peer: the owner's handler runs as a task, and each request is answered, even if the handler fails or
--- takes too long.
--- A part of a session.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local outgoing = require "smpp.session.outgoing"
local profiles = require "smpp.profile"
local readings = require "smpp.session.reading"
local task = require "smpp.base.task"

-- Fields that few sessions set have their defaults here: there may be a hundred thousand sessions.
---@class smpp.Incoming
local Incoming = {
  timeout_s = profiles.habits.defaults.answer_timeout_s,
  overload_at = math.huge,      -- pending requests; above: stop reading.  ESMEs only: an MC answers ESME_RTHROTTLED above its limit
  pending = 0,                  -- requests whose handlers have not returned
  at = 1,                       -- slot of the event that is being served
  oldest = nil, newest = nil,   -- entries of the requests whose handlers wait
  serving = nil,                -- PDU whose handler runs now and has not waited yet
}
local mt = { __index = Incoming, __name = "smpp.Incoming" }

local incoming = {}

--- What a handler returns that answers later, by `session:answer`: such a request needs no task that waits.  After
--- answer_timeout_s it is answered as any other; `session:answer` has no effect then.
incoming.LATER = setmetatable({}, { __tostring = function() return "answered later" end })
local LATER = incoming.LATER

-- The answer to a request whose handler failed or took too long.
local UNANSWERED = { esme = "ESME_RX_T_APPN", mc = "ESME_RSYSERR" }

local REQUEST = core.session_events.request.kind
local REQUEST_SLOTS = #core.session_events.request + 1

local is_bind = commands.roles.bind

local begin, run_woken, current = task.begin, task.run_woken, task.current

--- The error of an invalid status in an answer; nil: valid.
local function wrong_status(status)
  if type(status) ~= "string" and type(status) ~= "number" then return "command_status: expected a name or a number, got a " .. type(status) end
  return not explain.class(status) and select(2, explain.status(status)) or nil
end

--- Requests that have no response (outbind, alert_notification), by command_id.
local function no_response_of(self) return self.session.codec.commands.roles.unanswered end

-- The entry of a request whose handler waits.  It is in a linked list of the session, oldest first, because deadlines are in
-- the order of arrival; and in `entries` by its task, because handlers end in any order.  An entry past its deadline leaves the
-- list and drops its PDU.  The keys of `entries` are weak: a task that can never be woken again is collected.  The key of a
-- request that is answered later is its PDU.
local PDU, DEADLINE, OLDER, NEWER, COMMAND, INCOMING = 1, 2, 3, 4, 5, 6
local entries = setmetatable({}, { __mode = "k" })

-- Entries of requests that were answered, for those to come: a list by NEWER.
local SPARE_MAX = 1024
local spare, spare_count = false, 0

--- An entry that was released, and that nobody else has.
local function reuse(entry)
  if spare_count == SPARE_MAX then return end
  entry[PDU], entry[COMMAND], entry[INCOMING], entry[NEWER] = false, false, false, spare
  spare, spare_count = entry, spare_count + 1
end

---@param session smpp.Session
---@param o smpp.SessionOptions
---@return smpp.Incoming
function incoming.new(session, o)
  local self = setmetatable({
    session = session,
    counters = o.counters,
    timeout_s = o.answer_timeout_s,
    overload_at = o.role == "esme" and math.floor((o.machine.max_unanswered or core.defaults.max_unanswered) / 2) or nil,
  }, mt)
  if o.load then self.load = o.load end -- { count, limit }: pending requests of all sessions of the owner
  return self
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

--- Removes the entry of a task whose handler has returned or failed, or of a request that is answered now.
---@param key smpp.Task|smpp.Pdu
---@return table? entry  nil: the handler never waited
local function release(self, key)
  local entry = entries[key]
  if not entry then return nil end
  entries[key] = nil
  if entry[PDU] then unlink(self, entry) end
  return entry
end

--- Sends the answer that a handler returned.
local function answer(self, pdu, result, status)
  local session = self.session
  local machine = session.machine
  local now = session.processing and session.now or session.loop:now()
  local ok, message, code
  if result == nil then
    local wrong = status ~= nil and wrong_status(status)
    if wrong then error(("cannot answer %s: %s"):format(pdu.command, wrong), 0) end
    ok, message, code = machine:answer(pdu, status, nil, now)
  elseif type(result) == "string" then
    ok, message, code = machine:answer(pdu, nil, result, now)
  elseif type(result) == "table" then
    ok, message, code = machine:respond(pdu, result, now)
    if machine:state() ~= session.state then session:poll() end -- a bind changed the state
  elseif result == true then
    ok, message, code = machine:answer(pdu, nil, nil, now)
  else
    error(("invalid result of the handler of %s: expected nil, a message_id, a table, true, or nil and a status, got a %s"):format(
      pdu.command, type(result)), 0)
  end
  if not ok and code ~= "closed" and code ~= "not_sent" then
    error(("cannot answer %s: %s"):format(pdu.command, message), 0)
  end
end

--- Reports a handler's result that came after answer_timeout_s, unless it equals the answer that was sent.
local function report_late(self, entry, result, status)
  local row = result == nil and status ~= nil and explain.status(status)
  if row and row.name == UNANSWERED[self.session.role] then return end
  local shown = row and row.name or type(result) == "string" and ("message_id '%s'"):format(result) or "ESME_ROK"
  self.session:report(("late result of the handler of %s (after %.3g s): %s was dropped, %s had been sent after %g s (answer_timeout_s)"):format(
    entry[COMMAND], self.session.loop:now() - entry[DEADLINE] + self.timeout_s, shown, UNANSWERED[self.session.role], self.timeout_s), "late_result")
end

--- A handler that had waited has returned.
local function finish(self, pdu, result, status)
  local co = current()
  local entry = entries[co]
  if entry and not entry[PDU] then
    entries[co] = nil
    if entry[PDU] == false and result ~= LATER then report_late(self, entry, result, status) end
    return
  end
  if result == LATER then
    entries[co], entries[pdu] = nil, entry
    return
  end
  if not no_response_of(self)[pdu.command_id] then answer(self, pdu, result, status) end
  if release(self, co) then reuse(entry) end
  if not self.session.processing then self.session:touch() end
end

--- Refuses a request without calling a handler.
local function refuse(self, pdu, command_id, status, reason)
  if no_response_of(self)[command_id] then return end
  self.session.machine:answer(pdu, status, nil, self.session.now)
  self.session:note_refused(pdu, status, reason)
end

--- Starts the deadline of a request whose handler waits, or that is answered later; `expire` answers it after that.
---@param key smpp.Task|smpp.Pdu
local function expect_answer(self, pdu, key)
  if no_response_of(self)[pdu.command_id] then return end
  local newest, load = self.newest, self.load
  local entry = spare
  if entry then
    spare, spare_count = entry[NEWER], spare_count - 1
    entry[PDU], entry[DEADLINE], entry[OLDER], entry[NEWER], entry[INCOMING] = pdu, self.session.now + self.timeout_s, newest or false, false, self
  else
    entry = { pdu, self.session.now + self.timeout_s, newest or false, false, false, self }
  end
  if newest then newest[NEWER] = entry else self.oldest = entry end
  entries[key], self.newest, self.pending = entry, entry, self.pending + 1
  if load then load.count = load.count + 1 end
  if self.pending > self.overload_at and self.session.machine:unanswered() > self.overload_at then
    readings.of(self.session):set_overloaded(true)
  end
  if not newest then self.session:arm() end
end

--- Serves consecutive requests among the events.  A handler that returns at once costs one call; the first that waits keeps
--- this task, and the requests after it are served in another.
local function serve_run(self, slots, last)
  local session, counters, load = self.session, self.counters, self.load
  local machine, at = session.machine, self.at
  local accept = machine.accept
  local owner, on_request
  repeat
    local pdu, command_id = slots[at + 1], slots[at + 2]
    at = at + REQUEST_SLOTS
    self.at, self.serving = at, pdu
    if counters and session.is_bound then counters.received = counters.received + 1 end
    if session.owner ~= owner then
      owner = session.owner
      on_request = owner.on_request
    end
    if not on_request then
      refuse(self, pdu, command_id, "ESME_RINVCMDID", "no handler for it")
    elseif load and load.count >= load.limit and not is_bind[command_id] then
      refuse(self, pdu, command_id, "ESME_RTHROTTLED", "too many pending requests (max_unanswered_in_all)")
    else
      local result, status = on_request(owner, session, pdu, command_id)
      if self.serving ~= pdu then return finish(self, pdu, result, status) end
      if status ~= nil or not accept(machine, pdu, result, session.now) then -- most results are a message_id, or none
        if result == LATER then
          expect_answer(self, pdu, pdu)
        elseif not no_response_of(self)[command_id] then
          answer(self, pdu, result, status)
        end
      end
    end
  until at > last or slots[at] ~= REQUEST
end

--- Serves the consecutive requests that begin at a slot.
---@param slots table  events of the C session
---@param at integer
---@param last integer
---@return integer next  slot after them
function Incoming:serve(slots, at, last)
  local session = self.session
  self.at = at
  repeat
    local co, waits = begin(session, serve_run, self, slots, last)
    local pdu = self.serving
    self.serving = nil
    if waits then expect_answer(self, pdu, co) end
    run_woken()
  until self.at > last or slots[self.at] ~= REQUEST
  return self.at
end

--- A handler failed, or its result cannot be sent: answers with an error status, and reports.
function Incoming:handler_failed(trace, co)
  local session, entry = self.session, release(self, co)
  local pdu, name
  if entry then
    pdu = entry[PDU]
    name = pdu and pdu.command or entry[COMMAND] or "a request"
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

--- Answers requests whose handlers exceeded answer_timeout_s.
---@param now number
function Incoming:expire(now)
  local entry = self.oldest
  while entry and entry[DEADLINE] <= now do
    local pdu = entry[PDU]
    unlink(self, entry)
    entries[pdu] = nil
    if self.session.machine:is_answerable(pdu) then
      self.session.machine:answer(pdu, UNANSWERED[self.session.role], nil, now)
      entry[PDU], entry[COMMAND] = false, pdu.command
      self.session:report(("the handler of %s did not answer within %g s (answer_timeout_s): answered with %s"):format(
        pdu.command, self.timeout_s, UNANSWERED[self.session.role]), "answer_timeout", pdu)
    else
      entry[PDU], entry[COMMAND] = nil, pdu.command -- answered already (session:answer): no late result to report
    end
    entry = self.oldest
  end
end

--- The session has ended: results of handlers that still run are dropped.
function Incoming:close()
  local entry = self.oldest
  while entry do
    unlink(self, entry)
    entry[COMMAND] = entry[PDU].command
    entries[entry[PDU]], entry[PDU] = nil, nil
    entry = self.oldest
  end
end

--- Tests whether the pending requests are down to half of `overload_at`.
---@return boolean
function Incoming:keeps_up() return self.session.machine:unanswered() <= self.overload_at / 2 end

--- The deadline of the oldest pending request, in loop time.
---@return number?
function Incoming:deadline() return self.oldest and self.oldest[DEADLINE] end

--- If the task is the handler of a request of this session, acknowledges that request with ESME_ROK.
---@param co smpp.Task
function Incoming:acknowledge(co)
  local entry = entries[co]
  local pdu = entry and entry[INCOMING] == self and entry[PDU]
  if pdu and self.session.machine:is_answerable(pdu) then incoming.answer(self.session, pdu) end
end

--- Answers a request before, or instead of, its handler's result.
---@param session smpp.Session
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function incoming.answer(session, pdu, result, status)
  local ok, message, code
  local now = session.processing and session.now or session.loop:now()
  if type(result) == "table" then
    ok, message, code = session.machine:respond(pdu, result, now)
    if not ok then outgoing.check_known(code, message, 2) end
  else
    local wrong = status ~= nil and wrong_status(status)
    if wrong then error(wrong, 2) end
    ok, message, code = session.machine:answer(pdu, status, result, now)
  end
  local entry = release(session.incoming, pdu)
  if entry then reuse(entry) end
  if not session.processing and not session.dirty then session:touch() end
  return ok, message, code
end

return incoming
