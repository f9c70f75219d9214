--- Values as Lua text.
local literal = {}

local PIECE = 70 -- columns of a piece of a long string

local function escaped(c)
  if c == '"' or c == "\\" then return "\\" .. c end
  return ("\\%03d"):format(c:byte())
end

--- A string; octets that are not printable as decimal escapes.  A long one has several lines.
---@param value string
---@return string
function literal.string(value)
  local pieces, piece = {}, ""
  for i = 1, #value do
    piece = piece .. value:sub(i, i):gsub('[%c"\\\127-\255]', escaped)
    if #piece >= PIECE then pieces[#pieces + 1], piece = '"' .. piece .. '"', "" end
  end
  if piece ~= "" or #pieces == 0 then pieces[#pieces + 1] = '"' .. piece .. '"' end
  return table.concat(pieces, "\n      .. ")
end

--- A number, with at most three digits behind the point.
---@param value number
---@return string
function literal.number(value)
  if value % 1 == 0 then return ("%d"):format(value) end
  return (("%.3f"):format(value):gsub("0+$", ""):gsub("%.$", ""))
end

--- A list of entries as a table on one line.
---@param list string[]
---@return string
function literal.table(list)
  if #list == 0 then return "{}" end
  return "{ " .. table.concat(list, ", ") .. " }"
end

--- A string, number, boolean, or table of those: names in order, then the list.
---@param value any
---@return string
function literal.of(value)
  if type(value) == "string" then return literal.string(value) end
  if type(value) == "number" then return literal.number(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts, names = {}, {}
  for key in pairs(value) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = name .. " = " .. literal.of(value[name]) end
  for _, item in ipairs(value) do parts[#parts + 1] = literal.of(item) end
  return literal.table(parts)
end

return literal
