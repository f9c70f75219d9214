local people = require "smpp.bot.people"
local shops = require "spec.support.shop"
local vaults = require "smpp.bot.vault"
local virtual = require "smpp.loop.virtual"

local NUMBER = "491761234567"

local function counter(path)
  return shops.new({ store = path, number = { "12345", "678" } }, function(shop)
    shop:hear("COUNT", function(chat)
      chat.memory.n = (chat.memory.n or 0) + 1
      shop.memory.total = (shop.memory.total or 0) + 1
      chat:say("%d of %d", chat.memory.n, shop.memory.total)
      if chat.rest == "ask" then
        chat:ask "Q?"
        chat.memory.n = 1000
        chat:ask "never saved"
      end
    end)
    shop:hear("REPLACE", function(chat)
      chat.memory = { n = 41, list = { "a", { b = true } } }
      shop.memory = { total = 100 }
    end)
    shop:hear("CLEAR", function(chat) chat.memory = {} end)
  end)
end

describe("smpp.bot.people: memory", function()
  it("is per subscriber on all numbers, and one for all", function()
    local shop = counter()
    local p = shop:test(NUMBER)
    p:says "count":hears "1 of 1"
    shop:test { number = NUMBER, to = "678" }:says "count":hears "2 of 2"
    shop:test "491761234568":says "count":hears "1 of 3"
    p:says "replace":says "count":hears "42 of 101":says "clear":says "count":hears "1 of 102"
    shop:test_end()
  end)

  it("may be looked at before the bot begins", function()
    local shop = counter()
    shop.memory.total = 5
    shop:test(NUMBER):says "count":hears "1 of 6"
    shop:test_end()
  end)

  it("survives kill -9: what was written at a wait or an end is there", function()
    local path = shops.path()
    counter(path):test(NUMBER):says "count":hears "1 of 1":says "count":hears "2 of 2"
    local shop = counter(path) -- nobody has closed the first
    shop:test(NUMBER):says "count":hears "3 of 3"
    shop:test_end()
    os.remove(path)
  end)

  it("is written at a question, and not what comes behind it", function()
    local path = shops.path()
    counter(path):test(NUMBER):says "count ask":hears "1 of 1":hears "Q?"
    local shop = counter(path)
    local p = shop:test(NUMBER)
    p:hears "Sorry, we were interrupted. Please start again.":says "count":hears "2 of 2"
    shop:test_end()
    os.remove(path)
  end)

  it("and nothing is said about the restart after the time for the answer has passed", function()
    for at, is_told in pairs { ["2025-01-01 12:09 UTC"] = true, ["2025-01-01 12:12 UTC"] = false } do
      local path = shops.path()
      local function make() return shops.new({ store = path, texts = { restarted = "Again, please." } }, function(shop)
        shop:hear("ASK", function(chat) chat:ask("Q?", { within_s = 600 }) end)
        shop:otherwise(function(chat) chat:say "new" end)
      end) end
      make():test(NUMBER):says "ask":hears "Q?"
      local shop = make() -- the first was killed
      local p = shop:test { number = NUMBER, at = at }
      if is_told then p:hears "Again, please." end
      p:silent "1 h":says "5":hears "new" -- the dialogue has ended either way
      shop:test_end()
      shop = make()
      shop:test { number = NUMBER, at = "2025-01-01 12:09 UTC" }:silent "1 h" -- it is said once
      os.remove(path)
    end
  end)

  it("is written now where the handler says so", function()
    local path = shops.path()
    local function make(fn) return shops.new({ store = path }, function(shop) shop:otherwise(fn) end) end
    make(function(chat)
      chat.memory.n = 5
      assert(chat:save())
      chat.memory.n = 6
      require("smpp").sleep(100)
    end):test(NUMBER):says "x"
    make(function(chat) chat:say("%d", chat.memory.n) end):test(NUMBER)
      :hears "Sorry, we were interrupted. Please start again.":says "x":hears "5"
    os.remove(path)
  end)

  it("raises for what is not plain data, with its path", function()
    for path, fn in pairs {
      ["memory.a.b: expected plain data, got a function"] = function(chat) chat.memory.a = { b = print } end,
      ["memory: expected a table, got a number"] = function(chat) chat.memory = 5 end,
      ["memory[1]: expected plain data, got a userdata"] = function(chat)
        chat.memory[1] = io.stdout
        chat:ask "Q?"
      end,
    } do
      local err
      local shop = shops.new(nil, function(shop) shop:otherwise(fn) end)
      shop:on("error", function(message) err = message end)
      local p = shop:test { number = NUMBER, errors = true }
      p:says "x"
      assert.truthy(err and err:find(path, 1, true), tostring(err))
    end
  end)

  it("of many is forgotten and loaded again, but not of those in a dialogue", function()
    local loop = virtual.new()
    local vault = assert(vaults.open(nil))
    local all = people.new(loop, vault)
    for i = 1, 1000 do all:get(tostring(i)) end
    local busy = all:get "5"
    busy.dialogues = 1
    busy:memory().n = 1
    loop:advance(3601)
    all:get "x"
    loop:advance(3601)
    all:get "x"
    local n = 0
    for _ in pairs(all.old) do n = n + 1 end
    assert.is_true(n <= 2, n)
    assert.equal(busy, all:get "5")
  end)
end)

describe("smpp.bot.people", function()
  local function count(set)
    local n = 0
    for key in pairs(set) do n = n + (key == "*" and 0 or 1) end
    return n
  end

  it("keeps no table of one who wrote, was answered and has no memory", function()
    local shop = shops.new(nil, function(shop) shop:otherwise(function(chat)
      if chat.text == "remember" then chat.memory.seen = true end
      chat:say("%s", chat.text)
    end) end)
    for i = 1, 50 do shop:test("4917612345" .. 10 + i):says "x":hears "x" end
    local all = shop.people
    assert.same({ 0, 50 }, { count(all.young), (all.loops:count()) })
    shop:test(NUMBER):says "remember":hears "remember"
    shop:test("4917612345" .. 12):says "x":hears "x":waits "2 h":says "x":hears "x":says "y":hears "y"
    assert.same({ 0, 1 }, { count(all.young), count(all.old) })
    assert.truthy(all.old[NUMBER])
    assert.equal(1, (all.loops:count())) -- the others are older than an hour
    shop:test_end()
  end)

  it("keeps the state of loop protection of one who is dropped", function()
    local loop = virtual.new()
    local all = people.new(loop, { })
    local function random(from, to) return from + math.floor(loop:random() * (to - from + 1)) end
    for i = 1, 300 do
      local text, reply = random(0, 1) == 1 and all:mark("a" .. i) or nil, random(0, 1) == 1 and all:mark("b" .. i) or nil
      local person = all:get "1"
      person.window_at, person.window_n, person.repeats, person.last_in, person.last_out = i, random(1, 70000), random(0, 4), text, reply
      all:release(person, i)
      local is_kept = person.window_n > 0xFFFF
      assert.equal(is_kept and person or nil, all.young["1"])
      local again = all:current(person)
      assert.equal(is_kept, again == person)
      for _, name in ipairs { "window_at", "window_n", "repeats" } do assert.equal(person[name], again[name]) end
      assert.same({ text or 0, reply or 0 }, { again.last_in or 0, again.last_out or 0 })
      all.young["1"] = nil
    end
    local person
    for _, name in ipairs { "outs", "bucket", "sorry_at", "paused_until", "is_loaded" } do
      person = all:get(name)
      person[name] = 5
      all:release(person, 1)
      assert.equal(person, all.young[name])
    end
    person = all:get "3"
    person.dialogues = 1
    all:release(person, 1)
    assert.equal(person, all.young["3"])
  end)
end)
