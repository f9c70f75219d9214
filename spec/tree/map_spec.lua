local shell = require "spec.support.shell"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("README's map of the tree", function()
  local map = assert(read("README.md"):match "## Map of the tree.-```\n(.-)```")

  --- The paths it names, with their folders: in the first 26 columns.
  local paths, folder = {}, ""
  for line in map:gmatch "[^\n]+" do
    local indent, words = line:sub(1, 26):match "^( *)(.*)$"
    for path in words:gmatch "%S+" do
      if indent == "" then folder = path end
      paths[#paths + 1] = indent == "" and path or folder .. path
    end
  end

  it("names only existing files", function()
    local missing = {}
    for _, path in ipairs(paths) do
      local file = io.open((path:gsub("/$", "")))
      if file then file:close() else missing[#missing + 1] = path end
    end
    assert.is_true(#paths > 35, #paths .. " paths")
    assert.same({}, missing)
  end)

  it("names every source folder and every top-level file", function()
    local named, seen, missing = {}, { ["csrc/tables/gsm7/"] = true, ["csrc/tables/charsets/"] = true, ["bin/"] = true }, {}
    for _, path in ipairs(paths) do
      named[path] = true
      seen[path] = true
    end
    for path in shell.must("git ls-files bench bin csrc docs examples lua/smpp rockspec"):gmatch "[^\n]+" do
      local inside = path:match "^(lua/smpp/%l+/)" or path:match "^(.*/)" -- folders in a layer are its own
      if not seen[inside] then
        seen[inside] = true
        missing[#missing + 1] = inside
      end
    end
    assert.same({}, missing)
    for _, inside in ipairs { "spec/", "spec/c/", "spec/interop/", "docs/", "bench/" } do assert.is_true(named[inside], inside) end
  end)
end)
