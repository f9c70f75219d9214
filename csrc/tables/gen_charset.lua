-- Writes the alphabets of one octet per character from the tables in charsets/:
--   lua csrc/tables/gen_charset.lua csrc/tables > csrc/smpp/charset_data.h
-- The output is committed; `make check` runs this again and compares.  The list in smpp/charset.h names the tables.
local dir = arg[1] or "csrc/tables"
local tsv = dofile(dir .. "/tsv.lua")(dir)

-- smpp/charset.h has a row for each, with the name of its table here.
local function names()
  local list = {}
  for line in io.lines(dir .. "/../smpp/charset.h") do
    local name, table_name = line:match '^  E%([%u%d_]+, "([^"]+)", .*, ([%w_]+)%)'
    if table_name and table_name ~= "NULL" then list[#list + 1] = { name, table_name } end
  end
  return list
end

io.write("/* Written by csrc/tables/gen_charset.lua: change the tables there, not this file. */\n")
io.write("/* clang-format off */\n\n/* characters of the octets 0x80 to 0xFF; 0xFFFF: none */\n")
for _, pair in ipairs(names()) do
  local cells = {}
  for octet = 0x80, 0xFF do cells[octet] = "0xFFFF" end
  for _, row in ipairs(tsv("charsets/" .. pair[1] .. ".tsv")) do
    local octet = assert(tonumber(row.octet), row.octet)
    assert(octet >= 0x80 and octet <= 0xFF and cells[octet] == "0xFFFF", pair[1] .. ": octet " .. row.octet)
    cells[octet] = "0x" .. assert(row.character:match "^U%+(%x%x%x%x)$", row.character)
  end
  io.write(("static const uint16_t %s[128] = {\n"):format(pair[2]))
  for start = 0x80, 0xFF, 12 do io.write("  ", table.concat(cells, ", ", start, math.min(start + 11, 0xFF)), ",\n") end
  io.write("};\n")
end
