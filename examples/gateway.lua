-- A gateway's file: customers bind to port 2775, two carriers take their messages.  Start carriers and gateway in three terminals:
--   smpp sim --port 2776        smpp sim --port 2777        smpp gateway examples/gateway.lua
-- and send: smpp send smpp://acme:secret@localhost --from Shop --to +4915112345678 --receipt --wait 5 "Hello"
listen { port = 2775, accounts = { acme = "secret", bank = { password = "hidden", rate_per_s = 100 } } }

carrier "telco_a" { "smpp://gateway:secret@localhost:2776", window = 50, cost = 1 }
carrier "telco_b" { "smpp://gateway:secret@localhost:2777", window = 50, cost = 0.8 }

route { text = "^PROMO", between = "20:00-08:00", reject = "ESME_RX_R_APPN" } -- no advertising at night
route { from = alphanumeric(), to = prefix "1", set = { source_addr = "12345", source_addr_ton = 3 } } -- not allowed there
route { to = prefix { "4915", "4916" }, via = failover { "telco_a", "telco_b" } }
route { to = international(), via = cheapest { "telco_a", "telco_b" } } -- all else: ESME_RINVDSTADR

incoming { text = keyword "STOP", reply = "You will get no more messages." }
incoming { deliver = "acme" }
