local metrics = require "smpp.metrics"

local function sample()
  local registry = metrics.new()
  local counter = registry:counter("smpp_things", "Things\\or\nlines.", { "name", "empty" })
  counter:add(3, 'a\\"b\nc', "")
  counter:add(0.25, "caf\195\169 \255\192\128", "x")
  registry:gauge("temperature_celsius", "T.", {}, { unit = "celsius" }):set(-1.5)
  local h = registry:histogram("h_seconds", "H.", { "x" }, { bounds = { 0.5, 1 }, unit = "seconds" })
  h:observe(0.5, "y")
  h:observe(0.7, "y")
  h:observe(9, "y")
  registry:computed("info", "build", "B.", { "version" }, function(put) put(1, "1.0") end)
  registry:computed("histogram", "e_seconds", "E.", {}, function(put)
    put { buckets = { 1, 0 }, sum = 0.5, latest = { 0.5, 0 }, session = { 0xABCDEF, 0 } }
    put { buckets = { 0, 1 }, sum = 7, latest = { 0, 7 }, session = { 0, 1 } }
  end, { bounds = { 1 } })
  return registry
end

describe("smpp.metrics.text", function()
  it("writes a label that all have, once, and no longer than it is there", function()
    local registry = metrics.new()
    registry:counter("a", "A.", { "x" }):add(1, "y")
    registry:counter("b", "B.", { "node" }):add(1, "own")
    registry:histogram("c", "C.", {}, { bounds = { 1 } }):observe(0.5)
    registry:label_all("node", "n")
    local text = metrics.text("openmetrics", registry)
    for _, line in ipairs { 'a_total{x="y",node="n"} 1', 'b_total{node="own"} 1', 'c_bucket{node="n",le="1.0"} 1', 'c_count{node="n"} 1' } do
      assert.truthy(text:find("\n" .. line .. "\n", 1, true), line)
    end
    registry:label_all(nil)
    assert.falsy(metrics.text("openmetrics", registry):find('"n"', 1, true))
  end)

  it("writes OpenMetrics", function()
    assert.equal([[
# HELP smpp_things Things\\or\nlines.
# TYPE smpp_things counter
smpp_things_total{name="a\\\"b\nc"} 3
smpp_things_total{name="café ���",empty="x"} 0.25
# HELP temperature_celsius T.
# TYPE temperature_celsius gauge
# UNIT temperature_celsius celsius
temperature_celsius -1.5
# HELP h_seconds H.
# TYPE h_seconds histogram
# UNIT h_seconds seconds
h_seconds_bucket{x="y",le="0.5"} 1
h_seconds_bucket{x="y",le="1.0"} 2
h_seconds_bucket{x="y",le="+Inf"} 3
h_seconds_count{x="y"} 3
h_seconds_sum{x="y"} 10.2
# HELP build B.
# TYPE build info
build_info{version="1.0"} 1
# HELP e_seconds E.
# TYPE e_seconds histogram
e_seconds_bucket{le="1.0"} 1 # {session="00abcdef"} 0.5
e_seconds_bucket{le="+Inf"} 2 # {session="00000001"} 7
e_seconds_count 2
e_seconds_sum 7.5
# EOF
]], metrics.text("openmetrics", sample()))
  end)

  it("writes the older form, which has no units and no exemplars, and names counters with _total", function()
    assert.equal([[
# HELP smpp_things_total Things\\or\nlines.
# TYPE smpp_things_total counter
smpp_things_total{name="a\\\"b\nc"} 3
smpp_things_total{name="café ���",empty="x"} 0.25
# HELP temperature_celsius T.
# TYPE temperature_celsius gauge
temperature_celsius -1.5
# HELP h_seconds H.
# TYPE h_seconds histogram
h_seconds_bucket{x="y",le="0.5"} 1
h_seconds_bucket{x="y",le="1"} 2
h_seconds_bucket{x="y",le="+Inf"} 3
h_seconds_count{x="y"} 3
h_seconds_sum{x="y"} 10.2
# HELP build_info B.
# TYPE build_info gauge
build_info{version="1.0"} 1
# HELP e_seconds E.
# TYPE e_seconds histogram
e_seconds_bucket{le="1"} 1
e_seconds_bucket{le="+Inf"} 2
e_seconds_count 2
e_seconds_sum 7.5
]], metrics.text("prometheus", sample()))
  end)

  it("writes numbers that read as what they are", function()
    local registry = metrics.new()
    local g = registry:gauge("g", "g", { "x" })
    for i, value in ipairs { 1 / 3, 2 ^ 53 * 4, math.huge, -math.huge, 0 / 0, 1795973566.21 } do g:set(value, tostring(i)) end
    local got = {}
    for line in metrics.text("prometheus", registry):gmatch "[^\n]+" do got[#got + 1] = line:match "^g{.-} (.*)" end
    assert.equal(1 / 3, tonumber(got[1]))
    assert.equal(2 ^ 55, tonumber(got[2]))
    assert.same({ "+Inf", "-Inf", "NaN", "1795973566.21" }, { got[3], got[4], got[5], got[6] })
  end)
end)
