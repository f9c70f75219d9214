--- The messages of a load test: addresses by patterns, texts, encodings and lengths by shares; or what a script makes.
--- Each text is composed once; a message is that with other addresses and, if it has parts, another reference.
local address = require "smpp.codec.address"
local composers = require "smpp.client.composer"
local grammar = require "smpp.load.grammar"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"

local source = {}

---@class smpp.LoadSource
local Source = {}
local mt = { __index = Source, __name = "smpp.LoadSource" }

local MOST_KEPT = 10000 -- composed texts; more are composed each time
local MOST_TEMPLATES, MOST_NUMBERS, MOST_WIDTH = 1000, 16, 15 -- of a batch
local UDHI = 0x40
local char = string.char

-- What a text of a length is made of; not all characters of UCS-2 are in the GSM alphabet.
local WORDS = "Load test of the message centre, 0123456789. "

local function text_of_length(length) return (WORDS:rep(math.ceil(length / #WORDS)):sub(1, length)) end

--- Reads "70%:PATTERN" …; nil and a message.
local function patterns_of(words, read)
  local list = {}
  for i, word in ipairs(words) do
    local share, rest, wrong = grammar.shared(word)
    if wrong then return nil, wrong end
    local expand, digits
    expand, wrong, digits = grammar.pattern(rest)
    if not expand then return nil, wrong end
    local sample = expand(0, function() return 0.5 end)
    local found
    found, wrong = read(sample)
    if not found then return nil, ("'%s': %s"):format(word, wrong) end
    local plus = sample:sub(1, 1) == "+"
    list[i] = { share = share, value = { expand = expand, digits = digits, sample = sample, ton = found.ton, npi = found.npi, plus = plus } }
  end
  return list
end

--- "1-160:70%" …: lengths and their shares.
local function lengths_of(words)
  local list = {}
  for i, word in ipairs(words) do
    local range_word, percent = word:match "^(.-):(.*)$"
    local share, wrong
    if percent then
      share, wrong = grammar.share(percent)
      if not share then return nil, wrong end
    end
    local range
    range, wrong = grammar.range(range_word or word)
    if not range then return nil, wrong end
    list[i] = { share = share, value = range }
  end
  return list
end

--- "ucs2:30%" …: encodings and their shares.
local function encodings_of(words)
  local list = {}
  for i, word in ipairs(words) do
    local name, percent = word:match "^(.-):(.*)$"
    local share, wrong
    if percent then
      share, wrong = grammar.share(percent)
      if not share then return nil, wrong end
    end
    list[i] = { share = share, value = name or word }
  end
  return list
end

local function as_list(value)
  if value == nil then return {} end
  return type(value) == "table" and value or { value }
end

--- Makes the source of a load test.
---@param o table  from, to, text, texts, text_order, length, encoding, receipts, fields: of smpp.load
---@param client table  options of smpp.connect, as read
---@param loop smpp.Loop
---@param random fun(): number
---@return smpp.LoadSource? self
---@return string? message  what is wrong
function source.new(o, client, loop, random)
  local from, wrong = patterns_of(as_list(o.from), function(word) return address.source(word, client) end)
  if not from then return nil, "from: " .. wrong end
  local to
  to, wrong = patterns_of(as_list(o.to or "4917600[7]"), function(word) return address.destination(word, client) end)
  if not to then return nil, "to: " .. wrong end
  local lengths, encodings
  lengths, wrong = lengths_of(as_list(o.length))
  if not lengths then return nil, "length: " .. wrong end
  encodings, wrong = encodings_of(as_list(o.encoding))
  if not encodings then return nil, "encoding: " .. wrong end
  local self = setmetatable({
    composer = composers.new(client, loop), random = random, n = 0, reference = nil, kept = {}, kept_count = 0,
    from = from[1] and grammar.weighted(from), to = grammar.weighted(to), encoding = encodings[2] and grammar.weighted(encodings),
    only_encoding = not encodings[2] and encodings[1] and encodings[1].value or nil,
    length = lengths[1] and grammar.weighted(lengths), texts = o.texts or { o.text or "Hello from smpp load" }, in_order = o.text_order,
    base = schema.merge(o.fields, { receipt = o.receipts and true or nil }), receipts = o.receipts,
    fixed = from[1] and not from[2] and from[1].value, target = not to[2] and to[1].value,
  }, mt)
  -- Every combination is composed once now, so that what cannot be sent is said before anything is.
  for _, encoding in ipairs(encodings[1] and encodings or { { value = false } }) do
    local submits
    for _, words in ipairs(self.length and { text_of_length(lengths[1].value.low) } or { self.texts[1] }) do
      submits, wrong = self:compose(words, encoding.value or nil)
      if not submits then return nil, wrong end
    end
  end
  return self
end

--- The submit_sm of a text, whose addresses are still to be set.
---@return table[]? submits
---@return string? message
function Source:compose(words, encoding)
  local by_encoding = self.kept[encoding or ""]
  if not by_encoding then
    by_encoding = {}
    self.kept[encoding or ""] = by_encoding
  end
  local found = by_encoding[words]
  if found then return found end
  local message = schema.merge(self.base, { to = "491700000000", text = words, encoding = encoding })
  local wrong = composers.problem(message, self.composer.messages)
  if wrong then return nil, wrong.message end
  local submits, why = self.composer:build(message)
  if not submits then return nil, why end
  if self.kept_count < MOST_KEPT then by_encoding[words], self.kept_count = submits, self.kept_count + 1 end
  return submits
end

local function words_of(self)
  if self.length then
    local range = self.length(self.random())
    local length = range.low
    if range.high > range.low then length = range.low + math.floor(self.random() * (range.high - range.low + 1)) end
    return text_of_length(length)
  end
  local texts = self.texts
  local count = #texts
  if count == 1 then return texts[1] end
  if self.in_order then return texts[self.n % count + 1] end
  return texts[math.floor(self.random() * count) + 1]
end

--- Another reference in the parts of a text, so that a phone never joins two texts.
local function refer(self, submits)
  self.reference = ((self.reference or math.floor(self.random() * 256)) + 1) % 256
  local reference = self.reference
  for i = 1, #submits do
    local fields = submits[i]
    local octets = fields.short_message
    if octets and fields.esm_class and fields.esm_class % (2 * UDHI) >= UDHI and octets:sub(1, 3) == "\5\0\3" then
      fields.short_message = "\5\0\3" .. char(reference) .. octets:sub(5)
    elseif octets and octets:sub(1, 3) == "\6\8\4" then
      fields.short_message = "\6\8\4" .. char(0, reference) .. octets:sub(6)
    elseif fields.sar_msg_ref_num then
      fields.sar_msg_ref_num = reference
    end
  end
end

--- Sets the addresses of a message.
local function address_all(submits, to, destination, from, origin)
  if to.plus then destination = destination:sub(2) end
  if from and from.plus then origin = origin:sub(2) end
  for i = 1, #submits do
    local fields = submits[i]
    fields.destination_addr, fields.dest_addr_ton, fields.dest_addr_npi = destination, to.ton, to.npi
    if from then fields.source_addr, fields.source_addr_ton, fields.source_addr_npi = origin, from.ton, from.npi end
  end
end

--- The next message: its submit_sm, which belong to the source until the next call.
---@return table[]? submits  nil: there are no more
---@return boolean receipt   whether it asks for one
function Source:next()
  local n, random = self.n, self.random
  local submits, why = self:compose(words_of(self), self.encoding and self.encoding(random()) or self.only_encoding)
  if not submits then error(why, 0) end
  self.n = n + 1
  local to = self.target or self.to(random())
  local from = self.fixed or self.from and self.from(random())
  address_all(submits, to, to.expand(n, random), from, from and from.expand(n, random))
  if submits[2] then refer(self, submits) end
  return submits, self.receipts
end

--- The parts that a batch (smpp.load.batch) needs to make the same messages; nil: it cannot.  Those are messages of one part, of
--- texts that are all known, with addresses of one pattern each whose digits stand in the same places.
---@return { [1]: "source_addr"|"destination_addr", [2]: smpp.LoadDigits }[]? numbers  in the order in which they are drawn
---@return table[]? templates  fields of a message for each text
function Source:parts()
  local to, from = self.target, self.fixed
  if self.receipts or self.length or self.encoding or not to or not to.digits or (self.from and not (from and from.digits)) then return nil end
  if #self.texts > MOST_TEMPLATES then return nil end
  local numbers, templates = {}, {}
  for _, one in ipairs { { "destination_addr", to }, from and { "source_addr", from } or nil } do
    for _, digits in ipairs(one[2].digits) do
      if digits.width > MOST_WIDTH then return nil end
      numbers[#numbers + 1] = { one[1], schema.merge(digits, { at = digits.at - (one[2].plus and 1 or 0) }) }
    end
  end
  if #numbers > MOST_NUMBERS then return nil end
  for i, words in ipairs(self.texts) do
    local submits = self:compose(words, self.only_encoding)
    if not submits or submits[2] then return nil end
    address_all(submits, to, to.sample, from, from and from.sample)
    templates[i] = schema.merge(submits[1])
  end
  return numbers, templates
end

-- ---- scripts ----

---@class smpp.LoadScript : smpp.LoadSource
local Script = {}
local script_mt = { __index = Script, __name = "smpp.LoadScript" }

--- A source whose messages a script makes: `message(n)` returns what `esme:send` takes, or nil at the end.
---@param script table  message, and optionally setup, answered, receipt, check, done
---@param client table  options of smpp.connect, as read
---@param loop smpp.Loop
---@return smpp.LoadSource
function source.script(script, client, loop)
  return setmetatable({ script = script, composer = composers.new(client, loop), loop = loop, n = 0, spent_s = 0 }, script_mt)
end

function Script:next()
  local before = self.loop:precise()
  local n = self.n
  self.n = n + 1
  local message = self.script.message(n + 1)
  self.spent_s = self.spent_s + self.loop:precise() - before
  if message == nil then return nil, false end
  local first, submits = self.composer:usual(message)
  if first then return submits or { first }, message.receipt and true or false end
  local wrong = composers.problem(message, self.composer.messages)
  if wrong then error("message(" .. n + 1 .. "): " .. wrong.message, 0) end
  local why
  submits, why = self.composer:build(message)
  if not submits then error("message(" .. n + 1 .. "): " .. why, 0) end
  return submits, message.receipt and true or false
end

--- Raises for a script that is not a table with functions of these names.
---@param script any
---@return string? message
function source.problem(script)
  if type(script) ~= "table" then return mistake.wrong("a table with a function 'message'", script).message end
  local known = { setup = true, message = true, answered = true, receipt = true, check = true, done = true }
  for name, value in pairs(script) do
    if not known[name] then return mistake.unknown(tostring(name), known).message end
    if type(value) ~= "function" then return name .. ": " .. mistake.wrong("a function", value).message end
  end
  if not script.message then return "missing function 'message'" end
end

return source
