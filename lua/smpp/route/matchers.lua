--- The conditions of rules: each matcher's kind of value, and the function that it compiles to.
local buckets = require "smpp.base.bucket"
local clock = require "smpp.route.clock"
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local number = require "smpp.route.number"
local schema = require "smpp.base.schema"
local encodings = require("smpp.text.coding").encodings
local words = require "smpp.route.words"

local matchers = {}

---@class smpp.RouteCondition
---@field name string        of the matcher
---@field words string       what it expects, for people
---@field test fun(msg: smpp.RouteMessage, state: smpp.RouteState, slot: table): any
---@field got (fun(msg: smpp.RouteMessage, state: smpp.RouteState): any)?  what the message has

local function checked(expected, wrong) return kind.checked(expected, function(value)
  local message = wrong(value)
  return message and mistake.new(message)
end) end

local number_kind = checked("a matcher of numbers", number.wrong)

--- One value, or a list of such.
local function one_or_more(item, name) return kind.either(item, kind.list(item, name)) end

local names = one_or_more("string", "names")

local function wrong_pattern(value)
  local ok, message = pcall(string.find, "", value)
  return not ok and "invalid pattern: " .. message or nil
end

local text_kind = checked("a Lua pattern, keyword, or a list of these", function(value)
  if words.of(value) == "keyword" then return nil end
  if type(value) == "string" then return wrong_pattern(value) end
  if type(value) ~= "table" or words.of(value) or value[1] == nil then
    return "expected a Lua pattern, keyword, or a list of these, got " .. mistake.show(value)
  end
  for _, item in ipairs(value) do
    local wrong = words.of(item) ~= "keyword" and (type(item) ~= "string" and "expected a Lua pattern or keyword, got " .. mistake.show(item)
      or wrong_pattern(item))
    if wrong then return wrong end
  end
end)

local coding_kind = one_or_more(kind.either(kind.integer(0, 255), checked("the name of an encoding", function(value)
  if encodings[value] then return nil end
  local like = type(value) == "string" and core.suggest(value, encodings)
  return ("expected the name of an encoding, got %s%s"):format(mistake.show(value), like and ("; did you mean '" .. like .. "'?") or "")
end)), "encodings")

local function range_wrong(value)
  if type(value) == "number" then return nil end
  if type(value) ~= "table" then return "expected a number or { min, max }, got " .. mistake.show(value) end
  local low, high = value[1] or value.min, value[2] or value.max
  if (low ~= nil and type(low) ~= "number") or (high ~= nil and type(high) ~= "number") or not (low or high) or (low and high and low > high) then
    return "expected a number or { min, max }"
  end
end
local range_kind = checked("a number or { min, max }", range_wrong)

local numbers = one_or_more(kind.integer(0, 255), "numbers")

local tlv_kind = checked("a table of TLVs: { name = value or true }", function(value)
  if type(value) ~= "table" or next(value) == nil then return "expected a table { name = value or true }, got " .. mistake.show(value) end
  for name, wanted in pairs(value) do
    local known = type(name) == "number" or (type(name) == "string" and matchers.tlvs[name])
    if not known then
      local like = core.suggest(tostring(name), matchers.tlvs)
      return ("unknown TLV '%s'%s"):format(tostring(name), like and ("; did you mean '" .. like .. "'?") or "")
    end
    if type(wanted) ~= "string" and type(wanted) ~= "number" and type(wanted) ~= "boolean" then
      return ("%s: expected a value, true or false, got %s"):format(tostring(name), mistake.show(wanted))
    end
  end
end)

--- Names of the TLVs of the tables; those of vendors, declared in the file, are added.
---@type table<string, boolean>
matchers.tlvs = {}
for _, tlv in ipairs(core.protocol.tlvs()) do matchers.tlvs[tlv.name] = true end

local by_kind = kind.one_of("account", "from", "to", "carrier")

local rate_kind = schema.new {
  { "n", kind.count, nil, "messages", "n = 100", required = true },
  { "per_s", kind.real(1e-3), 1, "in so many seconds", "per_s = 60" },
  { "by", by_kind, "account", "counted for each of these", 'by = "to"' },
}
local share_kind = kind.either(kind.percent, schema.new {
  { 1, kind.percent, nil, "without a name: the share", "30" },
  { "percent", kind.percent, nil, "the share", "percent = 30" },
  { "by", by_kind, "to", "whose messages always have one outcome", 'by = "from"' },
})

local between_kind = one_or_more(checked("HH:MM-HH:MM", function(value)
  return not clock.span(value) and "expected HH:MM-HH:MM, got " .. mistake.show(value) or nil
end), "times")

--- A table of matchers in a rule.
local inner = { expected = "a table of matchers, or a list of these" }
function inner.fits(value)
  if type(value) ~= "table" or words.of(value) or next(value) == nil then return false end
  return inner.explain(value) == nil
end
function inner.explain(value)
  if type(value) ~= "table" or words.of(value) or next(value) == nil then return mistake.wrong(inner.expected, value) end
  local own = {}
  for key, item in pairs(value) do
    if type(key) == "number" then
      local wrong = inner.explain(item)
      if wrong then return mistake.inside(wrong, key) end
    else
      own[key] = item
    end
  end
  return matchers.inner:problem(own)
end

local day_kind = one_or_more(kind.one_of("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "days")

-- Cheap ones first: the order of the tests.
local rows = {
  { "account", names, nil, "the customer's account", 'account = { "acme", "bank" }' },
  { "bind", one_or_more(kind.one_of("trx", "tx", "rx", "http"), "bind types"), nil,
    "how the customer is bound; http: the message came by HTTP", 'bind = "tx"' },
  { "carrier", names, nil, "the carrier that an incoming message came from", 'carrier = "telco_a"' },
  { "to", number_kind, nil, "destination address: a number, a list, or one of the words below", 'to = prefix { "4915", "4916" }' },
  { "from", number_kind, nil, "source address, in the same forms", 'from = alphanumeric()' },
  { "service_type", names, nil, "service_type", 'service_type = "WAP"' },
  { "esm_class", numbers, nil, "esm_class", "esm_class = { 0, 64 }" },
  { "protocol_id", numbers, nil, "protocol_id", "protocol_id = 64" },
  { "tlv", tlv_kind, nil, "TLVs by name or tag: the value, true: present, false: absent", "tlv = { user_message_reference = true }" },
  { "tagged", names, nil, "a tag that an earlier rule has set", 'tagged = "fast"' },
  { "between", between_kind, nil, "time of the day, may go past midnight", 'between = "20:00-08:00"' },
  { "days", day_kind, nil, "days of the week", 'days = { "sat", "sun" }' },
  { "coding", coding_kind, nil, "encoding of the text, or data_coding", 'coding = "ucs2"' },
  { "text", text_kind, nil, "a Lua pattern in the decoded text, or keyword(WORD): its first word, in any case", 'text = "^PROMO"' },
  { "parts", range_kind, nil, "parts of the long message that it belongs to: a number, or { min, max }", "parts = { 2, 4 }" },
  { "length", range_kind, nil, "characters of the text: a number, or { min, max }", "length = { 0, 70 }" },
  { "all", inner, nil, "all of these matchers match", 'all = { from = short(), to = national() }' },
  { "any", inner, nil, "one of these matchers matches", 'any = { from = "12345", text = "^STOP" }' },
  { "unless", inner, nil, "not all of these matchers match", 'unless = { from = listed "senders.csv" }' },
  { "when", "function", nil, "a function that returns true", "when = function(msg) return #msg.text > 20 end" },
  { "share", share_kind, nil, "so many percent, always the same ones: by \"to\", or { percent, by = }", "share = 30" },
  { "rate", rate_kind, nil, "what is beyond n messages per_s seconds", 'rate = { n = 100, per_s = 60, by = "account" }' },
}

--- All matchers, in the order of their tests.
matchers.schema = schema.new(rows)

local zone_row = { "zone", checked("a zone, as +01:00", function(value)
  return not clock.zone(value) and "expected a zone, as +01:00, got " .. mistake.show(value) or nil
end), nil, "time zone of `between` and `days`", 'zone = "+01:00"', default_text = "local time" }
matchers.zone_row = zone_row
matchers.inner = schema.new(matchers.schema, { zone_row })
matchers.inner.expected = inner.expected

-- ---- compiled ----

local function items(value) return (type(value) ~= "table" or words.of(value)) and { value } or value end

local function set_of(value)
  local set, list = {}, {}
  for i, item in ipairs(items(value)) do set[item], list[i] = true, tostring(item) end
  return set, table.concat(list, " or ")
end

local compile = {}

local function by_set(field)
  return function(value)
    local set, text = set_of(value)
    return text, function(msg) return set[msg[field]] end, function(msg) return msg[field] end
  end
end
compile.account, compile.bind, compile.carrier = by_set "account", by_set "bind", by_set "carrier"

local function by_parameter(field)
  return function(value)
    local set, text = set_of(value)
    return text, function(msg) return set[msg.pdu[field]] end, function(msg) return msg.pdu[field] end
  end
end
compile.service_type, compile.esm_class, compile.protocol_id = by_parameter "service_type", by_parameter "esm_class", by_parameter "protocol_id"

--- Conditions on numbers: their tests and words are made when somebody asks for them (smpp.route.number).
local function by_number(field)
  local ton = field .. "_ton"
  local function got(msg) return msg[field] end
  local mt = { __index = function(self, name)
    local value
    if name == "got" then return got end
    local one = rawget(self, "number")
    if name == "words" then value = one.words end
    if name == "test" then
      local test = one.test
      value = function(msg) return test(msg[field], msg[ton]) end
    end
    if value then rawset(self, name, value) end
    return value
  end }
  return function(value) return setmetatable({ name = field, number = number.compile(value) }, mt) end
end
local on_number = { from = by_number "from", to = by_number "to" }

function compile.tlv(value)
  local list, text = {}, {}
  for name, wanted in pairs(value) do list[#list + 1] = { name, wanted } end
  table.sort(list, function(a, b) return tostring(a[1]) < tostring(b[1]) end)
  for i, item in ipairs(list) do text[i] = ("%s = %s"):format(tostring(item[1]), tostring(item[2])) end
  return table.concat(text, ", "), function(msg)
    for i = 1, #list do
      local name, wanted = list[i][1], list[i][2]
      local found = msg.pdu:tlv(name)
      if type(wanted) == "boolean" then
        if (found ~= nil) ~= wanted then return false end
      elseif type(name) == "string" then
        if not found or msg.pdu[name] ~= wanted then return false end
      elseif found ~= wanted then
        return false
      end
    end
    return true
  end
end

function compile.tagged(value)
  local list, text = items(value), table.concat(items(value), " or ")
  return text, function(msg)
    local tags = rawget(msg, "tags")
    if not tags then return false end
    for i = 1, #list do
      if tags[list[i]] then return true end
    end
  end
end

function compile.between(value, rule)
  local spans, zone_s = {}, rule.zone and clock.zone(rule.zone)
  for i, span in ipairs(items(value)) do spans[i] = { clock.span(span) } end
  local function here(_, state) return (clock.at(state.time, zone_s)) end
  return table.concat(items(value), " or "), function(msg, state)
    local minute = here(msg, state)
    for i = 1, #spans do
      if clock.is_in(minute, spans[i][1], spans[i][2]) then return true end
    end
  end, function(msg, state)
    local minute = here(msg, state)
    return ("%02d:%02d"):format(math.floor(minute / 60), minute % 60)
  end
end

local DAY_NAMES = { [0] = "sun", "mon", "tue", "wed", "thu", "fri", "sat" }

function compile.days(value, rule)
  local set, zone_s, text = {}, rule.zone and clock.zone(rule.zone), table.concat(items(value), " or ")
  for _, day in ipairs(items(value)) do set[clock.days[day]] = true end
  return text, function(_, state)
    local _, weekday = clock.at(state.time, zone_s)
    return set[weekday]
  end, function(_, state) return DAY_NAMES[select(2, clock.at(state.time, zone_s))] end
end

function compile.coding(value)
  local set, text = set_of(value)
  local by_octet = false
  for item in pairs(set) do by_octet = by_octet or type(item) == "number" end
  return text, function(msg)
    return by_octet and set[msg.pdu.data_coding] or set[msg.coding]
  end, function(msg) return ("%s (data_coding %d)"):format(msg.coding, msg.pdu.data_coding) end
end

function compile.text(value)
  local patterns, keywords, text = {}, {}, {}
  local has_keyword = false
  for i, item in ipairs(items(value)) do
    if type(item) == "string" then
      patterns[#patterns + 1] = item
      text[i] = mistake.show(item)
    else
      for _, word in ipairs(item.list) do keywords[word:lower()] = true end
      has_keyword, text[i] = true, "keyword " .. table.concat(item.list, " or ")
    end
  end
  return table.concat(text, " or "), function(msg)
    local said = msg.text
    if has_keyword then
      local word = said:match "%S+"
      if word and keywords[word:lower()] then return true end
    end
    for i = 1, #patterns do
      if said:find(patterns[i]) then return true end
    end
  end, function(msg) return msg.text end
end

local function by_range(field)
  return function(value)
    local low, high = value, value
    if type(value) == "table" then low, high = value[1] or value.min or 0, value[2] or value.max or math.huge end
    local text = low == high and ("%.14g"):format(low) or high == math.huge and ("%.14g or more"):format(low) or ("%.14g to %.14g"):format(low, high)
    return text, function(msg)
      local has = msg[field]
      return has >= low and has <= high
    end, function(msg) return msg[field] end
  end
end
compile.parts, compile.length = by_range "parts", by_range "length"

function compile.when(fn)
  return "a function", function(msg, state)
    msg.is_shown = true
    local ok, result = pcall(fn, msg)
    if not ok and state.on_error then state.on_error("when: " .. tostring(result)) end
    return ok and result
  end
end

local KEY = ("\0"):rep(15) -- with the number of the matcher behind it: the share of one rule says nothing about that of another

--- A number from 0 to 100 that is always the same for a key.
local function percent_of(key, salt)
  local a, b, c, d = core.map.digest(key, KEY .. string.char(salt % 256)):byte(1, 4)
  return (((a * 256 + b) * 256 + c) * 256 + d) / 2 ^ 32 * 100
end
matchers.percent_of = percent_of

function compile.share(value, _, place)
  local percent, by = value, "to"
  if type(value) == "table" then percent, by = value.percent or value[1], value.by or "to" end
  place.shares = (place.shares or 0) + 1
  local salt = place.shares
  return ("%.14g %% by %s"):format(percent, by), function(msg) return percent_of(msg[by] or "", salt) < percent end
end

local MOST_KEYS = 100000 -- of one rate by addresses; then those that are full are forgotten

local function forget_full(slot, now)
  slot.count = 0
  for key, bucket in pairs(slot.keys) do
    if bucket.full_at <= now then slot.keys[key] = nil else slot.count = slot.count + 1 end
  end
  if slot.count >= MOST_KEYS then slot.keys, slot.count = {}, 0 end
end

function compile.rate(value, _, place)
  local n, per_s, by = value.n, value.per_s or 1, value.by or "account"
  place.rates = (place.rates or 0) + 1
  local slot_name = place.kind .. " rate " .. place.rates
  return ("more than %d in %.14g s by %s"):format(n, per_s, by), function(msg, state)
    if msg.is_counted then return false end
    local counters = state.counters
    local key = msg[by] or ""
    local is_beyond
    if state.is_beyond then is_beyond = state.is_beyond(msg, slot_name, key, n, per_s) end
    if is_beyond ~= nil then return is_beyond end
    local slot = counters[slot_name]
    if not slot then
      slot = { keys = {}, count = 0 }
      counters[slot_name] = slot
    end
    local bucket = slot.keys[key]
    if not bucket then
      if slot.count >= MOST_KEYS then forget_full(slot, state.now) end
      bucket = buckets.new(n / per_s, n, state.now)
      slot.keys[key], slot.count = bucket, slot.count + 1
    end
    return bucket:take(state.now) > 0
  end
end

--- Compiles a table of matchers.
---@param rule table
---@param place table  counts matchers of rules with a state: { kind, shares, rates }
---@return smpp.RouteCondition[]
function matchers.compile(rule, place)
  local list = {}
  for _, row in ipairs(matchers.schema.rows) do
    local name = row[1]
    local value = rule[name]
    if value ~= nil and on_number[name] then
      list[#list + 1] = on_number[name](value)
    elseif value ~= nil then
      local text, test, got = compile[name](value, rule, place)
      list[#list + 1] = { name = name, words = text, test = test, got = got }
    end
  end
  return list
end

--- The groups of an inner table: itself without its list, and each item of that.
local function groups(value, place)
  local list, own = {}, {}
  for key, item in pairs(value) do
    if type(key) ~= "number" then own[key] = item end
  end
  if next(own) then list[1] = matchers.compile(own, place) end
  for _, item in ipairs(value) do
    local inside = groups(item, place)
    local merged = {}
    for _, group in ipairs(inside) do
      for _, condition in ipairs(group) do merged[#merged + 1] = condition end
    end
    list[#list + 1] = merged
  end
  return list
end

local function holds(group, msg, state)
  for i = 1, #group do
    if not group[i].test(msg, state) then return false end
  end
  return true
end

local function text_of(list, joiner)
  local out = {}
  for _, group in ipairs(list) do
    local each = {}
    for i, condition in ipairs(group) do each[i] = ("%s %s"):format(condition.name, condition.words) end
    out[#out + 1] = table.concat(each, " and ")
  end
  return table.concat(out, joiner)
end

function compile.all(value, _, place)
  local list = groups(value, place)
  return text_of(list, " and "), function(msg, state)
    for i = 1, #list do
      if not holds(list[i], msg, state) then return false end
    end
    return true
  end
end

compile["unless"] = function(value, rule, place)
  local text, test = compile.all(value, rule, place)
  return text, function(msg, state) return not test(msg, state) end
end

--- `any`: one of the matchers of the table, or all of those of one item of its list.
function compile.any(value, _, place)
  local list = {}
  for _, group in ipairs(groups(value, place)) do list[#list + 1] = group end
  local own = {}
  for key in pairs(value) do own[#own + 1] = type(key) ~= "number" and key or nil end
  if #own > 0 then -- each of its own matchers is an alternative
    local first = table.remove(list, 1)
    for i, condition in ipairs(first) do table.insert(list, i, { condition }) end
  end
  return text_of(list, " or "), function(msg, state)
    for i = 1, #list do
      if holds(list[i], msg, state) then return true end
    end
  end
end

return matchers
