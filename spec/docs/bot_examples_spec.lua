-- Each bot of examples/bots, talked with by phones of a test.
local bot = require "smpp.bot"
local driver = require "smpp.bot.driver"

local NUMBER = "491761234567"

local function any() return true end

local specs = {}

function specs.echo(shop) shop():test(NUMBER):says "Hi":hears "You said: Hi" end

function specs.menu(shop)
  local p = shop():test(NUMBER)
  p:says "Hours?":hears "Open Monday to Saturday, 7:00 to 20:00."
  p:says "price MILK":hears "MILK: EUR 1.10"
  p:says "prïce":hears "The price of what?":says "gold":hears "We do not have that."
  p:says "please call me!":hears "We will call +491761234567 within the hour."
  p:says "menu":hears "What can we do?\n1. Opening hours\n2. Be called":says "opening hours":hears "Open Monday to Saturday, 7:00 to 20:00."
  p:says "x":hears(bot.pattern "^Corner Shop: MENU"):says "help":hears(bot.pattern "^Corner Shop: MENU")
end

function specs.passwords(shop)
  local p = shop():test(NUMBER)
  local code
  local function sent(text)
    code = text:match "^(%d%d%d%d%d%d) is your code"
    return code
  end
  p:says "login":hears(sent):hears "Please answer with the code.":says "1":hears "That is not the code.":says(code):hears "You are logged in."
  p:says "login":hears(sent):hears "Please answer with the code.":waits "6 min":hears "The code is no longer valid."
  p:says "login":hears(sent):hears(any):says "1":hears(any):says "2":hears(any):says "3":hears "The code is no longer valid."
  p:says "x":hears "Send LOGIN for a code."
end

function specs.survey(_, load)
  local path = os.tmpname()
  local shop = load { SURVEY_FILE = path }
  local p, q = shop:test(NUMBER), shop:test "491761234568"
  p:says "survey":hears(any):says "9":hears(any):says "5":hears "How did you hear of us?\n1. Friends\n2. Newspaper\n3. Other":says "friends"
  p:hears "Anything else? (NO, if not)":says 'Very "good"':hears "Thank you!":says "survey":hears(bot.pattern "already")
  q:says "survey":hears(any):waits "25 h":hears(bot.pattern "^Never mind")
  local file = assert(io.open(path))
  assert.equal('"+491761234567","5","Friends","Very ""good"""\n', file:read "*a")
  file:close()
  os.remove(path)
  shop:test_end()
end

function specs.appointments(shop)
  shop = shop()
  local p = shop:test { number = NUMBER, at = "2025-01-01 08:30 UTC" }
  p:hears("Your appointment is tomorrow at 10:30. Will you come?\n1. Yes\n2. No, cancel it", "1 h"):says "y":hears "See you tomorrow at 10:30."
  p:says "appointment":hears "At 10:30: confirmed.":silent "2 d"
  shop:test_end()
end

function specs.alert(shop)
  shop = shop()
  local monitor = shop:test "491769999999"
  local first, second, third = shop:test "491761234561", shop:test "491761234562", shop:test "491761234563"
  monitor:says "ALERT disk full":silent()
  first:hears "ALERT: disk full. Do you take it?":waits "9 min"
  second:silent "30 s":hears("ALERT: disk full. Do you take it?", "2 min"):says "no"
  third:hears "ALERT: disk full. Do you take it?":says "yes":hears "It is yours."
  monitor:hears "Taken by +491761234563"
  shop:test_end()
end

function specs.airtime(shop)
  shop = shop()
  local p = shop:test { number = NUMBER, channel = "ussd" }
  p:dials "*100#":hears "Airtime\n1. Balance\n2. Top up\n3. Send":says "2":hears "How much, 5 to 50?":says "60":hears "From 5 to 50, please.":says "20"
  p:hears "Your balance is 20.":closed():dials "*100*1#":hears(any)
  shop:test(NUMBER):says "airtime":hears(any):says "send":hears "To which number?":says "+491761234568":hears "How much?":says "5"
    :hears "Send 5 to 491761234568?":says "yes":hears "5 sent."
end

function specs.dice(shop)
  shop = shop()
  local p, q = shop:test(NUMBER), shop:test "491761234568"
  p:says "dice +491761234568":hears(bot.pattern "^You have a [1-6]%.$")
  q:hears(bot.pattern "^%+491761234567 has thrown a [1-6]%. Do you play%?$"):says "yes":hears(bot.pattern "^You have a [1-6]: you ")
  p:hears(bot.pattern "^They have a [1-6]: you ")
  p:says "dice":hears "With whom? Send the number.":says "nobody":hears(bot.pattern "^You have"):hears "That is no number."
  p:says "dice +491761234568":hears(any)
  q:hears(any):waits "6 min"
  p:hears "They do not play."
  shop:test_end()
end

function specs.ask_program(shop)
  shop = shop()
  local p = shop:test(NUMBER)
  p:says "hello":hears "5 letters. Another?":says "bye":hears "3 letters. Another?":says "no":hears "Bye."
  driver.run(shop, function() shop:stop() end)
end

describe("a bot of examples/bots", function()
  local list = assert(io.popen "ls examples/bots")
  for name in list:lines() do
    it(name .. " does what it says in at most 40 lines", function()
      local path, lines = "examples/bots/" .. name, 0
      for _ in io.lines(path) do lines = lines + 1 end
      assert.is_true(lines <= 40, lines .. " lines")
      local spec = specs[name:match("^(.*)%.lua$")]
      assert.is_function(spec, path .. " has no spec")
      local function load(env)
        local shop = assert(bot.load(path, setmetatable(env or {}, { __index = _G })))
        shop.o.log = false
        return shop
      end
      spec(load, load)
    end)
  end
  list:close()
end)
