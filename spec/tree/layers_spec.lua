local shell = require "spec.support.shell"

-- The layers of lua/smpp, the lowest first: a file may require modules of its own folder and of the folders before it.
-- README's map lists them in this order.  smpp.core is the C module, below all of them.
local ORDER = {
  "base", "text", "codec", "receipt", "profile", "loop", "http", "console", "metrics", "transport", "valkey", "session", "capture", "client",
  "store", "nodes", "server", "service", "route", "gateway", "simulator", "bot", "testing", "scenario", "simulate", "conformance", "load", "cli",
}
-- lua/smpp/init.lua, which loads modules on demand; and types for editors, which no file requires.
local OUTSIDE = { init = true, meta = true }
local LUV = { loop = true } -- the only layer that uses luv

local rank = {}
for i, layer in ipairs(ORDER) do rank[layer] = i end

--- module -> { path, layer, requires = { module... }, source }
local function modules()
  local list = {}
  for path in shell.must("find lua/smpp -name '*.lua' | LC_ALL=C sort"):gmatch "%S+" do
    local name = path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
    local module = { path = path, layer = path:match "^lua/smpp/([%w_]+)", requires = {} }
    local file = assert(io.open(path))
    local source = file:read "*a"
    file:close()
    module.source = source:gsub("%-%-[^\n]*", "") -- comments do not count
    -- Any module name in quotes is a dependency, however it is loaded: require, lazily, package.loaded.
    for wanted in module.source:gmatch '["\'](smpp%.[%l_.]*[%l_])["\']' do module.requires[#module.requires + 1] = wanted end
    list[name] = module
  end
  return list
end

local all = modules()

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- "path uses module" for each dependency on a higher layer.  Other names, such as those of metatables, are skipped.
local function upward(list)
  local found = {}
  for _, name in ipairs(sorted(list)) do
    local module = list[name]
    for _, wanted in ipairs(module.requires) do
      local other = list[wanted]
      if other and not OUTSIDE[module.layer] and (OUTSIDE[other.layer] or rank[other.layer] > rank[module.layer]) then
        found[#found + 1] = ("%s uses %s"):format(module.path, wanted)
      end
    end
  end
  return found
end

describe("the layers of lua/smpp", function()
  it("are its folders", function()
    local found = {}
    for _, module in pairs(all) do
      if not OUTSIDE[module.layer] then found[module.layer] = true end
    end
    local declared = {}
    for _, layer in ipairs(ORDER) do declared[layer] = true end
    assert.same(sorted(declared), sorted(found))
    for _, layer in ipairs(ORDER) do
      if layer ~= "base" then -- tools without a common face
        assert.is_table(all["smpp." .. layer], layer .. " has no init.lua")
      end
    end
  end)

  it("depend only on those below them", function() assert.same({}, upward(all)) end)

  it("are checked by a rule that finds an upward dependency", function()
    local found = upward {
      ["smpp.base.a"] = { path = "a", layer = "base", requires = { "smpp.cli" } }, ["smpp.cli"] = { path = "b", layer = "cli", requires = {} },
    }
    assert.same({ "a uses smpp.cli" }, found)
  end)

  it("have no cycle", function()
    local state, cycle = {}, nil
    local function visit(name, trail)
      if state[name] == "done" or cycle then return end
      if state[name] then
        cycle = trail .. " > " .. name
        return
      end
      state[name] = "open"
      for _, wanted in ipairs(all[name].requires) do
        if all[wanted] and wanted ~= name then visit(wanted, trail .. " > " .. name) end
      end
      state[name] = "done"
    end
    for _, name in ipairs(sorted(all)) do visit(name, "") end
    assert.is_nil(cycle)
  end)

  it("leave luv to loop/, and package.loaded to the file that loads it", function()
    local wrong = {}
    for _, name in ipairs(sorted(all)) do
      local module = all[name]
      if module.source:find '["\']luv["\']' and not LUV[module.layer] then wrong[#wrong + 1] = module.path .. ": luv" end
      if module.source:find "package%.loaded" and name ~= "smpp.loop.uv" then wrong[#wrong + 1] = module.path .. ": package.loaded" end
    end
    assert.same({}, wrong)
  end)

  it("leave the C session to session/: no other layer uses .machine or .core of a session", function()
    local wrong = {}
    for _, name in ipairs(sorted(all)) do
      local module = all[name]
      local source = module.source:gsub('"[^"\n]*"', '""')
      for _, field in ipairs { "machine", "core" } do
        if module.layer ~= "session" and source:find("[%w_%])]%." .. field .. "%f[^%w_]") then
          wrong[#wrong + 1] = module.path .. ": ." .. field
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("are listed in README's map, in this order", function()
    local file = assert(io.open "README.md")
    local map = assert(file:read("*a"):match "## Map of the tree.-```\n(.-)```")
    file:close()
    local listed = {}
    for line in map:match("lua/smpp/.-\n(.-)csrc/"):gmatch "[^\n]+" do
      local layer = line:match "^  ([%l_]+)/"
      if layer and not OUTSIDE[layer] then table.insert(listed, 1, layer) end
    end
    assert.same(ORDER, listed)
  end)
end)
