--- Regular expressions of other gateways' configurations as Lua patterns, for `--from-jasmin`.  Only what Lua's patterns can say: an expression
--- with other means has no counterpart.
local regex = {}

local MOST_REPEATS = 20    -- of x{n}
local MOST_ALTERNATIVES = 200
local MOST_CHARACTERS = 1000

local CLASSES = { d = "%d", D = "%D", w = "[%w_]", W = "[^%w_]", s = "%s", S = "%S" }
local INSIDE = { d = "%d", w = "%w_", s = "%s" } -- in brackets
local ESCAPED = { n = "\n", r = "\r", t = "\t" }

local function literal(c) return (c:gsub("%W", "%%%0")) end

--- The alternatives of an expression at its top level, and of each whole group: "49(15|16)" -> "4915", "4916"; nil: too many, or nested.
local function expanded(text, list)
  local depth, from, at, inside = 0, nil, 1, false
  local bars = {}
  while at <= #text do
    local c = text:sub(at, at)
    if c == "\\" then
      at = at + 1
    elseif inside then
      inside = c ~= "]"
    elseif c == "[" then
      inside = true
      if text:sub(at + 1, at + 1) == "^" then at = at + 1 end
      if text:sub(at + 1, at + 1) == "]" then at = at + 1 end
    elseif c == "(" then
      depth = depth + 1
      if depth == 1 then from = from or at end
    elseif c == ")" then
      depth = depth - 1
      if depth < 0 then return nil end
      if depth == 0 and not from then return nil end
    elseif c == "|" and depth == 0 then
      bars[#bars + 1] = at
    end
    at = at + 1
  end
  if depth ~= 0 or inside then return nil end
  if bars[1] then
    local start = 1
    bars[#bars + 1] = #text + 1
    for _, bar in ipairs(bars) do
      if not expanded(text:sub(start, bar - 1), list) then return nil end
      start = bar + 1
    end
    return list
  end
  local head, group, tail = text:match "^(.-)(%b())(.*)$"
  if not group or head:find "\\$" then
    list[#list + 1] = text
    return #list <= MOST_ALTERNATIVES and list or nil
  end
  if tail:find "^[*+?{]" then return nil end -- a repeated group
  local words = group:sub(2, -2):gsub("^%?:", "")
  if words:find "^%?" then return nil end
  local alternatives = expanded(words, {})
  if not alternatives then return nil end
  for _, one in ipairs(alternatives) do
    if not expanded(head .. one .. tail, list) then return nil end
  end
  return list
end

--- A bracketed set as one of Lua.
local function set_of(text, at)
  local out, i = { "[" }, at + 1
  if text:sub(i, i) == "^" then out[2], i = "^", i + 1 end
  local first = i
  while true do
    local c = text:sub(i, i)
    if c == "" then return nil end
    if c == "]" and i > first then break end
    if c == "\\" then
      i = i + 1
      local e = text:sub(i, i)
      out[#out + 1] = INSIDE[e] or (e:find "%a" and ESCAPED[e]) or (e:find "%W" and literal(e)) or nil
      if e:find "%w" and not INSIDE[e] and not ESCAPED[e] then return nil end
    elseif c == "-" then
      out[#out + 1] = (i == first or text:sub(i + 1, i + 1) == "]") and "%-" or "-"
    else
      out[#out + 1] = literal(c)
    end
    i = i + 1
  end
  out[#out + 1] = "]"
  return table.concat(out), i
end

--- One alternative as a Lua pattern, without its anchor at the start.
local function pattern_of(text)
  local out, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    local item
    if c == "\\" then
      at = at + 1
      local e = text:sub(at, at)
      if e == "" then return nil end
      item = CLASSES[e] or ESCAPED[e] or (e:find "%W" and literal(e)) or nil
    elseif c == "[" then
      item, at = set_of(text, at)
    elseif c == "." then
      item = "."
    elseif c == "$" then
      if at ~= #text then return nil end
      out[#out + 1] = "$"
    elseif c == "^" then
      if at ~= 1 then return nil end
      item = ""
    elseif c:find "[*+?{}()|]" then
      return nil
    else
      item = literal(c)
    end
    if not item and c ~= "$" then return nil end
    local behind = text:sub(at + 1, at + 1)
    if behind == "{" then
      local low, comma, high, after = text:match("^{(%d+)(,?)(%d*)}()", at + 1)
      low, high = tonumber(low), tonumber(high)
      if not low or low > MOST_REPEATS or (high and (high > MOST_REPEATS or high < low)) then return nil end
      out[#out + 1] = item:rep(low)
      if comma == "," then out[#out + 1] = high and (item .. "?"):rep(high - low) or item .. "*" end
      at = after - 1
      if text:sub(at + 1, at + 1):find "[*+?]" then return nil end
    elseif behind:find "^[*+?]$" and item and item ~= "" then
      out[#out + 1] = item .. behind
      at = at + 1
      if text:sub(at + 1, at + 1) == "?" and behind ~= "?" then -- lazy
        out[#out] = item .. "-"
        if behind == "+" then out[#out] = item .. item .. "-" end
        at = at + 1
      elseif text:sub(at + 1, at + 1):find "[*+?]" then
        return nil
      end
    elseif item then
      out[#out + 1] = item
    end
    at = at + 1
  end
  return table.concat(out)
end

---@class smpp.RegexAlternatives
---@field exact string[]     whole values
---@field prefixes string[]  beginnings
---@field patterns string[]  Lua patterns, anchored
---@field all boolean        everything matches

--- What an expression matches that is anchored at the start (Python's `match`); nil: Lua's patterns cannot say it.
---@param text string
---@return smpp.RegexAlternatives?
function regex.read(text)
  local list = #text <= MOST_CHARACTERS and expanded(text, {})
  if not list then return nil end
  local out = { exact = {}, prefixes = {}, patterns = {}, all = false }
  for _, one in ipairs(list) do
    one = one:gsub("^%^", "")
    local plain = one:gsub("^\\%+", "+"):gsub("^%+%?", "")
    local digits, rest = plain:match "^(%+?%d*)(.*)$"
    if digits:find "%d" and rest:find "^[*+?{]" then digits, rest = "", plain end -- the last digit is repeated
    if rest == "" or rest == ".*" or rest == ".*$" or (digits ~= "" and (rest:find "^\\d[*+]%$?$" or rest:find "^%[0%-9%][*+]%$?$")) then
      if digits == "" then out.all = true else out.prefixes[#out.prefixes + 1] = digits end
    elseif one:find "^%w+%$$" then
      out.exact[#out.exact + 1] = one:sub(1, -2)
    elseif rest == "$" then
      out.exact[#out.exact + 1] = digits
    else
      local pattern = pattern_of(one)
      if not pattern or not pcall(string.find, "", "^" .. pattern) then return nil end
      out.patterns[#out.patterns + 1] = "^" .. pattern
    end
  end
  return out
end

return regex
