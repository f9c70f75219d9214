local async = require "spec.support.async"
local batches = require "smpp.load.batch"
local few = require "spec.support.few"
local load = require "smpp.load"
local property = require "spec.support.property"
local smpp = require "smpp"
local virtual_loop = require "smpp.loop.virtual"

local URL = "smpp://me:secret@127.0.0.1:2775"

--- A random test: options, and how the message centre treats the n-th message.
local function plan(random)
  local o = { seed = random(1000000), drain_s = 3, response_timeout_s = 1.5, max_late_s = random(3) == 1 and 0.5 or 60 }
  if random(2) == 1 then
    o.closed, o.count, o.window = true, random(400), random(30)
  elseif random(3) == 1 then
    o.stages = { { at_s = 0, rate = random(100) }, { at_s = 1, rate = random(300) - 1 }, { at_s = 3, rate = 50 } }
  else
    o.rate, o.for_s, o.arrival = random(300), random(3), random(2) == 1 and "even" or "poisson"
    o.warm_up_s = random(3) == 1 and 0.5 or 0
  end
  o.window = o.window or random(3) == 1 and random(20) or nil
  o.binds = random(3)
  o.to = ({ "4917600[7]", "+49[#9]", "4[100-299]8[1-9]", "49[12]", "491" })[random(5)]
  o.from = ({ false, "Shop", "+491[3]", "49[#4]" })[random(4)] or nil
  if random(3) == 1 then o.texts, o.text_order = { "one", "two", "three", "vier äöü" }, random(2) == 1 end
  if random(3) == 1 then o.encoding = "ucs2" end
  if random(4) == 1 then o.fields = { validity_period = "000000010000000R", user_message_reference = 7 } end
  return o, { refuse = random(20), silent = random(40), slow = random(8), drop = random(5) == 1 and random(200) or 0 }
end

--- Runs it; the octets that the message centre was sent, and the result.
local function outcome(o, how)
  local octets, n = {}, 0
  local result = smpp.run(function()
    local server = assert(smpp.server { port = 2775, answer_timeout_s = 100, window = 1000, submit_sm = function(session, pdu)
      n = n + 1
      local id = n
      octets[n] = pdu:octets():sub(17)
      if id == how.drop then return session:reset "test" end
      if id % (how.silent + 10) == 3 then smpp.sleep(50) end
      if id % how.slow == 0 then smpp.sleep(0.02 * (id % 5)) end
      if id % (how.refuse + 5) == 2 then return nil, id % 2 == 0 and "ESME_RTHROTTLED" or "ESME_RINVDSTADR" end
      return "id" .. id
    end })
    local given = { URL }
    for name, value in pairs(o) do given[name] = value end
    local result = assert(load.run(given))
    for _, row in ipairs(result.series) do row.window = nil end -- of the moment at which the row was made
    server:close(0.1)
    return result
  end, { loop = virtual_loop.new { seed = 1 } })
  return octets, result
end

--- The same, message by message.
local function one_by_one(o, how)
  local of = batches.of
  batches.of = function() end
  local ok, octets, result = pcall(outcome, o, how)
  batches.of = of
  return assert(ok and octets, octets), result
end

local FIGURES = { "due", "sent", "messages", "answered", "ok", "unknown", "not_sent", "errors", "throttled", "statuses", "duration_s", "late", "waited",
  "warm_up", "latency_s", "service_time_s", "histogram", "series", "ended", "trustworthy", "reconnections" }

local function balanced(r)
  local all, totals = 0, { sent = 0, answered = 0, errors = 0 }
  for _, n in pairs(r.statuses) do all = all + n end
  assert.same({ r.answered, r.sent, r.due, r.errors, r.answered },
    { all, r.answered + r.unknown, r.sent + r.not_sent, r.answered - r.ok + r.unknown + r.not_sent, r.latency_s.count })
  for _, row in ipairs(r.series) do
    for name in pairs(totals) do totals[name] = totals[name] + row[name] end
  end
  for name, total in pairs(totals) do assert.equal(r[name], total, name) end
end

describe("smpp.load.batch", function()
  it("sends the octets and finds the figures that sending message by message does", function()
    property.holds(few(40, 12), function(random, case)
      local o, how = plan(random)
      case.options, case.how = o, how
      local octets, result = outcome(o, how)
      local expected, known = one_by_one(o, how)
      balanced(result)
      if how.drop > 0 then return end -- which messages are lost depends on how they were written
      if o.closed and o.binds > 1 then -- the same messages, over other binds
        table.sort(expected)
        table.sort(octets)
      end
      for i = 1, math.max(#expected, #octets) do assert.equal(expected[i], octets[i]) end
      if o.closed and o.binds > 1 then return assert.equal(known.sent, result.sent) end
      for _, name in ipairs(FIGURES) do assert.same(known[name], result[name], name) end
    end)
  end)

  it("is not for what needs Lua for each message", function()
    for _, o in ipairs {
      { receipts = true }, { length = "1-10" }, { encoding = { "gsm7:50%", "ucs2" } }, { to = { "70%:49[7]", "44[7]" } }, { from = { "a", "b" } },
      { to = "49[1-100]" }, { text = ("x"):rep(200) }, { script = { message = function() end } }, { to = "49[#17]" },
    } do
      o[1], o.loop = URL, virtual_loop.new {}
      local run = assert(load.prepare(assert(load.read(o))))
      assert.is_nil(run.engine.sender.stamps)
    end
    local run = assert(load.prepare(assert(load.read { URL, loop = virtual_loop.new {} })))
    assert.truthy(run.engine.sender.stamps)
  end)

  it("says what a session's version cannot carry", async.virtual(function()
    local server = assert(smpp.server { port = 2775, version = "3.3", submit_sm = function() return "1" end })
    local ok, message = smpp.pcall(load.run, { { URL, version = "3.3" }, fields = { validity_period = "000000010000000R", destination_port = 5 }, count = 2 })
    assert.is_false(ok)
    assert.matches("dest_port: TLVs are not supported", tostring(message))
    server:close()
  end))
end)
