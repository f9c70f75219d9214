local metrics = require "smpp.metrics"

local function raises(words, fn, ...) assert.matches(words, select(2, pcall(fn, ...))) end

describe("smpp.metrics.registry", function()
  it("counts, sets and observes by labels", function()
    local registry = metrics.new()
    local orders = registry:counter("orders", "Orders.", { "country", "kind" })
    orders:add(1, "de", "new")
    orders:add(2, "de", "old")
    orders:at("fr", "new").value = 40
    assert.equal(43, registry:get "orders")
    assert.equal(3, registry:get("orders", { country = "de" }))
    assert.equal(41, registry:get("orders", { kind = "new" }))
    local stock = registry:gauge("stock", "Stock.")
    stock:set(7)
    stock:add(-2)
    assert.equal(5, registry:get "stock")
    local wait = registry:histogram("wait_seconds", "Waits.", { "line" }, { unit = "seconds", bounds = { 0.1, 1, 10 } })
    for _, seconds in ipairs { 0.05, 0.1, 0.2, 5, 100 } do wait:observe(seconds, "a") end
    wait:observe(2, "b")
    local one = registry:get("wait_seconds", { line = "a" })
    assert.same({ 2, 1, 1, 1 }, one.buckets)
    assert.equal(5, one.count)
    assert.near(105.35, one.sum, 1e-9)
    assert.equal(6, registry:get("wait_seconds").count)
  end)

  it("makes no table for an observation", function()
    local registry = metrics.new()
    local counter = registry:counter("c", "c", { "a", "b", "c", "d" })
    local histogram = registry:histogram("h", "h", { "a" })
    local function observe()
      for _ = 1, 1000 do
        counter:add(1, "1", "2", "3", "4")
        histogram:observe(0.01, "x")
      end
    end
    observe()
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    observe()
    local after = collectgarbage "count"
    collectgarbage "restart"
    assert.is_true(after - before < 1, after - before)
  end)

  it("returns a metric that is declared twice the same way, and raises if it is not the same", function()
    local registry = metrics.new()
    local one = registry:counter("a", "a", { "x" })
    assert.equal(one, registry:counter("a", "a", { "x" }))
    raises("duplicate metric a: declared as counter a{x}", registry.gauge, registry, "a", "a", { "x" })
    raises("duplicate metric a", registry.counter, registry, "a", "a", { "y" })
  end)

  it("says what is wrong with a declaration, and with an observation", function()
    local registry = metrics.new()
    raises("without _total", registry.counter, registry, "a_total", "a")
    raises("invalid metric name", registry.counter, registry, "a-b", "a")
    raises("invalid label name", registry.counter, registry, "a", "a", { "le gal" })
    raises("invalid label name", registry.counter, registry, "a", "a", { "__name" })
    raises("at most 4", registry.counter, registry, "a", "a", { "a", "b", "c", "d", "e" })
    raises("ends in _seconds", registry.gauge, registry, "a", "a", {}, { unit = "seconds" })
    raises("bounds must rise", registry.histogram, registry, "h", "h", {}, { bounds = { 1, 1 } })
    raises("did you mean 'unit'", registry.gauge, registry, "a", "a", {}, { unitt = "seconds" })
    raises("expected a text of help", registry.gauge, registry, "a")
    local counter, gauge = registry:counter("c", "c", { "x" }), registry:gauge("g", "g")
    raises("label x: expected a string, got 7", counter.add, counter, 1, 7)
    raises("label x: expected a string, got nil", counter.add, counter, 1)
    raises("cannot fall", counter.add, counter, -1, "a")
    raises("only gauges can be set", counter.set, counter, 1, "a")
    raises("only histograms observe", gauge.observe, gauge, 1)
    raises("unknown metric 'cc'; did you mean 'c'", registry.get, registry, "cc")
    raises("c has no label 'y'", registry.get, registry, "c", { y = "1" })
  end)

  it("counts what is beyond max_series as other, and how often", function()
    local registry = metrics.new { max_series = 3 }
    local counter = registry:counter("c", "c", { "x", "y" })
    for i = 1, 10 do counter:add(1, tostring(i), "y") end
    for i = 1, 10 do counter:add(1, tostring(i), "y") end
    assert.equal(20, registry:get "c")
    assert.equal(2, registry:get("c", { x = "3" }))
    assert.equal(14, registry:get("c", { x = "other", y = "other" }))
    assert.equal(14, registry.overflow)
    local samples = counter:samples()
    assert.equal(4, #samples)
  end)

  it("adds what a computed metric puts for the same labels", function()
    local registry = metrics.new()
    registry:computed("gauge", "g", "g", { "x", "y" }, function(put)
      put(1, "a")
      put(2, "a", "")
      put(4, "b", "c")
    end)
    assert.equal(3, registry:get("g", { x = "a" }))
    assert.equal(4, registry:get("g", { y = "c" }))
    registry:computed("histogram", "h", "h", {}, function(put)
      put { buckets = { 1, 2 }, sum = 3 }
      put { buckets = { 1, 0 }, sum = 1 }
    end, { bounds = { 1 } })
    assert.same({ count = 4, sum = 4, buckets = { 2, 2 }, bounds = { 1 } }, registry:get "h")
  end)

  it("interpolates quantiles, also of what was observed since an earlier reading", function()
    local registry = metrics.new()
    local h = registry:histogram("h", "h", {}, { bounds = { 1, 2, 4 } })
    assert.is_nil(metrics.quantile(registry:get "h", 0.5))
    for _ = 1, 10 do h:observe(0.5) end
    assert.equal(0.5, metrics.quantile(registry:get "h", 0.5))
    local before = registry:get "h"
    for _ = 1, 5 do h:observe(1.5) end
    for _ = 1, 5 do h:observe(3) end
    assert.equal(2, metrics.quantile(registry:get "h", 0.5, before))
    assert.equal(4, metrics.quantile(registry:get "h", 1, before))
    assert.equal(1, metrics.quantile(registry:get "h", 0.5))
    h:observe(100)
    assert.equal(4, metrics.quantile(registry:get "h", 1)) -- the last bound: no more is known
  end)
end)
