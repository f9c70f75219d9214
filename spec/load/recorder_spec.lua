local recorders = require "smpp.load.recorder"

local function recorder(o)
  o = o or {}
  o.in_flight = o.in_flight or function() return 0 end
  local self = recorders.new(o)
  self.started = 100
  return self
end

describe("smpp.load.recorder", function()
  it("has a row for each second, whose sums are the totals", function()
    local told = {}
    local self = recorder { on_second = function(row) told[#told + 1] = row end, rate_at = function() return 3 end }
    for i = 0, 9 do
      self:note_sent(100 + i / 4, 100 + i / 4, 0)
      self:note_answer(100 + i / 4 + 0.1, 100 + i / 4, 100 + i / 4, i == 3 and "ESME_RSYSERR" or "ESME_ROK", false)
    end
    self:note_unknown(104.5)
    local series = self:close(104.6)
    assert.equal(5, #series)
    assert.same({ 4, 4, 2, 0, 0 }, { series[1].sent, series[2].sent, series[3].sent, series[4].sent, series[5].sent })
    assert.equal(1, series[1].errors)
    assert.equal(1, series[5].errors)
    assert.equal(3, series[2].target)
    assert.near(0.1, series[1].p50, 1e-4)
    assert.is_nil(series[4].p50)
    assert.equal(5, #told)
    local figures = self:figures(4)
    assert.equal(10, figures.sent)
    assert.equal(9, figures.ok)
    assert.same({ ESME_ROK = 9, ESME_RSYSERR = 1 }, figures.statuses)
    assert.equal(2, figures.errors)
    assert.equal(10, figures.latency_s.count)
  end)

  it("measures the duration to the last due message's successor, or the last write", function()
    local self = recorder()
    for i = 0, 9 do self:note_sent(100 + i / 10, 100 + i / 10, 0) end
    assert.near(1, self:figures(10).duration_s, 1e-9)
    assert.near(10, self:figures(10).rate, 1e-9)
    local slow = recorder()
    for i = 0, 9 do slow:note_sent(100 + i / 5, 100 + i / 10, 0) end
    assert.near(1.8, slow:figures(10).duration_s, 1e-9)
    assert.near(10 / 1.8, slow:figures(10).rate, 1e-9)
  end)

  it("tells the generator's lateness from the peer's window", function()
    local self = recorder()
    self:note_sent(100.005, 100, 0)     -- a timer's tick
    self:note_sent(100.050, 100.01, 0)  -- the generator's fault
    self:note_sent(100.900, 100.02, 100.899) -- the window was full until just before
    self:note_sent(100.950, 100.03, 100.899) -- and then the generator was slow
    local figures = self:figures(100)
    assert.equal(2, figures.late.count)
    assert.near(0.051, figures.late.max_s, 1e-9)
    assert.equal(2, figures.waited.count)
    assert.near(0.92, figures.waited.max_s, 1e-9)
  end)
end)
