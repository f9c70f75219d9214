local few = require "spec.support.few"
local property = require "spec.support.property"
local core = require "smpp.core"
local message_id = require "smpp.receipt.message_id"
local receipt = require "smpp.receipt"
local tracker = require "smpp.receipt.tracker"

local function came(id, stat, from)
  local r = assert(receipt.parse(("id:%s stat:%s err:007"):format(id, stat or "DELIVRD")))
  r.source_addr = from
  return r
end

--- The parts of an outcome that matter, in one word.
local function words(out)
  if not out then return "unknown" end
  return table.concat({
    out.kind, tostring(out.handle), (out.part or "-") .. "/" .. (out.parts or "-"), out.state or "-",
    out.delivered == nil and "-" or tostring(out.delivered), out.reason or out.code or "-",
  }, " ")
end

local function list(outcomes)
  local out = {}
  for i, o in ipairs(outcomes or {}) do out[i] = words(o) end
  return out
end

describe("smpp.receipt.tracker", function()
  it("gives a message its result", function()
    local t = tracker.new()
    assert.is_nil((t:accepted(17, 1, "abc", 0)))
    assert.equal(1, t:count())
    local r = came("abc")
    local out = t:receipt(r, 1)
    assert.equal("result 17 1/1 DELIVERED true -", words(out))
    assert.equal("007", out.err)
    assert.equal(r, out.receipt)
    assert.equal(0, t:count())
    t:accepted("a handle\0", 1, "abd", 0)
    assert.equal("result a handle\0 1/1 EXPIRED false -", words(t:receipt(came("abd", "EXPIRED"), 1)))
    t:open(18, 1, 0)
    t:accepted(18, 1, "abe\0", 0) -- a NUL that a peer let stand
    assert.equal("result 18 1/1 DELIVERED true -", words(t:receipt(came "abe", 1)))
    assert.equal("17", tostring(out.handle)) -- not 17.0
  end)

  it("says when a receipt is of no message it knows", function()
    local t = tracker.new()
    local out, err, code = t:receipt(came "nobody", 0)
    assert.is_nil(out)
    assert.matches("unknown message id nobody: no open message", err)
    assert.equal("missing", code)
    assert.equal("missing", select(3, t:receipt({ kind = "user_ack", id = "1" }, 0)))
  end)

  it("reports states on the way, and none after the end", function()
    local t = tracker.new()
    t:accepted(1, 1, "m1", 0)
    assert.equal("intermediate 1 1/1 ENROUTE - -", words(t:receipt(came("m1", "ENROUTE"), 1)))
    assert.equal("intermediate 1 1/1 ACCEPTED - -", words(t:receipt(came("m1", "ACCEPTD"), 1)))
    assert.equal("intermediate 1 1/1 BUFFERD - -", words(t:receipt(came("m1", "BUFFERD"), 1)))
    assert.equal("result 1 1/1 DELIVERED true -", words(t:receipt(came "m1", 2)))
    assert.equal("duplicate 1 1/1 DELIVERED - -", words(t:receipt(came "m1", 3)))
    assert.equal("duplicate 1 1/1 ENROUTE - -", words(t:receipt(came("m1", "ENROUTE"), 4)))
    t:expire(603)
    assert.equal("unknown", words(t:receipt(came "m1", 603)))
  end)

  it("delivers several parts when all are delivered", function()
    local t = tracker.new()
    t:open("long", 3, 0)
    for part = 1, 3 do t:accepted("long", part, "p" .. part, 0) end
    assert.equal(4, t:count())
    assert.equal("part long 2/3 DELIVERED - -", words(t:receipt(came "p2", 1)))
    assert.equal("duplicate long 2/3 DELIVERED - -", words(t:receipt(came "p2", 1)))
    assert.equal("part long 1/3 DELIVERED - -", words(t:receipt(came "p1", 1)))
    assert.equal("intermediate long 3/3 ENROUTE - -", words(t:receipt(came("p3", "ENROUTE"), 1)))
    assert.equal("result long 3/3 DELIVERED true -", words(t:receipt(came "p3", 1)))
    assert.equal(0, t:count())
  end)

  it("takes ACCEPTED for a success where it is final", function()
    local t = tracker.new()
    t:accepted(1, 1, "a", 0)
    local r = receipt.parse("id:a stat:ACCEPTD", { final = { ACCEPTED = true } })
    assert.equal("result 1 1/1 ACCEPTED true -", words(t:receipt(r, 0)))
  end)

  it("waits for parts whose response has not come", function()
    local t = tracker.new()
    t:open(1, 2, 0)
    t:accepted(1, 1, "p1", 0)
    assert.equal("part 1 1/2 DELIVERED - -", words(t:receipt(came "p1", 1)))
    t:accepted(1, 2, "p2", 2)
    assert.equal("result 1 2/2 DELIVERED true -", words(t:receipt(came "p2", 3)))
  end)

  it("lets the first failure decide", function()
    local t = tracker.new()
    t:open(1, 3, 0)
    for part = 1, 3 do t:accepted(1, part, "p" .. part, 0) end
    assert.equal("part 1 1/3 DELIVERED - -", words(t:receipt(came "p1", 1)))
    assert.equal("result 1 3/3 REJECTED false -", words(t:receipt(came("p3", "REJECTD"), 1)))
    assert.equal("late 1 2/3 EXPIRED - -", words(t:receipt(came("p2", "EXPIRED"), 1)))
    assert.equal(0, t:count())
  end)

  it("takes a refused part for a failure", function()
    local t = tracker.new()
    assert.equal("result 9 1/1 - false ESME_RTHROTTLED", words(t:refused(9, 1, "ESME_RTHROTTLED", 0)))
    t:open(1, 3, 0)
    t:accepted(1, 1, "p1", 0)
    assert.equal("result 1 2/3 - false ESME_RINVDSTADR", words(t:refused(1, 2, "ESME_RINVDSTADR", 0)))
    assert.equal("late 1 1/3 DELIVERED - -", words(t:receipt(came "p1", 1)))
    assert.equal("late 1 3/3 - - not_sent", words(t:refused(1, 3, "not_sent", 2)))
    assert.equal(0, t:count())
    assert.equal("late 1 3/- - - not_sent", words(t:refused(1, 3, "not_sent", 2)))
    assert.is_nil((t:accepted(1, 3, "p3", 2)))
    assert.equal(0, t:count())
  end)

  it("keeps receipts that come before their response", function()
    local t = tracker.new()
    t:receipt(came("early", "ENROUTE"), 0)
    local whole = came("early", "DELIVRD")
    t:receipt(whole, 0)
    local outcomes = t:accepted(1, 1, "early", 1)
    assert.same({ "intermediate 1 1/1 ENROUTE - -", "result 1 1/1 DELIVERED true -" }, list(outcomes))
    assert.same(whole, outcomes[2].receipt)
    assert.is_nil(t:accepted(2, 1, "early2", 1))
    assert.equal("duplicate 1 1/1 DELIVERED - -", words(t:receipt(came "early", 2)))
    t:receipt(came "never", 2)
    t:expire(602)
    assert.is_nil(t:accepted(3, 1, "never", 602))
    t:open(4, 2, 700)
    t:receipt(came "q2", 700)
    t:accepted(4, 1, "q1", 700)
    assert.same({ "part 4 2/2 DELIVERED - -" }, list(t:accepted(4, 2, "q2", 700)))
  end)

  it("bounds what it keeps for responses that never come", function()
    local t = tracker.new { recent_limit = 50 }
    for i = 1, 1000 do t:receipt(came("unknown" .. i), 0) end
    assert.is_true(t.recent:count() <= 50)
    for _ = 1, 1000 do t:receipt(came "the same", 0) end
    assert.is_true(t.recent:memory() < 40000, t.recent:memory())
  end)

  it("gives up after its time, oldest first, with the last state heard of", function()
    local t = tracker.new { ttl_s = 100 }
    assert.is_nil(t:next_expiry())
    t:accepted(1, 1, "a", 0)
    t:open(2, 2, 1)
    t:accepted(2, 1, "b1", 2)
    t:accepted(2, 2, "b2", 2)
    t:accepted(3, 1, "c", 3)
    t:receipt(came("c", "UNKNOWN"), 50)
    t:receipt(came("b1", "ENROUTE"), 50)
    assert.equal(100, t:next_expiry())
    assert.same({}, t:expire(99))
    assert.same({ "expired 1 1/1 - - ttl", "expired 2 -/2 - - ttl", "expired 3 1/1 UNKNOWN - ttl" }, list(t:expire(103)))
    assert.equal(0, t:count())
    assert.equal("unknown", words(t:receipt(came "a", 104)))
    assert.equal(704, t:next_expiry())
    t:accepted(4, 1, "d", 104)
    assert.equal(204, t:next_expiry())
    local u = tracker.new()
    u:accepted(1, 1, "a", 0)
    u:receipt(came "b", 0)
    assert.equal(600, u:next_expiry())
  end)

  it("says nothing twice about a message that was decided", function()
    local t = tracker.new { ttl_s = 100 }
    t:open(2, 3, 0)
    t:accepted(2, 1, "b1", 0)
    t:refused(2, 2, "ESME_RSYSERR", 0)
    assert.same({}, list(t:expire(1000)))
    assert.equal(0, t:count())
  end)

  it("pushes the oldest out at its limit and says so", function()
    local t = tracker.new { limit = 3 }
    for i = 1, 5 do t:accepted(i, 1, "m" .. i, i) end
    assert.equal(3, t:count())
    assert.equal(0, t:next_expiry())
    assert.same({ "expired 1 1/1 - - limit", "expired 2 1/1 - - limit" }, list(t:expire(5)))
    assert.equal("result 3 1/1 DELIVERED true -", words(t:receipt(came "m3", 6)))
  end)

  it("says when an id is given twice", function()
    local t = tracker.new { id_base = "as-is" }
    t:accepted(1, 1, "same", 0)
    t:accepted(2, 1, "same", 0)
    assert.same({ "expired 1 1/1 - - reused" }, list(t:expire(0)))
    assert.equal("result 2 1/1 DELIVERED true -", words(t:receipt(came "same", 0)))
  end)

  it("cannot track a response without an id", function()
    local t = tracker.new()
    for _, id in ipairs { "", "\0", false } do
      assert.same({ "missing" }, { select(3, t:accepted(1, 1, id or nil, 0)) })
    end
    assert.equal(0, t:count())
  end)

  it("takes a store from outside, which others share", function()
    local store, recent = core.map.new(0, 100), core.map.new(0, 10)
    local one, other = tracker.new { store = store, recent = recent }, tracker.new { store = store, recent = recent }
    one:open("x", 2, 0)
    one:accepted("x", 1, "a", 0)
    assert.equal("part x 1/2 DELIVERED - -", words(other:receipt(came "a", 1)))
    one:receipt(came "b", 1)
    assert.same({ "result x 2/2 DELIVERED true -" }, list(other:accepted("x", 2, "b", 2)))
    assert.equal("duplicate x 2/2 DELIVERED - -", words(one:receipt(came "b", 3)))
    assert.error_matches(function() tracker.new { store = {} } end, "invalid key store: missing method 'get'")
    assert.error_matches(function() tracker.new { store = 5 } end, "expected a key store")
  end)

  it("reports what a full store of somebody else's refuses", function()
    local full = core.map.new(1, 100)
    local store = setmetatable({}, { __index = function(_, name)
      if name == "expire" then return function() end end
      return function(_, ...) return full[name](full, ...) end
    end })
    local t = tracker.new { store = store }
    t:accepted(1, 1, "a", 0)
    t:accepted(2, 1, "b", 0)
    assert.same({ "expired 2 1/1 - - limit" }, list(t:expire(0)))
  end)

  it("raises on misuse", function()
    local t = tracker.new()
    t:open(1, 2, 0)
    local wrong = {
      { "duplicate handle: 1 is already open", function() t:open(1, 2, 0) end },
      { "parts: expected 1 to 255, got 256", function() t:open(2, 256, 0) end },
      { "handle: expected a string or an integer", function() t:accepted({}, 1, "x", 0) end },
      { "part: expected 1 to 2, got 3", function() t:accepted(1, 3, "x", 0) end },
      { "part: expected 1 to 2, got 0", function() t:refused(1, 0, "x", 0) end },
      { "receipt: expected a table", function() t:receipt("id:1", 0) end },
      { "id_base: expected one of \"auto\"", function() tracker.new { id_base = "octal" } end },
      { "unknown option 'ttl'", function() tracker.new { ttl = 5 } end },
    }
    for _, row in ipairs(wrong) do
      local ok, err = pcall(row[2])
      assert.is_false(ok)
      assert.matches("^spec/receipt/tracker_spec.lua:%d+: " .. row[1], err)
    end
  end)

  it("opens and ends the usual message in C as it does itself (seeded)", function()
    local IDS = { "a1", "A1", "0a1", "b2\0", "7", "12", "4711", "04711", "123456789", "75bcd15", "e5a1f0c2", "", "\0", ("f"):rep(70) }
    local usual, sure = 0, 0
    property.holds(300, function(random, case)
      local o = { limit = random(2) == 1 and 4 or nil, recent_limit = random(2) == 1 and 3 or 100000, recent_s = 20, ttl_s = 100, seed = "12345678" }
      local short, long = tracker.new(o), tracker.new(o)
      long.is_usual = false
      local now, last = 0, 0
      --- As a client asks: `finished` first.
      local function receipt_of(t, r)
        local handle = t == short and r.final and t:finished(r.id, now)
        if not handle then return (words(t:receipt(r, now, case.none_due))) end
        sure = sure + 1
        local ok = r.state == "DELIVERED" or r.state == "ACCEPTED"
        return words { kind = "result", handle = handle, part = 1, parts = 1, state = r.state, delivered = ok }
      end
      if random(4) > 1 then -- a rule is known
        for i = 1, 12 do
          for _, t in ipairs { short, long } do
            t:accepted(-i, 1, "learn" .. i, 0)
            assert(t:receipt(came("learn" .. i), 0))
          end
        end
      end
      for step = 1, random(40) do
        local what = random(6)
        local id = random(8) == 1 and IDS[random(#IDS)] or "m" .. (what <= 2 and last + 1 or math.max(1, last + 2 - random(4)))
        case[step] = { what, id }
        if what <= 2 then
          last = last + 1
          local handle, parts = random(6) == 1 and "h" .. last or last, random(5) == 1 and 2 or 1
          local got = {}
          for i, t in ipairs { short, long } do
            if parts > 1 then t:open(handle, parts, now) end
            local outcomes, err, code = t:accepted(handle, 1, id, now, "491761234567")
            got[i] = { list(outcomes), err, code }
          end
          assert.same(got[2], got[1])
          usual = usual + 1
        elseif what <= 4 and id:find "^%w" then
          local r = came(id, ({ "DELIVRD", "UNDELIV", "ENROUTE" })[random(3)], random(2) == 1 and "491761234567" or nil)
          assert.equal(receipt_of(long, r), receipt_of(short, r))
        elseif what == 5 then
          now = now + ({ 0, 5, 30, 120 })[random(4)]
        else
          assert.same(list(long:expire(now)), list(short:expire(now)))
        end
        assert.same({ long:count(), long.recent:count(), long:next_expiry(), { long:id_rule() } },
          { short:count(), short.recent:count(), short:next_expiry(), { short:id_rule() } })
      end
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or usual > 100 and sure > 100)
  end)

  it("accounts for every message once, whatever happens", function()
    property.holds(few(80, 25), function(random, case)
      local t = tracker.new { ttl_s = 50, recent_s = 20, limit = random(3) == 1 and random(20) or nil }
      local now, open, results, id, ids = 0, {}, {}, 0, {}
      local function note(out)
        if out and (out.kind == "result" or out.kind == "expired") then
          assert.is_nil(results[out.handle], out.handle)
          results[out.handle] = out.kind
        end
      end
      local function notes(outcomes) for _, out in ipairs(outcomes or {}) do note(out) end end
      for handle = 1, random(200) do
        now = now + random(4) - 1
        local parts = random(4)
        local events = {}
        case[handle] = events
        local function log(...) events[#events + 1] = table.concat({ now, ... }, " ") end
        log("open", parts)
        t:open(handle, parts, now)
        open[handle] = true
        for part = 1, parts do
          local what = random(10)
          if what == 1 then
            log("refused", part)
            note(t:refused(handle, part, "ESME_RSYSERR", now))
          else
            id = id + 1
            ids[#ids + 1] = "m" .. id
            log(what == 2 and "delivered and accepted" or "accepted", part, "m" .. id)
            if what == 2 then note(t:receipt(came("m" .. id), now)) end
            notes(t:accepted(handle, part, "m" .. id, now))
          end
        end
        for _ = 1, random(6) do
          local old = ids[random(#ids + 1)]
          if old then
            local stat = ({ "DELIVRD", "DELIVRD", "ENROUTE", "UNDELIV" })[random(4)]
            log(stat, old)
            note(t:receipt(came(old, stat), now))
          end
        end
        if random(4) == 1 then
          log "expire"
          notes(t:expire(now))
        end
      end
      notes(t:expire(now + 1000))
      assert.same({ 0, 0 }, { t:count(), t.recent:count() })
      for handle in pairs(open) do assert.is_not_nil(results[handle], handle) end
    end, 404)
  end)
end)

describe("smpp.receipt.tracker: ids", function()
  local HERE, ELSEWHERE = "491701234567", "491707654321"

  --- Does a receipt's id find the response's under this rule?
  local function matches(rule, response, of_receipt, from)
    local t = tracker.new { id_base = rule }
    t:accepted(1, 1, response, 0, "+49 170 1234567")
    return t:receipt(came(of_receipt, "DELIVRD", from), 0) ~= nil
  end

  it("follow the rule of the peer", function()
    local rows = {
      -- response, receipt, as-is, hex, dec, auto
      { "abc-1", "abc-1", true, true, true, true },
      { "1A3F0B", "1a3f0b", false, true, true, true },
      { "0001234567", "1234567", false, true, true, true },
      { "1234567", "0001234567", false, true, true, true },
      { "12d687", "1234567", false, false, true, true },
      { "0012D687", "0001234567", false, false, true, true },
      { "1234567", "12D687", false, true, false, true },
      { "0001234567", "0012d687", false, true, false, true },
      { "ab54a98ceb1f0ad2", "12345678901234567890", false, false, true, true },
      { "AB54A98CEB1F0AD3", "12345678901234567890", false, false, false, false },
      { "12345678901234567890", "AB54A98CEB1F0AD2", false, true, false, true },
      { "xyz", "xyzz", false, false, false, false },
      { "0", "000", false, true, true, true },
      { "12345  ", "12345\0", true, true, true, true },
      { "2b1e7a4c-9f30-4d52-8a17-0c6e5d4b3a21", "2B1E7A4C9F304D528A170C6E5D4B3A21", false, true, true, true },
      { "2b1e7a4c9f304d528a170c6e5d4b3a21", "2b1e7a4c-9f30-4d52-8a17-0c6e5d4b3a21", false, true, true, true },
    }
    for _, row in ipairs(rows) do
      for i, rule in ipairs { "as-is", "hex", "dec", "auto" } do
        assert.equal(row[i + 2], matches(rule, row[1], row[2], HERE), row[1] .. " " .. row[2] .. " " .. rule)
      end
    end
  end)

  it("of another base are not recognised without the destination address", function()
    for _, row in ipairs { { "12d687", "1234567" }, { "1234567", "12D687" }, { "a", "10" } } do
      assert.is_true(matches("auto", row[1], row[2], HERE))
      for _, from in ipairs { ELSEWHERE, "", "491701******", "1234567@example" } do
        assert.is_false(matches("auto", row[1], row[2], from), row[1] .. " " .. from)
      end
    end
    assert.is_true(matches("auto", "12d687", "1234567", "01701234567")) -- the same number, written nationally
    assert.is_true(matches("auto", "12d687", "1234567", "4567"))
    assert.is_false(matches("auto", "12d687", "1234567", "567"))
    for _, from in ipairs { ELSEWHERE, "491701******" } do -- equal ids need no address, unless both bases fit
      assert.is_true(matches("auto", "12d687", "12D687", from))
    end
    assert.is_true(matches("auto", "1234567", "1234567", "491701******"))
    assert.is_false(matches("auto", "1234567", "1234567", ELSEWHERE))
    assert.is_true(matches("auto", "12345678", "12345678", ELSEWHERE))
  end)

  --- Teaches a tracker that ids are equal, or decimal in receipts.
  local function taught(rule)
    local t = tracker.new { recent_s = 600 }
    for i = 1, 3 do
      local id = 0xabc000 + i
      t:accepted("taught" .. i, 1, (rule == "as-is" and "%d" or "%x"):format(id), 0, HERE)
      assert(t:receipt(came(("%d"):format(id), "DELIVRD", HERE), 0))
    end
    assert.same({ rule, true }, { t:id_rule() })
    return t
  end

  it("that could be another open message's wait for their response", function()
    for _, from in ipairs { ELSEWHERE, HERE } do -- a phone that is off has 12345 = 0x3039; 74565 = 0x12345 overtakes its response
      local t = taught "as-is"
      t:accepted("old", 1, "12345", 0, HERE)
      assert.equal("unknown", words(t:receipt(came("74565", "DELIVRD", from), 1)))
      assert.same({ "result new 1/1 DELIVERED true -" }, list(t:accepted("new", 1, "74565", 2, from)))
      assert.equal("result old 1/1 DELIVERED true -", words(t:receipt(came("12345", "DELIVRD", HERE), 3)))
    end
    local t = taught "dec" -- the other way round: 10 is the receipt of response a, not of response 10
    t:accepted("old", 1, "12345", 0, ELSEWHERE)
    assert.equal("unknown", words(t:receipt(came("12345", "DELIVRD", HERE), 1)))
    assert.same({ "result new 1/1 DELIVERED true -" }, list(t:accepted("new", 1, "3039", 2, HERE)))
    local u = tracker.new() -- nothing learned yet
    u:accepted("old", 1, "12345", 0, HERE)
    assert.equal("unknown", words(u:receipt(came("74565", "DELIVRD", HERE), 1)))
    assert.same({ "result new 1/1 DELIVERED true -" }, list(u:accepted("new", 1, "74565", 2, HERE)))
    local fixed = tracker.new { id_base = "dec" }
    fixed:accepted("old", 1, "12345", 0, ELSEWHERE)
    assert.equal("unknown", words(fixed:receipt(came("12345", "DELIVRD", HERE), 1)))
    assert.same({ "result new 1/1 DELIVERED true -" }, list(fixed:accepted("new", 1, "3039", 2, HERE)))
  end)

  it("of intermediate receipts say whether the state is the same again", function()
    local t = tracker.new()
    t:accepted("m", 1, "abc1", 0, HERE)
    local seen = {}
    for i, stat in ipairs { "ENROUTE", "ENROUTE", "ACCEPTD", "ENROUTE" } do
      local out = t:receipt(came("abc1", stat, HERE), i)
      seen[i] = out.kind .. (out.repeated and " again" or "")
    end
    assert.same({ "intermediate", "intermediate again", "intermediate", "intermediate" }, seen)
  end)

  it("never guess between two open messages", function()
    local t = tracker.new()
    t:accepted("equal", 1, "123456", 0, HERE)
    t:accepted("converted", 1, "1e240", 0, HERE)
    assert.equal("unknown", words(t:receipt(came("123456", "DELIVRD", HERE), 1)))
    assert.equal(2, t:count())
  end)

  it("that no response claims in their time find the only message they can mean", function()
    local t = taught "as-is"
    t:accepted("m", 1, "12345", 0, HERE)
    assert.equal("unknown", words(t:receipt(came("74565", "DELIVRD", HERE), 1)))
    t:accepted("later", 1, "54321", 5, HERE)
    assert.equal("unknown", words(t:receipt(came("344865", "DELIVRD", HERE), 3))) -- 0x54321: of a message that came after it
    assert.equal(600, t:next_expiry())
    assert.same({ "result m 1/1 DELIVERED true -" }, list(t:expire(602)))
    local unclaimed = t:expire(700)
    assert.same({ "unclaimed", "344865", 1 }, { unclaimed[1].kind, unclaimed[1].receipt.id, #unclaimed })
    assert.is_nil(unclaimed[1].handle)
    assert.equal("result later 1/1 DELIVERED true -", words(t:receipt(came("54321", "DELIVRD", HERE), 700)))
  end)

  it("of early receipts are forgotten in time, whoever asks", function()
    local t = tracker.new { recent_s = 600 }
    t:receipt(came("1", "UNDELIV", HERE), 0)
    assert.is_nil(t:accepted("today", 1, "1", 86400, HERE))
    assert.equal("result today 1/1 DELIVERED true -", words(t:receipt(came("1", "DELIVRD", HERE), 86401)))
    t:receipt(came("2", "DELIVRD", HERE), 90000) -- 2 is not open
    t:accepted("a", 1, "22", 90100, HERE)
    t:receipt(came("2", "DELIVRD", HERE), 90500) -- it comes again: the age is that of the first
    assert.is_nil(t:accepted("b", 1, "2", 90600, HERE))
  end)

  it("in text and TLV are both tried", function()
    local function both(response, tlv, in_text)
      local r = assert(receipt.parse { esm_class = 4, short_message = "id:" .. in_text .. " stat:DELIVRD err:000", receipted_message_id = tlv })
      local t, early = tracker.new(), tracker.new()
      t:accepted(1, 1, response, 0)
      early:receipt(r, 0)
      return words(t:receipt(r, 1)) .. ", " .. table.concat(list(early:accepted(1, 1, response, 1)))
    end
    local want = "result 1 1/1 DELIVERED true -, result 1 1/1 DELIVERED true -"
    assert.equal(want, both("ab-cd-1", "abcd1", "ab-cd-1"))
    assert.equal(want, both("ab-cd-1", "ab-cd-1", "abcd1"))
    assert.equal(want, both("ab-cd-1", "ab-cd-1  ", "x"))
  end)

  it("of long early receipts are kept, without the text if need be", function()
    for _, length in ipairs { 20, 500, 1250, 3500, 65000 } do
      local r = assert(receipt.parse { esm_class = 4, message_payload = "id:ff stat:DELIVRD err:000 text:" .. ("x"):rep(length), short_message = "" })
      local t = tracker.new()
      t:receipt(came("ff", "ENROUTE"), 1)
      for i = 1, 20 do t:receipt(receipt.parse("id:ff stat:BUFFERD" .. i .. " err:000 text:" .. ("x"):rep(length)), 1) end
      t:receipt(r, 1)
      local out = t:accepted("h", 1, "ff", 2)
      out = out[#out]
      assert.equal("result h 1/1 DELIVERED true -", words(out))
      assert.matches("^x+$", out.receipt.text)
    end
  end)

  it("equal but for case or zeros stay apart while both are open", function()
    local t = tracker.new()
    t:accepted(1, 1, "1a3", 0)
    t:accepted(2, 1, "01A3", 0)
    assert.equal(2, t:receipt(came "01A3", 0).handle)
    assert.equal(1, t:receipt(came "1a3", 0).handle)
  end)

  it("of a given base are read in it first", function()
    local t = tracker.new { id_base = "dec" } -- which says it all: no address is needed
    t:accepted("ten", 1, "a", 0)
    t:accepted("sixteen", 1, "10", 0)
    assert.equal("ten", t:receipt(came "10", 0).handle)
    assert.equal("duplicate ten 1/1 DELIVERED - -", words(t:receipt(came "10", 0)))
    assert.equal("sixteen", t:receipt(came "16", 0).handle)
  end)

  it("learn a base from a counter in hex whose receipts are decimal, and say so", function()
    local t, told = tracker.new(), {}
    assert.same({ "auto", false }, { t:id_rule() })
    for i = 1, 300 do t:accepted(i, 1, ("%X"):format(i), 0, "+49 170 " .. (10000 + i)) end
    for i = 1, 300 do
      local out = t:receipt(came(("%010d"):format(i), "DELIVRD", "49170" .. (10000 + i)), 1)
      assert.equal(i, out and out.handle)
      if out.learned then told[#told + 1] = out.learned end
    end
    assert.same({ "dec" }, told)
    assert.same({ "dec", true }, { t:id_rule() })
    assert.equal(0, t:count())
  end)

  it("learn each of the rules", function()
    for _, row in ipairs { { "dec", "%x", "%d" }, { "hex", "%d", "%X" }, { "as-is", "%08X", "%x" } } do
      local t = tracker.new()
      for i = 1, 20 do
        local id = 0x1234f000 + i
        t:accepted(i, 1, row[2]:format(id), 0, HERE)
        assert.equal(i, t:receipt(came(row[3]:format(id), "DELIVRD", HERE), 0).handle)
      end
      assert.same({ row[1], true }, { t:id_rule() })
    end
  end)

  it("follow a message centre that changes", function()
    local t, told = tracker.new(), {}
    for i = 1, 40 do
      local id = 0x12345000 + i
      t:accepted(i, 1, ("%x"):format(id), 0, HERE)
      local out = t:receipt(came((i <= 20 and "%d" or "%x"):format(id), "DELIVRD", HERE), 0)
      if i >= 3 then assert.equal(i, out.handle) end -- 12345001 may be either until a rule is known
      if out and out.learned then told[#told + 1] = i .. " " .. out.learned end
    end
    assert.equal(2, t:count())
    assert.same({ "3 dec", "32 as-is" }, told) -- 9 lower the certainty, 3 make the new rule
    assert.same({ "result 1 1/1 DELIVERED true -", "result 2 1/1 DELIVERED true -" }, list(t:expire(600)))
    local waiting = 0
    for i = 1, 40 do
      local id = 0x23456000 + i
      t:accepted(i, 1, ("%d"):format(id), 700, HERE)
      local out = t:receipt(came(("%X"):format(id), "DELIVRD", HERE), 700)
      if not out then waiting = waiting + 1 end
    end
    assert.same({ "hex", true }, { t:id_rule() })
    assert.equal(9, waiting) -- they could be early, until the rule is another
    assert.equal(9, #t:expire(1300))
    assert.equal(0, t:count())
    t:accepted("back", 1, "abcdef", 1400, HERE)
    t:receipt(came("11259375", "DELIVRD", HERE), 1400)
    assert.same({ "result back 1/1 DELIVERED true -" }, list(t:expire(2000)))
  end)

  it("short and ambiguous do not make up a match", function()
    local t = tracker.new()
    for i = 1, 3 do -- hex responses, decimal receipts
      t:accepted(i, 1, ("%x"):format(0xf2345 + i), 0, HERE)
      t:receipt(came(tostring(0xf2345 + i), "DELIVRD", HERE), 0)
    end
    t:accepted("sixteen", 1, "10", 0)
    assert.equal("unknown", words(t:receipt(came "10", 0))) -- that of response "a", which is not here
    local u = tracker.new()
    u:accepted("sixteen", 1, "10", 0, "491701111")
    assert.equal("unknown", words(u:receipt(came("10", "DELIVRD", "491702222"), 0)))
    assert.equal("sixteen", u:receipt(came("10", "DELIVRD", "491701111"), 0).handle)
  end)

  it("long and ambiguous are decided by the address, else by the rule", function()
    local function ask(from, learned)
      local t = tracker.new()
      for i = 1, learned and 3 or 0 do
        t:accepted(i, 1, ("%x"):format(0xf54321 + i), 0, HERE)
        t:receipt(came(("%d"):format(0xf54321 + i), "DELIVRD", HERE), 0)
      end
      t:accepted("equal", 1, "123456", 0, "491701111")
      t:accepted("converted", 1, "1e240", 0, "491702222")
      local out = t:receipt(came("123456", "DELIVRD", from), 0)
      return out and out.handle or "nobody"
    end
    for _, learned in ipairs { false, true } do
      assert.equal("converted", ask("491702222", learned))
      assert.equal("converted", ask("01702222", learned))
      assert.equal("equal", ask("491701111", learned))
      assert.equal("nobody", ask("491703333", learned))
      assert.equal(learned and "nobody" or "equal", ask(nil, learned))
    end
  end)

  it("wait for their response in either base", function()
    local t = tracker.new()
    t:receipt(came("1193055", "DELIVRD", HERE), 0)
    assert.same({ "result 1 1/1 DELIVERED true -" }, list(t:accepted(1, 1, "12345f", 1, HERE)))
    assert.is_nil(t:accepted(2, 1, "1193055", 1, HERE)) -- used once
  end)

  it("fold", function()
    for id, want in pairs { ["00"] = "0", [""] = "0", ["0A"] = "a", ["a\0\0"] = "a", ["10"] = "10", ["0\0"] = "0", ["12  \0x"] = "12" } do
      assert.equal(want, message_id.fold(id))
    end
  end)
end)
