--- Words of subscribers compared as people do: full case folding of Unicode, composed or decomposed, i I ı İ as one letter;
--- blanks, marks of direction, quotes and punctuation around words do not count.
local data = require "smpp.bot.fold_data"

local fold = {}

local char = string.char

local function utf8(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then return char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64) end
  return char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64, 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function code_of(letter)
  local a, b, c, d = letter:byte(1, 4)
  if d then return (a - 0xF0) * 262144 + (b - 0x80) * 4096 + (c - 0x80) * 64 + d - 0x80 end
  if c then return (a - 0xE0) * 4096 + (b - 0x80) * 64 + c - 0x80 end
  if b then return (a - 0xC0) * 64 + b - 0x80 end
  return a
end

local LETTER = "[\194-\244][\128-\191]+" -- one character that is not ASCII

-- Read at the first text that is not ASCII.
local simple, full, decomposed, class -- letter -> its folded form, its decomposed one; letter -> combining class

local function letters(list)
  return (list:gsub("(%x+)%+?", function(hex) return utf8(tonumber(hex, 16)) end))
end

local function read()
  simple, full, decomposed, class = {}, {}, {}, {}
  for first, last, step, to in data.simple:gmatch "(%x+)%-?(%x*)/?(%d*):(%x+)" do
    first = tonumber(first, 16)
    local delta = tonumber(to, 16) - first
    for code = first, last ~= "" and tonumber(last, 16) or first, step ~= "" and 2 or 1 do simple[utf8(code)] = utf8(code + delta) end
  end
  for from, to in data.full:gmatch "(%x+):([%x+]+)" do full[utf8(tonumber(from, 16))] = letters(to) end
  for from, to in data.decomposed:gmatch "(%x+):([%x+]+)" do decomposed[utf8(tonumber(from, 16))] = letters(to) end
  for first, last, value in data.classes:gmatch "(%x+)%-?(%x*)=(%d+)" do
    first = tonumber(first, 16)
    for code = first, last ~= "" and tonumber(last, 16) or first do class[utf8(code)] = tonumber(value) end
  end
end

--- A syllable of Hangul as its letters (Unicode 14.0, 3.12).
local function jamo(code)
  local index = code - 0xAC00
  local l, v, t = math.floor(index / 588), math.floor(index % 588 / 28), index % 28
  return utf8(0x1100 + l) .. utf8(0x1161 + v) .. (t > 0 and utf8(0x11A7 + t) or "")
end

local function decompose(letter)
  local code = code_of(letter)
  if code >= 0xAC00 and code <= 0xD7A3 then return jamo(code) end
  return decomposed[letter]
end

-- letter -> folded and decomposed
local FOLDED = setmetatable({}, { __index = function(known, letter)
  local folded = full[letter] or simple[letter] or letter
  folded = folded:gsub(LETTER, decompose)
  known[letter] = folded
  return folded
end })

-- Marks in their canonical order; a run of them is seldom longer than one.
local function ordered(marks)
  local list = {}
  for mark in marks:gmatch(LETTER) do list[#list + 1] = mark end
  for i = 2, #list do
    local at = i
    while at > 1 and class[list[at - 1]] > class[list[at]] do
      list[at - 1], list[at] = list[at], list[at - 1]
      at = at - 1
    end
  end
  return table.concat(list)
end

local function order_marks(text)
  local out, run, last = {}, {}, 1
  for at, letter, next_at in text:gmatch "()([\194-\244][\128-\191]+)()" do
    if class[letter] then
      if at ~= last and #run > 0 then out[#out + 1], run = ordered(table.concat(run)), {} end
      out[#out + 1] = text:sub(last, at - 1)
      run[#run + 1] = letter
    elseif #run > 0 then
      out[#out + 1], run = ordered(table.concat(run)), {}
      out[#out + 1] = text:sub(last, next_at - 1)
    else
      out[#out + 1] = text:sub(last, next_at - 1)
    end
    last = next_at
  end
  out[#out + 1] = ordered(table.concat(run))
  out[#out + 1] = text:sub(last)
  return table.concat(out)
end

-- Invisible characters: soft hyphen, joiners, marks of direction, variation selectors, byte order mark.
local UNSEEN = { ["\194\173"] = "", ["\216\156"] = "", ["\239\187\191"] = "", ["\239\184\142"] = "", ["\239\184\143"] = "" }
for code = 0x200B, 0x200F do UNSEEN[utf8(code)] = "" end
for code = 0x202A, 0x202E do UNSEEN[utf8(code)] = "" end
for code = 0x2060, 0x2069 do UNSEEN[utf8(code)] = "" end

-- Letters with a stroke have no canonical decomposition, but people type them without it.
local STROKES = { ["ø"] = "o", ["ł"] = "l", ["đ"] = "d", ["ħ"] = "h", ["ŧ"] = "t" }

--- What `fold = "accents"` drops: the marks of Latin, Greek and Cyrillic, the points of Hebrew and Arabic; no nukta, virama
--- or voicing mark, which make other letters.
local function bare(letter)
  local value = class[letter]
  if value and (value == 1 or value >= 10 and value <= 35 or value >= 200) then return "" end
  return STROKES[letter]
end

-- The Latin capitals that look like Greek ones: the GSM alphabet has only those.
local LOOKALIKE = {
  A = "Α", B = "Β", E = "Ε", Z = "Ζ", H = "Η", I = "Ι", K = "Κ", M = "Μ", N = "Ν", O = "Ο", P = "Ρ", T = "Τ", Y = "Υ", X = "Χ",
}

--- A text as it is compared.
---@param text string  UTF-8
---@param accents? boolean  drop marks
---@param greek? boolean  Latin capitals are those of Greek
---@return string
function fold.text(text, accents, greek)
  if greek then text = text:gsub("%u", LOOKALIKE) end
  text = text:lower()
  if not text:find "[\128-\255]" then return text end
  if not simple then read() end
  text = text:gsub(LETTER, UNSEEN):gsub(LETTER, FOLDED)
  if text:find "[\204-\244][\128-\191]+[\204-\244]" then text = order_marks(text) end
  text = text:gsub("i\204\135", "i"):gsub("\196\177", "i") -- İ folds to i and a dot above; ı
  return accents and text:gsub(LETTER, bare) or text
end

local BLANKS = { ["\194\133"] = "  ", ["\194\160"] = "  " }
for _, code in ipairs { 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 } do BLANKS[utf8(code)] = "   " end
for code = 0x2000, 0x200A do BLANKS[utf8(code)] = "   " end

local PUNCTUATION = {}
local MARKS = "¡ § « ¶ · » ¿ ; · ՚ ՛ ՜ ՝ ՞ ՟ ։ ־ ׳ ״ ، ؛ ؟ ٪ ٭ ۔ । ॥ ´ "
  .. "・ 。 、 「 」 『 』 【 】 〈 〉 《 》 〔 〕 ！ ＂ ＇ （ ） ， － ． ： ； ？ ［ ］ ＿ ｛ ｝ ｡ ､"
for letter in MARKS:gmatch "%S+" do
  PUNCTUATION[letter] = true
end
for code = 0x2010, 0x2027 do PUNCTUATION[utf8(code)] = true end
for code = 0x2030, 0x205E do PUNCTUATION[utf8(code)] = true end

--- A word without the punctuation around it.
local function core_of(word)
  if not word:find "%p" and not word:find "[\128-\255]" then return word end
  local first, last = 1, #word
  while first <= last do
    local letter = word:match("^[\194-\244][\128-\191]+", first) or word:sub(first, first)
    if not (PUNCTUATION[letter] or letter:find "^%p") then break end
    first = first + #letter
  end
  while last >= first do
    local at = last
    while at > first and word:byte(at) >= 0x80 and word:byte(at) < 0xC0 do at = at - 1 end
    local letter = word:sub(at, last)
    if not (PUNCTUATION[letter] or letter:find "^%p") then break end
    last = at - 1
  end
  return word:sub(first, last)
end

---@class smpp.BotWords  the words of a text
---@field text string
---@field trimmed string  without blanks at its ends

local Words = {}
local WORDS = { __index = Words }

--- A text with blanks of one octet each, as long as before.
local function with_blanks(text)
  if not text:find "[\128-\255]" then return text end
  return (text:gsub(LETTER, BLANKS))
end

--- The words of a text.
---@param text string
---@return smpp.BotWords
function fold.words(text)
  local blanked = with_blanks(text)
  local first, last = blanked:match "^%s*()", blanked:match "^.*%S()" or 1
  return setmetatable({ text = text, blanked = blanked, trimmed = text:sub(first, last - 1), last = last - 1 }, WORDS)
end

--- The same of a text in ASCII: one pass, for nearly all of them.
local function compared_ascii(text)
  local found, ends, n = { n = 0 }, {}, 0
  for word, at in text:lower():gmatch "(%S+)()" do
    local core = word
    if word:find "%p" then core = core_of(word) end
    if core ~= "" then
      n = n + 1
      found[n], ends[n] = core, at
    end
  end
  if n == 0 then return nil end
  found.n, found.ends = n, ends
  return found
end

--- The words as they are compared: list, and where each ends.  What is only punctuation is no word, unless nothing else is there.
local function compared(self, accents, greek)
  local mode = greek and (accents and "agw" or "gw") or accents and "aw" or "w"
  local found = self[mode]
  if found then return found end
  if not greek and not self.blanked:find "[\128-\255]" then
    found = compared_ascii(self.blanked)
    if found then
      self.w, self.aw = found, found
      return found
    end
  end
  found = { n = 0, ends = {} }
  local odd = {}
  for word, at in self.blanked:gmatch "(%S+)()" do
    local core = fold.text(core_of(word), accents, greek)
    if core ~= "" then
      found.n = found.n + 1
      found[found.n], found.ends[found.n] = core, at
    elseif found.n == 0 then
      odd[#odd + 1] = { fold.text(word), at }
    end
  end
  if found.n == 0 then
    for i, one in ipairs(odd) do found[i], found.ends[i], found.n = one[1], one[2], i end
  end
  self[mode] = found
  return found
end

--- The words from a place on, as written, and that part of the text.
---@param at integer
---@return string rest
---@return string[] args
function Words:after(at)
  local from = self.blanked:match("^%s*()", at)
  local args, n = {}, 0
  if from <= self.last then
    local rest = self.blanked:sub(from)
    for first, last in rest:gmatch "()%S+()" do
      n = n + 1
      args[n] = self.text:sub(from + first - 1, from + last - 2)
    end
  end
  return self.text:sub(from, self.last), args
end

---@class smpp.BotKeyword

--- A keyword, to be compared with the words of messages.
---@param text string
---@param accents? boolean
---@return smpp.BotKeyword
function fold.keyword(text, accents)
  local greek = text:find "[\205\206\207][\128-\191]" ~= nil
  local words = compared(fold.words(text), accents, greek)
  return { n = words.n, accents = accents, greek = greek, words = words, text = text }
end

--- Where a keyword ends in a message that begins with it.
---@param keyword smpp.BotKeyword
---@param whole? boolean  nothing may follow
---@return integer? at
function Words:starts(keyword, whole)
  local n = keyword.n
  local own = compared(self, keyword.accents, keyword.greek)
  if own.n < n or n == 0 or whole and own.n ~= n then return nil end
  local words = keyword.words
  for i = 1, n do
    if own[i] ~= words[i] then return nil end
  end
  return own.ends[n]
end

local LATIN = {}
for _, letter in pairs(LOOKALIKE) do LATIN[letter] = true end

local function only_lookalikes(word)
  for letter in word:gmatch "[^%s]" do
    if letter:byte() < 128 and not LOOKALIKE[letter] then return false end
  end
  for letter in word:gmatch(LETTER) do
    if not LATIN[letter] then return false end
  end
  return true
end

--- A set of words: each a whole message.
---@param accents? boolean
---@param ... string[]  lists of words
---@return fun(words: smpp.BotWords): boolean is_in
---@return table<string, boolean> firsts  the first words
function fold.set(accents, ...)
  local plain, greek, firsts = {}, {}, {}
  local has_greek, greek_in_ascii = false, false -- a Greek word that Latin capitals can write
  for i = 1, select("#", ...) do
    for _, word in ipairs((select(i, ...))) do
      local keyword = fold.keyword(word, accents)
      local set = keyword.greek and greek or plain
      set[table.concat(keyword.words, " ")] = true
      if keyword.greek then
        has_greek = true
        greek_in_ascii = greek_in_ascii or only_lookalikes(word)
      else
        firsts[keyword.words[1]] = true
      end
    end
  end
  local function is_in(words)
    local own = compared(words, accents)
    local n = own.n
    if n == 0 or n > 4 then return false end
    if firsts[own[1]] and plain[n == 1 and own[1] or table.concat(own, " ")] then return true end
    if not has_greek or not greek_in_ascii and not words.text:find "[\205-\207]" then return false end
    return greek[table.concat(compared(words, accents, true), " ")] == true
  end
  return is_in, firsts
end

--- How texts in ASCII begin that may be one of some words: the first letters and digits.
---@param ... table<string, boolean>  what fold.set returns second
---@return table<string, boolean>
function fold.starts(...)
  local starts = {}
  for i = 1, select("#", ...) do
    for word in pairs((select(i, ...))) do starts[word:match "^%w+" or ""] = true end
  end
  return starts
end

--- A function that says false at once for nearly all texts that are none of some words.
---@param starts table<string, boolean>  of fold.starts
---@return fun(text: string): boolean
function fold.may_be(starts)
  return function(text)
    if text:find "[\128-\255]" then return true end
    local word = text:match "%w+"
    return not word or starts[word:lower()] == true
  end
end

--- The first word of a message, as it is compared.
---@param accents? boolean
---@return string?
function Words:first(accents) return compared(self, accents)[1] end

--- The whole message, as it is compared.
---@param accents? boolean
---@return string
function Words:whole(accents)
  local own = compared(self, accents)
  return table.concat(own, " ")
end

--- A text in which letters that are one octet longer or shorter in another case keep theirs: places stay what they are.
---@param text string
---@return string
function fold.lower(text)
  text = text:lower()
  if not text:find "[\128-\255]" then return text end
  if not simple then read() end
  return (text:gsub(LETTER, function(letter)
    local low = simple[letter]
    return low and #low == #letter and low or nil
  end))
end

return fold
