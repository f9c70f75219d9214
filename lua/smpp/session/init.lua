--- A session: one transport and one C session, which has the rules of SMPP.
---
---   new → start (reads) → bound → unbind, close, or the peer's end → ending (the last octets go out) → closed
---
--- Its parts have fields of their own: smpp.session.incoming (requests of the peer), outgoing (ours), reading (when it reads).
--- Whoever makes a session is its owner, and is told through one object.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local events = require "smpp.base.events"
local incoming = require "smpp.session.incoming"
local net = require "smpp.base.net"
local outgoing = require "smpp.session.outgoing"
local pdus = require "smpp.codec"
local explain = require "smpp.codec.explain"
local reading = require "smpp.session.reading"
local stream = require "smpp.codec.stream"
local task = require "smpp.base.task"

--- What a session tells its owner: methods of the one object that is given at construction.  What the owner does not need
--- it leaves out.  on_request runs as a task and may wait; the others must not.
---@class smpp.SessionOwner
---@field on_request (fun(self, session: smpp.Session, pdu: smpp.Pdu, command_id: integer): any, any)?  a request of the peer:
---  what is returned is the answer (docs/session.md, Handlers); absent: ESME_RINVCMDID
---@field on_response (fun(self, session: smpp.Session, pdu: smpp.Pdu, latency_s: number))?  a counted request of ours was answered
---@field on_request_refused (fun(self, session: smpp.Session, pdu: smpp.Pdu, status: string, reason: string))?  a request of
---  the peer was refused without asking anybody: malformed, forbidden in the state, unknown, one too many
---@field on_refusal (fun(self, session: smpp.Session, status: table, pdu: smpp.Pdu, sent_at: number?))?  a status (smpp.explain) but ESME_ROK
---@field on_outcome_unknown (fun(self, session: smpp.Session, command_id: integer, fields: table|smpp.Pdu, code: string))?
---  a counted request of ours ended with "timeout" or "connection_lost"
---@field on_room (fun(self, session: smpp.Session))?  the window was full and is no longer
---@field on_state (fun(self, session: smpp.Session, to: string, from: string, reason: string?))?
---@field on_closed (fun(self, session: smpp.Session, reason: string))?  once; nothing is told after it
---@field on_error (fun(self, session: smpp.Session, message: string, code: string, pdu: smpp.Pdu?))?  code: "handler_failed",
---  "answer_timeout", "late_result", "malformed"; absent: the `error` event

--- Only the session writes its fields; others call its methods.
---@class smpp.Session
---@field state string  OPEN, OUTBOUND, BOUND_TX, BOUND_RX, BOUND_TRX, UNBOUND or CLOSED
---@field is_bound boolean
---@field version integer  interface_version in force
---@field window integer  requests of ours that may await a response
---@field peer { host: string, port: integer }
---@field host string?  the peer's "host:port", as it was dialed
---@field owner smpp.SessionOwner
---@field system_id string?  of the ESME, once bound; this and what follows is set by `identify`
---@field mc_system_id string?  of the MC, as its bind_resp says
---@field address_range string?  as the bind says
---@field account table?  settings of the account, on a server
---@field peer_text table?  what data_codings mean to the peer, for smpp.text
---@field data table  the user's own
---@field tls { version: string, cipher: string, resumed: boolean, server_name: string?, client: table?, server: table? }?
---  nil: without TLS; client, server: the peer's certificate (docs/tls.md)
local Session = {
  -- Defaults: there may be a hundred thousand sessions.
  state = "OPEN", is_bound = false,
  processing = false, again = false, -- events are being processed; more have come
  now = 0,                      -- the time, while they are
  dirty = false,                -- flush is due at the end of this turn
  stray_count = 0,              -- PDUs that nothing waits for
  refused_binds = 0,
  unbinding = false,            -- we unbind
  ending = false,               -- the C session is over
  closed = false,
  codec = pdus.codec,           -- of this Lua state; a profile's has names and commands of its own
}
local mt = { __index = Session, __name = "smpp.Session" }

events.mixin(Session, { "state", "closed", "error", "pdu", "stray" })

local session = { class = Session, requests = commands.requests }

local KINDS = core.session_events
local REQUEST, RESPONSE, TIMEOUT, LOST = KINDS.request.kind, KINDS.response.kind, KINDS.timeout.kind, KINDS.lost.kind
local STATE, WINDOW, STRAY, MALFORMED, CLOSE = KINDS.state.kind, KINDS.window.kind, KINDS.stray.kind, KINDS.garbage.kind, KINDS.close.kind

local SLOTS = {} -- kind -> slots of an event, its kind included
for _, event in pairs(KINDS) do SLOTS[event.kind] = #event + 1 end

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

-- Arrays for events of the C session, shared: one of its own would keep the PDUs of a session's last turn alive, and take
-- the heap of a thousand sessions out of the caches.  There are as many as turns that run inside one another.
local spare, spare_count = {}, 0

local function take_slots()
  if spare_count == 0 then return {} end
  spare_count = spare_count - 1
  return spare[spare_count + 1]
end

function mt:__tostring()
  return ("session %s %s %s"):format(self.system_id or "(not bound)", net.address(self.peer.host, self.peer.port), self.state)
end

local NOBODY = {} -- the owner of a session that was given none

---@class smpp.SessionOptions
---@field role "esme"|"mc"
---@field loop smpp.Loop
---@field transport smpp.Transport
---@field owner smpp.SessionOwner?
---@field machine table  options of the C session
---@field codec table?  of a profile with vendor TLVs or commands; default that of this Lua state
---@field host string?  what was dialed
---@field counters smpp.Stats?  count what happens while it is bound
---@field load { count: integer, limit: integer }?  handlers of all sessions of an owner that wait; at the limit: ESME_RTHROTTLED
---@field answer_timeout_s number?  after which an unanswered request is answered for its handler, default 10
---@field has_handlers boolean?  for smpp.run: the end of the main task leaves it open

---@param o smpp.SessionOptions
---@return smpp.Session
function session.new(o)
  local codec = o.codec or pdus.codec
  o.machine.role, o.machine.now = o.role, o.loop:now()
  local self = setmetatable({
    role = o.role,
    loop = o.loop,
    transport = o.transport,
    peer = o.transport.peer,
    host = o.host,
    codec = o.codec ~= pdus.codec and o.codec or nil,
    machine = codec.session(o.machine), -- nobody else's: layers_spec sees to that
    owner = o.owner or NOBODY,
    incoming = nil, outgoing = nil, reading = reading.new(o.transport), -- its parts
    listeners = {},
    version = o.machine.version or 0x34,
    window = o.machine.window or core.defaults.window,
    max_pdu_octets = o.machine.max_pdu_octets,
    data = {}, tls = o.transport.tls,
    has_handlers = o.has_handlers,
    -- Later: armed (when the timer fires), unbind_waiter (the task in unbind()), lost_reason and lost_code (why the transport ended),
    -- end_reason, inbound and outbound (streams of PDUs, for the `pdu` event)
  }, mt)
  self.sink = function(trace, _, co) self.incoming:handler_failed(trace, co) end
  self.incoming = incoming.new(self, o)
  self.outgoing = outgoing.new(self, o.counters)
  self.timer = o.loop:timer(function() self:on_timer() end)
  self.flush_deferred = function() self:flush() end
  if codec.commands ~= commands then -- those of a profile have no methods in the class
    for _, command in ipairs(codec.commands.declared) do self[command.name] = outgoing.method(command) end
  end
  return self
end

--- An owner that answers requests with handlers, a table command_id -> fn(session, pdu).
---@param handlers table<integer, fun(session: smpp.Session, pdu: smpp.Pdu): any, any>
---@return smpp.SessionOwner
function session.handlers(handlers)
  return { handlers = handlers, on_request = function(owner, self, pdu, command_id)
    local handler = owner.handlers[command_id]
    if not handler then return nil, "ESME_RINVCMDID" end
    return handler(self, pdu)
  end }
end

--- Begins to read.
function Session:start()
  self.transport.on_drain = function()
    if not self.closed then self.reading:drained() end
  end
  self.transport:start(function(chunk) self:receive(chunk) end, function(message, code) self:lost(message, code) end)
  self:arm()
end

--- Counts and tells that a request of the peer was refused without asking anybody.
---@param pdu smpp.Pdu
---@param status integer|string
---@param reason string
function Session:note_refused(pdu, status, reason)
  local counters, owner = self.incoming.counters, self.owner
  if counters then counters.refused_received = counters.refused_received + 1 end
  if owner.on_request_refused then owner:on_request_refused(self, pdu, explain.status(status).name, reason) end
end

--- Hands the session over to another owner, which is told from now on.
---@param owner smpp.SessionOwner
---@param counters? smpp.Stats  of that owner
function Session:set_owner(owner, counters)
  self.owner = owner
  self.incoming.counters = counters
  self.outgoing:set_owner(owner, counters)
end

--- What the two ends know of each other once a bind was taken.
---@param o { system_id: string?, mc_system_id: string?, address_range: string?, account: table?, peer_text: table? }
function Session:identify(o)
  self.system_id = o.system_id or self.system_id
  self.mc_system_id = o.mc_system_id or self.mc_system_id
  self.address_range = o.address_range or self.address_range
  self.account = o.account or self.account
  self.peer_text = o.peer_text or self.peer_text
end

--- Something went wrong that is no result of a call.
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

--- Takes octets of the peer.
---@param chunk string
function Session:receive(chunk)
  if self.inbound then self.inbound:feed(chunk) end
  self.now = self.loop:now()
  local slots = take_slots()
  self:process(slots, self.machine:receive(chunk, self.now, slots))
  self:flush()
end

--- The transport has ended.
---@param message? string  nil: the peer closed
---@param code? string  "tls": TLS is why
function Session:lost(message, code)
  if self.closed then return end
  if not message and self.machine:info().inside_pdu then message = "truncated: closed by the peer inside a PDU" end
  self.machine:lost(message and "connection lost" or "closed by the peer")
  if code == "tls" then self.lost_code = code end
  self.lost_reason = message or self.lost_reason or (self.state ~= "UNBOUND" and "closed by the peer")
    or (self.unbinding and "unbound" or "unbound by the peer")
  self:poll()
end

--- Takes the events that calls other than receive caused.
function Session:poll()
  if self.processing then
    self.again = true
  else
    self.now = self.loop:now()
    local slots = take_slots()
    self:process(slots, self.machine:poll(slots))
  end
end

--- How many of malformed octets people may see.  Before a bind is answered they may hold a password: behind the 16 of the
--- header, or anywhere when what came before was broken.
local function showable(self)
  if self.is_bound then return 48 end
  return (self.stray_count > 0 or self.refused_binds > 0) and 0 or 16
end

--- Octets that are not SMPP: the connection ends.  TLS on the plain port is the usual mistake, and gets its own words.
---@private
function Session:on_malformed(octets, reason)
  if reason == "looks like TLS" and not self.is_bound then
    self.lost_code = "tls"
    self.lost_reason = self.role == "esme" and self.host .. " speaks TLS: use smpps://" or "TLS ClientHello on the plain port"
    return self:report(self.lost_reason, "malformed")
  end
  self:report(("malformed SMPP data (%s); closing the connection: %s"):format(
    reason or "invalid command_length", stream.show_octets(octets, showable(self))), "malformed")
end

function Session:process(slots, n, more)
  local requests, ours = self.incoming, self.outgoing
  local i = 1
  self.processing = true
  while i <= n do
    local kind, at = slots[i], i
    if kind == REQUEST then
      i = requests:serve(slots, i, n)
    else
      local size = SLOTS[kind]
      if not size then error("internal error: unknown session event " .. tostring(kind)) end
      i = i + size
      if kind == RESPONSE then
        if i <= n and slots[i] == STATE then -- whoever waits for a bind finds the session bound
          self:on_state(slots[i + 1], slots[i + 2], slots[i + 3])
          i = i + SLOTS[STATE]
        end
        ours:complete(slots[at + 2], slots[at + 1], slots[at + 3], slots[at + 4])
      elseif kind == TIMEOUT then
        ours:timed_out(slots[at + 1])
      elseif kind == LOST then
        ours:lost(slots[at + 1])
      elseif kind == STATE then
        self:on_state(slots[at + 1], slots[at + 2], slots[at + 3])
      elseif kind == WINDOW then
        local owner = self.owner
        if owner.on_room then owner:on_room(self) end
      elseif kind == STRAY then
        self.stray_count = self.stray_count + 1
        if slots[at + 3] ~= 0 then self:note_refused(slots[at + 1], slots[at + 3], slots[at + 2]) end
        self:emit("stray", slots[at + 1], slots[at + 2])
      elseif kind == MALFORMED then
        self:on_malformed(slots[at + 1], slots[at + 2])
      elseif kind == CLOSE then
        self:finish(slots[at + 1])
      end
    end
  end
  self.processing = false
  if more or self.again then
    self.again = false
    return self:process(slots, self.machine:poll(slots))
  end
  spare_count = spare_count + 1
  spare[spare_count] = slots
end

function Session:on_state(from, to, reason)
  local owner = self.owner
  self.state, self.version = to, self.machine:info().version
  self.is_bound = BOUND[to] or false
  self.reading:set_bound(self.is_bound)
  reason = self.lost_reason or reason or nil
  self:emit("state", to, from, reason)
  if owner.on_state then owner:on_state(self, to, from, reason) end
  if to == "CLOSED" then self:finish(reason) end
end

-- ---- octets out, time ----

--- Output is due: it is written once per loop turn.
function Session:touch()
  if self.dirty or self.processing or self.closed then return end
  self.dirty = true
  self.loop:defer(self.flush_deferred)
end

--- Writes what the session has to say, and arms the timer.
function Session:flush()
  self.dirty = false
  local octets = self.machine:output()
  if octets and not self.closed then
    if self.outbound then self.outbound:feed(octets) end
    self.transport:write(octets)
    self.reading:written()
  end
  if self.reading.overloaded and self.incoming:keeps_up() then self.reading:set_overloaded(false) end
  if self.ending then return self:end_transport() end
  self:arm()
end

--- Stops reading until `resume`: the application cannot keep up.
function Session:pause()
  if not self.closed then self.reading:set_paused(true) end
end

--- Reads again.
function Session:resume()
  if not self.closed then self.reading:set_paused(false) end
end

function Session:arm()
  if self.closed then return end
  local deadline, oldest = self.machine:deadline(), self.incoming:deadline()
  if oldest and (not deadline or oldest < deadline) then deadline = oldest end
  if deadline and (not self.armed or deadline < self.armed) then
    self.armed = deadline
    self.timer:start(math.max(0, deadline - self.loop:now()))
  end
end

function Session:on_timer()
  self.armed = nil
  if self.closed then return end
  local now = self.loop:now()
  self.now = now
  self.incoming:expire(now)
  local slots = take_slots()
  self:process(slots, self.machine:tick(now, slots))
  self:flush()
end

-- ---- requests ----

--- Sends a request and waits for its response; with a function as last argument calls that instead.
---@async
---@param command_id integer
---@param fields table|smpp.Pdu
---@param timeout_s? number|function
---@param callback? function
---@return smpp.Pdu? response
---@return string? message
---@return string? code  the peer's ESME_ status, "timeout", "connection_lost", or what says that nothing was sent:
---  "window_full", "closed", "not_sent", "too_long", "bad_value", "missing", "unknown_field"
---@return smpp.Pdu? refused  the response that refused
function Session:request(command_id, fields, timeout_s, callback)
  return self.outgoing:request(command_id, fields, timeout_s, callback)
end

--- Sends a request and does not wait: `waiter` (a task or a function) gets the response, or nil, message, code, response.
---@param command_id integer
---@param fields table|smpp.Pdu
---@param waiter thread|function|false
---@return integer? cookie  nil, message, code: nothing was sent
Session.send = outgoing.send

--- Ends a wait, not the request: its response is still matched, and nobody is told.
---@param cookie integer  of `send`
---@param waiter thread|function
---@return boolean ended  false: it was over
function Session:stop_waiting(cookie, waiter) return self.outgoing:stop_waiting(cookie, waiter) end

--- Sends a received request on, octet for octet but for its sequence number and `changes`.
---@async
---@param pdu smpp.Pdu
---@param changes? table
---@return smpp.Pdu? response
---@return string? message
---@return string? code
function Session:forward(pdu, changes)
  local response, message, code, refused = self.outgoing:forward(pdu, changes)
  return response, message, code, refused
end

--- Answers a request before, or instead of, its handler's result.
---@param pdu smpp.Pdu
---@param result? string|table  message_id or fields of the response
---@param status? string|integer
---@return boolean? ok
---@return string? message
---@return string? code
function Session:answer(pdu, result, status) return self.incoming:answer(pdu, result, status) end

--- If a task is the handler of a request of this session, acknowledges that request: unbind() and close() of an owner wait
--- for answers, and would wait for the task that called them.
---@param co smpp.Task
function Session:acknowledge(co) self.incoming:acknowledge(co) end

--- Whether a request of the peer still awaits its answer.
---@param pdu smpp.Pdu
---@return boolean
function Session:is_answerable(pdu) return self.state ~= "CLOSED" and self.machine:is_answerable(pdu) end

--- How many requests of ours await a response.
---@return integer
function Session:in_flight() return self.machine:in_flight() end

--- How many requests of the peer await an answer.
---@return integer
function Session:unanswered() return self.machine:unanswered() end

--- Whether an unbind was sent or received: there will be no new requests.
---@return boolean
function Session:is_unbinding() return self.machine:info().unbinding end

--- What the C session knows: state, version, unbinding, in_flight, unanswered, memory_octets, bind_version.
---@return table
function Session:info() return self.machine:info() end

--- How many requests of ours may await a response, from now on.
---@param count integer
function Session:set_window(count)
  self.window = count
  self.machine:set_window(count)
end

--- How many requests of the peer may await an answer, from now on.
---@param count integer
function Session:set_max_unanswered(count) self.machine:set_max_unanswered(count) end

--- A bind was refused: its password may be among octets that come later.
---@return integer count  of this session
function Session:count_refused_bind()
  self.refused_binds = self.refused_binds + 1
  return self.refused_binds
end

-- ---- the end ----

--- The C session is over: what is left is written, then the transport closes.
function Session:finish(reason)
  if self.ending or self.closed then return end
  self.ending = true
  self.end_reason = self.lost_reason or reason or "closed"
  if self.processing then self.again = true end
  if not self.dirty then
    self.dirty = true
    self.loop:defer(self.flush_deferred)
  end
end

function Session:end_transport()
  if self.closed then return end
  self.closed = true
  self.incoming:close()
  self.timer:close()
  self.transport:close_after_flush(1)
  self:emit("closed", self.end_reason)
  local owner = self.owner
  if owner.on_closed then owner:on_closed(self, self.end_reason) end
  if self.unbind_waiter then
    local waiter = self.unbind_waiter
    self.unbind_waiter = nil
    task.wake(waiter, true)
  end
end

--- Begins to unbind, and does not wait; `on_closed` tells when it is over.
---@param timeout_s? number  for pending responses, default 10
---@return boolean begun  false: it is closed, or about to
function Session:begin_unbind(timeout_s)
  if self.closed or self.ending then return false end
  self.unbinding = true
  self.machine:unbind(timeout_s or 10, self.loop:now())
  self:poll()
  self:touch()
  return true
end

--- Drains, unbinds and closes: no new requests, pending responses are awaited up to `timeout_s`.
---@async
---@param timeout_s? number  default 10
---@return boolean? ok
---@return string? message
---@return string? code  "closed"
function Session:unbind(timeout_s)
  if not self:begin_unbind(timeout_s) then return nil, "session is closed", "closed" end
  local token = task.current()
  if token and not self.unbind_waiter then
    self.unbind_waiter = token
    task.wait()
  end
  return true
end

--- Ends the session at once, without unbind; pending requests fail with "connection_lost".
---@param reason? "closed"|"shutting down"
function Session:close(reason)
  if self.closed or self.ending then return end
  self.machine:close(reason or "closed")
  self:poll()
  self:touch()
end

--- Ends the session and resets the connection: what was written may be lost on its way.
---@param reason string
function Session:reset(reason)
  self.transport:reset()
  self:lost(reason)
end

--- Hands every PDU, both ways, to the `pdu` event.
local function read_stream(self)
  if self.inbound then return end
  local function of(direction)
    return stream.new {
      pdu = function(pdu) self:emit("pdu", pdu, direction) end, codec = self.codec, max_pdu_octets = self.max_pdu_octets,
    }
  end
  self.inbound, self.outbound = of "in", of "out"
end

local on = Session.on
--- Adds a listener; it runs as a task.
---@param name "state"|"closed"|"error"|"pdu"|"stray"
---@param fn fun(...)
---@return smpp.Session self
function Session:on(name, fn)
  if name == "pdu" then read_stream(self) end
  return on(self, name, fn)
end

local function sink_of(self) return self.sink end
Session.unbind, Session.forward = task.waits(Session.unbind, sink_of), task.waits(Session.forward, sink_of)

commands:methods(Session, function(command) return not Session[command.name] and outgoing.method(command) or nil end)

return session
