--- Sending of stored messages: an entry of smpp.gateway.waiting to the carriers of its decision, whole or in parts.
local codec = require "smpp.codec"
local explain = require "smpp.codec.explain"
local figures = require "smpp.gateway.figures"
local gateway_ids = require "smpp.gateway.ids"
local stores = require "smpp.store"
local text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"

local sending = {}

local spend = codec.codec.spend

local NONE = {}
local NOWHERE = { "none" } -- the place of a message that a carrier has

--- A change of a message, on the condition that it is still in state `from` (else "conflict").
function sending.changed(key, set, clear, from)
  return { { op = "change", kind = "message", key = key, from = from or "ENROUTE", guard = "mine", set = set, clear = clear } }
end
local changed = sending.changed

--- The PDU for a carrier: changed by rules, without schedule_delivery_time (held here), a relative validity_period less the time waited.
local function outgoing(self, entry)
  local gateway, msg = self.gateway, entry.msg
  local view, words = msg.pdu, nil
  if msg.destination then view, words = gateway.forward:single(msg, msg.changes) elseif msg.changes then view, words = view:with(msg.changes) end
  if not view then return nil, words end
  local fields
  if (view.schedule_delivery_time or "") ~= "" then fields = { schedule_delivery_time = "" } end
  local validity = view.validity_period or ""
  local parsed = validity ~= "" and timestamp.parse(validity)
  if parsed and parsed.kind == "relative" then
    local waited = self.books:time() - entry.record.submitted
    if waited >= 1 then
      fields = fields or {}
      fields.validity_period = timestamp.relative(math.max(1, entry.record.expires - self.books:time()), { months = true })
    end
  end
  if fields then return view:with(fields) end
  return view
end

--- Adds what remembers the id that a carrier gave a message or a part of it.
---@param self smpp.Waiting
---@param changes smpp.Change[]
---@param entry table
---@param carrier smpp.Carrier
---@param part integer?
function sending.remember(self, changes, entry, carrier, part)
  local record = entry.record
  changes[#changes + 1] = self.parked:id_change(carrier, part and record.part_ids[part] or record.carrier_id, { message = record.key, part = part })
end

--- A carrier has taken a message, or a part of it, for a run of this node that others have declared dead: the message is theirs.  While it waits
--- in a queue it is noted that the carrier has it; when it is being sent again, the id is noted, so that the receipt of this one is found, too.
---@async
---@param self smpp.Waiting
---@param entry table
---@param carrier smpp.Carrier
---@param changes smpp.Change[]  that were refused: of the message, and of the id
---@return boolean? ok  they are made
local function note_late(self, entry, carrier, changes)
  local store, record, part_ids = self.books.store, entry.record, entry.record.part_ids
  local id = changes[2] and changes[2].kind == "id" and changes[2]
  changes[1].guard, changes[1].whole = "queued", nil -- others may have changed it
  if id then self.parked:finished(carrier, record.carrier_id or part_ids[#part_ids]) end
  if entry.run ~= store.run then store.queues:bury(entry.run, function() end) end -- before the commit
  local ok = self.books:commit(changes)
  local kept = not ok and id and stores.get(store, "message", entry.key)
  local is_late = kept and not stores.is_final(kept.state) and not kept.carrier_id and not (part_ids and (kept.part_ids or NONE)[#part_ids])
  if is_late then self.books:commit { id } end
  if ok or is_late then
    self.gateway:log("warn", "late_response", { carrier = carrier.name, id = part_ids and part_ids[#part_ids] or record.carrier_id })
  end
  return ok
end

--- A carrier has taken all of it.
---@async
local function taken(self, entry, carrier, id, wants)
  local record, msg = entry.record, entry.msg
  local set = {
    carrier = carrier.name, carrier_id = id, sent = self.books:time(), maybe_twice = entry.maybe_twice, part_ids = record.part_ids,
    sent_source = msg.changes and msg.changes.source_addr or nil,
  }
  record.carrier, record.carrier_id = set.carrier, set.carrier_id
  entry.unsaved = set -- its receipt may be in the store before
  local outcomes
  if wants and not record.part_ids and not self.books.is_shared then
    outcomes = carrier.tracker:accepted(gateway_ids.handle_of(record, msg.pdu), 1, set.carrier_id, self.loop:now(), msg.to)
    self.gateway:arm(carrier)
  end
  if not wants then
    if not self:conclude(entry, "ACCEPTED", { receipt = false, set = set }) and self.books.is_shared then
      self:conclude(entry, "ACCEPTED", { receipt = false, set = set, guard = "queued" }) -- see note_late
    end
    return
  end
  local changes, notices = changed(entry.key, set, { "sending", "held" }), record.http_id and self.gateway.http and self.gateway.http.notices
  changes[1].place = NOWHERE
  if self.books.is_shared then
    sending.remember(self, changes, entry, carrier, record.part_ids and #record.part_ids)
    if changes[2] and record.id == record.key and not (record.part_ids or record.members or record.http_id) then
      record.sent, record.maybe_twice, record.sent_source = set.sent, set.maybe_twice, set.sent_source
      record.sending, record.held, record.serial = nil, nil, nil
      changes[1].whole = record -- it is this node's: nobody else has changed it
      self.parked:sent(carrier, id, gateway_ids.handle_of(record, msg.pdu), record) -- its receipt may come before the commit has ended
    end
  end
  local notice = notices and notices:sent(changes, record, set)
  self.parked.saving = self.parked.saving + 1
  local ok, _, code = self.books:commit(changes)
  if stores.is_lost(code) and self.books.is_shared then ok = note_late(self, entry, carrier, changes) end
  self.parked.saving = self.parked.saving - 1
  if notices then notices:ended(record, notice, ok) end
  self.gateway.receiving:outcomes(carrier, outcomes)
  self:leave(entry)
end

--- The outcome is unknown, and the carrier's `on_unknown` is "hold": a receipt settles it, or its validity ends.
---@async
local function hold(self, entry, carrier)
  if self.books.is_shared then return self.parked:hold(entry, carrier) end
  local record = entry.record
  record.carrier, record.held = carrier.name, true
  self.held[entry.key] = entry
  entry.text = (text.read(entry.msg.pdu))
  self:release(entry.slot)
  entry.slot = nil
  self.books:commit(changed(entry.key, { carrier = carrier.name, held = true, maybe_twice = entry.maybe_twice }, { "sending" }))
  self:later(entry, record.expires - self.loop:time())
end

--- What a failure of a carrier means for an entry: true: it has an outcome; nil: later, or another carrier.
---@async
local function failed(self, entry, carrier, failure, code)
  local class = carrier:class(code)
  entry.is_for_others = code == "not_sent" and self.books.is_shared and not carrier:available()
  if class == "unknown" then
    self.gateway:log("warn", "outcome_unknown", {
      account = entry.record.system_id, carrier = carrier.name, to = self.gateway.show(entry.msg.to), reason = failure,
    })
    local policy = carrier.own.on_unknown or "hold"
    if policy == "hold" then
      hold(self, entry, carrier)
      return true
    elseif policy == "fail" then
      self:conclude(entry, "UNDELIVERABLE", { err = "255" })
      return true
    end
    if not entry.maybe_twice then figures.maybe_twice:add(1) end
    entry.maybe_twice = true
  elseif class == "permanent" then
    local row = explain.status(code)
    self:conclude(entry, "REJECTED", {
      err = ("%03d"):format(row.code % 1000), refund = not entry.record.part_ids, set = { carrier = carrier.name, status = row.name },
    })
    return true
  end
end

-- ---- parts ----

--- The field of a record that says that a part has been delivered.
---@param part integer
---@return string
function sending.done(part) return "done" .. part end

--- Notes that a part of a message was delivered; others may come meanwhile, at other nodes, too.
---@async
---@param store smpp.Store
---@param kind string     of the record
---@param record table    with `parts`, and `done(i)` for each that is delivered
---@param part integer
---@return boolean? is_last  all are delivered; nil: it cannot be written now
---@return string? message
function sending.note_part(store, kind, record, part)
  local function is_whole(known)
    for i = 1, record.parts do
      if i ~= part and not known[sending.done(i)] then return false end
    end
    return true
  end
  if is_whole(record) then return true end
  local set = { [sending.done(part)] = true } -- a field of its own
  local ok, words, code = stores.commit(store, { { op = "change", kind = kind, key = record.key, from = "ENROUTE", set = set } })
  if code == "conflict" then return false end
  if not ok then return nil, words end
  if not store.shared then return false end
  local known
  known, words = stores.get(store, kind, record.key)
  if not known then return nil, words end
  return is_whole(known)
end

--- Tells a carrier's tracker of the parts that it has taken, and of those that have been delivered.
---@param gateway smpp.Gateway
---@param carrier smpp.Carrier
---@param handle string
---@param record table  with `parts`, `part_ids`, and `done(i)` for each that is delivered
---@param to string
---@return smpp.Outcome[] outcomes  of receipts that came before
function sending.track(gateway, carrier, handle, record, to)
  local tracker, now, list = carrier.tracker, gateway.loop:now(), {}
  tracker:open(handle, record.parts, now)
  for i, id in ipairs(record.part_ids or {}) do
    for _, outcome in ipairs(tracker:accepted(handle, i, id, now, to) or {}) do list[#list + 1] = outcome end
    if record[sending.done(i)] then
      tracker:receipt({ id = id, state = "DELIVERED", final = true, fields = {}, err = "" }, now, true)
    end
  end
  gateway:arm(carrier)
  return list
end

--- Sends the parts that the carrier has not taken yet, each when the one before is in the books: true: it has an outcome; nil: later, or, while
--- it has none, another carrier.
---@async
local function send_parts(self, entry, carrier, list, wants)
  local record, gateway, count = entry.record, self.gateway, #list
  if record.parts and record.parts ~= count then -- the file was loaded again, and cuts it in another way
    self:conclude(entry, "UNDELIVERABLE", { err = "255" })
    return true
  end
  local handle = wants and not self.books.is_shared and gateway_ids.handle_of(record, entry.msg.pdu)
  record.parts = count
  if handle and not carrier.tracker:is_open(handle) then
    gateway.receiving:outcomes(carrier, sending.track(gateway, carrier, handle, record, entry.msg.to))
  end
  for i = #(record.part_ids or "") + 1, count do
    local response, failure, code = carrier:submit(list[i].command_id, list[i], gateway.settings.queue_s)
    if not response then
      local ends = carrier:class(code) == "permanent" or not record.part_ids
      for rest = i, handle and ends and count or 0 do carrier.tracker:refused(handle, rest, code, self.loop:now()) end
      if not record.part_ids then record.parts = nil end -- another carrier may take it, in its own form
      return failed(self, entry, carrier, failure, code)
    end
    record.carrier, record.part_ids = carrier.name, record.part_ids or {}
    record.part_ids[i] = response.message_id or ""
    spend(response)
    if i < count then
      local changes = changed(entry.key, { carrier = carrier.name, parts = count, reference = record.reference, part_ids = record.part_ids })
      if wants and self.books.is_shared then sending.remember(self, changes, entry, carrier, i) end
      local ok, _, why = self.books:commit(changes)
      if not ok and stores.is_lost(why) then -- a receipt has made it final, or it is another node's
        if self.books.is_shared then note_late(self, entry, carrier, changes) end
        self:leave(entry)
        return true
      end
    end
    if handle then gateway.receiving:outcomes(carrier, carrier.tracker:accepted(handle, i, record.part_ids[i], self.loop:now(), entry.msg.to)) end
  end
  if handle then gateway:arm(carrier) end
  gateway:count("forwarded", carrier.name)
  taken(self, entry, carrier, record.part_ids[1], wants)
  return true
end

-- ---- an attempt ----

--- Sends an entry to a carrier: true: it has an outcome.
---@async
local function send(self, entry, carrier, view)
  local gateway, delivery = self.gateway, view.registered_delivery or 0
  local asks = carrier.own.receipts == "always" and delivery % 4 == 0
  local out, wants = asks and assert(view:with { registered_delivery = delivery + 1 }) or view, delivery % 32 ~= 0 or asks
  local list, why, status = carrier:views(entry.msg, out, entry.record.reference)
  if list == false then
    gateway:log("warn", "not_converted", { account = entry.record.system_id, carrier = carrier.name, reason = why })
    self:conclude(entry, "REJECTED", { err = ("%03d"):format(explain.status(status).code % 1000), refund = true })
    return true
  end
  if list and list[2] then
    entry.record.reference = entry.record.reference or sending.reference_of(list[1])
    return send_parts(self, entry, carrier, list, wants)
  end
  local response, failure, code = carrier:submit(out.command_id, list and list[1] or out, gateway.settings.queue_s)
  if not response then return failed(self, entry, carrier, failure, code) end
  gateway:count("forwarded", carrier.name)
  local carrier_id = response.message_id or ""
  spend(response)
  taken(self, entry, carrier, carrier_id, wants)
  return true
end

--- The reference of a part, which stays the same in later attempts.
---@param view smpp.Pdu
---@return integer
function sending.reference_of(view)
  local part = text.part(view, (select(2, text.body(view))))
  return part.reference
end

--- Must the store learn that a message is on its way to this carrier?  It knows of one, and that one's `after_crash` holds for it.
---@param gateway smpp.Gateway
---@param on_way string|boolean  the carrier that it knows of; true: one of all; false: none
---@param carrier smpp.Carrier
---@return boolean
local function is_news(gateway, on_way, carrier)
  if on_way == carrier.name then return false end
  return not on_way or sending.after_crash(gateway, on_way) ~= carrier.own.after_crash
end

--- What is done after a crash with a message that was on its way: as its carrier says; if that is not known, "hold" where one says so.
---@param gateway smpp.Gateway
---@param on_way string|boolean  the carrier
---@return "hold"|"resend"
function sending.after_crash(gateway, on_way)
  local named = gateway.by_name[on_way]
  if named then return named.own.after_crash end
  for _, carrier in ipairs(on_way == true and gateway.carriers or NONE) do
    if carrier.own.after_crash == "hold" then return "hold" end
  end
  return "resend"
end

--- Tries the carriers of a decision once; true: it has an outcome.
---@async
---@param self smpp.Waiting
---@param entry table
function sending.attempt(self, entry)
  local gateway, decision = self.gateway, entry.decision
  local view, words = outgoing(self, entry)
  if not view then
    gateway:log("error", "not_sent", { account = entry.record.system_id, reason = words })
    self:conclude(entry, "REJECTED", { err = "008", refund = true })
    return true
  end
  local customer = gateway.customers[entry.record.system_id]
  for _, name in ipairs(decision.carriers) do
    local carrier = gateway.by_name[name]
    local may = carrier and (not entry.record.part_ids or entry.record.carrier == name) -- one carrier gets all parts
    if may and (not customer or not customer.carriers or customer.carriers[name]) and carrier:available() then
      if is_news(gateway, entry.sending, carrier) then
        local ok, _, code = self.books:commit(changed(entry.key, { sending = name }))
        if not ok then
          if stores.is_lost(code) then self:leave(entry) end -- cancelled meanwhile, or another node's
          return true
        end
        entry.sending = name
      end
      entry.run = self.books.store.run
      if send(self, entry, carrier, view) then return true end
    end
  end
  return false
end

return sending
