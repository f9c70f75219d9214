--- What carriers send: receipts go to whom they belong, messages (MO) where the rules for incoming ones say.
local codec = require "smpp.codec"
local core = require "smpp.core"
local figures = require "smpp.gateway.figures"
local form = require "smpp.gateway.form"
local gateway_ids = require "smpp.gateway.ids"
local receipts = require "smpp.receipt"
local relay = require "smpp.gateway.relay"
local route = require "smpp.route"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local text = require "smpp.text"

local receiving = {}

local spend = codec.codec.spend

local NONE = {}

---@class smpp.Receiving
local Receiving = {}
local mt = { __index = Receiving, __name = "smpp.Receiving" }

local INTERMEDIATE = 0x10 -- registered_delivery: intermediate notifications (3.4, 5.2.17)

---@param gateway smpp.Gateway
---@return smpp.Receiving
function receiving.new(gateway)
  return setmetatable({ gateway = gateway, early = {}, sink = function(trace) gateway:log("error", "failed", { reason = trace }) end }, mt)
end

-- ---- receipts ----

--- Did the customer ask for a receipt of this state (registered_delivery; 3.4, 5.2.17)?
local function is_wanted(record, receipt)
  local delivery = record.registered_delivery
  if receipt.final then return receipts.wanted(delivery, receipt.state) end
  return math.floor(delivery / INTERMEDIATE) % 2 == 1
end

local SHORT_MESSAGE_MAX = 254

--- The text of a receipt with another id; nil: the id is not found in it, or it would be too long.
local function with_id(octets, own, id)
  local from = 1
  repeat
    local _, last = octets:find("[Ii][Dd]:%s*", from)
    if not last or own == "" then return nil end
    from = last + 1
  until octets:sub(from, from + #own - 1) == own
  local changed = octets:sub(1, from - 1) .. id .. octets:sub(from + #own)
  return #changed <= SHORT_MESSAGE_MAX and changed or nil
end

--- The deliver_sm for the customer: as it came, with our id and the addresses of the customer's message.
---@param record table  of the handle
---@param receipt smpp.Receipt
---@param pdu smpp.Pdu?  as it came; nil: only what was read of it is known
local function for_customer(record, receipt, pdu)
  local octets = pdu and text.octets(pdu)
  local changed = octets and octets ~= "" and with_id(octets, receipt.fields and receipt.fields.id or "", record.id)
  local has_text = octets and octets ~= ""
  if pdu and (changed or not has_text) then
    local fields = {
      source_addr = record.destination_addr, source_addr_ton = record.dest_addr_ton, source_addr_npi = record.dest_addr_npi,
      destination_addr = record.source_addr, dest_addr_ton = record.source_addr_ton, dest_addr_npi = record.source_addr_npi,
    }
    if pdu.receipted_message_id then fields.receipted_message_id = record.id end
    if changed then fields[pdu.message_payload and pdu.message_payload ~= "" and "message_payload" or "short_message"] = changed end
    local view = pdu:with(fields)
    if view then return view end
  end
  local state, _, number = receipts.known_state(receipt.state)
  local _, fields = receipts.write({
    id = record.id, state = state or "UNKNOWN", stat = not number and receipt.stat or nil, err = receipt.err ~= "" and receipt.err or nil,
    submitted = receipt.submitted or record.submitted, done = receipt.done, text = receipt.text, submit = record,
    network_error = receipt.network_error,
    intermediate = not receipt.final and receipt.kind == "intermediate",
  })
  return fields
end

--- An outcome of the tracker: true, or nil and the status for the carrier.
local function settle(self, carrier, outcome, pdu)
  local gateway, receipt = self.gateway, outcome.receipt
  if not receipt then return true end
  local record = gateway_ids.read_handle(outcome.handle)
  record.kept = outcome.kept
  local is_stored = record.books ~= "" and gateway.books ~= nil
  local is_repeated = outcome.kind == "duplicate" or outcome.kind == "late"
  if is_repeated and not is_stored then return true end -- the books know whether the first one could be kept
  local is_cut = (outcome.parts or 1) > 1 -- the customer knows only the whole
  if outcome.kind == "part" and not is_stored then return true end
  if outcome.kind == "intermediate" and is_cut and outcome.part ~= 1 then return true end
  if outcome.kind == "intermediate" and outcome.repeated then return true end
  if not is_repeated then
    gateway:count("receipts", carrier.name)
    figures.receipts:add(1, carrier.name, "known")
  end
  local wanted = is_wanted(record, receipt)
  if not is_stored and gateway.http and gateway.http.book:receipt(record.id, receipt) then return true end
  if not wanted and not is_stored then return true end
  local fields = wanted and for_customer(record, receipt, pdu or (receipt.octets and codec.decode(receipt.octets))) or nil
  if is_stored then
    if is_cut and receipt.final and outcome.kind ~= "result" then return gateway.books:part(record.books, record, outcome.part, receipt, fields) end
    return gateway.books:receipt(record.books, record, receipt, fields)
  end
  if not fields then
    gateway:log("error", "receipt_lost", { account = record.account, carrier = carrier.name, id = record.id, reason = "it cannot be written" })
    return true
  end
  local ok, message, code = gateway:deliver_stored(record.account, fields)
  if ok then return true end
  gateway:log("warn", "not_delivered", { account = record.account, carrier = carrier.name, id = record.id, reason = message })
  if code == "bad_value" then return true end -- the account is gone
  return nil, "ESME_RX_T_APPN"
end

--- Handles a deliver_sm or data_sm of a carrier; returns its answer.
---@async
---@param carrier smpp.Carrier
---@param pdu smpp.Pdu
function Receiving:deliver(carrier, pdu)
  if self.gateway.closing then return nil, "ESME_RX_T_APPN" end -- it comes again
  local done, outcome, status = relay.receipt(self.gateway, carrier, pdu)
  if done then spend(pdu) end -- what is kept of it are other octets
  if done or status then return done, status end
  if outcome then return settle(self, carrier, outcome, pdu) end
  if receipts.is(pdu, carrier.receipt_options) then return self:receipt(carrier, pdu) end
  return self:message(carrier, pdu)
end

local EARLY_S = 8 -- how long the answer to a receipt waits for the submit_sm_resp that it overtook, with a store

--- Settles receipts that came before the response of their message.
---@async
---@param carrier smpp.Carrier
---@param outcomes smpp.Outcome[]?
function Receiving:outcomes(carrier, outcomes)
  for _, outcome in ipairs(outcomes or {}) do
    local ok, status = settle(self, carrier, outcome)
    local octets = outcome.receipt and outcome.receipt.octets
    local waits = octets and self.early[octets]
    if waits then
      self.early[octets] = nil
      waits.ok, waits.status = ok, status
      task.wake_for(waits.token, waits)
    end
  end
end

--- Waits until a receipt that came before the response of its message is stored; after EARLY_S it is refused, and the carrier sends it
--- again.
---@async
local function wait_for_response(self, octets)
  local timer
  local waits = { token = task.need(), ok = nil, status = "ESME_RX_T_APPN" }
  timer = self.gateway.loop:timer(function()
    self.early[octets] = nil
    task.wake_for(waits.token, waits)
  end)
  timer:start(EARLY_S)
  self.early[octets] = waits
  task.wait(waits)
  timer:close()
  return waits.ok, waits.status
end

--- A receipt whose id was found in the store.
---@async
local function settle_shared(self, carrier, receipt, pdu, id, message)
  local part = id.part
  if id.of then
    return self.gateway.through:receipt(carrier, receipt, id, message, function(record)
      return is_wanted(record, receipt) and for_customer(record, receipt, pdu) or nil
    end)
  end
  if not message then return true end
  if stores.is_final(message.state) then return self.gateway.books:is_final(id.message) end -- it came before
  local handle = gateway_ids.handle_of(message, assert(codec.decode(message.octets)))
  local parts = message.parts or 1
  return settle(self, carrier, {
    kind = not receipt.final and "intermediate" or parts > 1 and "part" or "result", handle = handle, part = part or 1, parts = parts,
    receipt = receipt, kept = message,
  }, pdu)
end

local LOOK_S = 0.2       -- between looks for an id that may be written soon
local STRANGERS = 10000  -- ids that no node knows and that are remembered
local STRANGER_S = 3600

--- Is the id of a receipt one that no node will know?  Until a node that has sent the message would have written it, or would have lost
--- its leases, it may be: the receipt is refused, and the carrier sends it again.
local function is_strange(self, carrier, receipt)
  local gateway, key = self.gateway, ("%s\0%s"):format(carrier.name, receipt.id or "")
  local now = gateway.loop:now()
  self.strangers = self.strangers or core.map.new(STRANGERS, STRANGER_S, gateway.loop:random_octets(8))
  while self.strangers:expire(now) do end
  local _, since = self.strangers:get(key)
  if not since then return not self.strangers:put(key, 1, now) end
  return now >= since + (gateway.nodes and gateway.nodes.lease_s or 0) + EARLY_S
end

--- A receipt, where nodes share the store: it may be of a message that another node has sent.
---@async
local function shared_receipt(self, carrier, receipt, pdu)
  local gateway = self.gateway
  local queues, till = gateway.books.waiting.parked, gateway.loop:now() + EARLY_S
  while true do
    local id, message = queues:resolve(carrier, receipt)
    if id == false then return nil, "ESME_RX_T_APPN" end
    if id then return settle_shared(self, carrier, receipt, pdu, id, message) end
    local held = gateway.books:claim_held(carrier, receipt)
    if held then
      local record = gateway_ids.read_handle(gateway_ids.handle_of(held, (assert(codec.decode(held.octets)))))
      record.kept = held
      return gateway.books:receipt(held.key, record, receipt, is_wanted(record, receipt) and for_customer(record, receipt, pdu) or nil)
    end
    if carrier.outstanding == 0 and queues.saving == 0 and not gateway:has_others() or is_strange(self, carrier, receipt) then
      self:unknown(carrier, receipt)
      return true
    end
    if gateway.loop:now() >= till or gateway.closing then return nil, "ESME_RX_T_APPN" end
    gateway.books:sleep(LOOK_S)
  end
end

---@private
function Receiving:receipt(carrier, pdu)
  local gateway = self.gateway
  local receipt, message = receipts.parse(pdu, carrier.receipt_options)
  if not receipt or not receipt.state then
    gateway:log("warn", "malformed_receipt", { carrier = carrier.name, reason = message or "without a state" })
    return true
  end
  if gateway.books and gateway.books.is_shared then return shared_receipt(self, carrier, receipt, pdu) end
  receipt.octets = pdu:octets() -- stays with a receipt that comes before its response
  local now = gateway.loop:now()
  local outcome = carrier.tracker:receipt(receipt, now, carrier.outstanding == 0)
  gateway:arm(carrier)
  local held = not outcome and gateway.books and gateway.books.waiting:claim(carrier, receipt)
  if held then
    local record = gateway_ids.read_handle(gateway_ids.handle_of(held.record, held.msg and held.msg.pdu or codec.decode(held.record.octets)))
    return gateway.books:settle_held(held, receipt, is_wanted(record, receipt) and for_customer(record, receipt, pdu) or nil)
  end
  if not outcome and gateway.books then
    if not gateway.books.restored then return nil, "ESME_RX_T_APPN" end -- perhaps of a message of an earlier run
    if carrier.outstanding > 0 then return wait_for_response(self, receipt.octets) end
  end
  if not outcome then
    if carrier.outstanding == 0 and not carrier.tracker:next_expiry() then self:unknown(carrier, receipt) end
    return true
  end
  return settle(self, carrier, outcome, pdu)
end

--- Logs and counts a receipt of an unknown message_id.
function Receiving:unknown(carrier, receipt)
  self.gateway:count("unknown_receipts", carrier.name)
  figures.receipts:add(1, carrier.name, "unknown")
  self.gateway:log("warn", "unknown_receipt", { carrier = carrier.name, id = receipt.id, state = receipt.state })
end

--- No receipt of a message has come in time: the customer gets one with the state UNKNOWN, if it asked for receipts; false: not now.
---@async
local function forget(self, handle)
  local gateway, record = self.gateway, gateway_ids.read_handle(handle)
  local with_receipt = gateway.settings.unknown_receipts
  if record.books ~= "" and gateway.books then return gateway.books:forgotten(record.books, with_receipt) end
  local of_http = gateway.http and gateway.http.book:receipt(record.id, { final = true, state = "UNKNOWN", err = "" })
  if of_http or not with_receipt or not receipts.wanted(record.registered_delivery, "UNKNOWN") then return true end
  local _, fields = receipts.write { id = record.id, state = "UNKNOWN", submitted = record.submitted, done = gateway.loop:time(), submit = record }
  local ok, _, code = gateway:deliver_stored(record.account, fields)
  return ok or code == "bad_value" -- the account is gone
end

--- Gives up what a carrier's tracker has waited for too long.
---@async
---@param carrier smpp.Carrier
function Receiving:expire(carrier)
  local late = {} -- handles of messages whose end could not be written: next time
  for _, handle in ipairs(carrier.late) do
    if not forget(self, handle) then late[#late + 1] = handle end
  end
  for _, outcome in ipairs(carrier.tracker:expire(self.gateway.loop:now())) do
    if outcome.kind == "unclaimed" then
      self:unknown(carrier, outcome.receipt)
    elseif outcome.kind ~= "expired" then
      settle(self, carrier, outcome)
    else
      self.gateway:log("warn", "no_receipt", { carrier = carrier.name, id = gateway_ids.read_handle(outcome.handle).id })
      if not forget(self, outcome.handle) then late[#late + 1] = outcome.handle end
    end
  end
  carrier.late = late
end

-- ---- messages ----

local function reply(self, carrier, msg, words)
  task.start(self.sink, function()
    local sent, message, code = carrier.client:send {
      from = { addr = msg.to, ton = msg.to_ton, npi = msg.pdu.dest_addr_npi },
      to = { addr = msg.from, ton = msg.from_ton, npi = msg.pdu.source_addr_npi }, text = words,
    }
    if not sent then self.gateway:log("warn", "reply_failed", { carrier = carrier.name, reason = message, code = code }) end
  end)
end

--- An incoming message in the form of an account: octets are copied, unless its alphabet is another one, or a rule asks for it.
local function views_for(self, carrier, msg, account, view)
  local peer = self.gateway:peer_text(account) or NONE
  if not (msg.long or msg.encoding or peer.default_alphabet or peer.data_codings) then return { view } end
  local views, why = form.views(view, carrier.peer_text, {
    default_alphabet = peer.default_alphabet, data_codings = peer.data_codings, long = msg.long, encoding = msg.encoding,
  }, function() return self.gateway.references:next(msg.from) end)
  if views == false then self.gateway:log("warn", "not_converted", { account = account, carrier = carrier.name, reason = why }) end
  return views or { view }
end

---@private
function Receiving:message(carrier, pdu)
  local gateway = self.gateway
  local msg = route.message { carrier = carrier.name, pdu = pdu, peer_text = carrier.peer_text, from = nil, from_ton = nil, to = nil, to_ton = nil }
  local detector = gateway.incoming_loops
  if gateway:is_loop(detector, msg, "carrier") then return nil, "ESME_RX_P_APPN" end
  local decision = gateway.incoming:decide(msg, gateway:route_state())
  if gateway.limits and msg.is_uncounted then return nil, "ESME_RX_T_APPN" end -- a rate that could not be asked
  local view = pdu
  if msg.changes then
    local message
    view, message = pdu:with(msg.changes)
    if not view then
      gateway:log("warn", "not_delivered", { carrier = carrier.name, reason = message })
      return nil, "ESME_RX_T_APPN"
    end
  end
  for _, account in ipairs(msg.copies or {}) do gateway:deliver_stored(account, view) end
  local action = decision.action
  gateway:count("incoming", carrier.name)
  figures.incoming:add(1, carrier.name)
  if action == "deliver" then
    if detector then detector:pass(msg, carrier.name, false) end
    local of_http = gateway.http
    if of_http and of_http.webhooks:takes_messages(decision.deliver) then
      if of_http.incoming:take(decision.deliver, carrier, view) then return true end
      return nil, "ESME_RX_T_APPN"
    end
    local ok, message, code
    for _, one in ipairs(views_for(self, carrier, msg, decision.deliver, view)) do
      ok, message, code = gateway:deliver_stored(decision.deliver, one)
      if not ok then break end
    end
    if ok then return true end
    gateway:log("warn", "not_delivered", { account = decision.deliver, carrier = carrier.name, reason = message })
    return nil, code == "bad_value" and "ESME_RX_P_APPN" or "ESME_RX_T_APPN"
  elseif action == "reply" then
    reply(self, carrier, msg, decision.reply)
    return true
  elseif action == "drop" then
    return true
  end
  if not decision.line then
    gateway:log("info", "unmatched", { carrier = carrier.name, from = gateway.show(msg.from), to = gateway.show(msg.to) })
  end
  return nil, tonumber(decision.reject) or decision.reject
end

return receiving
