-- The short path of most messages: it does what the general one does, which the same random traffic shows.
local bot = require "smpp.bot"
local esme = require "spec.support.esme"
local random = require "smpp.base.random"
local smpp = require "smpp"

--- Sends all messages through the general path.
local function without_short_path(shop)
  function shop:deliver(_, pdu, client, session) return client.inbox:deliver(pdu, session) end -- luacheck: no self
end

local TEXTS = {
  "hello", "Hello again, this is a longer text", "ORDER", "order two of them", "ASK", "ask", "5", "yes", "MEMO", "memo x", "TWO", "SLEEP", "LONG",
  "RAISE", "ALL", "QUIET", "OPT", "ACCEPT", "FINAL", "SPAWN", "BYE", "STOP", "Start", "YES", "HELP", "info", "Cancel", "END", "заказ 5", "СТОП", "ΣΤΟΠ",
  "...", "стоп!", "ÉTÉ", "", "@£$", "Pizza 12", "REST a b c", "LATE", "TALK", "SAVE", ("x"):rep(150), ("я"):rep(60),
}

local PARTS = assert(smpp.text.split(("a long text of several parts, "):rep(7), { reference = 7 }))

--- What a bot does, with all that a handler may ask of a chat.
local function fill(shop, note)
  local function hear(words, fn) shop:hear(words, function(chat, ...)
    note("heard", chat.number, chat.to, chat.text, chat.channel)
    return fn(chat, ...)
  end) end
  hear("ORDER", function(chat) chat:say("You order %s of %d", chat.rest, #chat.args) end)
  hear({ "ASK", "заказ" }, function(chat)
    local answer = chat:ask("How many?", { match = bot.integer(1, 9), attempts = 2, within_s = 40 })
    chat.memory.last = answer
    chat:say("%d then", answer)
  end)
  hear(bot.pattern "^pizza (%d+)", function(chat, n) chat:say("pizza for " .. n) end)
  hear("MEMO", function(chat)
    chat:say "first"
    chat.memory.n = (chat.memory.n or 0) + 1
    chat:say("n is %d", chat.memory.n)
  end)
  hear("SAVE", function(chat)
    chat.memory = { kept = chat.text }
    note("saved", chat:save())
  end)
  hear("TWO", function(chat)
    note("said", (chat:say "one") and "sent", (chat:say "two") and "sent")
  end)
  hear("SLEEP", function(chat)
    smpp.sleep(3)
    chat:say "slept"
  end)
  hear("LATE", function(chat)
    smpp.sleep(7)
    note("late", (chat:say "late") and "sent")
  end)
  hear("LONG", function(chat) chat:say(("long answer "):rep(20)) end)
  hear("RAISE", function(chat)
    chat:say "now"
    error "raised here"
  end)
  hear("ALL", function(chat)
    shop.memory.n = (shop.memory.n or 0) + 1
    chat:say("%d in all", shop.memory.n)
  end)
  hear("QUIET", function() end)
  hear("OPT", function(chat) chat:say("with options", { receipt = false, priority = 1 }) end)
  hear("ACCEPT", function(chat)
    chat:accept()
    smpp.sleep(2)
    chat:say "accepted before"
  end)
  hear("FINAL", function(chat)
    chat:finally(function(reason) note("finally", reason) end)
    chat:say "almost"
  end)
  hear("SPAWN", function(chat)
    smpp.spawn(function() note("spawned", (chat:say "from another task") and "sent") end)
    smpp.sleep(1)
  end)
  hear("TALK", function(chat)
    shop:talk(chat.number, function(other) other:say "by the way" end)
    chat:say "talked"
  end)
  hear("BYE", function(chat)
    chat:say "bye"
    shop.loop:defer(function() smpp.spawn(function()
      smpp.sleep(1)
      note("afterwards", select(3, chat:say "after the end"))
    end) end)
  end)
  hear("REST", function(chat) chat:say(chat.rest .. "|" .. table.concat(chat.args, ",")) end)
  shop:otherwise(function(chat)
    note("heard", chat.number, chat.to, chat.text, chat.carrier, tostring(chat), chat.message.encoding)
    local sent, _, code = chat:say("You said: " .. chat.text)
    note("said", sent and sent.message_id, sent and #sent.parts, sent and sent.first.destination_addr, code)
  end)
end

--- One story; returns the list of all that could be seen, and how many messages took the short path.
local function story(seed, is_general)
  local seen, short = {}, 0
  esme.run(function(loop)
    local draw, faults = random.generator(seed), random.generator(seed + 1000)
    local function note(...)
      local line = { ("%.3f"):format(loop:now()) }
      for i = 1, select("#", ...) do line[#line + 1] = tostring((select(i, ...))) end
      seen[#seen + 1] = table.concat(line, " ")
    end
    local server = assert(smpp.server {
      port = 2775, answer_timeout_s = 100, response_timeout_s = 30,
      accounts = { me = { password = "secret", retry_s = 4, max_attempts = 20, keep_s = 3600 } },
      submit_sm = function(_, pdu)
        note("submit", pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.data_coding, pdu.esm_class,
          pdu.priority_flag, pdu.registered_delivery, pdu.short_message)
        local kind = faults()
        if kind < 0.3 then smpp.sleep(faults() * 4) end
        if kind > 0.97 then return nil, "ESME_RTHROTTLED" end
        if kind > 0.94 then return nil, "ESME_RINVDSTADR" end
        if kind > 0.92 then smpp.sleep(12) end
        return "id" .. #seen
      end,
    })
    server:on("error", function() end)
    local stored = require("smpp.store").memory()
    local commit = stored.commit
    function stored:commit(changes, done)
      for _, change in ipairs(changes) do note("store", change.op, change.key or change.record.key) end
      return commit(self, changes, done)
    end
    local shop = bot.new {
      "smpp://me:secret@127.0.0.1:2775", number = { "12345", "12346" }, loop = loop, reconnect = { fixed_s = 1 }, answer_timeout_s = 5,
      response_timeout_s = 8, store = stored, window = 3,
      log = function(record) note("log", record.event, (tostring(record.message):gsub("session %x+", ""))) end,
    }
    shop.o.loop = { repeats = 4, n = 12, per_s = 60, pause_s = 120 }
    fill(shop, note)
    shop:on("error", function(err) note("error", (tostring(err):gsub("^.-:%d+: ", ""))) end)
    shop:on("optout", function(number) note("optout", number) end)
    if is_general then without_short_path(shop) end
    assert(shop:start())
    local mt = { __newindex = function(t, key, value)
      short = short + 1
      rawset(t, key, value)
    end }
    setmetatable(shop.people.quick, mt)
    smpp.sleep(2)
    for i = 1, 220 do
      local phone, ton = ("49176000%04d"):format(math.floor(draw() * (draw() < 0.3 and 6 or 80))), 1
      local kind, text = draw(), TEXTS[1 + math.floor(draw() * #TEXTS)]
      if kind > 0.97 then phone, ton = "Shop", 5 end
      local fields = {
        source_addr = phone, source_addr_ton = ton, source_addr_npi = 1, destination_addr = draw() < 0.9 and "12345" or draw() < 0.8 and "12346" or "999",
        dest_addr_ton = 3, short_message = text,
      }
      if text:find "[\128-\255]" then
        local octets, info = smpp.text.encode(text)
        fields.short_message, fields.data_coding = octets, info.data_coding
      end
      if kind < 0.02 then fields.user_message_reference = i end
      if kind > 0.02 and kind < 0.04 then fields.data_coding = 4 end
      local list = { fields }
      if kind > 0.04 and kind < 0.07 then
        for n, part in ipairs(PARTS) do
          list[n] = { esm_class = 0x40, source_addr = phone, source_addr_ton = 1, destination_addr = "12345", short_message = part.octets }
        end
      end
      for _, one in ipairs(list) do
        assert(server:deliver("me", one, { done = function(ok, code) note("answered", one.source_addr, one.short_message, ok, code) end }))
      end
      if draw() < 0.6 then smpp.sleep(draw() * 12) end
      if draw() < 0.03 and server.sessions[1] then server.sessions[1]:reset() end
    end
    smpp.sleep(2000)
    setmetatable(shop.people.quick, nil)
    assert.is_nil(next(shop.people.quick))
    assert.is_nil(next(shop.dialogues))
    for i = 0, 79 do
      local person = shop.people:get(("49176000%04d"):format(i))
      note("person", i, person.window_at and ("%.6f"):format(person.window_at), person.window_n, person.repeats, person.last_in, person.last_out, person.paused_until, person.dialogues)
    end
    shop:stop(0)
    server:close(0)
  end, { seed = seed, limit_s = 1000000 })
  return seen, short
end

describe("smpp.bot.quick: the short path", function()
  local first = tonumber(os.getenv "SMPP_SEED")
  for seed = first or 1, first or 8 do
    it(("does what the general path does, seed %d"):format(seed), function()
      local general, none = story(seed, true)
      local seen, short = story(seed, false)
      for i = 1, math.max(#seen, #general) do
        if seen[i] ~= general[i] then
          local around = {}
          for j = math.max(1, i - 8), i + 3 do around[#around + 1] = ("%s\n   general: %s"):format(tostring(seen[j]), tostring(general[j])) end
          error(("seed %d, line %d differs:\n%s"):format(seed, i, table.concat(around, "\n")), 0)
        end
      end
      assert.equal(0, none)
      assert.is_true(short > 30, short)
    end)
  end
end)
