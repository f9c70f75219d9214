-- A gateway in ten lines: customers bind here, their messages go to the first carrier, or to the second if the first cannot take them.
-- Receipts are returned to the customer.  Carriers for a test: smpp sim --port 2776, smpp sim --port 2777; examples/gateway.lua has more.
local smpp = require "smpp"

smpp.run(function()
  assert(smpp.gateway { path = "router", text = [[
    listen { accounts = { acme = "secret", bank = "hidden" } }
    carrier "first" { "smpp://router:secret@localhost:2776" }
    carrier "second" { "smpp://router:secret@localhost:2777" }
    route { via = failover { "first", "second" } }
  ]] })
end)
