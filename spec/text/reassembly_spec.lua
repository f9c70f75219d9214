local property = require "spec.support.property"
local reassembly = require "smpp.text.reassembly"

local function part(seq, total, o)
  local p = {
    account = "acme", source = { addr = "491701", ton = 1, npi = 1 }, destination = { addr = "5000", ton = 3, npi = 0 },
    reference = 7, width = 8, total = total, seq = seq, octets = "<" .. seq .. ">", data_coding = 0,
  }
  for key, value in pairs(o or {}) do p[key] = value end
  return p
end

local function joined(set)
  local list = {}
  for i, run in ipairs(reassembly.join(set)) do list[i] = run.octets end
  return table.concat(list, "|")
end

local function orders(n)
  if n == 1 then return { { 1 } } end
  local list = {}
  for _, order in ipairs(orders(n - 1)) do
    for at = 1, n do
      local copy = {}
      for i, seq in ipairs(order) do copy[i] = seq end
      table.insert(copy, at, n)
      list[#list + 1] = copy
    end
  end
  return list
end

describe("smpp.text.reassembly", function()
  it("joins parts in any order, whatever carries the reference", function()
    for _, width in ipairs { 8, 16, "sar" } do
      for _, order in ipairs(orders(4)) do
        local r = reassembly.new()
        for i, seq in ipairs(order) do
          local what, set = r:add(part(seq, 4, { width = width }), i)
          assert.equal(i < 4 and "stored" or "complete", what)
          if i == 4 then
            assert.equal("<1><2><3><4>", joined(set))
            assert.same({ "acme", "491701", "5000", 7, width, 4, 12, 1, {} }, { set.account, set.source.addr, set.destination.addr,
              set.reference, set.width, set.total, set.octets, set.started, set.missing })
          end
        end
        assert.same({ 0, 0 }, { r.sets, r.open_octets })
        assert.equal(4 + 86400, r:next_expiry()) -- it is remembered
        assert.same({}, r:expire(4 + 86400))
        assert.same({ 0, nil }, { r.octets, r:next_expiry() })
      end
    end
  end)

  it("hands on what is no part", function()
    local r = reassembly.new()
    for _, p in ipairs { part(0, 3), part(4, 3), part(1, 0), part(-1, 3), part(1, 256), part(256, 256) } do
      assert.equal("single", r:add(p, 0))
    end
    local plain = part(1, 1)
    plain.reference, plain.total, plain.seq = nil, nil, nil
    assert.equal("single", r:add(plain, 0))
    assert.equal(0, r.sets)
  end)

  it("completes a message of one part, and of 255", function()
    local r = reassembly.new()
    assert.equal("complete", (r:add(part(1, 1), 0)))
    for seq = 255, 2, -1 do assert.equal("stored", (r:add(part(seq, 255), 0))) end
    local what, set = r:add(part(1, 255), 0)
    assert.equal("complete", what)
    assert.equal(255, #set.parts)
  end)

  it("keeps apart what differs in any of the key", function()
    local others = {
      { account = "other" }, { account = 1 }, { account = "1" }, { source = { addr = "491702", ton = 1, npi = 1 } },
      { source = { addr = "491701", ton = 0, npi = 1 } }, { source = { addr = "491701", ton = 1, npi = 0 } },
      { destination = { addr = "5001", ton = 3, npi = 0 } }, { destination = { addr = "5000", ton = 0, npi = 0 } },
      { destination = { addr = "5000", ton = 3, npi = 1 } }, { reference = 8 }, { width = 16 }, { width = "sar" },
      { account = "a", source = { addr = "x1/1/y", ton = 1, npi = 1 } }, { account = "a1/1/x", source = { addr = "y", ton = 1, npi = 1 } },
    }
    local r = reassembly.new()
    assert.equal("stored", (r:add(part(1, 2), 0)))
    for i, o in ipairs(others) do
      assert.equal("stored", (r:add(part(2, 2, o), 0)), i)
      assert.equal(i + 1, r.sets)
    end
    for i, o in ipairs(others) do assert.equal("complete", (r:add(part(1, 2, o), 0)), i) end
    assert.equal("stored", (r:add(part(1, 3), 0))) -- a contradicting total is another message
    assert.equal("complete", (r:add(part(2, 2), 0)))
    assert.equal(1, r.sets)
  end)

  it("swallows duplicates and starts anew when a reference is used again", function()
    local r = reassembly.new()
    assert.same({ "stored" }, { r:add(part(1, 2), 0) })
    assert.same({ "stored", "duplicate" }, { r:add(part(1, 2), 1) })
    assert.is_nil(r:expire(1)[1])
    for i, o in ipairs { { octets = "new" }, { octets = "new", data_coding = 8 }, { octets = "new", data_coding = 8, single = 1 } } do
      assert.same({ "stored", "replaced" }, { r:add(part(1, 2, o), 1 + i) })
      assert.equal(1, r.sets)
    end
    local what, set = r:add(part(2, 2), 5)
    assert.equal("complete", what)
    assert.equal("new|<2>", joined(set))
    local given_up = r:expire(5)
    assert.equal(3, #given_up)
    assert.equal("replaced", given_up[1].reason)
    assert.equal("<1>", given_up[1].parts[1].octets)
    assert.same({ 2 }, given_up[1].missing)
    assert.same({}, r:expire(5))
  end)

  it("reports what stays incomplete, oldest first, with the parts it has", function()
    local r = reassembly.new { max_age_s = 10 }
    r:add(part(2, 3), 100)
    r:add(part(1, 2, { reference = 8 }), 103)
    r:add(part(3, 3), 105) -- age counts from the first part
    assert.equal(110, r:next_expiry())
    assert.same({}, r:expire(109.9))
    local list = r:expire(110)
    assert.equal(1, #list)
    assert.same({ 1 }, list[1].missing)
    assert.equal("age", list[1].reason)
    assert.equal("<2><3>", joined(list[1]))
    assert.equal(100, list[1].started)
    assert.equal(113, r:next_expiry())
    assert.equal(1, #r:expire(1000))
    assert.same({ 0, 0 }, { r.sets, r.octets })
    assert.is_nil(next(r.senders))
  end)

  it("does not complete with parts that are too old", function()
    local r = reassembly.new { max_age_s = 10 }
    r:add(part(1, 2), 0)
    assert.equal("stored", (r:add(part(2, 2), 10)))
    assert.equal(0, r:next_expiry())
    assert.same({ 2 }, r:expire(10)[1].missing)
    assert.equal("complete", (r:add(part(1, 2), 11)))
  end)

  it("bounds sets, a sender's sets, and octets", function()
    local r = reassembly.new { max_sets = 5, max_sets_per_sender = 3 }
    for reference = 1, 4 do r:add(part(1, 2, { reference = reference }), reference) end
    assert.equal(3, r.sets)
    for reference = 1, 4 do r:add(part(1, 2, { reference = reference, account = "b" }), 5) end
    assert.equal(5, r.sets)
    local list = r:expire(5)
    assert.same({ "acme", 1, "acme", 2, "b", 1 }, { list[1].account, list[1].reference, list[2].account, list[2].reference,
      list[3].account, list[3].reference })
    assert.equal("limit", list[3].reason)

    r = reassembly.new { max_octets = 6000 } -- a part counts 2048 beside its octets, a set 1024
    assert.equal("stored", (r:add(part(1, 3, { octets = ("x"):rep(300) }), 0)))
    assert.equal(1024 + 2048 + 300, r.octets)
    assert.equal("stored", (r:add(part(1, 3, { reference = 9, octets = ("x"):rep(200), size = 100 }), 1)))
    assert.same({ 1, 1024 + 2048 + 300 }, { r.sets, r.octets })
    assert.equal(7, r:expire(1)[1].reference)
    assert.equal("stored", (r:add(part(2, 3, { reference = 9, octets = ("x"):rep(300), size = 600 }), 1)))
    assert.same({ 0, 0 }, { r.sets, r.octets })
    assert.same({ 3 }, r:expire(1)[1].missing)
    assert.same({ "too_long" }, { select(3, r:add(part(1, 2, { octets = ("x"):rep(6000 - 1024 - 2048 + 1) }), 2)) })
    assert.equal("stored", (r:add(part(1, 2, { octets = ("x"):rep(6000 - 1024 - 2048) }), 2)))
  end)

  it("does not pile up what nobody asks for", function()
    local r = reassembly.new { max_sets = 2, max_octets = 200000 }
    for reference = 1, 1000 do r:add(part(1, 2, { reference = reference }), 0) end
    local list = r:expire(0)
    assert.equal(math.floor(50000 / (1024 + 2048 + 3 + 16)), #list)
    assert.equal(998, list[#list].reference)
    assert.equal(998 - #list, r.lost)
  end)

  it("counts what it holds", function()
    local function grown(make, count, o)
      collectgarbage()
      collectgarbage()
      local before, r = collectgarbage "count", reassembly.new(o)
      for i = 1, count do
        local what, set = r:add(make(i), i / 1000)
        if what == "complete" and i % 2 == 0 then r:settle(set, true, i / 1000) end
      end
      collectgarbage()
      collectgarbage()
      return (collectgarbage "count" - before) * 1024, r.octets + r.given_up_octets
    end
    for _, make in ipairs {
      function(i) return part(1, 2, { source = { addr = tostring(i), ton = 1, npi = 1 } }) end,
      function(i) return part(i % 255 + 1, 255, { source = { addr = tostring(math.floor(i / 255)), ton = 1, npi = 1 }, octets = tostring(i) }) end,
      function(i) return part(1, 255, { octets = tostring(i) }) end,
      function(i) return part(1, 1, { octets = tostring(i) .. ("x"):rep(100) }) end,
    } do
      for _, max_octets in ipairs { 1e9, 1e6 } do
        local held, counted = grown(make, 3000, { max_octets = max_octets })
        assert.is_true(held < counted * 1.2 + 100000, held .. " held, " .. counted .. " counted")
        assert.is_true(counted <= max_octets * 1.25)
      end
    end
  end)

  it("joins only what may be decoded together", function()
    local function runs(list)
      local r = reassembly.new()
      local _, set
      for i, o in ipairs(list) do _, set = r:add(part(i, #list, o), 0) end
      local out = {}
      for i, run in ipairs(reassembly.join(set)) do
        out[i] = ("%s:%s:%s:%s:%d-%d"):format(run.octets, run.data_coding, run.locking or 0, run.single or 0, run.first, run.last)
      end
      return out
    end
    assert.same({ "<1><2><3>:0:0:0:1-3" }, runs { {}, {}, {} })
    assert.same({ "<1>:0:0:0:1-1", "<2><3>:8:0:0:2-3" }, runs { {}, { data_coding = 8 }, { data_coding = 8 } })
    assert.same({ "<1>:0:1:0:1-1", "<2>:0:0:1:2-2", "<3>:0:0:0:3-3" }, runs { { locking = 1 }, { single = 1 }, {} })
    assert.same({ "<1>:0:0:0:1-1", "<2>:0:0:0:2-2" }, runs { { packed = true }, { packed = true } })
    local r = reassembly.new { max_age_s = 1 }
    r:add(part(1, 3), 0)
    r:add(part(3, 3), 0)
    assert.equal("<1>|<3>", joined(r:expire(2)[1])) -- what is missing separates
  end)

  it("raises on misuse", function()
    local r = reassembly.new()
    local wrong = {
      { "part: expected a table", 5 }, { "seq: expected an integer", part(1.5, 2) }, { "width: expected 8, 16", part(1, 2, { width = 32 }) },
      { "source: expected { addr", part(1, 2, { source = "491" }) }, { "octets: expected a string", part(1, 2, { octets = 5 }) },
      { "total: expected an integer", part(1, "2") },
    }
    for _, row in ipairs(wrong) do
      local ok, err = pcall(function() r:add(row[2], 0) end)
      assert.is_false(ok)
      assert.matches("^spec/text/reassembly_spec.lua:%d+: " .. row[1], err)
    end
    assert.error_matches(function() reassembly.new { max_set = 1 } end, "unknown option 'max_set'")
  end)

  it("agrees with a simple model whatever comes", function()
    property.holds(60, function(random, case)
      local o = { max_sets = random(20), max_sets_per_sender = random(6), max_octets = 3200 * random(40), max_age_s = random(50) }
      local r = reassembly.new(o)
      local now, taken, ended, whole = 0, 0, 0, {}
      case.options, case.parts = o, {}
      local function ends(sets)
        for _, s in ipairs(sets) do
          ended = ended + s.total - #s.missing
          assert.equal(s.reason == "refused", #s.missing == 0)
        end
      end
      for i = 1, random(400) do
        now = now + random(3) - 1
        local total = random(4)
        local seq, reference, source = random(total + 1), random(3), tostring(random(4))
        case.parts[i] = { seq = seq, total = total, reference = reference, source = source, now = now }
        local what, set = r:add(part(seq, total, {
          reference = reference, octets = i .. ("x"):rep(random(40)), source = { addr = source },
        }), now)
        if what == "stored" or what == "complete" then taken = taken + 1 end
        if what == "complete" then
          for n = 1, set.total do assert.equal(n, set.parts[n].seq) end
          whole[#whole + 1] = set
        end
        if whole[1] and random(3) == 1 then
          local one = table.remove(whole, random(#whole))
          local result = random(3) > 1
          if result then ended = ended + one.total end
          r:settle(one, result, now)
          if not result and not one.text.set then ended = ended + one.total end -- forgotten while its handler was at work
        end
        if random(5) == 1 then ends(r:expire(now)) end
        assert.is_true(r.sets <= o.max_sets and r.octets <= o.max_octets)
      end
      for _, one in ipairs(whole) do
        ended = ended + one.total
        r:settle(one, true, now)
      end
      ends(r:expire(now + o.max_age_s))
      if r.lost == 0 then assert.equal(taken, ended) end -- every part taken came out again, once
      assert.same({ 0, 0, 0 }, { r.sets, r.octets, r.open_octets })
      assert.is_nil(next(r.by_key) or next(r.senders))
    end, 2026)
  end)
end)

--- Fields of a part of a text: what its parts are called, the number of this one.
local function piece(text, seq, o)
  local fields = { octets = text .. "-" .. seq }
  for name, value in pairs(o or {}) do fields[name] = value end
  return fields
end

describe("smpp.text.reassembly: parts that come again", function()
  local UP, DOWN = { closed = false }, { closed = true }

  --- Adds all parts of a text; the set.
  local function whole(r, text, total, now, o)
    local what, set
    for seq = 1, total do what, set = r:add(part(seq, total, piece(text, seq, o)), now) end
    assert.equal("complete", what)
    return set
  end

  it("are answered as the text was", function()
    for _, result in ipairs { true, "ESME_RX_R_APPN" } do
      local r = reassembly.new()
      local set = whole(r, "ONE", 2, 0, { link = DOWN })
      r:settle(set, result, 0)
      local what, text = r:add(part(2, 2, piece("ONE", 2)), 500)
      assert.same({ "repeated", result }, { what, text.result })
      assert.equal(set.text, text)
      assert.equal("TWO-1TWO-2", joined(whole(r, "TWO", 2, 600)))
      assert.same({}, r:expire(86400 + 599))
    end
  end)

  it("are known while the handler is at work, and bring the whole text again when it failed", function()
    local r = reassembly.new()
    local set = whole(r, "ONE", 3, 0, { link = UP })
    local what, text = r:add(part(3, 3, piece("ONE", 3)), 1)
    assert.same({ "repeated", nil }, { what, text.result })
    r:settle(set, false, 2)
    local again
    what, again = r:add(part(3, 3, piece("ONE", 3)), 20)
    assert.same({ "complete", set }, { what, again })
    assert.equal("repeated", (r:add(part(3, 3, piece("ONE", 3)), 21)))
    r:settle(again, true, 22)
    assert.is_nil(again.text.set)
    assert.same({}, r:expire(1e6))
  end)

  it("are told of when their handler never took them", function()
    local r = reassembly.new { max_age_s = 100 }
    r:settle(whole(r, "ONE", 2, 0), false, 1)
    assert.equal(100, r:next_expiry())
    local list = r:expire(100)
    assert.same({ 1, "refused", {} }, { #list, list[1].reason, list[1].missing })
    assert.equal(0, r.octets)
  end)

  it("are of a new text when their answers arrived", function()
    local r = reassembly.new()
    r:settle(whole(r, "ONE", 2, 0, { link = UP }), true, 0)
    r:settle(whole(r, "ONE", 2, 5, { link = UP }), true, 5) -- the same text, the same reference
    assert.equal("stored", (r:add(part(2, 2, piece("ONE", 2)), 10)))
    local late = whole(r, "LATE", 2, 20, { link = UP, reference = 8 })
    r:settle(late, true, 28) -- too late for its message centre
    assert.equal("repeated", (r:add(part(2, 2, piece("LATE", 2, { reference = 8 })), 30)))
  end)

  it("are a text sent twice when all of them come", function()
    local r = reassembly.new()
    r:settle(whole(r, "ONE", 2, 0, { link = DOWN }), true, 0)
    assert.equal("repeated", (r:add(part(1, 2, piece("ONE", 1)), 10)))
    assert.equal("repeated", (r:add(part(1, 2, piece("ONE", 1)), 11)))
    assert.equal("complete", (r:add(part(2, 2, piece("ONE", 2)), 12)))
    r = reassembly.new()
    r:settle(whole(r, "ONE", 2, 0, { link = DOWN }), true, 0)
    assert.equal("repeated", (r:add(part(2, 2, piece("ONE", 2)), 10)))
    assert.equal("stored", (r:add(part(1, 2, piece("TWO", 1)), 11))) -- another text: what was repeated has nothing to do with it
    assert.equal("complete", (r:add(part(2, 2, piece("TWO", 2)), 12)))
    assert.same({}, r:expire(13))
  end)

  it("do not mix with another text under the same reference", function()
    local r = reassembly.new()
    r:settle(whole(r, "ONE", 3, 0, { link = DOWN }), true, 0)
    assert.equal("stored", (r:add(part(1, 3, piece("TWO", 1)), 600)))
    assert.equal("repeated", (r:add(part(3, 3, piece("ONE", 3)), 601)))
    assert.equal("stored", (r:add(part(2, 3, piece("TWO", 2)), 602)))
    local what, set = r:add(part(3, 3, piece("TWO", 3)), 603)
    assert.same({ "complete", "TWO-1TWO-2TWO-3" }, { what, joined(set) })
  end)

  it("after a restart, when nothing is remembered, do not mix with a text of later", function()
    for _, gap in ipairs { 120, 600, 3600, 50000 } do
      for _, order in ipairs { { 1, 2, 3 }, { 2, 1, 3 }, { 2, 3, 1 } } do
        local r = reassembly.new()
        r:add(part(3, 3, piece("ONE", 3)), 0)
        local what, set
        for i, seq in ipairs(order) do what, set = r:add(part(seq, 3, piece("TWO", seq)), gap + i) end
        assert.same({ "complete", "TWO-1TWO-2TWO-3" }, { what, joined(set) })
        assert.equal(1, #r:expire(gap + 4))
      end
    end
  end)
end)

describe("smpp.text.reassembly: parts that are apart", function()
  it("for seconds are of one text, in any order; for minutes only as the next in order; for hours never", function()
    local function add(first, second, gap)
      local r = reassembly.new()
      r:add(part(first, 2, piece("A", first)), 0)
      local what, set = r:add(part(second, 2, piece("A", second)), gap)
      if what == "complete" then return what, set.gap_s, set.suspicious end
      return what, set
    end
    assert.same({ "complete", 119 }, { add(1, 2, 119) })
    assert.same({ "complete", 119 }, { add(2, 1, 119) })
    assert.same({ "complete", 120, true }, { add(1, 2, 120) })
    assert.same({ "complete", 3599, true }, { add(1, 2, 3599) })
    assert.same({ "stored", "replaced" }, { add(2, 1, 120) })
    assert.same({ "stored" }, { add(1, 2, 3600) })
  end)

  it("are reported when the next one would be of another text", function()
    local r = reassembly.new { max_gap_s = 100, max_age_s = 250 }
    r:add(part(1, 5), 0)
    r:add(part(2, 5), 90)
    assert.equal(190, r:next_expiry())
    r:add(part(3, 5), 180)
    assert.equal(250, r:next_expiry()) -- the age of the first
    assert.same({}, r:expire(249))
    assert.equal("age", r:expire(250)[1].reason)
  end)
end)
