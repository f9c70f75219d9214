--- One carrier: its binds, whether it is available, and the ids under which it knows our messages.
local breakers = require "smpp.gateway.breaker"
local client = require "smpp.client"
local client_options = require "smpp.client.options"
local explain = require "smpp.codec.explain"
local form = require "smpp.gateway.form"
local leasing = require "smpp.gateway.leasing"
local figures = require "smpp.gateway.figures"
local relay = require "smpp.gateway.relay"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local trackers = require "smpp.receipt.tracker"

local carriers = {}

---@class smpp.Carrier
---@field name string
---@field client smpp.Client
---@field outstanding integer  messages without an outcome
local Carrier = {}
local mt = { __index = Carrier, __name = "smpp.Carrier" }

function mt:__tostring() return "carrier " .. self.name end

local REFUSED_S = 60 -- before a bind that was refused for good (a wrong password) is tried again

local LOGGED = { bind_up = true, bind_down = true, bind_closed = true, bind_failed = true, paused = true, gave_up = true } -- of the client's events

-- Failure codes after which the carrier may have taken the message.
local UNKNOWN = { timeout = true, connection_lost = true }

local function statuses_of(own)
  local out = {}
  for status, class in pairs(own.statuses or {}) do out[explain.status(status).name] = class end
  return out
end

---@param gateway smpp.Gateway
---@param config { name: string, options: table, own: table }
---@param tracker smpp.Tracker?  of an earlier connection to it
---@return smpp.Carrier
function carriers.new(gateway, config, tracker)
  local read = assert(client_options.read(config.options))
  local receipt_options = schema.merge({ default_alphabet = read.default_alphabet }, read.receipts)
  local self = setmetatable({
    name = config.name,
    gateway = gateway,
    loop = gateway.loop,
    config = config,
    own = config.own,
    client = nil,
    leasing = nil,              -- smpp.Leasing: of several nodes, binds only where it holds leases
    breaker = config.own.breaker and breakers.new(config.own.breaker) or nil,
    receipt_options = receipt_options, has_usual_receipts = relay.is_usual(receipt_options),
    read = read,
    form = form.of_carrier(config.own, read),
    peer_text = { default_alphabet = read.default_alphabet, data_codings = read.data_codings },
    tracker = tracker or trackers.new {
      id_base = read.id_base, ttl_s = gateway.settings.remember_s, limit = gateway.settings.remember, seed = gateway.loop:random_octets(8),
    },
    late = {},                  -- handles of messages without a receipt whose end could not be written yet
    outstanding = 0,
    window = read.window * (read.binds or 1), -- of all its binds
    watched = setmetatable({}, { __mode = "k" }), -- sessions
    statuses = statuses_of(config.own), -- names -> classes that differ
    closing = false,
    switched = nil,             -- turned off (true) or on (false) by hand
    timer = nil,                -- until the next attempt after a refused bind
    sent = 0, accepted = 0, refused = 0, unknown = 0, -- counts
    is_version_33 = read.version < 0x34,
  }, mt)
  return self
end

--- Options that may change while its binds stay: those of the gateway's own.
---@param own table
function Carrier:set_own(own)
  if own.off and not self.own.off then self:unqueue() end
  self.own, self.statuses, self.form = own, statuses_of(own), form.of_carrier(own, self.read)
  self.breaker = own.breaker and breakers.new(own.breaker) or nil
end

--- Turns it off or on by hand.  That lasts until the file says something else of `off`, or the process ends.
---@param is_off boolean
function Carrier:switch(is_off)
  self.switched = is_off
  self:set_own(schema.merge(self.own, { off = is_off }))
  local books = self.gateway.books
  if books and not is_off then books.waiting:kick() end
end

--- The gateway's own options of a carrier in a file that is loaded again: turned off or on by hand, it stays so.
---@param own table
---@return table own
---@return boolean? switched
function Carrier:keep_switch(own)
  if self.switched == nil or self.config.own.off ~= own.off then return own, nil end
  return schema.merge(own, { off = self.switched }), self.switched
end

--- Opens its binds; they stay open, and are opened again, until `close`.
function Carrier:open()
  local gateway = self.gateway
  local o = schema.merge({ response_timeout_s = 30 }, self.config.options)
  o.loop, o.wait, o.queue_unbound, o.retry = self.loop, true, false, false
  function o.deliver_sm(pdu, _, session) return gateway.receiving:deliver(self, pdu, session) end
  o.data_sm = o.deliver_sm
  function o.log(record)
    if LOGGED[record.event] then
      if record.event == "bind_up" and gateway.books then gateway.books.waiting:kick() end
      gateway:log(record.level, record.event, { carrier = self.name, peer = record.peer, reason = record.reason, pause_s = record.pause_s })
    end
  end
  local nodes = gateway.nodes
  local opened
  if nodes then opened = client.leased(o) else opened = client.pool(o, function() end) end
  self.client = opened
  run.closed(opened) -- the gateway closes it
  opened:on("error", function(message) gateway:log("error", "carrier_error", { carrier = self.name, reason = message }) end)
  opened:on("bind", function(what)
    if what == "up" then opened.pool:each_session(function(session) self:watch(session) end) end
  end)
  if nodes then
    self.leasing = leasing.open(self, nodes)
    return
  end
  opened:on("state", function(state, _, reason)
    if state ~= "closed" or self.closing or self.client ~= opened then return end
    gateway:log("error", "carrier_refused", { carrier = self.name, reason = reason })
    self.timer = self.timer or self.loop:timer(function() self:open() end)
    self.timer:start(REFUSED_S)
  end)
end

--- Messages that wait for its window go elsewhere.
function Carrier:unqueue()
  if self.client then self.client:unqueue(self.name .. " is off") end
end

--- Logs responses of a bind that come after their time: the message has been given up, or sent elsewhere.
---@private
function Carrier:watch(session)
  if self.watched[session] then return end
  self.watched[session] = true
  session:on("stray", function(pdu)
    local command = pdu.command
    if command ~= "submit_sm_resp" and command ~= "data_sm_resp" then return end
    self.gateway:log("warn", "late_response", { carrier = self.name, id = pdu.message_id, status = pdu.status, peer = session.host })
  end)
end

--- Is it available?
---@return boolean available
---@return string? why_not
function Carrier:available()
  if self.own.off then return false, "off" end
  if self.closing or not self.client then return false, "closing" end
  local breaker = self.breaker
  if breaker and breaker.state ~= "closed" and not breaker:allows(self.loop:now()) then return false, "circuit breaker open" end
  if not self.client:is_ready() then return false, self.client.session and "backing off" or "down" end
  return true
end

--- A message in the form that it wants: views, nil: as it is; or false, message and status: it cannot have it.
---@param msg smpp.RouteMessage
---@param view smpp.Pdu  as the rules have changed it
---@param reference? integer  of the parts, if it was cut before
---@return smpp.Pdu[]|nil|false views
---@return string? message
---@return string? status
function Carrier:views(msg, view, reference)
  local o = self.form
  if msg.long or msg.encoding then
    o = schema.merge(o or self.peer_text, { long = msg.long or (o and o.long), encoding = msg.encoding })
  end
  if not o then return nil end
  return form.views(view, msg.peer_text, o, function() return reference or self.gateway.references:next(msg.to) end)
end

--- What a failure means for its message: the classes of `smpp explain`, but what `statuses` says otherwise.
---@param code string
---@return string? class  "unknown": the carrier may have taken it; nil: it was not sent
function Carrier:class(code)
  if UNKNOWN[code] then return "unknown" end
  return self.statuses[code] or explain.class(code)
end

local function changed(self, event)
  self.gateway:log(event == "breaker_closed" and "info" or "warn", event, { carrier = self.name })
end

--- Notes an outcome for the circuit breaker.
local function note(self, breaker, response, code, took_s)
  if response and took_s and took_s > breaker.o.slow_s then
    if breaker:failure(self.loop:now()) then changed(self, "breaker_open") end
    return
  end
  if response then
    if breaker:success() then changed(self, "breaker_closed") end
    return
  end
  local class = not UNKNOWN[code] and explain.class(code) -- whatever `statuses` says: this is about the carrier, not the message
  if UNKNOWN[code] or class == "temporary" or class == "session" then
    if breaker:failure(self.loop:now()) then changed(self, "breaker_open") end
  elseif class == "permanent" or class == "throttle" then -- it works
    if breaker:success() then changed(self, "breaker_closed") end
  else
    breaker:undecided()
  end
end

--- Sends a request and waits for its outcome.
---@async
---@param command_id integer
---@param pdu smpp.Pdu|table
---@param queue_s? number  how long it may wait for the window
---@return smpp.Pdu? response
---@return string? message
---@return string? code
---@return smpp.Pdu? refused
function Carrier:submit(command_id, pdu, queue_s)
  local breaker, began = self.breaker, nil
  if breaker then
    breaker:begin()
    began = breaker.o.slow_s and self.loop:now()
  end
  self.outstanding, self.sent = self.outstanding + 1, self.sent + 1
  local response, message, code, refused
  if queue_s then
    response, message, code, refused = self.client:request_queued(command_id, pdu, queue_s)
  else
    response, message, code, refused = self.client:request(command_id, pdu)
  end
  self.outstanding = self.outstanding - 1
  local result = response and "accepted" or UNKNOWN[code] and "unknown" or "refused"
  self[result] = self[result] + 1
  figures.carrier_messages:add(1, self.name, result)
  if breaker then note(self, breaker, response, code, began and self.loop:now() - began) end
  return response, message, code, refused
end

--- Ends its binds when what is on the way has its outcome; does not wait.
---@param timeout_s number
---@param done? fun()
function Carrier:close(timeout_s, done)
  self.closing = true
  if self.timer then self.timer:close() end
  local function finish()
    task.start(nil, function()
      if self.client then self.client:close(timeout_s) end
      if done then done() end
    end)
  end
  if self.leasing then self.leasing:close(finish) else finish() end
end

return carriers
