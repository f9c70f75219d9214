-- Two hosts of one carrier, and what happens when one goes.
local scenario = require "smpp.scenario"

scenario("the second host takes over when the first refuses", function(t)
  local one, two = t:smsc { bind = true }, t:smsc { bind = true }
  one:stop()
  local esme = t:esme { { one, two }, "acme:secret" }
  t:check(esme:connected())
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello" } end)
  two:expect("submit_sm"):answer { message_id = "two-1" }
  t:equal(sent:result().message_id, "two-1")
end)

scenario("a host that goes while messages are sent: nothing is lost that was not sent, nothing is sent twice", function(t)
  local one, two = t:smsc { bind = true }, t:smsc { bind = true }
  local esme = t:esme { { one, two }, "acme:secret", window = 1 }
  t:check(esme:connected())
  local first = t:go(function() return select(3, esme:send { to = "+491761234567", text = "first" }) end)
  local second = t:go(function() return esme:send { to = "+491761234567", text = "second" } end)
  one:expect("submit_sm", { short_message = "first" })      -- its answer never comes
  one:stop()
  two:expect("submit_sm", { short_message = "second" }, { within_s = 20 }):answer { message_id = "two-1" }
  t:equal({ first:result(), second:result().message_id }, { "connection_lost", "two-1" })
end)

scenario("a network that parts both sides is noticed by enquire_link", { clock = "virtual" }, function(t)
  local smsc = t:smsc { bind = true, unexpected = "ignore" }
  local esme = t:esme { smsc, "acme:secret", enquire_link_s = 10, enquire_link_response_s = 5 }
  t:check(esme:connected())
  t:network { partition = { smsc, esme } }
  t:pause(20)
  t:check(esme.state ~= "bound", "still bound after 20 s without a network")
  t:network {}
  t:pause(120)
  t:equal(esme.state, "bound")
end)
