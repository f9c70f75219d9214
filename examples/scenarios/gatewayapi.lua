-- A client and GatewayAPI's SMPP service, as the simulator plays it (docs/profiles.md).
local scenario = require "smpp.scenario"

local function service(t, o)
  o = o or {}
  o.behaviour, o.accounts = "gatewayapi", { smppclient1 = "password" }
  local sim = t:sim(o)
  local esme = t:esme { sim, "smppclient1:password", profile = "gatewayapi" }
  return sim, esme
end

scenario("a message and its receipt", function(t)
  local _, esme = service(t, { deliver_after_s = 0.1 })
  local sent = t:check(esme:send { from = "TestApp", to = "+4561234567", text = "Hello World! 👋", receipt = true })
  t:equal(sent:receipt(10).state, "DELIVERED")
end)

scenario("a message that is not delivered says why", function(t)
  local _, esme = service(t, { deliver_after_s = 0.1, outcomes = { UNDELIVERABLE = 1 }, error_codes = { UNDELIVERABLE = 126 } })
  local sent = t:check(esme:send { from = "TestApp", to = "+4561234567", text = "Hello", receipt = true })
  local receipt = sent:receipt(10)
  t:equal({ receipt.state, receipt.err }, { "UNDELIVERABLE", "126" })
end)

scenario("a message of a phone reaches the client as one text", function(t)
  local sim, esme = service(t)
  local got = {}
  esme:on("message", function(message) table.insert(got, message.text) end)
  t:check(esme:connected())
  local text = ("a long answer "):rep(20)
  t:check(sim:deliver { from = "4561234567", to = "1204", text = text, system_id = "smppclient1" })
  t:pause(0.2)
  t:equal(got, { text })
end)
