-- Each bug of spec/plants that names a spec is found by it, as it runs every day.
local shell = require "spec.support.shell"

local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

describe("a spec", function()
  local count = 0
  for path in shell.must("ls spec/plants/*.patch"):gmatch "%S+" do
    local file = assert(io.open(path))
    local spec = file:read("*l"):match "^spec: (%S+)$"
    file:close()
    if spec then
      count = count + 1
      it("finds the planted bug " .. path:match "([^/]+)%.patch$", function()
        local folder, remove = shell.folder()
        shell.must(("cp -r lua %s/ && patch -s -p1 -d %s < %s && mkdir %s/spec && cp -r spec/run.lua spec/support spec/stories %s/spec/ && ln -s $PWD/build %s/build")
          :format(folder, folder, path, folder, folder, folder))
        local output, code = shell.run(("cd %s && SMPP_NO_BUILD=1 %s spec/run.lua --no-keep-going %s"):format(folder, interpreter, spec))
        remove()
        assert.truthy(code ~= 0 and output:find("%d+ success", 1) and not output:find("0 failures / 0 errors", 1, true), output)
      end)
    end
  end

  it("has planted bugs to find", function() assert.is_true(count >= 7) end)
end)
