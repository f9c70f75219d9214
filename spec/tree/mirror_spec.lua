-- The spec tree mirrors the source tree:
--   lua/smpp/a/b.lua      spec/a/b_spec.lua (a/init.lua: spec/a/init_spec.lua)
--   bin/smpp              spec/bin/smpp_spec.lua
--   csrc/binding/x.c      spec/binding/x_spec.lua; csrc/tls/x.c: spec/tls/x_spec.lua; csrc/sqlite/x.c: spec/sqlite/x_spec.lua
--   csrc/http/x.c         spec/http/x_spec.lua, beside those of lua/smpp/http
--   csrc/smpp/x.c         spec/c/x_test.c
-- A large source has several, named after what they test: spec/a/b_topic_spec.lua, spec/c/x_topic_test.c.
local shell = require "spec.support.shell"

-- Folders whose specs test more than one source.
local OTHER = {
  stories = true, -- client, server and simulator together
  interop = true, slow = true, packaging = true, tree = true, docs = true, regression = true, support = true,
}

local function lines(command)
  local list = {}
  for line in shell.must(command):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

--- The path of a source in the spec tree, without suffix.
local function mirrored(path)
  if path:find "^lua/smpp/meta/" then return end -- types for editors
  return path:match "^lua/smpp/(.*)%.lua$" or path:match "^(bin/.*)$"
    or path:match "^csrc/(binding/.*)%.c$" or path:match "^csrc/(tls/.*)%.c$" or path:match "^csrc/(sqlite/.*)%.c$"
    or path:match "^csrc/(http/.*)%.c$" or path:gsub("^csrc/smpp/(.*)%.c$", "c/%1")
end

--- The path of the source or folder that a spec tests, from its own path; nil: outside the mirror.
local function tested(path)
  local name = path:match "^spec/(.*)_spec%.lua$" or path:match "^spec/(c/.*)_test%.c$"
  if name and not OTHER[name:match "^[^/]+"] then return name end
end

--- git also lists deleted files that are not committed yet.
local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local sources, specs = {}, {} -- mirrored path -> path, and tested path -> path
for _, path in ipairs(lines "git ls-files --cached --others --exclude-standard lua/smpp bin csrc/binding csrc/tls csrc/sqlite csrc/http csrc/smpp | grep -e '[.]lua$' -e '[.]c$' -e ^bin/") do
  local name = mirrored(path)
  if name and exists(path) then sources[name] = path end
end
for _, path in ipairs(lines "git ls-files --cached --others --exclude-standard spec | LC_ALL=C sort") do
  local name = tested(path)
  if name and exists(path) then specs[name] = path end
end

--- The source that a spec tests: that of the same name, else of the name without its last words.
local function source_of(name)
  repeat
    if sources[name] then return name end
    name = name:match "^(.*[^/])_[^/_]*$"
  until not name
end

--- Allowed beginnings of the `describe` of a spec.
local function subjects(name)
  local list, base = {}, name:match "([^/]+)$"
  if name:find "^binding/" or name:find "^tls/" or name:find "^sqlite/" then return { base } end
  if name:find "^bin/" then return { name } end
  if sources[name]:find "^csrc/http/" then return { base } end
  list[1] = ("smpp/" .. name):gsub("/init$", ""):gsub("/", ".")
  if name:find "^cli/" then list[2] = base == "init" and "smpp" or "smpp " .. base end
  return list
end

describe("the spec tree", function()
  it("has a spec for every source", function()
    local has, missing = {}, {}
    for name in pairs(specs) do has[source_of(name) or name] = true end
    for name, path in pairs(sources) do
      if not has[name] then missing[#missing + 1] = path end
    end
    table.sort(missing)
    assert.equal("", table.concat(missing, "\n"), "sources without a spec of their name")
  end)

  it("has a source for every spec", function()
    local lost = {}
    for name, path in pairs(specs) do
      if not source_of(name) then lost[#lost + 1] = path end
    end
    table.sort(lost)
    assert.equal("", table.concat(lost, "\n"), "specs without a source of their name (whole stories go to spec/stories)")
  end)

  it("names the source first", function()
    local wrong = {}
    for name, path in pairs(specs) do
      local source, is_lua = source_of(name), path:find "%.lua$"
      local number = 0
      for line in io.lines(path) do
        number = number + 1
        local subject = is_lua and source and line:match "^describe%(%(?\"([^\"]*)"
        if subject then
          local found
          for _, wanted in ipairs(subjects(source)) do found = found or subject:sub(1, #wanted) == wanted end
          if not found then
            wrong[#wrong + 1] = ("%s:%d: describe(\"%s\": begin with %s"):format(path, number, subject, table.concat(subjects(source), " or "))
          end
        end
      end
    end
    table.sort(wrong)
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("is checked by rules that find a wrong name", function()
    assert.is_nil(source_of "base/nothing_here")
    assert.equal("base/task", source_of "base/task_waking")
    assert.is_nil(tested "spec/stories/seed_spec.lua")
    assert.equal("binding/core", mirrored "csrc/binding/core.c")
    assert.equal("c/map", mirrored "csrc/smpp/map.c")
    assert.is_nil(mirrored "lua/smpp/meta/core.lua")
  end)
end)
