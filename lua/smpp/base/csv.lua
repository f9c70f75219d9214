--- Cells of CSV: quoted ones may hold separators, quotes and line ends.
local strings = require "smpp.base.strings"

local csv = {}

--- The separator of a file: comma, semicolon or tab, whichever its first line has most of.
---@param line string
---@return string
function csv.separator(line)
  local best, most = ",", 0
  for _, candidate in ipairs { ",", ";", "\t" } do
    local count = select(2, line:gsub('"[^"]*"', ""):gsub(candidate, ""))
    if count > most then best, most = candidate, count end
  end
  return best
end

--- The position of the closing quote of a cell; nil: not on this line.
local function closing_quote(line, from)
  local to = line:find('"', from, true)
  while to and line:sub(to + 1, to + 1) == '"' do to = line:find('"', to + 2, true) end
  return to
end

--- The cells of one record, which goes on over further lines while a quote is open.
---@param line string
---@param separator string
---@param more fun(): string?  the next line
---@return string[]? cells
---@return string? message
function csv.cells(line, separator, more)
  local cells, at = {}, 1
  while true do
    if line:sub(at, at) == '"' then
      local pieces, from = {}, at + 1 -- of the cell: what earlier lines held of it
      local to = closing_quote(line, from)
      while not to do
        pieces[#pieces + 1] = line:sub(from)
        line, from = more(), 1
        if not line then return nil, "unterminated quoted cell" end
        to = closing_quote(line, from)
      end
      pieces[#pieces + 1] = line:sub(from, to - 1)
      cells[#cells + 1] = (table.concat(pieces, "\n"):gsub('""', '"'))
      at = to + 1
    else
      local to = line:find(separator, at, true) or #line + 1
      cells[#cells + 1] = strings.trim(line:sub(at, to - 1))
      at = to
    end
    local mark = line:sub(at, at)
    if mark == "" then return cells end
    if mark ~= separator then return nil, ("unexpected '%s' after a quoted cell"):format(mark) end
    at = at + 1
  end
end

--- All rows of a text, whose first line names the columns: values by name, as strings.
---@param text string
---@return table<string, string>[]? rows
---@return string? message
function csv.rows(text)
  local following = (text:gsub("^\239\187\191", ""):gsub("\r\n", "\n") .. "\n"):gmatch "([^\n]*)\n"
  local number = 0
  local function more()
    number = number + 1
    return following()
  end
  local first = more()
  while first and not first:find "%S" do first = more() end
  if not first then return nil, "the file is empty" end
  local separator, rows = csv.separator(first), {}
  local names, message = csv.cells(first, separator, more)
  for line in more do
    if not names then break end
    if line:find "%S" then
      local at = number
      local cells, wrong = csv.cells(line, separator, more)
      if cells and #cells > #names then wrong = ("row of %d cells, expected at most %d"):format(#cells, #names) end
      if wrong then return nil, ("line %d: %s"):format(at, wrong) end
      local row = {}
      for i, name in ipairs(names) do row[name] = cells[i] or "" end
      rows[#rows + 1] = row
    end
  end
  if not names then return nil, message end
  return rows
end

return csv
