--- Messages that pass through (`through = true`) where nodes share the store: the engine has what query_sm and receipts need, so that any node
--- finds the customer and the carrier of a message that another has sent.
---
--- Two records of the kind `id`: under our id what is known of the message, with the state ENROUTE until its receipt has come; under the id
--- that the carrier gave the message, or a part of it, the key of the first.
local gateway_ids = require "smpp.gateway.ids"
local figures = require "smpp.gateway.figures"
local receipts = require "smpp.receipt"
local sending = require "smpp.gateway.sending"
local stores = require "smpp.store"

local through = {}

---@class smpp.Through
local Through = {}
local mt = { __index = Through, __name = "smpp.Through" }

local KEPT_S = 60 -- in which the record of a message by HTTP is written, after a carrier has taken it

---@param gateway smpp.Gateway  with a store that nodes share
---@return smpp.Through
function through.new(gateway)
  return setmetatable({ gateway = gateway, books = gateway.books, store = gateway.store, queues = gateway.books.waiting.parked }, mt)
end

local function key_of(id) return "\0" .. id end -- no carrier has an empty name

--- The key of a message.
---@param id string
---@param destination { destination_addr: string }|false|nil  of those of a submit_multi
---@return string
function through.key(id, destination) return destination and ("%s/%s"):format(id, destination.destination_addr) or id end

--- May messages pass?  With the engine away their receipts would be lost.
---@async
---@return boolean
function Through:is_open()
  self.books:wait_for_life()
  local node = self.gateway.node
  return self.store.run ~= nil and not (node and node:is_away())
end

--- Commits until the engine has it; waits for that, but not long: the carrier has the message, and its answer has to go.
---@async
local function commit(self, changes)
  local queues = self.queues
  self.books:within_call(function()
    queues.saving = queues.saving + 1
    self.books:commit(changes)
    queues.saving = queues.saving - 1
  end)
end

--- A carrier has taken a message, or a part of one.
---@async
---@param carrier smpp.Carrier
---@param carrier_id string
---@param o { key: string, handle: string, wants: boolean, part: integer?, parts: integer?, sent_source: string?, http_id: string? }
function Through:taken(carrier, carrier_id, o)
  local changes, key, part = {}, key_of(o.key), o.part or 1
  if part == 1 then
    changes[1] = { op = "add", kind = "id", replaces = true, record = {
      key = key, handle = o.handle, state = o.wants and "ENROUTE" or nil, parts = o.parts, carrier = carrier.name, carrier_id = carrier_id,
      sent_source = o.sent_source, http_id = o.http_id, since = self.books:time(),
    } }
  end
  if o.wants then changes[#changes + 1] = self.queues:id_change(carrier, carrier_id, { of = key, part = o.part }) end
  if changes[1] then commit(self, changes) end
end

--- The carrier has taken some parts of a message, and not all: the customer was told that it failed, and gets no receipt.
---@async
---@param key string  as of `taken`
function Through:failed(key)
  commit(self, { { op = "change", kind = "id", key = key_of(key), from = "ENROUTE", set = { state = "REJECTED" } } })
end

--- Where a message is; nil: it is not known, or the engine is away.
---@async
---@param id string
---@return { carrier: string, carrier_id: string, account: string, source: string, sent_source: string }?
function Through:place(id)
  local known = stores.get(self.store, "id", key_of(id))
  if not known then return nil end
  local record = gateway_ids.read_handle(known.handle)
  return {
    carrier = known.carrier, carrier_id = known.carrier_id, account = record.account, source = record.source_addr,
    sent_source = known.sent_source or record.source_addr,
  }
end

--- Commits that a message has its final state, with its receipt for the customer; once, however many nodes get receipts for it.
---@async
---@return boolean? ok
---@return string? status  for the carrier
---@return boolean? is_first  it was not final
local function finish(self, known, record, state, fields)
  local gateway = self.gateway
  local changes = { patient = true, { op = "change", kind = "id", key = known.key, from = "ENROUTE", set = { state = state } } }
  local server = fields and gateway:server_of(record.account)
  local account = server and server.directory:get(record.account)
  local item, octets
  if account then
    item, octets = server.outbound:draft(account, type(fields) == "table" and fields or fields:totable())
    changes[2] = item and server.outbound.stored:change(item, octets)
  end
  local ok, words, code = not account or item ~= nil, octets, "queue_full"
  if ok then
    ok, words, code = stores.commit(self.store, changes)
    if not ok and item then server.outbound:discard(item) end
  end
  if ok and item then server.outbound:queue(item) end
  if ok or code == "conflict" then return true, nil, ok end
  gateway:log("warn", "not_delivered", { account = record.account, id = record.id, reason = words })
  return nil, "ESME_RX_T_APPN"
end

--- A receipt of a message by HTTP, whose record is in the store a moment after its carrier has taken it: true; nil and the status for the carrier.
---@async
local function for_http(self, known, record, receipt)
  local told = self.gateway.http.book:shared_receipt(known.http_id, record.id, receipt)
  if not told and self.books:time() < known.since + KEPT_S then return nil, "ESME_RX_T_APPN" end
  if receipt.final then return finish(self, known, record, receipt.state) end
  return true
end

--- A receipt whose id was found.
---@async
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@param id table      the record of the carrier's id
---@param known table?  that of the message
---@param fields fun(record: table): table|smpp.Pdu|nil  the receipt for the customer; nil: it wants none
---@return boolean? ok
---@return string? status  for the carrier
function Through:receipt(carrier, receipt, id, known, fields)
  if not known then return true end
  if known.state ~= "ENROUTE" then -- it came before: that has to be as safe as a commit
    if stores.settled(self.store, "id", known.key) then return true end
    return nil, "ESME_RX_T_APPN"
  end
  local record, is_cut = gateway_ids.read_handle(known.handle), (known.parts or 1) > 1
  if not receipt.final and is_cut and id.part ~= 1 then return true end -- the customer knows only the whole
  self.gateway:count("receipts", carrier.name)
  figures.receipts:add(1, carrier.name, "known")
  if receipt.final and is_cut and (receipt.state == "DELIVERED" or receipt.state == "ACCEPTED") then
    local is_last = sending.note_part(self.store, "id", known, id.part)
    if is_last == nil then return nil, "ESME_RX_T_APPN" end
    if not is_last then return true end
  end
  if known.http_id and self.gateway.http then return for_http(self, known, record, receipt) end
  if receipt.final then return finish(self, known, record, receipt.state, fields(record)) end
  local one = fields(record)
  local ok, _, code = true, nil, nil
  if one then ok, _, code = self.gateway:deliver_stored(record.account, one) end
  if ok or code == "bad_value" then return true end -- the account is gone
  return nil, "ESME_RX_T_APPN"
end

--- No receipt of a message has come in time.
---@async
---@param key string  of its record
function Through:forget(key)
  local gateway, known = self.gateway, stores.get(self.store, "id", key)
  if not known or known.state ~= "ENROUTE" then return end
  local record, fields = gateway_ids.read_handle(known.handle), nil
  if known.http_id and gateway.http then
    gateway.http.book:shared_receipt(known.http_id, record.id, { final = true, state = "UNKNOWN", err = "" })
  elseif gateway.settings.unknown_receipts and receipts.wanted(record.registered_delivery, "UNKNOWN") then
    fields = select(2, receipts.write { id = record.id, state = "UNKNOWN", submitted = record.submitted, done = self.books:time(), submit = record })
  end
  local _, _, is_first = finish(self, known, record, "UNKNOWN", fields)
  if is_first then gateway:log("warn", "no_receipt", { carrier = known.carrier, id = record.id }) end
end

return through
