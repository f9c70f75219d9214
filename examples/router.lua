-- Customers bind here; their messages go to the first carrier, or to the second if the first cannot accept them.  Receipts are
-- returned to the customer.  Carriers for a test: smpp sim --port 2776, smpp sim --port 2777
local smpp = require "smpp"

local URLS = { arg[1] or "smpp://router:secret@localhost:2776", arg[2] or "smpp://router:secret@localhost:2777" }

-- After these codes the other carrier is tried.  Not after a timeout: the message may have been accepted, and would be sent twice.
local TRY_NEXT = { not_sent = true, queue_full = true, closed = true, ESME_RTHROTTLED = true, ESME_RMSGQFUL = true, ESME_RSYSERR = true }

smpp.run(function()
  local carriers, mc = {}, nil -- a carrier: its client, and a tracker of the messages it accepted; their handle is the customer
  local function deliver(outcomes)
    for _, outcome in ipairs(outcomes or {}) do
      if outcome.receipt then assert(mc:deliver(outcome.handle, smpp.decode(outcome.receipt.octets):totable())) end
    end
  end
  mc = assert(smpp.server { accounts = { acme = "secret", bank = "hidden" }, submit_sm = function(session, pdu)
    local failure = "ESME_RSYSERR"
    for _, carrier in ipairs(carriers) do
      local response, _, code = nil, nil, "not_sent"
      if carrier.client and carrier.client.state == "bound" then response, _, code = carrier.client:submit_sm(pdu, 5) end
      if response then -- its receipt may have been received already
        deliver(carrier.tracker:accepted(session.system_id, 1, response.message_id, os.time(), pdu.destination_addr))
        deliver(carrier.tracker:expire(os.time()))
        return response.message_id
      end
      if code:find "^ESME_" then failure = code end
      if not TRY_NEXT[code] then break end
    end
    return nil, failure
  end })
  for i, url in ipairs(URLS) do
    carriers[i] = { tracker = smpp.tracker() }
    smpp.connect({ url, wait = true, receipt = function(receipt)
      local parsed = assert(smpp.receipt.parse(receipt.pdu))
      parsed.octets = receipt.pdu:octets() -- kept with a receipt that precedes its response
      deliver { carriers[i].tracker:receipt(parsed, os.time()) } -- acknowledged when this returns; after an error the carrier sends it again
    end }, function(client) carriers[i].client = client end)
  end
end)
