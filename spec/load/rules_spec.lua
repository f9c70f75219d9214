local rules = require "smpp.load.rules"

local figures = {
  latency_s = { count = 10, min = 0.001, mean = 0.02, p50 = 0.01, p90 = 0.02, p95 = 0.03, p99 = 0.4, p999 = 0.5, max = 0.6 },
  service_time_s = { count = 10, p99 = 0.1 }, receipt_s = nil, rate = 95, errors = 5, due = 1000, throttled = 2, unknown = 1, not_sent = 0,
  receipts = { wanted = 100, final = 99, delivered = 90 }, reconnections = 1, late = { count = 3 }, sent = 1000, answered = 999, cpu = 0.5,
  statuses = { ESME_RTHROTTLED = 2 }, checks = { short = { passed = 9, failed = 1 } },
}

local function holds(text) return (rules.holds(assert(rules.read(text)), figures)) end

describe("smpp.load.rules", function()
  it("compare the figures", function()
    for text, expected in pairs {
      ["p99 > 500ms"] = false, ["p99 > 300ms"] = true, ["p99>=400ms"] = true, ["p99.9 == 500ms"] = true, ["p999 != 500ms"] = false, ["max<1s"] = true,
      ["min <= 1ms"] = true, ["mean > 20ms"] = false, ["service.p99 > 200ms"] = false, ["errors > 0.1%"] = true, ["errors > 5"] = false,
      ["errors >= 5"] = true, ["throttled > 1"] = true, ["rate < 100/s"] = true, ["rate < 90"] = false, ["receipts < 99.9%"] = true,
      ["receipts < 98%"] = false, ["delivered < 95%"] = true, ["delivered < 80"] = false, ["unknown > 0"] = true, ["not_sent > 0%"] = false,
      ["reconnections > 0"] = true, ["late > 0"] = true, ["cpu > 90%"] = false, ["status.ESME_RTHROTTLED > 1"] = true, ["status.ESME_RSYSERR > 0"] = false,
      ["checks.short < 95%"] = true, ["checks.short < 90%"] = false,
    } do assert.equal(expected, holds(text), text) end
  end)

  it("hold without data, where nothing was measured", function()
    local empty = { latency_s = { count = 0 }, receipts = { wanted = 0, final = 0, delivered = 0 }, checks = {}, statuses = {}, errors = 0, due = 0 }
    for _, text in ipairs { "p99 > 500ms", "receipt.p99 > 1s", "receipts < 99%" } do
      assert.is_true((rules.holds(assert(rules.read(text)), empty)), text)
    end
    assert.is_false((rules.holds(assert(rules.read "errors > 1%"), empty)))
  end)

  it("are refused with the place when they cannot be read", function()
    for text, place in pairs { ["p99 > 500"] = "a unit", ["p98 > 1s"] = "one of", ["p99 500ms"] = "> >=", ["errors > x"] = "a number", ["rate > 5q"] = "rate",
      [""] = "METRIC", ["status.ESME_NONE > 1"] = "status", ["abort: p99"] = "> >=" } do
      local rule, message = rules.read(text)
      assert.is_nil(rule, text)
      assert.truthy(message:find(place, 1, true), message)
      assert.truthy(message:find "%^$", message)
    end
  end)

  it("know whether they end the test", function()
    assert.is_true(assert(rules.read "abort: errors > 5%").abort)
    assert.is_false(assert(rules.read "errors > 5%").abort)
  end)
end)
