-- Each bug of spec/plants can still be planted: what it changes is there, and the spec that it names.  That the specs
-- find them is tried by spec/slow/plants_spec.lua, and of those that name none by spec/slow/simulate_spec.lua.
local shell = require "spec.support.shell"

describe("a planted bug", function()
  for path in shell.must("ls spec/plants/*.patch"):gmatch "%S+" do
    it("applies: " .. path:match "([^/]+)%.patch$", function()
      local output, code = shell.run("patch --dry-run -f -F 0 -p1 < " .. path)
      assert.equal(0, code, output)
      local file = assert(io.open(path))
      local spec = file:read("*l"):match "^spec: (%S+)$"
      file:close()
      if spec then assert(io.open(spec)):close() end
    end)
  end
end)
