local bot = require "smpp.bot"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"

local function echo(o) return shops.new(o, function(shop) shop:otherwise(function(chat) chat:say("%s: %s", chat.number, chat.text) end) end) end

describe("smpp.bot.routing", function()
  it("serves its numbers, compared by digits, and refuses others for good", function()
    local shop = echo { number = { "+49 12345678", "678" } }
    shop:test { number = NUMBER, to = "4912345678" }:says "x":hears "+491761234567: x"
    shop:test { number = NUMBER, to = "678" }:says "x":hears "+491761234567: x"
    shop:test { number = NUMBER, to = "679" }:says "x":silent "2 h"
    assert.equal(1, shops.count(shop, "another number refused")) -- not tried again
    shop = echo { number = false or nil }
  end)

  it("serves every number when it names none", function()
    local shop = bot.new { "smpp://me:secret@localhost", log = function() end }
    shop:otherwise(function(chat) chat:say("to %s", chat.to) end)
    shop:test { number = NUMBER, to = "777" }:says "x":hears "to 777"
  end)

  it("drops what comes from itself, and from names", function()
    local shop = echo()
    shop:test "12345":says "x":silent "1 min"
    assert.truthy(shops.logged(shop, "own number"))
    local p = shop:test(NUMBER)
    p:says { text = "x", source_addr = "Shop", source_addr_ton = 5, from = "Shop" }:silent "1 min"
    assert.truthy(shops.logged(shop, "alphanumeric"))
  end)

  it("knows one subscriber by his national and international number", function()
    local shop = shops.new({ country = "49" }, function(s) s:otherwise(function(chat)
      chat.memory.n = (chat.memory.n or 0) + 1
      chat:say("%s %d", chat.number, chat.memory.n)
      if chat.text == "y" then chat:say("%s, you said %s", chat.number, chat:ask "More?") end
    end) end)
    shop:test(NUMBER):says "x":hears "+491761234567 1"
    local p = shop:test "01761234567"
    p:says { text = "x", source_addr_ton = 2 }:hears "+491761234567 2"
    p:says { text = "y", source_addr_ton = 0 }:hears "+491761234567 3":hears "More?"
    p:says { text = "no", source_addr_ton = 0 }:hears "+491761234567, you said no"
    assert.equal("01761234567", p.world.dialogue and p.number)
  end)
end)
