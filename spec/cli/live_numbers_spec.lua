local numbers = require "smpp.cli.live_numbers"

--- Readings one after the other, the last for ever.
local function reader(list)
  local at = 0
  return function()
    at = math.min(at + 1, #list)
    local r = { done = 0, ok = 0, errors = 0, statuses = {}, window = 0, queue = 0, sessions = 0 }
    for name, value in pairs(list[at]) do r[name] = value end
    r.latency = { buckets = r.buckets or { 0, 0, 0 }, bounds = { 0.001, 0.01 } }
    return r
  end
end

describe("smpp.cli.live_numbers", function()
  it("has the rate of the last second, whatever time has passed", function()
    local n = numbers.new(reader { { done = 100 }, { done = 150 }, { done = 250 } }, 10)
    n:sample(11)
    assert.equal(50, n.rate)
    n:sample(11)
    assert.equal(50, n.rate)
    n:sample(13)
    assert.same({ 50, 50 }, n.rates)
    n:sample(14)
    assert.same({ 0, 50 }, { n.rate, n.peak })
  end)

  it("keeps a minute", function()
    local n = numbers.new(reader { {} }, 0)
    for second = 1, 100 do n:sample(second) end
    assert.equal(60, #n.rates)
    assert.is_nil(n.p50_s)
  end)

  it("has the percentiles of the last ten seconds", function()
    local list = { {}, { buckets = { 0, 100, 0 } } }
    for i = 3, 12 do list[i] = { buckets = { 0, 100, 0 } } end
    list[13] = { buckets = { 50, 100, 0 } }
    local n = numbers.new(reader(list), 0)
    n:sample(1)
    assert.is_true(math.abs(n.p50_s - 0.0055) < 1e-9)
    for second = 2, 11 do n:sample(second) end
    assert.is_nil(n.p50_s)
    n:sample(12)
    assert.is_true(math.abs(n.p50_s - 0.0005) < 1e-9 and n.p99_s < 0.001)
  end)

  it("is a line of the contracted form", function()
    local n = numbers.new(reader { {}, { done = 4800, ok = 4790, errors = 10, window = 3, window_limit = 10, queue = 7, sessions = 2,
      buckets = { 4000, 800, 0 } } }, 0)
    n:sample(1)
    assert.equal("22:13:20 rate=4800 ok=4790 errors=10 p50=0.6ms p99=9.5ms window=3/10 queue=7 sessions=2", n:line(1700000000.5))
    n = numbers.new(reader { {} }, 0)
    n:sample(1)
    assert.equal("22:13:21 rate=0 ok=0 errors=0 p50=- p99=- window=0 queue=0 sessions=0", n:line(1700000001))
  end)

  it("writes numbers for people", function()
    for n, text in pairs { [0] = "0", [999] = "999", [1000] = "1,000", [1234567] = "1,234,567" } do assert.equal(text, numbers.count(n)) end
    for n, text in pairs { [0] = "0", [0.24] = "0.2", [9.9] = "9.9", [9.96] = "10", [123.4] = "123" } do assert.equal(text, numbers.of_rate(n)) end
    for s, text in pairs { [0.0004] = "0.4ms", [0.012] = "12ms", [0.9994] = "999ms", [0.9996] = "1.0s", [12] = "12s" } do assert.equal(text, numbers.time(s)) end
    assert.same({ "-", "12 ms" }, { numbers.time(nil), numbers.time(0.012, " ") })
  end)
end)
