-- Writes the octets of the golden vectors as the files a fuzz target starts from:  lua5.4 spec/c/seeds.lua FOLDER
local folder = assert(arg[1])
for _, name in ipairs { "pdu", "pdu_extra", "text" } do
  for line in io.lines("spec/fixtures/vectors/" .. name .. ".jsonl") do
    local case = line:match('"name":"([%w_.-]+)"')
    local n = 0
    for hex in line:gmatch('"hex":"(%x+)"') do -- one of a PDU or a text, several of a segmented text
      n = n + 1
      local file = assert(io.open(("%s/%s-%s-%d"):format(folder, name, case, n), "wb"))
      file:write((hex:gsub("%x%x", function(octet) return string.char(tonumber(octet, 16)) end)))
      file:close()
    end
    assert(case and (n > 0 or name == "text"), line)
  end
end
