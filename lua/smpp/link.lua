--- One bind that is kept: dials its hosts, one attempt at a time, backs off, dials again.
--- Its owner (a client) is told through link_up, link_down and link_gave_up.
local dialer = require "smpp.dialer"
local explain = require "smpp.explain"
local task = require "smpp.task"

local Link = {}
local mt = { __index = Link, __name = "smpp.Link" }

local link = {}

-- An MC that has not noticed that the old connection is dead refuses the new one with this: more patience helps.
local ALREADY_BOUND = "ESME_RALYBND"
local ALREADY_BOUND_S = 15

---@param owner smpp.Client
---@param bind "trx"|"tx"|"rx"
---@param hosts { host: string, port: integer }[]  in order of preference
function link.new(owner, bind, hosts)
  return setmetatable({
    owner = owner,
    loop = owner.loop,
    options = setmetatable({ bind = bind }, { __index = owner.options }),
    bind = bind,
    sends = bind ~= "rx", receives = bind ~= "tx",
    hosts = hosts,
    host_index = 0,             -- of the host tried last
    connection = nil,
    resume_at = 0,              -- after the MC said that it is too much: no submissions before
    pause_s = nil,              -- how long the last pause was
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
  local message, code
  for _ = 1, #self.hosts do
    self.host_index = self.host_index % #self.hosts + 1
    local conn
    conn, message, code = dialer.open(self.options, self.hosts[self.host_index], function(c) return self.owner:prepare(c, self) end)
    if self.stopped then
      if conn then conn:close() end
      return nil, "closed", "closed"
    end
    if conn and not conn.closed then return self:adopt(conn) end
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
  self.resume_at, self.pause_s = 0, nil
  conn.on_closed = function(reason) self:lost(conn, reason) end
  self.owner:link_up(self, conn)
  return conn
end

function Link:lost(conn, reason)
  if self.connection ~= conn then return end
  self.connection = nil
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
      self.owner:link_dialing(self)
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
---@return number pause_s
function Link:pause()
  local now = self.loop:now()
  if now < self.resume_at then return self.resume_at - now end
  self.pause_s = math.min(30, (self.pause_s or 0.5) * 2)
  self.resume_at = now + self.pause_s
  return self.pause_s
end

--- A submission was taken: the next pause is a short one again.
function Link:calm() self.pause_s = nil end

--- No more attempts.  The connection, if any, stays: its owner unbinds it.
function Link:stop()
  self.stopped = true
  if self.keeper then task.wake_for(self.keeper, self) end
end

return link
