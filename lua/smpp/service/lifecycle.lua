--- The life of a message between its submit_sm and its final state: schedule, validity, its outcome and when that comes,
--- its receipts.  Messages are records of a store.  A final state and its receipt are one commit: after a crash the store has both
--- or neither.
---
---     SCHEDULED ── schedule_delivery_time ──> ENROUTE ── its outcome, or its validity_period ends ──> final
---         └──────── cancel_sm, validity ────────┴─── cancel_sm, replace_if_present ───────────────────> final
local loops = require "smpp.loop"
local receipts = require "smpp.receipt"
local scheduler = require "smpp.base.scheduler"
local schema = require "smpp.base.schema"
local smpp_text = require "smpp.text"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local lifecycle = {}

---@class smpp.StoredMessage  a message and its state: plain data, a copy; also the parameters of its submit_sm by their names
---@field key string         unique; the message_id, except for further destinations of a submit_multi
---@field id string          message_id
---@field system_id string   account
---@field state string       name of message_state
---@field submitted number   Unix time
---@field schedule number?   Unix time before which it is not delivered
---@field expires number?    Unix time
---@field done number?       Unix time of the final state
---@field error integer      0 or a network's error code
---@field octets string      short_message or message_payload
---@field version integer    of the session that submitted it
---@field bind integer?      serial of that session
---@field planned string|false|nil  the final state it is going to get; false: only by the end of its validity period
---@field planned_at number? Unix time
---@field planned_error integer?
---@field notify_at number?  Unix time of an intermediate notification
---@field receipt table?     what its receipts say differently

---@class smpp.Lifecycle
---@field store smpp.Store
local Lifecycle = {}
local mt = { __index = Lifecycle, __name = "smpp.Lifecycle" }

---@class smpp.Plan  the outcome of a message
---@field state string?      final state, "DELIVERED" …; nil: stays ENROUTE until it expires
---@field after_s number     seconds from now to that
---@field error integer?     network's error code, default 0
---@field notify_s number?   intermediate notification after so many seconds, where one was asked for; default half of after_s
---@field receipt table?     what its receipts say differently: fields of smpp.receipt.format, plain data

---@class smpp.LifecycleOptions  the functions may wait, and get copies
---@field loop smpp.Loop?
---@field store smpp.Store
---@field plan fun(message: smpp.StoredMessage): smpp.Plan
---@field receipt (fun(message: smpp.StoredMessage, pdu: table): table?, number?)?  changes a receipt's deliver_sm; nil: no receipt
---  is sent.  The second result: seconds until it is sent
---@field changed (fun(message: smpp.StoredMessage, from: string))?  called for every change of state
---@field is_watched (fun(): boolean?)?  false: of a message that gets no receipt `changed` needs no more than `key`, `id`,
---  `system_id`, `state` and its times, unless it has an `outcome`, and neither `receipt` nor `queued` keeps a receipt; absent: they do
---@field settled (fun(state: string, key: string))?  with `is_watched`: called instead of `changed` where that is false, for a message that gets
---  its final state and has no receipt and no `outcome`
---@field usual_receipts (fun(): boolean?)?  with `settled`: nil: `receipt` may change them; else that leaves them as they are but for their
---  TLVs, and whether id and state are in TLVs, too; `queued` is then called without message and pdu
---@field queued (fun(message: smpp.StoredMessage?, pdu: table?, state: string, delay_s: number?))?  called for every queued receipt
---@field on_error fun(message: string)

local RETRY_S = 1      -- pause before a failed access to the store is retried
local REPORT_S = 10    -- interval of reports about store failures
local TOLERANCE_S = 0.002 -- timers are rounded to milliseconds

local PLAN = { "planned", "planned_at", "planned_error", "notify_at", "receipt" }
local OVER = stores.over -- fields removed from a final message
local NOTIFIED = { "notify_at" }

-- What a final state without a receipt needs of a message.
local BRIEF = {
  "key", "id", "system_id", "state", "submitted", "schedule", "expires", "planned", "planned_at", "planned_error", "notify_at",
  "registered_delivery", "priority_flag", "outcome",
}

--- Options of `new`.  The functions may wait, and get copies of messages.
lifecycle.schema = schema.new {
  { "store", "table", nil, "has the messages, see docs/store.md", "store = store", required = true, program = true },
  { "plan", "function", nil, "the outcome of a message that becomes ENROUTE: (message) -> { state, after_s, error, notify_s, receipt }",
    'plan = function() return { state = "DELIVERED", after_s = 1 } end', required = true, program = true },
  { "on_error", "function", nil, "called with the message of an error that no call can return: (message)", "on_error = print",
    required = true, program = true },
  { "receipt", "function", nil, "changes a receipt: (message, deliver_sm) -> deliver_sm, seconds until it is sent; nil: none is sent",
    "receipt = function(_, pdu) return pdu end", program = true },
  { "changed", "function", nil, "called for every change of state: (message, from)", "changed = print", program = true },
  { "queued", "function", nil, "called for every queued receipt: (message, deliver_sm, state, delay_s)", "queued = print", program = true },
  { "is_watched", "function", nil,
    "false: of a message without a receipt and without an outcome of its own, changed needs no more than key, id, system_id, state and times; "
      .. "receipt and queued keep no receipt",
    "is_watched = function() return false end", default_text = "true", program = true },
  { "settled", "function", nil,
    "called instead of changed where is_watched() is false, for a message without an outcome of its own that gets its final state in one "
      .. "call of the store: (state, key)",
    "settled = print", program = true },
  { "usual_receipts", "function", nil,
    "with settled: false or true, if receipt changes nothing but whether id and state are in TLVs, too; nil: it may change more. "
      .. "queued is then called without message and deliver_sm",
    "usual_receipts = function() return true end", program = true },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}

---@param o smpp.LifecycleOptions
---@return smpp.Lifecycle
function lifecycle.new(o)
  o = lifecycle.schema:check(o)
  local self = setmetatable({
    loop = o.loop or loops.current(),
    store = o.store,
    plan = o.plan,
    receipt = o.receipt,
    changed = o.changed,
    settled = o.is_watched and o.store.finish_due and o.settled or nil,
    queued = o.queued,
    is_watched = o.is_watched,
    on_error = o.on_error,
    server = nil, outbound = nil, timers = nil, -- from `start` on: where receipts go; when messages are due
    waiters = {},                -- key -> task that waits for the final state
    closed = false, stop = nil,  -- stop: stops reading messages of an earlier run
    busy = {},                   -- key -> true: a step of this message is running
    reported = -math.huge,       -- time of the last report about a store failure
    -- reused for commits; a store copies during the call
    change = { op = "change", kind = "message", key = nil, from = nil, set = nil, clear = nil },
    addition = { op = "add", kind = "message", record = nil, pdu = nil },
    final = { state = nil, done = nil, error = nil },
    batch = {},
    usual_receipts = o.store.draft_due and o.usual_receipts or nil,
    wants_receipts = false,      -- the last message asked for a receipt
    wants_all = false,           -- the message of the last step asked for a receipt
    fields = {}, pdu = {},       -- reused for receipts
  }, mt)
  return self
end

-- ---- timers ----

--- The Unix time of the next step of a message; nil: none.
local function due_at(message)
  if message.state == "SCHEDULED" then return math.min(message.schedule, message.expires or math.huge) end
  if message.planned == nil then return message.submitted end -- added to the store by another program
  return message.notify_at or message.planned_at
end

local function wake(self, message)
  local at = due_at(message)
  if not at then return end
  local left_s = at - self.loop:time()
  self.timers:add(self.loop:now() + (left_s > 0 and left_s or 0), message.key, message.priority_flag)
end

--- Starts: receipts are queued for a server's accounts, and messages of an earlier run continue.
---@param server smpp.Server
function Lifecycle:start(server)
  self.server, self.outbound = server, server.outbound
  self.timers = scheduler.new(self.loop, function(key)
    if not self:finish_due(key) then task.start(self.on_error, self.step, self, key) end
  end)
  self.loop:defer(function()
    if self.closed then return end
    self.stop = stores.recover(self.store, { kind = "message", open = true }, function(record) wake(self, record) end, {
      loop = self.loop, on_error = function(message) self.on_error("cannot read messages of an earlier run from the store: " .. message) end,
    })
  end)
end

--- Sets the fields of a message that becomes ENROUTE.
local function planned(self, message, set)
  local plan, now = self.plan(message), self.loop:time()
  local due, expires = plan.state and now + plan.after_s or math.huge, message.expires or math.huge
  if message.registered_delivery % 32 >= 16 then
    local notify = now + (plan.notify_s or (plan.state and plan.after_s / 2 or 0))
    if notify < math.min(due, expires) then set.notify_at = notify end
  end
  set.state, set.planned, set.receipt = "ENROUTE", plan.state or false, plan.receipt
  if expires < due then
    set.planned, set.planned_at, set.planned_error = "EXPIRED", expires, 0
  elseif plan.state then
    set.planned_at, set.planned_error = due, plan.error or 0
  end
  return set
end

-- ---- changes ----

--- Commits a change of a message; `item`, with its octets, is a receipt that goes with it.
---@async
local function commit(self, key, from, set, clear, item, octets)
  local change, batch = self.change, self.batch
  change.key, change.from, change.set, change.clear = key, from, set, clear
  batch[1], batch[2] = change, item and self.outbound.stored:change(item, octets) or nil
  local ok, message, code = stores.commit(self.store, batch)
  if item and not ok then self.outbound:discard(item) end
  return ok, message, code
end

--- Queues a committed receipt for an account.
local function queue(self, message, state, pdu, item, delay_s)
  self.outbound:queue(item)
  if self.queued then self.queued(message, pdu, state, delay_s) end
end

--- Reports a failure of the store, at most every ten seconds.
---@private
function Lifecycle:report(message)
  local now = self.loop:now()
  if now - self.reported < REPORT_S then return end
  self.reported = now
  self.on_error("store failure, retrying: " .. message)
end

--- Adds a message.  Its `schedule` and `expires` are set if the submit has them.
---@async
---@param message smpp.StoredMessage  plain data; `state` and times are set
---@param pdu? smpp.Pdu  has the parameters that `message` lacks, for a store with `takes_pdus`
---@return boolean? ok
---@return string? err
---@return string? code  of the store's commit
function Lifecycle:add(message, pdu)
  local now = self.loop:time()
  message.submitted, message.error = now, 0
  if message.schedule and message.schedule > now then
    message.state = "SCHEDULED"
  else
    planned(self, message, message)
  end
  local addition, batch = self.addition, self.batch
  addition.record, addition.pdu = message, pdu
  batch[1], batch[2] = addition, nil
  local ok, err, code = stores.commit(self.store, batch)
  if not ok then return nil, err, code end
  wake(self, message)
  return true
end

--- Adds the message of a submit_sm that is usual (core.submit), and whose plan is known; only for a store with `add_due`.
---@param pdu smpp.Pdu
---@param id string
---@param session smpp.Session
---@param state string|false  final state; false: stays ENROUTE until it expires
---@param after_s number  seconds from now to that
---@param error_code integer
---@param validity_s number?
---@param priority integer
---@return boolean? ok
---@return string? err
---@return string? code  of the store's commit
function Lifecycle:add_due(pdu, id, session, state, after_s, error_code, validity_s, priority)
  local now = self.loop:time()
  local expires = validity_s and now + validity_s or nil
  if validity_s and not (state and after_s <= validity_s) then state, after_s, error_code = "EXPIRED", validity_s, 0 end
  local ok, err, code = self.store:add_due(pdu, id, session.system_id, session.version, session.owner.serial, now,
    state, state and now + after_s or nil, state and error_code or nil, expires)
  if not ok then return nil, err, code end
  if state then self.timers:add(self.loop:now() + (after_s > 0 and after_s or 0), id, priority) end
  return true
end

local function wake_waiter(self, key, state)
  local waiter = self.waiters[key]
  if not waiter then return end
  self.waiters[key] = nil
  task.wake_for(waiter, self, state)
end

--- Tests whether an account reads data_coding 0 as receipts are written by default.
local function is_plain(peer)
  local alphabet, codings = peer.default_alphabet, peer.data_codings
  return (not alphabet or alphabet == "gsm7") and not (codings and codings[0])
end

--- Commits a final state and its receipt, as the store has drafted them.
local function finish_with_receipt(self, key, now, state, system_id, bind)
  local outbound = self.outbound
  local account = self.server.directory:get(system_id)
  if not account or not is_plain(account.peer_text or self.server.profile) or not outbound:check_room(account) then return false end
  local item = outbound:draft_receipt(account, bind, state)
  if not outbound.stored:commit_due(key, item, now) then
    outbound:discard(item)
    return false
  end
  self.settled(state, key)
  outbound:queue(item)
  if self.queued then self.queued(nil, nil, state) end
  return true
end

--- Ends a message that has no receipt.
local function finish_silently(self, key, now)
  local state = self.store:finish_due(key, now, now + TOLERANCE_S)
  if state then self.settled(state, key) end
  return state
end

--- A timer: a fast path for messages that get a final state, and at most a usual receipt, with the same effect as `step`.
---@private
---@return boolean done
function Lifecycle:finish_due(key)
  if not self.settled or self.busy[key] or self.is_watched() then return false end
  local now, has_tlvs, state = self.loop:time(), nil, nil
  if self.usual_receipts then has_tlvs = self.usual_receipts() end
  local is_tried = has_tlvs == nil or not self.wants_receipts
  if is_tried then state = finish_silently(self, key, now) end
  if not state and has_tlvs ~= nil then
    local planned, system_id, bind = self.store:draft_due(key, now, now + TOLERANCE_S, has_tlvs)
    self.wants_receipts = system_id ~= nil -- so does the next one, most likely
    if system_id then
      state = finish_with_receipt(self, key, now, planned, system_id, bind) and planned or nil
    elseif planned and not is_tried then
      state = finish_silently(self, key, now)
    end
  end
  if not state then return false end
  wake_waiter(self, key, state)
  return true
end

--- A timer: a message may be due.  It may have been postponed meanwhile, or be final.
---@private
---@async
function Lifecycle:step(key)
  if self.busy[key] then return end
  self.busy[key] = true
  local ok, message, code = self:advance(key)
  self.busy[key] = nil
  if ok or code == "conflict" or code == "missing" then return end
  self:report(message)
  self.timers:add(self.loop:now() + RETRY_S, key)
end

--- Tests whether the next step of a message needs all its fields.
local function needs_all(message)
  return message.planned == nil or message.state == "SCHEDULED" or message.notify_at ~= nil or message.registered_delivery % 4 ~= 0
    or message.outcome ~= nil
end

---@private
---@async
function Lifecycle:advance(key)
  local is_brief = self.is_watched and not self.is_watched() and not self.wants_all
  local message, err, code = stores.get(self.store, "message", key, is_brief and BRIEF or nil)
  if message and is_brief and not stores.is_final(message.state) and needs_all(message) then
    self.wants_all = message.registered_delivery % 4 ~= 0 -- so does the next one, most likely
    message, err, code = stores.get(self.store, "message", key)
  end
  if not message then return nil, err, code end
  if self.wants_all and message.registered_delivery % 4 == 0 then self.wants_all = false end
  local at = due_at(message)
  if stores.is_final(message.state) or not at then return true end
  if at > self.loop:time() + TOLERANCE_S then -- postponed, or the clock was set back
    wake(self, message)
    return true
  end
  if message.state == "SCHEDULED" and message.expires and message.expires <= message.schedule then
    return self:finish(message, "EXPIRED", 0)
  end
  if message.state == "SCHEDULED" or message.planned == nil then return self:replan(message, {}) end
  if message.notify_at then return self:notify(message) end
  return self:finish(message, message.planned, message.planned_error)
end

--- Sets the final state of a message, and queues its receipt, if one was requested.
---@async
---@param message smpp.StoredMessage  as it was read: its state must not have changed
---@param state string
---@param error_code integer?
---@param silent boolean?  no receipt
---@return boolean? ok
---@return string? err
---@return string? code  "conflict": its state has changed meanwhile; or an error of the store's commit
function Lifecycle:finish(message, state, error_code, silent)
  local from = message.state
  message.state, message.done, message.error = state, self.loop:time(), error_code or 0
  local pdu, item, octets, delay_s
  if not silent and receipts.wanted(message.registered_delivery, state) then
    pdu, item, octets, delay_s = self:draft(message, state)
  end
  local set = self.final
  set.state, set.done, set.error = state, message.done, message.error
  local ok, err, code = commit(self, message.key, from, set, OVER, item, octets)
  if not ok then return nil, err, code end
  if self.changed then self.changed(message, from) end
  if item then queue(self, message, state, pdu, item, delay_s) end
  wake_waiter(self, message.key, state)
  return true
end

--- Sends a due intermediate notification.
---@private
---@async
function Lifecycle:notify(message)
  local pdu, item, octets, delay_s = self:draft(message, "ENROUTE", true)
  local ok, err, code = commit(self, message.key, "ENROUTE", {}, NOTIFIED, item, octets)
  if not ok then return nil, err, code end
  if item then queue(self, message, "ENROUTE", pdu, item, delay_s) end
  message.notify_at = nil
  wake(self, message)
  return true
end

--- Changes a message that is not final, and schedules it again.
---@async
---@param message smpp.StoredMessage  as it was read
---@param set table  fields and their new values: octets, schedule, expires, registered_delivery …
---@return boolean? ok
---@return string? err
---@return string? code  as of `finish`
function Lifecycle:replan(message, set)
  local from = message.state
  for name, value in pairs(set) do message[name] = value end
  for _, name in ipairs(PLAN) do message[name] = nil end
  if message.schedule and message.schedule > self.loop:time() + TOLERANCE_S then
    set.state = "SCHEDULED"
  else
    planned(self, message, set)
  end
  local ok, err, code = commit(self, message.key, from, set, PLAN)
  if not ok then return nil, err, code end
  for name, value in pairs(set) do message[name] = value end
  wake(self, message)
  if self.changed and message.state ~= from then self.changed(message, from) end
  return true
end

--- Waits until a message is final.
---@async
---@param key string
---@return string? state  nil: not in the store
function Lifecycle:await(key)
  local token = task.need(2)
  self.waiters[key] = token
  local message = stores.get(self.store, "message", key)
  if not message or stores.is_final(message.state) then
    self.waiters[key] = nil
    return message and message.state
  end
  return task.wait(self)
end

-- ---- receipts ----

--- The meaning of data_coding for the account of a message.
local function peer_text(self, message)
  local account = self.server.accounts[message.system_id]
  return account and account.peer_text or self.server.profile
end

--- Decodes the text of a message.
---@param message smpp.StoredMessage
---@param peer? table  session.peer_text
---@return string
function lifecycle.text(message, peer)
  return (smpp_text.read({ short_message = message.octets, esm_class = message.esm_class, data_coding = message.data_coding }, peer))
end

--- Decodes the text of a message, with the data_codings of its account.
---@param message smpp.StoredMessage
---@return string
function Lifecycle:text(message) return lifecycle.text(message, peer_text(self, message)) end

--- The first 20 characters of a text in the default alphabet that a receipt can have as they are: GSM 03.38 with one octet
--- each; nil: another text.
local function excerpt_of(message, peer)
  if message.data_coding ~= 0 or message.esm_class >= 0x40 or not is_plain(peer) then return nil end
  local octets = message.octets:sub(1, 20)
  return not octets:find "[\27\128-\255]" and octets or nil
end
lifecycle.excerpt_of = excerpt_of -- for its spec

--- Composes a receipt or an intermediate notification: its deliver_sm, and the item to queue.
---@private
---@async
function Lifecycle:draft(message, state, intermediate)
  local peer = peer_text(self, message)
  local own = message.receipt
  local excerpt = not own and excerpt_of(message, peer) or nil
  local fields, pdu = self.fields, nil
  local is_kept = own or not self.is_watched or self.is_watched()
  if is_kept then fields = {} else pdu = self.pdu end
  fields.id, fields.state, fields.err = message.id, state, message.error
  fields.submitted, fields.done = message.submitted, message.done or self.loop:time()
  fields.text, fields.excerpt, fields.submit = not excerpt and lifecycle.text(message, peer) or nil, excerpt, message
  fields.version, fields.intermediate, fields.default_alphabet = message.version, intermediate, peer.default_alphabet
  local text
  if own then
    for name, value in pairs(own) do fields[name] = value end
    text, pdu = receipts.format(fields)
  else
    text, pdu = receipts.write(fields, pdu)
    fields.submit = nil
  end
  if not text then
    self.on_error(("cannot create the receipt of %s: %s"):format(message.id, pdu))
    return nil
  end
  local delay_s
  if self.receipt then
    pdu, delay_s = self.receipt(message, pdu)
    if not pdu then return nil end
  end
  local account = self.server.directory:get(message.system_id)
  local item, octets = nil, "unknown account: " .. message.system_id
  if account then item, octets = self.outbound:draft(account, pdu, message.bind, delay_s) end
  if not item then
    self.on_error(("receipt of %s lost: %s"):format(message.id, octets))
    return nil
  end
  return pdu, item, octets, delay_s
end

--- Closes: unfinished messages stay in the store.
function Lifecycle:close()
  self.closed = true
  if self.timers then self.timers:close() end
  if self.stop then self.stop() end
end

return lifecycle
