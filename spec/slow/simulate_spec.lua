-- Five hundred seeds; and each bug of spec/plants that has a kind is found by some of them (spec/slow/plants_spec.lua has the others).
local shell = require "spec.support.shell"

local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

describe("a simulation", function()
  it("of 500 seeds breaks nothing", function()
    assert.truthy(shell.must(("LUA=%s bin/smpp simulate --seeds 1..500 --no-shrink"):format(interpreter)):find "500 seeds, 0 violations")
  end)

  local count = 0
  for path in shell.must("ls spec/plants/*.patch"):gmatch "%S+" do
    local name = path:match "([^/]+)%.patch$"
    local file = assert(io.open(path))
    local kind = file:read("*l"):match "^kind: (%S+)$"
    file:close()
    if kind then
      count = count + 1
      it("finds the planted bug " .. name .. " as " .. kind, function()
        for _, seeds in ipairs { "1..40", "41..150", "151..500" } do
          local output, code = shell.run(("LUA=%s bin/smpp simulate --no-shrink --seeds %s --only %s --plant %s"):format(interpreter, seeds, kind, name))
          if code == 1 then return end
          assert.equal(0, code, output)
        end
        error("not found within 500 seeds")
      end)
    end
  end

  it("has ten planted bugs or more", function() assert.is_true(count >= 10) end)
end)
