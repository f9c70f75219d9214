-- The scenarios of docs/testing.md, on both clocks.
local cli = require "spec.support.cli"

describe("the scenarios of docs/testing.md", function()
  local file = assert(io.open "docs/testing.md")
  local text = file:read "*a"
  file:close()
  local number = 0
  for block in text:gmatch "<!%-%- run: spec/docs/testing_spec.lua %-%->\n```lua\n(.-)```" do
    number = number + 1
    for _, clock in ipairs { "real", "virtual" } do
      it(("number %d: %s clock"):format(number, clock), function()
        local path = cli.file(block)
        local code, out = cli.run { "test", path, clock == "virtual" and "--virtual" or nil }
        os.remove(path)
        assert.equal(0, code, out)
        if clock == "virtual" then cli.has(out, "1 passed") end
      end)
    end
  end

  it("are there", function() assert.is_true(number >= 3) end)
end)
