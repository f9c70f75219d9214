local bot = require "smpp.bot"
local reload = require "smpp.bot.reload"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"

local FILE = [[
local bot = require "smpp.bot"
local shop = bot.new { "smpp://me:secret@localhost", number = "12345", log = LOG, texts = { help = "help VERSION" } OPTIONS }
shop:hear("GO", function(chat)
  chat.memory.n = (chat.memory.n or 0) + 1
  chat:say("VERSION %s %d", chat:ask "Q?", chat.memory.n)
end)
shop:hear("SEND", function(chat) shop:send(chat.number, "sent VERSION") end)
shop:every("1 h", function() ticks[#ticks + 1] = "VERSION" end)
shop:on("optout", function() ticks[#ticks + 1] = "out VERSION" end)
shop:otherwise(function(chat) chat:say "VERSION" end)
MORE
shop:run()
]]

--- A bot of a file in a test, and what writes the file anew.
local function running()
  local path, records = os.tmpname(), {}
  local env = setmetatable({ LOG = function(record) table.insert(records, record) end, ticks = {} }, { __index = _G })
  local function write(version, options, more)
    local text = FILE:gsub("VERSION", version):gsub("OPTIONS", options or ""):gsub("MORE", function() return more or "" end)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end
  local function load() return bot.load(path, setmetatable({}, { __index = env })) end
  write "one"
  local shop = assert(load())
  shop.records = records
  local p = shop:test(NUMBER)
  reload.watch(shop, load, path)
  return shop, p, write, path, env.ticks, load
end

describe("smpp.bot.reload", function()
  it("takes new conversations to the new code within two seconds, and ends running ones with the old", function()
    local shop, p, write, path = running()
    p:says "go":hears "Q?"
    write "two"
    p:waits "2 s"
    assert.truthy(shops.logged(shop, path .. " reloaded"))
    p:says "a":hears "one a 1":says "x":hears "two":says "help":hears "help two":says "go":hears "Q?":says "b":hears "two b 2"
    p:says "send":hears "sent two" -- the shop of the new file is the running one
    shop:test_end()
    os.remove(path)
  end)

  it("keeps the times of schedules, and exchanges listeners", function()
    local shop, p, write, path, ticks = running()
    p:waits "50 min"
    write "two"
    p:waits "11 min"
    assert.same({ "two" }, ticks)
    p:says "stop":hears(function() return true end)
    assert.same({ "two", "out two" }, ticks)
    write("three", "", 'shop:every("30 min", function() ticks[#ticks + 1] = "half" end)')
    p:waits "31 min"
    assert.equal("half", ticks[3])
    assert.equal(2, #shop.schedules)
    os.remove(path)
  end)

  it("changes nothing for a broken file, and says why, once", function()
    local shop, p, write, path = running()
    write("two", "", "local x = = 5")
    p:waits "10 s"
    local record = shops.logged(shop, "not reloaded")
    assert.truthy(record.message:find(path .. " not reloaded: " .. path .. ":11: ", 1, true), record.message)
    assert.equal(1, shops.count(shop, "not reloaded"))
    p:says "x":hears "one"
    write("two", ", numbr = 5")
    p:waits "3 s":says "x":hears "one"
    write("two", "", "error 'oops'")
    p:waits "3 s":says "x":hears "one"
    assert.equal(3, shops.count(shop, "not reloaded"))
    write "three"
    p:waits "3 s":says "x":hears "three"
    os.remove(path)
  end)

  it("names what needs a restart, and does not apply it", function()
    local shop, p, write, path = running()
    write("two", ", store = '/nonexistent/x', window = 3")
    p:waits "3 s":says "x":hears "two"
    local record = shops.logged(shop, "restart is needed")
    assert.matches("reloaded; a restart is needed for: carriers, store$", record.message)
    assert.is_nil(shop.o.store)
    os.remove(path)
  end)

  it("reads an unchanged file again at SIGHUP", function()
    local shop, p, _, path = running()
    p.world.loop:raise "SIGHUP"
    p:waits "1 s"
    assert.equal(1, shops.count(shop, "reloaded"))
    os.remove(path)
  end)

  it("says by its result what happened", function()
    local shop, _, write, path, _, load = running()
    assert.is_true(reload.now(shop, load, path))
    write("two", "", "error 'oops'")
    local ok, message = reload.now(shop, load, path)
    assert.is_nil(ok)
    assert.matches("oops", message)
    os.remove(path)
  end)
end)
