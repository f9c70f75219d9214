-- Dice between two phones: "DICE +49..." invites; the higher number wins.
local bot = require "smpp.bot"

local dice = bot.new { "smpp://me:secret@localhost", number = "12345", name = "Dice" }

local function throw() return tonumber(bot.code(3)) % 6 + 1 end

dice:hear("DICE", function(chat)
  local other = chat.args[1] or chat:ask "With whom? Send the number."
  chat:accept()
  local mine, theirs = throw(), nil
  chat:say("You have a %d.", mine)
  local invitation = dice:talk(other, function(guest)
    if not guest:confirm("%s has thrown a %d. Do you play?", chat.number, mine, { within_s = 300 }) then return end
    theirs = throw()
    guest:say("You have a %d: you %s.", theirs, theirs > mine and "win" or theirs < mine and "lose" or "are even")
  end)
  local reason = invitation:wait()
  if not theirs then return chat:say(reason == "bad_value" and "That is no number." or "They do not play.") end
  chat:say("They have a %d: you %s.", theirs, mine > theirs and "win" or mine < theirs and "lose" or "are even")
end)

dice:otherwise(function(chat) chat:say "Send DICE and a number to play." end)
dice:run()
