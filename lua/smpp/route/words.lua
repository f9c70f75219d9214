--- The words of a routing rule: what kinds of numbers there are, and ways to choose a carrier.  They make tables that
--- smpp.route compiles; those that name a file get its text from the function given.
local core = require "smpp.core"
local csv = require "smpp.route.csv"
local mistake = require "smpp.base.mistake"

local words = {}

---@class smpp.RouteWord
---@field word string  its name: "prefix", "balance" …

local mt = { __name = "smpp.RouteWord" }

local function make(word, o)
  o = o or {}
  o.word = word
  return setmetatable(o, mt)
end

--- The word that a value is, nil: none.
---@param value any
---@return string?
function words.of(value) return type(value) == "table" and getmetatable(value) == mt and value.word or nil end

local function list_of(name, value, level)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" or value[1] == nil then
    error(("%s: expected a string or a list of strings, got %s"):format(name, mistake.show(value)), level + 1)
  end
  for _, item in ipairs(value) do
    if type(item) ~= "string" then error(("%s: expected strings, got %s"):format(name, mistake.show(item)), level + 1) end
  end
  return value
end

--- Settings of a chooser: those of its names that are strings and no carriers.
local SETTINGS = {
  balance = {}, failover = {}, least = {}, cheapest = { prices = "string" }, sticky = { by = "string", for_s = "number" },
}

local function chooser(name, read)
  local takes = SETTINGS[name]
  return function(given)
    if type(given) == "string" then given = { given } end
    if type(given) ~= "table" or words.of(given) then error(("%s: expected carriers, got %s"):format(name, mistake.show(given)), 2) end
    local o = { list = {} }
    for i, item in ipairs(given) do
      if type(item) ~= "string" and not words.of(item) then
        error(("%s: expected the name of a carrier, got %s"):format(name, mistake.show(item)), 2)
      end
      o.list[i] = item
    end
    local names = {}
    for key, value in pairs(given) do
      if type(key) == "string" then
        if takes[key] then
          if type(value) ~= takes[key] then error(("%s: %s: expected a %s, got %s"):format(name, key, takes[key], mistake.show(value)), 2) end
          o[key] = value
        elseif name == "balance" then
          if type(value) ~= "number" or value <= 0 then
            error(("balance: %s: expected its share, a number above 0, got %s"):format(key, mistake.show(value)), 2)
          end
          names[#names + 1] = key
        else
          local like = core.suggest(key, takes)
          error(("%s: unknown setting '%s'%s"):format(name, key, like and ("; did you mean '" .. like .. "'?") or ""), 2)
        end
      end
    end
    table.sort(names)
    o.weights = {}
    for i in ipairs(o.list) do o.weights[i] = 1 end
    for _, key in ipairs(names) do
      o.list[#o.list + 1] = key
      o.weights[#o.list] = given[key]
    end
    if #o.list == 0 then error(name .. ": expected at least one carrier", 2) end
    if o.by and o.by ~= "from" and o.by ~= "to" and o.by ~= "account" then
      error(('%s: by: expected "from", "to" or "account", got %s'):format(name, mistake.show(o.by)), 2)
    end
    if o.prices then o.file, o.text = o.prices, read(o.prices, 3) end
    return make(name, o)
  end
end

local function flag(name) return function() return make(name) end end

--- A function that writes national numbers as international ones, for `set`.
local function e164(o)
  if type(o) ~= "table" or type(o.country) ~= "string" or not o.country:find "^%d+$" then error('e164: expected { country = "49" }', 2) end
  local country, national, international = o.country, o.national or "0", o.international or "00"
  local field = o.field or "destination_addr"
  if field ~= "destination_addr" and field ~= "source_addr" then
    error("e164: field: expected destination_addr or source_addr, got " .. mistake.show(field), 2)
  end
  return function(msg)
    local number = field == "source_addr" and msg.from or msg.to
    if not number:find "^%d+$" then return nil end
    if number:sub(1, #international) == international and international ~= "" then return number:sub(#international + 1) end
    if number:sub(1, #national) == national and national ~= "" then return country .. number:sub(#national + 1) end
    return nil
  end
end

--- All words, by name.
---@param read fun(path: string, level: integer): string  the text of a file; raises at that level when it cannot be read
---@return table<string, function>
function words.new(read)
  local function of_file(name)
    return function(path)
      if type(path) ~= "string" then error(("%s: expected the name of a file, got %s"):format(name, mistake.show(path)), 2) end
      return make(name, { file = path, text = read(path, 3) })
    end
  end
  return {
    prefix = function(given)
      local list = list_of("prefix", given, 2)
      for _, one in ipairs(list) do
        local octets = #csv.plain(one)
        if octets == 0 or octets > 21 then error(("prefix: expected 1 to 21 characters, got %s"):format(mistake.show(one)), 2) end
      end
      return make("prefix", { list = list })
    end,
    pattern = function(given)
      for _, one in ipairs(list_of("pattern", given, 2)) do
        local ok, message = pcall(string.find, "", one)
        if not ok then error("pattern: " .. message, 2) end
      end
      return make("pattern", { list = list_of("pattern", given, 2) })
    end,
    range = function(given)
      local from, to = type(given) == "table" and given[1], type(given) == "table" and given[2]
      if type(from) ~= "string" or type(to) ~= "string" then error('range: expected { "FROM", "TO" }', 2) end
      from, to = csv.plain(from), csv.plain(to)
      if #from ~= #to or from > to or not (from .. to):find "^%d+$" then
        error(("range: expected two numbers of equal length in order, got %s and %s"):format(mistake.show(from), mistake.show(to)), 2)
      end
      return make("range", { from = from, to = to })
    end,
    keyword = function(given)
      for _, one in ipairs(list_of("keyword", given, 2)) do
        if not one:find "^%S+$" then error("keyword: expected one word, got " .. mistake.show(one), 2) end
      end
      return make("keyword", { list = list_of("keyword", given, 2) })
    end,
    prefixes = of_file "prefixes", listed = of_file "listed",
    alphanumeric = flag "alphanumeric", international = flag "international", national = flag "national", short = flag "short",
    balance = chooser "balance", failover = chooser "failover", least = chooser "least", sticky = chooser "sticky",
    cheapest = chooser("cheapest", read), e164 = e164,
  }
end

return words
