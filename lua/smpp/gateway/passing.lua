--- query_sm, cancel_sm and replace_sm of customers: passed on to the carrier that has the message, under its id.
local stores = require "smpp.store"

local passing = {}

---@class smpp.Passing
local Passing = {}
local mt = { __index = Passing, __name = "smpp.Passing" }

---@param gateway smpp.Gateway
---@return smpp.Passing
function passing.new(gateway) return setmetatable({ gateway = gateway }, mt) end

local FAILURE = { query_sm = "ESME_RQUERYFAIL", cancel_sm = "ESME_RCANCELFAIL", replace_sm = "ESME_RREPLACEFAIL" }

local METHOD = { query_sm = "query", cancel_sm = "cancel", replace_sm = "replace" } -- of the books, for messages that wait there

--- Handlers of smpp.server.
---@return table<string, function>
function Passing:handlers()
  local handlers = {}
  for name in pairs(FAILURE) do handlers[name] = function(session, pdu) return self:pass(session, pdu) end end
  return handlers
end

--- Passes a request on, and its answer back.
---@async
function Passing:pass(session, pdu)
  local gateway, failure = self.gateway, FAILURE[pdu.command]
  if pdu.message_id == "" then return nil, failure end -- by addresses: only a store can find it
  local place = gateway.ids:get(pdu.message_id)
  if not place and gateway.books then
    local record, status = gateway.books:find(session, pdu, failure)
    if status == "ESME_RINVMSGID" and gateway.through then place = gateway.through:place(pdu.message_id) end
    if not record and not place then return nil, status end
    if record and (not record.carrier_id or stores.is_final(record.state)) then
      return gateway.books[METHOD[pdu.command]](gateway.books, record, pdu)
    end
    if record then
      place = {
        account = record.system_id, source = record.source_addr, sent_source = record.sent_source or record.source_addr,
        carrier = record.carrier, carrier_id = record.carrier_id,
      }
    end
  end
  if not place or place.account ~= session.system_id then return nil, "ESME_RINVMSGID" end
  if pdu.source_addr ~= place.source then return nil, failure end
  local carrier = gateway.by_name[place.carrier]
  if not carrier or carrier.closing or not carrier.client:is_ready() then return nil, failure end
  local view = pdu:with { message_id = place.carrier_id, source_addr = place.sent_source }
  if not view then return nil, failure end
  local response, _, code = carrier.client:request(view.command_id, view)
  if not response then return nil, tonumber(code) or code:find "^ESME_" and code or failure end
  if pdu.command ~= "query_sm" then return true end
  return {
    message_id = pdu.message_id, final_date = response.final_date, message_state = response.message_state, error_code = response.error_code,
  }
end

return passing
