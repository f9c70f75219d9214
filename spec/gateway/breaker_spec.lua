local breakers = require "smpp.gateway.breaker"

describe("smpp.gateway.breaker", function()
  local function new() return breakers.new { failures = 3, within_s = 10, open_s = 30 } end

  it("opens after so many failures in a time", function()
    local b = new()
    assert.is_false(b:failure(0))
    assert.is_false(b:failure(5))
    assert.is_false(b:failure(11)) -- the first is too long ago
    assert.is_true(b:allows(11))
    assert.is_true(b:failure(12))
    assert.is_false(b:allows(12))
    assert.equal("open", b.state)
  end)

  it("is not opened by failures with a success between them", function()
    local b = new()
    b:failure(0)
    b:failure(0)
    assert.is_false(b:success())
    assert.is_false(b:failure(0))
    assert.is_true(b:allows(0))
  end)

  it("lets one probe through when it has been open long enough", function()
    local b = new()
    for _ = 1, 3 do b:failure(0) end
    assert.is_false(b:allows(29))
    assert.is_true(b:allows(30))
    b:begin()
    assert.same({ "half_open", false }, { b.state, b:allows(31) })
    assert.is_false(b:failure(35))
    assert.same({ "open", false, true }, { b.state, b:allows(64), b:allows(65) })
    b:begin()
    assert.is_true(b:success())
    assert.same({ "closed", true }, { b.state, b:allows(66) })
  end)

  it("tries another probe when one says nothing", function()
    local b = new()
    for _ = 1, 3 do b:failure(0) end
    b:begin()
    b:undecided()
    assert.is_true(b:allows(30))
    b:undecided()
    assert.equal("open", b.state)
  end)

  it("is not kept open longer by messages that were sent before it opened", function()
    local b = new()
    for _ = 1, 3 do b:failure(0) end
    assert.is_false(b:failure(20))
    assert.is_true(b:allows(30))
  end)
end)
