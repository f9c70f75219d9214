-- A survey of three questions; each answer sheet is a line of a CSV file.
local bot = require "smpp.bot"

local survey = bot.new {
  "smpp://me:secret@localhost", number = "12345", texts = { timeout = "Never mind. Send SURVEY to try again." },
}

local PATH = SURVEY_FILE or "survey.csv" -- luacheck: ignore 113

local function quoted(value) return '"' .. tostring(value):gsub('"', '""') .. '"' end

local function write(...)
  local cells = { ... }
  for i, cell in ipairs(cells) do cells[i] = quoted(cell) end
  local file = assert(io.open(PATH, "a"))
  file:write(table.concat(cells, ","), "\n")
  file:close()
end

survey:hear("SURVEY", function(chat)
  if chat.memory.answered then return chat:say "You have answered already. Thank you!" end
  local within = { within_s = 24 * 3600 }
  local stars = chat:ask("How many stars, 1 to 5?", { match = bot.integer(1, 5), within_s = 24 * 3600 })
  local channel = chat:choose("How did you hear of us?", { "Friends", "Newspaper", "Other" }, within)
  local comment = chat:ask("Anything else? (NO, if not)", within)
  write(chat.number, stars, channel, comment)
  chat.memory.answered = true
  chat:say "Thank you!"
end)

survey:otherwise(function(chat) chat:say "Send SURVEY to begin." end)
survey:run()
