-- A carrier that cannot keep up.
local scenario = require "smpp.scenario"

scenario("a throttled sender slows down and loses nothing", function(t)
  local smsc = t:smsc { accounts = { acme = "secret" } }
  local esme = t:esme { smsc, "acme:secret", window = 5 }
  smsc:expect("bind_transceiver", { system_id = "acme" }):answer()
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello" } end)
  smsc:expect("submit_sm", { destination_addr = "491761234567" }, { within_s = 1 }):answer "ESME_RTHROTTLED"
  smsc:never("submit_sm", { for_s = 0.5 })
  smsc:expect("submit_sm", { short_message = scenario.text "Hello" }, { within_s = 5 }):answer { message_id = "1" }
  t:equal(sent:result().message_id, "1")
end)

scenario("a full queue at the carrier is no reason to give a message up", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "acme:secret", retry = { max_s = 0.3 } }
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello" } end)
  smsc:expect("submit_sm", { times = 2, answer = "ESME_RMSGQFUL" })
  smsc:expect("submit_sm"):answer { message_id = "at last" }
  t:equal(sent:result().message_id, "at last")
end)

scenario("the window is kept: no request more than it allows", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "acme:secret", window = 3 }
  for i = 1, 5 do t:go(function() esme:send { to = ("+49176123456%d"):format(i), text = "Hello" } end) end
  local first = smsc:expect("submit_sm", { times = 3 })
  smsc:never("submit_sm", { for_s = 0.3 })
  for _, arrival in ipairs(first) do arrival:answer() end
  smsc:expect("submit_sm", { times = 2, answer = true })
end)

scenario("no answer is not a refusal: the outcome is unknown, and nothing is sent twice", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "acme:secret", response_timeout_s = 0.5 }
  local sent = t:go(function() return select(3, esme:send { to = "+491761234567", text = "Hello" }) end)
  smsc:expect "submit_sm"
  smsc:never("submit_sm", { for_s = 1 })
  t:equal(sent:result(), "timeout")
end)
