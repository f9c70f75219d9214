--- A session: one transport and one C session (smpp.core), which implements the protocol rules.
---
---   new → start (reads) → bound → unbind, close, or closed by the peer → ending (pending octets are written) → closed
---
--- Its parts have fields of their own: smpp.session.incoming (requests of the peer), and, made when they are needed, reading
--- (flow control), ending and tap (the event `pdu`).  smpp.session.outgoing are the functions of our requests,
--- smpp.session.machine_events acts on what the C session reports; smpp.session.owner is the interface to the owner.
local alarms = require "smpp.session.alarms"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local endings = require "smpp.session.ending"
local events = require "smpp.base.events"
local incoming = require "smpp.session.incoming"
local metrics = require("smpp.metrics").standard
local machine_events = require "smpp.session.machine_events"
local net = require "smpp.base.net"
local outgoing = require "smpp.session.outgoing"
local owners = require "smpp.session.owner"
local pdus = require "smpp.codec"
local explain = require "smpp.codec.explain"
local random = require "smpp.base.random"
local readings = require "smpp.session.reading"
local taps = require "smpp.session.tap"
local task = require "smpp.base.task"

--- Only files of this folder write its fields; others call its methods.
---@class smpp.Session
---@field id string  eight hexadecimal digits, the same in logs, metrics and traces
---@field state string  OPEN, OUTBOUND, BOUND_TX, BOUND_RX, BOUND_TRX, UNBOUND or CLOSED
---@field is_bound boolean
---@field version integer  interface_version in force
---@field window integer  requests of ours that may await a response
---@field peer { host: string, port: integer }
---@field host string?  "host:port" as it was dialed
---@field owner smpp.SessionOwner
---@field system_id string?  of the ESME, once bound; this and the four below are set by `identify`
---@field mc_system_id string?  of the MC, from its bind_resp
---@field address_range string?  from the bind
---@field account table?  settings of the account, on a server
---@field peer_text table?  the peer's meaning of data_coding, for smpp.text
---@field data table  for the user
---@field capture smpp.Capture?  of the option `trace` of smpp.open
---@field end_reason string?  why it ended
---@field reads integer  how often octets were received: what belongs to one read has one number
---@field tls { version: string, cipher: string, resumed: boolean, server_name: string?, client: table?, server: table? }?
---  nil: no TLS; client, server: the peer's certificate (docs/tls.md)
local Session = {
  -- Defaults are here and not in each object: there may be a hundred thousand sessions.
  state = "OPEN", is_bound = false,
  serial = 0,                   -- of smpp.base.heap: alarms of one time come in any order
  processing = false, again = false, -- events are being processed; poll again after them
  now = 0,                      -- loop time of the events being processed
  reads = 0,                    -- how often octets were received
  dirty = false,                -- flush is due at the end of this turn
  stray_count = 0,              -- responses that match no request, and PDUs refused before any handler
  refused_binds = 0,
  reading = false,              -- smpp.Reading, once there was a reason not to read
  ending = false,               -- smpp.SessionEnding, once the end has begun
  tap = false,                  -- smpp.SessionTap, with a listener of `pdu`
  closed = false,
  codec = pdus.codec,           -- the default codec; profiles with vendor TLVs or commands have their own
  batch_ended = false,          -- called after outcomes of a batch may have come
  read_at = false,              -- with a batch: the precise time at which the octets being processed were read
}
local mt = { __index = Session, __name = "smpp.Session" }

--- A session is called with the error of a task that it has started (`on_error` of smpp.base.task): a function for each
--- session would be two objects more.
function mt:__call(trace, _, co) self.incoming:handler_failed(trace, co) end

local LEVEL = 2 + task.TAIL_LEVELS -- of the caller of a method that is a tail call

local process, take_slots = machine_events.process, machine_events.take_slots

events.mixin(Session, { "state", "closed", "error", "pdu", "stray", "refused" })

local session = { class = Session, requests = commands.requests, handlers = owners.of_handlers }

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

function mt:__tostring()
  return ("session %s %s %s"):format(self.system_id or "(not bound)", net.address(self.peer.host, self.peer.port), self.state)
end

---@class smpp.SessionOptions
---@field role "esme"|"mc"
---@field loop smpp.Loop
---@field transport smpp.Transport
---@field owner smpp.SessionOwner?
---@field machine table  options of the C session
---@field codec table?  of a profile with vendor TLVs or commands; default: smpp.codec
---@field host string?  "host:port" as it was dialed
---@field target string?  label of its metrics, on a client
---@field counters smpp.Stats?  counted only while the session is bound
---@field load { count: integer, limit: integer }?  pending requests of all sessions of the owner; at the limit: ESME_RTHROTTLED
---@field answer_timeout_s number?  how long a handler may take before the session answers for it, default 10
---@field has_handlers boolean?  for smpp.run: leave the session open when the main task ends

local last_number -- of a session of this process: random at first, so that ids of several processes differ
local function next_number()
  if not last_number then
    local a, b, c, d = random.octets(4):byte(1, 4)
    last_number = ((a * 256 + b) * 256 + c) * 256 + d
  end
  last_number = (last_number + 1) % 0x100000000
  return last_number
end

---@param o smpp.SessionOptions
---@return smpp.Session
function session.new(o)
  local codec = o.codec or pdus.codec
  local number = next_number()
  o.machine.role, o.machine.now = o.role, o.loop:now()
  o.machine.counts = o.counters and o.counters:of_sessions()
  o.machine.tally, o.machine.number = metrics.tally(metrics.role_of[o.role], o.target), number
  if codec ~= pdus.codec then metrics.know(codec) end
  local self = setmetatable({
    id = ("%08x"):format(number),
    role = o.role,
    loop = o.loop,
    transport = o.transport,
    peer = o.transport.peer,
    host = o.host,
    codec = o.codec ~= pdus.codec and o.codec or nil,
    machine = codec.session(o.machine), -- private to this folder (spec/tree/layers_spec.lua)
    owner = o.owner or owners.none,
    incoming = nil,
    version = o.machine.version or 0x34,
    window = o.machine.window or core.defaults.window,
    max_pdu_octets = o.machine.max_pdu_octets,
    data = {}, tls = o.transport.tls,
    has_handlers = o.has_handlers,
    -- Set later: at, index, is_due (smpp.session.alarms), end_reason
  }, mt)
  self.incoming = incoming.new(self, o)
  if codec.commands ~= commands then -- vendor commands of a profile have no methods in the class
    for _, command in ipairs(codec.commands.declared) do self[command.name] = outgoing.method(command) end
  end
  return self
end

--- Starts reading.
function Session:start()
  self.transport:start(function(chunk) self:receive(chunk) end, function(message, code) self:lost(message, code) end)
  self:arm()
end

--- Counts a request of the peer that was refused before any handler, and reports it to the owner; without one, as an event.
---@param pdu smpp.Pdu
---@param status integer|string
---@param reason string
function Session:note_refused(pdu, status, reason)
  local counters, owner = self.incoming.counters, self.owner
  if counters then counters.refused_received = counters.refused_received + 1 end
  local name = explain.status(status).name
  if owner.on_request_refused then return owner:on_request_refused(self, pdu, name, reason) end
  self:emit("refused", pdu, name, reason)
end

--- Replaces the owner.
---@param owner smpp.SessionOwner
---@param counters? smpp.Stats  of the new owner
function Session:set_owner(owner, counters)
  self.owner = owner
  self.incoming.counters = counters
  self.machine:set_counts(counters and counters:of_sessions())
end

--- Sets the identity of both peers after a successful bind.
---@param o { system_id: string?, mc_system_id: string?, address_range: string?, account: table?, peer_text: table? }
function Session:identify(o)
  self.system_id = o.system_id or self.system_id
  self.mc_system_id = o.mc_system_id or self.mc_system_id
  self.address_range = o.address_range or self.address_range
  self.account = o.account or self.account
  self.peer_text = o.peer_text or self.peer_text
end

--- Reports an error that no call can return: to the owner, or else as the `error` event.
---@param message string
---@param code string
---@param pdu? smpp.Pdu
function Session:report(message, code, pdu)
  message = ("%s: %s"):format(tostring(self), message)
  local owner = self.owner
  if owner.on_error then owner:on_error(self, message, code, pdu) end
  if not owner.on_error or self.listeners.error then self:emit("error", message) end
end

-- ---- octets in ----

--- Processes octets received from the peer.
---@param chunk string
function Session:receive(chunk)
  if self.tap then self.tap:received(chunk) end
  self.now, self.reads = self.loop:now(), self.reads + 1
  if self.batch_ended then self.read_at = self.loop:precise() end
  local slots = take_slots()
  process(self, slots, self.machine:receive(chunk, self.now, slots))
  self:flush()
end

--- Processes events that calls other than `receive` caused.
function Session:poll()
  if self.processing then
    self.again = true
  else
    self.now = self.loop:now()
    local slots = take_slots()
    process(self, slots, self.machine:poll(slots))
  end
end

function Session:on_state(from, to, reason)
  local owner = self.owner
  self.state, self.version = to, self.machine:info().version
  self.is_bound = BOUND[to] or false
  reason = self:cause() or reason or nil
  self:emit("state", to, from, reason)
  if owner.on_state then owner:on_state(self, to, from, reason) end
  if to == "CLOSED" then endings.of(self):finish(reason) end
end

-- ---- octets out, time ----

--- Schedules `flush` for the end of this loop turn.
function Session:touch()
  if self.dirty or self.processing or self.closed then return end
  self.dirty = true
  self.loop:defer(self.flush, self)
end

--- The same, also during the processing of events, which then go on until there are no more.
function Session:flush_later()
  if self.processing then self.again = true end
  if self.dirty then return end
  self.dirty = true
  self.loop:defer(self.flush, self)
end

--- Writes pending output, and sets the alarm.
function Session:flush()
  self.dirty = false
  local octets = self.machine:output()
  if octets and not self.closed then
    if self.tap then self.tap:sent(octets) end
    if self.transport:write(octets) == false then self.machine:unwritten(octets) end
    readings.written(self)
  end
  local reading = self.reading
  if reading and reading.overloaded and self.incoming:keeps_up() then reading:set_overloaded(false) end
  local ending = self.ending
  if ending and ending.is_over then return ending:close_transport() end
  self:arm()
end

--- Stops reading until `resume`, for an application that cannot keep up.
function Session:pause()
  if not self.closed then readings.of(self):set_paused(true) end
end

--- Resumes reading after `pause`.
function Session:resume()
  if not self.closed then readings.of(self):set_paused(false) end
end

function Session:arm()
  if self.closed then return end
  local deadline, oldest = self.machine:deadline(), self.incoming:deadline()
  if oldest and (not deadline or oldest < deadline) then deadline = oldest end
  if deadline and (not self.at or deadline < self.at) then alarms.set(self, deadline) end
end

function Session:on_alarm()
  if self.closed then return end
  local now = self.loop:now()
  self.now = now
  self.incoming:expire(now)
  local slots = take_slots()
  process(self, slots, self.machine:tick(now, slots))
  self:flush()
end

-- ---- requests ----

--- Sends a request and waits for its response; if the last argument is a function, calls it instead of waiting.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code  the ESME_ status of the response, "timeout", "connection_lost"; not sent at all:
---  "window_full", "closed", "not_sent" (in this state, or the connection was lost before), "too_long", "bad_value", "missing"; a field that
---  the command does not have raises
---@return smpp.Pdu? refused  the response with that status
function Session:request(command_id, fields, timeout_s, callback)
  return outgoing.request(self, command_id, fields, timeout_s, callback)
end

--- Sends a request and does not wait: `waiter` (a task or a function) gets the response, or nil, message, code, response.
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|false
---@return integer? cookie  nil, message, code: not sent
Session.send = outgoing.send
session.send = outgoing.send -- for those who call it once per message

session.ask = outgoing.ask -- `send` of a task that waits for the response

--- As `send` of the submit_sm that answers a deliver_sm: from where that was sent to, to its sender, with a text that one part holds.
---@param pdu smpp.Pdu
---@param text string
---@param waiter thread|function|false
---@return integer? cookie  nil, message, code: not sent; nil alone: the text does not fit one part
Session.reply = outgoing.reply
session.reply = outgoing.reply

--- Sends messages of a batch (core.batch), which gets their outcomes: what `send` is for messages that need no task each.
---@param batch smpp.CoreBatch  the only one of this session
---@param ended fun(session: smpp.Session)  called after octets were read, a timer fired or the session ended: outcomes may have come
---@param first integer  of its templates
---@param count integer
---@return integer sent
---@return integer late
---@return integer waited
---@return string? message  why one was not sent
---@return string? code  "window_full", "closed", "not_sent", "no_memory"
function Session:send_batch(batch, ended, first, count, ...)
  self.batch_ended = ended
  local now = self.processing and self.now or self.loop:now()
  local sent, late, waited, message, code = self.machine:send_batch(batch, first, count, now, ...)
  if sent > 0 then self:touch() end
  return sent, late, waited, message, code
end

--- Ends the wait for a request, not the request: its response is still matched and counted, and then dropped.
---@param cookie integer  of `send`
---@param waiter thread|function
---@return boolean ended  false: the wait had ended already
function Session:stop_waiting(cookie, waiter) return self.machine:stop_waiting(cookie, waiter) end

--- Forwards a received request, unchanged except for its sequence_number and `changes`.
---@async
---@param pdu smpp.Pdu
---@param changes? table
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Session:forward(pdu, changes)
  local response, message, code, refused = outgoing.forward(self, pdu, changes)
  return response, message, code, refused
end

--- Answers a request before, or instead of, its handler's result.
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
Session.answer = incoming.answer

--- If the task is the handler of a request of this session, acknowledges that request: unbind() and close() wait for pending
--- requests, and would otherwise wait for the task that called them.
---@param co smpp.Task
function Session:acknowledge(co) self.incoming:acknowledge(co) end

--- Tests whether a request of the peer is still unanswered.
---@param pdu smpp.Pdu
---@return boolean
function Session:is_answerable(pdu) return self.state ~= "CLOSED" and self.machine:is_answerable(pdu) end

--- Number of our requests that await a response.
---@return integer
function Session:in_flight() return self.machine:in_flight() end

--- Number of octets that the socket has not taken yet.
---@return integer
function Session:unsent() return self.transport:pending() end

--- Number of requests of the peer that are unanswered.
---@return integer
function Session:unanswered() return self.machine:unanswered() end

--- Tests whether an unbind was sent or received: no new requests can be sent.
---@return boolean
function Session:is_unbinding() return self.machine:info().unbinding end

--- Information of the C session: state, version, unbinding, in_flight, unanswered, memory_octets, bind_version.
---@return table
function Session:info() return self.machine:info() end

--- Counts for a label from now on, such as the account that was authenticated.
---@param name string
function Session:set_metrics_label(name) self.machine:set_tally(metrics.tally(metrics.role_of[self.role], name)) end

--- The trace that this session has of its own (smpp.open).
---@param capture smpp.Capture?
function Session:set_capture(capture) self.capture = capture end

--- Sets the window: how many of our requests may await a response.
---@param count integer
function Session:set_window(count)
  self.window = count
  self.machine:set_window(count)
end

--- Sets how many requests of the peer may be unanswered.
---@param count integer
function Session:set_max_unanswered(count) self.machine:set_max_unanswered(count) end

--- Counts a refused bind: malformed data after it may hold a password, and is not shown.
---@return integer count  refused binds of this session
function Session:count_refused_bind()
  self.refused_binds = self.refused_binds + 1
  return self.refused_binds
end

-- ---- the end ----

--- The transport has ended.
---@param message? string  error of the transport; nil: closed by the peer
---@param code? string  "tls": TLS failed
function Session:lost(message, code)
  if not self.closed then endings.of(self):lost(message, code) end
end

--- Why the transport ended, or is going to; nil: it has not.
---@return string? cause
---@return string? code  "tls": TLS failed
function Session:cause()
  if self.ending then return self.ending.cause, self.ending.code end
end

--- Tests whether the session has ended; its last octets may still be written.
---@return boolean
function Session:is_over() return self.closed or self.ending and self.ending.is_over end

--- Starts to unbind, without waiting; `on_closed` is called at the end.
---@param timeout_s? number  for pending responses, default 10
---@return boolean begun  false: the session is closed or closing
function Session:begin_unbind(timeout_s)
  if self:is_over() then return false end
  endings.of(self):begin_unbind(timeout_s or 10)
  return true
end

--- Drains, unbinds and closes: refuses new requests, waits up to `timeout_s` for pending responses, sends unbind.
---@async
---@param timeout_s? number  default 10
---@return boolean? ok
---@return string? message
---@return string? code  "closed"
function Session:unbind(timeout_s)
  task.check_timeout(timeout_s, LEVEL)
  if not self:begin_unbind(timeout_s) then return nil, "session is closed", "closed" end
  self.ending:await()
  return true
end

--- Ends the session at once, without unbind; pending requests fail with "connection_lost".
---@param reason? "closed"|"shutting down"
function Session:close(reason)
  if self:is_over() then return end
  self.machine:close(reason or "closed")
  self:poll()
  self:touch()
end

--- Ends the session and resets the connection: written octets may be lost.
---@param reason string
function Session:reset(reason)
  self.transport:reset()
  self:lost(reason)
end

local on = Session.on
--- Adds a listener; it runs as a task.
---@param name "state"|"closed"|"error"|"pdu"|"stray"|"refused"
---@param fn fun(...)
---@return smpp.Session self
function Session:on(name, fn)
  if name == "pdu" and not self.tap then self.tap = taps.new(self) end
  return on(self, name, fn)
end

local function sink_of(self) return self end
Session.unbind, Session.forward = task.waits(Session.unbind, sink_of), task.waits(Session.forward, sink_of)

commands:methods(Session, function(command) return not Session[command.name] and outgoing.method(command) or nil end)

return session
