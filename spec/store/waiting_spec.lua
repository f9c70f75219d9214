local conforms = require "spec.support.conforms"
local mc = require "spec.support.mc"
local stores = require "smpp.store"
local waiting = require "smpp.store.waiting"

conforms("smpp.store.waiting: a store", {
  open = function(o, w)
    local inner, slow = stores.open("memory", o), {}
    for _, method in ipairs { "commit", "get", "find", "discard", "close" } do
      slow[method] = function(_, first, second)
        w:sleep(0.01)
        local a, b, c
        local function done(...) a, b, c = ... end
        if second ~= nil then inner[method](inner, first, second, done) else inner[method](inner, first, done) end
        return a, b, c
      end
    end
    return waiting.new(slow)
  end,
}, describe, it)

describe("smpp.store.waiting", function()
  it("says that a method failed", function()
    mc.world(function()
      local store = waiting.new { get = function() error "disk on fire" end }
      local record, message, code = stores.get(store, "message", "1")
      assert.is_nil(record)
      assert.matches("disk on fire", message)
      assert.equal("store_failed", code)
    end)
  end)
end)
