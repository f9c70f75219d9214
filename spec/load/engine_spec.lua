local async = require "spec.support.async"
local engines = require "smpp.load.engine"
local recorders = require "smpp.load.recorder"
local run = require "smpp.loop.run"
local schedules = require "smpp.load.schedule"
local singles = require "smpp.load.single"

local virtual = async.virtual

-- A session that answers after a delay, or as `answer` says.
local function session_of(loop, o)
  local self = { is_bound = true, reads = 0, sent = {}, full = false }
  function self:unsent() return self.full and 2 ^ 21 or 0 end
  function self:send(_, fields, flight)
    if o.refuse and o.refuse() then return nil, "closed", "closed" end
    self.sent[#self.sent + 1] = { at = loop:now(), to = fields.destination_addr }
    run.spawn(function()
      run.sleep(o.delay_s or 0.01)
      self.reads = self.reads + 1
      if o.answer then return o.answer(flight, #self.sent) end
      flight:outcome { message_id = "x" }
    end)
    return 1
  end
  return self
end

local SOURCE = { next = function(self)
  self.n = (self.n or 0) + 1
  return { { destination_addr = tostring(self.n) } }, false
end }

local function engine_of(loop, o)
  local recorder
  local engine
  recorder = recorders.new { closed = not o.rate, in_flight = function() return engine.open end }
  engine = engines.new {
    loop = loop, recorder = recorder, sender = singles.new(setmetatable({}, { __index = SOURCE }), 4), for_s = o.for_s, count = o.count,
    schedule = o.rate and schedules.new { rate = o.rate, for_s = o.for_s, count = o.count }, max_late_s = o.max_late_s or 60,
  }
  return engine, recorder
end

local function finish(engine)
  engine:wait()
  engine:drain(10, 0, function() return false end)
  engine.timer:close()
end

describe("smpp.load.engine", function()
  it("sends when messages are due, in turn over its links", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 10, count = 20 })
    local a, b = session_of(loop, {}), session_of(loop, {})
    engine:add { session = a, open = 0, limit = 5 }
    engine:add { session = b, open = 0, limit = 5 }
    engine:start()
    finish(engine)
    assert.equal(10, #a.sent)
    assert.equal(10, #b.sent)
    assert.near(0.2, a.sent[2].at - a.sent[1].at, 1e-6)
    assert.equal(20, recorder:figures(10).ok)
  end))

  it("sends over links as their weights say", virtual(function(loop)
    local engine = engine_of(loop, { rate = 100, count = 100 })
    local a, b = session_of(loop, {}), session_of(loop, {})
    engine:add { session = a, open = 0, limit = 50, weight = 0.9, credit = 0 }
    engine:add { session = b, open = 0, limit = 50, weight = 0.1, credit = 0 }
    engine:start()
    finish(engine)
    assert.equal(90, #a.sent)
    assert.equal(10, #b.sent)
  end))

  it("waits for a socket that is full, and blames the peer", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 100, count = 100 })
    local session = session_of(loop, {})
    engine:add { session = session, open = 0, limit = 1000 }
    run.spawn(function()
      run.sleep(0.3)
      session.full = true
      run.sleep(1)
      session.full = false
    end)
    engine:start()
    finish(engine)
    local figures = recorder:figures(100)
    assert.equal(100, figures.ok)
    assert.near(70, figures.waited.count, 2)
    assert.near(1, figures.waited.max_s, 0.02)
    assert.equal(0, figures.late.count)
  end))

  it("sends over another link what one does not take", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 10, count = 10 })
    local gone = false
    local a, b = session_of(loop, { refuse = function() return gone end }), session_of(loop, {})
    local link = { session = a, open = 0, limit = 5 }
    engine:add(link)
    engine:add { session = b, open = 0, limit = 5 }
    run.spawn(function()
      run.sleep(0.45)
      gone = true
    end)
    engine:start()
    finish(engine)
    assert.equal(10, recorder:figures(10).ok)
    assert.is_nil(link.session)
    assert.equal(10, #a.sent + #b.sent)
    assert.is_true(#b.sent > #a.sent)
  end))

  it("knows outcomes of every kind", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 10, count = 4 })
    engine:add { open = 0, limit = 9, session = session_of(loop, { answer = function(flight, n)
      if n == 1 then return flight:outcome { message_id = "1" } end
      if n == 2 then return flight:outcome(nil, "no", "ESME_RTHROTTLED", { status = "ESME_RTHROTTLED" }) end
      if n == 3 then return flight:outcome(nil, "no response in time", "timeout") end
      flight:outcome(nil, "malformed", "timeout", { status = "ESME_ROK" })
    end }) }
    engine:start()
    finish(engine)
    local figures = recorder:figures(10)
    assert.same({ ESME_ROK = 1, ESME_RTHROTTLED = 1 }, figures.statuses)
    assert.equal(2, figures.unknown)
    assert.equal(1, figures.throttled)
  end))

  it("counts what is still open at the end as unknown, and hears nothing of it afterwards", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 10, count = 3 })
    engine:add { open = 0, limit = 9, session = session_of(loop, { delay_s = 100 }) }
    engine:start()
    engine:wait()
    engine:drain(1, 0, function() return false end)
    engine.timer:close()
    assert.equal(3, recorder:figures(10).unknown)
    run.sleep(200)
    assert.equal(3, recorder:figures(10).unknown)
    assert.equal(0, recorder:figures(10).answered)
  end))

  it("changes its rate, and pauses, without a burst", virtual(function(loop)
    local engine, recorder = engine_of(loop, { rate = 10, for_s = 30 })
    local session = session_of(loop, {})
    engine:add { session = session, open = 0, limit = 100 }
    engine:start()
    local function sent_in(seconds)
      local before = #session.sent
      run.sleep(seconds)
      return #session.sent - before
    end
    assert.near(50, sent_in(5), 1)
    assert.equal(2, engine:change_rate(2))
    assert.near(100, sent_in(5), 2)
    engine:pause(true)
    assert.equal(0, sent_in(7))
    engine:pause(false)
    assert.near(20, sent_in(1), 2)
    assert.near(0.5, engine:change_rate(0.25), 1e-9)
    assert.near(50, sent_in(10), 2)
    finish(engine)
    assert.equal(300, recorder:figures(10).ok)
    assert.equal(0, recorder:figures(10).late.count)
    assert.is_true(recorder:figures(10).latency_s.max < 0.02)
  end))
end)
