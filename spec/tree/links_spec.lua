local shell = require "spec.support.shell"

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- The anchors of a page as they are derived from its headings.
local function anchors(path)
  local set = {}
  for line in io.lines(path) do
    local heading = line:match("^#+%s+(.-)%s*$")
    if heading then set[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true end
  end
  return set
end

describe("a page", function()
  for page in shell.must("find . -name '*.md' -not -path '*/node_modules/*' -not -path './build/*' | LC_ALL=C sort"):gmatch("%S+") do
    it(page .. " links only to what there is", function()
      local folder, missing = page:match("^(.*/)") or "", {}
      local fenced = false
      for line in io.lines(page) do
        if line:find "^%s*```" then fenced = not fenced end
        if not fenced then
          for target in line:gsub("`[^`]*`", ""):gmatch("%]%(([^%s()]+)%)") do
            local path, anchor = target:match("^([^#]*)#?(.*)$")
            if not target:find "^%a+:" then
              local file = path == "" and page or folder .. path
              if not exists(file) then
                missing[#missing + 1] = target
              elseif anchor ~= "" and not anchors(file)[anchor] then
                missing[#missing + 1] = target .. " (no such heading)"
              end
            end
          end
        end
      end
      assert.same({}, missing)
    end)
  end
end)
