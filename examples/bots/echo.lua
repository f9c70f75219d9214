-- Answers every message with its own text.
local bot = require "smpp.bot"

local echo = bot.new { "smpp://me:secret@localhost", number = "12345" }
echo:otherwise(function(chat) chat:say("You said: %s", chat.text) end)
echo:run()
