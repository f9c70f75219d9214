local metrics = require "smpp.metrics"
local smpp = require "smpp"

describe("smpp.metrics", function()
  it("is a part of smpp, with one registry for the library and the program", function()
    assert.equal(metrics, smpp.metrics)
    local counter = metrics.counter("spec_things", "Things of this spec.", { "kind" })
    counter:add(2, "a")
    assert.equal(2, metrics.get("spec_things", { kind = "a" }))
    assert.truthy(metrics.text():find('spec_things_total{kind="a"} 2', 1, true))
    metrics.gauge("spec_level", "L."):set(1)
    metrics.histogram("spec_wait_seconds", "W.", {}, { unit = "seconds" }):observe(0.1)
    assert.equal(1, metrics.get("spec_wait_seconds").count)
  end)

  it("writes OpenMetrics if nothing else is asked for", function()
    assert.matches("\n# EOF\n$", metrics.text())
    assert.is_nil(metrics.text("prometheus"):find("# EOF", 1, true))
    assert.matches("unknown format 'prometeus'; did you mean 'prometheus'", select(2, pcall(metrics.text, "prometeus")))
  end)

  it("has a line for each of its metrics in docs/metrics.md, and the other way round", function()
    require "smpp.gateway.figures" -- declared when there is a gateway
    require "smpp.nodes.figures"   -- and when it is one of several
    local file = assert(io.open "docs/metrics.md")
    local page, declared = file:read "*a", {}
    file:close()
    for _, metric in ipairs(metrics.registry.metrics) do
      if not metric.name:find "^spec_" then
        declared[metric.name] = true
        local listed = page:match("\n| `" .. metric.name .. "[^`]*` | (%a+)")
        assert.equal(metric.kind, listed, metric.name)
        for _, label in ipairs(metric.labels) do
          if label ~= "account" and label ~= "target" then
            assert.truthy(page:match("\n| `" .. metric.name .. "([^`]*)`"):find(label, 1, true), metric.name .. ": " .. label)
          end
        end
      end
    end
    for name in page:gmatch "\n| `([%a_]+)[^`]*` | [cghi]%a+ |" do assert.is_true(declared[name], name) end
  end)
end)
