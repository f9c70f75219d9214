local bot = require "smpp.bot"
local shops = require "spec.support.shop"
local smpp = require "smpp"

local NUMBER = "491761234567"

local function shop_of(fn, o, more)
  return shops.new(o, function(shop)
    shop:hear("GO", fn)
    if more then more(shop) end
    shop:otherwise(function(chat) chat:say("new: %s", chat.text) end)
  end)
end

--- How a dialogue ended; the question is "Q?".
local function ending(o, act, asked)
  local reason, value = nil, {}
  local shop = shop_of(function(chat)
    chat:finally(function(why) reason = why end)
    value = { n = 1, chat:ask("Q?", asked) }
    pcall(function() value.went_on = true end)
  end, o, function(shop) shop:hear("OTHER", function(chat) chat:say "the other" end) end)
  local p = shop:test(NUMBER)
  p:says "go":hears "Q?"
  act(p, shop)
  shop:test_end()
  return reason, value, shop
end

describe("smpp.bot.dialogue", function()
  it("goes on with the subscriber's next message, whatever others say", function()
    local shop = shop_of(function(chat) chat:say("%s %s", chat:ask "Name?", chat:ask "Town?") end)
    local anna, ben = shop:test(NUMBER), shop:test "491761234568"
    anna:says "go":hears "Name?"
    ben:says "go":hears "Name?":says "Ben":hears "Town?"
    anna:says " Anna ":hears "Town?":says "Bonn":hears "Anna Bonn"
    ben:says "Berlin":hears "Ben Berlin"
    shop:test_end()
  end)

  it("of two numbers does not meet", function()
    local shop = shop_of(function(chat) chat:say("%s by %s", chat:ask "Q?", chat.to) end, { number = { "12345", "678" } })
    local one, two = shop:test(NUMBER), shop:test { number = NUMBER, to = "678" }
    one:says "go":hears "Q?"
    two:says "go":hears "Q?":says "b":hears "b by 678"
    one:says "a":hears "a by 12345"
    shop:test_end()
  end)

  it("asks again, as many times as it may, and gives up", function()
    local seen = {}
    local reason, value = ending(nil, function(p)
      p:says "a":hears "again 2":says "b":hears "again 3":says "c":hears "Sorry, that was not understood. Please start again."
      p:says "4":hears "new: 4"
    end, { match = bot.integer(1, 9), again = function(text, attempt)
      seen[#seen + 1] = text
      return "again " .. attempt
    end })
    assert.same({ "attempts", {} }, { reason, value })
    assert.same({ "a", "b" }, seen)
    reason = ending(nil, function(p) p:says "a":hears "Q?":says "5" end, { match = bot.integer(1, 9) })
    assert.equal("done", reason)
    reason = ending({ texts = { gave_up = false } }, function(p) p:says "a" end, { match = bot.integer(1, 9), attempts = 1 })
    assert.equal("attempts", reason)
  end)

  it("takes what a match function says instead of the question", function()
    local _, value = ending(nil, function(p) p:says "a":hears "not a":says "b" end, { match = function(text, chat)
      if text == "a" then return nil, "not a" end
      return { text, chat.number }
    end })
    assert.same({ "b", "+491761234567" }, value[1])
    _, value = ending(nil, function(p) p:says "TEA!" end, { match = { "Coffee", "Tea" } })
    assert.equal("Tea", value[1])
    _, value = ending(nil, function(p) p:says "Nr. 5" end, { match = bot.pattern "^NR%. (%d)$" })
    assert.equal("5", value[1])
  end)

  it("ends when there is no answer in time, counted from the last question", function()
    local reason, value = ending(nil, function(p) p:waits "61 min":silent():says "x":hears "new: x" end)
    assert.same({ "timeout", {} }, { reason, value })
    reason = ending({ texts = { timeout = "Too late." } }, function(p)
      p:waits "9 min":says "a":hears "Q?":waits "9 min":silent():waits "2 min":hears "Too late."
    end, { match = bot.integer(), within_s = 600 })
    assert.equal("timeout", reason)
  end)

  it("goes on with a default or nil where the question says so", function()
    local _, value = ending(nil, function(p) p:waits "2 h" end, { default = 7 })
    assert.equal(7, value[1])
    _, value = ending(nil, function(p) p:says "x" end, { match = bot.integer(), attempts = 1, default = false })
    assert.equal(false, value[1])
    for code, act in pairs {
      timeout = function(p) p:waits "2 h" end, attempts = function(p) p:says "x" end, cancelled = function(p) p:says "cancel" end,
    } do
      _, value = ending(nil, act, { match = bot.integer(), attempts = 1, optional = true })
      assert.same({ n = 1, nil, value[2], code, went_on = true }, value)
      assert.is_string(value[2])
    end
  end)

  it("ends by a word, closed where it stands", function()
    for _, word in ipairs { "cancel", "Quit.", "abbrechen", "отмена", "إلغاء" } do
      local reason, value = ending(nil, function(p) p:says(word):hears "Cancelled." end)
      assert.same({ "cancelled", {} }, { reason, value }, word)
    end
    local reason, value = ending({ cancel = false }, function(p) p:says "cancel" end)
    assert.same({ "done", "cancel" }, { reason, value[1] })
    reason = ending({ cancel = "enough", texts = { cancelled = false } }, function(p) p:says "Enough!" end)
    assert.equal("cancelled", reason)
    reason = ending(nil, function(p) p:says "cancel it" end)
    assert.equal("done", reason)
  end)

  it("answers HELP, and the question stays open", function()
    local reason, value = ending({ texts = { help = "{name} helps" } }, function(p)
      p:says "help":hears "12345 helps":waits "50 min":says "HILFE!":hears "12345 helps":says "answer"
    end)
    assert.same({ "done", "answer" }, { reason, value[1] })
    reason = ending(nil, function(p) p:waits "50 min":says "help":hears(bot.pattern "STOP"):waits "11 min" end)
    assert.equal("timeout", reason)
  end)

  it("does what it is told with a keyword as an answer", function()
    local reason = ending(nil, function(p) p:says "other":hears "the other" end)
    assert.equal("left", reason)
    local value
    reason, value = ending(nil, function(p) p:says "other":silent "1 s" end, { keywords = "answer" })
    assert.same({ "done", "other" }, { reason, value[1] })
    reason, value = ending({ keywords = "queue" }, function(p) p:says "other":silent "1 min":says "x":hears "the other" end)
    assert.same({ "done", "x" }, { reason, value[1] })
    reason, value = ending({ keywords = "ask" }, function(p)
      p:says "other":hears "Leave this conversation? Please answer yes or no.":says "no":hears "Q?":says "x"
    end)
    assert.same({ "done", "x" }, { reason, value[1] })
    reason = ending({ keywords = "ask" }, function(p)
      p:says "other":hears "Leave this conversation? Please answer yes or no.":says "yes":hears "the other"
    end)
    assert.equal("left", reason)
    reason, value = ending(nil, function(p) p:says "other one" end) -- not the whole message
    assert.same({ "done", "other one" }, { reason, value[1] })
  end)

  it("keeps what comes while the handler is busy for its next question, in order", function()
    local shop = shop_of(function(chat)
      local a = chat:ask "A?"
      smpp.sleep(5)
      chat:say("%s %s", a, chat:ask "B?")
    end)
    local p = shop:test(NUMBER)
    p:says "go":hears "A?":says "1":says "2":says "3"
    p:hears "B?":hears "1 2":hears "new: 3"
    shop:test_end()
  end)

  it("is closed in the middle of other waits, too, when the subscriber opts out", function()
    local went_on, reason = false, nil
    local shop = shop_of(function(chat)
      chat:finally(function(why) reason = why end)
      smpp.pcall(function()
        smpp.sleep(60)
        went_on = true
      end)
      went_on = true
    end)
    shop:test(NUMBER):says "go":says "STOP":hears(bot.pattern "no more"):waits "2 min"
    assert.same({ false, "opted_out" }, { went_on, reason })
    shop:test_end()
  end)

  it("says of a failing handler so: in the log, and once to the subscriber", function()
    local errors, reason = {}, nil
    local shop = shop_of(function(chat)
      chat:finally(function(why) reason = why end)
      chat.memory.n = (chat.memory.n or 0) + 1
      if chat:ask "Q?" == "bad" then
        chat.memory.n = 100
        error "oops"
      end
      chat:say("%d", chat.memory.n)
    end)
    shop:on("error", function(err, chat) errors[#errors + 1] = { err, chat.number } end)
    local p = shop:test { number = NUMBER, errors = true }
    p:says "go":hears "Q?":says "bad":hears "Sorry, something went wrong. Please try again later."
    p:says "go":hears "Q?":says "bad":silent "1 min"
    assert.equal("error", reason)
    assert.matches("oops", errors[1][1])
    assert.equal("+491761234567", errors[1][2])
    assert.matches("dialogue_spec.lua:%d+: oops.*traceback", shops.logged(shop, "handler failed").trace)
    p:says "go":hears "Q?":says "good":hears "3" -- the memory of the failed ones is as at their questions
    p:waits "10 min":says "go":hears "Q?":says "bad":hears(bot.pattern "^Sorry")
    shop:test_end()
  end)

  it("ends when its question cannot be said", function()
    local reason
    local shop = shop_of(function(chat)
      chat:finally(function(why) reason = why end)
      chat:ask("Q?", { to = "not a number" })
    end)
    shop:test(NUMBER):says "go":silent "1 min"
    assert.equal("error", reason)
  end)

  it("says texts of functions", function()
    local reason = ending({ texts = { cancelled = function(chat) return "Bye " .. chat.number end } }, function(p) p:says "quit":hears "Bye +491761234567" end)
    assert.equal("cancelled", reason)
  end)

  it("asks only in its own task", function()
    local err
    local shop = shop_of(function(chat)
      smpp.spawn(function() err = select(2, pcall(chat.ask, chat, "Q?")) end)
      chat:say "done"
    end)
    shop:test(NUMBER):says "go":hears "done"
    assert.matches("another task", err)
  end)
end)
