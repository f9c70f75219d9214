--- Stored forwarding (store and forward): a message is answered when it is written to the store ("in the books"), and the gateway is
--- responsible for it from then on.
---
---     accepted ── in the books ──> sending ── taken ──> with the carrier ── receipt ──> final
---                       ^            │
---                       └── waiting <┘ refused temporarily, not sent, no carrier available: 1, 2, 4 … 60 s
---     sending ── no answer ──> held: a receipt settles it, or its validity ends (on_unknown)
---
--- What happens to a message between its acceptance and a carrier is smpp.gateway.waiting.
local codec = require "smpp.codec"
local core = require "smpp.core"
local counters = require "smpp.gateway.counters"
local ending = require "smpp.gateway.ending"
local gateway_ids = require "smpp.gateway.ids"
local joining = require "smpp.gateway.joining"
local sending = require "smpp.gateway.sending"
local records = require "smpp.gateway.records"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local timestamp = require "smpp.codec.timestamp"
local waiting = require "smpp.gateway.waiting"

local books = {}

---@class smpp.Books
---@field waiting smpp.Waiting
local Books = {}
local mt = { __index = Books, __name = "smpp.Books" }

local VALID_S = 2 * 86400 -- validity of messages without a validity_period
local NONE = {}
local BESIDE = 260        -- octets that the engine counts for a message besides its PDU, about
local COMMIT_S = 1        -- pause before a failed commit is tried again

---@param gateway smpp.Gateway
---@param store smpp.Store
---@param o { keep_s: number, record: string?, retry: { first_s: number, max_s: number } }
---@return smpp.Books
function books.new(gateway, store, o)
  local self
  self = setmetatable({
    gateway = gateway, loop = gateway.loop, store = store, o = o,
    records = o.record and records.new(o.record) or nil,
    accepted = 0,                 -- how many messages came into the store
    counters = nil,               -- credit and quota of accounts
    has_unusual = false,          -- messages whose end is for smpp.gateway.ending: joined ones, those that came by HTTP when there was any
    is_shared = store.shared,     -- nodes share the store
    restored = false,             -- trackers know the messages of earlier runs that carriers have
    waiting = nil, joining = nil,
    closed = false,
    sink = function(trace) gateway:log("error", "failed", { reason = trace }) end,
  }, mt)
  self.waiting, self.counters, self.joining = waiting.new(self), counters.new(self), joining.new(self)
  self.keeper = gateway.loop:timer(function() self:discard() end)
  return self
end

--- The time that is kept with messages.
---@return number  Unix time
function Books:time()
  if self.is_shared then return self.store:time() end
  return self.loop:time()
end

-- ---- commits ----

--- Commits, and waits; tries again while the store fails.
---@async
---@param changes smpp.Change[]
---@return boolean? ok
---@return string? message
---@return string? code
function Books:commit(changes)
  changes.patient = true
  while true do
    local ok, words, code = stores.commit(self.store, changes)
    if ok or stores.is_lost(code) or code == "duplicate" then return ok, words, code end
    self:failed(words)
    if self.closed then return nil, words, code end
    self:sleep(COMMIT_S)
  end
end

--- Logs that the store failed; that it is away is told once a minute.
---@param words string
---@param account string?
function Books:failed(words, account)
  local node = self.gateway.node
  if node and node:is_away() then return end
  self.gateway:log("error", "store_failed", { account = account, reason = words })
end

--- Waits in a task.
---@async
function Books:sleep(seconds)
  local token, timer = task.need(), nil
  timer = self.loop:timer(function()
    timer:close()
    task.wake_for(token, timer)
  end)
  timer:start(seconds)
  task.wait(timer)
end

--- Runs fn as a task of its own, and waits for its end, but not longer than a call of the store may take.
---@async
---@param fn async fun()
function Books:within_call(fn)
  local token, key, has_ended, waits = task.need(), {}, false, false
  task.start(self.sink, function()
    fn()
    has_ended = true
    if waits then task.wake_for(token, key) end
  end)
  if has_ended then return end
  local timer = self.loop:timer(function() task.wake_for(token, key) end)
  timer:start(self.store.timeout_s)
  waits = true
  task.wait(key)
  timer:close()
end

-- ---- in ----

--- Times of a message, as its account and the rules have changed them: when it may be sent, and until when; nil, nil, status.
local function times(schedule, validity, now)
  local due, till
  local parsed = schedule ~= "" and timestamp.parse(schedule)
  if schedule ~= "" then
    if not parsed then return nil, nil, "ESME_RINVSCHED" end
    due = timestamp.to_unix(parsed, now)
  end
  parsed = validity ~= "" and timestamp.parse(validity)
  if validity ~= "" then
    if not parsed then return nil, nil, "ESME_RINVEXPIRY" end
    till = timestamp.to_unix(parsed, now)
    if till <= now then return nil, nil, "ESME_RINVEXPIRY" end
  end
  return due, till or (due and due > now and due or now) + VALID_S
end

--- Waits until the node has joined the others, shortly after a start; not where the engine is away.
---@async
function Books:wait_for_life()
  local till = self.loop:now() + self.store.timeout_s
  while not self.store.run and not self.closed and self.loop:now() < till do self:sleep(0.02) end
end

--- May the engine that nodes share take new messages?  Else the status for the customer.
---@return string? status
function Books:no_room()
  local nodes = self.is_shared and self.gateway.nodes
  return nodes and nodes.room:refusal() or nil
end

--- Takes a message into the books: its id, or nil and a status.
---@async
---@param session smpp.Session
---@param msg smpp.RouteMessage
---@param decision smpp.Decision
---@param admitted table?  fields that the account's limits have set
---@param charged integer?
---@return string? id
---@return string? status
function Books:accept(session, msg, decision, admitted, charged)
  if self.is_shared then self:wait_for_life() end
  local refusal = self:no_room()
  if refusal then
    msg.reason = "store"
    return nil, refusal
  end
  local gateway, pdu, now = self.gateway, msg.pdu, self:time()
  local schedule, validity, source, to, delivery = pdu:values("schedule_delivery_time", "validity_period", "source_addr", "destination_addr",
    "registered_delivery")
  local changed = msg.changes
  if changed then schedule, validity = changed.schedule_delivery_time or schedule, changed.validity_period or validity end
  local due, till, status = times(schedule or "", validity or "", now)
  if status then return nil, status end
  local destination = msg.destination
  local id = msg.id or gateway.ids:next(session.version)
  local is_due = not due or due <= now
  local wait = self.waiting
  local slot, join, part
  local lane = wait.parked:lane(decision, msg)
  if is_due then join, part = self.joining:wanted(msg, decision) end
  if join or lane then
    slot = nil
  elseif is_due then
    slot = wait:reserve(decision, msg.account)
  elseif not self.is_shared then
    slot = wait:reserve_scheduled()
  end
  local record = {
    key = id, id = id, state = is_due and "ENROUTE" or "SCHEDULED", system_id = msg.account, source_addr = source, destination_addr = to,
    submitted = now, expires = till, octets = pdu:octets(), registered_delivery = delivery, bound = msg.bind, sending = is_due and slot or nil,
  }
  if destination then
    record.key, record.destination_addr = ("%s/%s"):format(id, destination.destination_addr), destination.destination_addr
    record.dest_addr_ton, record.dest_addr_npi = destination.dest_addr_ton, destination.dest_addr_npi
  end
  if not is_due then record.schedule = due end
  if lane then record.lane = lane end
  if admitted or charged then record.admitted, record.charged = admitted, charged end
  if join then record.join, record.join_total, record.join_seq = join, part.total, part.seq end
  if msg.http then record.http_id, record.http_dlr = msg.http.id, msg.http.has_dlr end -- http_id: of the message that it is a part of
  if msg.given_tags then record.tags = msg.given_tags end
  local is_here = slot ~= nil or join ~= nil
  local changes = { { op = "add", kind = "message", record = record, place = wait.parked:place(decision, record, is_here) } }
  self.counters:charge(msg.account, charged, changes)
  if msg.http then
    for _, change in ipairs(msg.http.changes or NONE) do changes[#changes + 1] = change end
  end
  local ok, words, code = stores.commit(self.store, changes)
  if not ok then
    wait:release(slot)
    if code == "exceeded" then return nil, self.counters:refusal(msg, words) end
    self:failed(words, msg.account)
    msg.reason = "store"
    return nil, code == "queue_full" and "ESME_RMSGQFUL" or "ESME_RSYSERR"
  end
  self.accepted = self.accepted + 1
  if self.is_shared and gateway.nodes then gateway.nodes.room:add(#record.octets + BESIDE) end
  if join and not self.is_shared then
    self.joining:add(record, wait.parked.last)
  elseif slot and is_due then
    msg.is_sending = true
    wait:begin(record, slot, msg, decision)
  elseif slot then
    wait:later(wait:enter(record, slot, msg), due - now)
  elseif wait.entries[record.key] then -- it has been read already
    return id
  else
    wait.parked:accepted(decision, record)
  end
  return id
end

-- ---- the end of a message ----

-- ---- after a restart ----

--- Starts: continues with the messages that an earlier run has left in the store.
---@async
function Books:start()
  if not self.is_shared or self.store.run then self.counters:load() end -- else when the node has joined
  self.keeper:start(60)
  self.waiting.parked:start() -- messages that carriers have, too: receipts must find them
  self.restored = true
  self.waiting.parked:look()
end

--- The node has a life: what waits in the store may be worked on.
---@async
function Books:joined()
  self.counters:load()
  self.waiting.parked:look()
end

--- The node's life is over: others work on what it had.
function Books:forget()
  self.waiting.parked:forget()
  self.joining:forget()
end

--- Restores the tracker's handle of a message that a carrier took in an earlier run.
---@param record table
function Books:restore(record)
  self.has_unusual = self.has_unusual or record.members ~= nil or record.http_id ~= nil
  local carrier = self.gateway.by_name[record.carrier]
  if not carrier then return end
  local handle, outcomes = gateway_ids.handle_of(record, assert(codec.decode(record.octets))), nil
  if not record.part_ids then
    outcomes = carrier.tracker:accepted(handle, 1, record.carrier_id, self.loop:now(), record.destination_addr)
  elseif carrier.own.receipts == "always" or (record.registered_delivery or 0) % 32 ~= 0 then
    outcomes = sending.track(self.gateway, carrier, handle, record, record.destination_addr)
  end
  local receiving = self.gateway.receiving
  if outcomes and outcomes[1] then task.start(self.sink, receiving.outcomes, receiving, carrier, outcomes) end
  self.gateway:arm(carrier)
end

-- ---- receipts ----

--- A final or intermediate state of a message in the books: true, or nil and the status for the carrier.
---@async
---@param key string
---@param record table  of the handle
---@param receipt smpp.Receipt
---@param fields table|smpp.Pdu|nil  the receipt for the customer, nil: it wants none
---@return boolean? ok
---@return string? status
function Books:receipt(key, record, receipt, fields)
  if not receipt.final then
    if not fields then return true end
    local of_http = self.gateway.http and stores.get(self.store, "message", key)
    if of_http and of_http.http_id then
      self.gateway.http.notices:goes_on(of_http.http_id, receipt, of_http.carrier)
      return true
    end
    local ok = self.gateway:deliver_stored(record.account, fields)
    return ok, not ok and "ESME_RX_T_APPN" or nil
  end
  local kept = record.kept or stores.get(self.store, "message", key)
  if not kept then return true end
  kept.account = kept.system_id
  local ok, words, code = self:finish(key, kept, stores.is_final(receipt.state) and receipt.state or "UNKNOWN", {
    fields = fields or false, err = receipt.err ~= "" and receipt.err or nil, of = receipt,
  })
  if ok or code == "conflict" then return true end -- conflict: it is final already
  self.gateway:log("warn", "not_delivered", { account = kept.system_id, id = kept.id, reason = words })
  return nil, "ESME_RX_T_APPN"
end

--- May a receipt of a message that was final before be acknowledged: is that as safe as a commit?  True, or nil and the status for the carrier.
---@async
---@param key string
---@return boolean? ok
---@return string? status
function Books:is_final(key)
  local kept, _, code = stores.settled(self.store, "message", key)
  if kept and stores.is_final(kept.state) or code == "missing" then return true end
  return nil, "ESME_RX_T_APPN" -- it comes again
end

--- The final state of a part of a message that was cut: as `receipt`; the message has it when all parts are delivered, or one is not.
---@async
---@param key string
---@param record table  of the handle
---@param part integer
---@param receipt smpp.Receipt
---@param fields table|smpp.Pdu|nil
---@return boolean? ok
---@return string? status
function Books:part(key, record, part, receipt, fields)
  local kept, missing, _ = record.kept, nil, nil
  if not kept then kept, _, missing = stores.get(self.store, "message", key) end
  if not kept and missing ~= "missing" then return nil, "ESME_RX_T_APPN" end
  if not kept or not kept.parts then return true end
  if stores.is_final(kept.state) then return self:is_final(key) end
  if receipt.state ~= "DELIVERED" and receipt.state ~= "ACCEPTED" then return self:receipt(key, record, receipt, fields) end
  local is_last, words = sending.note_part(self.store, "message", kept, part)
  if is_last then return self:receipt(key, record, receipt, fields) end
  if is_last == false then return true end
  self.gateway:log("warn", "not_delivered", { account = kept.system_id, id = kept.id, reason = words })
  return nil, "ESME_RX_T_APPN"
end

--- A message whose receipt has not come for `remember_s`: what became of it is not known.
---@async
---@param key string
---@param with_receipt boolean  the customer gets one, if it asked for it
---@return boolean ok  false: it cannot be written now
function Books:forgotten(key, with_receipt)
  local record, _, failure = stores.get(self.store, "message", key)
  if not record then return failure == "missing" end
  if stores.is_final(record.state) then return true end
  local o = {}
  if not with_receipt then o.receipt = false end
  local ok, _, code = self:finish(key, record, "UNKNOWN", o)
  return ok or code == "conflict"
end

--- The held message of a shared store that a receipt of an unknown id settles: the only one that it fits; the others stay held.
---@async
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return table? record
function Books:claim_held(carrier, receipt)
  local queues, found, others = self.waiting.parked, nil, {}
  local list = queues:held_for(carrier, receipt)
  for _, record in ipairs(list) do
    if self.waiting:fits(record, carrier, receipt) and not found and not others.is_ambiguous then
      found = record
    else
      if found and self.waiting:fits(record, carrier, receipt) then
        others[#others + 1], found, others.is_ambiguous = found, nil, true
      end
      others[#others + 1] = record
    end
  end
  if found and self.waiting:is_sending(carrier, receipt) then others[#others + 1], found = found, nil end
  for _, record in ipairs(others) do
    queues:hold({ key = record.key, record = record, maybe_twice = record.maybe_twice }, record.carrier and { name = record.carrier })
  end
  return found
end

--- Ends a held message by its receipt.
---@async
function Books:settle_held(entry, receipt, fields)
  local ok, status = self:receipt(entry.key, { account = entry.record.system_id }, receipt, fields)
  if ok and receipt.final then self.waiting:settled(entry) end
  return ok, status
end

-- ---- query_sm, cancel_sm, replace_sm ----

local STATE_NUMBER = {}
for _, row in ipairs(core.protocol.values().message_state) do STATE_NUMBER[row.name:upper()] = row.low end

--- The record of a message_id of an account, as safe as an answer about it has to be; nil, status.
---@async
function Books:find(session, pdu, failure)
  local record, _, code = stores.settled(self.store, "message", pdu.message_id)
  if not record then return nil, code == "missing" and "ESME_RINVMSGID" or "ESME_RSYSERR" end
  if record.system_id ~= session.system_id then return nil, "ESME_RINVMSGID" end
  if record.source_addr ~= pdu.source_addr then return nil, failure end
  return record
end

--- The state of a message that is in the books alone.
---@param record table
---@param pdu smpp.Pdu
---@return table
function Books:query(record, pdu) -- luacheck: no self
  return {
    message_id = pdu.message_id, message_state = STATE_NUMBER[record.state] or 7, error_code = tonumber(record.error or 0) % 256,
    final_date = record.done and timestamp.absolute(record.done) or "",
  }
end

--- Is it too late to cancel or replace a message: final, at a carrier, with a part, joined with others, being sent, or held?
local function has_gone(self, record, entry)
  if self.is_shared and record.sending then return true end
  return stores.is_final(record.state) or record.carrier_id or record.part_ids or record.joined or record.members or record.held
    or entry and entry.busy
end

--- Cancels a message that waits: true; nil, status.
---@async
function Books:cancel(record)
  local entry = self.waiting.entries[record.key]
  if has_gone(self, record, entry) then
    return nil, "ESME_RCANCELFAIL"
  end
  if entry then entry.cancelled = true end
  local ok = self:finish(record.key, record, "DELETED", { from = record.state, refund = true, guard = "idle" })
  if not ok then
    if entry then entry.cancelled = nil end
    return nil, "ESME_RCANCELFAIL"
  end
  if entry then self.waiting:leave(entry) end
  return true
end

--- Replaces the text of a message that waits: true; nil, status.
---@async
function Books:replace(record, pdu)
  local entry = self.waiting.entries[record.key]
  if has_gone(self, record, entry) then
    return nil, "ESME_RREPLACEFAIL"
  end
  local fields = { short_message = pdu.short_message, registered_delivery = pdu.registered_delivery }
  local old = assert(codec.decode(record.octets))
  if old.message_payload then fields.message_payload = codec.none end
  local view = old:with(fields)
  if not view then return nil, "ESME_RREPLACEFAIL" end
  local set = { octets = view:octets(), registered_delivery = pdu.registered_delivery }
  local ok = stores.commit(self.store, { { op = "change", kind = "message", key = record.key, from = record.state, guard = "idle", set = set } })
  if not ok then return nil, "ESME_RREPLACEFAIL" end
  if entry then
    entry.record.octets, entry.record.registered_delivery, entry.msg, entry.decision = view:octets(), pdu.registered_delivery, nil, nil
  end
  return true
end

-- ---- the end ----

--- Forgets final messages that are too old.
---@private
function Books:discard()
  self.store:discard("message", self:time() - self.o.keep_s, function(ok, words)
    if not ok and not self.closed then self:failed(words) end
  end)
  if not self.closed then self.keeper:start(3600) end
end

--- Makes a message final, as smpp.gateway.ending says.
Books.finish = ending.finish

--- Closes; waiting messages stay in the store.
function Books:close()
  self.closed = true
  self.keeper:close()
  self.waiting:close()
  self.joining:close()
  if self.records then self.records:close() end
end

return books
