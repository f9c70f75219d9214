-- Writes the list of modules in the rockspec from the files of the tree, and the sources of the others:  lua5.4 rockspec/modules.lua
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

-- The files of the console's page.  LuaRocks takes the folder from all but the last word, and leaves the file its name.
local pages = {}
for _, extension in ipairs { "css", "html", "js", "svg" } do
  for _, file in ipairs(files("lua", extension)) do
    pages[#pages + 1] = ('      ["%s"] = "%s",\n'):format(file:gsub("^lua/", ""):gsub("%.", "_"):gsub("/", "."), file)
  end
end

local file = assert(io.open(path))
local text = file:read("*a")
file:close()

--- Replaces the list between two comments.
local function put(name, lines)
  local head, tail = text:match("^(.-writes " .. name .. "%.\n).-( *%-%- End of " .. name:gsub("this", "the") .. "%..*)$")
  text = assert(head, "no list in " .. path) .. table.concat(lines) .. tail
end

put("this list", list)
put("this list of files", pages)
if arg[1] then
  io.write(text)
  return
end

local function write(to, octets)
  local out = assert(io.open(to, "w"))
  out:write(octets)
  out:close()
end

write(path, text)

-- The rocks of the other C modules.
for _, name in ipairs { "http", "sqlite", "tls" } do
  local of_module = ("rockspec/%s/smpp-%s-scm-1.rockspec"):format(name, name)
  local sources = {}
  for i, source in ipairs(files("csrc/" .. name, "c")) do sources[i] = ('"%s"'):format(source) end
  file = assert(io.open(of_module))
  local old = file:read "*a"
  file:close()
  local new, count = old:gsub("sources = {[^}]*}", "sources = { " .. table.concat(sources, ", ") .. " }")
  assert(count == 1, "no sources in " .. of_module)
  write(of_module, new)
end
