--- A gateway: customers bind to it, rules say which carrier takes their messages, receipts and incoming messages go back.
--- What it forwards and how is a file (smpp.gateway.file); the guide is docs/gateway.md.
local codec = require "smpp.codec"
local books = require "smpp.gateway.books"
local carriers = require "smpp.gateway.carrier"
local customers = require "smpp.gateway.customer"
local events = require "smpp.base.events"
local figures = require "smpp.gateway.figures"
local file = require "smpp.gateway.file"
local forward = require "smpp.gateway.forward"
local forms = require "smpp.gateway.form"
local https = require "smpp.gateway.http"
local ids = require "smpp.gateway.ids"
local kind = require "smpp.base.kind"
local limits = require "smpp.gateway.limits"
local logs = require "smpp.base.log"
local loop_detectors = require "smpp.gateway.loops"
local loops = require "smpp.loop"
local node = require "smpp.gateway.node"
local options = require "smpp.gateway.options"
local passing = require "smpp.gateway.passing"
local receiving = require "smpp.gateway.receiving"
local reload = require "smpp.gateway.reload"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local server = require "smpp.server"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local throughs = require "smpp.gateway.through"

---@class smpp.Gateway
---@field path string
---@field servers smpp.Server[]
---@field carriers smpp.Carrier[]
---@field by_name table<string, smpp.Carrier>
local Gateway = {}
local mt = { __index = Gateway, __name = "smpp.Gateway" }

events.mixin(Gateway, { "error", "loaded", "closed", "refused" })

local gateways = { class = Gateway, read = file.read, words = file.words }

function mt:__tostring() return "gateway " .. self.path end

local OPTIONS = schema.new {
  { "path", "string", nil, "the file", 'path = "gateway.lua"', required = true },
  { "text", "string", nil, "its content, instead of what the file has", "text = 'route { drop = true }'" },
  { "log", logs.kind, nil, "true: log to stderr; a level; or a function that receives records", 'log = "warn"' },
  { "watch_s", "number", 2, "how often the file is looked at for changes; 0: never", "watch_s = 0" },
  { "store", "table", nil, "an open store, instead of the one of the file", "store = store", program = true },
  { "nodes", "table", nil, "smpp.Nodes: the carriers' binds are leases of it", "nodes = nodes", program = true },
  { "console_token", kind.text(256), nil, "opens the console of http{}", 'console_token = "a-long-secret"', secret = true,
    default_text = "made at the start" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}
gateways.schema = OPTIONS

local EXPIRE_S = 30 -- how often old ids are looked for

--- Looks for messages that come back, of customers and of carriers: where there are two that one could come back from.
function Gateway:set_detectors(config, old)
  local o = config.settings.loops
  if old and reload.same(o, old.settings.loops) and reload.same(config.accounts, old.accounts) then return end
  local accounts, is_open = 0, false
  for _ in pairs(config.accounts) do accounts = accounts + 1 end
  for _, one in ipairs(config.listens) do is_open = is_open or not one.accounts or one.options.authenticate ~= nil end
  if o ~= false then o = options.loops:fill(type(o) == "table" and o or nil) end
  self.loops = o and (accounts > 1 or is_open) and loop_detectors.new(self.loop, o) or nil
  self.incoming_loops = o and #config.carriers > 1 and loop_detectors.new(self.loop, o) or nil
end

function Gateway:set_customers(config)
  local list = {}
  for name, own in pairs(config.accounts) do list[name] = customers.new(name, own, self.customers[name], self.store and self.store.shared) end
  self.customers = list
end

--- The options of a server for one `listen`.
local function server_options(self, listen)
  local slowest = 30
  for _, carrier in ipairs(self.config.carriers) do slowest = math.max(slowest, carrier.options.response_timeout_s or 0) end
  local o = schema.merge({ answer_timeout_s = slowest + self.settings.queue_s + 10 }, listen.options, self.handlers)
  o.loop, o.store, o.limits = self.loop, self.store, self.limits
  return o
end

local function listen(self)
  for _, one in ipairs(self.config.listens) do
    local made, message, code = server.new(server_options(self, one))
    if not made then return nil, message, code end
    run.closed(made) -- the gateway closes it
    self.servers[#self.servers + 1] = made
    made:on("error", function(text) self:log("error", "server_error", { reason = text }) end)
    made:on("session", function(session)
      self:log("info", "bound", { account = session.system_id, peer = session.peer.host, state = session.state })
    end)
    made:on("closed", function(session, reason)
      self:log("info", "unbound", { account = session.system_id, peer = session.peer.host, reason = reason })
    end)
    made:on("undelivered", function(account, code) self:log("warn", "undelivered", { account = account, code = code }) end)
    made:on("refused", function(session, system_id, status, reason)
      self:log("warn", "refused", { account = system_id, peer = session.peer.host, status = status, reason = reason })
    end)
  end
  return true
end

--- Opens the carriers of a file; one of which only the gateway's own options changed keeps its binds.
function Gateway:set_carriers(config)
  local list, by_name = {}, {}
  for i, one in ipairs(config.carriers) do
    local old = self.by_name[one.name]
    local carrier
    local own, switched = one.own, nil
    if old then own, switched = old:keep_switch(own) end
    if old and reload.same(old.config.options, one.options) then
      carrier = old
      carrier.config = one
      if not reload.same(carrier.own, own) then
        carrier:set_own(own)
        self:log("info", "carrier_changed", { carrier = one.name, off = own.off or nil })
      end
    else
      carrier = carriers.new(self, one, old and old.tracker)
      if switched ~= nil then carrier:set_own(own) end
      if old then self:log("info", "carrier_reopened", { carrier = one.name }) end
      carrier:open()
    end
    carrier.switched = switched
    list[i], by_name[one.name] = carrier, carrier
  end
  for _, old in ipairs(self.carriers) do
    if by_name[old.name] ~= old then
      if not by_name[old.name] then
        self:log("info", "carrier_removed", { carrier = old.name })
        old:unqueue()
      end
      self:retire(old)
    end
  end
  self.carriers, self.by_name = list, by_name
end

--- Options of a store: a database is for one gateway at a time, and nothing asks it for addresses.
local function store_options(path, loop)
  if path:find "^%l+:" and not path:find "^sqlite:" then return { loop = loop } end
  return { loop = loop, exclusive = true, by_address = false }
end

--- Starts a gateway.
---@param given string|table  the file, or options
---@return smpp.Gateway? gateway
---@return string? message
---@return string? code  "bad_value": mistakes in the file; "connect_failed", "tls": it cannot listen
---@return smpp.GatewayProblem[]? problems  of the file
function gateways.new(given)
  local o = OPTIONS:fill(OPTIONS:check(type(given) == "string" and { path = given } or given))
  local config, problems = file.read(o.path, { text = o.text })
  if not config then
    for _, one in ipairs(problems) do
      if one.severity == "error" then return nil, file.words(one), "bad_value", problems end
    end
  end
  local loop = o.loop or loops.current()
  local self
  self = setmetatable({
    options = o,
    path = o.path,
    loop = loop,
    codec = codec,
    config = config,
    settings = config.settings,
    route = config.route, incoming = config.incoming,
    state = nil,                  -- smpp.RouteState of the rules
    servers = {}, carriers = {}, by_name = {}, customers = {},
    retiring = 0,                 -- carriers that are gone from the file, and still have messages
    ids = ids.new(loop, config.settings.remember, config.settings.remember_s),
    forward = nil, receiving = nil, passing = nil, handlers = nil,
    counts = {},                  -- what -> who -> how many
    files = config.files, marks = nil,
    timer = nil, expiry = nil, signal = nil,
    references = forms.references(loop:time()),
    loops = nil, incoming_loops = nil, -- smpp.LoopDetector
    node = nil,                   -- smpp.GatewayNode: one of several, on an engine
    store = nil, books = nil,     -- of stored messages; nil: they pass through
    nodes = o.nodes,              -- smpp.Nodes, where there are several
    through = nil,                -- smpp.Through: what other nodes have to know of messages that pass through
    limits = nil,                 -- smpp.GatewayLimits: what they count together
    http = nil,                   -- smpp.HttpApi
    closing = false, closed = false,
    listeners = {},
    has_handlers = true,
  }, mt)
  self.write_log, self.show = logs.writer(o.log, loop)
  self.forward, self.receiving, self.passing = forward.new(self), receiving.new(self), passing.new(self)
  self.handlers = schema.merge(self.forward:handlers(), self.passing:handlers())
  local ok, message, code
  if config.store then
    self.store = o.store
    if not self.store and config.store.url then self.store, message, code = node.store(config.store, loop) end
    if not self.store and not message then self.store, message, code = stores.of(config.store.path, store_options(config.store.path, loop)) end
    if not self.store then return nil, message, code end
    self.books = books.new(self, self.store, config.store)
    if self.store.shared then self.through = throughs.new(self) end
  end
  self:set_customers(config)
  self:set_detectors(config)
  if self.nodes or (config.store and config.store.url) then self.limits = limits.new(self) end
  self:reset_state()
  ok, message, code = listen(self)
  if ok then
    self.http, message, code = https.new(self)
    ok = not message
  end
  if ok and config.store and config.store.url and self.store.shared then
    self.node, message = node.open(self, config.store)
    ok, code = self.node ~= nil, "bad_value"
  end
  if not ok then
    for _, one in ipairs(self.servers) do one:close(0) end
    if self.books then
      self.books:close()
      self.store:close()
    end
    return nil, message, code
  end
  self:set_carriers(config)
  if self.books then task.start(self.forward.sink, self.books.start, self.books) end
  self.marks = reload.marks(self)
  self.timer = loop:timer(function() reload.look(self) end, true)
  if o.watch_s > 0 and not o.text then self.timer:start(o.watch_s) end
  self.expiry = loop:timer(function()
    task.start(self.forward.sink, function()
      for _, carrier in ipairs(self.carriers) do self.receiving:expire(carrier) end
      self.is_armed = false
      for _, carrier in ipairs(self.carriers) do self:arm(carrier) end
    end)
  end)
  self.signal = loop:signal("SIGHUP", function() self:reload() end)
  run.opened(self)
  figures.opened(self)
  return self, nil, nil, problems
end

--- Writes a record to the log, if there is one.
---@param level "debug"|"info"|"warn"|"error"
---@param event string
---@param fields table?
function Gateway:log(level, event, fields)
  if self.write_log then self.write_log(level, event, fields) end
end

--- Counts what happened.
---@param what string
---@param who string
function Gateway:count(what, who)
  local list = self.counts[what]
  if not list then
    list = {}
    self.counts[what] = list
  end
  list[who] = (list[who] or 0) + 1
end

---@private
function Gateway:reset_state()
  local loop = self.loop
  self.state = setmetatable({
    counters = {}, matched = { route = {}, incoming = {} },
    available = function(name)
      local carrier = self.by_name[name]
      return carrier ~= nil and (carrier:available())
    end,
    outstanding = function(name) return self.by_name[name].outstanding end,
    is_beyond = self.limits and function(...) return self.limits:is_beyond(...) end,
    on_error = function(message) self:log("error", "rule_failed", { reason = message }) end,
  }, {
    __index = function(_, name) -- few rules ask for the time
      if name == "time" then return loop:time() end
      if name == "now" then return loop:now() end
    end,
  })
end

--- Has a message come back too often?  Then it is logged, and to be refused.
---@param detector smpp.LoopDetector?
---@param msg smpp.RouteMessage
---@param what "account"|"carrier"
---@return boolean
function Gateway:is_loop(detector, msg, what)
  if not detector then return false end
  local first, passes = detector:check(msg, msg[what])
  if not first then return false end
  self:log("warn", "loop_refused", { [what] = msg[what], first = first, passes = passes, from = self.show(msg.from), to = self.show(msg.to) })
  return true
end

--- Do other nodes share the store?
---@return boolean
function Gateway:has_others() return self.node ~= nil and self.node:has_others() end

--- What the rules may look at, now.
---@return smpp.RouteState
function Gateway:route_state() return self.state end

--- Arms the timer that expires old receipts and ids of carriers.
---@param carrier smpp.Carrier
function Gateway:arm(carrier)
  if self.is_armed or self.closing or not (carrier.late[1] or carrier.tracker:next_expiry()) then return end
  self.is_armed = true
  self.expiry:start(EXPIRE_S)
end

--- The server of an account: where it is bound as a receiver, else the first that has it.
---@param name string
---@return smpp.Server?
function Gateway:server_of(name)
  local chosen
  for _, one in ipairs(self.servers) do
    local account = one.accounts[name]
    if account and #account.receivers > 0 then
      chosen = one
      break
    end
    if account or not one.directory.is_fixed then chosen = chosen or one end
  end
  return chosen
end

--- What data_coding means to an account.
---@param name string
---@return smpp.TextPeer?
function Gateway:peer_text(name)
  local server = self:server_of(name)
  local account = server and server.accounts[name]
  return account and account.peer_text
end

local STORED = {} -- key of the wait for the store

--- Queues a message for an account; with a store, waits until it is written.
---@async
---@param name string
---@param pdu smpp.Pdu|table
---@return boolean? ok
---@return string? message
---@return string? code
function Gateway:deliver_stored(name, pdu)
  local chosen = self:server_of(name)
  if not chosen then return nil, "unknown account: " .. name, "bad_value" end
  local message = type(pdu) == "table" and schema.merge({ command = "deliver_sm" }, pdu) or pdu
  if not self.store then return chosen:deliver(name, message) end
  local token, result, waits = task.need(), nil, false
  local ok, words, code = chosen:deliver(name, message, { stored = function(...)
    result = { ... }
    if waits then task.wake_for(token, STORED) end
  end })
  if not ok then return nil, words, code end
  if not result then
    waits = true
    task.wait(STORED)
  end
  return result[1], result[2], result[3]
end

---@private
function Gateway:retire(carrier)
  self.retiring = self.retiring + 1
  carrier:close(self.settings.drain_s, function()
    self.retiring = self.retiring - 1
    if self.retiring == 0 and self.retired then task.wake_for(self.retired, self) end
  end)
end

--- Loads the file again, or only those of its tables that have changed, if nothing else has; one with mistakes changes nothing.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
---@return smpp.GatewayProblem[]? problems  mistakes and doubts of what was read
function Gateway:reload() return reload.now(self) end

--- Counters, and the state of each carrier.
---@return table stats  counts by name and account or carrier; carriers
function Gateway:stats()
  local out = { counts = {}, carriers = {} }
  for what, list in pairs(self.counts) do out.counts[what] = schema.merge(list) end
  for i, carrier in ipairs(self.carriers) do
    local available, why = carrier:available()
    out.carriers[i] = {
      name = carrier.name, available = available, reason = why, outstanding = carrier.outstanding, sent = carrier.sent, accepted = carrier.accepted,
      refused = carrier.refused, unknown = carrier.unknown, breaker = carrier.breaker and carrier.breaker.state,
    }
  end
  return out
end

--- Closes the gateway: refuses new messages, waits for those in flight, unbinds customers and carriers.
---@async
---@param timeout_s? number  default: `drain_s` of the file
---@return { waiting: integer, unanswered: integer } left  receipts and MO messages that are lost; messages without an answer
function Gateway:close(timeout_s)
  if self.closing then return self.left or { waiting = 0, unanswered = 0 } end
  self.closing = true
  timeout_s = timeout_s or self.settings.drain_s
  local deadline = self.loop:now() + timeout_s
  self.timer:close()
  self.expiry:close()
  self.signal:close()
  local left = { waiting = 0, unanswered = 0 }
  self.left = left
  if self.http then self.http:close(timeout_s) end
  for _, one in ipairs(self.servers) do -- handlers that wait for carriers get their answers
    local its = one:close(math.max(0, deadline - self.loop:now()))
    left.waiting, left.unanswered = left.waiting + its.waiting, left.unanswered + its.unanswered
  end
  if self.http then self.http:finish(math.max(0, deadline - self.loop:now())) end
  if self.books then self.books:close() end
  for _, carrier in ipairs(self.carriers) do
    if not carrier.closing then self:retire(carrier) end
  end
  if self.retiring > 0 then
    self.retired = task.need()
    task.wait(self)
  end
  if self.store then
    if self.node then self.node:close() elseif not self.options.store then self.store:close() end
    left.waiting = 0 -- the store has them
  end
  if left.waiting > 0 then self:log("warn", "lost", { count = left.waiting, reason = "receipts and messages for customers that were not bound" }) end
  self.closed = true
  if self.limits then self.limits:close() end
  figures.closed(self)
  self:emit("closed", left)
  run.closed(self)
  return left
end

--- Decides without doing anything, rule by rule.
---@param config smpp.GatewayConfig
---@param msg smpp.RouteMessage
---@param time number  Unix time
---@return smpp.Decision decision
---@return smpp.RouteStep[] steps
function gateways.explain(config, msg, time)
  local rules = msg.carrier and config.incoming or config.route
  return rules:explain(msg, { time = time, now = 0, counters = {} })
end

return gateways
