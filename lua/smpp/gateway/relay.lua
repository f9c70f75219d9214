--- The usual receipt on its way from a carrier to a customer: a final one in the usual form, of a message in one piece, once the carrier's
--- way of writing ids is certain.  C finds the message, and writes the customer's deliver_sm; all else is for smpp.gateway.receiving.
local core = require "smpp.core"
local figures = require "smpp.gateway.figures"
local receipts = require "smpp.receipt"
local stores = require "smpp.store"

local relay = {}

local read, rewrite = core.receipt.read, core.relay.receipt

-- Options of receipts with which nothing is usual.
local SHAPING = { "encoding", "states", "final", "err_rule", "read", "untyped" }

--- Do these options say that receipts are in the usual form?
---@param o smpp.ReceiptOptions
---@return boolean
function relay.is_usual(o)
  for _, name in ipairs(SHAPING) do
    if o[name] then return false end
  end
  return o.default_alphabet == nil or o.default_alphabet == "gsm7"
end

--- The outcome of a message whose handle has been taken from the tracker.
local function outcome_of(carrier, handle, pdu)
  local receipt = assert(receipts.parse(pdu, carrier.receipt_options))
  return { kind = "result", handle = handle, part = 1, parts = 1, state = receipt.state, err = receipt.err, receipt = receipt }
end

local NONE = {}
local WAITED = { "sending", "held" }

--- Makes a stored message final, with the receipt for its customer, as smpp.gateway.ending does, but without reading the message.
---@async
---@return boolean? ok
---@return string? status  for the carrier
local function finish(gateway, key, outbound, account, octets, state, err)
  local books, set = gateway.books, { state = state, done = gateway.loop:time(), error = err ~= "" and err or nil }
  local entry = books.waiting.entries[key]
  for name, value in pairs(entry and entry.unsaved or NONE) do
    if set[name] == nil then set[name] = value end
  end
  local item = outbound:draft_delivery(account, octets, state)
  local ok, words, code = stores.commit(books.store, {
    { op = "change", kind = "message", key = key, from = "ENROUTE", set = set, clear = WAITED }, outbound.stored:change(item, octets),
  })
  if ok then
    outbound:queue(item)
    return true
  end
  outbound:discard(item)
  if code == "conflict" then return true end -- it is final already
  gateway:log("warn", "not_delivered", { account = account.system_id, reason = words })
  return nil, "ESME_RX_T_APPN"
end

--- The account of a receipt's octets, if they can be queued for it.
local function receiver_of(gateway, octets, name)
  local server = octets and gateway:server_of(name)
  local account = server and not server.shutdown and server.directory:get(name)
  if account and server.outbound:check_room(account) then return account, server.outbound end
end

local function count(gateway, carrier)
  gateway:count("receipts", carrier.name)
  figures.receipts:add(1, carrier.name, "known")
end

--- Where nodes share the store: a receipt of a message that this node has sent.  The message is not read: the commit is refused if its id is
--- another's by now, or it is final; then the general way finds out what is so.
---@async
---@return boolean? done
---@return string? status  for the carrier
local function share(gateway, carrier, pdu, id, state, err)
  local books = gateway.books
  local handle, guard, rest = books.waiting.parked:finished(carrier, id)
  if not handle then return nil end
  local octets, name, key = rewrite(pdu, handle)
  local account, outbound = receiver_of(gateway, octets, name)
  if not account then return nil end
  local item = outbound:draft_delivery(account, octets, state)
  local ok, words, code = stores.commit(books.store, {
    { op = "change", kind = "message", key = key, from = "ENROUTE", guard = guard, rest = rest,
      set = { state = state, done = books:time(), error = err ~= "" and err or nil } },
    outbound.stored:change(item, octets), patient = true,
  })
  if ok then
    outbound:queue(item)
    count(gateway, carrier)
    return true
  end
  outbound:discard(item)
  if code == "conflict" then return nil end
  gateway:log("warn", "not_delivered", { account = account.system_id, reason = words })
  return nil, "ESME_RX_T_APPN"
end

--- Passes a usual receipt on: true; nil: it is for the general way, with the outcome where the message is known.
---@async
---@param gateway smpp.Gateway
---@param carrier smpp.Carrier
---@param pdu smpp.Pdu
---@return boolean? done
---@return smpp.Outcome? outcome
---@return string? status  nothing is left to do but to refuse it with this
function relay.receipt(gateway, carrier, pdu)
  local books = gateway.books
  local is_shared = books and books.is_shared
  if not carrier.has_usual_receipts or books and books.records then return nil end
  if not is_shared and (gateway.http or books and books.has_unusual) then return nil end -- of shared ones only usual messages are known here
  local id, state, final, _, err = read(pdu)
  if not id or not final then return nil end
  if is_shared then
    local ok, status = share(gateway, carrier, pdu, id, state, err)
    return ok, nil, status
  end
  local handle = carrier.tracker:finished(id, gateway.loop:now())
  if not handle then return nil end
  gateway:arm(carrier)
  local octets, name, key = rewrite(pdu, handle)
  local account, outbound = receiver_of(gateway, octets, name)
  if not account or (key == "") ~= (books == nil) then return nil, outcome_of(carrier, handle, pdu) end
  count(gateway, carrier)
  if books then
    local ok, status = finish(gateway, key, outbound, account, octets, state, err)
    return ok, nil, status
  end
  outbound:put_delivery(account, octets, state)
  return true
end

return relay
