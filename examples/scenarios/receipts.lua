-- Delivery receipts that come late, early, twice, or never.
local scenario = require "smpp.scenario"

local function receipt(session, id, stat)
  return session:send("deliver_sm", {
    source_addr = "491761234567", esm_class = 4,
    short_message = ("id:%s sub:001 dlvrd:001 submit date:2401010000 done date:2401010001 stat:%s err:000 text:Hello"):format(id, stat),
  })
end

local function sender(t)
  local smsc = t:smsc()
  local esme = t:esme { smsc, "acme:secret" }
  local session = smsc:bound()
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello", receipt = true } end)
  return smsc, session, sent
end

scenario("late: the message is still known", function(t)
  local smsc, session, sent = sender(t)
  smsc:expect("submit_sm", { registered_delivery = scenario.bits(1) }):answer { message_id = "7" }
  t:pause(t.clock == "virtual" and 2 * 86400 or 0.2)
  local state = t:go(function() return sent:result():receipt(5).state end)
  receipt(session, "7", "DELIVRD"):expect "ESME_ROK"
  t:equal(state:result(), "DELIVERED")
end)

scenario("early: before the response to the submit", function(t)
  local smsc, session, sent = sender(t)
  local submit = smsc:expect "submit_sm"
  receipt(session, "7", "DELIVRD")
  t:pause(0.1)
  submit:answer { message_id = "7" }
  t:equal(sent:result():receipt(5).state, "DELIVERED")
end)

scenario("twice: acknowledged twice, reported as it is", function(t)
  local smsc, session, sent = sender(t)
  smsc:expect("submit_sm"):answer { message_id = "7" }
  local state = t:go(function() return sent:result():receipt(5).state end)
  receipt(session, "7", "UNDELIV"):expect "ESME_ROK"
  receipt(session, "7", "UNDELIV"):expect "ESME_ROK"
  t:equal(state:result(), "UNDELIVERABLE")
end)

scenario("never: the wait ends, and the outcome stays open", function(t)
  local smsc, _, sent = sender(t)
  smsc:expect("submit_sm"):answer { message_id = "7" }
  local result = t:go(function() return select(3, sent:result():receipt(0.5)) end)
  t:equal(result:result(), "timeout")
end)

scenario("hexadecimal: an id in the response, the same in decimal in the receipt", function(t)
  local smsc = t:smsc()
  local esme = t:esme { smsc, "acme:secret", id_base = "dec" }
  local session = smsc:bound()
  local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello", receipt = true } end)
  smsc:expect("submit_sm"):answer { message_id = "1A2B3C" }
  local state = t:go(function() return sent:result():receipt(5).state end)
  receipt(session, ("%010d"):format(0x1A2B3C), "DELIVRD"):expect "ESME_ROK"
  t:equal(state:result(), "DELIVERED")
end)
