local times = require "smpp.bot.times"

local function zero() return 0 end
-- A zone that goes from +1 h to +2 h at 100 days, 01:00 UTC, and back 100 days later.
local CHANGE, BACK = 100 * 86400 + 3600, 200 * 86400 + 3600
local function summer(time) return time >= CHANGE and time < BACK and 7200 or 3600 end

describe("smpp.bot.times", function()
  it("counts days as the calendar does", function()
    assert.same({ 0, 11016, 20089 }, { times.days(1970, 1, 1), times.days(2000, 2, 29), times.days(2025, 1, 1) })
    for _, days in ipairs { 0, 59, 60, 11016, 20089, 24855 } do assert.equal(days, times.days(times.date(days))) end
  end)

  it("reads moments", function()
    assert.equal(1798131600, times.moment("2026-12-24 18:00 +01:00", zero))
    assert.equal(1798135200, times.moment("2026-12-24 18:00 UTC", zero))
    assert.equal(1798135200, times.moment("2026-12-24 18:00", zero))
    assert.equal(5, times.moment(5, zero))
    for _, word in ipairs { "tomorrow", "2026-02-30 10:00", "2026-12-24 25:00", "2026-12-24 18:00 Mars", true } do
      assert.is_nil((times.moment(word, zero)))
      assert.matches("expected", select(2, times.moment(word, zero)))
    end
  end)

  it("finds the moment of a local time: what there is not is the next, what is twice is the first", function()
    assert.equal(CHANGE - 3600 * 2, times.of_local(100 * 86400, summer))
    assert.equal(CHANGE, times.of_local(100 * 86400 + 2 * 3600 + 1800, summer)) -- 02:30 does not exist
    assert.equal(BACK - 1800, times.of_local(200 * 86400 + 2 * 3600 + 1800, summer)) -- 02:30, the first
  end)

  it("reads hours, and knows when they are over", function()
    local night = assert(times.hours "21:00-08:00 +01:00")
    local day = 86400 * 20000
    assert.equal(day + 7 * 3600, times.quiet_until({ night }, day + 3 * 3600, zero)) -- 04:00 there
    assert.equal(day + 31 * 3600, times.quiet_until({ night }, day + 20 * 3600, zero))
    assert.is_nil(times.quiet_until({ night }, day + 7 * 3600, zero))
    assert.is_nil(times.quiet_until({ night }, day + 19 * 3600 + 3599, zero))
    assert.equal(day + 14 * 3600, times.quiet_until({ times.hours "13:00-14:00" }, day + 13 * 3600, zero))
    for _, word in ipairs { "21-8", "21:00", "25:00-08:00", "08:00-08:00", "21:00-08:00 Mars", 5 } do assert.is_nil((times.hours(word))) end
  end)

  it("reads times of waiting", function()
    assert.same({ 90, 600, 7200, 86400, 5, 1.5 }, {
      times.seconds "90 s", times.seconds "10 min", times.seconds "2h", times.seconds "1 d", times.seconds "5", times.seconds(1.5),
    })
    for _, word in ipairs { "soon", "10 parsec", "", -1, true } do assert.is_nil(times.seconds(word)) end
  end)

  it("knows the offset of local time here", function() assert.equal(0, times.local_offset(1735732800) % 60) end)
end)
