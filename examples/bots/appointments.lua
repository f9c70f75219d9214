-- Reminds of tomorrow's appointments, and takes confirmations and cancellations.
local bot = require "smpp.bot"

local clinic = bot.new {
  "smpp://me:secret@localhost", number = "12345", name = "Clinic", quiet = "20:00-08:00", store = CLINIC_STORE, -- luacheck: ignore 113
}

-- Instead of a database: number -> time and state.
local appointments = { ["+491761234567"] = { at = "10:30", state = "open" } }

local function remind(chat)
  local appointment = appointments[chat.number]
  local answer = chat:choose(("Your appointment is tomorrow at %s. Will you come?"):format(appointment.at), {
    { "Yes", key = "Y", value = "confirmed" }, { "No, cancel it", key = "N", value = "cancelled" },
  }, { within_s = 12 * 3600, optional = true, attempts = 5 })
  appointment.state = answer or "unknown"
  if answer == "confirmed" then chat:say("See you tomorrow at %s.", appointment.at) end
  if answer == "cancelled" then chat:say "It is cancelled. Call us for another." end
end

clinic:every("day 09:00", function()
  for number, appointment in pairs(appointments) do
    if appointment.state == "open" then clinic:talk(number, remind) end
  end
end)

clinic:hear("APPOINTMENT", function(chat)
  local appointment = appointments[chat.number]
  chat:say(appointment and ("At %s: %s."):format(appointment.at, appointment.state) or "You have none.")
end)
clinic:run()
