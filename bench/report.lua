--- Prints results as aligned columns, and writes them as JSON.
--- A result is { title, columns = { { key, heading, format }, ... }, rows = { { [key] = number or string } }, notes }.
local report = {}

local function cell(column, row)
  local value = row[column[1]]
  if value == nil then return "-" end
  return column[3]:format(value)
end

function report.print(result)
  print("\n" .. result.title)
  local width = {}
  for i, column in ipairs(result.columns) do
    width[i] = #column[2]
    for _, row in ipairs(result.rows) do width[i] = math.max(width[i], #cell(column, row)) end
  end
  local function line(text_of)
    local parts = {}
    for i, column in ipairs(result.columns) do
      parts[i] = (column[3]:find "s$" and "%-" or "%") .. width[i] .. "s"
      parts[i] = parts[i]:format(text_of(column))
    end
    print(("  " .. table.concat(parts, "  "):gsub("%s+$", "")))
  end
  line(function(column) return column[2] end)
  for _, row in ipairs(result.rows) do line(function(column) return cell(column, row) end) end
  for _, note in ipairs(result.notes or {}) do print("  " .. note) end
end

local function encode(value)
  if type(value) == "number" then return ("%.6g"):format(value) end
  return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

--- One array of objects: every row of every table, with the table's name as `section`.
function report.json(path, results)
  local lines = {}
  for _, result in ipairs(results) do
    for _, row in ipairs(result.rows) do
      local parts = { '"section":' .. encode(result.name) }
      for _, column in ipairs(result.columns) do
        local value = row[column[1]]
        if value ~= nil then parts[#parts + 1] = encode(column[1]) .. ":" .. encode(value) end
      end
      lines[#lines + 1] = "{" .. table.concat(parts, ",") .. "}"
    end
  end
  local file = assert(io.open(path, "w"))
  file:write("[\n", table.concat(lines, ",\n"), "\n]\n")
  file:close()
end

return report
