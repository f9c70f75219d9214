-- One-time passwords: LOGIN sends a code that is good for five minutes and three tries; its receipt is looked at.
local bot = require "smpp.bot"

local gate = bot.new { "smpp://me:secret@localhost", number = "12345", name = "Gate" }

--- Sends a code, and again once if its receipt says that it did not arrive.
local function deliver(chat, code)
  for _ = 1, 2 do
    local sent = chat:say("%s is your code, for five minutes.", code, { receipt = true, validity_s = 300 })
    if not sent then return false end
    local receipt = sent:receipt(30)
    if not receipt or receipt.state == "DELIVERED" then return true end
  end
  return false
end

gate:hear("LOGIN", { whole = true }, function(chat)
  chat:accept() -- the receipt may take longer than the message centre waits
  local code = bot.code(6)
  if not deliver(chat, code) then return chat:say "The code could not be delivered." end
  local answer = chat:ask("Please answer with the code.", {
    match = function(text) return text:gsub("%s", "") == code or nil end,
    again = "That is not the code.", attempts = 3, within_s = 300, optional = true,
  })
  chat.memory.logins = (chat.memory.logins or 0) + (answer and 1 or 0)
  chat:say(answer and "You are logged in." or "The code is no longer valid.")
end)

gate:otherwise(function(chat) chat:say "Send LOGIN for a code." end)
gate:run()
