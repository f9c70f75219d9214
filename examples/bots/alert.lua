-- On call: an alert goes to the first on the list, and on to the next if nobody confirms within ten minutes.
local bot = require "smpp.bot"

local ON_CALL = { "+491761234561", "+491761234562", "+491761234563" }

local alert = bot.new { "smpp://me:secret@localhost", number = "12345", name = "Alerts", optout = false }

--- Tells one after the other until somebody confirms; returns who, or nil.
local function raise(what)
  local taken_by
  for _, number in ipairs(ON_CALL) do
    local talk = alert:talk(number, function(chat)
      if chat:confirm("ALERT: %s. Do you take it?", what, { within_s = 600, optional = true, attempts = 1 }) then
        taken_by = number
        chat:say "It is yours."
      end
    end, { urgent = true })
    talk:wait()
    if taken_by then break end
  end
  return taken_by
end

-- The monitoring sends an SMS: "ALERT disk full".
alert:hear("ALERT", function(chat)
  chat:accept()
  local number = raise(chat.rest)
  chat:say(number and "Taken by " .. number or "Nobody has taken it.")
end)
alert:run()
