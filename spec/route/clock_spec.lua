local clock = require "smpp.route.clock"

describe("smpp.route.clock", function()
  it("reads spans and zones", function()
    assert.same({ 1200, 480 }, { clock.span "20:00-08:00" })
    assert.same({ 0, 1440 }, { clock.span " 0:00 - 24:00 " })
    for _, wrong in ipairs { "", "20-08", "25:00-01:00", "20:60-21:00", "24:01-25:00", "08:00-08:00", 5 } do assert.is_nil(clock.span(wrong)) end
    assert.equal(3600, clock.zone "+01:00")
    assert.equal(-19800, clock.zone "-0530")
    assert.equal(0, clock.zone "UTC")
    for _, wrong in ipairs { "1", "+1", "Berlin", "+24:01" } do assert.is_nil(clock.zone(wrong)) end
  end)

  it("knows the minute and the day of a zone", function()
    assert.same({ 0, 4 }, { clock.at(0, 0) })
    assert.same({ 1380, 3 }, { clock.at(0, -3600) })
    assert.same({ 60, 5 }, { clock.at(86400, 3600) })
    local t = os.date("*t", 1700000000)
    assert.same({ t.hour * 60 + t.min, t.wday - 1 }, { clock.at(1700000000) })
    assert.same({ clock.at(1700000000) }, { clock.at(1700000001) })
  end)

  it("has spans that go past midnight, and end before their last minute", function()
    assert.is_true(clock.is_in(1200, 1200, 480))
    assert.is_true(clock.is_in(479, 1200, 480))
    assert.is_false(clock.is_in(480, 1200, 480))
    assert.is_true(clock.is_in(10, 10, 11))
    assert.is_false(clock.is_in(11, 10, 11))
  end)
end)
