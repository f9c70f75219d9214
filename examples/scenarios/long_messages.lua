-- Long messages: parts out, and parts in that come in any order.
local scenario = require "smpp.scenario"

scenario("a long text goes out in parts of one reference, in order", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "acme:secret" }
  local sent = t:go(function() return esme:send { to = "+491761234567", text = ("Ж"):rep(150) } end)
  local parts = smsc:expect("submit_sm", { esm_class = scenario.bits(0x40), data_coding = "ucs2" }, { times = 3, answer = true })
  for i, part in ipairs(parts) do
    t:equal({ part.short_message:byte(1, 3) }, { 5, 0, 3 })
    t:equal({ part.short_message:byte(4, 6) }, { parts[1].short_message:byte(4), 3, i })
  end
  t:equal(#sent:result().message_ids, 3)
end)

scenario("parts that come out of order, and one twice, are one text", function(t)
  local smsc, texts = t:smsc(), {}
  local esme = t:esme { smsc, "acme:secret" }
  esme:on("message", function(message) table.insert(texts, message.text) end)
  local session = smsc:bound()
  local words = { "one ", "two ", "three" }
  for _, i in ipairs { 3, 1, 1, 2 } do
    session:send("deliver_sm", {
      source_addr = "491761234567", destination_addr = "12345", esm_class = 0x40,
      short_message = ("\5\0\3\42\3%s%s"):format(string.char(i), words[i]),
    }):expect "ESME_ROK"
  end
  t:pause(0.1)
  t:equal(texts, { "one two three" })
end)

scenario("parts of two phones with one reference are two texts", function(t)
  local smsc, texts = t:smsc(), {}
  local esme = t:esme { smsc, "acme:secret" }
  esme:on("message", function(message) table.insert(texts, message.from .. " " .. message.text) end)
  local session = smsc:bound()
  for _, part in ipairs { { "491", 1, "a" }, { "492", 2, "D" }, { "492", 1, "C" }, { "491", 2, "b" } } do
    session:send("deliver_sm", {
      source_addr = part[1], destination_addr = "12345", esm_class = 0x40, short_message = "\5\0\3\7\2" .. string.char(part[2]) .. part[3],
    }):expect "ESME_ROK"
  end
  t:pause(0.1)
  t:equal(texts, { "492 CD", "491 ab" })
end)
