--- Cases: delivery receipts.
local receipts = require "smpp.receipt"

--- Submits a message that asks for a receipt on a transceiver, and waits for the receipt.
local function receipt_of(c)
  local esme = c:bind "trx"
  local sent = c:answer_of(esme, "submit_sm", c:message { registered_delivery = 1 })
  c:expect_status(sent, "ESME_ROK")
  local pdu = c:receipt(esme, sent.message_id)
  return pdu, sent, esme
end

return function(case)
  local o = { submits = 1, receipts = true, optional = true }
  case("receipt.arrives", "3.4 5.2.17", "MUST",
    "A receipt that was asked for is what the ESME bills and reports by.", o, function(c) receipt_of(c) end)
  case("receipt.esm_class", "3.4 5.2.12", "MUST", "Only esm_class tells a receipt from a message of a phone.", o, function(c)
    local pdu = receipt_of(c)
    c.t:check(pdu.esm_class % 64 - pdu.esm_class % 4 == 4, ("esm_class is 0x%02X"):format(pdu.esm_class))
  end)
  case("receipt.readable", "3.4 Appendix B", "SHOULD",
    "The text of receipts is vendor's own; this form is what everybody reads.", o, function(c)
    local receipt = receipts.parse((receipt_of(c)))
    c.t:check(receipt and receipt.state, "neither text nor TLVs say a state")
  end)
  case("receipt.final_state", "3.4 5.2.28", "SHOULD", "A final receipt says a final state.", o, function(c)
    local receipt = receipts.parse((receipt_of(c)))
    c.t:check(receipt and receipt.final ~= false, "the state is not final")
  end)
  case("receipt.receipted_message_id", "3.4 5.3.2.12", "SHOULD", "The TLV gives the id without reading a text.", o, function(c)
    local pdu, sent = receipt_of(c)
    c.t:equal(pdu.receipted_message_id, sent.message_id)
  end)
  case("receipt.message_state", "3.4 5.3.2.35", "SHOULD", "The TLV gives the state without reading a text.", o, function(c)
    c.t:check(receipt_of(c).message_state ~= nil, "message_state is missing")
  end)
  case("receipt.addresses", "3.4 Appendix B", "SHOULD", "A receipt comes from the destination and goes to the source.", o, function(c)
    local pdu = receipt_of(c)
    c.t:equal(pdu.source_addr, c:message({}).destination_addr)
  end)
  case("receipt.once", "3.4 4.6", "SHOULD", "A receipt that was acknowledged must not come again.", o, function(c)
    local _, sent, esme = receipt_of(c)
    c:no_receipt(esme, sent.message_id, 1)
  end)
  case("receipt.not_asked_for", "3.4 5.2.17", "MUST", "Who did not ask must not get one: it costs, and confuses.", o, function(c)
    local esme = c:bind "trx"
    local sent = c:answer_of(esme, "submit_sm", c:message { registered_delivery = 0 })
    c:expect_status(sent, "ESME_ROK")
    c:no_receipt(esme, sent.message_id, math.min(3, c.receipt_wait_s))
  end)
  case("receipt.not_to_a_transmitter", "3.4 2.3", "MUST",
    "A transmitter does not receive: its ESME may not know what to do with a deliver_sm.", o, function(c)
    local esme = c:bind "tx"
    local sent = c:answer_of(esme, "submit_sm", c:message { registered_delivery = 1 })
    c:expect_status(sent, "ESME_ROK")
    c:no_receipt(esme, sent.message_id, math.min(3, c.receipt_wait_s))
  end)
end
