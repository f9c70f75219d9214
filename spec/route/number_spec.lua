local number = require "smpp.route.number"
local routes = require "spec.support.routes"

local w = routes.words { ["p.csv"] = "prefix\n+49 15\n44\n", ["l.csv"] = "number,name\n12345,x\n+49176,y\n", ["long.csv"] = "prefix\n1234567890123456789012\n" }

describe("smpp.route.number", function()
  it("takes numbers, lists, prefixes, patterns, ranges and types", function()
    local many = {}
    for i = 1, 20 do many[i] = ("7%02d"):format(i) end
    for _, case in ipairs {
      { "+49 176", "49176" }, { "49176", "491761", no = true }, { { "1", "2" }, "2" }, { { "1", "2" }, "3", no = true },
      { w.prefix "+49", "4915" }, { w.prefix "49", "4", no = true }, { w.prefix(many), "7201" }, { w.prefix(many), "7211", no = true },
      { w.prefixes "p.csv", "49151" }, { w.prefixes "p.csv", "491", no = true }, { w.listed "l.csv", "12345" }, { w.listed "l.csv", "49176" },
      { w.listed "l.csv", "491761", no = true }, { w.pattern "^49%d$", "491" }, { w.pattern { "x", "9" }, "49" }, { w.pattern "^49%d$", "4912", no = true },
      { w.range { "100", "199" }, "150" }, { w.range { "100", "199" }, "199" }, { w.range { "100", "199" }, "200", no = true },
      { w.range { "100", "199" }, "1500", no = true }, { w.range { "100", "199" }, "1a0", no = true },
      { w.alphanumeric(), "Shop" }, { w.alphanumeric(), "123", 5 }, { w.alphanumeric(), "123", 1, no = true }, { w.international(), "49", 1 },
      { w.international(), "49", 0, no = true }, { w.national(), "0176", 2 }, { w.national(), "0176", 1, no = true }, { w.short(), "12345" },
      { w.short(), "12345", 3 }, { w.short(), "123456789", no = true }, { w.short(), "123456789", 3 }, { w.short(), "12345", 1, no = true },
      { { "1", w.prefix "49", w.alphanumeric(), { w.range { "20", "29" } } }, "25" }, { { "1", w.prefix "49", w.alphanumeric() }, "495" },
      { { "1", w.prefix "49", w.alphanumeric() }, "5", no = true },
    } do
      local spec, address, ton = case[1], case[2], case[3] or 0
      assert.is_nil(number.wrong(spec))
      assert.equal(not case.no, number.compile(spec).test(address, ton) == true, address)
    end
  end)

  it("names numbers and prefixes for an index, and says when that is not all", function()
    local exact, prefixes = {}, {}
    local one = number.compile { "+1", w.prefix { "2", "3" }, w.listed "l.csv", w.prefixes "p.csv" }
    assert.is_true(one.is_indexed)
    one.each(function(value) table.insert(exact, value) end, function(value) table.insert(prefixes, value) end)
    assert.same({ { "1", "12345", "49176" }, { "2", "3", "4915", "44" } }, { exact, prefixes })
    assert.is_false(number.compile({ "1", w.short() }).is_indexed)
    assert.is_false(number.compile({ "1", { w.pattern "1" } }).is_indexed)
  end)

  it("says what it takes", function()
    assert.equal("1 or prefix 2 or 3 or short", number.compile({ "1", w.prefix { "2", "3" }, w.short() }).words)
    assert.equal("1 or 2 or 3 or 4 or 5 or 2 more", number.compile({ "1", "2", "3", "4", "5", "6", "7" }).words)
    assert.equal("prefixes p.csv", number.compile(w.prefixes "p.csv").words)
    assert.equal("range 1 to 2", number.compile(w.range { "1", "2" }).words)
  end)

  it("refuses other values", function()
    assert.equal("expected a number, got ''", number.wrong " + ")
    assert.truthy(number.wrong(5):find "got a number")
    assert.truthy(number.wrong({}):find "without items")
    assert.truthy(number.wrong({ "1", x = 1 }):find "the key 'x'")
    assert.equal("expected a matcher of numbers, got keyword", number.wrong(w.keyword "STOP"))
    assert.equal("expected a matcher of numbers, got failover", number.wrong { "1", w.failover "a" })
    assert.equal("long.csv:2: prefix longer than 21 characters", number.wrong(w.prefixes "long.csv"))
  end)
end)
