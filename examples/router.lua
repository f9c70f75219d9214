-- Customers bind here; their messages go to the first carrier, or to the second while the first cannot take them.
-- Receipts find their way back.  Carriers to play with: smpp sim --port 2776, smpp sim --port 2777
local smpp = require "smpp"

local URLS = { arg[1] or "smpp://router:secret@localhost:2776", arg[2] or "smpp://router:secret@localhost:2777" }

-- After these the other carrier may have it: nothing was sent, or it was refused for now.  Not after a timeout:
-- the message may be on its way, and would be there twice.
local TRY_NEXT = { not_sent = true, queue_full = true, closed = true, ESME_RTHROTTLED = true, ESME_RMSGQFUL = true, ESME_RSYSERR = true }

smpp.run(function()
  local carriers, owners = {}, {} -- owners: carrier's number and message_id -> system_id

  local function submit(session, pdu)
    local failure = "ESME_RSYSERR"
    for i, carrier in ipairs(carriers) do
      if carrier.state == "bound" then
        local response, _, code = carrier:submit_sm(pdu, 5)
        if response then
          owners[i .. "/" .. response.message_id] = session.system_id
          return response.message_id
        end
        if not TRY_NEXT[code] then return nil, code:find "^ESME_" and code or "ESME_RSYSERR" end
        failure = code:find "^ESME_" and code or failure
      end
    end
    return nil, failure
  end

  local mc = assert(smpp.server { accounts = { acme = "secret", bank = "hidden" }, submit_sm = submit })
  for i, url in ipairs(URLS) do
    smpp.connect({ url, wait = true, receipt = function(receipt)
      local owner = owners[i .. "/" .. receipt.id]
      if owner then assert(mc:deliver(owner, receipt.pdu:totable())) end
    end }, function(carrier) carriers[i] = carrier end)
  end
end)
