-- A gateway as a process, whose file is loaded again amid traffic.
local async = require "spec.support.async"
local process = require "spec.support.gateway_process"
local shell = require "spec.support.shell"

local has_sqlite = pcall(require, "smpp.sqlite")

describe("a gateway whose file changes under load", function()
  it("loses nothing, and sends nothing twice", async.luv(function(loop)
    if not has_sqlite then return end
    process.run(loop, {}, function(w)
      w:start()
      w:send(20)
      w:wait(20)
      local path = w.folder .. "/gateway.lua"
      local text = assert(io.open(path)):read "*a"
      for i = 1, 10 do
        shell.write(path, i == 5 and text .. "route { nonsense" or (text:gsub("balance { \"a\", \"b\" }", ("balance { a = %d, b = 1 }"):format(i))))
        shell.must("kill -HUP " .. w.pids[1])
        w:wait(50)
      end
      assert.equal(0, w:check())
    end)
  end, 120))
end)
