--- Property tests.  A case is made of random choices; when it fails, the choices are made fewer and smaller as long as it
--- still fails (shrinking), so the case that is shown is about the simplest, and valid by construction.
local util = require "spec.support.util"

local property = {}

local MOST_ATTEMPTS, MOST_S = 20000, 4 -- of shrinking
local COUNTS, MOST_EACH = 20, 8 -- how many choices are tried as the length of a list; how many an element may take

--- A value as a Lua literal, keys in order.
local function show(value, indent)
  if type(value) == "string" then
    -- decimal escapes: other octets are visible, and can be pasted
    return '"' .. value:gsub('[%c"\\\127-\255]', function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
  end
  if type(value) ~= "table" then return tostring(value) end
  local keys, list = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  for _, key in ipairs(keys) do
    list[#list + 1] = (type(key) == "number" and "" or key .. " = ") .. show(value[key], "")
  end
  return indent and "{ " .. table.concat(list, ", ") .. " }" or "  " .. table.concat(list, "\n  ")
end

--- One run: from a list of choices, beyond it from `source`, or always the first alternative.
---@return string? failure
---@return integer[] choices  made by this run
---@return table case
local function attempt(fn, given, source)
  local choices, case = {}, {}
  local function random(n)
    local choice = given and given[#choices + 1] or source and source(n) or 1
    if choice > n then choice = n end
    choices[#choices + 1] = choice
    return choice
  end
  local ok, err = pcall(fn, random, case)
  if ok then return nil, choices, case end
  return tostring(type(err) == "table" and err.message or err), choices, case
end

--- Tests whether a list of choices is simpler than another: shorter, or as long and smaller where they first differ?
local function is_simpler(a, b)
  if #a ~= #b then return #a < #b end
  for i = 1, #a do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end

--- The choices without `count` of them at `from`.
local function without(choices, from, count)
  local out = {}
  for i, choice in ipairs(choices) do
    if i < from or i >= from + count then out[#out + 1] = choice end
  end
  return out
end

--- Removes pieces of a list whose length is choice `i` and whose elements take `each` choices.
---@param try fun(candidate: integer[]): boolean
---@param current fun(): integer[]
local function shorten(i, each, try, current)
  local better = false
  local size = math.floor((current()[i] or 0) / 2)
  while size >= 1 do
    local from = i + 1
    while (current()[i] or 0) > size and from <= #current() do
      local candidate = without(current(), from, size * each)
      candidate[i] = candidate[i] - size
      if try(candidate) then better = true else from = from + size * each end
    end
    size = math.floor(size / 2)
  end
  return better
end

local function shrink(fn, failure, choices, case)
  local attempts, started = 0, os.clock()
  local function try(candidate)
    attempts = attempts + 1
    if attempts > MOST_ATTEMPTS or os.clock() - started > MOST_S then return false end
    local failed, made, made_case = attempt(fn, candidate)
    if not failed or not is_simpler(made, choices) then return false end
    failure, choices, case = failed, made, made_case
    return true
  end
  local function current() return choices end
  local better = true
  while better do
    better = false
    for i = 1, math.min(COUNTS, #choices) do
      for each = 1, MOST_EACH do better = shorten(i, each, try, current) or better end
    end
    local size = math.max(1, math.floor(#choices / 2))
    while size >= 1 do
      local from = 1
      while from <= #choices do
        if try(without(choices, from, size)) then better = true else from = from + size end
      end
      size = math.floor(size / 2)
    end
    for i = 1, #choices do
      local low, high = 0, choices[i] -- low is known not to fail, high to fail
      while choices[i] and high - low > 1 do
        local candidate = without(choices, 0, 0)
        candidate[i] = low == 0 and 1 or math.floor((low + high) / 2)
        if try(candidate) then
          better = true
          high = choices[i] or 0
        else
          low = candidate[i]
        end
      end
    end
  end
  return failure, choices, case
end

--- Fails, with the seed and the simplest case found, unless fn holds for `runs` cases.
---@param runs integer
---@param fn fun(random: (fun(n: integer): integer), case: table)  makes a case with random(n) -> 1..n, raises when the
---  property does not hold; what it puts into `case` is shown
---@param seed? integer  SMPP_SEED overrides it
function property.holds(runs, fn, seed)
  seed = tonumber(os.getenv("SMPP_SEED")) or seed or 1
  local source = util.random(seed)
  for run = 1, runs do
    local failure, choices, case = attempt(fn, nil, source)
    if failure then
      local made = #choices
      failure, choices, case = shrink(fn, failure, choices, case)
      error(("seed %d (SMPP_SEED), case %d, shrunk from %d choices to %d:\n%s\n%s"):format(seed, run, made, #choices, show(case), failure), 0)
    end
  end
end

property.show = show

return property
