--- Lists of subscribers: CSV files, arrays and iterators of numbers or tables, as rows by the names of their columns.
local strings = require "smpp.base.strings"

local csv = {}

local NUMBER = { "number", "to", "phone", "msisdn" }

--- The cells of a file in CSV (RFC 4180), with , ; or tab between them, whichever the first line has most of.
---@param text string
---@return string[][] rows
function csv.parse(text)
  text = text:gsub("^\239\187\191", "")
  local first = text:match "^[^\r\n]*"
  local separator, most = ",", 0
  for _, candidate in ipairs { ",", ";", "\t" } do
    local n = select(2, first:gsub(candidate, ""))
    if n > most then separator, most = candidate, n end
  end
  local rows, row, at, size = {}, {}, 1, #text
  local plain = "^[^" .. separator .. "\r\n]*"
  while at <= size do
    local cell
    if text:sub(at, at) == '"' then
      local pieces = {}
      repeat
        local last = text:find('"', at + 1, true) or size + 1
        pieces[#pieces + 1] = text:sub(at + 1, last - 1)
        at = math.min(last, size) + 1
      until text:sub(at, at) ~= '"' or at > size
      cell = table.concat(pieces, '"')
      local _, stop = text:find(plain, at)
      at = stop + 1
    else
      local _, stop = text:find(plain, at)
      cell = strings.trim(text:sub(at, stop))
      at = stop + 1
    end
    row[#row + 1] = cell
    local mark = text:sub(at, at)
    if mark == separator then
      at = at + 1
      if at > size then row[#row + 1] = "" end
    else
      at = at + (text:sub(at, at + 1) == "\r\n" and 2 or 1)
      if #row > 1 or row[1] ~= "" then rows[#rows + 1] = row end
      row = {}
    end
  end
  if #row > 0 and (#row > 1 or row[1] ~= "") then rows[#rows + 1] = row end
  return rows
end

local function column_of(names)
  for _, wanted in ipairs(NUMBER) do
    for i, name in ipairs(names) do
      if name:lower() == wanted then return i end
    end
  end
  return 1
end

--- Reads a file whose first line names its columns.
---@param path string
---@return table[]? rows  each with its cells by name, and `number`
---@return string[]|string columns  or the message
function csv.read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text = file:read "*a"
  file:close()
  local cells = csv.parse(text)
  local names = table.remove(cells, 1)
  if not names then return nil, path .. ": empty file" end
  local number, rows = column_of(names), {}
  for i, row in ipairs(cells) do
    local one = {}
    for j, name in ipairs(names) do one[name] = row[j] or "" end
    one.number = row[number] or ""
    rows[i] = one
  end
  names[#names + 1] = "number"
  return rows, names
end

--- A row of what an array or an iterator gives.
---@param item any
---@return table? row  nil: neither a number nor a table
function csv.row(item)
  if type(item) == "string" then return { number = item } end
  if type(item) == "number" then return { number = ("%.0f"):format(item) } end
  if type(item) ~= "table" then return nil end
  local row = {}
  for key, value in pairs(item) do row[key] = value end
  for _, name in ipairs(NUMBER) do
    if row[name] ~= nil then
      row.number = tostring(row[name])
      return row
    end
  end
  row.number = tostring(item[1] or "")
  return row
end

--- A text with the values of columns in it: "{name}"; "{{" is a brace.
---@param text string
---@return { columns: string[], fill: fun(row: table): string }
function csv.template(text)
  local pieces, columns, at = {}, {}, 1
  while at <= #text do
    local open = text:find("{", at, true)
    if not open then
      pieces[#pieces + 1] = text:sub(at)
      break
    end
    pieces[#pieces + 1] = text:sub(at, open - 1)
    if text:sub(open + 1, open + 1) == "{" then
      pieces[#pieces + 1], at = "{", open + 2
    else
      local close = text:find("}", open, true)
      if not close then error(("template: '{' without '}' at character %d; '{{' is a brace"):format(open), 0) end
      local name = strings.trim(text:sub(open + 1, close - 1))
      columns[#columns + 1] = name
      pieces[#pieces + 1] = { name }
      at = close + 1
    end
  end
  local function fill(row)
    local out = {}
    for i, piece in ipairs(pieces) do out[i] = type(piece) == "table" and tostring(row[piece[1]]) or piece end
    return table.concat(out)
  end
  return { columns = columns, fill = fill }
end

return csv
