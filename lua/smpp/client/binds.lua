--- How a client stays bound: its states, its links, and what these tell it.
local events = require "smpp.base.events"
local ids = require("smpp.codec.commands").ids
local explain = require "smpp.codec.explain"
local links = require "smpp.client.bind"
local task = require "smpp.base.task"

local binds = { methods = {} }
local Client = binds.methods

--- Handlers of a connection: what an MC sends.
local function incoming(self)
  local o = self.options
  local function deliver(pdu, _, conn) return self.inbox:deliver(pdu, conn) end
  return {
    [ids.deliver_sm] = o.deliver_sm or deliver,
    [ids.data_sm] = o.data_sm or o.deliver_sm or deliver,
    [ids.alert_notification] = function(pdu) self:emit("alert_notification", pdu) end,
  }
end

--- The binds that `bind` and `binds` ask for; those of a pool each prefer a host of their own.
function Client:make_links()
  local o, list = self.options, {}
  for n = 1, o.binds or 1 do
    local hosts = {}
    for i = 1, #o.hosts do hosts[i] = o.hosts[(n + i - 2) % #o.hosts + 1] end
    if o.pinned then hosts = { hosts[1] } end
    for _, bind in ipairs(o.bind == "tx+rx" and { "tx", "rx" } or { o.bind }) do list[#list + 1] = links.new(self, bind, hosts) end
  end
  self.links, self.sends = list, o.bind ~= "rx"
end

function Client:set_state(state, reason)
  if self.state == state then return end
  local from = self.state
  self.state = state
  self:hold_loop(state == "waiting" or state == "connecting")
  self:log(state == "waiting" and "warn" or "info", state, { from = from, reason = reason })
  self:emit("state", state, from, reason)
end

function Client:hold_loop(hold)
  if hold == self.held then return end
  self.held = hold
  if hold then self.loop:hold() else self.loop:release() end
end

--- Whether those of the links that count are enough: one to send with if any sends, one to receive with if any receives.
---@param counts fun(link: smpp.Link): any
local function enough(links, counts)
  local sends, receives, can_send, can_receive = false, false, false, false
  for _, link in ipairs(links) do
    sends, receives = sends or link.sends, receives or link.receives
    if counts(link) then can_send, can_receive = can_send or link.sends, can_receive or link.receives end
  end
  return (can_send or not sends) and (can_receive or not receives)
end

local function has_connection(link) return link.connection end
local function goes_on(link) return not link.stopped end

--- Bound, as far as it takes.
function Client:is_bound() return enough(self.links, has_connection) end

--- Chooses anew what requests go to.
function Client:refresh()
  self.connection, self.direct = nil, nil
  local senders, connection_of_sender = 0, nil
  for _, link in ipairs(self.links) do
    if link.connection and not self.connection then self.connection = link.connection end
    if link.sends then
      senders = senders + 1
      connection_of_sender = connection_of_sender or link.connection
    end
  end
  self.connection = connection_of_sender or self.connection
  local o = self.options
  if senders == 1 and self.state ~= "closing" and not (o.rate_per_s or o.order or o.on_unknown) then self.direct = connection_of_sender end
end

-- ---- what links tell ----

--- What this client adds to a connection that is being made.
---@param spec table  smpp.ConnectionOptions, or a connection
function Client:prepare(spec)
  spec.handlers, spec.target, spec.pdu_first = incoming(self), self, true
  return spec
end

--- A connection was made, and nothing was sent or read.
function Client:link_dialed(link, conn)
  conn.link = link
  conn.listeners.error = { function(message) self:emit("error", message) end }
  conn.on_window = function()
    link.full = false
    self:pump()
  end
  conn.on_throttled = function(status) link:pause(explain.status(status).name) end
  conn.on_unknown = function(command_id, fields, code)
    if self.state == "closing" then self:note_left(command_id, fields, code) end
  end
  if events.heard(self, "pdu") then conn:on("pdu", function(...) self:emit("pdu", ...) end) end
end

function Client:link_up(link, conn)
  conn.stats = link.counters -- from now on: a bind is no message
  link.counters.binds = link.counters.binds + 1
  if link.adaptive then conn:set_window(link.adaptive.size) end
  if link.adaptive or conn.version >= 0x50 then
    conn.observe = function(latency_s, pdu) link:observe(conn, latency_s, pdu) end
  end
  self:log("info", "bind_up", { host = conn.host, bind = link.bind, version = ("%X"):format(conn.version), mc = conn.mc_system_id })
  self:emit("bind", "up", link.bind, conn.host)
  self:refresh()
  if self:is_bound() then self:set_state("bound", "bound to " .. conn.host) end
  self:pump()
end

function Client:link_down(link, reason)
  local host = link.before.host
  self:refresh()
  self:log("warn", "bind_down", { host = host, bind = link.bind, reason = reason })
  self:emit("bind", "down", link.bind, host, reason)
  if self.state == "closing" or self.state == "closed" then
    if self.closer then task.wake_for(self.closer, self) end
  elseif not self.options.reconnect then
    link.stopped = true
    self:link_gave_up(link, reason, "connection_lost")
  elseif not self:is_bound() then
    self:set_state("waiting", reason)
  end
end

function Client:link_dialing(link, attempt)
  if self.state == "waiting" then self:set_state("connecting", ("attempt %d to bind as %s"):format(attempt, link.bind)) end
end

function Client:link_failed(link, message, code)
  self:log("warn", "bind_failed", { bind = link.bind, reason = message, code = code })
  if not self:is_bound() then self:set_state("waiting", message) end
end

function Client:link_paused(link, why)
  self:log("warn", "paused", { host = link.connection and link.connection.host, pause_s = link.pause_s, reason = why })
end

--- The first attempt of every link: enough bound, or why not.  Links of a pool try side by side.
---@async
function Client:first_attempts()
  local token, message, code, left = task.need(3), nil, nil, #self.links
  local pair = self.options.bind == "tx+rx" and left == 2
  local function try(link)
    local conn, err, err_code = link:attempt()
    if not conn then message, code = message or err, code or err_code end
    return conn
  end
  if left == 1 or pair then
    for _, link in ipairs(self.links) do
      if not try(link) then break end
    end
  else
    for _, link in ipairs(self.links) do
      task.start(self.sink, function()
        try(link)
        left = left - 1
        if left == 0 then task.wake_for(token, try) end
      end)
    end
    if left > 0 then task.wait(try) end
  end
  if self.state == "closed" or self.state == "closing" then return false, "closed", "closed" end
  if self:is_bound() then return true end
  return false, message, code
end

--- Asked for a transceiver that the MC does not have: a transmitter and a receiver instead.
function Client:fall_back(code)
  if not self.options.fallback or self.options.bind ~= "trx" or code ~= "ESME_RINVCMDID" then return false end
  self.options.bind = "tx+rx"
  for _, link in ipairs(self.links) do
    self.counters:add(link.counters)
    link:stop()
  end
  self:make_links()
  self:log("warn", "fallback", { bind = "tx+rx", reason = "the MC has no transceivers" })
  return true
end

--- A link is no use any more; when those that are left are not enough, everything that waits is told.
function Client:link_gave_up(link, message, code)
  if not self.connection and self:fall_back(code) then
    for _, other in ipairs(self.links) do other:keep() end
    return
  end
  self:log("error", "gave_up", { bind = link.bind, reason = message, code = code })
  self:emit("error", message)
  if not enough(self.links, goes_on) then self:abandon(message, code) end
end

return binds
