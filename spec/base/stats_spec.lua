local pdus = require "smpp.codec"
local stats = require "smpp.base.stats"

local unpack = table.unpack or unpack -- luacheck: compat

--- Requests of a bound session that counts in `s`, answered after so many seconds, in rising order.
local function answered_after(s, seconds)
  local esme = pdus.codec.session { role = "esme", now = 0, counts = s:of_sessions(), window = 1000, response_s = 0, enquire_link_s = 0 }
  local slots, sequences = {}, {}
  local function answer(fields, sequence, now)
    fields.sequence_number = sequence
    esme:receive(pdus.encode(fields), now, slots)
  end
  answer({ command = "bind_transceiver_resp", system_id = "mc" }, esme:request(0x09, { system_id = "a" }, false, 0), 0)
  for i = 1, #seconds do sequences[i] = esme:request(0x04, { destination_addr = "1" }, false, 0) end
  for i, after_s in ipairs(seconds) do answer({ command = "submit_sm_resp", message_id = "x" }, sequences[i], after_s) end
end

describe("smpp.base.stats", function()
  it("counts each latency in the bucket whose upper bound it does not exceed", function()
    local s = stats.new()
    local seconds = { unpack(stats.bounds_s) }
    seconds[#seconds + 1] = 61
    answered_after(s, seconds)
    local latency = s:snapshot().latency
    for i = 1, #seconds do assert.equal(1, latency.buckets[i], seconds[i]) end
    assert.equal(#stats.bounds_s + 1, latency.count)
    assert.equal(61, latency.max_s)
    assert.near(108.888 + 61, latency.sum_s, 1e-3)
  end)

  it("gives quantiles as bounds of buckets, never above the largest latency", function()
    local s = stats.new()
    local function quantiles()
      local latency = s:snapshot().latency
      return { latency.p50_s, latency.p90_s, latency.p99_s }
    end
    assert.same({}, quantiles())
    local seconds = {}
    for i = 1, 100 do seconds[i] = i <= 90 and 0.003 or 1.5 end
    answered_after(s, seconds)
    assert.same({ 0.005, 0.005, 1.5 }, quantiles()) -- the last bucket ends at 2
    answered_after(s, { 500 })
    assert.same({ 0.005, 2, 2 }, quantiles())
    for _ = 1, 100 do answered_after(s, { 500 }) end
    assert.same({ 500, 500, 500 }, quantiles())
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
      answered_after(s, { i })
    end
    b:note_refusal "ESME_RTHROTTLED"
    a:add(b)
    local sum = a:snapshot()
    for _, name in ipairs { "requests", "answered", "refused", "unknown", "not_sent", "retried", "received", "binds" } do
      assert.equal((name == "requests" or name == "answered") and 5 or 3, sum[name], name) -- with those of the latencies
    end
    assert.same({ ESME_RSYSERR = 2, ESME_RTHROTTLED = 1 }, sum.statuses)
    assert.equal(2, sum.latency.count)
    assert.equal(3, sum.latency.sum_s)
    assert.equal(2, sum.latency.max_s)
  end)

  it("gives away a copy", function()
    local s = stats.new()
    s:note_refusal "ESME_RSYSERR"
    answered_after(s, { 10 })
    local copy = s:snapshot()
    copy.requests, copy.statuses.ESME_RSYSERR, copy.latency.buckets[1] = 5, 5, 5
    local again = s:snapshot()
    assert.same({ 1, { ESME_RSYSERR = 1 }, 0 }, { again.requests, again.statuses, again.latency.buckets[1] })
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
