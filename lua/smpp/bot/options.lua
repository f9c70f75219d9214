--- Options of bot.new: those of a bot, and beside them all of smpp.connect.
local clients = require "smpp.client.options"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local schema = require "smpp.base.schema"
local times = require "smpp.bot.times"
local words = require "smpp.bot.words"

local options = {}

local strings = kind.either("string", kind.list "string")
local off = kind.checked("false", function(value) return value ~= false and "expected false" or nil end)

options.loop = schema.new {
  { "repeats", kind.count, 4, "times in a row that the same text was answered by the same text", "repeats = 3" },
  { "n", kind.count, 20, "messages of one sender in per_s", "n = 50" },
  { "per_s", kind.seconds, 60, "the time for n", "per_s = 10" },
  { "pause_s", kind.seconds, 3600, "how long nothing is answered", "pause_s = 600" },
}

options.rate = schema.new {
  { "n", kind.count, 60, "unsolicited messages to one subscriber in per_s", "n = 5" },
  { "per_s", kind.seconds, 3600, "the time for n", "per_s = 86400" },
}

options.optout = schema.new {
  { "words", strings, nil, "more words that opt out", 'words = { "GENUG" }' },
  { "start", strings, nil, "more words that opt in again", 'start = "WEITER"' },
  { "help", strings, nil, "more words that ask for help", 'help = "?"' },
  { "scope", kind.one_of("bot", "number"), "bot", "what is opted out of: all, or the number that was written to", 'scope = "number"' },
  { "strict", "boolean", false, "CANCEL, END and QUIT opt out inside a dialogue, too", "strict = true" },
}

local text = kind.either("string", "function", off)
local rows = {}
for name in pairs(words.texts) do rows[#rows + 1] = name end
table.sort(rows)
for i, name in ipairs(rows) do rows[i] = { name, text, words.texts[name], "see docs/bots.md", name .. " = false", implied = true } end
options.texts = schema.new(rows)

local choice = kind.checked("{ key, label }", function(value)
  if type(value) ~= "table" or type(value[1]) ~= "string" or type(value[2]) ~= "string" then return "expected { key, label }" end
end)

options.ussd = schema.new(profiles.ussd, {
  { "more", choice, nil, "the item that turns the page", 'more = { "99", "More" }', default_text = '`{ "99", "More" }`' },
  { "back", choice, nil, "the item that turns it back", 'back = { "0", "Back" }', default_text = '`{ "0", "Back" }`' },
  { "timeout_s", kind.seconds, 180, "time for an answer", "timeout_s = 60", implied = true },
})

local quiet = kind.checked('hours such as "21:00-08:00 +01:00", or a list of them', function(value)
  for _, one in ipairs(type(value) == "table" and value or { value }) do
    local hours, why = times.hours(one)
    if not hours then return "expected " .. why end
  end
end, function(word) return word end)

--- Is it an event loop, or the options against loops of two bots?
local function is_event_loop(value) return type(value) == "table" and value.now ~= nil end

local loop = kind.checked("false, or a table of repeats, n, per_s and pause_s", function(value)
  if value == false or is_event_loop(value) then return nil end
  return kind.problem(options.loop, value)
end)
loop.schema = options.loop

options.own = schema.new {
  { "carriers", "table", nil, "several message centres: a URL or options of smpp.connect each, by name",
    'carriers = { one = "smpp://me:secret@one.example", two = { host = "two.example" } }' },
  { "number", strings, nil, "the numbers that are served; the first is the sender of unsolicited messages",
    'number = { "12345", "12346" }' },
  { "name", "string", nil, "what texts call the sender ({name})", 'name = "Pizza Bot"', default_text = "number" },
  { "country", kind.checked("the digits of a country code", function(value)
    if type(value) ~= "string" or not value:find "^[1-9]%d?%d?%d?$" then return "expected the digits of a country code" end
  end, kind.string.read), nil, "country code of subscribers who write with a national number", 'country = "49"' },
  { "store", kind.either("string", "table"), nil, "where memory, opt-outs and held messages are kept: a file, the URL of an engine, or a store",
    'store = "shop.store"',
    default_text = "memory only" },
  { "keywords", kind.one_of("leave", "answer", "queue", "ask"), "leave", "what a keyword as an answer does", 'keywords = "ask"' },
  { "cancel", kind.either(off, strings), nil, "words that end a dialogue", 'cancel = { "ENOUGH" }',
    default_text = "CANCEL, END, QUIT and those of other languages" },
  { "language", strings, "en", "languages of the words for yes and no", 'language = { "de", "en" }' },
  { "fold", kind.one_of "accents", nil, '"accents": marks of letters do not count in keywords', 'fold = "accents"' },
  { "texts", options.texts, nil, "what the bot says by itself", 'texts = { help = "Send ORDER to order." }' },
  { "optout", kind.either(off, options.optout), nil, "more opt-out words (STOP …); false: no opt-out", 'optout = { words = { "GENUG" } }' },
  { "quiet", quiet, nil, "quiet hours, in which no unsolicited message is sent", 'quiet = "21:00-08:00 +01:00"' },
  { "quiet_action", kind.one_of("hold", "drop"), "hold", "unsolicited messages in quiet hours: held until their end, or dropped",
    'quiet_action = "drop"' },
  { "rate", kind.either(off, options.rate), nil, "limit of unsolicited messages to one subscriber", "rate = { n = 5, per_s = 86400 }",
    default_text = "`{ n = 60, per_s = 3600 }`" },
  { "loop", loop, nil, "loop protection, against a bot at the other end; false: none", "loop = { n = 50 }",
    default_text = "`{ repeats = 4, n = 20, per_s = 60, pause_s = 3600 }`" },
  { "ussd", options.ussd, nil, "USSD: pages, time-outs, and how the network speaks it", "ussd = { timeout_s = 60 }" },
}

-- What the bot does itself with a client.
local TAKEN = { message = true, deliver_sm = true, data_sm = true, outbind = true, bound = true, unchecked = true }

local of_client = clients.schema:select(function(row) return not TAKEN[row[1]] end)

options.schema = schema.new(of_client, options.own, { { 1, kind.either("string", "table"), nil, "the URL, or options of smpp.connect" } })
options.schema.expected = "a table of options"

local function list_of(value)
  if type(value) == "string" then return { value } end
  return value
end

--- Options of one carrier for smpp.connect.
local function carrier_options(beside, given)
  if type(given) == "string" then given = { given } end
  return schema.merge({ wait = true }, beside, given)
end

local function read_carriers(given, beside, level)
  local carriers = {}
  if given.carriers and given[1] ~= nil then error("carriers: expected either carriers or a URL, got both", level + 1) end
  local sources = given.carriers or { main = given[1] or {} }
  for name, one in pairs(sources) do
    if type(name) ~= "string" or type(one) ~= "string" and type(one) ~= "table" then
      error("carriers: expected NAME = URL or table", level + 1)
    end
    local path = given.carriers and "carriers." .. name .. ": " or ""
    local o = carrier_options(beside, one)
    local read, wrong = clients.read(schema.merge(o, { message = function() end }))
    if not read then error(path .. wrong.message, level + 1) end
    carriers[#carriers + 1] = { name = name, given = o, answer_timeout_s = read.answer_timeout_s, ussd = read.ussd }
  end
  table.sort(carriers, function(a, b) return a.name < b.name end)
  if #carriers == 0 then error("carriers: expected at least one, got none", level + 1) end
  return carriers
end

--- Reads and checks the options of a bot; an invalid one raises.
---@param given table
---@param level integer  as of `error`, seen from the caller
---@return table o  own options; `carriers`: list of { name, given, answer_timeout_s }
function options.read(given, level)
  if type(given) == "string" then given = { given } end
  level = level + 1
  local checked = given
  if type(given) == "table" then
    local codec = pdus.codec_of { commands = given.commands or (profiles.read(given.profile) or {}).commands }
    checked = codec and codec.commands:take_handlers(given) or given
  end
  local wrong = options.schema:problem(checked)
  if wrong then mistake.raise(wrong, level) end
  local beside, o = {}, options.own:fill()
  for name, value in pairs(given) do
    if options.own.by_name[name] then o[name] = value elseif name ~= 1 then beside[name] = value end
  end
  if is_event_loop(o.loop) then beside.loop, o.event_loop, o.loop = o.loop, o.loop, nil end
  local ussd = {}
  for name, value in pairs(o.ussd or {}) do
    if profiles.ussd.by_name[name] then ussd[name] = value end
  end
  if next(ussd) then beside.ussd = ussd end
  if beside.log == nil then beside.log = true end
  o.log = beside.log
  o.carriers = read_carriers(given, beside, level)
  o.number = list_of(o.number)
  o.texts = schema.merge(words.texts, o.texts)
  o.language = list_of(o.language)
  if o.loop ~= false then o.loop = options.loop:fill(o.loop) end
  if o.rate ~= false then o.rate = options.rate:fill(o.rate) end
  if o.optout ~= false then o.optout = options.optout:fill(o.optout) end
  local hours = {}
  for i, one in ipairs(list_of(o.quiet) or {}) do hours[i] = times.hours(one) end
  o.quiet = hours[1] and hours or nil
  o.cancel = o.cancel ~= nil and list_of(o.cancel) or o.cancel
  return o
end

return options
