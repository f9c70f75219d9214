--- The end of stored messages: their final state, receipts for customers, credit given back, and records, in one commit.
local codec = require "smpp.codec"
local receipts = require "smpp.receipt"
local schema = require "smpp.base.schema"
local stores = require "smpp.store"
local text = require "smpp.text"

local ending = {}

local NONE = {}
local WAITED = { "sending", "held" }
local OVER = { "sending", "held", "octets", "schedule", "admitted" } -- in a store that is in memory
local NOWHERE = { "none" }

local ADDRESSED = { "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi", "destination_addr" }

--- The deliver_sm of a receipt that the gateway writes itself.
local function own_receipt(record, pdu, state, err)
  local submit = {}
  for _, name in ipairs(ADDRESSED) do submit[name] = record[name] or pdu[name] end
  submit.user_message_reference = pdu.user_message_reference
  local _, fields = receipts.write {
    id = record.id, state = state, err = err, submitted = record.submitted, done = record.ended, text = (text.read(pdu)), submit = submit,
  }
  return fields
end

--- Adds the events of messages by HTTP that end, to the same commit; nil: there is no HTTP.
local function tell(http, changes, record, members, state, set, receipt)
  if not http then return nil end
  local told = {}
  local function add(one)
    if one.http_id then told[#told + 1] = { record = one, notice = http.notices:ends(changes, one, state, set, receipt) } end
  end
  add(record)
  for _, member in ipairs(members) do add(member) end
  return told
end

--- Makes a message final, with the receipts for the customer in the same commit: true; nil, message, code "conflict": it is final.
---@async
---@param self smpp.Books
---@param key string
---@param record table
---@param state string
---@param o { err: string?, fields: table|smpp.Pdu|nil, refund: boolean?, set: table?, of: smpp.Receipt? }  fields: of the receipt, nil: the
---  gateway writes one; of: the carrier's receipt that ends it
function ending.finish(self, key, record, state, o)
  local gateway, now = self.gateway, self:time()
  local set, items, count = { state = state, done = now, error = o.err }, {}, 0
  local members = record.members and self.joining:members(record)
  if record.members and not members then return nil, "the store cannot be read", "store_failed" end
  local entry = self.waiting.entries[key]
  for name, value in pairs(entry and entry.unsaved or NONE) do set[name] = value end
  for name, value in pairs(o.set or NONE) do set[name] = value end
  local changes = { { op = "change", kind = "message", key = key, from = o.from or "ENROUTE", guard = o.guard, set = set,
    clear = self.is_shared and OVER or WAITED, place = NOWHERE } }
  local fields = o.fields
  if fields == nil and receipts.wanted(record.registered_delivery or 0, state) and o.receipt ~= false then
    record.ended = now
    fields = own_receipt(record, o.pdu or assert(codec.decode(record.octets)), state, o.err)
  end
  local customer = gateway.customers[record.system_id]
  local charged = o.refund and record.charged or 0
  local server = gateway:server_of(record.system_id)
  local account = server and server.directory:get(record.system_id)
  --- Drafts a receipt for the customer: true; false, message: its queue is full.
  local function draft(receipt)
    local item, octets = server.outbound:draft(account, type(receipt) == "table" and receipt or receipt:totable())
    if not item then return false, octets end
    local change, copy = server.outbound.stored:change(item, octets), {}
    for name, value in pairs(change.record) do copy[name] = value end
    changes[#changes + 1] = { op = "add", kind = "outbound", record = copy, place = change.place and schema.merge(change.place) }
    count = count + 1
    items[count] = item
    return true
  end
  local drafted, full = true, nil
  if fields and account and not record.http_id then drafted, full = draft(fields) end -- binds get no receipts of what came by HTTP
  for _, member in ipairs(members or NONE) do -- parts that were joined with it end as it does
    changes[#changes + 1] = { op = "change", kind = "message", key = member.key, from = "ENROUTE", set = {
      state = state, done = now, error = o.err, carrier = set.carrier or record.carrier, carrier_id = set.carrier_id or record.carrier_id,
    }, clear = self.is_shared and OVER or nil, place = NOWHERE }
    charged = charged + (o.refund and member.charged or 0)
    member.ended = now
    local wants = account and not member.http_id and o.receipt ~= false and receipts.wanted(member.registered_delivery or 0, state)
    if drafted and wants then drafted, full = draft(own_receipt(member, assert(codec.decode(member.octets)), state, o.err)) end
  end
  charged = charged > 0 and customer and customer.balance and charged or nil
  if charged then self.counters:refund(record.system_id, charged, changes) end
  local ok, words, code = drafted, full, "queue_full"
  if drafted then
    local told = tell(gateway.http, changes, record, members or NONE, state, set, o.of)
    changes.patient = true
    ok, words, code = stores.commit(self.store, changes)
    for _, one in ipairs(told or NONE) do gateway.http.notices:ended(one.record, one.notice, ok) end
  end
  if not ok then
    for i = 1, count do server.outbound:discard(items[i]) end
    if charged then self.counters:unrefund(record.system_id, charged) end
    return nil, words, code
  end
  for i = 1, count do server.outbound:queue(items[i]) end
  if self.records then
    self.records:write(now, record, state, o)
    for _, member in ipairs(members or NONE) do
      member.carrier, member.carrier_id = set.carrier or record.carrier, set.carrier_id or record.carrier_id
      self.records:write(now, member, state, { err = o.err, refund = o.refund })
    end
  end
  return true
end

return ending
