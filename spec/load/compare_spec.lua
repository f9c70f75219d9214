local compare = require "smpp.load.compare"
local random = require "smpp.base.random"

local function result(p99, o)
  o = o or {}
  local number, series = random.generator(o.seed or 1), {}
  for i = 1, 30 do
    local noise = 1 + (number() - 0.5) * 2 * (o.noise or 0.02)
    series[i] = { t_s = i - 1, answered = math.floor(100 * noise), p50 = p99 / 2 * noise, p99 = p99 * noise, max = p99 * 2 * noise, errors = 0 }
  end
  return { role = "esme", rate_target = o.rate_target or 100, rate = 100, sent = 3000, not_sent = 0, errors = o.errors or 0, cpu = 0.1,
    latency_s = { count = 3000, p50 = p99 / 2, p90 = p99 * 0.9, p99 = p99, p999 = p99 * 1.5, max = p99 * 2 }, series = series }
end

local function verdict_of(compared, name)
  for _, figure in ipairs(compared.figures) do
    if figure.name == name then return figure.verdict end
  end
end

describe("smpp.load.compare", function()
  it("says same within 5 %, better and worse beyond", function()
    assert.equal("same", compare.results(result(0.1), result(0.103)).verdict)
    local worse = compare.results(result(0.1), result(0.2))
    assert.equal("worse", worse.verdict)
    assert.equal("worse", verdict_of(worse, "p99"))
    assert.equal("same", verdict_of(worse, "rate"))
    assert.near(1, worse.figures[4].difference, 1e-9)
    assert.equal("better", compare.results(result(0.2), result(0.1)).verdict)
  end)

  it("calls a difference within the spread of the seconds none", function()
    local noisy = compare.results(result(0.1, { noise = 0.9, seed = 1 }), result(0.108, { noise = 0.9, seed = 2 }))
    assert.equal("same", verdict_of(noisy, "p99"))
    local calm = compare.results(result(0.1, { noise = 0.01, seed = 1 }), result(0.108, { noise = 0.01, seed = 2 }))
    assert.equal("worse", verdict_of(calm, "p99"))
  end)

  it("needs seconds that do not overlap where there are few", function()
    local function short(p99s)
      local r, most = result(p99s[1]), 0
      r.series = {}
      for i, p99 in ipairs(p99s) do r.series[i], most = { answered = 100, p50 = p99 / 2, p99 = p99, max = p99 }, math.max(most, p99) end
      r.latency_s = { count = 300, p50 = p99s[1] / 2, p90 = most, p99 = most, p999 = most, max = most }
      return r
    end
    assert.equal("same", compare.results(short { 0.01, 0.02, 0.015 }, short { 0.015, 0.03, 0.015 }).verdict)
    assert.equal("worse", compare.results(short { 0.01, 0.02, 0.015 }, short { 0.05, 0.06, 0.055 }).verdict)
    assert.equal("better", compare.results(short { 0.05, 0.06, 0.01 }, short { 0.01, 0.02, 0.015 }).verdict)
    local none = short { 0.1 }
    assert.equal("worse", compare.results(short { 0.01 }, none).verdict)
  end)

  it("warns where the two cannot be compared", function()
    assert.equal(0, #compare.results(result(1), result(1)).warnings)
    assert.truthy(compare.results(result(1), result(1, { rate_target = 50 })).warnings[1]:find "target rates")
    local mc = result(1)
    mc.role = "mc"
    assert.truthy(compare.results(result(1), mc).warnings[1]:find "roles")
  end)

  it("ranks as Mann and Whitney do", function()
    local a, b = {}, {}
    for i = 1, 10 do a[i], b[i] = i, i + 5 end
    assert.near(-2.840, compare.deviate(a, b), 0.001) -- U = 12.5, mean 50, variance 174.34 with five ties
    assert.equal(0, compare.deviate({ 1, 2 }, { 3, 4 }))
    local same = {}
    for i = 1, 10 do same[i] = 1 end
    assert.equal(0, compare.deviate(same, same))
  end)
end)
