--- One bind that is kept: dials its hosts, one attempt at a time, backs off, dials again.  It owns the session it has
--- (smpp.SessionOwner), and tells the pool it is in when that comes and goes.
local backoffs = require "smpp.base.backoff"
local dialer = require "smpp.client.dialer"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"
local windows = require "smpp.client.window"

---@class smpp.Bind : smpp.SessionOwner
---@field kind "trx"|"tx"|"rx"
---@field session smpp.Session?
local Bind = {}
local mt = { __index = Bind, __name = "smpp.Bind" }

local bind = {}

-- An MC that has not noticed that the old connection is dead refuses the new one with this: more patience helps.
local ALREADY_BOUND = "ESME_RALYBND"
local ALREADY_BOUND_S = 15

---@param client smpp.Client
---@param pool smpp.BindPool
---@param kind "trx"|"tx"|"rx"
---@param hosts { host: string, port: integer }[]  in order of preference
---@return smpp.Bind
function bind.new(client, pool, kind, hosts)
  local o = client.options
  return setmetatable({
    client = client,
    pool = pool,
    loop = client.loop,
    options = setmetatable({ bind = kind }, { __index = o }),
    kind = kind,
    sends = kind ~= "rx", receives = kind ~= "tx",
    hosts = hosts,
    host_index = 0,             -- of the host tried last
    dialing = nil,              -- smpp.Attempt that is being made
    session = nil,
    previous = nil,             -- the session before this one: its socket goes before the next is made
    unbinding = false,          -- the MC unbinds: no new requests in this session
    full = false,               -- its window is, until the session says that there is room
    bound_at = nil,
    backoff = backoffs.new(),   -- throttled: no submissions before it ends
    counters = stats.new(),
    adaptive = o.adaptive and windows.new(o.adaptive) or nil,
    keeper = nil,               -- the task that dials again
    stopped = false,
    on_response = nil,          -- Bind.observe, where responses are looked at
  }, mt)
end

--- Tries the hosts in turn, beginning with the one that was bound last.
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
    end, warn = self.client.write_log and function(message) self.client:log("warn", "tls_warning", { reason = message }) end }
    local session
    session, message, code = dialer.open(self.options, self.hosts[self.host_index], self.dialing)
    self.dialing = nil
    if self.stopped then
      if session then session:close() end
      return nil, "closed", "closed"
    end
    if session and not session.ending then return self:adopt(session) end
    if session then message, code = session.end_reason, "connection_lost" end
    local row = explain.status(code or "")
    if row and row.bind == "give_up" then break end
  end
  return nil, message, code
end

--- Hands the PDUs of a session to the client's listeners.
---@param session smpp.Session
function Bind:follow(session)
  local client = self.client
  if events.heard(client, "pdu") then session:on("pdu", function(...) client:emit("pdu", ...) end) end
end

--- Takes a session that is bound.
---@param session smpp.Session
---@return smpp.Session
function Bind:adopt(session)
  self.session = session
  self.host_index = self.host_index - 1 -- the next attempt begins with this host
  self.bound_at = self.loop:now()
  if self.backoff.ends_at > 0 then self.client.outbox:bind_resumed(self.bound_at) end
  self.backoff:clear()
  self.unbinding, self.full = false, false
  self.counters.binds = self.counters.binds + 1
  self.on_response = (self.adaptive or session.version >= 0x50) and self.observe or nil
  if self.adaptive then session:set_window(self.adaptive.size) end
  if session:info().odd_bind_sequence then
    self.client:log("warn", "bind_resp_sequence", { host = session.host, reason = "not the bind's sequence_number" })
  end
  self.pool:bind_up(self, session)
  return session
end

-- ---- what its session tells ----

function Bind:on_request(session, pdu, command_id)
  local handler = self.client.handlers[command_id]
  if handler then return handler(pdu, self.client, session) end
  session:note_refused(pdu, "ESME_RINVCMDID", "no handler for it")
  return nil, "ESME_RINVCMDID"
end

function Bind:on_request_refused(session, pdu, status, reason)
  self.client:log("warn", "refused", {
    host = session.host, command = pdu.command, sequence_number = pdu.sequence_number, status = status, reason = reason,
  })
  self.client:emit("refused", pdu, status, reason)
end

--- Takes a close look at a response: adaptive windows, congestion_state of SMPP 5.0 (5.0, 4.8.4.18).
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
  if self.client.state == "closing" then self.client:note_unfinished(command_id, fields, code) end
end

function Bind:on_room()
  self.full = false
  self.client.outbox:pump()
end

function Bind:on_closed(session, reason)
  if self.session ~= session then return end
  self.session, self.previous = nil, session
  self.pool:bind_down(self, session, reason)
  if not self.stopped and self.keeper then task.wake_for(self.keeper, self) end
end

function Bind:on_error(_, message, code, pdu)
  if code == "answer_timeout" and not self.client.inbox:may_report(pdu) then return end
  self.client:emit("error", message)
end

-- ---- staying bound ----

--- Seconds until the n-th attempt in a row: doubling from min_s to max_s, with jitter; or fixed.
function Bind:reconnect_delay_s(n, code)
  local r = self.options.reconnect
  if r.fixed_s then return r.fixed_s end
  local s = backoffs.delay_s(n, r.min_s, r.max_s)
  if code == ALREADY_BOUND then s = math.max(s, math.min(ALREADY_BOUND_S, r.max_s)) end
  return s * (1 - r.jitter * self.loop:random())
end

--- Starts the task that keeps it bound.
---@param code? string  why it is not bound now
function Bind:keep(code)
  task.start(self.client.sink, function()
    self.keeper = task.current()
    self:run(code)
    self.keeper = nil
  end)
end

function Bind:run(code)
  local failures = 0
  local timer = self.loop:timer(function() task.wake_for(self.keeper, self) end, true)
  while not self.stopped do
    if self.session then
      task.wait(self)
      if self.loop:now() - self.bound_at >= self.options.reconnect.stable_s then failures = 0 end
    else
      failures = failures + 1
      timer:start(self:reconnect_delay_s(failures, code))
      task.wait(self)
      if self.stopped then break end
      self.pool:bind_dialing(self, failures)
      local session, message
      session, message, code = self:attempt()
      if not session and not self.stopped and not self.session then
        local row = explain.status(code or "")
        if row and row.bind == "give_up" then
          self.stopped = true
          self.pool:bind_gave_up(self, message, code)
          break
        end
        self.pool:bind_failed(self, message, code)
      end
    end
  end
  timer:close()
end

--- Throttled: no submissions for a while, a second and doubling up to 30.
---@param reason string
---@param sent_at? number  when the request was sent whose response says so
function Bind:back_off(reason, sent_at)
  local pause_s = self.backoff:start(self.loop:now(), sent_at)
  if not pause_s then return end
  self.client.outbox:bind_paused()
  self.client:log("warn", "paused", { host = self.session and self.session.host, pause_s = pause_s, reason = reason })
end

--- A submission was taken: the next back-off is a short one again.
function Bind:recovered() self.backoff:recovered() end

--- No more attempts.  The session, if any, stays: the client unbinds it.
function Bind:stop()
  self.stopped = true
  if self.dialing and self.dialing.cancel then self.dialing.cancel() end
  if self.keeper then task.wake_for(self.keeper, self) end
end

return bind
