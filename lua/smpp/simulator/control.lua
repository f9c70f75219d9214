--- Control of a running simulator: change options, send messages to ESMEs, list messages, end sessions.
local behaviours = require "smpp.simulator.behaviours"
local faults = require "smpp.simulator.faults"
local files = require "smpp.base.luafile"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local mo = require "smpp.simulator.mo"
local outcome = require "smpp.simulator.outcome"
local random = require "smpp.base.random"
local receipts = require "smpp.receipt"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local trace = require "smpp.capture.writer"

local NO_RECEIVER = "no bound receiver for this destination"

local methods = {}
local control = { methods = methods } -- of smpp.Simulator

-- ---- settings ----

--- The value that resets an option: sim:set{ option = sim.default }.
methods.default = setmetatable({}, { __tostring = function() return "default" end })

--- Applies the settings: defaults, behaviour, file, options of the user; later ones take precedence.
---@private
function methods:apply()
  local name = self.given.behaviour or self.from_file.behaviour
  local behaviour = name and behaviours.get(name)
  self.settings = settings.own:fill(behaviour and behaviour.settings, self.from_file, self.given)
  self.behaviour = behaviour
  self.behaviour_admit = behaviour and behaviour.admit
  self.behaviour_receipt = behaviour and behaviour.receipt
  local s = self.settings
  if self.requests then
    self.requests.lists, self.requests.params, self.requests.validity_s = s.lists, s.params, s.validity_s
  end
  if self.own_store then self.own_store:configure { limit = s.queue_size, max_octets = s.queue_octets } end
end

--- The messages of `mo`; empty if it sends none.
local function mo_list(o)
  if not o or (o.per_minute or 0) == 0 then return {} end
  if o.file then return mo.read_csv(o.file) end
  if o.messages then return o.messages end
  return nil, "mo: expected messages or a file"
end

--- Changes options of a running simulator; `option = sim.default` resets one.
---@param changes table  options of the simulator (not those of its server)
---@return boolean? ok
---@return string? message  nothing was changed
---@return string? code  "bad_value": invalid file of `mo`
function methods:set(changes)
  local known, checked, given = settings.own.by_name, {}, schema.merge(self.given)
  for name, value in pairs(changes) do
    if value == methods.default and known[name] then
      given[name] = nil
    else
      checked[name], given[name] = value, value
    end
  end
  settings.own:check(checked)
  local list, message = mo_list(checked.mo)
  if not list then return nil, message, "bad_value" end
  self.given = given
  self:apply()
  self:begin_runs()
  return true
end

--- Reads and checks a file of options.
---@param path string
---@return table? options
---@return string? message
function control.read_file(path)
  local loaded, message = files.load(path)
  if not loaded then return nil, message end
  local read, wrong = settings.read(loaded)
  if not read then return nil, path .. ": " .. wrong.message end
  return read
end

local function accounts_of_file(self, given)
  if type(given) ~= "table" or self.has_accounts then return true end
  local ok, wrong = self.server.directory:replace(given)
  if not ok then return nil, self.given.file .. ": " .. wrong.message end
  return true
end

local function take_file(self)
  local loaded, ok, message
  loaded, message = control.read_file(self.given.file)
  if not loaded then return nil, message end
  ok, message = mo_list(self.given.mo or loaded.mo)
  if not ok then return nil, message end
  ok, message = accounts_of_file(self, loaded.accounts)
  if not ok then return nil, message end
  self.from_file = {}
  for name, value in pairs(loaded) do
    if settings.own.by_name[name] then self.from_file[name] = value end
  end
  self:apply()
  self:begin_runs()
  return true
end

--- Reloads the file, as on SIGHUP and when the file has changed.  An invalid file changes nothing, and is reported as
--- `error`.  Options of the server other than accounts are read at the start only.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function methods:reload()
  if not self.given.file then error("reload: the option `file` is not set", 2) end
  self.file_octets = files.octets(self.given.file)
  local ok, message = take_file(self)
  if not ok then
    self:emit("error", "nothing changed: " .. message)
    return nil, message, "bad_value"
  end
  self:emit("reloaded", self.given.file)
  return true
end

--- Checks whether the file has changed.
local function look(self)
  local octets = files.octets(self.given.file)
  if octets and octets ~= self.file_octets then self:reload() end
end

local function watch_file(self)
  self:every(1, function() look(self) end)
  self.signal = self.loop:signal("SIGHUP", function() self:reload() end)
end

-- ---- background activities ----

--- Calls a function periodically, until it returns false.
---@private
function methods:every(seconds, fn)
  local function again()
    if fn() == false then return end
    self.timers:add(self.loop:now() + seconds, again)
  end
  self.timers:add(self.loop:now() + seconds, again)
end

---@private
function methods:begin()
  local s = self.settings
  if s.capture then
    local message, code
    self.trace, message, code = trace.new(s.capture)
    if not self.trace then return nil, message, code end
    self.server:on("pdu", function(session, pdu, direction) self.trace:record(session, pdu, direction) end)
  end
  local list, message = mo_list(s.mo)
  if not list then return nil, message, "bad_value" end
  self:begin_runs()
  if s.file then watch_file(self) end
  return true
end

--- Starts the background activities of the settings; running ones continue.
---@private
function methods:begin_runs()
  self:begin_mo()
  self:begin_outbind()
  self:begin_discarding()
end

---@private
function methods:begin_discarding()
  local after_s = self.settings.discard_after_s
  if after_s == self.runs.discard then return end
  self.runs.discard = after_s
  self:every(math.max(1, after_s / 10), function()
    if self.runs.discard ~= after_s then return false end
    self.store:discard("message", self.loop:time() - after_s, function(ok, message)
      if not ok then self:emit("error", "cannot discard old messages: " .. message) end
    end)
  end)
end

--- Sends messages of `mo` at its rate.
---@private
function methods:begin_mo()
  local o = self.settings.mo
  local list = o ~= self.runs.mo and mo_list(o) or {}
  self.runs.mo = o
  if #list == 0 then return end
  local at = 0
  self:every(60 / o.per_minute, function()
    if self.runs.mo ~= o then return false end
    at = o.random and math.floor(self.random() * #list) + 1 or at % #list + 1
    local item = type(list[at]) == "string" and { text = list[at] } or list[at]
    local ok, message = self:deliver(schema.merge({ system_id = o.system_id, from = o.source, to = o.destination }, item))
    if not ok and message ~= NO_RECEIVER then self:emit("error", "mo: " .. message) end
  end)
end

---@private
function methods:begin_outbind()
  local o = self.settings.outbind
  if o == self.runs.outbind then return end
  self.runs.outbind = o
  if not o then return end
  self:every(o.every_s or 30, function()
    if self.runs.outbind ~= o then return false end
    self:call_esme()
  end)
  if o.when ~= "waiting" then self.timers:add(self.loop:now(), function() self:call_esme() end) end
end

--- Sends outbind to an ESME that is not bound while messages are queued for it.
---@private
function methods:call_esme()
  local o = self.settings.outbind
  if not o or self.calling or (self.called and self.called.state ~= "CLOSED") then return end
  local account = self.server.accounts[o.account or ""]
  if account and #account.receivers > 0 then return end
  if o.when == "waiting" and not (account and account.outbox and account.outbox.count > 0) then return end
  self.calling = true
  local session, message = self.server:outbind { host = o.host, port = o.port, system_id = o.system_id, password = o.password }
  self.calling, self.called = false, session
  if not session then self:emit("error", "outbind: " .. message) end
end

-- ---- live control ----

--- Queues a deliver_sm for an account's receivers.
---@private
function methods:hand(system_id, fields, o)
  local ok, message, code = self.server:deliver(system_id, fields, o)
  if not ok then return nil, message, code end
  self.counts.mo = self.counts.mo + 1
  if self.listeners.mo then self:emit("mo", system_id, fields) end
  local outbind = self.settings.outbind
  if outbind and outbind.when == "waiting" then self.timers:add(self.loop:now(), function() self:call_esme() end) end
  return true
end

--- Sends a message to an ESME, like a phone (MO): sim:deliver{ from =, to =, text = | data =, … }.
---@param o { from: string?, to: string?, text: string?, data: string?, system_id: string?, session: smpp.Session?, encoding: string? }
---  and parameters of deliver_sm by their names; system_id: the account, default: of the receiver whose address_range matches `to`;
---  done(ok, code): called once, when all parts are acknowledged, or one is not
---@return boolean? ok  queued until a receiver acknowledges it
---@return integer|string|nil parts  number of its PDUs; or the message of an error
---@return string? code  "bad_value": no bound receiver; "queue_full", or an error of smpp.text.split
function methods:deliver(o)
  if type(o) ~= "table" then error("deliver: expected { from =, to =, text = }", 2) end
  local system_id = o.system_id or (o.session and o.session.system_id) or mo.owner(self.server, o.to or o.destination_addr or "")
  if not system_id then return nil, NO_RECEIVER, "bad_value" end
  local list, message, code = mo.pdus(o, self.behaviour and self.behaviour.long or "concat_8bit", function()
    self.last_reference = self.last_reference + 1
    return self.last_reference
  end)
  if not list then return nil, message, code end
  local left, done = #list, o.done
  local function one_done(ok, why)
    left = ok and left - 1 or left
    if not done or ok and left > 0 then return end
    local fn = done
    done = nil
    fn(ok, why)
  end
  for _, fields in ipairs(list) do
    local ok
    ok, message, code = self:hand(system_id, fields, { session = o.session, done = o.done and one_done or nil })
    if not ok then return nil, message, code end
  end
  return true, #list
end

--- Applies a fault to the next responses.
---@param name string  of `faults`
---@param count? integer  default 1
function methods:fault(name, count)
  if not faults.by_name[name] then
    local like = mistake.similar(tostring(name), faults.by_name)
    error(("fault: unknown fault '%s'%s"):format(tostring(name), like and ("; did you mean '%s'?"):format(like) or ""), 2)
  end
  table.insert(self.next_faults, { name, count or 1 })
end

--- The fault of the next response, nil: none.
---@private
function methods:take_fault()
  local entry = self.next_faults[1]
  if not entry then return nil end
  entry[2] = entry[2] - 1
  if entry[2] <= 0 then table.remove(self.next_faults, 1) end
  return entry[1]
end

local ORDER = schema.new(outcome.rule:pick("status", "state", "fault", "error", "after_s", "answer_s"), {
  { "count", kind.count, 1, "messages", "count = 3" },
  { "to", "string", nil, "only messages to this number", 'to = "491761234567"' },
})
control.order = ORDER

--- Sets the outcome of the next messages, before options and rules: sim:order{ status = "ESME_RTHROTTLED", count = 3 }.
---@param o { status: string|integer|nil, state: string|boolean|nil, fault: string?, error: integer?, after_s: any, answer_s: any, count: integer?,
---  to: string? }
function methods:order(o)
  local order = ORDER:fill(ORDER:check(o))
  if order.status == nil and order.state == nil and order.fault == nil and order.answer_s == nil then
    error("order: expected status, state, fault or answer_s", 2)
  end
  order.to = order.to and order.to:gsub("^%+", "")
  table.insert(self.next_orders, order)
end

--- The order for a message to this number; nil: none.
---@private
function methods:take_order(to)
  for i, order in ipairs(self.next_orders) do
    if not order.to or order.to == to then
      order.count = order.count - 1
      if order.count <= 0 then table.remove(self.next_orders, i) end
      return order
    end
  end
end

--- Begins the random numbers anew; nil: unpredictable ones.
---@param seed number?
function methods:seed(seed)
  local loop = self.loop
  self.random = seed and random.generator(seed) or function() return loop:random() end
end

--- As at the start: options, counts, orders, faults, random numbers.  Sessions and the store stay.
---@param given? table  the options of the start; default: those of now
function methods:reset(given)
  for name in pairs(self.counts) do self.counts[name] = 0 end
  self.states, self.next_faults, self.next_orders = {}, {}, {}
  if given then
    local changes = {}
    for name in pairs(self.given) do changes[name] = self.default end
    for name, value in pairs(given) do changes[name] = value end
    changes.file = nil
    self:set(changes)
  end
  self:seed(self.settings.seed)
end

--- Sends the receipt of a message now, whether it was asked for or not; a final state is then the message's state.
---@async
---@param id string  message_id
---@param state string
---@param error_code? integer
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value": no such message
function methods:receipt(id, state, error_code)
  local message = stores.get(self.store, "message", id)
  if not message then return nil, "no such message: " .. id, "bad_value" end
  if stores.is_final(state) and not stores.is_final(message.state) then
    message.registered_delivery = 1
    return self.lifecycle:finish(message, state, error_code)
  end
  local pdu, wrong, code = receipts.deliver_sm {
    id = message.id, state = state, err = error_code or 0, submitted = message.submitted, done = self.loop:time(), submit = message,
    text = self.lifecycle:text(message), version = message.version,
  }
  if not pdu then return nil, wrong, code end
  return self:hand(message.system_id, pdu)
end

local HOW = {
  close = function(session) session:close() end,
  reset = function(session) session:reset "reset on purpose" end,
  unbind = function(session) session:unbind(0) end,
}

--- Ends sessions.
---@param which smpp.Session|string|nil  a session, all of a system_id, or all
---@param how? "close"|"reset"|"unbind"  default close
---@return integer count
function methods:drop(which, how)
  local fn = HOW[how or "close"] or error(("drop: expected 'close', 'reset' or 'unbind', got %s"):format(tostring(how)), 2)
  local list = {}
  for _, session in ipairs(self.server.sessions) do
    if which == nil or which == session or which == session.system_id then list[#list + 1] = session end
  end
  for _, session in ipairs(list) do
    self:on_fault(session, how or "close")
    self.loop:defer(function() fn(session) end)
  end
  return #list
end

-- Internal fields of message records.
local OWN = { "outcome", "planned", "planned_at", "planned_error", "notify_at", "receipt", "bind" }

--- Lists the messages in the store, oldest first, as copies.  Call it in a task if the store is asynchronous.
---@param filter? { system_id: string?, state: string?, id: string?, source_addr: string?, destination_addr: string? }
---@return table[]
function methods:messages(filter)
  local out, query = {}, { kind = "message", limit = 1000 }
  if filter and filter.system_id and filter.source_addr then query.system_id, query.source_addr = filter.system_id, filter.source_addr end
  local function take(message)
    for name, value in pairs(filter or {}) do
      if message[name] ~= value then return end
    end
    message.text = self.lifecycle:text(message)
    for _, name in ipairs(OWN) do message[name] = nil end
    out[#out + 1] = message
  end
  if task.current() then
    stores.walk(self.store, query, take)
  else
    task.start(self.sink, stores.walk, self.store, query, take)
  end
  return out
end

--- Counts and reports a fault.
---@private
function methods:on_fault(session, name, octets)
  self.counts.faults = self.counts.faults + 1
  if self.listeners.fault then self:emit("fault", session, name, octets) end
end

--- Calls a function at the end of this turn.
---@private
function methods:later(fn) self.loop:defer(fn) end

--- Closes the simulator gracefully.
---@async
---@param timeout_s? number  default 10
---@return smpp.Left left
function methods:close(timeout_s) return self.server:close(timeout_s) end

return control
