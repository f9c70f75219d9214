-- A finalizer that changes a map while an entry of it becomes a string (5.1 and LuaJIT collect before they copy) left the
-- string to what the memory held by then.
local collector = require "spec.support.collector"
local map = require "smpp.core".map

describe("core.map", function()
  for _, what in ipairs { "get", "expire" } do
    it("may change while " .. what .. " makes its results", function()
      local m, value = map.new(0, 10), ("v"):rep(4000)
      m:put("k", value, 0)
      local finalizer_ran, read, argument, a, b, c = false, m[what], what == "get" and "k" or 10, nil, nil, nil
      collector.with_finalizer(function()
        finalizer_ran = true
        m:delete "k"
        m:put("x", ("x"):rep(4000), 100)
      end, function() a, b, c = read(m, argument) end)
      assert.same(what == "get" and { value, 0 } or { "k", value, 0 }, { a, b, c })
      collectgarbage()
      assert.is_true(finalizer_ran)
    end)
  end
end)
