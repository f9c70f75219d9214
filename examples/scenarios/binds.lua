-- Binds: accepted, refused, unanswered, and one too many.
local scenario = require "smpp.scenario"

scenario("a bind with a wrong password is refused, and not tried again at once", function(t)
  local smsc = t:smsc { accounts = { acme = "secret" } }
  local esme = t:esme { smsc, "acme:wrong", reconnect = false }
  smsc:expect("bind_transceiver", { system_id = "acme", password = "wrong" }):answer() -- as the accounts say
  local ok, _, code = esme:connected()
  t:equal({ ok, code }, { nil, "ESME_RINVPASWD" })
  smsc:never("bind_transceiver", { for_s = 0.5 })
end)

scenario("a carrier without transceivers gets a transmitter and a receiver", function(t)
  local smsc = t:smsc()
  local esme = t:esme { smsc, "acme:secret", fallback = true }
  smsc:expect("bind_transceiver"):answer "ESME_RINVCMDID"
  smsc:expect_all { { "bind_transmitter" }, { "bind_receiver" }, answer = true }
  t:check(esme:connected())
end)

scenario("a bind that is not answered is given up in time", function(t)
  local smsc = t:smsc()
  local esme = t:esme { smsc, "acme:secret", bind_timeout_s = 0.5, reconnect = false }
  smsc:expect "bind_transceiver"
  local _, _, code = esme:connected()
  t:equal(code, "timeout")
end)

scenario("a second bind of an account that may have one is refused", function(t)
  local sim = t:sim { accounts = { acme = { password = "secret", max_binds = 1 } } }
  t:check(t:esme({ sim, "acme:secret" }):connected())
  local _, _, code = t:esme({ sim, "acme:secret", reconnect = false }):connected()
  t:equal(code, "ESME_RALYBND")
end)
