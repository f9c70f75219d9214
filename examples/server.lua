-- A message centre: accounts with limits, and a handler of every message.
local smpp = require "smpp"

local blocked = { ["491700000000"] = true }

smpp.run(function()
  local mc = assert(smpp.server {
    accounts = {
      acme = { password = "secret", window = 50, rate_per_s = 100 },
      bank = { password = "hidden", bind = "trx", max_binds = 2, addresses = { "127.0.0.0/8", "10.0.0.0/8" } },
    },
    submit_sm = function(session, pdu)
      if blocked[pdu.destination_addr] then return nil, "ESME_RINVDSTADR" end
      print(session.system_id .. ": " .. tostring(pdu))
      return nil -- accepted, with a message_id of the server; a string would be the message_id
    end,
  })
  mc:on("session", function(session) print(session.system_id .. " is bound") end)
  mc:on("closed", function(session, reason) print(session.system_id .. " closed: " .. reason) end)
  mc:on("refused", function(_, system_id, status, reason) print(("%q refused: %s, %s"):format(system_id, status, reason)) end)
  print("listening on port " .. mc.port)

  -- A message for an account is queued until one of its receivers has acknowledged it.
  mc:deliver("acme", { source_addr = "491761234567", destination_addr = "12345", short_message = "Hello!" })
end)
