local bot = require "smpp.bot"
local shops = require "spec.support.shop"
local smpp = require "smpp"

local NUMBER = "491761234567"

local function shop_of(fn, o) return shops.new(o, function(shop) shop:otherwise(fn) end) end

local function failure(fn)
  local ok, message = pcall(fn)
  assert.is_false(ok)
  assert.matches("^spec/bot/driver_spec.lua:%d+: ", message)
  return message
end

describe("smpp.bot.driver", function()
  it("has one phone for each number, one written to, carrier and channel", function()
    local shop = shop_of(function() end, { carriers = { a = "smpp://a:b@x", b = "smpp://a:b@y" } })
    assert.equal(shop:test(NUMBER), shop:test { number = "+49 1761234567", to = "12345" })
    assert.are_not.equal(shop:test(NUMBER), shop:test { number = NUMBER, to = "678" })
    assert.are_not.equal(shop:test(NUMBER), shop:test { number = NUMBER, carrier = "b" })
    failure(function() shop:test { number = NUMBER, carrier = "c" } end)
    failure(function() shop:test {} end)
  end)

  it("begins when the first phone says", function()
    local shop = shop_of(function(chat) chat:say("%d", chat.bot.loop:time()) end)
    shop:test { number = NUMBER, at = "2026-11-28 12:00 UTC" }:says "x":hears "1795867200"
    shop = shop_of(function(chat) chat:say("%d", chat.bot.loop:time()) end)
    shop:test(NUMBER):says "x":hears "1735732800"
    failure(function() shop_of(function() end):test { number = NUMBER, at = "soon" } end)
  end)

  it("says five seconds after it has heard something", function()
    local shop = shop_of(function(chat) chat:say("%d", chat.bot.loop:now()) end)
    local p = shop:test(NUMBER)
    p:says "x":hears "0":says "x":hears "5":waits "1 min":says "x":hears "65"
    assert.same({ "0", "5", "65" }, p.inbox)
  end)

  it("shows what was expected, what came with its first difference, and the dialogue, at the caller's line", function()
    local shop = shop_of(function(chat) chat:say "What would you like?\nNow" end)
    local p = shop:test(NUMBER)
    p:says "hi"
    local message = failure(function() p:hears "What would you eat?" end)
    assert.truthy(message:find('expected to hear: "What would you eat?"', 1, true))
    assert.truthy(message:find("What would you »like?\\nNow", 1, true))
    assert.truthy(message:find("  > hi\n  < What would you like?\n    Now", 1, true))
    message = failure(function() p:hears "more" end)
    assert.matches("heard nothing within 10 s", message)
    failure(function() p:hears(5) end)
    failure(function() p:says(5) end)
    failure(function() p:waits "soon" end)
  end)

  it("takes patterns and functions, and waits no longer than it says", function()
    local shop = shop_of(function(chat)
      smpp.sleep(15)
      chat:say "Number 42"
    end, { answer_timeout_s = 60 })
    local p = shop:test(NUMBER)
    p:says "x"
    failure(function() p:hears "Number 42" end)
    p:hears(bot.pattern "^NUMBER (%d+)$")
    p:says "y":hears(function(text) return text == "Number 42" end, "1 min")
    p:says "z"
    failure(function() p:hears("Number 42", "5 s") end)
    p:silent "5 s"
    failure(function() p:silent "10 s" end)
  end)

  it("raises the errors of handlers where they happen, unless it is told to take them", function()
    local function bad() error "oops" end
    local shop = shop_of(bad)
    local p = shop:test(NUMBER)
    assert.matches("oops", failure(function() p:says "x" end))
    shop = shop_of(bad)
    shop:test { number = NUMBER, errors = true }:says "x":hears(bot.pattern "^Sorry")
    shop:test_end()
  end)

  it("keeps what comes while the phone is off", function()
    local shop = shop_of(function(chat)
      chat:say "one"
      smpp.sleep(5)
      chat:say "two"
    end)
    local p = shop:test(NUMBER)
    p:off():says "x":waits "1 min":silent():on():hears "one":hears "two"
    shop:test_end()
  end)

  it("dials with the phone that also writes", function()
    local shop = shops.new(nil, function(shop)
      shop:hear("*1#", function(chat) chat:say("%s by %s", chat:ask "Q?", chat.channel) end)
      shop:otherwise(function(chat) chat:say("%s by %s", chat.text, chat.channel) end)
    end)
    local p = shop:test(NUMBER)
    p:says "a":hears "a by sms":dials "*1#":hears "Q?":says "b":hears "b by ussd":closed():says "c":hears "c by sms"
    p:dials "*1#":hears "Q?":hangs_up():says "d":hears "d by sms"
    shop:test_end()
  end)

  it("fails at the end for what nobody asked for", function()
    local shop = shop_of(function(chat) chat:say "extra" end)
    shop:test(NUMBER):says "x"
    assert.matches("extra", failure(function() shop:test_end() end))
    shop = shop_of(function(chat) chat:say("stray", { to = "491769999999" }) end)
    shop:test(NUMBER):says "x"
    assert.matches("stray", failure(function() shop:test_end() end))
    shop = shop_of(function() end)
    shop:test_end()
  end)
end)
