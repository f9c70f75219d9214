local bot = require "smpp.bot"
local shops = require "spec.support.shop"

local NUMBER = "491761234567"

--- A program of sh that answers each line with what `case` makes of it.
local function program(case)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("while read -r line; do\n  id=$(printf '%s' \"$line\" | sed 's/.*\"id\":\"\\([0-9]*\\)\".*/\\1/')\n  case \"$line\" in\n", case, "\n  esac\ndone\n")
  file:close()
  return "exec sh " .. path, path
end

local function shop_of(command, o) return shops.new(o, function(shop) shop:otherwise(bot.program(command)) end) end

describe("smpp.bot.program", function()
  it("says and asks what a program answers, and keeps its memory", function()
    local command, path = program [[
    *'"text":"hi"'*) echo "{\"id\":\"$id\",\"say\":[\"Hello\",\"Your name?\"],\"ask\":true}" ;;
    *'"n":7'*'"text":"seen"'*) echo "{\"id\":\"$id\",\"say\":\"remembered\"}" ;;
    *'+491761234567'*'"text":"Anna"'*) echo "{\"id\":\"$id\",\"say\":[\"Hi Anna\"],\"end\":true,\"memory\":{\"n\":7}}" ;;
    *) echo "{\"id\":\"$id\",\"say\":[\"what?\"]}" ;;]]
    local shop = shop_of(command)
    local p, q = shop:test(NUMBER), shop:test "491761234568"
    p:says "hi":hears "Hello":hears "Your name?"
    q:says "x":hears "what?"
    p:says "Anna":hears "Hi Anna":says "seen":hears "remembered"
    shop:test_end()
    require("smpp.bot.driver").run(shop, function() shop:stop() end)
    os.remove(path)
  end)

  it("is started again when it dies; the message is an error of the handler", function()
    local command, path = program [[
    *'"text":"die"'*) exit 3 ;;
    *'"text":"junk"'*) echo "no JSON" ;;
    *) echo "{\"id\":\"$id\",\"say\":[\"alive\"]}" ;;]]
    local shop = shop_of(command, { texts = { sorry = false } })
    local errors = {}
    shop:on("error", function(err) errors[#errors + 1] = err end)
    local p = shop:test { number = NUMBER, errors = true }
    p:says "x":hears "alive":says "die":silent "1 s":says "y":hears "alive":says "junk":silent "1 s":says "z":hears "alive"
    assert.same(2, #errors)
    assert.matches("it ended with 3", errors[1])
    assert.matches("not a line of JSON", errors[2])
    require("smpp.bot.driver").run(shop, function() shop:stop() end)
    os.remove(path)
  end)

  it("raises for what is no command", function() assert.has_error(function() bot.program(5) end) end)
end)
