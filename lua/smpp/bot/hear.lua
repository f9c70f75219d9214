--- What a bot listens for: keywords, patterns, functions, lists of these, data, USSD codes.
local chats = require "smpp.bot.chat"
local fold = require "smpp.bot.fold"
local kind = require "smpp.base.kind"
local match = require "smpp.bot.match"
local schema = require "smpp.base.schema"

local hears = {}

local words_of = chats.words_of

--- What `bot.data` is.
hears.DATA = setmetatable({}, { __tostring = function() return "bot.data" end })

hears.schema = schema.new {
  { "whole", "boolean", false, "nothing may follow the keyword", "whole = true" },
  { "number", "string", nil, "only messages to this number", 'number = "12345"' },
  { "carrier", "string", nil, "only messages by this carrier", 'carrier = "one"' },
  { "channel", kind.one_of("sms", "ussd"), nil, "only SMS, or only USSD", 'channel = "sms"' },
  { "fold", kind.one_of "accents", nil, '"accents": marks of letters do not count', 'fold = "accents"', default_text = "the bot's" },
}

---@class smpp.BotHear
local Hear = {}
local HEAR = { __index = Hear }

--- The digits of a number, by which numbers are compared.
---@param number string
---@return string
function hears.digits(number)
  if not number:find "%D" then return number end
  local digits = number:gsub("%D", "")
  return digits ~= "" and digits or number
end

--- A code as it is dialled: its parts without * and #.
local function parts_of(code)
  local parts = {}
  for part in code:gmatch "[^*#]+" do parts[#parts + 1] = part end
  return parts
end

local function pack(...) return { n = select("#", ...), ... } end

-- Tests: (item, chat, whole) -> place of what follows, or true, or nil; values for the handler.
local function keyword_test(text, o, accents)
  local keyword = fold.keyword(text, accents)
  if keyword.n == 0 then error("hear: expected a keyword, got an empty string", 4) end
  return function(item, _, whole) return item.text and words_of(item):starts(keyword, whole or o.whole) end
end

local function code_test(text, o)
  local parts = parts_of(text)
  local mark = text:sub(1, 1)
  return function(item, chat)
    if not item.code then return nil end
    local first = item.code:sub(1, 1)
    if (first == "*" or first == "#") and first ~= mark then return nil end -- the number of a code has neither
    local given = parts_of(item.code)
    if #given < #parts or o.whole and #given ~= #parts then return nil end
    for i, part in ipairs(parts) do
      if given[i] ~= part then return nil end
    end
    local args = {}
    for i = #parts + 1, #given do args[#args + 1] = given[i] end
    chat.args, chat.rest = args, table.concat(args, "*")
    return true
  end
end

local function pattern_test(pattern)
  return function(item)
    if not item.text then return nil end
    local values = pack(pattern:captures(words_of(item).trimmed))
    if values[1] == nil then return nil end
    return true, values
  end
end

local function function_test(fn)
  return function(item, chat)
    if not item.text then return nil end
    local values = pack(fn(words_of(item).trimmed, chat))
    if not values[1] then return nil end
    return true, values
  end
end

local test_of

--- The first letters and digits of the texts in ASCII that a keyword can match; nil: any.
local function starts_of(text, accents)
  local keyword = fold.keyword(text, accents)
  local first = keyword.words[1]
  local start = not keyword.greek and first and (first:match "^%w+" or first:find "[\128-\255]" and "")
  return start and { start } or nil
end

--- What is known of the texts that `what` can match: whether only the text decides; how those in ASCII begin, nil: in any way.
local function facts_of(what, accents)
  if type(what) == "string" then return true, what:find "^[*#]" and {} or starts_of(what, accents) end
  if what == hears.DATA then return true, {} end
  if type(what) == "function" then return false end
  if match.is_pattern(what) then return true end
  local all, is_known = {}, true
  for i = 1, #what do
    local is_pure, starts = facts_of(what[i], accents)
    if not is_pure then return false end
    is_known = is_known and starts ~= nil
    for j = 1, starts and #starts or 0 do all[#all + 1] = starts[j] end
  end
  return true, is_known and all or nil
end

local function list_test(list, o, accents)
  local tests = {}
  for i, one in ipairs(list) do tests[i] = test_of(one, o, accents) end
  return function(item, chat, whole)
    for i = 1, #tests do
      local at, values = tests[i](item, chat, whole)
      if at then return at, values end
    end
  end
end

function test_of(what, o, accents)
  if type(what) == "string" then
    if what:find "^[*#]" then return code_test(what, o), "ussd" end
    return keyword_test(what, o, accents), "keyword"
  end
  if match.is_pattern(what) then return pattern_test(what), "pattern" end
  if what == hears.DATA then return function(item) return item.msg.data ~= nil end, "data" end
  if type(what) == "function" then return function_test(what), "function" end
  if type(what) == "table" and #what > 0 and getmetatable(what) == nil then
    local only_codes, any_keyword = true, false
    for _, one in ipairs(what) do
      only_codes = only_codes and type(one) == "string" and one:find "^[*#]" ~= nil
      any_keyword = any_keyword or type(one) == "string" and not one:find "^[*#]"
    end
    return list_test(what, o, accents), only_codes and "ussd" or any_keyword and "keyword" or "list"
  end
  error(("hear: argument 1: expected a keyword, a bot.pattern, a function, bot.data or a list of these, got a %s"):format(type(what)), 4)
end

--- Makes what one call of `shop:hear` listens for.
---@param what any
---@param o table  of hears.schema
---@param accents boolean  of the bot
---@param fn fun(chat: smpp.Chat, ...)
---@return smpp.BotHear
function hears.new(what, o, accents, fn)
  accents = o.fold == "accents" or accents
  local test, sort = test_of(what, o, accents)
  local is_pure, starts = facts_of(what, accents)
  return setmetatable({
    what = what, fn = fn, test = test, sort = sort,
    is_pure = is_pure,         -- only text, number and carrier decide what it hears
    starts = starts,           -- first letters and digits of the texts in ASCII that it can hear; nil: any
    number = o.number and hears.digits(o.number), carrier = o.carrier, channel = sort == "ussd" and "ussd" or o.channel,
  }, HEAR)
end

--- Tests whether a message matches.
---@param item table
---@param chat smpp.Chat  of that message
---@param whole? boolean  only a keyword that is the whole message
---@return boolean|integer|nil at
---@return table? values  for the handler
function Hear:matches(item, chat, whole)
  if self.channel and self.channel ~= item.channel or self.carrier and self.carrier ~= item.own.carrier.name then return nil end
  if self.number and self.number ~= item.own.number then return nil end
  if whole and self.sort ~= "keyword" then return nil end
  if (self.sort == "data") ~= (item.msg.data ~= nil) then return nil end
  return self.test(item, chat, whole)
end

return hears
