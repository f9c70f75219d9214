local bot = require "smpp.bot"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"

local function airtime(o)
  return shops.new(o, function(shop)
    local function menu(chat)
      chat:say "Welcome."
      local what = chat:choose("Airtime", { "Balance", { "Top up", value = "up" } })
      if what == "up" then
        local amount = chat:ask("How much?", { match = bot.integer(1, 50), again = "1 to 50." })
        chat:say("%d is added.", amount)
        chat.memory.balance = (chat.memory.balance or 0) + amount
      end
      chat:say("You have %d.", chat.memory.balance or 0)
    end
    shop:hear("*100#", menu)
    shop:hear("AIRTIME", menu)
  end)
end

local function phone(shop, o) return shop:test { number = NUMBER, channel = "ussd", carrier = o and o.carrier } end

--- A bot that ends as it is told, and why it did.
local function ending(fn, o)
  local reason
  local shop = shops.new(o, function(shop) shop:hear("*1#", function(chat)
    chat:finally(function(why) reason = why end)
    fn(chat)
  end) end)
  return phone(shop), function() return reason end, shop
end

describe("smpp.bot.ussd", function()
  it("asks in the session, and releases it with what is said at the end", function()
    local shop = airtime()
    local p = phone(shop)
    p:dials "*100#":hears "Welcome.\nAirtime\n1. Balance\n2. Top up":says "2":hears "How much?":says "99":hears "1 to 50.":says "20"
    p:hears "20 is added.\nYou have 20.":closed()
    p:dials "*100#":says "1":hears(function(text) return #text > 20 end):hears "You have 20.":closed()
    shop:test_end()
  end)

  it("is the same code by SMS, with the same memory", function()
    local shop = airtime()
    shop:test(NUMBER):says "airtime":hears "Welcome.":hears "Airtime\n1. Balance\n2. Top up":says "2":hears "How much?":says "5"
      :hears "5 is added.":hears "You have 5."
    phone(shop):dials "*100#":hears(function() return true end):says "1":hears "You have 5."
    shop:test_end()
  end)

  it("sends operation, service type and the octets of the session", function()
    local shop = airtime()
    local p = phone(shop)
    p:dials "*100#"
    local pdu = p.unheard[1].message.pdu
    assert.same({ "USSD", 2, "\1\0", "100", NUMBER, 0 }, {
      pdu.service_type, pdu.ussd_service_op, pdu.its_session_info, pdu.source_addr, pdu.destination_addr, pdu.esm_class,
    })
    p:hears(function() return true end):says "1"
    pdu = p.unheard[1].message.pdu
    assert.same({ 17, "\1\3" }, { pdu.ussd_service_op, pdu.its_session_info })
    p:hears "You have 0.":closed()
  end)

  it("hears codes with what is behind them", function()
    local seen = {}
    local shop = shops.new(nil, function(shop)
      shop:hear("*100#", { whole = true }, function(chat) seen[#seen + 1] = "whole " .. chat.text end)
      shop:hear("*100#", function(chat) seen[#seen + 1] = table.concat(chat.args, "-") .. " " .. chat.rest .. " " .. chat.channel end)
      shop:hear("*100#", function() error "not this one" end)
      shop:otherwise(function(chat) seen[#seen + 1] = "otherwise " .. chat.text end)
    end)
    local p = phone(shop)
    p:dials "*100#":hears "OK":closed():dials "*100*1*5#":hears "OK":dials "*101#":hears "OK":dials "#100#":hears "OK"
    shop:test(NUMBER):says "*100#" -- by SMS it is a text
    assert.same({ "whole *100#", "1-5 1*5 ussd", "otherwise *101#", "otherwise #100#", "otherwise *100#" }, seen)
    shop:test_end()
  end)

  it("releases a code that nobody hears", function()
    local shop = shops.new()
    phone(shop):dials "*5#":hears "OK":closed()
  end)

  it("reads the code of a begin without one from its destination", function()
    local shop = airtime()
    local p = phone(shop)
    p:dials "*100#":hears(function() return true end):hangs_up()
    p.handset:dial("*100#", { short_message = "" })
    p:hears "Welcome.\nAirtime\n1. Balance\n2. Top up"
  end)

  it("ends when the subscriber or the network does, or dials again, and nothing is sent", function()
    local function ask(chat)
      pcall(chat.finally, chat, function() end)
      chat:ask "Q?"
    end
    local p, reason = ending(ask)
    p:dials "*1#":hears "Q?":hangs_up():silent "1 min"
    assert.equal("released", reason())
    p, reason = ending(ask)
    p:dials "*1#":hears "Q?"
    p.handset:answer("", { ussd_service_op = 17 })
    p:silent "1 min"
    assert.equal("released", reason())
    p, reason = ending(ask, { ussd = { abort = { 40 } } })
    p:dials "*1#":hears "Q?"
    p.handset:answer("", { ussd_service_op = 40 })
    p:silent "1 min"
    assert.equal("released", reason())
    p, reason = ending(ask)
    p:dials "*1#":hears "Q?":dials "*1#":hears "Q?"
    assert.equal("released", reason())
  end)

  it("ends when there is no answer for as long as the network waits", function()
    local p, reason = ending(function(chat) chat:ask("Q?", { default = "x" }) end)
    p:dials "*1#":hears "Q?":silent "179 s":waits "2 s":silent()
    assert.equal("released", reason())
    p, reason = ending(function(chat) chat:ask("Q?", { within_s = 60 }) end, { texts = { timeout = "Too late." } })
    p:dials "*1#":hears "Q?":waits "61 s":hears "Too late.":closed()
    assert.equal("timeout", reason())
  end)

  it("answers what belongs to no session", function()
    local p = ending(function(chat) chat:ask "Q?" end)
    p:dials "*1#":hears "Q?":waits "10 min"
    p.is_closed = false
    p:says "1":hears "This session has expired. Please dial again.":closed()
  end)

  it("takes words of SMS for answers", function()
    for _, word in ipairs { "stop", "cancel", "help", "0" } do
      local answer
      local p = ending(function(chat) answer = chat:ask "Q?" end)
      p:dials "*1#":hears "Q?":says(word):hears "OK"
      assert.equal(word, answer)
    end
  end)

  it("says sorry for a failing handler", function()
    local _, _, shop = ending(function() error "oops" end)
    local p = shop:test { number = NUMBER, channel = "ussd", errors = true }
    p:dials "*1#":hears(bot.pattern "^Sorry"):closed()
  end)

  it("pages long menus between lines, whose numbers stay, and turns them", function()
    local items, got = {}, nil
    for i = 1, 20 do items[i] = "Item number " .. i end
    local p, _, shop = ending(function(chat)
      got = chat:choose("Which?", items)
      chat:say "Thanks"
    end)
    local pages = {}
    local function page(text)
      pages[#pages + 1] = text
      assert.is_true(#text <= 182, #text)
      return true
    end
    p:dials "*1#":hears(page):says "99":hears(page):says "0":hears(page):says "99":hears(page):says "99":hears(page)
    assert.truthy(pages[1]:find "^Which%?\n1%. Item number 1\n" and pages[1]:find "\n99%. More$")
    assert.is_nil(pages[1]:find "Back")
    assert.equal(pages[1], pages[3])
    assert.equal(pages[2], pages[4])
    assert.truthy(pages[2]:find "\n0%. Back\n99%. More$")
    local all = table.concat({ pages[1], pages[2], pages[5] }, "\n")
    for i = 1, 20 do assert.equal(pages[5]:find "More" and i or i, i) end
    assert.truthy(all:find "9%. Item number 9\n")
    p:waits "170 s":says "3":hears "Thanks":closed()
    assert.equal("Item number 3", got)
    shop:test_end()
  end)

  it("takes 99 and 0 for answers where there is one page", function()
    local answer
    local p = ending(function(chat) answer = chat:ask "Q?" end)
    p:dials "*1#":hears "Q?":says "99":hears "OK"
    assert.equal("99", answer)
  end)

  it("counts UCS-2, cuts a long line, and pages the last text, too", function()
    local p = ending(function(chat) chat:say(("Привет мир "):rep(14)) end)
    local function short(text) return select(2, text:gsub("[^\128-\191]", "")) <= 80 end
    p:dials "*1#":hears(short)
    assert.is_false(p.is_closed)
    p:says "99":hears(short)
    if not p.is_closed then p:says "99":hears(short) end
    p:closed()
    p = ending(function(chat) chat:say(("x"):rep(182)) end)
    p:dials "*1#":hears(("x"):rep(182)):closed()
    p = ending(function(chat) chat:say(("x"):rep(183)) end, { ussd = { more = { "#", "weiter" } } })
    p:dials "*1#":hears(function(text) return #text <= 182 and text:find "#. weiter" end):says "#":hears(bot.pattern "^x+\n0%. Back$"):closed()
  end)

  it("speaks as the profile of a carrier says", function()
    local o = { ussd = { begin = { 0 }, ask = 3, release = 32, sequence = "count" } }
    local shop = shops.new(o, function(shop) shop:hear("*1#", function(chat)
      chat:ask "Q?"
      chat:say "Bye"
    end) end)
    local p = phone(shop)
    p.handset:dial("*1#", { ussd_service_op = 0 })
    p:hears(function() return true end)
    p:says "x":hears "Bye":closed()
    shop = shops.new({ ussd = { session = "user_message_reference" } }, function(s) s:hear("*1#", function(chat) chat:say(chat:ask "Q?") end) end)
    p = phone(shop)
    p:dials "*1#"
    assert.equal(1, p.unheard[1].message.pdu.user_message_reference)
    p:hears "Q?":says "a":hears "a":closed()
  end)

  it("tells sessions by octet 1 of its_session_info, or by its first 15 bits, and echoes both octets but for the last bit", function()
    for session, is_known in pairs { its_session_info = true, its_session_info_15 = false } do
      local p, reason, shop = ending(function(chat) chat:say("%s!", chat:ask "Q?") end, { ussd = { session = session, sequence = "count" } })
      local function sent() return p.unheard[1].message.pdu.its_session_info end
      p.handset:dial("*1#", { its_session_info = "\5\2" })
      p:waits(1)
      assert.equal(is_known and "\5\4" or "\5\2", sent()) -- 15 bits leave no sequence that could be counted
      p:hears "Q?"
      p.handset:answer("a", { its_session_info = "\5\4" }) -- another session, or the next message of this one
      p:waits(1)
      assert.equal(is_known and "\5\7" or "\5\5", sent())
      p:hears(is_known and "a!" or "This session has expired. Please dial again."):closed()
      assert.equal(is_known and "done" or nil, reason())
      if not is_known then
        p.handset:dial("b", { ussd_service_op = 18, its_session_info = "\5\2" }) -- the phone has taken the release for that of its session
        p:waits(1)
        assert.equal("\5\3", sent())
        p:hears "b!"
        assert.equal("done", reason())
      end
      shop:test_end()
    end
  end)

  it("acknowledges at once, whatever the handler does", function()
    local p, _, shop = ending(function(chat)
      require("smpp").sleep(60)
      chat:say "late"
    end)
    p:dials "*1#":hears("late", "2 min")
    assert.is_nil(shops.logged(shop, "carrier error"))
  end)
end)
