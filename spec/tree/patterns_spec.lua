local shell = require "spec.support.shell"

-- Patterns of quadratic time: an unanchored repetition before the end, or a lazy one before a greedy one.
local QUADRATIC = { "%%%l%*%$", "%]%*%$", "%%%l%+%$", "%]%+%$", "%(%.%-%)%%%l%*", "%(%.%-%)%[[^%]]*%]%*" }
local ALLOWED = { "^%^%%%l+[%+%*]%$", "^%^%[[^%]]*%][%+%*]%$" } -- one repetition from the first character on

--- The string literals of a line.
local function patterns(line)
  local found = {}
  for _, quoted in ipairs { '"([^"]*)"', "'([^']*)'" } do
    for text in line:gmatch(quoted) do found[#found + 1] = text end
  end
  return found
end

local function is_quadratic(pattern)
  if pattern:find "^%^" then -- anchored: quadratic only with a repetition before an open end
    for _, allowed in ipairs(ALLOWED) do if pattern:find(allowed) then return false end end
    return pattern:find "%(%.%-%)%%%l%*" ~= nil or pattern:find "%(%.%-%)%[[^%]]*%]%*" ~= nil
  end
  for _, piece in ipairs(QUADRATIC) do if pattern:find(piece) then return true end end
  return false
end

describe("patterns", function()
  it("of quadratic time are found", function()
    for _, pattern in ipairs { "%s+$", "%s*$", "^%s*(.-)%s*$", "^(.-)%z*$", "[%c]+$", "%s*(.-)%s*," } do
      assert.is_true(is_quadratic(pattern), pattern)
    end
    for _, pattern in ipairs { "^%d+$", "^[%x%s.]+$", "^(.*)@([^@]*)$", "\r?\n$", "^.*%S" } do assert.is_false(is_quadratic(pattern), pattern) end
  end)

  it("that match foreign text take linear time: smpp.base.strings has functions that trim", function()
    local found = {}
    for path in shell.must("find lua -name '*.lua' | LC_ALL=C sort"):gmatch "%S+" do
      local number = 0
      for line in io.lines(path) do
        number = number + 1
        if not line:find "^%s*%-%-" then
          for _, pattern in ipairs(patterns(line)) do
            if is_quadratic(pattern) then found[#found + 1] = ("%s:%d: %s"):format(path, number, pattern) end
          end
        end
      end
    end
    assert.same({}, found)
  end)
end)
