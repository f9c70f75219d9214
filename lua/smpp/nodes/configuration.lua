--- What nodes of one gateway must have in common, as parts that can be compared: "carrier a: binds" -> "2".  Pure: no files, no clock.
local core = require "smpp.core"

local configuration = {}

---@class smpp.NodeConfiguration
---@field hash string  16 hex digits of SHA-256 over the parts in order
---@field parts table<string, string>

local MOST_LINES, MOST_TEXT = 20, 40
local LONG = 400 -- octets: of longer values the digest is kept
local DEPTH = 16
local SECRET = {}
for _, name in ipairs { "password", "sentinel_password", "token", "tokens", "secret", "secrets", "key", "certificate" } do SECRET[name] = true end

--- A secret is compared, and not shown: of its digest as much as tells a difference, and too little to look for the secret.
local function hidden(text) return "secret " .. core.sha256("smpp " .. text):sub(1, 4) end

local function scalar(value)
  if type(value) == "number" then return value % 1 == 0 and ("%.0f"):format(value) or ("%.17g"):format(value) end
  return tostring(value)
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then return type(a) == "number" end
    if type(a) == "number" or type(a) == "string" then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

--- A URL with its user and without its password.
local function without_password(text)
  local before, user, password, after = text:match "^(%w[%w+]*://)([^:@/]*):([^@/]*)(@.*)$"
  if not before then return text end
  return before .. user .. ":" .. hidden(password) .. after
end

--- A table as text, in order, for values that are compared as a whole.
local function text_of(value, name, source_of, depth)
  local kind = type(value)
  if SECRET[name] and kind ~= "table" then return hidden(scalar(value)) end
  if kind == "string" then return without_password(value) end
  if kind == "function" then return source_of and source_of(value) or "function" end
  if kind ~= "table" then return scalar(value) end
  if depth >= DEPTH then return "..." end
  local words = {}
  for i, key in ipairs(sorted_keys(value)) do
    local secret = SECRET[name] and name or key
    words[i] = (type(key) == "number" and "" or scalar(key) .. " = ") .. text_of(value[key], secret, source_of, depth + 1)
  end
  return "{ " .. table.concat(words, ", ") .. " }"
end

local function escaped(text) return (text:gsub("[\\\t\n]", { ["\\"] = "\\\\", ["\t"] = "\\t", ["\n"] = "\\n" })) end

--- Parts as text, in order.
---@param parts table<string, string>
---@return string
function configuration.write(parts)
  local lines = {}
  for i, name in ipairs(sorted_keys(parts)) do lines[i] = escaped(name) .. "\t" .. escaped(parts[name]) .. "\n" end
  return table.concat(lines)
end

local PLAIN = { ["\\\\"] = "\\", ["\\t"] = "\t", ["\\n"] = "\n" }

--- Reads what `write` has written; lines that are not of it are skipped.
---@param text string
---@return table<string, string> parts
function configuration.read(text)
  local parts = {}
  for line in text:gmatch "[^\n]+" do
    local tab = line:find("\t", 1, true)
    if tab then parts[(line:sub(1, tab - 1):gsub("\\.", PLAIN))] = (line:sub(tab + 1):gsub("\\.", PLAIN)) end
  end
  return parts
end

--- The configuration of sections: "carrier a" -> its options.  An option that is a table with names has a part for each of them.
---@param sections table<string, table>
---@param source_of? fun(fn: function): string  the text of a function
---@return smpp.NodeConfiguration
function configuration.of(sections, source_of)
  local parts = {}
  for name, section in pairs(sections) do
    parts[name .. ": "] = "yes" -- also where all its options are usual
    for option, value in pairs(section) do
      local text = text_of(value, option, source_of, 0)
      if #text > LONG then text = ("%d octets %s"):format(#text, core.sha256(text):sub(1, 16)) end
      parts[name .. ": " .. scalar(option)] = text
    end
  end
  return { hash = core.sha256(configuration.write(parts)):sub(1, 16), parts = parts }
end

local function shown(text) return text or "nothing" end

--- What two configurations differ in, in words: "carrier a: binds 2, there 3".
---@param here table<string, string>   parts
---@param there table<string, string>
---@return string[] lines
function configuration.differences(here, there)
  local names, lines, left = {}, {}, 0
  for name in pairs(here) do names[name] = true end
  for name in pairs(there) do names[name] = true end
  local function add(line)
    if #lines < MOST_LINES then lines[#lines + 1] = line else left = left + 1 end
  end
  for _, name in ipairs(sorted_keys(names)) do
    local a, b = here[name], there[name]
    local section, option = name:match "^(.-): (.*)$"
    if section and option == "" then
      if not a then add(section .. ": only there") elseif not b then add(section .. ": only here") end
    elseif a ~= b and (not section or here[section .. ": "] == there[section .. ": "]) then
      local is_short = #shown(a) <= MOST_TEXT and #shown(b) <= MOST_TEXT
      local is_secret = (a or b):find("secret ", 1, true) or (a or b):find "^%d+ octets %x+$"
      if is_short and not is_secret then add(("%s %s, there %s"):format(name, shown(a), shown(b))) else add(name .. " differs") end
    end
  end
  if left > 0 then lines[#lines + 1] = ("and %d more"):format(left) end
  return lines
end

return configuration
