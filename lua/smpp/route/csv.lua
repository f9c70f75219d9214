--- Lists and tables as files: one value per line, or columns with a header.  Cells end at a comma, semicolon or tab, and may be
--- in double quotes; empty lines and those that begin with # are skipped.  Reads text, not files.
local strings = require "smpp.base.strings"

local csv = {}

local SEPARATOR = "[,;\t]"

-- What the header of a single column may be called.
local HEADERS = {
  prefix = true, number = true, value = true, from = true, to = true, sender = true, source_addr = true, destination_addr = true, msisdn = true,
}

--- An address without + and blanks, which matchers ignore.
---@param value string
---@return string
function csv.plain(value)
  if not value:find "[+ ]" then return value end
  return (value:gsub("[+ ]", ""))
end

local function cells_of(line)
  local cells, at = {}, 1
  if not line:find('"', 1, true) then
    for cell in (line .. ","):gmatch "([^,;\t]*)[,;\t]" do cells[#cells + 1] = strings.trim(cell) end
    return cells
  end
  while at <= #line + 1 do
    local quoted, after = line:match('^%s*"(.-)"%s*()', at)
    while quoted and line:sub(after, after) == '"' do -- "" is a quote in a quoted cell
      local more, behind = line:match('^"(.-)"%s*()', after)
      if not more then break end
      quoted, after = quoted .. '"' .. more, behind
    end
    if not quoted then
      local last = (line:find(SEPARATOR, at) or #line + 1) - 1
      quoted, after = strings.trim(line:sub(at, last)), last + 1
    end
    cells[#cells + 1] = quoted
    at = after + 1
  end
  return cells
end

--- Calls fn(line) for each line that says something, and its number.
local function each_line(text, fn)
  local number = 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    if line:find "%S" and line:byte() ~= 35 then -- "#"
      if line:byte(-1) == 13 then line = line:sub(1, -2) end
      if number == 1 then line = line:gsub("^\239\187\191", "") end -- a byte order mark
      fn(line, number)
    end
  end
end

--- Calls fn(value, line number) for each value of one column.
---@param text string
---@param names table<string, boolean>  of the column; without it the first
---@param fn fun(value: string, line: integer)
function csv.values(text, names, fn)
  local column
  each_line(text, function(line, number)
    if not column then
      column = 1
      local cells = cells_of(line)
      for i, cell in ipairs(cells) do
        if names[cell:lower()] then column = i end
      end
      if cells[2] or HEADERS[cells[1]:lower()] then return end
    end
    local value
    if column == 1 and line:byte() ~= 34 then value = line:match "^[^,;\t]*" else value = cells_of(line)[column] or "" end -- '"'
    if value:find "^%s" or value:find "%s$" then value = strings.trim(value) end
    if value ~= "" then fn(value, number) end
  end)
end

--- Calls fn(row, line number) for each line; `row` has the cells by the names of the header, in lower case.
---@param text string
---@param fn fun(row: table<string, string>, line: integer)
---@return string[] header  empty: nothing in it
function csv.rows(text, fn)
  local header
  each_line(text, function(line, number)
    local cells = cells_of(line)
    if not header then
      header = cells
      for i, name in ipairs(header) do header[i] = name:lower() end
      return
    end
    local row = {}
    for i, name in ipairs(header) do row[name] = cells[i] ~= "" and cells[i] or nil end
    fn(row, number)
  end)
  return header or {}
end

return csv
