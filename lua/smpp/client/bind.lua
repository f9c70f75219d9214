--- One bind of a client: connects to its hosts, one attempt at a time, and reconnects with back-off after failures.  It is
--- the owner of its session (smpp.SessionOwner), and notifies its pool when the session is bound or lost.
local backoffs = require "smpp.base.backoff"
local dialer = require "smpp.client.dialer"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local logs = require "smpp.base.log"
local metrics = require("smpp.metrics").standard
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"
local windows = require "smpp.client.window"

---@class smpp.Bind : smpp.SessionOwner
---@field kind "trx"|"tx"|"rx"
---@field session smpp.Session?
local Bind = {
  dialing = nil,                -- smpp.Attempt in progress
  unbinding = false,            -- the MC has sent unbind: no new requests in this session
  full = false,                 -- its window is full, until on_room
  adaptive = nil,               -- its window, if that is
  keeps = false,                -- it reconnects after the end of a session
  keeper = nil,                 -- the task that does so, while there is no session
  failures = 0,                 -- attempts in a row, and sessions that did not last
  stopped = false,
  place = nil,                  -- smpp.Place, of a pool whose binds are opened one by one
}
local mt = { __index = Bind, __name = "smpp.Bind" }

local bind = {}

-- The MC still counts the old connection as bound until it times out: reconnect more slowly.
local ALREADY_BOUND = "ESME_RALYBND"
local ALREADY_BOUND_S = 15

local REFUSED_S = 60 -- of a place: before a bind that was refused for good (a wrong password) is tried again

---@param client smpp.Client
---@param pool smpp.BindPool
---@param kind "trx"|"tx"|"rx"
---@param hosts { host: string, port: integer }[]  in order of preference
---@return smpp.Bind
function bind.new(client, pool, kind, hosts)
  local o = client.options
  local self = setmetatable({
    client = client,
    pool = pool,
    loop = client.loop,
    options = setmetatable({ bind = kind }, { __index = o }),
    kind = kind,
    sends = kind ~= "rx", receives = kind ~= "tx",
    hosts = hosts,
    host_index = 0,             -- index of the host tried last
    session = nil, bound_at = nil,
    previous = nil,             -- the last session: its socket is closed before the next attempt
    backoff = backoffs.new(),   -- throttled by the MC: no submissions before its end
    counters = stats.new(),
    on_response = false,        -- Bind.observe, if responses are observed
  }, mt)
  if o.adaptive then self.adaptive = windows.new(o.adaptive) end
  return self
end

--- Tries each host once, beginning with the one that was bound last.
---@async
---@return smpp.Session? session
---@return string? message
---@return string? code
function Bind:attempt()
  local message, code = "closed", "closed"
  for _ = 1, #self.hosts do
    if self.stopped then return nil, "closed", "closed" end
    if self.previous then
      self.previous.transport:close()
      self.previous = nil
    end
    self.host_index = self.host_index % #self.hosts + 1
    self.dialing = { owner = self, counters = self.counters, made = function(session)
      self.previous = session
      self:follow(session)
    end, warn = self.client.write_log and function(message) self.client:log("tls_warning", { reason = message }) end }
    local session
    session, message, code = dialer.open(self.options, self.hosts[self.host_index], self.dialing)
    self.dialing = nil
    if self.stopped then
      if session then session:close() end
      return nil, "closed", "closed"
    end
    if session and self.place and not self.place:may_bind() then
      session:reset "the right to this bind has ended"
      return nil, "closed", "closed"
    end
    if session and not session:is_over() then return self:adopt(session) end
    if session then message, code = session.end_reason, "connection_lost" end
    local row = explain.status(code or "")
    if row and row.bind == "give_up" then break end
  end
  return nil, message, code
end

--- Relays the PDUs of a session to `pdu` listeners of the client.
---@param session smpp.Session
function Bind:follow(session)
  local client = self.client
  if events.heard(client, "pdu") then session:on("pdu", function(...) client:emit("pdu", ...) end) end
  if client.capture then client.capture:follow(session) end
  if client.log_level == "trace" then
    session:on("pdu", function(pdu, direction) client:log("pdu", logs.of_pdu(pdu, direction), session) end)
  end
end

--- A session is bound: it becomes the session of this bind.
---@param session smpp.Session
---@return smpp.Session
function Bind:adopt(session)
  self.session = session
  self.host_index = self.host_index - 1 -- the next attempt begins with this host
  self.bound_at = self.loop:now()
  if self.backoff.ends_at > 0 then self.client.outbox:bind_resumed(self.bound_at) end
  self.backoff:clear()
  self.unbinding, self.full = nil, nil
  if self.counters.binds > 0 then metrics.reconnections:add(1, "client") end
  self.counters.binds = self.counters.binds + 1
  self.on_response = (self.adaptive or session.version >= 0x50) and self.observe or false
  if self.adaptive then session:set_window(self.adaptive.size) end
  if session:info().odd_bind_sequence then
    self.client:log("bind_resp_sequence", { reason = "not the bind's sequence_number" }, session)
  end
  self.pool:bind_up(self, session)
  return session
end

-- ---- methods of the session's owner ----

function Bind:on_request(session, pdu, command_id)
  local handler = self.client.handlers[command_id]
  if handler then return handler(pdu, self.client, session) end
  session:note_refused(pdu, "ESME_RINVCMDID", "no handler for it")
  return nil, "ESME_RINVCMDID"
end

function Bind:on_request_refused(session, pdu, status, reason)
  self.client:log("refused", { command = pdu.command, sequence_number = pdu.sequence_number, status = status, reason = reason }, session)
  self.client:emit("refused", pdu, status, reason)
end

--- Observes a response for the adaptive window and congestion_state (5.0, 4.8.4.18).
function Bind:observe(session, pdu, latency_s)
  local now, status, congestion = self.loop:now(), pdu.command_status, nil
  if session.version >= 0x50 then
    congestion = pdu.congestion_state
    if congestion == 100 then self:back_off("congestion_state 100", now - latency_s) end
  end
  local adaptive = self.adaptive
  if not adaptive then return end
  local size
  if (status ~= 0 and explain.class(status) == "throttle") or (congestion and congestion >= 90 and congestion <= 100) then
    size = adaptive:congested(now)
  else
    size = adaptive:answered_in(latency_s, now)
  end
  if size then session:set_window(size) end
end

function Bind:on_refusal(session, status, _, sent_at)
  if session ~= self.session or status.class ~= "throttle" then return end
  self.client.outbox:note_too_many()
  self:back_off(status.name, sent_at)
end

function Bind:on_outcome_unknown(_, command_id, fields, code)
  if self.client.state ~= "closing" then return end
  if type(fields) == "string" then fields = self.options.codec.decode(fields) end -- octets of Session:reply
  self.client:note_unfinished(command_id, fields, code)
end

function Bind:on_room()
  self.full = nil
  self.client.outbox:pump()
end

function Bind:on_closed(session, reason)
  if self.session ~= session then return end
  self.session, self.previous = nil, session
  self.pool:bind_down(self, session, reason)
  if self.stopped or not self.keeps or self.keeper then return end
  if self.loop:now() - self.bound_at >= self.options.reconnect.stable_s then self.failures = 0 end
  self:reconnect()
end

--- Errors of a session that are in the log, by their code.
local LOGGED = { handler_failed = true, answer_timeout = true, late_result = true, malformed = true }

function Bind:on_error(session, message, code, pdu)
  if code == "answer_timeout" and not self.client.inbox:may_report(pdu) then return end
  if not LOGGED[code] then return self.client:emit("error", message) end
  self.client:log(code, { message = message }, session)
  self.client:emit_logged(message)
end

-- ---- staying bound ----

--- Seconds before the n-th consecutive attempt: doubling from min_s to max_s, with jitter; or fixed_s.
function Bind:reconnect_delay_s(n, code)
  local r = self.options.reconnect
  local row = self.place and explain.status(code or "")
  if row and row.bind == "give_up" then return REFUSED_S end
  if r.fixed_s then return r.fixed_s end
  local s = backoffs.delay_s(n, r.min_s, r.max_s)
  if code == ALREADY_BOUND then s = math.max(s, math.min(ALREADY_BOUND_S, r.max_s)) end
  return s * (1 - r.jitter * self.loop:random())
end

--- Reconnects from now on, after the end of each session.
---@param code? string  of the last failed attempt
function Bind:keep(code)
  self.keeps = true
  if not self.session then self:reconnect(code) end
end

--- Connects and binds, at once and from then on.
function Bind:begin()
  task.start(self.client.sink, function()
    self.pool:bind_dialing(self, 1)
    local session, message, code = self:attempt()
    if self.stopped then return end
    if not session then self.pool:bind_failed(self, message, code) end
    if not self.stopped then self:keep(code) end
  end)
end

--- Starts the task that connects and binds again.
---@param code? string  of the last failed attempt
function Bind:reconnect(code)
  task.start(self.client.sink, function()
    self.keeper = task.current()
    self:run(code)
    self.keeper = nil
  end)
end

--- Attempts until there is a session.
---@async
function Bind:run(code)
  local timer = self.loop:timer(function() task.wake_for(self.keeper, self) end, true)
  while not self.stopped and not self.session do
    self.failures = self.failures + 1
    timer:start(self:reconnect_delay_s(self.failures, code))
    task.wait(self)
    if self.stopped then break end
    self.pool:bind_dialing(self, self.failures)
    local session, message
    session, message, code = self:attempt()
    if not session and not self.stopped and not self.session then
      local row = explain.status(code or "")
      if row and row.bind == "give_up" and not self.place then
        self.stopped = true
        self.pool:bind_gave_up(self, message, code)
        break
      end
      self.pool:bind_failed(self, message, code)
    end
  end
  timer:close()
end

--- Backs off: no submissions for one second, doubling up to 30 with each further refusal.
---@param reason string
---@param sent_at? number  when the request was sent whose response says so
function Bind:back_off(reason, sent_at)
  local pause_s = self.backoff:start(self.loop:now(), sent_at)
  if not pause_s then return end
  self.client.outbox:bind_paused()
  self.client:log("paused", { pause_s = pause_s, reason = reason }, self.session)
end

--- A submission was accepted: the next back-off starts with one second again.
function Bind:recovered() self.backoff:recovered() end

--- Stops reconnecting.  The session, if any, stays; the client unbinds it.
function Bind:stop()
  self.stopped = true
  if self.dialing and self.dialing.cancel then self.dialing.cancel() end
  if self.keeper then task.wake_for(self.keeper, self) end
end

return bind
