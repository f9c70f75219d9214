-- An airtime menu: *100# and the SMS "AIRTIME" are the same conversation.
local bot = require "smpp.bot"

local airtime = bot.new { "smpp://me:secret@localhost", number = "12345", name = "Airtime" }

local function balance(chat) chat:say("Your balance is %d.", chat.memory.balance or 0) end

local function top_up(chat)
  local amount = chat:ask("How much, 5 to 50?", { match = bot.integer(5, 50), again = "From 5 to 50, please." })
  chat.memory.balance = (chat.memory.balance or 0) + amount
  balance(chat)
end

local function send(chat)
  local number = chat:ask("To which number?", { match = bot.pattern "^%+?(%d%d%d%d%d%d%d+)$" })
  local amount = chat:ask("How much?", { match = bot.integer(1) })
  if amount > (chat.memory.balance or 0) then return chat:say "That is more than you have." end
  if not chat:confirm("Send %d to %s?", amount, number) then return chat:say "Nothing sent." end
  chat.memory.balance = chat.memory.balance - amount
  chat:say("%d sent.", amount)
end

local function menu(chat)
  local choice = chat:choose("Airtime", { { "Balance", value = balance }, { "Top up", value = top_up }, { "Send", value = send } })
  choice(chat)
end

airtime:hear({ "*100#", "AIRTIME" }, menu)
airtime:hear("*100*1#", balance)
airtime:run()
