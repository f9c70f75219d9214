-- The message centre is restarted at three in the morning.
local scenario = require "smpp.scenario"

scenario("an SMSC restart at 3 AM: the client comes back by itself, and what was queued goes out", { clock = "virtual" }, function(t)
  local smsc = t:smsc { accounts = { acme = "secret" }, bind = true }
  local esme = t:esme { smsc, "acme:secret", enquire_link_s = 30 }
  t:check(esme:connected())
  t:pause(3 * 3600)                                          -- 2024-01-01T03:00:00Z
  smsc:session():send("unbind"):expect "ESME_ROK"            -- an orderly restart begins with an unbind
  smsc:session():close()
  smsc:stop()
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "in the night" } end)
  t:pause(600)
  smsc:start()
  smsc:expect("submit_sm", { short_message = "in the night" }, { within_s = 120 }):answer { message_id = "1" }
  t:equal(sent:result().message_id, "1")
end)

scenario("a restart without a word: connections are reset", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "acme:secret", reconnect = { min_s = 0.1 } }
  t:check(esme:connected())
  smsc:stop()
  t:pause(0.3)
  smsc:start()
  t:equal(smsc:session(2, 10).number, 2)
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "again" } end)
  smsc:expect("submit_sm", { within_s = 10 }):answer { message_id = "2" }
  t:equal(sent:result().message_id, "2")
end)
