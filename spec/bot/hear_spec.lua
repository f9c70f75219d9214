local bot = require "smpp.bot"
local shops = require "spec.support.shop"

--- What a bot that listens for these answers to each text.
local function answers(texts, fill, o)
  local shop = shops.new(o, fill)
  local p = shop:test "491761234567"
  local list = {}
  for i, text in ipairs(texts) do
    p:says(text):silent()
    list[i] = p.inbox[#p.inbox]
  end
  return list
end

-- `silent` fails for what is heard: these take it out.
local function each(texts, fill, o)
  local shop = shops.new(o, fill)
  local p = shop:test "491761234567"
  for text, expected in pairs(texts) do
    p:says(text)
    if expected then p:hears(expected) else p:silent "1 s" end
  end
  shop:test_end()
end

describe("smpp.bot.hear", function()
  it("takes a string for the first words of a message", function()
    each({
      ["ORDER"] = "[] 0", ["order two  Pizzas "] = "[two  Pizzas] 2", ["Order!"] = "[] 0", ["ORDERS"] = "other", ["my order"] = "other",
      ["big order now"] = "big [now]",
    }, function(shop)
      shop:hear("big order", function(chat) chat:say("big [%s]", chat.rest) end)
      shop:hear("ORDER", function(chat) chat:say("[%s] %d", chat.rest, #chat.args) end)
      shop:otherwise(function(chat) chat:say "other" end)
    end, { loop = false })
  end)

  it("takes a pattern as a keyword only when it is one of bot.pattern", function()
    each({ ["^(%d+)$"] = "keyword", ["12"] = "other" }, function(shop)
      shop:hear("^(%d+)$", function(chat) chat:say "keyword" end)
      shop:otherwise(function(chat) chat:say "other" end)
    end)
  end)

  it("gives captures of patterns, values of functions, and those of the one of a list that matches", function()
    each({
      ["2 pizzas"] = "pizza 2", ["code XyZ"] = "function 4 true", ["tea"] = "list", ["3 teas"] = "list 3", ["nothing"] = false,
    }, function(shop)
      shop:hear(bot.pattern "^(%d+) PIZZAS?$", function(chat, n) chat:say("pizza %s", n) end)
      shop:hear(function(text, chat) return text:find "XyZ" and text:find " " and 4, chat.number == "+491761234567" end, function(chat, n, is)
        chat:say("function %d %s", n, is)
      end)
      shop:hear({ "TEA", bot.pattern "^(%d+) teas$" }, function(chat, n) chat:say(n and "list " .. n or "list") end)
    end)
  end)

  it("wants nothing behind the keyword where it is told so", function()
    each({ ["news"] = "all", ["news today"] = "today" }, function(shop)
      shop:hear("NEWS", { whole = true }, function(chat) chat:say "all" end)
      shop:hear("NEWS", function(chat) chat:say(chat.rest) end)
    end)
  end)

  it("takes the first that matches, in the order of the file", function()
    assert.same({ "one" }, (function()
      local shop = shops.new(nil, function(s)
        s:hear("X", function(chat) chat:say "one" end)
        s:hear("X", function(chat) chat:say "two" end)
      end)
      local p = shop:test "491761234567"
      p:says "x":hears "one"
      return p.inbox
    end)())
  end)

  it("folds marks where it is told so, of the bot or of one", function()
    each({ ["Ordèr"] = "marks" }, function(shop) shop:hear("order", { fold = "accents" }, function(chat) chat:say "marks" end) end)
    each({ ["Ordèr"] = "marks", ["ΠAΡAΓΓEΛIA"] = "Greek" }, function(shop)
      shop:hear("order", function(chat) chat:say "marks" end)
      shop:hear("παραγγελία", function(chat) chat:say "Greek" end)
    end, { fold = "accents" })
    each({ ["Ordèr"] = false }, function(shop) shop:hear("order", function(chat) chat:say "marks" end) end)
  end)

  it("hears only by a number or a carrier where it is told so", function()
    local shop = shops.new({ number = { "12345", "678" }, carriers = { one = "smpp://a:b@one.example", two = "smpp://a:b@two.example" } }, function(s)
      s:hear("X", { number = "678" }, function(chat) chat:say "678" end)
      s:hear("X", { carrier = "two" }, function(chat) chat:say(chat.carrier) end)
      s:hear("X", function(chat) chat:say(chat.to) end)
    end)
    shop:test "491761234567":says "x":hears "12345"
    shop:test { number = "491761234567", to = "678" }:says "x":hears "678"
    shop:test { number = "491761234567", carrier = "two" }:says "x":hears "two"
    shop:test_end()
  end)

  it("hears data, which are acknowledged and dropped without", function()
    local heard
    local shop = shops.new(nil, function(s)
      s:hear(bot.data, function(chat)
        heard = chat.data
        assert(chat.text == nil)
        chat:say "data"
      end)
      s:otherwise(function(chat) chat:say "text" end)
    end)
    local p = shop:test "491761234567"
    p:says { data = "\1\2\255", data_coding = 4 }:hears "data":says "x":hears "text"
    assert.equal("\1\2\255", heard)
    shop = shops.new(nil, function(s) s:otherwise(function(chat) chat:say "text" end) end)
    shop:test "491761234567":says { data = "\1\2\255", data_coding = 4 }:silent "1 min"
    assert.truthy(shops.logged(shop, "nothing hears it"))
  end)

  it("raises for what cannot be heard", function()
    local shop = shops.new()
    local function nothing() end
    for _, call in ipairs {
      function() shop:hear(5, nothing) end, function() shop:hear "X" end, function() shop:hear("", nothing) end, function() shop:hear({}, nothing) end,
      function() shop:hear("X", { hole = true }, nothing) end, function() shop:hear("X", { carrier = "none" }, nothing) end,
      function() shop:otherwise(5) end,
    } do assert.has_error(call) end
    local _, message = pcall(function() shop:hear("X", { hole = true }, nothing) end)
    assert.matches("hear_spec.*did you mean 'whole'", message)
    shop:otherwise(nothing)
    assert.has_error(function() shop:otherwise(nothing) end)
  end)

  it("answers nothing that is not heard", function() assert.same({}, answers({ "x" }, function() end)) end)
end)
