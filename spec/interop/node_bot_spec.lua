--- node-smpp 0.5.1 as the message centre of a bot.
local bots = require "smpp.bot"
local node = require "spec.support.node"
local peers = require "spec.support.peers"

local NUMBER = "491761234567"

--- Runs fn(say, mc) with a bot that is bound to node-smpp: say(text) is a deliver_sm of a subscriber.
local function with(fill, fn)
  node.need()
  peers.run(function()
    local mc = node.listen()
    mc:answer("submit_sm", { message_id = "1" })
    local shop = bots.new {
      { host = "127.0.0.1", port = mc.port, system_id = "lua", password = "secret" }, number = "12345", log = "error",
    }
    fill(shop)
    assert(shop:start())
    mc:take "bind_transceiver"
    fn(function(text, fields)
      local pdu = { source_addr = NUMBER, source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = text }
      for name, value in pairs(fields or {}) do pdu[name] = value end
      return mc:post("deliver_sm", pdu)
    end, mc)
    shop:stop(2)
  end)
end

describe("a bot bound to node-smpp", function()
  it("asks, is answered, and acknowledges when its replies were taken", function()
    with(function(shop)
      shop:hear("ORDER", function(chat)
        local what = chat:ask "What would you like?"
        if chat:confirm("%s, right?", what) then chat:say "Grüße! 👋" end
      end)
    end, function(say, mc)
      for _, step in ipairs { { "Order", "What would you like?" }, { "Pizza", "Pizza, right?" }, { "yes", "Grüße! 👋" } } do
        local id = say(step[1])
        local pdu = mc:take "submit_sm"
        local text = pdu.short_message.message or pdu.short_message
        assert.same({ step[2], "12345", NUMBER }, { text, pdu.source_addr, pdu.destination_addr })
        assert.equal(0, mc:answer_to(id).command_status)
      end
      assert.same({}, mc.errors)
    end)
  end)

  it("opts a subscriber out, and refuses other numbers for good", function()
    with(function(shop) shop:otherwise(function(chat) chat:say(chat.text) end) end, function(say, mc)
      local id = say "STOP"
      local pdu = mc:take "submit_sm"
      assert.matches("no more messages", pdu.short_message.message or pdu.short_message)
      assert.equal(0, mc:answer_to(id).command_status)
      id = say("x", { destination_addr = "999" })
      assert.equal(0x65, mc:answer_to(id).command_status) -- ESME_RX_P_APPN
    end)
  end)
end)
