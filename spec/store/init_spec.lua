local mc = require "spec.support.mc"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local function add(key) return { { op = "add", kind = "message", record = { key = key, state = "ENROUTE", system_id = "a" } } } end

describe("smpp.store", function()
  it("waits in tasks for stores that complete now or later", function()
    mc.world(function(w)
      local inner, late = stores.open "memory", {}
      for _, method in ipairs { "commit", "find" } do
        late[method] = function(_, what, done, context)
          local timer
          timer = w.loop:timer(function()
            timer:close()
            inner[method](inner, what, done, context)
          end)
          timer:start(1)
        end
      end
      function late.get(_, ...) return inner:get(...) end
      local before = w.loop:now()
      assert.is_true(stores.commit(late, add "1"))
      assert.equal(1, w.loop:now() - before)
      assert.equal("duplicate", select(3, stores.commit(late, add "1")))
      assert.equal("1", stores.get(late, "message", "1").key)
      assert.equal("missing", select(3, stores.get(late, "message", "2")))
      assert.equal("1", stores.find(late, { kind = "message" })[1].key)
      local results = {}
      for i = 2, 4 do task.spawn(function() local ok = stores.commit(late, add(tostring(i)))
        results[#results + 1] = ok and i end) end
      w:sleep(2)
      assert.same({ 2, 3, 4 }, results)
    end)
  end)

  it("takes stores of others by name", function()
    local made
    stores.registry:add("mine", { open = function(o)
      made = o
      return "a store"
    end })
    assert.equal("a store", stores.open("mine", { x = 1 }))
    assert.same({ x = 1 }, made)
  end)
end)
