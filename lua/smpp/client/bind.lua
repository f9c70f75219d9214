--- One bind that is kept: dials its hosts, one attempt at a time, backs off, dials again.
--- Its owner (a client) is told through link_up, link_down, link_failed and link_gave_up.
local dialer = require "smpp.client.dialer"
local explain = require "smpp.codec.explain"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"
local windows = require "smpp.client.window"

---@class smpp.Link
---@field bind "trx"|"tx"|"rx"
---@field connection smpp.Connection?
local Link = {}
local mt = { __index = Link, __name = "smpp.Link" }

local link = {}

-- An MC that has not noticed that the old connection is dead refuses the new one with this: more patience helps.
local ALREADY_BOUND = "ESME_RALYBND"
local ALREADY_BOUND_S = 15

-- After the MC said that it is too much: so long, doubling up to the second.
local FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 30

---@param owner smpp.Client
---@param bind "trx"|"tx"|"rx"
---@param hosts { host: string, port: integer }[]  in order of preference
function link.new(owner, bind, hosts)
  local o = owner.options
  return setmetatable({
    owner = owner,
    loop = owner.loop,
    options = setmetatable({ bind = bind }, { __index = o }),
    bind = bind,
    sends = bind ~= "rx", receives = bind ~= "tx",
    hosts = hosts,
    host_index = 0,             -- of the host tried last
    attempt_now = nil,          -- the one that is being made
    connection = nil,
    before = nil,               -- the connection before this one: its socket goes before the next is made
    leaving = false,            -- the MC said goodbye: no new requests on this connection
    full = false,               -- its window is: it says when there is room
    bound_at = nil,
    resume_at = 0,              -- no submissions before, 0: no pause
    pause_s = nil,              -- how long the last pause was
    counters = stats.new(),
    adaptive = o.adaptive and windows.new(type(o.adaptive) == "table" and o.adaptive or { max = o.window }) or nil,
    keeper = nil,               -- the task that dials again
    stopped = false,
  }, mt)
end

--- Tries the hosts in turn, beginning with the one that was bound last.
---@async
---@return smpp.Connection? connection
---@return string? message
---@return string? code
function Link:attempt()
  local message, code = "closed", "closed"
  for _ = 1, #self.hosts do
    if self.stopped then return nil, "closed", "closed" end
    if self.before then
      self.before.transport:close()
      self.before = nil
    end
    self.host_index = self.host_index % #self.hosts + 1
    self.attempt_now = {
      prepare = function(spec) return self.owner:prepare(spec) end,
      made = function(conn)
        self.before = conn
        self.owner:link_dialed(self, conn)
      end,
    }
    local conn
    conn, message, code = dialer.open(self.options, self.hosts[self.host_index], self.attempt_now)
    self.attempt_now = nil
    if self.stopped then
      if conn then conn:close() end
      return nil, "closed", "closed"
    end
    if conn and not conn.closed and not conn.ending then return self:adopt(conn) end
    if conn then message, code = conn.end_reason, "connection_lost" end
    local row = explain.status(code or "")
    if row and row.bind == "give_up" then break end
  end
  return nil, message, code
end

function Link:adopt(conn)
  self.connection = conn
  self.host_index = self.host_index - 1 -- the next attempt begins with this host
  self.bound_at = self.loop:now()
  self.resume_at, self.pause_s, self.leaving, self.full = 0, nil, false, false
  conn.on_closed = function(reason) self:lost(conn, reason) end
  self.owner:link_up(self, conn)
  return conn
end

function Link:lost(conn, reason)
  if self.connection ~= conn then return end
  self.connection, self.before = nil, conn
  self.owner:link_down(self, reason)
  if not self.stopped and self.keeper then task.wake_for(self.keeper, self) end
end

--- Seconds until the n-th attempt in a row: doubling from min_s to max_s, with jitter; or fixed.
function Link:backoff_s(n, code)
  local r = self.options.reconnect
  if r.fixed_s then return r.fixed_s end
  local s = math.min(r.max_s or 60, (r.min_s or 1) * 2 ^ math.min(n - 1, 30))
  if code == ALREADY_BOUND then s = math.max(s, math.min(ALREADY_BOUND_S, r.max_s or 60)) end
  return s * (1 - (r.jitter or 0.5) * self.loop:random())
end

--- Starts the task that keeps it bound.
---@param code? string  why it is not bound now
function Link:keep(code)
  task.start(self.owner.sink, function()
    self.keeper = task.current()
    self:run(code)
    self.keeper = nil
  end)
end

function Link:run(code)
  local failures = 0
  local timer = self.loop:timer(function() task.wake_for(self.keeper, self) end, true)
  while not self.stopped do
    if self.connection then
      task.wait(self)
      if self.loop:now() - self.bound_at >= (self.options.reconnect.stable_s or 60) then failures = 0 end
    else
      failures = failures + 1
      timer:start(self:backoff_s(failures, code))
      task.wait(self)
      if self.stopped then break end
      self.owner:link_dialing(self, failures)
      local conn, message
      conn, message, code = self:attempt()
      if not conn and not self.stopped and not self.connection then
        local row = explain.status(code or "")
        if row and row.bind == "give_up" then
          self.stopped = true
          self.owner:link_gave_up(self, message, code)
          break
        end
        self.owner:link_failed(self, message, code)
      end
    end
  end
  timer:close()
end

--- The MC said that it is too much: no submissions for a while, a second and doubling up to 30.
---@param why string
function Link:pause(why)
  local now = self.loop:now()
  if now < self.resume_at then return end -- this was sent before the pause began
  self.pause_s = math.min(LONGEST_PAUSE_S, self.pause_s and self.pause_s * 2 or FIRST_PAUSE_S)
  self.resume_at = now + self.pause_s
  self.owner:link_paused(self, why)
end

--- A submission was taken: the next pause is a short one again.
function Link:calm() self.pause_s = nil end

--- Takes note of a response.
---@param pdu smpp.Pdu
function Link:observe(conn, latency_s, pdu)
  local now, status, congestion = self.loop:now(), pdu.command_status, nil
  if conn.version >= 0x50 then
    congestion = pdu.congestion_state
    if congestion == 100 then self:pause "congestion_state 100" end
  end
  local adaptive = self.adaptive
  if not adaptive then return end
  local size
  if (status ~= 0 and explain.class(status) == "throttle") or (congestion and congestion >= 90 and congestion <= 100) then
    size = adaptive:congested(now)
  else
    size = adaptive:answered_in(latency_s, now)
  end
  if size then conn:set_window(size) end
end

--- No more attempts.  The connection, if any, stays: its owner unbinds it.
function Link:stop()
  self.stopped = true
  if self.attempt_now and self.attempt_now.cancel then self.attempt_now.cancel() end
  if self.keeper then task.wake_for(self.keeper, self) end
end

return link
