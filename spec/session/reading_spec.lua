local readings = require "smpp.session.reading"

--- A transport that notes whether it is read from, with so many octets unsent.
local function transport()
  local self = { octets = 0, is_read = true, changes = 0 }
  local function set(is_read)
    return function()
      self.is_read, self.changes = is_read, self.changes + 1
    end
  end
  self.pause, self.resume = set(false), set(true)
  function self.pending() return self.octets end
  return self
end

describe("smpp.session.reading", function()
  it("stops for a peer that does not read, until three quarters have gone out; a bound one may leave more unread", function()
    for _, case in ipairs { { false, 4096 }, { true, 262144 } } do
      local t = transport()
      local reading = readings.new(t)
      reading:set_bound(case[1])
      t.octets = case[2]
      reading:written()
      assert.is_true(t.is_read)
      t.octets = case[2] + 1
      reading:written()
      reading:written()
      assert.is_false(t.is_read)
      t.octets = case[2] / 4 + 1
      reading:drained()
      assert.is_false(t.is_read)
      t.octets = case[2] / 4
      reading:drained()
      assert.is_true(t.is_read)
      assert.equal(2, t.changes)
    end
  end)

  it("goes on when the last reason to stop is gone", function()
    local t = transport()
    local reading = readings.new(t)
    reading:set_paused(true)
    reading:set_overloaded(true)
    t.octets = 5000
    reading:written()
    reading:set_paused(false)
    reading:set_overloaded(false)
    assert.is_false(t.is_read)
    t.octets = 0
    reading:drained()
    assert.same({ true, true, 2 }, { t.is_read, reading.is_on, t.changes })
  end)
end)
