local other_lua = require "spec.support.other_lua"

describe("smpp.loop.uv", function()
  it("may be loaded by a coroutine that is collected afterwards, and by a task", function()
    for _, first in ipairs { "coroutine.wrap(load_it)()", 'require("smpp.base.task").spawn(load_it)' } do
      local output = other_lua([[
        local function load_it() require("smpp.loop").current() end
        ]] .. first .. [[

        for _ = 1, 5 do collectgarbage() end
        local junk = {}
        for i = 1, 1000 do junk[i] = coroutine.create(function() end) end
        local run = require "smpp.loop.run"
        print(run.run(function()
          for _ = 1, 5 do
            run.sleep(0.001)
            collectgarbage()
          end
          return run.each({ 1, 2, 3 }, 3, function() run.sleep(0.001) end)
        end))]])
      assert.equal("3\n", output)
    end
  end)

  it("lives on when its modules are unloaded and loaded again", function()
    local output = other_lua [[
      local before = {}
      for name in pairs(package.loaded) do before[name] = true end
      for round = 1, 3 do
        local run = require "smpp.loop.run"
        print(run.run(function()
          run.sleep(0.001)
          return round
        end))
        run = nil
        for name in pairs(package.loaded) do
          if not before[name] then package.loaded[name] = nil end
        end
        for _ = 1, 5 do collectgarbage() end
      end]]
    assert.equal("1\n2\n3\n", output)
  end)
end)
