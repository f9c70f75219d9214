local routes = require "spec.support.routes"

local w = routes.words { ["p.csv"] = "4915\n44\n" }

describe("smpp.route.covered", function()
  it("finds rules and prefixes that an earlier rule takes whole", function()
    for _, case in ipairs {
      { { { via = "a" }, { to = "1", via = "b" } }, "2: covered by the rule in line 1: it never gets a message" },
      { { { to = w.prefix "49", via = "a" }, { to = w.prefix "4915", text = "x", via = "b" } }, "2: covered by the rule in line 1: it never gets a message" },
      { { { to = w.prefix "49", via = "a" }, { to = { "4912", "44", w.prefix { "4915", "43" } }, via = "b" } },
        "2: number 4912 is covered by the rule in line 1", "2: prefix 4915 is covered by the rule in line 1" },
      { { { to = "4912", via = "a" }, { to = { "4912", "4913" }, via = "b" } }, "2: number 4912 is covered by the rule in line 1" },
      { { { to = "4912", via = "a" }, { to = w.prefix "4912", via = "b" } } },
      { { { to = w.prefix "4915", via = "a" }, { to = w.prefix "49", via = "b" } } },
      { { { to = w.prefix "49", text = "x", via = "a" }, { to = w.prefix "4915", via = "b" } } },
      { { { to = w.prefix "49", via = "a", else_next = true }, { to = w.prefix "4915", via = "b" } } },
      { { { to = w.prefix "49", set = { protocol_id = 1 } }, { to = w.prefix "4915", via = "b" } } },
      { { { account = "a", via = "a" }, { account = "a", to = "1", via = "b" } }, "2: covered by the rule in line 1: it never gets a message" },
      { { { account = "a", via = "a" }, { account = { "a", "b" }, via = "b" } } },
      { { { account = "a", to = w.prefix "49", via = "a" }, { to = w.prefix "4915", via = "b" } } },
      { { { account = { "a", "b" }, to = w.prefix "49", via = "a" }, { account = "b", to = w.prefix "4915", via = "b" } },
        "2: covered by the rule in line 1: it never gets a message" },
      { { { to = w.prefixes "p.csv", drop = true }, { to = w.prefix "44", via = "b" } }, "2: covered by the rule in line 1: it never gets a message" },
      { { { to = { w.prefix "49", w.short() }, via = "a" }, { to = w.prefix "4915", via = "b" } } },
    } do
      local expected = { (table.unpack or unpack)(case, 2) } -- luacheck: compat
      assert.same(expected, routes.mistakes(case[1]))
    end
  end)

  it("names some of many", function()
    local list = {}
    for i = 1, 100 do list[i] = ("49%03d"):format(i) end
    list[101] = "1"
    assert.equal(20, #routes.mistakes { { to = w.prefix "49", via = "a" }, { to = w.prefix(list), via = "b" } })
  end)
end)
