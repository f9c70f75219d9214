-- A keyword menu: opening hours, prices, and a way to a person.
local bot = require "smpp.bot"

local HELP = "Corner Shop: MENU, HOURS, PRICE and what you look for, or CALL ME."

local shop = bot.new {
  "smpp://me:secret@localhost", number = "12345", name = "Corner Shop", fold = "accents",
  texts = { help = HELP },
}

local PRICES = { bread = 3.20, milk = 1.10, coffee = 6.50 }

local function hours(chat) chat:say "Open Monday to Saturday, 7:00 to 20:00." end
local function call(chat) chat:say("We will call %s within the hour.", chat.number) end

shop:hear({ "HOURS", "OPEN" }, hours)
shop:hear("PRICE", function(chat)
  local what = chat.args[1] or chat:ask "The price of what?"
  local price = PRICES[what:lower()]
  chat:say(price and ("%s: EUR %.2f"):format(what, price) or "We do not have that.")
end)
shop:hear({ "CALL ME", bot.pattern "^please call" }, call)
shop:hear("MENU", function(chat)
  local choice = chat:choose("What can we do?", { { "Opening hours", value = hours }, { "Be called", value = call } })
  choice(chat)
end)
shop:otherwise(function(chat) chat:say(HELP) end)
shop:run()
