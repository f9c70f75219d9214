-- The command line's output asked luv by itself whether it writes to a terminal.  A test runner that unloads modules between
-- its files then freed luv's loop, and the next use of the loop ended the process with a segmentation fault.
local shell = require "spec.support.shell"

local LUA = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

describe("luv", function()
  it("stays loaded, whichever module needs it first", function()
    local path = os.tmpname()
    shell.write(path, ([[
      package.path, package.cpath = %q, %q
      require("smpp.cli.output").new().is_terminal(io.stdout)
      package.loaded.luv = nil
      collectgarbage()
      collectgarbage()
      local smpp = require "smpp"
      smpp.run(function() smpp.sleep(0.001) end)
      print "ran"]]):format(package.path, package.cpath))
    local output, code = shell.run(LUA .. " " .. path)
    os.remove(path)
    assert.same({ "ran\n", 0 }, { output, code })
  end)
end)
