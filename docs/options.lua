--- The tables of options in docs/, made from the rows of the schemas: `lua docs/options.lua` writes them anew, and
--- spec/docs/options_spec.lua fails where they differ.  A page says where a table stands, of all options of a schema, or of some:
---   <!-- options: smpp.client.options schema -->
---   ...
---   <!-- /options -->
---   <!-- options: smpp.profile habits long max_parts -->
---   ...
---   <!-- /options -->
if arg and arg[0] and arg[0]:find "docs/options%.lua$" then
  package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
  package.cpath = (os.getenv "SMPP_BUILD" or "build") .. "/" .. (jit and "jit" or _VERSION:match "%d%.%d") .. "/?.so;" .. package.cpath
end
local unpack = table.unpack or unpack -- luacheck: compat
local option_help = require "smpp.cli.option_help"

local options = {}

options.pages = {
  "client", "codec", "gateway", "load", "profiles", "reassembly", "pcap", "receipts", "server", "simulator", "store", "testing", "text", "tls",
  "tracker", "bots", "valkey", "http", "nodes",
}

local LISTED_MAX = 8 -- more values of an option than these are not listed

local function cell(text) return (text:gsub("|", "\\|")) end

--- The table of a schema.
---@param schema smpp.Schema
---@return string
function options.table_of(schema)
  local lines = { "| option | default | what it is | for example |", "|---|---|---|---|" }
  for _, row in ipairs(schema.rows) do
    if type(row[1]) == "string" then
      local default = option_help.default(row)
      if default and not row.default_text then default = "`" .. default .. "`" end
      local unit = row[2].unit
      local words = unit and ("%s (%s)"):format(row[4], unit) or row[4]
      local values = schema.kinds[row[1]].values
      if values and values[2] and #values <= LISTED_MAX then words = ('%s; values: `"%s"`'):format(words, table.concat(values, '"`, `"')) end
      lines[#lines + 1] = ("| `%s` | %s | %s | `%s` |"):format(row[1], cell(default or ""), cell(words), cell(row[5]))
    end
  end
  return table.concat(lines, "\n")
end

--- The schema that a marker names: a module and a field of it.
function options.schema_of(module, field)
  local found = require(module)[field]
  assert(found and found.rows, ("no schema %s in %s"):format(field, module))
  return found
end

--- A page with its tables made anew.
---@param page string
---@return string page
---@return integer count
function options.fill(page)
  return page:gsub("(<!%-%- options: (%S+) (%S+)([^\n]-) %-%->\n).-(<!%-%- /options %-%->)", function(head, module, field, names, tail)
    local schema, picked = options.schema_of(module, field), {}
    for name in names:gmatch "%S+" do picked[#picked + 1] = name end
    if picked[1] then schema = schema:pick(unpack(picked)) end
    return head .. "\n" .. options.table_of(schema) .. "\n\n" .. tail
  end)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- Writes the pages.
function options.write()
  for _, name in ipairs(options.pages) do
    local path = "docs/" .. name .. ".md"
    local text = options.fill(read(path))
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
end

options.read = read

if arg and arg[0] and arg[0]:find "docs/options%.lua$" then options.write() end

return options
