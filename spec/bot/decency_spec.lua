local bot = require "smpp.bot"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"
local STOPPED = bot.pattern "^You will get no more messages from 12345%. Send START"

local function shop_of(o, fill)
  return shops.new(o, fill or function(shop) shop:otherwise(function(chat) chat:say("%s", chat.text) end) end)
end

describe("smpp.bot.decency: opting out", function()
  it("takes a word of any language, as a whole message, answers once, and is kept", function()
    for _, word in ipairs { "stop", "Stop all!", "ARRÊT", "стоп", "ΣTOΠ", "iptal", "Opt-Out", "end", "unsubscribe" } do
      local heard = {}
      local shop = shop_of()
      shop:on("optout", function(number, to) heard = { number, to } end)
      local p = shop:test(NUMBER)
      assert.is_false(shop:opted_out(NUMBER))
      p:says(word):hears(STOPPED):says(word):silent "1 min"
      assert.same({ "+491761234567", "12345" }, heard, word)
      assert.is_true(shop:opted_out "+49 176 1234567")
      assert.truthy(shops.logged(shop, "opted out"))
      p:says "hello":hears "hello" -- who writes is answered
      p:says "Start":hears(bot.pattern "^You will get messages from 12345 again")
      assert.is_false(shop:opted_out(NUMBER))
      p:says "start":hears "start" -- only of who is out
      shop:test_end()
    end
    shop_of():test(NUMBER):says "stop it":hears "stop it"
  end)

  it("ends a dialogue, but END, CANCEL and QUIT only the question, unless it is strict", function()
    local function made(o)
      local reason
      local shop = shop_of(o, function(shop) shop:hear("GO", function(chat)
        chat:finally(function(why) reason = why end)
        chat:ask "Q?"
      end) end)
      return shop:test(NUMBER):says "go":hears "Q?", function() return reason end, shop
    end
    local p, reason, shop = made()
    p:says "STOP":hears(STOPPED)
    assert.equal("opted_out", reason())
    assert.is_true(shop:opted_out(NUMBER))
    p, reason, shop = made()
    p:says "quit":hears "Cancelled."
    assert.same({ "cancelled", false }, { reason(), shop:opted_out(NUMBER) })
    p, reason, shop = made { optout = { strict = true } }
    p:says "quit":hears(STOPPED)
    assert.same({ "opted_out", true }, { reason(), shop:opted_out(NUMBER) })
  end)

  it("is of the bot, or of a number", function()
    local shop = shop_of { number = { "12345", "678" } }
    shop:test(NUMBER):says "stop":hears(STOPPED)
    assert.same({ true, true }, { shop:opted_out(NUMBER), shop:opted_out(NUMBER, "678") })
    shop = shop_of { number = { "12345", "678" }, optout = { scope = "number" } }
    shop:test(NUMBER):says "stop":hears(STOPPED)
    assert.same({ true, false }, { shop:opted_out(NUMBER), shop:opted_out(NUMBER, "678") })
  end)

  it("has more words, or none, and texts of the author's", function()
    local p = shop_of({ optout = { words = "genug", start = { "weiter" }, help = "?" }, texts = { stopped = "Bye from {name}.", help = "Help!" }, name = "Shop %1" },
      function() end):test(NUMBER)
    p:says "Genug!":hears "Bye from Shop %1.":says "weiter":hears(bot.pattern "again"):says "?":hears "Help!"
    shop_of { optout = false }:test(NUMBER):says "stop":hears "stop"
    local quiet = shop_of { texts = { stopped = false } }
    quiet:test(NUMBER):says "stop":silent "1 min"
    assert.is_true(quiet:opted_out(NUMBER))
  end)

  it("gives functions of texts the chat", function()
    local p = shop_of { texts = { stopped = function(chat) return ("Bye %s, %s"):format(chat.number, chat.text) end } }:test(NUMBER)
    p:says "Stop":hears "Bye +491761234567, Stop"
  end)

  it("survives a restart", function()
    local path = shops.path()
    shop_of { store = path }:test(NUMBER):says "stop":hears(STOPPED)
    local shop = shop_of { store = path }
    shop:test(NUMBER)
    assert.is_true(shop:opted_out(NUMBER))
    os.remove(path)
    shop = shop_of()
    shop:test(NUMBER)
    assert.truthy(shops.logged(shop, "do not survive a restart"))
    assert.equal(1, shops.count(shop, "do not survive"))
  end)

  it("can be done by the program", function()
    local shop = shop_of()
    shop:test(NUMBER)
    assert(shop:opt_out(NUMBER))
    assert.is_true(shop:opted_out(NUMBER))
    assert(shop:opt_in "+491761234567")
    assert.is_false(shop:opted_out(NUMBER))
  end)
end)

describe("smpp.bot.decency: help", function()
  it("is given, unless something hears the word", function()
    local p = shop_of({ texts = { help = "{name}: help" } }):test(NUMBER)
    for _, word in ipairs { "help", "INFO", "aide", "Hilfe!", "ayuda" } do p:says(word):hears "12345: help" end
    p:says "help me":hears "help me"
    shop_of(nil, function(shop) shop:hear("help", function(chat) chat:say "my help" end) end):test(NUMBER):says "HELP":hears "my help"
  end)
end)

describe("smpp.bot.decency: a loop", function()
  it("is suspected when the same text gets the same text four times in a row", function()
    local shop = shop_of()
    local p = shop:test(NUMBER)
    for _ = 1, 4 do p:waits "1 min":says "ping":hears "ping" end
    p:waits "1 min":says "ping":silent "1 min":says "other":silent "1 min"
    assert.equal(1, shops.count(shop, "loop suspected"))
    p:waits "1 h":says "ping":hears "ping"
    assert.equal(1, shops.count(shop, "loop suspected"))
    shop:test_end()
  end)

  it("is none when the answers, or the texts, differ", function()
    local n = 0
    local shop = shop_of(nil, function(shop) shop:otherwise(function(chat)
      n = n + 1
      chat:say("%d", n)
    end) end)
    local p = shop:test(NUMBER)
    for i = 1, 10 do p:waits "1 min":says "ping":hears(tostring(i)) end
    shop = shop_of(nil, function(s) s:otherwise(function(chat) chat:say "same" end) end)
    p = shop:test(NUMBER)
    for i = 1, 10 do p:waits "1 min":says("ping" .. i % 2):hears "same" end
    assert.is_nil(shops.logged(shop, "loop suspected"))
  end)

  it("is suspected at twenty messages in a minute; opting out works then, too", function()
    local shop = shop_of { loop = { n = 5, pause_s = 600 } }
    local p = shop:test(NUMBER)
    for i = 1, 5 do
      p.heard_at = nil -- no time to think
      p:says("m" .. i):hears("m" .. i)
    end
    p.heard_at = nil
    p:says "m6":silent "1 min":says "stop":hears(STOPPED):waits "11 min":says "m7":hears "m7"
    shop:test_end()
    shop = shop_of { loop = false }
    p = shop:test(NUMBER)
    for _ = 1, 30 do
      p.heard_at = nil
      p:says "x":hears "x"
    end
  end)
end)
