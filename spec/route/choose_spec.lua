local choose = require "smpp.route.choose"
local routes = require "spec.support.routes"

local w = routes.words {
  ["long.csv"] = "prefix,carrier,price\n49,a,0.02\n49,b,0.03\n4915,b,0.01\n44,c,1\n",
  ["wide.csv"] = "prefix;a;b\n49;0.02;0.03\n4915;;0.01\n",
}

--- What a chooser gives: one text for each message.
local function chosen(spec, messages, state, context)
  local fn = choose.compile(spec, context or { problem = error })
  state = state or routes.state()
  local out = {}
  for i, o in ipairs(messages) do out[i] = table.concat(fn(routes.message(o), state) or { "none" }, " ") end
  return out
end

local function without(...)
  local down = {}
  for _, name in ipairs { ... } do down[name] = true end
  return routes.state { available = function(name) return not down[name] end }
end

describe("smpp.route.choose", function()
  it("takes the first of failover that is available, and the rest in order", function()
    assert.same({ "a b c" }, chosen(w.failover { "a", "b", "c" }, { {} }))
    assert.same({ "b c" }, chosen(w.failover { "a", "b", "c" }, { {} }, without "a"))
    assert.same({ "none" }, chosen(w.failover { "a" }, { {} }, without "a"))
    assert.same({ "a" }, chosen("a", { {} }))
    assert.same({ "none" }, chosen("a", { {} }, without "a"))
  end)

  it("balances by weight, smoothly, among those that are available", function()
    assert.same({ "a b", "a b", "b a", "a b", "a b" }, chosen(w.balance { a = 3, b = 1 }, { {}, {}, {}, {}, {} }))
    assert.same({ "b", "b" }, chosen(w.balance { a = 3, b = 1 }, { {}, {} }, without "a"))
    assert.same({ "a b c", "b a c", "c a b", "a b c" }, chosen(w.balance { "a", "b", "c" }, { {}, {}, {}, {} }))
    assert.same({ "none" }, chosen(w.balance { a = 3 }, { {} }, without "a"))
  end)

  it("takes the cheapest by cost, or by the price of the longest prefix", function()
    local context = { problem = error, carriers = { a = { cost = 1 }, b = { cost = 0.5 }, c = {} } }
    assert.same({ "b a c" }, chosen(w.cheapest { "a", "b", "c" }, { {} }, nil, context))
    assert.same({ "a c" }, chosen(w.cheapest { "a", "b", "c" }, { {} }, without "b", context))
    for _, file in ipairs { "long.csv", "wide.csv" } do
      assert.same({ "a b", "b a", "none" },
        chosen(w.cheapest { "a", "b", prices = file }, { { destination_addr = "491" }, { destination_addr = "+4915" }, { destination_addr = "33" } }))
    end
  end)

  it("says which line of a price table is none", function()
    local problems = {}
    local words = routes.words { ["p.csv"] = "prefix,carrier,price\n49,a,cheap\n" .. ("1"):rep(22) .. ",a,1\n" }
    choose.compile(words.cheapest { "a", prices = "p.csv" }, { problem = function(message) table.insert(problems, message) end })
    assert.same({ "p.csv:2: expected a prefix and a price", "p.csv:3: prefix longer than 21 characters" }, problems)
  end)

  it("keeps the messages of a source, or of a number, with one carrier", function()
    local messages, spread = {}, {}
    for i = 1, 60 do messages[i] = { source_addr = ("49%03d"):format(i % 30) } end
    local list = chosen(w.sticky { "a", "b", "c" }, messages)
    for i = 1, 30 do
      assert.equal(list[i], list[i + 30])
      spread[list[i]:sub(1, 1)] = true
    end
    assert.same({ a = true, b = true, c = true }, spread)
    local fewer = chosen(w.sticky { "a", "b", "c" }, messages, without "b")
    for i = 1, 60 do -- only those of the carrier that is gone have another
      if list[i]:sub(1, 1) ~= "b" then assert.equal(list[i]:sub(1, 1), fewer[i]:sub(1, 1)) end
    end
    local by_to = chosen(w.sticky { "a", "b", "c", by = "to" }, { { source_addr = "1" }, { source_addr = "2" }, { source_addr = "3" } })
    assert.same({ by_to[1], by_to[1], by_to[1] }, by_to)
  end)

  it("stays with the carrier in use for a time, even when the first is back", function()
    local down = {}
    local state = routes.state { available = function(name) return not down[name] end }
    local fn = choose.compile(w.sticky { "a", "b", for_s = 60 }, { problem = error })
    local function first() return fn(routes.message { source_addr = "count" }, state)[1] end
    local usual = first()
    local other = usual == "a" and "b" or "a"
    down[usual] = true
    assert.equal(other, first())
    down[usual], state.now = nil, 59
    assert.equal(other, first())
    state.now = 120
    assert.equal(usual, first())
  end)

  it("takes the carrier with the least outstanding, in turn where they are equal", function()
    local load = { a = 5, b = 2, c = 2 }
    local state = routes.state { outstanding = function(name) return load[name] end }
    assert.same({ "b c a", "b c a", "c b a", "b c a" }, chosen(w.least { "a", "b", "c" }, { {}, {}, {}, {} }, state))
    load.a = 0
    assert.same({ "a b c" }, chosen(w.least { "a", "b", "c" }, { {} }, state))
  end)

  it("may stand in another", function()
    assert.same({ "a b c", "b a c" }, chosen(w.failover { w.balance { "a", "b" }, "c" }, { {}, {} }))
    assert.same({ "c" }, chosen(w.failover { w.balance { "a", "b" }, "c" }, { {} }, without("a", "b")))
  end)

  it("names what is wrong, and what was meant", function()
    local known = { telco_a = true }
    assert.is_nil(choose.wrong(w.failover { "telco_a" }, known))
    assert.equal("unknown carrier 'telco_b'; did you mean 'telco_a'?", choose.wrong(w.failover { w.balance { "telco_b" } }, known))
    assert.equal("expected a carrier, balance, failover, cheapest, sticky or least, got prefix", choose.wrong(w.prefix "1"))
    assert.equal("balance of failover of b, c 1, a 3", choose.describe(w.balance { w.failover { "b", "c" }, a = 3 }))
  end)
end)
