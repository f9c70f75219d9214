local backoff = require "smpp.base.backoff"

describe("smpp.base.backoff", function()
  it("doubles from the shortest to the longest", function()
    local delays = {}
    for n = 1, 7 do delays[n] = backoff.delay_s(n) end
    assert.same({ 1, 2, 4, 8, 16, 30, 30 }, delays)
    assert.equal(30, backoff.delay_s(1e9))
    assert.same({ 0.5, 2, 2 }, { backoff.delay_s(1, 0.5, 2), backoff.delay_s(3, 0.5, 2), backoff.delay_s(4, 0.5, 2) })
  end)

  it("starts no second pause within one, and begins anew after a success", function()
    local b = backoff.new()
    assert.is_false(b:is_active(0))
    assert.equal(1, b:start(10))
    assert.is_nil(b:start(10.9))
    assert.is_true(b:is_active(10.9))
    assert.is_false(b:is_active(11))
    assert.equal(2, b:start(11))
    assert.equal(4, b:start(13))
    b:recovered()
    assert.is_true(b:is_active(16)) -- the pause itself goes on
    assert.equal(1, b:start(17))
    b:finish()
    assert.is_nil(b:start(20, 17)) -- it was on its way when the pause of 17 to 18 began
    assert.equal(2, b:start(20, 18.5))
    b:clear()
    assert.is_false(b:is_active(17))
  end)
end)
