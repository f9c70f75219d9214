--- Help of options from their rows, as wide as the terminal.
local option_help = {}

local LEAST, USUAL, MOST = 60, 80, 100

--- How wide help is: as the terminal, from 60 to 100 columns; without one 80.
---@param columns integer?  of the terminal, if there is one
---@return integer
function option_help.width(columns) return math.max(LEAST, math.min(MOST, columns or USUAL)) end

--- Characters of UTF-8.
local function length(text) return select(2, text:gsub("[^\128-\191]", "")) end

--- A text in lines, the first and the others indented; a word that is longer than a line stays whole.
---@param text string
---@param width integer
---@param first string
---@param others string
---@return string
function option_help.wrap(text, width, first, others)
  local lines, line = {}, first
  for word in text:gmatch "%S+" do
    if length(line) + length(word) + 1 > width and line:find "%S" then
      lines[#lines + 1] = line
      line = others
    end
    line = line:find "%S" and line .. " " .. word or line .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

--- The default of an option in words; nil: none.
---@param row smpp.OptionRow
---@return string?
function option_help.default(row)
  local default = row[3]
  if row.default_text then return row.default_text end
  if default == nil or type(default) == "table" or default == "" then return nil end
  return tostring(default)
end

--- The rows of a schema, each with its example, unit and default.
---@param rows smpp.OptionRow[]
---@param width integer
---@return string
function option_help.rows(rows, width)
  local lines = {}
  for _, row in ipairs(rows) do
    local words = row[4]
    local default, unit = option_help.default(row), type(row[2]) == "table" and row[2].unit
    local notes = {}
    if unit then notes[#notes + 1] = "in " .. unit end
    if default then notes[#notes + 1] = "default " .. default end
    if #notes > 0 then words = ("%s (%s)"):format(words, table.concat(notes, ", ")) end
    lines[#lines + 1] = option_help.wrap(row[5] or tostring(row[1]), width, "   ", "      ")
    lines[#lines + 1] = option_help.wrap(words, width, "        ", "        ")
  end
  return table.concat(lines, "\n")
end

return option_help
