local shops = require "spec.support.shop"
local sms = require "smpp.bot.sms"

describe("smpp.bot.sms", function()
  it("answers by the number and to the address that the message had, TON and NPI too", function()
    local shop = shops.new({ number = { "12345", "+4917600000000" } }, function(s) s:otherwise(function(chat) chat:say "reply" end) end)
    local p = shop:test "491761234567"
    p:says { text = "x", dest_addr_ton = 4, dest_addr_npi = 9, source_addr_npi = 6 }
    local pdu = p.unheard[1].message.pdu
    assert.same({ "12345", 4, 9, "491761234567", 1, 6 }, {
      pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi, pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi,
    })
    p:hears "reply"
    local other = shop:test { number = "491761234567", to = "4917600000000" }
    other:says "x"
    assert.equal("4917600000000", other.unheard[1].message.pdu.source_addr)
    other:hears "reply"
    shop:test_end()
  end)

  it("takes what is said after the end for unasked: not to who has opted out", function()
    local results = {}
    local shop = shops.new(nil, function(s) s:hear("GO", function(chat)
      require("smpp").spawn(function()
        require("smpp").sleep(60)
        results[#results + 1] = { select(3, chat:say "later") }
      end)
    end) end)
    local p = shop:test "491761234567"
    p:says "go":waits "2 min":hears "later":says "go":says "stop":hears(function() return true end):waits "2 min"
    assert.same({ {}, { "not_sent", "opted_out" } }, results)
    shop:test_end()
  end)

  it("has words, which end and help", function() assert.is_true(sms.has_words) end)
end)
