--- What an answer or a message has to look like: patterns in any case, numbers, dates, words.
local fold = require "smpp.bot.fold"

local match = {}

---@class smpp.BotPattern
local Pattern = {}
local PATTERN = { __index = Pattern, __name = "smpp.BotPattern", __tostring = function(self) return ("pattern %q"):format(self.source) end }

--- A Lua pattern in lower case, with the place of each of its captures.
local function compile(source)
  local out, groups, at, n = {}, {}, 1, 0
  local function put(text) out[#out + 1] = text end
  while at <= #source do
    local c, following = source:sub(at, at), source:sub(at + 1, at + 1)
    if c == "%" then
      if following == "b" then
        put(fold.lower(source:sub(at, at + 3)))
        at = at + 4
      elseif following:find "%d" then
        put("%" .. (groups[tonumber(following)] or error(("invalid capture %%%s in a pattern"):format(following), 0)))
        at = at + 2
      else
        put((following == "u" or following == "l") and "%a" or (following == "U" or following == "L") and "%A" or "%" .. following)
        at = at + 2
      end
    elseif c == "[" then
      local last = at + (following == "^" and 2 or 1)
      if source:sub(last, last) == "]" then last = last + 1 end
      while last <= #source and source:sub(last, last) ~= "]" do last = last + (source:sub(last, last) == "%" and 2 or 1) end
      put((source:sub(at, last):gsub("%%?.", function(piece)
        if piece:sub(1, 1) == "%" then return (piece == "%u" or piece == "%l") and "%a" or (piece == "%U" or piece == "%L") and "%A" or piece end
        return piece:lower()
      end)))
      at = last + 1
    elseif c == "(" then
      if following == ")" then
        n = n + 1
        groups[#groups + 1] = n
        put "()"
        at = at + 2
      else
        groups[#groups + 1] = n + 2
        n = n + 2
        put "()("
        at = at + 1
      end
    else
      local letter = source:match("^[\194-\244][\128-\191]+", at) or c
      put(fold.lower(letter))
      at = at + #letter
    end
  end
  groups.n = n
  return table.concat(out), groups
end

--- A Lua pattern on the trimmed text, in any case; its captures are as the subscriber wrote them.
---@param source string
---@return smpp.BotPattern
function match.pattern(source)
  if type(source) ~= "string" then error(("pattern: expected a string, got a %s"):format(type(source)), 2) end
  local ok, lowered, groups = pcall(compile, source)
  if not ok then error(lowered, 2) end
  local valid, why = pcall(string.find, "", lowered)
  if not valid then error(("pattern %q: %s"):format(source, (tostring(why):gsub("^.-:%d+: ", ""))), 2) end
  return setmetatable({ source = source, lowered = lowered, groups = groups }, PATTERN)
end

--- Returns true for what `bot.pattern` makes.
---@return boolean
function match.is_pattern(value) return getmetatable(value) == PATTERN end

--- The captures in a text, or the whole of it if there are none.
---@param text string  trimmed
---@return any ...  nothing: no match
function Pattern:captures(text)
  local found = { fold.lower(text):find(self.lowered) }
  if not found[1] then return nil end
  if #self.groups == 0 then return text:sub(found[1], found[2]) end
  local values = {}
  for i, at in ipairs(self.groups) do
    local value = found[at + 2]
    if type(value) == "string" then
      local first = found[at + 1]
      value = text:sub(first, first + #value - 1)
    end
    values[i] = value
  end
  return (table.unpack or unpack)(values, 1, #self.groups) -- luacheck: compat
end

-- Digits of other scripts, as phones in these languages type them.
local DIGITS = {}
for digit = 0, 9 do
  local d = tostring(digit)
  DIGITS["\217" .. string.char(0xA0 + digit)] = d -- Arabic
  DIGITS["\219" .. string.char(0xB0 + digit)] = d -- Persian, Urdu
  DIGITS["\224\165" .. string.char(0xA6 + digit)] = d -- Devanagari
  DIGITS["\224\167" .. string.char(0xA6 + digit)] = d -- Bengali
  DIGITS["\239\188" .. string.char(0x90 + digit)] = d -- full width
end

--- A text with its digits in ASCII, without blanks and punctuation around it.
local function plain(text)
  text = text:gsub("[\217\219\224\239][\128-\191]+", function(letter)
    if #letter <= 3 then return DIGITS[letter] end
    return (letter:gsub("..[\128-\191]?", DIGITS))
  end)
  if text:find "[\128-\255]" then
    for from, to in pairs(DIGITS) do text = text:gsub(from, to) end
  end
  local first, last = text:match "^[%s\"'(]*()", text:match "^.*[^%s.!\"')]()" or 1
  return text:sub(first, last - 1)
end
match.digits = plain

local function in_range(value, min, max) return (not min or value >= min) and (not max or value <= max) and value or nil end

local function check_range(name, min, max)
  for i, value in ipairs { min or 0, max or 0 } do
    if type(value) ~= "number" then error(("%s: argument %d: expected a number, got a %s"):format(name, i, type(value)), 3) end
  end
end

--- A whole number in a range.
---@param min? number
---@param max? number
---@return fun(text: string): number?
function match.integer(min, max)
  check_range("integer", min, max)
  return function(text)
    local digits = plain(text):match "^[+-]?%d+$"
    if not digits or #digits > 15 then return nil end
    return in_range(tonumber(digits), min, max)
  end
end

--- A number, with a point or a comma.
---@param min? number
---@param max? number
---@return fun(text: string): number?
function match.number(min, max)
  check_range("number", min, max)
  return function(text)
    local whole, part = plain(text):match "^([+-]?%d*)[.,]?(%d*)$"
    if not whole or whole:gsub("%D", "") .. part == "" or #whole + #part > 30 then return nil end
    return in_range(tonumber((whole .. "." .. part):gsub("^([+-]?)%.", "%10.", 1), 10) or tonumber(whole .. "." .. part), min, max)
  end
end

local MONTHS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- Days of a month.
function match.days(year, month)
  return month == 2 and (year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)) and 29 or MONTHS[month]
end

--- A date: `2026-12-24`, `24.12.2026`, `24/12/2026`, `24.12.26`; the value is "2026-12-24".
---@return fun(text: string): string?
function match.date()
  return function(text)
    text = plain(text)
    local year, month, day = text:match "^(%d%d%d%d)[-./ ](%d%d?)[-./ ](%d%d?)$"
    if not year then day, month, year = text:match "^(%d%d?)%s*[-./ ]%s*(%d%d?)%s*[-./ ]%s*(%d%d%d?%d?)$" end
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    if not year then return nil end
    if year < 100 then year = 2000 + year end
    if year < 1000 or month < 1 or month > 12 or day < 1 or day > match.days(year, month) then return nil end
    return ("%04d-%02d-%02d"):format(year, month, day)
  end
end

--- One of some words, in any case; the value is the word as the list has it.
---@param list string[]
---@param accents? boolean
---@return fun(text: string): string?
function match.words(list, accents)
  local keywords = {}
  for i, word in ipairs(list) do
    if type(word) ~= "string" then error(("match: expected a list of words, got a %s at %d"):format(type(word), i), 3) end
    keywords[i] = fold.keyword(word, accents)
  end
  return function(text)
    local words = fold.words(text)
    for i, keyword in ipairs(keywords) do
      if words:starts(keyword, true) then return list[i] end
    end
  end
end

--- The function of an option `match`: (text, chat) -> value, or nil and what to say.
---@param given any
---@param accents? boolean
---@param level integer
---@return (fun(text: string, chat: table): any, string?)?  nil: every answer fits
function match.of(given, accents, level)
  if given == nil then return nil end
  if type(given) == "function" then return given end
  if match.is_pattern(given) then return function(text) return (given:captures(text)) end end
  if type(given) == "table" and type(given[1]) == "string" then return match.words(given, accents) end
  error(("match: expected a function, a bot.pattern or a list of words, got a %s"):format(type(given)), level + 1)
end

return match
