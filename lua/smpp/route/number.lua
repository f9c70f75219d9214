--- Matchers of addresses: numbers, lists, prefixes, patterns, ranges, types of numbers.
local core = require "smpp.core"
local csv = require "smpp.route.csv"
local words = require "smpp.route.words"

local number = {}

local plain = csv.plain

local TON = { international = 1, national = 2, alphanumeric = 5 }
local NETWORK_SPECIFIC = 3
local SHOWN = 5 -- values that words name

local PREFIX_COLUMN = { prefix = true }
local NUMBER_COLUMN = {
  number = true, value = true, from = true, to = true, sender = true, source_addr = true, destination_addr = true, msisdn = true,
}

---@class smpp.NumberMatcher
---@field words string        what it takes, for people
---@field is_indexed boolean  it has only whole numbers and prefixes
---@field test fun(address: string, ton: integer): boolean|nil
---@field each fun(exact: fun(number: string), prefix: fun(prefix: string))  all of them

local function is_type(name, address, ton)
  if name == "short" then return ton == NETWORK_SPECIFIC or (ton ~= 1 and ton ~= 5 and #address <= 8 and address:find "^%d%d%d+$" ~= nil) end
  if name == "alphanumeric" and address:find "%a" then return true end
  return ton == TON[name]
end

local function tester(spec)
  local word = spec.word
  if word == "pattern" then
    local list = spec.list
    return function(address)
      for i = 1, #list do
        if address:find(list[i]) then return true end
      end
    end
  elseif word == "range" then
    local from, to, length = spec.from, spec.to, #spec.from
    return function(address) return #address == length and address >= from and address <= to and not address:find "%D" end
  end
  return function(address, ton) return is_type(word, address, ton) end
end

--- Calls a function for the numbers and prefixes of a matcher, and collects what it else has.
local function walk(spec, exact, prefix, other)
  local word = words.of(spec)
  if type(spec) == "string" then
    exact(plain(spec))
  elseif not word then
    for _, item in ipairs(spec) do walk(item, exact, prefix, other) end
  elseif word == "prefix" then
    for _, one in ipairs(spec.list) do prefix(plain(one)) end
  elseif word == "prefixes" then
    csv.values(spec.text, PREFIX_COLUMN, function(value) prefix(plain(value)) end)
  elseif word == "listed" then
    csv.values(spec.text, NUMBER_COLUMN, function(value) exact(plain(value)) end)
  else
    other(spec)
  end
end

--- What is wrong with a matcher, nil: nothing.
---@param spec any
---@return string?
function number.wrong(spec)
  local word = words.of(spec)
  if type(spec) == "string" then return plain(spec) == "" and "expected a number, got ''" or nil end
  if type(spec) ~= "table" then
    return "expected a number, a list, or prefix, prefixes, pattern, range, listed, alphanumeric …, got a " .. type(spec)
  end
  if not word then
    if spec[1] == nil then return "expected a list of numbers, got a table without items" end
    for key, item in pairs(spec) do
      if type(key) ~= "number" then return ("expected a list of numbers, got a table with the key '%s'"):format(tostring(key)) end
      local wrong = number.wrong(item)
      if wrong then return wrong end
    end
    return nil
  end
  if not (spec.text or spec.list or spec.from or TON[word] or word == "short") or word == "keyword" or spec.weights then
    return ("expected a matcher of numbers, got %s"):format(word)
  end
  if word == "prefixes" then
    local wrong
    csv.values(spec.text, PREFIX_COLUMN, function(value, line)
      if #plain(value) > 21 and not wrong then wrong = ("%s:%d: prefix longer than 21 characters"):format(spec.file, line) end
    end)
    return wrong
  end
end

local function describe(spec)
  local word = words.of(spec)
  if type(spec) == "string" then return plain(spec) end
  if not word then
    local list = {}
    for i = 1, math.min(#spec, SHOWN) do list[i] = describe(spec[i]) end
    return table.concat(list, " or ") .. (#spec > SHOWN and (" or %d more"):format(#spec - SHOWN) or "")
  end
  if spec.file then return ("%s %s"):format(word, spec.file) end
  if word == "range" then return ("range %s to %s"):format(spec.from, spec.to) end
  if spec.list then return word .. " " .. describe(spec.list) end
  return word
end

--- Has a matcher more than whole numbers and prefixes?  Adds the tests of those.
local function others_of(spec, list)
  local word = words.of(spec)
  if type(spec) == "table" and not word then
    for _, item in ipairs(spec) do others_of(item, list) end
  elseif word and word ~= "prefix" and word ~= "prefixes" and word ~= "listed" then
    list[#list + 1] = tester(spec)
  end
  return list
end

local function none() end

--- The test of a matcher.  The sets are made here: those that the index of all rules holds are not needed twice.
local function test_of(spec)
  local others, exact, prefixes, count, trie = others_of(spec, {}), {}, {}, 0, nil
  walk(spec, function(value) exact[value] = true end, function(value)
    count = count + 1
    if count <= 8 then prefixes[count] = value end
    trie = trie or core.prefixes.new()
    trie:add(value, 1)
  end, none)
  return function(address, ton)
    if exact[address] then return true end
    if count > 8 then
      if trie:longest(address) then return true end
    else
      for i = 1, count do
        local prefix = prefixes[i]
        if address:sub(1, #prefix) == prefix then return true end
      end
    end
    for i = 1, #others do
      if others[i](address, ton) then return true end
    end
    return false
  end
end

-- A file may have ten thousand rules with a number each, whose tests and words nobody asks for: they are made when they are.
local made = {
  test = function(self) return test_of(self.spec) end,
  words = function(self) return describe(self.spec) end,
  each = function(self)
    local spec = self.spec
    return function(exact, prefix) walk(spec, exact, prefix, none) end
  end,
}

local mt = { __index = function(self, name)
  local make = made[name]
  local value = make and make(self)
  if make and name ~= "each" then rawset(self, name, value) end -- `each` is wanted at the start only
  return value
end }

--- Compiles a matcher.
---@param spec any  checked by `wrong`
---@return smpp.NumberMatcher
function number.compile(spec)
  return setmetatable({ spec = spec, is_indexed = #others_of(spec, {}) == 0 }, mt)
end

return number
