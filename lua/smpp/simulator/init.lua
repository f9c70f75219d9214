--- A message centre for tests: answers all requests of ESMEs, stores messages, sends receipts, and injects faults as its
--- options say.  Built on smpp.server; the guide is docs/simulator.md.
local buckets = require "smpp.base.bucket"
local certificates = require "smpp.simulator.certificate"
local commands = require "smpp.codec.commands"
local control = require "smpp.simulator.control"
local events = require "smpp.base.events"
local explain = require "smpp.codec.explain"
local faults = require "smpp.simulator.faults"
local files = require "smpp.base.luafile"
local ids = require "smpp.service.ids"
local latency = require "smpp.simulator.latency"
local lifecycle = require "smpp.service.lifecycle"
local loops = require "smpp.loop"
local net = require "smpp.base.net"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local mo = require "smpp.simulator.mo"
local mistake = require "smpp.base.mistake"
local outcome = require "smpp.simulator.outcome"
local requests = require "smpp.service.requests"
local scheduler = require "smpp.base.scheduler"
local schema = require "smpp.base.schema"
local servers = require "smpp.server"
local settings = require "smpp.simulator.settings"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local text = require "smpp.text"

local unpack = table.unpack or unpack -- luacheck: compat

---@class smpp.Simulator
---@field host string
---@field port integer
---@field server smpp.Server
---@field pin string?  of the certificate that was made because `tls` had none
---@field settings table  settings in force: defaults, behaviour, file, options, changes by `set`
---@field counts table<string, integer>
---@field states table<string, integer>  final state -> number of messages
local Simulator = {}
local mt = { __index = Simulator, __name = "smpp.Simulator" }

events.mixin(Simulator, {
  "session", "closed", "state", "refused", "rejected", "pdu", "error", "message", "final", "receipt", "mo", "fault", "reloaded",
})

function mt:__tostring() return "simulator " .. net.address(self.host, self.port) end

local NONE = {}

local simulator = { class = Simulator, settings = settings }

for name, method in pairs(control.methods) do Simulator[name] = method end

--- Separates options of the simulator from those of its server.
local function split(given)
  local own, of_server = {}, {}
  for name, value in pairs(given) do
    if settings.own.by_name[name] then own[name] = value else of_server[name] = value end
  end
  return own, of_server
end

-- ---- outcome of a message ----

local function refusal(self)
  local refusals, random = self.settings.refusals, self.random
  local names = {}
  for name in pairs(refusals) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    if random() * 100 < refusals[name] then return name end
  end
end

local function throttled(self)
  local throttle = self.settings.throttle
  if not throttle then return nil end
  local now = self.loop:now()
  if throttle.on_s and (now - self.started) % (throttle.on_s + (throttle.off_s or 0)) >= throttle.on_s then return nil end
  if self.throttle ~= throttle then
    local fresh = buckets.new(throttle.rate_per_s, throttle.burst, now)
    if self.bucket then fresh.full_at = self.bucket.full_at end -- keep the fill level of the bucket
    self.throttle, self.bucket = throttle, fresh
  end
  if self.bucket:take(now) > 0 then return throttle.status or "ESME_RTHROTTLED" end
end

--- The part of an outcome that is stored with its message: plain data, with drawn times.
local function kept(self, given)
  if given.state == nil and not (given.after_s or given.error or given.reply) and given.receipt == nil then return nil end
  return {
    state = given.state, after_s = given.after_s and latency.draw(given.after_s, self.random), error = given.error,
    receipt = given.receipt, reply = given.reply,
  }
end

--- Decides the outcome of a submitted message; a status refuses it.
local function admit(self, message, session, pdu)
  local given = self.next_orders[1] and self:take_order(message.destination_addr)
  local status = not given and (throttled(self) or (next(self.settings.refusals) and refusal(self)))
  if not status then
    given = given or outcome.decide(self.settings, message, self.random, session.peer_text)
    message.outcome = kept(self, given)
    if given.unknown then self:emit("error", ("unknown \"sim:\" directive '%s' in message text"):format(given.unknown), session) end
    if given.fault then session.transport:plan(pdu.sequence_number, given.fault) end
    if given.answer_s then self.answer_after[pdu] = latency.draw(given.answer_s, self.random) end
    status = given.status or (self.behaviour_admit and self.behaviour_admit(self, message, pdu))
  end
  if status then self.counts.refused = self.counts.refused + 1 end
  return status
end

--- Waits in the timer queue of the simulator.
---@async
---@param seconds number
function Simulator:pause(seconds)
  local token, key = task.current(), {}
  self.timers:add(self.loop:now() + seconds, function() task.wake_for(token, key) end)
  task.wait(key)
end

--- Wraps a handler: delays its answers.
local function timed(self, handler)
  return function(session, pdu, refused)
    local result, status = handler(session, pdu, refused)
    local latency_s = self.settings.latency_s
    local seconds = self.answer_after[pdu] or (latency_s == 0 and 0 or latency.draw(latency_s, self.random))
    if seconds > 0 then self:pause(seconds) end
    return result, status
  end
end

--- Reports a final state, and sends the reply of the destination, if any.
local function changed(self, message, from)
  local state = message.state
  if not stores.is_final(state) then return end
  self.states[state] = (self.states[state] or 0) + 1
  if self.message_log then self.message_log:finished(message.key, state, message.done) end
  if self.listeners.final then self:emit("final", message, from) end
  if state ~= "DELIVERED" then return end
  local s, result = self.settings, message.outcome or NONE
  if result.reply then
    self:deliver { from = message.destination_addr, to = message.source_addr, text = result.reply, system_id = message.system_id }
  end
  if s.loopback or (s.ussd_echo and message.ussd_service_op) then
    local back = mo.forwarded(message, true)
    back.ussd_service_op, back.its_session_info = message.ussd_service_op, message.its_session_info
    self:hand(message.system_id, back)
  end
  if s.esme_to_esme then
    local owner = mo.owner(self.server, message.destination_addr, true)
    if owner then self:hand(owner, mo.forwarded(message, false)) end
  end
end

--- Changes a receipt before it is queued; nil: no receipt.  The second result: seconds before it is sent.
local function receipt_of(self, message, pdu)
  local s = self.settings
  if message.outcome and message.outcome.receipt == false then return nil end
  if not s.receipt_tlvs then pdu.receipted_message_id, pdu.message_state = nil, nil end
  if self.behaviour_receipt then pdu = self.behaviour_receipt(self, message, pdu) end
  for _, tlv in ipairs(s.receipt_extra) do
    pdu.tlvs = pdu.tlvs or {}
    table.insert(pdu.tlvs, tlv)
  end
  if s.receipt then pdu = s.receipt(message, pdu) end
  return pdu, pdu and latency.draw(s.receipt_after_s, self.random)
end

local function receipt_goes(self, message, pdu, state)
  self.counts.receipts = self.counts.receipts + 1
  if self.listeners.receipt then self:emit("receipt", message, pdu, state) end
end

local function receipt_waits(self, message, pdu, state, delay_s)
  self.timers:add(self.loop:now() + delay_s, function() receipt_goes(self, message, pdu, state) end)
end

--- A receipt was queued; it is sent after its delay.
local function receipt_queued(self, message, pdu, state, delay_s)
  if delay_s and delay_s > 0 then return receipt_waits(self, message, pdu, state, delay_s) end
  return receipt_goes(self, message, pdu, state)
end

-- ---- the parts ----

local function relay(self, name) self.server:on(name, function(...) self:emit(name, ...) end) end

local function handlers_of(self, of_server)
  local only = self.behaviour and self.behaviour.commands
  for name, handler in pairs(self.requests:handlers()) do
    if not of_server[name] and (not only or only[name]) then
      of_server[name] = commands.roles.submit[commands.ids[name]] and timed(self, handler) or handler
    end
  end
end

--- message_ids: generated by the function of the user, or counted.
local function id_maker(self)
  local counted = ids.new { store = self.store, first = self.settings.first_message_id }
  return function(version)
    local make = self.settings.message_id
    if make then
      local id = make(version)
      return type(id) == "string" and id or error("message_id: expected a string, got " .. tostring(id), 0)
    end
    local number, message, code = counted:take()
    if not number then return nil, message, code end
    return ("%s%d"):format(self.settings.message_id_prefix, number)
  end
end

--- A message for listeners: what its octets say is in `text`, UTF-8; binary and compressed ones have none.
local function with_text(message)
  local words, info = text.read { short_message = message.octets, data_coding = message.data_coding, esm_class = message.esm_class }
  if info.encoding == "binary" or text.data_coding(message.data_coding or 0).compressed then words = nil end
  return schema.merge(message, { text = words })
end

local ussd_fields = pdus.codec.selector("ussd_service_op", "its_session_info")

local function make_requests(self)
  local used = {} -- a plan is read before the next is made
  return requests.new {
    loop = self.loop,
    lifecycle = self.lifecycle,
    next_id = id_maker(self),
    admit = function(message, session, pdu)
      message.ussd_service_op, message.its_session_info = ussd_fields(pdu)
      return admit(self, message, session, pdu)
    end,
    is_watched = function()
      local s = self.settings
      return self.listeners.message ~= nil or self.next_orders[1] ~= nil or self.behaviour_admit ~= nil or s.by_digit or s.rules[1] ~= nil
        or s.undeliverable[1] ~= nil
    end,
    usual = function(octets)
      local s = self.settings
      if s.throttle or next(s.refusals) or s.zone_s ~= 0 or (s.orders and outcome.has_directive(octets)) then return nil end
      local plan = outcome.plan(s, NONE, self.random, used)
      return plan.state or false, plan.after_s, plan.error
    end,
    accepted = function(message, session, pdu, id)
      self.counts.messages = self.counts.messages + 1
      if self.message_log then self.message_log:add(message, session, pdu, id) end
      if self.listeners.message then self:emit("message", with_text(message)) end
    end,
  }
end

local function make_lifecycle(self)
  local used = {} -- a plan is read before the next is made
  return lifecycle.new {
    loop = self.loop,
    store = self.store,
    plan = function(message)
      local plan = outcome.plan(self.settings, message.outcome or NONE, self.random, used)
      if self.settings.zone_s ~= 0 then plan.receipt = schema.merge({ zone_s = self.settings.zone_s }, plan.receipt) end
      return plan
    end,
    receipt = function(message, pdu) return receipt_of(self, message, pdu) end,
    queued = function(...) receipt_queued(self, ...) end,
    changed = function(message, from) changed(self, message, from) end,
    usual_receipts = function()
      local s = self.settings
      if s.receipt_after_s ~= 0 or s.zone_s ~= 0 then return nil end
      return s.receipt_tlvs and true or false
    end,
    settled = function(state, key)
      self.states[state] = (self.states[state] or 0) + 1
      if self.message_log then self.message_log:finished(key, state) end
    end,
    is_watched = function()
      local s = self.settings
      return self.listeners.final ~= nil or self.listeners.receipt ~= nil or s.loopback or s.ussd_echo or s.esme_to_esme
        or s.receipt or self.behaviour_receipt or s.receipt_extra[1] ~= nil
    end,
    on_error = function(message) self:emit("error", message) end,
  }
end

--- The store of the messages: the option `store`, or one in memory with the limits of the settings.
local function make_store(self)
  local given = self.settings.store
  if type(given) == "string" then
    local store, message, code = stores.of(given, { loop = self.loop })
    self.opened_store = store
    return store, message, code
  end
  if given then return given end
  self.own_store = stores.memory { keep_final = 20000 }
  return self.own_store
end

local function watch_server(self)
  for _, name in ipairs { "session", "closed", "state", "refused", "error" } do relay(self, name) end
  self.server:on("session", function() self.counts.sessions = self.counts.sessions + 1 end)
  self.server:on("refused", function(_, _, _, _, request)
    if not request then self.counts.refused_binds = self.counts.refused_binds + 1 end
  end)
  self.server:on("connection", function(session) session.transport:set_session(session) end)
  self.server:on("stopped", function()
    self.lifecycle:close()
    self.timers:close()
    if self.signal then self.signal:close() end
    if self.trace then self.trace:close() end
    if self.opened_store then self.opened_store:close() end
    if self.http then self.http:close() end
  end)
end

--- The server's `refuse_bind`: refuses binds with `bind_status`, if set, else calls the user's function, if any.
local function refuse_bind(self, given)
  return function(session, pdu)
    local status = self.settings.bind_status
    if status then return explain.status(status).name, "bind_status" end
    if given then return given(session, pdu) end
  end
end

--- Starts a simulator.
---@param given? table  docs/simulator.md lists the options; those of smpp.server are accepted, too
---@return smpp.Simulator? simulator
---@return string? message
---@return string? code  "connect_failed": cannot listen; "bad_value": an invalid file
function simulator.new(given)
  local vendor = assert(pdus.codec_of(profiles.read(given and given.profile) or {})).commands
  local rest, vendor_handlers = vendor:take_handlers(given or {})
  local read, wrong
  if rest then read, wrong = settings.read(rest) else wrong = vendor_handlers end
  if not read then mistake.raise(wrong, 2) end
  local own, of_server = split(read)
  local from_file, server_from_file = {}, {}
  if own.file then
    local loaded, message = control.read_file(own.file)
    if not loaded then return nil, message, "bad_value" end
    from_file, server_from_file = split(loaded)
  end
  local loop = of_server.loop or loops.current()
  local self = setmetatable({
    loop = loop,
    has_accounts = of_server.accounts ~= nil or of_server.authenticate ~= nil, -- given by the user, not by the file
    given = own, from_file = from_file, file_octets = own.file and files.octets(own.file),
    settings = nil, behaviour = nil,      -- set by apply
    behaviour_admit = nil, behaviour_receipt = nil,
    random = nil,
    started = loop:now(),
    throttle = nil, bucket = nil,         -- settings.throttle, and its smpp.Bucket
    counts = { sessions = 0, refused_binds = 0, messages = 0, refused = 0, receipts = 0, mo = 0, faults = 0 },
    states = {},
    last_reference = 0,                   -- reference number of long messages to ESMEs
    store = nil, own_store = nil, opened_store = nil, -- own_store: created here, not given; opened_store: of a file
    lifecycle = nil, requests = nil, server = nil,
    http = nil,                           -- smpp.SimulatorHttp, of the option
    message_log = nil,                    -- smpp.HttpLog: told without an event, which would need all of each message
    pin = nil,                            -- of the throw-away certificate, if there is one
    runs = {},                            -- background activity -> the settings it was started with
    next_faults = {},                     -- of `fault`: { name, count }, oldest first
    next_orders = {},                     -- of `order`: outcomes with `count` and `to`, oldest first
    answer_after = setmetatable({}, { __mode = "k" }), -- PDU -> delay of its response in seconds, from a directive
    listeners = {},
  }, mt)
  self.sink = function(failure) self:emit("error", failure) end
  self:apply()
  self:seed(self.settings.seed)
  local store_message, store_code
  self.store, store_message, store_code = make_store(self)
  if not self.store then return nil, store_message, store_code end
  self.lifecycle = make_lifecycle(self)
  self.requests = make_requests(self)
  self:apply() -- configures these, too
  of_server = schema.merge(settings.server_defaults, self.behaviour and self.behaviour.server, server_from_file, of_server, vendor_handlers)
  handlers_of(self, of_server)
  of_server.filters = of_server.filters and { unpack(of_server.filters) } or {}
  table.insert(of_server.filters, faults.filter(self)) -- last: next to the session
  of_server.refuse_bind = refuse_bind(self, of_server.refuse_bind)
  if type(of_server.checks) ~= "table" then of_server.checks = of_server.checks ~= false and {} or nil end
  of_server.store = self.store
  local filled, message, code = certificates.fill(of_server)
  if not filled then return nil, message, code end
  self.pin = message
  self.server, message, code = servers.new(filled)
  if not self.server then return nil, message, code end
  self.timers = scheduler.new(loop, function(fn) task.start(self.sink, fn) end)
  self.host, self.port = self.server.host, self.server.port
  watch_server(self)
  self.lifecycle:start(self.server)
  local ok
  if self.settings.http then
    self.http, message, code = require("smpp.simulator.http").open(self, self.settings.http)
    if not self.http then
      self.server:close(0)
      return nil, message, code
    end
  end
  ok, message, code = self:begin()
  if not ok then
    self.server:close(0)
    return nil, message, code
  end
  return self
end

local RELAYED = { pdu = true, rejected = true } -- events of the server that are relayed only while there is a listener

local on = Simulator.on
--- Adds a listener; see `smpp.base.events`.
---@param name string
---@param fn fun(...)
---@return table self
function Simulator:on(name, fn)
  on(self, name, fn)
  if RELAYED[name] and #self.listeners[name] == 1 then relay(self, name) end
  return self
end

return simulator
