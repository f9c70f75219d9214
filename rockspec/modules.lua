-- Writes the list of modules in the rockspec from the files of the tree:  lua5.4 rockspec/modules.lua
-- With an argument it only prints the rockspec as it should be.
local path = "rockspec/smpp-scm-1.rockspec"

local function files(folder, extension)
  local list, find = {}, assert(io.popen(("find %s -name '*.%s' | LC_ALL=C sort"):format(folder, extension)))
  for file in find:lines() do list[#list + 1] = file end
  find:close()
  return list
end

local list = {}
for _, file in ipairs(files("lua", "lua")) do
  local name = file:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
  list[#list + 1] = ('    ["%s"] = "%s",\n'):format(name, file)
end
list[#list + 1] = '    ["smpp.core"] = {\n      incdirs = { "csrc" },\n      sources = {\n'
for _, file in ipairs(files("csrc/binding csrc/smpp", "c")) do list[#list + 1] = ('        "%s",\n'):format(file) end
list[#list + 1] = "      },\n    },\n"

local file = assert(io.open(path))
local text = file:read("*a")
file:close()
local head, tail = text:match("^(.-writes this list%.\n).*(    %-%- End of the list%..*)$")
text = assert(head, "no list in " .. path) .. table.concat(list) .. tail
if arg[1] then
  io.write(text)
else
  file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end
