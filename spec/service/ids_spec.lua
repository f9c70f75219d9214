local ids = require "smpp.service.ids"
local mc = require "spec.support.mc"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local waiting = require "smpp.store.waiting"

describe("smpp.service.ids", function()
  it("counts from where it is told, and never twice after a restart", function()
    mc.world(function()
      local store, seen = stores.memory(), {}
      local counter = ids.new { store = store, first = 7 }
      for i = 7, 2500 do
        assert.equal(i, counter:take())
        seen[i] = true
      end
      for _ = 1, 3 do
        counter = ids.new { store = store, first = 7 }
        for _ = 1, 10 do
          local id = counter:take()
          assert.is_nil(seen[id])
          assert.is_true(id <= 2500 + 4 * 1000)
          seen[id] = true
        end
      end
      assert.equal(1000000, ids.new({ store = store, first = 1000000 }):take())
    end)
  end)

  it("gives two processes, and two tasks, ids of their own", function()
    mc.world(function(w)
      local inner, slow, seen, taken = stores.memory(), {}, {}, 0
      for _, method in ipairs { "commit", "get" } do
        slow[method] = function(_, first, second)
          w:sleep(0.01)
          local a, b, c
          local function done(...) a, b, c = ... end
          if second ~= nil then inner[method](inner, first, second, done) else inner[method](inner, first, done) end
          return a, b, c
        end
      end
      local store = waiting.new(slow)
      local counters = { ids.new { store = store }, ids.new { store = store } }
      for i = 1, 6 do
        task.spawn(function()
          for _ = 1, 1500 do
            local id = counters[i % 2 + 1]:take()
            assert.is_nil(seen[id])
            seen[id], taken = true, taken + 1
          end
        end)
      end
      w:sleep(100)
      assert.equal(9000, taken)
    end)
  end)

  it("says why there is none", function()
    mc.world(function()
      local counter = ids.new { store = waiting.new { get = function() return nil, "away", "store_failed" end } }
      assert.same({ nil, "away", "store_failed" }, { counter:take() })
    end)
  end)
end)
