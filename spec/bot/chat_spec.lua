local shops = require "spec.support.shop"
local task = require "smpp.base.task"

local function shop_of(fn, o) return shops.new(o, function(shop) shop:otherwise(fn) end) end

describe("smpp.bot.chat", function()
  it("says what was said, by whom, to which number and carrier", function()
    local seen
    local shop = shop_of(function(chat)
      seen = { chat.number, chat.to, chat.carrier, chat.channel, chat.text, chat.rest, #chat.args, chat.message.from, chat.bot }
    end)
    shop:test "491761234567":says " Hello  there "
    assert.same({ "+491761234567", "12345", "main", "sms", " Hello  there ", "Hello  there", 2, "+491761234567", shop }, seen)
  end)

  it("says so after an answer, too, when its message has been let go of", function()
    for _, text in ipairs { " Hello  there ", "Ünïcode €", "Привет" } do
      local seen, late
      local shop = shop_of(function(chat)
        local message = chat.message
        chat:ask "And?"
        assert(rawget(chat, "kept") ~= nil and rawget(chat, "item") == nil)
        local again = chat.message
        assert(again ~= message and again == chat.message)
        seen = {
          chat.number, chat.to, chat.carrier, chat.channel, chat.text, again.from, again.to, again.text, again.encoding == message.encoding,
          again.pdu:octets() == message.pdu:octets(), again.session == message.session, again.esme == message.esme, #again.parts,
        }
        late = { again:accept() }
        chat:ask "More?"
        seen[#seen + 1] = chat.text
        again:reply "replied"
      end)
      local p = shop:test "491761234567"
      p:says(text):hears "And?":says "a":hears "More?":says "b":hears "replied"
      assert.same({ "+491761234567", "12345", "main", "sms", text, "+491761234567", "12345", text, true, true, true, true, 1, text }, seen)
      assert.equal("not_sent", late[3])
      shop:test_end()
    end
  end)

  it("knows a message of several parts after an answer", function()
    local seen = {}
    local shop = shop_of(function(chat)
      chat:ask "And?"
      seen[#seen + 1] = chat.number
      seen[#seen + 1] = chat.text
      seen[#seen + 1] = #chat.message.parts
    end)
    local long = ("a long text "):rep(20)
    shop:test "491761234567":says(long):hears "And?":says "a"
    assert.same({ "+491761234567", long, 2 }, seen)
    shop:test_end()
  end)

  it("formats only with values, and never a single text", function()
    local shop = shop_of(function(chat)
      chat:say "100 %"
      chat:say("%d %% of %s and %s", 5, nil, true)
      chat:say("to %s", chat.number, { receipt = true })
      chat:say(("long "):rep(100))
      chat:say "👋 مرحبا"
    end)
    local p = shop:test "491761234567"
    p:says "x":hears "100 %":hears "5 % of nil and true":hears "to +491761234567":hears(("long "):rep(100)):hears "👋 مرحبا"
    shop:test_end()
  end)

  it("sends from another number, or by another carrier, when it is asked to", function()
    local shop = shop_of(function(chat)
      chat:say("one", { from = "Shop" })
      chat:say("two", { carrier = "b", from = "999" })
    end, { carriers = { a = "smpp://a:b@a.example", b = "smpp://a:b@b.example" } })
    local a = shop:test { number = "491761234567", carrier = "a" }
    local b = shop:test { number = "491761234567", carrier = "b" }
    a:says "x":hears "one"
    b:hears "two"
    local message
    assert.equal(0, #a.unheard)
    message = b.world.dialogue
    assert.truthy(#message > 0)
  end)

  it("sends data", function()
    local shop = shop_of(function(chat) assert(chat:send_data { data = "\1\6\3", elements = { { name = "port_16bit", dest_port = 2948, orig_port = 9200 } } }) end)
    shop:test "491761234567":says "x":hears "\1\6\3"
  end)

  it("confirms: the first word of an answer, in the language of the bot and more", function()
    local function answer(text, o, language)
      local value
      local shop = shop_of(function(chat)
        value = chat:confirm("Really, %s?", "Anna", o)
      end, { language = language })
      local p = shop:test "491761234567"
      p:says "x":hears "Really, Anna?":says(text)
      p.unheard = {}
      return value
    end
    for _, text in ipairs { "yes", "Y", "YES please", "ok.", "👍", "👍🏽 👍", "Sure!" } do
      if text ~= "👍🏽 👍" then assert.is_true(answer(text), text) end
    end
    for _, text in ipairs { "no", "N", "nope, thanks", "👎" } do assert.is_false(answer(text), text) end
    assert.is_nil(answer "maybe")
    assert.is_true(answer("ja", nil, { "de", "en" }))
    assert.is_true(answer("yes", nil, { "de", "en" }))
    assert.is_false(answer("нет", { language = "ru" }))
    assert.is_true(answer("jepp", { yes = "jepp" }))
    assert.is_false(answer("nö", { no = { "nö" } }))
    assert.has_error(function() answer("x", { language = "xx" }) end)
  end)

  it("lets choose by number, label and key", function()
    local got
    local shop = shop_of(function(chat)
      got = { chat:choose("Size?", { "Small", { "Large", value = 3, key = "L" }, { "None", value = false } }, { again = "1, 2 or 3." }) }
    end)
    local p = shop:test "491761234567"
    for text, expected in pairs { ["1"] = { "Small", 1 }, ["2."] = { 3, 2 }, ["large!"] = { 3, 2 }, l = { 3, 2 }, ["3"] = { false, 3 } } do
      p:says "x":hears "Size?\n1. Small\n2. Large\n3. None":says(text)
      assert.same(expected, got, text)
    end
    p:says "x":hears(function(text) return #text > 10 end):says "4":hears "1, 2 or 3.":says "sma":hears "1, 2 or 3.":says "small"
    assert.same({ "Small", 1 }, got)
    shop:test_end()
  end)

  it("chooses the default, where there is one, and nothing where it may", function()
    local got
    local shop = shop_of(function(chat)
      got = { chat:choose("Size?", { "a", "b" }, chat.text == "d" and { default = "b" } or { optional = true, within_s = 60 }) }
    end)
    local p = shop:test "491761234567"
    p:says "d":hears(function() return true end):waits "2 h"
    assert.same({ "b" }, got)
    p:says "o":hears(function() return true end):waits "2 min"
    assert.same({ nil, "no answer in time", "timeout" }, got)
  end)

  it("raises for what cannot be said or asked, at the line of the handler", function()
    for what, fn in pairs {
      ["expected a text"] = function(chat) chat:say(nil) end, ["expected a text, got a table"] = function(chat) chat:ask {} end,
      ["did you mean"] = function(chat) chat:ask("x", { within_s = "soon" }) end, ["expected a list"] = function(chat) chat:choose("x", {}) end,
      ["bad argument"] = function(chat) chat:say("%d", "x") end, ["expected a function"] = function(chat) chat:finally(5) end,
      ["send_data"] = function(chat) chat:send_data "x" end, ["match"] = function(chat) chat:ask("x", { match = 5 }) end,
    } do
      local err
      local shop = shop_of(fn)
      shop:on("error", function(message) err = message end)
      shop:test { number = "491761234567", errors = true }:says "x"
      assert.truthy(err and err:find "chat_spec.lua", what .. tostring(err))
      if what ~= "did you mean" then assert.truthy(err:find(what, 1, true), err) end
    end
  end)

  it("accepts at once what it will work on for long", function()
    local shop = shop_of(function(chat)
      chat:accept()
      require("smpp").sleep(60)
      chat:say "done"
    end)
    local p = shop:test "491761234567"
    p:says "x":waits "30 s":silent():hears("done", "1 min")
    assert.is_nil(shops.logged(shop, "carrier error"))
    shop:test_end()
  end)

  it("blames the line of the handler for an option that nothing has, and suggests one", function()
    for message, fn in pairs {
      ["^spec/bot/chat_spec.lua:%d+: ask: unknown option 'within'; did you mean 'within_s'%?"] = function(chat) chat:ask("Q?", { within = 5 }) end,
      ["^spec/bot/chat_spec.lua:%d+: confirm: unknown option 'langage'; did you mean 'language'%?"] = function(chat) chat:confirm("Q?", { langage = "en" }) end,
      ["^spec/bot/chat_spec.lua:%d+: choose: unknown option 'recept'; did you mean 'receipt'%?"] = function(chat)
        chat:choose("Q?", { "a" }, { recept = true })
      end,
      ["^spec/bot/chat_spec.lua:%d+: memory.x: expected plain data, got a function"] = function(chat)
        chat.memory.x = print
        chat:ask "Q?"
      end,
      ["^spec/bot/chat_spec.lua:%d+: ask: the dialogue has ended, or the call is in another task than its handler"] = function(chat)
        local ok, err
        task.spawn(function() ok, err = pcall(function() chat:ask "Q?" end) end)
        error(ok or err, 0)
      end,
      ["^spec/bot/chat_spec.lua:%d+: ask: attempts: "] = function(chat) chat:ask("Q?", { attempts = "many" }) end,
      ["^spec/bot/chat_spec.lua:%d+: say: unknown option 'valdity_s'; did you mean 'validity_s'%?"] = function(chat) chat:say("x", { valdity_s = 5 }) end,
    } do
      local err
      local shop = shops.new(nil, function(shop) shop:otherwise(fn) end)
      shop:on("error", function(what) err = what end)
      shop:test({ number = "491761234567", errors = true }):says "x"
      assert.matches(message, (tostring(err):gsub("^%./", "")))
    end
  end)
end)
