--- Small helpers of the specs: hex, seeded random, tables of the specification, vectors.
local util = {}

--- "00 0a" or "000a" -> octets.
function util.unhex(text)
  return (text:gsub("%s+", ""):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

function util.hex(octets)
  return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Rows of a TSV file of csrc/tables as { column = text }, without comments.
function util.tsv(name)
  local rows, header = {}, nil
  for line in io.lines("csrc/tables/" .. name) do
    if line:sub(1, 1) ~= "#" and line ~= "" then
      local cells = {}
      for cell in (line .. "\t"):gmatch("(.-)\t") do cells[#cells + 1] = cell end
      if not header then
        header = cells
      else
        local row = {}
        for i, key in ipairs(header) do row[key] = cells[i] end
        rows[#rows + 1] = row
      end
    end
  end
  return rows
end

--- The golden vectors of a file: a list of tables.
function util.vectors(name)
  local json = require "dkjson"
  local list = {}
  for line in io.lines("spec/fixtures/vectors/" .. name) do
    if line ~= "" then list[#list + 1] = assert(json.decode(line)) end
  end
  return list
end

--- A small seeded generator (the same numbers on every Lua): random(n) -> 1..n.
--- The seed is SMPP_SEED or `seed`; print it when a property fails.
function util.random(seed) return util.seeded(tonumber(os.getenv("SMPP_SEED")) or seed or 1) end

--- The same with this seed, whatever SMPP_SEED is.
function util.seeded(state)
  return function(n)
    state = (state * 16807) % 2147483647
    return math.floor(state / 2147483647 * n) + 1
  end
end

return util
