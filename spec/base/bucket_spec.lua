local bucket = require "smpp.base.bucket"

describe("smpp.base.bucket", function()
  it("lets a burst pass, then tells how long until the next token", function()
    local b = bucket.new(10, 3, 100)
    for _ = 1, 3 do assert.equal(0, b:take(100)) end
    assert.near(0.1, b:take(100), 1e-9)
    assert.near(0.05, b:take(100.05), 1e-9)
    assert.equal(0, b:take(100.1))
    assert.is_true(b:take(100.1) > 0)
  end)

  it("fills up to the burst and no further", function()
    local b = bucket.new(10, 2, 0)
    assert.equal(0, b:take(1000))
    assert.equal(0, b:take(1000))
    assert.near(0.1, b:take(1000), 1e-9)
  end)

  it("has a burst of one second's worth unless told, and of one token at least", function()
    local b = bucket.new(5, nil, 0)
    for _ = 1, 5 do assert.equal(0, b:take(0)) end
    assert.is_true(b:take(0) > 0)
    local slow = bucket.new(0.1, nil, 0)
    assert.equal(0, slow:take(0))
    assert.near(10, slow:take(0), 1e-9)
  end)

  it("passes exactly its rate over an hour, however the steps are rounded", function()
    local b, taken, now = bucket.new(3, 1, 0), 0, 0
    while now < 3600 do
      local wait = b:take(now)
      if wait == 0 then taken = taken + 1 else now = now + wait end
    end
    assert.is_true(math.abs(taken - 3 * 3600) <= 1, taken)
  end)

  it("paces: one at a time, and makes up for a timer that was late, not for a pause", function()
    local b = bucket.paced(100, nil, 0)
    assert.equal(0, b:take(0))
    assert.near(0.01, b:take(0), 1e-9)
    assert.equal(0, b:take(0.012))         -- 2 ms late
    assert.near(0.008, b:take(0.012), 1e-9)
    assert.equal(0, b:take(5))             -- a pause: no token was saved
    assert.near(0.01, b:take(5), 1e-9)
    local fast, n = bucket.paced(2000, nil, 0), 0
    for ms = 0, 999 do
      while fast:take(ms / 1000) == 0 do n = n + 1 end
    end
    assert.is_true(n >= 1998 and n <= 2000, n)
    local unlimited = bucket.paced(math.huge, nil, 0)
    for _ = 1, 1000 do assert.equal(0, unlimited:take(0)) end
  end)

  it("holds a burst after a pause, unless it was drained", function()
    local b = bucket.paced(10, 3, 0)
    for _ = 1, 3 do assert.equal(0, b:take(7)) end
    assert.near(0.1, b:take(7), 1e-9)
    b:drain(20)
    assert.equal(0, b:take(20))
    assert.near(0.1, b:take(20), 1e-9)
  end)

  it("changes its rate", function()
    local b = bucket.paced(10, nil, 0)
    b:take(0)
    b:set_rate(2)
    assert.near(0.1, b:take(0), 1e-9)
    assert.equal(0, b:take(0.1))
    assert.near(0.5, b:take(0.1), 1e-9)
  end)

  it("takes a token back", function()
    local b = bucket.new(1, 1, 0)
    assert.equal(0, b:take(0))
    b:give_back()
    assert.equal(0, b:take(0))
    assert.equal(1, b:take(0)) -- one was given back, not two
    b = bucket.new(1, 3, 0)
    b:take(0)
    b:take(0)
    b:give_back()
    assert.same({ 0, 0, 1 }, { b:take(0), b:take(0), b:take(0) })
  end)
end)
