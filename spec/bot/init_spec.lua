local bot = require "smpp.bot"

local function file_of(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local GOOD = [[
local bot = require "smpp.bot"
local shop = bot.new { "smpp://me:secret@localhost", number = "12345", log = function() end }
shop:otherwise(function(chat) chat:say("%s", greeting or "hello") end)
shop:run()
return shop
]]

local function load(text, env)
  local path = file_of(text)
  local shop, message = bot.load(path, env)
  os.remove(path)
  return shop, message and message:gsub(path:gsub("%p", "%%%0"), "FILE")
end

describe("smpp.bot", function()
  it("loads the bot of a file without running it", function()
    local shop = assert(load(GOOD))
    shop:test "491761234567":says "x":hears "hello"
    shop = assert(load(GOOD, setmetatable({ greeting = "good day" }, { __index = _G })))
    shop:test "491761234567":says "x":hears "good day"
  end)

  it("says what is wrong with a file, and where", function()
    for text, wanted in pairs {
      ["local x ="] = "^FILE:1: ", ["\nerror 'oops'"] = "^FILE:2: oops", ["local bot = 5"] = "^FILE: no bot: the file does not call bot.new",
      ["require('smpp.bot').new { 'smpp://a:b@c', numbr = 1 }"] = "^FILE:1: unknown option 'numbr'; did you mean 'number'",
      [GOOD:gsub("return shop", "bot.new { 'smpp://a:b@c' }")] = "second",
    } do
      local shop, message = load(text)
      assert.is_nil(shop)
      assert.matches(wanted, message)
    end
    local shop, message = bot.load "/nonexistent/file.lua"
    assert.is_nil(shop)
    assert.matches("nonexistent", message)
  end)

  it("makes random codes, in tests from the seed of the loop", function()
    local function codes()
      local list = {}
      local shop = require("spec.support.shop").new(nil, function(shop) shop:otherwise(function(chat)
        list[#list + 1] = bot.code(6)
        chat:say(bot.code(4))
      end) end)
      shop:test "491761234567":says "x":hears(bot.pattern "^%d%d%d%d$"):says "x"
      return list
    end
    local first = codes()
    assert.matches("^%d%d%d%d%d%d$", first[1])
    assert.are_not.equal(first[1], first[2])
    assert.same(first, codes())
    assert.equal(40, #bot.code(40))
    assert.has_error(function() bot.code(0) end)
  end)

  it("makes more than one bot outside a file", function()
    assert.are_not.equal(bot.new { "smpp://a:b@c" }, bot.new { "smpp://a:b@c" })
    assert.equal("bot 12345", tostring(bot.new { "smpp://a:b@c", number = "12345" }))
  end)
end)
