--- The binds of a client: creates them, decides whether the client counts as bound, and chooses a bind for a request.
local binds = require "smpp.client.bind"
local task = require "smpp.base.task"

---@class smpp.BindPool
---@field binds smpp.Bind[]
---@field sends boolean  false: bound as a receiver only
---@field binds smpp.Bind[]  of a client of `client.leased` those of its places
---@field direct smpp.Bind?  fast path: the only bind that sends, without rate_per_s, order and on_unknown
local Pool = {}
local mt = { __index = Pool, __name = "smpp.BindPool" }

local pool = {}

---@param client smpp.Client
---@return smpp.BindPool
function pool.new(client)
  local self = setmetatable({
    client = client,
    options = client.options,
    loop = client.loop,
    binds = nil, sends = nil,   -- set by make
    direct = nil,
    turn = 0,                   -- round robin among equally loaded binds
  }, mt)
  self:make()
  return self
end

--- Creates the binds of `bind` and `binds`; each bind of a pool prefers a host of its own.
function Pool:make()
  local o, list = self.options, {}
  for n = 1, o.is_leased and 0 or o.binds or 1 do
    local hosts = {}
    for i = 1, #o.hosts do hosts[i] = o.hosts[(n + i - 2) % #o.hosts + 1] end
    if o.pinned then hosts = { hosts[1] } end
    for _, kind in ipairs(o.bind == "tx+rx" and { "tx", "rx" } or { o.bind }) do list[#list + 1] = binds.new(self.client, self, kind, hosts) end
  end
  self.binds, self.sends = list, o.bind ~= "rx"
end

--- Tests whether the counted binds suffice: one that sends if any sends, one that receives if any receives.
---@param counts fun(bind: smpp.Bind): any
local function enough(list, counts)
  local sends, receives, can_send, can_receive = false, false, false, false
  for _, bind in ipairs(list) do
    sends, receives = sends or bind.sends, receives or bind.receives
    if counts(bind) then can_send, can_receive = can_send or bind.sends, can_receive or bind.receives end
  end
  return (can_send or not sends) and (can_receive or not receives)
end

local function has_session(bind) return bind.session end
local function goes_on(bind) return not bind.stopped end

--- Tests whether enough binds are bound.
---@return boolean
function Pool:is_bound() return #self.binds > 0 and enough(self.binds, has_session) end

--- Tests whether any session is open.
---@return boolean
function Pool:has_sessions()
  for _, bind in ipairs(self.binds) do
    if bind.session then return true end
  end
  return false
end

--- Tests whether any bound session can send requests.
---@return boolean
function Pool:can_send()
  local session = self.client.session
  return session ~= nil and session.owner.sends
end

--- Tests whether a bind takes requests, now or as soon as its window has room: bound, and not backing off.
---@return boolean
function Pool:is_ready()
  local binds = self.binds
  for i = 1, #binds do
    local bind = binds[i]
    if bind.sends and bind.session and not bind.unbinding then
      local ends_at = bind.backoff.ends_at
      if ends_at == 0 or ends_at <= self.loop:now() then return true end
    end
  end
  return false
end

--- Updates `direct` and the client's session after a change.
function Pool:refresh()
  local o, any, sender, senders = self.options, nil, nil, 0
  for _, bind in ipairs(self.binds) do
    if bind.session then any = any or bind end
    if bind.sends then
      senders = senders + 1
      if bind.session then sender = sender or bind end
    end
  end
  local best = sender or any
  self.client:set_session(best and best.session)
  local queued = o.rate_per_s or (self.client.outbox and self.client.outbox.rate) or o.order or o.on_unknown or self.client.state == "closing"
  self.direct = senders == 1 and not queued and sender or nil
end

--- The bind with the fewest requests in flight that can send now.
---@param now number
---@return smpp.Bind? bind
---@return number? wait_s  until a back-off ends, if all others are backing off
function Pool:choose(now)
  local best, least, wait_s = nil, math.huge, nil
  local list, n = self.binds, #self.binds
  for i = 1, n do
    local bind = list[(self.turn + i - 1) % n + 1]
    local session = bind.sends and not bind.unbinding and not bind.full and bind.session
    if session then
      local paused_until = bind.backoff.ends_at
      if now < paused_until then
        wait_s = math.min(wait_s or math.huge, paused_until - now)
      else
        if paused_until > 0 then
          bind.backoff:finish()
          self.client.outbox:bind_resumed(now)
        end
        local in_flight = session:in_flight()
        if in_flight < least then best, least = bind, in_flight end
      end
    end
  end
  self.turn = n > 0 and (self.turn + 1) % n or 0
  return best, wait_s
end

--- The number of requests that can be in flight at once.
---@return integer
function Pool:capacity()
  local n, o = 0, self.options
  for _, bind in ipairs(self.binds) do
    if bind.sends then n = n + (bind.adaptive and bind.adaptive.max or o.window) end
  end
  return math.max(1, n)
end

-- ---- notifications of binds ----

function Pool:bind_up(bind, session)
  local client = self.client
  client:log("bind_up", {
    bind = bind.kind, version = ("%X"):format(session.version), mc = session.mc_system_id, tls = session.tls and session.tls.version,
    tls_resumed = session.tls and session.tls.resumed,
  }, session)
  client:emit("bind", "up", bind.kind, session.host)
  self:refresh()
  if self:is_bound() then client:set_state("bound", "bound to " .. session.host) end
  client.outbox:pump()
  if bind.place then bind.place:bind_up() end
end

local UNBOUND = "unbound" -- the end of a session that this side has unbound

--- How the log has the end of a bind: on purpose, or a loss; and why.
local function end_of(client, place, reason)
  local is_unbound, why = reason == UNBOUND, place and place.why
  local is_wanted = is_unbound and (client.state == "closing" or place ~= nil and place.is_given)
  if why then reason = is_unbound and why or ("%s; %s"):format(why, reason) end
  return is_wanted and "bind_closed" or "bind_down", reason
end

function Pool:bind_down(bind, session, reason)
  local client = self.client
  self:refresh()
  local event, why = end_of(client, bind.place, reason)
  client:log(event, { bind = bind.kind, reason = why }, session)
  client.outbox:unbound()
  client:emit("bind", "down", bind.kind, session.host, reason)
  if client.state == "closing" or client.state == "closed" then
    client:session_ended()
  elseif not self.options.reconnect then
    bind.stopped = true
    self:bind_gave_up(bind, reason, "connection_lost")
  elseif not self:is_bound() then
    client:set_state("waiting", reason)
  end
  if bind.place then bind.place:bind_down() end
end

function Pool:bind_dialing(bind, attempt)
  local client = self.client
  if client.state == "waiting" then client:set_state("connecting", ("attempt %d to bind as %s"):format(attempt, bind.kind)) end
end

function Pool:bind_failed(bind, message, code)
  self.client:log("bind_failed", { bind = bind.kind, reason = message, code = code })
  if not self:is_bound() then self.client:set_state("waiting", message) end
  if bind.place then bind.place:bind_failed(code) end
end

--- A bind was refused for good; if the others do not suffice, the client closes.
function Pool:bind_gave_up(bind, message, code)
  local client = self.client
  if not client.session and self:fall_back(code) then
    for _, other in ipairs(self.binds) do other:keep() end
    return
  end
  client:log("gave_up", { bind = bind.kind, reason = message, code = code })
  client:emit_logged(message)
  if not enough(self.binds, goes_on) then client:abandon(message, code) end
end

-- ---- connecting and closing ----

--- Makes the first attempt of every bind, of a pool all at the same time: true if enough are bound, else nil, message, code.
---@async
---@return boolean ok
---@return string? message
---@return string? code
function Pool:first_attempts()
  local client, token, left = self.client, task.need(3), #self.binds
  local message, code
  local pair = self.options.bind == "tx+rx" and left == 2
  local function try(bind)
    local session, err, err_code = bind:attempt()
    if not session then message, code = message or err, code or err_code end
    return session
  end
  if left == 1 or pair then
    for _, bind in ipairs(self.binds) do
      if not try(bind) then break end
    end
  else
    for _, bind in ipairs(self.binds) do
      task.start(client.sink, function()
        try(bind)
        left = left - 1
        if left == 0 then task.wake_for(token, try) end
      end)
    end
    if left > 0 then task.wait(try) end
  end
  if client.state == "closed" or client.state == "closing" then return false, "closed", "closed" end
  if self:is_bound() then return true end
  return false, message, code
end

--- Falls back to a transmitter and a receiver if the MC does not support bind_transceiver.
---@param code string?
---@return boolean fell_back
function Pool:fall_back(code)
  if not self:takes_fall_back(code) then return false end
  for _, bind in ipairs(self.binds) do
    self.client.counters:add(bind.counters)
    bind:stop()
  end
  self:make()
  return true
end

--- Does this refusal mean that there are only transmitters and receivers?  Then binds are these from now on.
---@param code string?
---@return boolean
function Pool:takes_fall_back(code)
  local o = self.options
  if not o.fallback or o.bind ~= "trx" or code ~= "ESME_RINVCMDID" then return false end
  o.bind = "tx+rx"
  self.client:log("fallback", { bind = "tx+rx", reason = "bind_transceiver is not supported by the MC" })
  return true
end

--- Starts reconnecting.
---@param code? string  of the failed first attempt
function Pool:keep(code)
  for _, bind in ipairs(self.binds) do
    if self.options.reconnect then bind:keep(code) elseif not bind.session then bind:stop() end
  end
end

--- Stops reconnecting; sessions stay open.
function Pool:stop()
  for _, bind in ipairs(self.binds) do bind:stop() end
end

--- Calls fn for each session.
---@param fn fun(session: smpp.Session)
function Pool:each_session(fn)
  for _, bind in ipairs(self.binds) do
    if bind.session then fn(bind.session) end
  end
end

return pool
