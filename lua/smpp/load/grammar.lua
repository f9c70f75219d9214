--- What the options of a load test mean: durations, rates, shares, stages, patterns of addresses, thresholds.
--- Each reader returns its value, or nil and a message with the place marked.
local strings = require "smpp.base.strings"

local grammar = {}

local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600 }
local PER = { s = 1, m = 60, h = 3600 }
local SCALES = { k = 1e3, M = 1e6 }

--- nil and a message that points at an octet of the word.
local function at(what, word, place, expected)
  return nil, ("invalid %s '%s': expected %s\n  %s\n  %s^"):format(what, word, expected, word, (" "):rep(place - 1))
end
grammar.error_at = at

local DURATION = "a duration above 0, as 90, 1.5s, 250ms, 2m, 1h or 1m30s"

--- A duration in seconds.
---@param word string
---@param o? { what: string?, zero: boolean?, unit: boolean? }  zero: 0 is allowed; unit: a bare number is not
---@return number? seconds
---@return string? message
function grammar.duration(word, o)
  o = o or {}
  local what, expected = o.what or "duration", o.zero and DURATION:gsub(" above 0", "") or DURATION
  local bare = word:match "^%s*(%d*%.?%d*)%s*$"
  if bare and tonumber(bare) then
    if o.unit then return at(what, word, #word + 1, "a unit: ms, s, m or h") end
    if tonumber(bare) == 0 and not o.zero then return at(what, word, 1, expected) end
    return tonumber(bare)
  end
  local seconds, place = 0, 1
  while place <= #word do
    local number, after = word:match("^%s*(%d+%.?%d*)()", place)
    if not number then return at(what, word, place, expected) end
    local unit, following = word:match("^(%a+)()", after)
    if not unit or not UNITS[unit] then return at(what, word, after, expected) end
    seconds, place = seconds + tonumber(number) * UNITS[unit], word:match("^%s*()", following)
  end
  if place == 1 or seconds == 0 and not o.zero then return at(what, word, 1, expected) end
  return seconds
end

local RATE = "a rate above 0, as 100, 5k, 100/s, 30/m or 7/h"

--- A rate in messages per second.
---@param word string
---@param o? { what: string?, zero: boolean? }
---@return number? per_s
---@return string? message
function grammar.rate(word, o)
  o = o or {}
  local what, expected = o.what or "rate", o.zero and RATE:gsub(" above 0", "") or RATE
  local number, place = word:match "^%s*(%d*%.?%d+)()"
  if not number then return at(what, word, word:match "^%s*()", expected) end
  local scale, after = word:match("^([kM])()", place)
  local rate = tonumber(number) * (SCALES[scale] or 1)
  place = after or place
  local per, rest = word:match("^/([smh])()", place)
  place = rest or place
  if word:find("%S", place) then return at(what, word, place, expected) end
  if rate == 0 and not o.zero then return at(what, word, 1, expected) end
  return rate / (PER[per] or 1)
end

--- A share between 0 and 1: "70%".
---@param word string
---@return number? share
---@return string? message
function grammar.share(word)
  local number = word:match "^%s*(%d*%.?%d+)%s*%%%s*$"
  if not number or tonumber(number) > 100 then return at("share", word, 1, "a percentage from 0% to 100%") end
  return tonumber(number) / 100
end

--- Points of a rate over time: "0:100/s, 60s:5k/s".
---@param word string
---@return { at_s: number, rate: number }[]? stages
---@return string? message
function grammar.stages(word)
  local list, place = {}, 1
  for piece, after in (word .. ","):gmatch "([^,]*),()" do
    local time, rate = piece:match "^([^:]*):(.*)$"
    if not time then return at("stages", word, place, "TIME:RATE, as 0:100/s, 60s:5k/s") end
    local at_s, wrong = grammar.duration(strings.trim(time), { zero = true, what = "time of a stage" })
    if not at_s then return nil, wrong end
    local per_s
    per_s, wrong = grammar.rate(strings.trim(rate), { zero = true, what = "rate of a stage" })
    if not per_s then return nil, wrong end
    if list[1] and at_s < list[#list].at_s then return at("stages", word, place, "times in rising order") end
    list[#list + 1] = { at_s = at_s, rate = per_s }
    place = after
  end
  if #list < 2 then return at("stages", word, #word + 1, "two points or more") end
  return list
end

--- A whole number or a range of them: "40", "1-160".
---@param word string
---@return { low: integer, high: integer }? range
---@return string? message
function grammar.range(word)
  local low, high = word:match "^(%d+)%-(%d+)$"
  low = low or word:match "^%d+$"
  low, high = tonumber(low), tonumber(high or low)
  if not low or low < 1 or high < low then return at("length", word, 1, "characters, as 40 or 1-160") end
  return { low = low, high = high }
end

--- "70%:REST": the share and the rest; without a share nil and the word.
---@param word string
---@return number? share
---@return string rest
---@return string? message
function grammar.shared(word)
  local percent, rest = word:match "^(%d*%.?%d+%%):(.*)$"
  if not percent then return nil, word end
  local share, wrong = grammar.share(percent)
  return share, rest, wrong
end

--- Shares of several values, the way options repeat: those without one take equal parts of what is left.
---@param list { share: number?, value: any }[]
---@return fun(number: number): any choose  of a number in [0,1)
function grammar.weighted(list)
  local said, silent = 0, 0
  for _, item in ipairs(list) do
    if item.share then said = said + item.share else silent = silent + 1 end
  end
  local rest, sum, bounds = silent > 0 and math.max(0, 1 - said) / silent or 0, 0, {}
  for i, item in ipairs(list) do
    sum = sum + (item.share or rest)
    bounds[i] = sum
  end
  local n = #list
  return function(number)
    local wanted = number * sum
    for i = 1, n - 1 do
      if wanted < bounds[i] then return list[i].value end
    end
    return list[n].value
  end
end

---@class smpp.LoadDigits  digits of a pattern that change
---@field at integer  octets before them
---@field kind "digits"|"counter"|"range"
---@field width integer
---@field low number?
---@field count number?

--- A pattern of addresses: [7] seven random digits, [#7] a counter of seven digits, [100-299] a number in a range; \[ is a bracket.
---@param word string
---@return (fun(n: integer, random: fun(): number): string)? expand  n: how many came before
---@return string? message
---@return smpp.LoadDigits[]? digits  what changes in it, nil: not the same places each time
function grammar.pattern(word)
  local pieces, literal, place = {}, {}, 1
  local digits, length = {}, 0
  local function close()
    if literal[1] then
      pieces[#pieces + 1] = table.concat(literal)
      length = length + #pieces[#pieces]
    end
    literal = {}
  end
  local function changes(kind, width, low, count)
    if digits then digits[#digits + 1] = { at = length, kind = kind, width = width, low = low, count = count } end
    length = length + width
  end
  while place <= #word do
    local c = word:sub(place, place)
    if c == "\\" then
      literal[#literal + 1] = word:sub(place + 1, place + 1)
      place = place + 2
    elseif c == "[" then
      local inside, after = word:match("^%[([^%]]*)%]()", place)
      if not inside then return at("pattern", word, place, "a closing ]") end
      close()
      local counter, low, high = inside:match "^#(%d%d?)$", inside:match "^(%d+)%-(%d+)$"
      if inside:find "^%d%d?$" and tonumber(inside) > 0 then
        local width = tonumber(inside)
        changes("digits", width)
        pieces[#pieces + 1] = function(_, random)
          local out = {}
          for i = 1, width, 7 do -- a number in [0,1) is good for some digits
            local some = math.min(7, width - i + 1)
            out[#out + 1] = ("%0" .. some .. "d"):format(math.floor(random() * 10 ^ some))
          end
          return table.concat(out)
        end
      elseif counter and tonumber(counter) > 0 then
        local width = "%0" .. counter .. ".0f"
        local limit = 10 ^ tonumber(counter)
        changes("counter", tonumber(counter))
        pieces[#pieces + 1] = function(n) return width:format(n % limit) end
      elseif low and #low <= 15 and #high <= 15 and tonumber(low) <= tonumber(high) then
        local width, from, count = "%0" .. #low .. ".0f", tonumber(low), tonumber(high) - tonumber(low) + 1
        changes("range", #low, from, count)
        if #high ~= #low then digits = nil end
        pieces[#pieces + 1] = function(_, random) return width:format(from + math.floor(random() * count)) end
      else
        return at("pattern", word, place + 1, "[7] random digits, [#7] a counter, or [100-299] a range")
      end
      place = after
    else
      literal[#literal + 1] = c
      place = place + 1
    end
  end
  close()
  if #pieces == 0 then return at("pattern", word, 1, "an address") end
  if #pieces == 1 and type(pieces[1]) == "string" then
    local constant = pieces[1]
    return function() return constant end, nil, digits
  end
  local prefix, few = word:match "^([^%[%]\\%%]*)%[([1-7])%]$"
  if prefix then -- the usual pattern, with one call
    local form, limit, floor, format = prefix .. "%0" .. few .. "d", 10 ^ tonumber(few), math.floor, string.format
    return function(_, random) return format(form, floor(random() * limit)) end, nil, digits
  end
  return function(n, random)
    local out = {}
    for i = 1, #pieces do
      local piece = pieces[i]
      out[i] = type(piece) == "string" and piece or piece(n, random)
    end
    return table.concat(out)
  end, nil, digits
end

return grammar
