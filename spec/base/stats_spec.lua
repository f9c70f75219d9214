local stats = require "smpp.base.stats"

describe("smpp.base.stats", function()
  it("counts each latency in the bucket whose upper bound it does not exceed", function()
    local s = stats.new()
    for i, bound in ipairs(stats.bounds_s) do
      s:note_latency(bound)
      assert.equal(1, s.latency.buckets[i], bound)
    end
    s:note_latency(61)
    assert.equal(1, s.latency.buckets[#stats.bounds_s + 1])
    assert.equal(#stats.bounds_s + 1, s.latency.count)
    assert.equal(61, s.latency.max_s)
    assert.near(108.888 + 61, s.latency.sum_s, 1e-3)
  end)

  it("gives quantiles as bounds of buckets, never above the largest latency", function()
    local s = stats.new()
    assert.is_nil(s:quantile_s(0.5))
    for _ = 1, 90 do s:note_latency(0.003) end
    for _ = 1, 10 do s:note_latency(1.5) end
    assert.equal(0.005, s:quantile_s(0.5))
    assert.equal(0.005, s:quantile_s(0.9))
    assert.equal(1.5, s:quantile_s(0.99)) -- its bucket ends at 2
    s:note_latency(500)
    assert.equal(500, s:quantile_s(1))
  end)

  it("counts refusals by their status", function()
    local s = stats.new()
    s:note_refusal "ESME_RTHROTTLED"
    s:note_refusal "ESME_RTHROTTLED"
    s:note_refusal "0x00000400"
    assert.equal(3, s.refused)
    assert.same({ ESME_RTHROTTLED = 2, ["0x00000400"] = 1 }, s.statuses)
  end)

  it("adds up", function()
    local a, b = stats.new(), stats.new()
    for i, s in ipairs { a, b } do
      for _, name in ipairs { "requests", "answered", "unknown", "not_sent", "retried", "received", "binds" } do s[name] = i end
      s:note_refusal "ESME_RSYSERR"
      s:note_latency(i)
    end
    b:note_refusal "ESME_RTHROTTLED"
    a:add(b)
    local sum = a:snapshot()
    for _, name in ipairs { "requests", "answered", "refused", "unknown", "not_sent", "retried", "received", "binds" } do assert.equal(3, sum[name], name) end
    assert.same({ ESME_RSYSERR = 2, ESME_RTHROTTLED = 1 }, sum.statuses)
    assert.equal(2, sum.latency.count)
    assert.equal(3, sum.latency.sum_s)
    assert.equal(2, sum.latency.max_s)
  end)

  it("gives away a copy", function()
    local s = stats.new()
    local copy = s:snapshot()
    copy.requests, copy.statuses.ESME_RSYSERR, copy.latency.buckets[1] = 5, 5, 5
    assert.is_nil(copy.latency.p50_s)
    assert.equal(0, s.requests)
    assert.same({}, s.statuses)
    assert.equal(0, s.latency.buckets[1])
  end)

  it("counts statuses without a name, of which a peer can make up 2^32, as one beyond 100", function()
    local s = stats.new()
    s:note_refusal "ESME_RTHROTTLED"
    for i = 1, 5000 do s:note_refusal(("0x%08X"):format(0x400 + i)) end
    s:note_refusal "ESME_RSYSERR"
    s:note_refusal "0x00000401"
    local count = 0
    for _ in pairs(s.statuses) do count = count + 1 end
    assert.equal(103, count)
    assert.same({ 5003, 4900, 2, 1 }, { s.refused, s.statuses.other, s.statuses["0x00000401"], s.statuses.ESME_RSYSERR })
  end)
end)
