--- Rows of a file of recipients: CSV with a line of column names, or JSON lines, read one at a time.
local csvs = require "smpp.base.csv"
local json = require "smpp.codec.json"
local strings = require "smpp.base.strings"

local rows = {}

local BOM = "^\239\187\191"

-- Aliases of columns; the first one found counts, unless a column has the name itself.
local ALIASES = {
  { "to", "number", "phone", "msisdn", "destination", "recipient" }, { "from", "sender" }, { "text", "message" },
}

--- Renames columns by their aliases.
---@param index table<string, any>  by column name
local function rename(index)
  for _, words in ipairs(ALIASES) do
    local name = words[1]
    for i = 2, #words do
      if index[name] == nil then index[name], index[words[i]] = index[words[i]], nil end
    end
  end
end

local function csv(first, lines, line_number)
  local separator = csvs.separator(first)
  local function more()
    local line = lines()
    if line then line_number = line_number + 1 end
    return line and (line:gsub("\r$", ""))
  end
  local names, message = csvs.cells(first, separator, more)
  if not names then return nil, message end
  local seen, named = {}, {}
  for i, cell in ipairs(names) do
    names[i] = cell:lower():gsub("%s+", "_")
    seen[names[i]] = i
  end
  rename(seen)
  for name, i in pairs(seen) do names[i], named[name] = name, true end
  if not seen.to then
    return nil, ("missing column 'to': the first line must name the columns (found: %s)"):format(table.concat(names, ", "))
  end
  return function()
    local line = more()
    while line and not line:find "%S" do line = more() end
    if not line then return nil end
    local at = line_number
    local cells, wrong = csvs.cells(line, separator, more)
    if not cells then return at, nil, wrong end
    if #cells > #names then return at, nil, ("row of %s, expected at most %d"):format(strings.plural(#cells, "cell"), #names) end
    local row = {}
    for i, name in ipairs(names) do row[name] = cells[i] or "" end
    return at, row
  end, nil, named
end

local function json_lines(first, lines, line_number)
  return function()
    local line = first
    first = nil
    while not line or not line:find "%S" do
      line = lines()
      if not line then return nil end
      line_number = line_number + 1
    end
    local value, message = json.decode(line)
    if type(value) ~= "table" then return line_number, nil, message or "expected a JSON object" end
    local row = {}
    for name, cell in pairs(value) do
      if type(name) ~= "string" or type(cell) ~= "string" and type(cell) ~= "number" then
        return line_number, nil, ("'%s': expected a string or a number"):format(tostring(name))
      end
      row[name:lower()] = type(cell) == "number" and ("%.15g"):format(cell) or cell
    end
    rename(row)
    return line_number, row
  end
end

--- Reads rows.
---@param lines fun(): string?  the lines of the file
---@return (fun(): integer?, table<string, string>?, string?)? next  line number, row | line number, nil, error message
---@return string? message  the file as a whole cannot be read
---@return table<string, boolean>? names  names of the columns, where they are known beforehand
function rows.open(lines)
  local line_number = 0
  local first
  repeat
    first = lines()
    line_number = line_number + 1
    if not first then return nil, "the file is empty" end
    if line_number == 1 then first = first:gsub(BOM, "") end
    first = first:gsub("\r$", "")
  until first:find "%S"
  if first:find "^%s*{" then return json_lines(first, lines, line_number) end
  return csv(first, lines, line_number)
end

--- A text with {name} for columns; {{ and }} are braces.
---@param template string
---@return (fun(row: table<string, string>): string?, string?)? fill  text, or nil and what is missing
---@return string? message
---@return string[]? names
function rows.template(template)
  local pieces, names, at = {}, {}, 1
  while at <= #template do
    local brace = template:find("[{}]", at)
    pieces[#pieces + 1] = template:sub(at, (brace or #template + 1) - 1)
    if not brace then break end
    local mark = template:sub(brace, brace)
    if template:sub(brace + 1, brace + 1) == mark then
      pieces[#pieces + 1] = mark
      at = brace + 2
    else
      local name, after = template:match("^{([^{}]+)}()", brace)
      if not name then return nil, ("unmatched '%s' at character %d; write %s%s for a literal brace"):format(mark, brace, mark, mark) end
      name = strings.trim(name)
      pieces[#pieces + 1] = { name }
      names[#names + 1] = name
      at = after
    end
  end
  return function(row)
    local out = {}
    for i, piece in ipairs(pieces) do
      if type(piece) == "table" then
        out[i] = row[piece[1]] or row[piece[1]:lower()]
        if not out[i] then return nil, ("no '%s' in this row"):format(piece[1]) end
      else
        out[i] = piece
      end
    end
    return table.concat(out)
  end, nil, names
end

return rows
