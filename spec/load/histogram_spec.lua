local histogram = require "smpp.load.histogram"

describe("smpp.load.histogram", function()
  it("knows percentiles within 0.1 %, never below", function()
    local random = require("smpp.base.random").generator(11)
    local one, list = histogram.new(), {}
    for i = 1, 20000 do
      local seconds = math.floor(10 ^ (random() * 8)) / 1e6
      list[i] = seconds
      one:record(seconds)
    end
    table.sort(list)
    for _, p in ipairs { 0.01, 1, 25, 50, 90, 95, 99, 99.9, 100 } do
      local exact, got = list[math.max(1, math.ceil(p / 100 * #list - 1e-9))], one:percentile(p)
      assert.is_true(got >= exact - 1e-9 and got <= exact * 1.001 + 1e-9, ("p%g: %g, exact %g"):format(p, got, exact))
    end
  end)

  it("is exact where one value was counted", function()
    local one = histogram.new()
    for _ = 1, 100 do one:record(0.01) end
    local summary = one:summary()
    for _, name in ipairs { "min", "mean", "p50", "p90", "p95", "p99", "p999", "max" } do assert.near(0.01, summary[name], 1e-12, name) end
    assert.equal(100, summary.count)
  end)

  it("has no percentiles without values", function()
    assert.same({ count = 0 }, histogram.new():summary())
  end)

  it("counts what is longer than an hour as an hour, and says so", function()
    local one = histogram.new()
    one:record(7200)
    assert.equal(3600, one:summary().max)
    assert.equal(1, (select(2, one:count())))
  end)

  it("counts by bounds", function()
    local one = histogram.new()
    for _, seconds in ipairs { 0.001, 0.005, 0.006, 0.5, 20 } do one:record(seconds) end
    assert.same({ 1, 2, 1, 1 }, one:buckets { 0.002, 0.01, 1 })
    assert.same({ 0, 0 }, histogram.new():buckets { 1 })
  end)

  it("adds up exactly", function()
    local a, b, both = histogram.new(), histogram.new(), histogram.new()
    for i = 1, 5000 do
      local of = i % 3 == 0 and a or b
      of:record(i / 1000)
      both:record(i / 1000)
    end
    a:add(b)
    assert.equal(both:encode(), a:encode())
    assert.same(both:summary(), a:summary())
  end)

  it("is read back from HdrHistogram's encoding, to the count", function()
    local one = histogram.new()
    for i = 1, 3000 do one:record((i * i) / 1e6) end
    local words = one:encode()
    assert.truthy(words:find "^HISTFAAA")
    local back = assert(histogram.decode(words))
    assert.equal(words, back:encode())
    assert.equal((one:count()), (back:count()))
    assert.equal(0, (assert(histogram.decode(histogram.new():encode())):count()))
  end)

  it("refuses what is none, cut at any octet", function()
    local one = histogram.new()
    for i = 1, 50 do one:record(i / 10) end
    local words = one:encode()
    for n = 0, #words - 5 do
      local ok, back = pcall(histogram.decode, words:sub(1, n))
      assert.is_true(ok, n)
      assert.is_true(back == nil or back:count() <= 50)
    end
    for _, junk in ipairs { "", "abc", "!!!!", ("A"):rep(100) } do assert.is_nil((histogram.decode(junk))) end
  end)
end)
