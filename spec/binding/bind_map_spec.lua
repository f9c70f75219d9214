local few = require "spec.support.few"
local property = require "spec.support.property"
local map = require "smpp.core".map

describe("bind_map", function()
  it("puts, gets, replaces and deletes octets and whole numbers", function()
    local m = map.new()
    local values = { "", "x", "a\0b", ("y"):rep(4096), 0, 1, -1, 2147483648, -2147483649, 9007199254740991 }
    for i, value in ipairs(values) do assert.is_true(m:put("k\0" .. i, value, i)) end
    assert.equal(#values, m:count())
    for i, value in ipairs(values) do
      local got, since = m:get("k\0" .. i)
      assert.equal(value, got)
      assert.equal(tostring(value), tostring(got)) -- 3, not 3.0
      assert.equal(i, since)
    end
    assert.is_nil(m:get "k\0" and true)
    m:put("k\0" .. 1, 7, 99)
    m:put("k\0" .. 5, "longer than it was", 99)
    assert.equal(7, (m:get "k\0001"))
    assert.equal("longer than it was", (m:get "k\0005"))
    assert.equal(1, select(2, m:get "k\0001")) -- keeps its age
    assert.is_true(m:delete "k\0001")
    assert.is_false(m:delete "k\0001")
    assert.equal(#values - 1, m:count())
    assert.same({ "a\0b", 3 }, { m:take "k\0003" })
    assert.same({}, { m:take "k\0003" })
    assert.same({ -1, #values - 3 }, { m:take "k\0007", m:count() })
    m:put("", "empty key", 0)
    assert.equal("empty key", (m:get ""))
  end)

  it("expires in the order of arrival", function()
    local m = map.new(0, 10)
    assert.is_nil(m:next_expiry())
    for i = 1, 5 do m:put("k" .. i, i, 100 + i) end
    m:put("k1", "again", 109) -- neither younger nor later
    m:delete "k3"
    assert.equal(111, m:next_expiry())
    assert.is_nil((m:expire(110.9)))
    local function expire(now)
      local list = {}
      while true do
        local key, value, since = m:expire(now)
        if not key then return list end
        list[#list + 1] = key .. "=" .. value .. "@" .. math.floor(since)
      end
    end
    assert.same({ "k1=again@101", "k2=2@102" }, expire(113))
    assert.same({ "k4=4@104", "k5=5@105" }, expire(math.huge))
    assert.equal(0, m:count())
    m:put("last", 1, 0)
    assert.equal(10, m:next_expiry())
    assert.is_nil(map.new():expire(math.huge))
    local forever = map.new()
    forever:put("a", 1, 0)
    assert.is_nil(forever:next_expiry())
    assert.is_nil((forever:expire(1e300)))
  end)

  it("keeps to its limit", function()
    local m = map.new(3)
    for i = 1, 3 do assert.is_true(m:put("k" .. i, i, 0)) end
    assert.is_false(m:put("k4", 4, 0))
    assert.is_nil((m:get "k4"))
    assert.is_true(m:put("k3", "replaced", 0))
    m:delete "k1"
    assert.is_true(m:put("k4", 4, 0))
    assert.equal(3, m:count())
  end)

  it("refuses what is no key or value", function()
    local m = map.new()
    assert.same({ "too_long" }, { select(3, m:put(("k"):rep(4097), 1, 0)) })
    assert.same({ "too_long" }, { select(3, m:put("k", ("v"):rep(4097), 0)) })
    assert.equal(0, m:count())
    for _, value in ipairs { 0.5, 9007199254740992, 1e300, 0 / 0, true, {} } do
      assert.has_error(function() m:put("k", value, 0) end)
    end
    assert.has_error(function() m:put("k", 1) end)
    assert.has_error(function() m:put("k", 1, 0 / 0) end)
    assert.has_error(function() m:expire(0 / 0) end)
    assert.has_error(function() m:get {} end)
    assert.has_error(function() map.new(-1) end)
    assert.has_error(function() map.new(0, -1) end)
    assert.has_error(function() m.get(io.stdout, "k") end)
  end)

  it("gives memory back", function()
    local m = map.new()
    assert.equal(0, m:memory())
    for i = 1, 5000 do m:put("key " .. i, "value", 0) end
    local full = m:memory()
    assert.is_true(full > 5000 * 40 and full < 5000 * 90, full)
    for i = 1, 5000 do m:put("key " .. i, "values", 0) end
    assert.equal(full, m:memory()) -- octets are counted in steps of 8 for each
    for i = 1, 5000 do m:put("key " .. i, "a value that is much longer", 0) end
    local more = m:memory()
    assert.is_true(more >= full + 5000 * 16 and more < full + 5000 * 16 + 70000, more)
    for i = 1, 5000 do assert.equal("a value that is much longer", (m:get("key " .. i))) end
    for i = 1, 5000 do
      if i % 100 ~= 0 then m:delete("key " .. i) end
    end
    assert.is_true(m:memory() < more / 10, m:memory()) -- wherever the few are that stay
    for i = 100, 5000, 100 do assert.equal("a value that is much longer", (m:take("key " .. i))) end
    assert.is_true(m:memory() <= 256, m:memory())
    m:put("a", 1, 0)
    m:clear()
    assert.same({ 0, 0 }, { m:count(), m:memory() })
    m:put("a", 1, 0)
    assert.equal(1, (m:get "a"))
  end)

  it("hashes by its seed", function()
    for _, seed in ipairs { "", "12345678", "\255\255\255\255\255\255\255\255", "a longer seed than it takes" } do
      local m = map.new(0, 1, seed)
      for i = 1, 500 do m:put("k" .. i, i, 0) end
      for i = 1, 500 do assert.equal(i, (m:get("k" .. i))) end
    end
  end)

  it("agrees with a Lua table whatever comes", function()
    property.holds(few(40, 15), function(random, case)
      local ttl_s = random(40)
      local m, model, order, first, now, count = map.new(0, ttl_s), {}, {}, 1, 0, 0
      local space = 3 ^ random(8)
      case.ttl_s = ttl_s
      local function put(key, value)
        if not model[key] then
          order[#order + 1], count = key, count + 1
          model[key] = { since = now, place = #order }
        end
        model[key].value = value
        assert.is_true(m:put(key, value, now))
      end
      case.crowd = random(3) == 1 and random(4000) or 0 -- the table grows by segments
      for i = 1, case.crowd do put("k" .. random(6561), i) end
      for i = 1, random(1500) do
        local what, key = random(10), "k" .. random(space)
        now = now + random(3) - 1
        case[i] = { what = what, key = key, now = now }
        if what <= 5 then
          put(key, random(2) == 1 and random(1000) or ("v"):rep(random(60)))
        elseif what <= 8 then
          assert.equal(model[key] ~= nil, m:delete(key))
          count = model[key] and count - 1 or count
          model[key] = nil
        elseif what == 9 then
          assert.same(model[key] and { model[key].value, model[key].since } or {}, { m:get(key) })
        else
          while first <= #order do
            local oldest = order[first]
            local entry = model[oldest]
            if entry and entry.place == first then
              if entry.since + ttl_s > now then break end
              assert.same({ oldest, entry.value, entry.since }, { m:expire(now) })
              model[oldest], count = nil, count - 1
            end
            first = first + 1
          end
          assert.is_nil((m:expire(now)))
        end
        assert.equal(count, m:count())
      end
      for key, entry in pairs(model) do assert.same({ entry.value, entry.since }, { m:get(key) }) end
      for key in pairs(model) do assert.is_true(m:delete(key)) end
      assert.is_true(m:count() == 0 and m:memory() <= 512)
    end, 31)
  end)
end)

describe("bind_map: the mark of a message", function()
  local codec = require "smpp.codec"
  local core = require "smpp.core"
  local KEY = ("k"):rep(16)

  local function view(fields)
    fields.command = fields.command or "submit_sm"
    return codec.decode(assert(codec.encode(fields)))
  end

  local function mark(pdu, address, octets, key) return ("%.0f %d"):format(core.map.mark(pdu, address, octets, key or KEY)) end

  it("is that of its address and text, wherever the text is", function()
    local one = view { destination_addr = "491761", short_message = "Hello" }
    assert.equal(mark(one, "491761"), mark(view { destination_addr = "4", source_addr = "Shop", short_message = "Hello" }, "491761"))
    assert.equal(mark(one, "491761"), mark(view { message_payload = "Hello" }, "491761"))
    assert.equal(mark(one, "491761"), mark(view { command = "data_sm", message_payload = "Hello" }, "491761"))
    assert.equal(mark(one, "491761"), mark(view { short_message = "other" }, "491761", "Hello"))
    assert.equal(mark(view {}, ""), mark(view { command = "data_sm" }, "", ""))
    local seen, count = {}, 0
    for _, address in ipairs { "491761", "491762", "" } do
      for _, octets in ipairs { "Hello", "hello", "", ("x"):rep(60000), ("x"):rep(60001) } do
        for _, key in ipairs { KEY, ("l"):rep(16) } do
          local found = mark(one, address, octets, key)
          assert.is_nil(seen[found])
          seen[found], count = true, count + 1
        end
      end
    end
    assert.equal(30, count)
  end)

  it("is spread over its range", function()
    local low, high, places, text = math.huge, 0, {}, view { short_message = "Hello" }
    for i = 1, 2000 do
      local number, place = core.map.mark(text, tostring(i), nil, KEY)
      assert.equal(0, number % 1)
      low, high = math.min(low, number), math.max(high, number)
      places[math.floor(place / 4096)] = true
    end
    assert.is_true(low >= 0 and low < 2 ^ 45 and high < 2 ^ 52 and high > 2 ^ 52 - 2 ^ 45)
    for i = 0, 15 do assert.is_true(places[i], i) end
  end)

  it("takes nothing else", function()
    local one = view { short_message = "x" }
    assert.has_error(function() core.map.mark({}, "1", nil, KEY) end)
    assert.has_error(function() core.map.mark(one, nil, nil, KEY) end)
    assert.has_error(function() core.map.mark(one, "1", {}, KEY) end)
    assert.has_error(function() core.map.mark(one, "1", nil, "short") end)
  end)
end)
