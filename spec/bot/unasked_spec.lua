-- Also the spec of the blocks of docs/bots.md about it.
local bot = require "smpp.bot"
local driver = require "smpp.bot.driver"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"

--- What a call in a task of the bot returned.
local function call(shop, fn)
  local results
  driver.run(shop, function() results = { fn() } end)
  return results
end

describe("smpp.bot.unasked: send", function()
  it("sends from the first number, or another, by the first carrier, or another", function()
    local shop = shops.new { carriers = { a = "smpp://a:b@x", b = "smpp://a:b@y" }, number = { "12345", "678" } }
    local p, q = shop:test(NUMBER), shop:test { number = NUMBER, to = "678", carrier = "b" }
    assert.is_string(call(shop, function() return shop:send(NUMBER, "hello") end)[1].message_id)
    p:hears "hello"
    call(shop, function() return shop:send("+49 176 1234567", { text = "other" }, { from = "678", carrier = "b" }) end)
    q:hears "other"
    assert.same({ "bad_value" }, { call(shop, function() return shop:send("nobody", "x") end)[3] })
    assert.has_error(function() shop:send(NUMBER, 5) end)
    assert.has_error(function() shop:send(NUMBER, "x", { carrier = "c" }) end)
    assert.has_error(function() shop:send(NUMBER, "x", { form = "c" }) end)
    shop:test_end()
  end)

  it("sends nothing to who has opted out, whatever is urgent", function()
    local shop = shops.new()
    local p = shop:test(NUMBER)
    p:says "stop":hears(bot.pattern "^You will")
    local results = call(shop, function() return shop:send(NUMBER, "x", { urgent = true }) end)
    assert.same({ nil, "not_sent", "opted_out" }, { results[1], results[3], results[4] })
    p:silent "1 min"
  end)

  it("sends no more than its rate", function()
    local shop = shops.new { rate = { n = 2, per_s = 60 } }
    local p = shop:test(NUMBER)
    local function send() return call(shop, function() return shop:send(NUMBER, "x") end) end
    send()
    send()
    assert.equal("rate", send()[4])
    p:hears "x":hears "x":waits "1 min"
    assert.is_nil(send()[4])
    p:hears "x"
  end)

  it("sends nothing to another bot for pause_s, nor asks it anything", function()
    local shop = shops.new({ loop = { repeats = 2, pause_s = 600 } }, function(shop) shop:otherwise(function(chat) chat:say "same" end) end)
    local p = shop:test(NUMBER)
    local function send() return call(shop, function() return shop:send(NUMBER, "news", { urgent = true }) end) end
    p:says "ping":hears "same":says "ping":hears "same"
    assert.is_string(send()[1].message_id) -- not suspected yet
    p:hears "news":says "ping":silent "1 min"
    local results = send()
    assert.same({ nil, "the subscriber seems to be a bot", "not_sent", "loop" }, { results[1], results[2], results[3], results[4] })
    local reason
    call(shop, function() reason = shop:talk(NUMBER, function(chat) chat:ask "Q?" end):wait() end)
    assert.equal("error", reason)
    p:silent "10 min"
    assert.is_string(send()[1].message_id)
    p:hears "news"
    shop:test_end()
  end)

  it("holds in quiet hours, over a restart, or drops; what is urgent goes", function()
    local path = shops.path()
    local o = { quiet = "21:00-08:00", store = path }
    local shop = shops.new(o)
    local p = shop:test { number = NUMBER, at = "2025-01-01 22:00 UTC" }
    local held = call(shop, function() return shop:send(NUMBER, "good night") end)[1]
    assert.equal(1735804800, held.held_until) -- 2025-01-02 08:00
    call(shop, function() return shop:send(NUMBER, "fire", { urgent = true }) end)
    p:hears "fire":silent "1 h"
    shop = shops.new(o) -- killed
    p = shop:test { number = NUMBER, at = "2025-01-02 07:00 UTC" }
    p:silent "59 min":hears("good night", "2 min"):silent "1 d"
    shop:test_end()
    shop = shops.new(o)
    shop:test { number = NUMBER, at = "2025-01-02 09:00 UTC" }:silent "1 d" -- it was sent once
    os.remove(path)
    shop = shops.new { quiet = "21:00-08:00", quiet_action = "drop" }
    p = shop:test { number = NUMBER, at = "2025-01-01 22:00 UTC" }
    assert.same({ "not_sent", "quiet" }, { select(3, (table.unpack or unpack)(call(shop, function() return shop:send(NUMBER, "x") end), 1, 4)) })
    p:silent "1 d"
  end)

  it("does not send what was held to who has opted out meanwhile", function()
    local shop = shops.new { quiet = "21:00-08:00" }
    local p = shop:test { number = NUMBER, at = "2025-01-01 22:00 UTC" }
    call(shop, function() return shop:send(NUMBER, "x") end)
    p:says "stop":hears(bot.pattern "^You will"):silent "1 d"
    assert.truthy(shops.logged(shop, "held message dropped"))
  end)

  it("never holds the replies of a dialogue that the subscriber began", function()
    local shop = shops.new({ quiet = "00:00-24:00" }, function(shop) shop:otherwise(function(chat) chat:say "reply" end) end)
    shop:test(NUMBER):says "x":hears "reply"
  end)
end)

describe("smpp.bot.unasked: talk", function()
  it("begins a dialogue from our side, and says how it ended", function()
    local shop = shops.new()
    local p, reason = shop:test(NUMBER), nil
    local function appointment(chat)
      if chat:confirm("Tomorrow at 10, %s?", chat.number) then chat:say "See you." end
    end
    driver.run(shop, function() reason = shop:talk(NUMBER, appointment):wait() end)
    p:hears "Tomorrow at 10, +491761234567?":says "yes":hears "See you."
    assert.equal("done", reason)
    driver.run(shop, function() reason = shop:talk(NUMBER, appointment):wait() end)
    p:hears "Tomorrow at 10, +491761234567?":waits "2 h"
    assert.equal("timeout", reason)
    shop:test_end()
  end)

  it("waits for the dialogue that runs there", function()
    local shop = shops.new(nil, function(shop) shop:hear("GO", function(chat) chat:ask "Q?" end) end)
    local p = shop:test(NUMBER)
    p:says "go":hears "Q?"
    shop:talk(NUMBER, function(chat) chat:say "ours" end)
    p:silent "1 min":says "a":hears "ours"
  end)

  it("does not begin with who has opted out, and in quiet hours at their end", function()
    local shop = shops.new { quiet = "21:00-08:00" }
    local p = shop:test { number = NUMBER, at = "2025-01-01 22:00 UTC" }
    local reason
    driver.run(shop, function() reason = shop:talk(NUMBER, function(chat) chat:say "morning" end):wait() end)
    p:silent "9 h":hears("morning", "2 h")
    assert.equal("done", reason)
    p:says "stop":hears(bot.pattern "^You will")
    driver.run(shop, function() reason = shop:talk(NUMBER, function(chat) chat:say "x" end):wait() end)
    p:silent "1 d"
    assert.equal("opted_out", reason)
    driver.run(shop, function() reason = shop:talk("nobody", function() end):wait() end)
    assert.equal("bad_value", reason)
    assert.has_error(function() shop:talk(NUMBER) end)
  end)
end)
