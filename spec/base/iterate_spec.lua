local core = require "smpp.core"
local iterate = require "smpp.base.iterate"
local other_lua = require "spec.support.other_lua"

local jit = rawget(_G, "jit")

describe("smpp.base.iterate", function()
  for _, version in ipairs { "LuaJIT 2.1.0-beta3", "LuaJIT 2.1.1693350652" } do
    local following, each = iterate.replacements(version)

    it("goes over tables as Lua does, " .. version, function()
      local t, list, hash = { 1, 2, nil, 4, a = true, [0.5] = "x" }, {}, 0
      for key, value in each(t) do list[key], hash = value, hash + 1 end
      assert.same(t, list)
      assert.equal(5, hash)
      assert.is_nil(following {})
      assert.same({ "a", 1 }, { following { a = 1 } })
      assert.is_nil((following({ a = 1 }, "a")))
      assert.is_false((pcall(following, { a = 1 }, "b")))
      assert.is_false((pcall(following, 5)))
    end)

    it("may empty the table meanwhile, " .. version, function()
      local t, count = { a = 1, b = 2, c = 3 }, 0
      for key in each(t) do
        t[key] = nil
        count = count + 1
      end
      assert.equal(3, count)
      assert.is_nil(next(t))
    end)

    if jit then it("raises at the caller's line, " .. version, function()
      local message = select(2, pcall(function() for _ in each(nil) do end end)) -- luacheck: ignore 512
      assert.matches("^spec/base/iterate_spec.lua:%d+: bad argument #1 to '.-' %(table expected, got nil%)$", (message:gsub("^%./", "")))
    end) end
  end

  it("does not compile next where that may crash", function()
    assert.equal(core.next, (iterate.replacements "LuaJIT 2.1.0-beta3"))
    assert.equal(next, (iterate.replacements "LuaJIT 2.1.1693350652"))
  end)

  -- The loop of LuaJIT issue 827: with Lua's own `pairs` more than half of these end early on Debian 12's LuaJIT.
  it("goes to the end where loops within cannot be compiled", function()
    local inner = { 1, 2, 3, 4, 5 }
    local outer = { a = inner, b = inner, c = inner, d = inner, e = inner }
    local function interpreted() for _ = 1, 100 do end end -- luacheck: ignore 411
    for _ = 1, 20000 do
      interpreted()
      local count = 0
      for _, list in pairs(outer) do
        for _ in pairs(list) do end -- luacheck: ignore 512
        count = count + 1
      end
      assert(count == 5, "the loop ended early")
    end
  end)

  it("comes with everything that a program requires", function()
    local names = {}
    for path in io.popen("ls lua/smpp/init.lua lua/smpp/*/init.lua"):lines() do
      names[#names + 1] = ("%q"):format((path:gsub("^lua/", ""):gsub("/init.lua$", ""):gsub("/", ".")))
    end
    assert.is_true(#names > 20)
    assert.equal("", other_lua(([[
      local plain = pairs
      for _, name in ipairs { %s } do
        pairs = plain
        for loaded in plain(package.loaded) do
          if loaded:find "^smpp" and loaded ~= "smpp.core" then package.loaded[loaded] = nil end
        end
        local ok, message = pcall(require, name)
        if not ok then print(name, message) elseif jit and pairs == plain then print(name) end
      end
    ]]):format(table.concat(names, ", "))))
  end)

  if jit then it("works in finalizers to the end of a program, which unloads libraries before it calls the last of them", function()
    assert.equal(("5 items\n"):rep(4), other_lua [[
      require "smpp"
      local function at_the_end(times)
        getmetatable(newproxy(true)).__gc = function()
          local n = 0
          for _ in pairs { 1, 2, 3, x = 4, y = 5 } do n = n + 1 end
          print(n .. " items")
          if times > 1 then at_the_end(times - 1) end
        end
      end
      at_the_end(4)
    ]])
  end) end

  it("leaves other Luas alone", function()
    assert.equal(jit == nil, debug.getinfo(pairs, "S").what == "C")
  end)
end)
