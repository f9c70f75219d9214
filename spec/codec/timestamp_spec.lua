local property = require "spec.support.property"
local timestamp = require "smpp.codec.timestamp"

local DAY_S = 86400

--- { field, Unix time, tenths, quarters }
local ABSOLUTE = {
  { "020610233429000+", 1023752069, 0, 0 },
  { "020610233429000-", 1023752069, 0, 0 },
  { "020610233429500+", 1023752069.5, 5, 0 },
  { "020610233429022+", 1023752069 - 22 * 900, 0, 22 }, -- India
  { "020610233429023+", 1023752069 - 23 * 900, 0, 23 }, -- Nepal
  { "020610233429020-", 1023752069 + 20 * 900, 0, -20 },
  { "000101000000000+", 946684800, 0, 0 },
  { "000229000000000+", 951782400, 0, 0 },
  { "240229000000048+", 1709164800 - 43200, 0, 48 },
  { "240229000000048-", 1709164800 + 43200, 0, -48 },
  { "991231235959900+", 4102444799.9, 9, 0 },
  { "380119031408000+", 2147483648, 0, 0 }, -- the first second beyond 31 bits
}

local INVALID = {
  "02061023342900+", "0206102334290000+", "0206102334290000++", "020610233429000", "x", "020610", "02061023342",
  "0206102334290", "02061x233429000+", "020610233429x00+", "0206102334290x0+", " 20610233429000+",
  "020610233429049+", "020610233429051+", "020610233429099-", "020610233429000 ", "020610233429000r", "020610233429000Z",
  "010229000000000+", "210229000000000+", "020431000000000+", "020600000000000+", "020001000000000+", "021301000000000+",
  "020610240000000+", "020610236000000+", "020610233460000+", "000000000000000+", "000000000000", "000000000000000-",
  "020610233429000+\0\0", "0206102334\0", "\0\0", "02061023342900\0+",
}

describe("smpp.codec.timestamp.parse", function()
  for _, row in ipairs(ABSOLUTE) do
    it("reads " .. row[1], function()
      local want = { kind = "absolute", unix = row[2], tenths = row[3], quarters = row[4] }
      assert.same(want, timestamp.parse(row[1]))
      assert.same(want, timestamp.parse(row[1] .. "\0"))
    end)
  end

  it("keeps whole Unix times whole", function()
    assert.equal("1023752069", tostring(timestamp.parse("020610233429000+").unix))
  end)

  it("reads the standard's relative time", function()
    local time = timestamp.parse "020610233429000R"
    assert.same({
      kind = "relative", years = 2, months = 6, rest_s = 10 * DAY_S + 84869,
      seconds = (2 * 365 + 6 * 30 + 10) * DAY_S + 84869,
    }, time)
    assert.equal("79572869", tostring(time.seconds))
  end)

  it("reads relative times at and beyond the printed ranges", function()
    assert.equal(0, timestamp.parse("000000000000000R").seconds)
    assert.equal(14 * DAY_S, timestamp.parse("000014000000000R").seconds)
    assert.equal(99 * DAY_S + 99 * 3600 + 99 * 60 + 99, timestamp.parse("000099999999000R").seconds)
    assert.equal(5, timestamp.parse("000000000005948R").seconds) -- tenths and offset mean nothing here
  end)

  it("reads fields of 0, 1, 12, 13, 16 and 17 octets and no others", function()
    local full = "020610233429000+\0"
    for octets = 0, 30 do
      local field = (full .. ("0"):rep(30)):sub(1, octets)
      if octets == 1 then field = "\0" elseif octets == 13 then field = "020610233429\0" end
      local time, err, code = timestamp.parse(field)
      if octets == 0 or octets == 1 then
        assert.same({ kind = "none" }, time)
      elseif octets == 12 or octets == 13 then
        assert.same({ kind = "absolute", unix = 1023752069, tenths = 0 }, time)
      elseif octets == 16 or octets == 17 then
        assert.equal(1023752069, time.unix)
      else
        assert.is_nil(time)
        assert.equal("bad_value", code)
        assert.matches("16 characters", err)
      end
    end
  end)

  it("takes the zone of the 12-character form from the caller", function()
    assert.equal(1023752069 - 7200, timestamp.parse("020610233429", { zone_s = 7200 }).unix)
    assert.equal(1023752069, timestamp.parse("020610233429000+", { zone_s = 7200 }).unix)
  end)

  it("refuses what is no time, strict and lenient", function()
    local lenient = { ["020610233429000r"] = true, ["020610233460000+"] = true, ["000000000000000+"] = true,
      ["000000000000"] = true, ["000000000000000-"] = true }
    for _, field in ipairs(INVALID) do
      local time, err, code = timestamp.parse(field)
      assert.is_nil(time, field)
      assert.equal("bad_value", code)
      assert.matches("^'[ -~]*': ", err)
      assert.equal(lenient[field] or false, timestamp.parse(field, { lenient = true }) ~= nil, field)
    end
  end)

  it("forgives in lenient mode", function()
    local lenient = { lenient = true }
    assert.equal("relative", timestamp.parse("000001000000000r", lenient).kind)
    assert.equal(1023752099, timestamp.parse("020610233460000+", lenient).unix)
    assert.same({ kind = "none" }, timestamp.parse("000000000000000+", lenient))
    assert.same({ kind = "none" }, timestamp.parse("000000000000", lenient))
    assert.equal("relative", timestamp.parse("000000000000000R", lenient).kind)
  end)

  it("puts two-digit years where the caller says", function()
    assert.equal(915148800, timestamp.parse("990101000000000+", { first_year = 1938 }).unix)
    assert.equal(2114380800, timestamp.parse("370101000000000+", { first_year = 1938 }).unix)
    assert.equal(-1009843200, timestamp.parse("380101000000000+", { first_year = 1938 }).unix)
    assert.equal(4070908800, timestamp.parse("990101000000000+").unix)
    assert.equal(1767225600, timestamp.parse("260101000000000+", { first_year = 1976 }).unix)
  end)

  it("raises on misuse", function()
    assert.has_error(function() timestamp.parse(12) end, "octets: expected a string, got number")
    assert.error_matches(function() timestamp.parse("", { zone = 1 }) end, "unknown option 'zone'")
  end)
end)

describe("smpp.codec.timestamp.format", function()
  it("writes back every absolute time", function()
    for _, row in ipairs(ABSOLUTE) do
      local text = timestamp.format(timestamp.parse(row[1]))
      assert.equal((row[1]:gsub("00%-$", "00+")), text)
    end
  end)

  it("writes in the zone asked for", function()
    assert.equal("020611050429022+", timestamp.absolute(1023752069, 22 * 900))
    assert.equal("020610183429020-", timestamp.absolute(1023752069, -5 * 3600))
    assert.equal("000101000000000+", timestamp.absolute(946684799.96))
    assert.equal("991231235959948-", timestamp.absolute(4102444799.9 + 43200, -43200))
  end)

  it("refuses years that two digits cannot name", function()
    for _, unix in ipairs { 946684799, 4102444800, -1e18, 1e18 } do
      local text, _, code = timestamp.absolute(unix)
      assert.is_nil(text)
      assert.equal("bad_value", code)
    end
    assert.equal("991231235959000+", timestamp.absolute(946684799, 0, 1938))
  end)

  it("writes periods in days, and in months only when asked", function()
    assert.equal("000014000000000R", timestamp.relative(14 * DAY_S))
    assert.equal("000000000001000R", timestamp.relative(0.2))
    assert.equal("000000000000000R", timestamp.relative(0))
    assert.equal("000031235959000R", timestamp.relative(32 * DAY_S - 1))
    assert.equal("000045000000000R", timestamp.relative(45 * DAY_S))
    assert.equal("000099235959000R", timestamp.relative(100 * DAY_S - 1))
    assert.equal("000031235959000R", timestamp.relative(32 * DAY_S - 1, { months = true }))
    assert.equal("000102000000000R", timestamp.relative(32 * DAY_S, { months = true }))
    assert.equal("020610233429000R", timestamp.relative((730 + 180 + 10) * DAY_S + 84869, { months = true }))
    local text, _, code = timestamp.relative(100 * DAY_S)
    assert.is_nil(text)
    assert.equal("too_long", code)
    assert.equal("too_long", select(3, timestamp.relative(100 * 365 * DAY_S, { months = true })))
    assert.equal("bad_value", select(3, timestamp.relative(-1)))
  end)

  it("writes what parse gave", function()
    assert.equal("", timestamp.format { kind = "none" })
    assert.equal("020610233429000R", timestamp.format(timestamp.parse "020610233429000R"))
    assert.equal("000002000000000R", timestamp.format { kind = "relative", seconds = 2 * DAY_S })
    assert.equal("bad_value", select(3, timestamp.format { kind = "relative", years = 100 }))
    assert.equal("bad_value", select(3, timestamp.format { kind = "relative", rest_s = -1 }))
    assert.has_error(function() timestamp.format { kind = "soon" } end)
    assert.has_error(function() timestamp.absolute(0 / 0) end)
    assert.has_error(function() timestamp.absolute(0, 100) end)
    assert.has_error(function() timestamp.absolute(0, 49 * 900) end)
  end)

  it("keeps any moment and period in a round trip", function()
    property.holds(2000, function(random, case)
      local unix = 946684800 + 43200 + random(2 ^ 31 - 50000) + random(10) / 10
      local zone_s = (random(97) - 49) * 900
      local text = timestamp.absolute(unix, zone_s)
      case.unix, case.zone_s, case.text = unix, zone_s, text
      local time = timestamp.parse(text)
      assert.is_true(math.abs(time.unix - unix) < 0.01, text)
      assert.equal(zone_s, time.quarters * 900, text)
      local seconds = random(3000 * DAY_S)
      case.seconds = seconds
      assert.equal(seconds, timestamp.parse(timestamp.relative(seconds, { months = true })).seconds)
    end, 20261121)
  end)

  it("agrees with the C library on days", function()
    property.holds(500, function(random, case)
      local unix = 946684800 + random(2 ^ 31)
      case.unix = unix
      assert.equal(os.date("!%y%m%d%H%M%S000+", unix), timestamp.absolute(unix))
    end, 7)
  end)
end)

describe("smpp.codec.timestamp.to_unix", function()
  it("takes what format takes", function()
    assert.equal(90, timestamp.to_unix({ kind = "relative", seconds = 89.5 }, 0))
    assert.equal(2678405, timestamp.to_unix({ kind = "relative", months = 1, rest_s = 5 }, 0))
    assert.equal(31536000, timestamp.to_unix({ kind = "relative", years = 1 }, 0))
    assert.is_nil(timestamp.to_unix({ kind = "none" }, 0))
  end)

  it("steps through the calendar", function()
    local function due(field, now) return timestamp.to_unix(timestamp.parse(field), timestamp.parse(now).unix) end
    local function at(field) return timestamp.parse(field).unix end
    assert.equal(at "270331000000000+", due("000001000000000R", "270330000000000+"))
    assert.equal(at "270228120000000+", due("000100000000000R", "270131120000000+"))
    assert.equal(at "280229120000000+", due("000100000000000R", "280131120000000+"))
    assert.equal(at "270228000000000+", due("010000000000000R", "260228000000000+"))
    assert.equal(at "290228000000000+", due("010000000000000R", "280229000000000+"))
    assert.equal(at "280101000005000+", due("000100000005000R", "271201000000000+"))
    assert.equal(at "350401000000000+", due("009900000000000R", "270101000000000+"))
    assert.equal(0.5 + at "270101000001000+", timestamp.to_unix(timestamp.parse "000000000001000R", 0.5 + at "270101000000000+"))
  end)

  it("leaves moments alone and knows when there is none", function()
    assert.equal(1023752069, timestamp.to_unix(timestamp.parse "020610233429000+", 5))
    assert.is_nil(timestamp.to_unix(timestamp.parse "", 5))
  end)
end)
