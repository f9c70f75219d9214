-- Also the spec of the blocks of docs/bots.md about it.
local schedule = require "smpp.bot.schedule"
local shops = require "spec.support.shop"
local smpp = require "smpp"
local times = require "smpp.bot.times"

local START = 1735732800 -- Wednesday 2025-01-01 12:00 UTC
local function zero() return 0 end

local function dates(when, n, offset, from)
  local read = assert(schedule.read(when))
  local list, at = {}, from or START
  for i = 1, n do
    at = read.next(at, offset or zero)
    list[i] = os.date("!%a %d.%m. %H:%M", at)
  end
  return table.concat(list, ", ")
end

--- The turns, in seconds since the start, of a bot that has run for a time.
local function turns(when, o, time, act)
  local list = {}
  local shop = shops.new(nil, function(shop)
    shop:every(when, o or {}, function(due)
      list[#list + 1] = due - START
      if act then act(shop, #list) end
    end)
  end)
  local p = shop:test { number = "491761234567", errors = true }
  p:waits(time)
  return list, shop, p
end

describe("smpp.bot.schedule", function()
  it("finds the next time", function()
    assert.equal("Wed 01.01. 12:15, Wed 01.01. 13:15", dates("hour :15", 2))
    assert.equal("Thu 02.01. 09:00, Fri 03.01. 09:00", dates("day 09:00", 2))
    assert.equal("Thu 02.01. 08:00, Fri 03.01. 08:00", dates("day 09:00 +01:00", 2))
    assert.equal("Thu 02.01. 18:30, Mon 06.01. 18:30, Thu 09.01. 18:30", dates("mon,thu 18:30", 3))
    assert.equal("Thu 02.01. 08:00, Fri 03.01. 08:00, Mon 06.01. 08:00", dates("weekday 08:00 UTC", 3))
    assert.equal("Sat 01.02. 09:00, Sat 01.03. 09:00", dates("month 1 09:00", 2))
    assert.equal("Fri 31.01. 09:00, Mon 31.03. 09:00", dates("month 31 09:00", 2))
    assert.equal("Wed 01.01. 18:30", dates("day 00:00 +05:30", 1))
  end)

  it("runs once at a time that is twice, and at the next that exists for one that does not", function()
    -- to summer time at 02:00 on 2025-03-30 in Berlin, and back at 03:00 on 2025-10-26
    local first, last = times.days(2025, 3, 30) * 86400 + 3600, times.days(2025, 10, 26) * 86400 + 3600
    local function berlin(time) return time >= first and time < last and 7200 or 3600 end
    assert.equal("Sat 29.03. 01:30, Sun 30.03. 01:00, Mon 31.03. 00:30", dates("day 02:30", 3, berlin, first - 2 * 86400 + 3600))
    assert.equal("Sat 25.10. 00:30, Sun 26.10. 00:30, Mon 27.10. 01:30", dates("day 02:30", 3, berlin, last - 2 * 86400))
  end)

  it("raises at once for what cannot be read, at the caller's line", function()
    local shop = shops.new()
    for _, when in ipairs { "soon", "day 25:00", "day 9", "month 32 09:00", "tomorrow 09:00", "hour :60", "0 s", "day 09:00 Mars", "", "5" } do
      local ok, message = pcall(function() shop:every(when, function() end) end)
      assert.is_false(ok, when)
      assert.matches("schedule_spec.lua:%d+: every: expected", message)
    end
    assert.has_error(function() shop:every(5, function() end) end)
    assert.has_error(function() shop:every "1 h" end)
    assert.has_error(function() shop:every("1 h", { mised = "run" }, function() end) end)
    assert.has_error(function() shop:at("soon", function() end) end)
  end)

  it("runs without drift, with its due time", function()
    assert.same({ 90, 180, 270 }, turns("90 s", nil, "5 min"))
    assert.same({ 7200, 14400 }, turns("2 h", nil, "5 h"))
    assert.same({ 900, 4500 }, turns("hour :15", nil, "2 h"))
  end)

  it("skips the turns in which the last still runs, and logs that", function()
    local list, shop = turns("1 min", nil, "5 min", function() smpp.sleep(150) end)
    assert.same({ 60, 240 }, list)
    assert.equal(3, shops.count(shop, "skipped"))
  end)

  it("goes on after an error, which is logged", function()
    local list, shop = turns("1 min", nil, "3 min", function() error "oops" end)
    assert.same({ 60, 120, 180 }, list)
    assert.equal(3, shops.count(shop, "handler failed"))
  end)

  it("skips what was missed, or runs it once", function()
    for missed, expected in pairs { skip = { 60, 660 }, run = { 60, 600, 660 } } do
      local list, _, p = turns("1 min", { missed = missed }, "1 min")
      p.world.loop:leap(540 + 5)
      p:waits "1 min"
      if missed == "run" then assert.is_true(#list == 3, #list) end
      assert.same(expected[#expected], list[#list])
    end
  end)

  it("runs a turn that was missed while the bot did not run, where it is told so", function()
    local path, list = shops.path(), {}
    local function make(at)
      local shop = shops.new({ store = path }, function(shop)
        shop:every("day 09:00", { name = "report", missed = "run" }, function(due) list[#list + 1] = os.date("!%d. %H:%M", due) end)
      end)
      return shop:test { number = "491761234567", at = at }
    end
    make("2025-01-01 08:00 UTC"):waits "2 h"
    make "2025-01-02 08:00 UTC"
    make "2025-01-03 10:00 UTC"
    make "2025-01-03 11:00 UTC"
    assert.same({ "01. 09:00", "02. 09:00", "03. 09:00" }, list) -- the third was missed at 10:00, and not again at 11:00
    os.remove(path)
  end)

  it("runs once at a time, and not at one that is over", function()
    local list = {}
    local shop = shops.new(nil, function(shop)
      shop:at("2025-01-01 18:00 +01:00", function(due) list[#list + 1] = due end)
      shop:at(START + 60, function(due) list[#list + 1] = due end)
      shop:at("2024-12-31 18:00", function() list[#list + 1] = "over" end)
      shop:at("2024-12-31 18:00", { missed = "run" }, function() list[#list + 1] = "missed" end)
      shop:at(START + 120, function() end):cancel()
    end)
    local p = shop:test "491761234567"
    p:waits "1 d"
    assert.same({ "missed", START + 60, START + 5 * 3600 }, list)
    assert.equal(0, #shop.schedules)
  end)

  it("ends when it is cancelled, and begins at once in a running bot", function()
    local n, other = 0, 0
    local shop = shops.new()
    local one = shop:every("1 min", function() n = n + 1 end)
    local p = shop:test "491761234567"
    p:waits "2 min"
    one:cancel()
    shop:every("1 min", function() other = other + 1 end)
    p:waits "2 min"
    assert.same({ 2, 2 }, { n, other })
  end)
end)
