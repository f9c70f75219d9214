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
      local session = { transport = t, is_bound = case[1], reading = false }
      t.octets = case[2]
      readings.written(session)
      assert.is_true(t.is_read)
      t.octets = case[2] + 1
      readings.written(session)
      readings.written(session)
      assert.is_false(t.is_read)
      t.octets = case[2] / 4 + 1
      t.on_drain()
      assert.is_false(t.is_read)
      t.octets = case[2] / 4
      t.on_drain()
      assert.is_true(t.is_read)
      assert.equal(2, t.changes)
    end
  end)

  it("goes on when the last reason to stop is gone", function()
    local t = transport()
    local session = { transport = t, is_bound = false, reading = false }
    local reading = readings.of(session)
    reading:set_paused(true)
    reading:set_overloaded(true)
    t.octets = 5000
    readings.written(session)
    reading:set_paused(false)
    reading:set_overloaded(false)
    assert.is_false(t.is_read)
    t.octets = 0
    t.on_drain()
    assert.same({ true, true, 2 }, { t.is_read, reading.is_on, t.changes })
  end)
end)
