local async = require "spec.support.async"
local load = require "smpp.load"
local smpp = require "smpp"

local virtual = async.virtual

local URL = "smpp://me:secret@127.0.0.1:2775"

--- A body with a message centre whose answer to the n-th submit_sm `answer(n, pdu)` gives, after it has waited as long as it likes.
local function with(answer, body, o)
  return virtual(function(loop)
    local n = 0
    local server = assert(smpp.server { port = 2775, answer_timeout_s = 1000, max_unanswered = 60000, submit_sm = function(session, pdu)
      n = n + 1
      return answer(n, pdu, session)
    end })
    body(loop, server)
    server:close()
  end, o or { seed = 1, limit_s = 100000 })
end

local function delayed(seconds)
  return function(n)
    smpp.sleep(type(seconds) == "function" and seconds(n) or seconds)
    return "id" .. n
  end
end

local function sums(r)
  assert.equal(r.sent, r.answered + r.unknown)
  local all = 0
  for _, n in pairs(r.statuses) do all = all + n end
  assert.equal(r.answered, all)
  assert.equal(r.ok, r.statuses.ESME_ROK or 0)
  assert.equal(r.answered, r.latency_s.count)
  assert.equal(r.answered - r.ok + r.unknown + r.not_sent, r.errors)
  assert.equal(r.due, r.sent + r.not_sent)
  local totals = { sent = 0, answered = 0, errors = 0 }
  for _, row in ipairs(r.series) do
    for name in pairs(totals) do totals[name] = totals[name] + row[name] end
  end
  for name, total in pairs(totals) do assert.equal(r[name], total, name) end
end

describe("smpp.load: the open model", function()
  it("measures ten minutes in virtual time, exactly", with(delayed(0.01), function(loop)
    local r = assert(load.run { URL, rate = 20, for_s = 600 })
    sums(r)
    assert.equal(12000, r.sent)
    assert.equal(12000, r.ok)
    assert.near(600, r.duration_s, 1e-6)
    assert.near(20, r.rate, 1e-6)
    for _, name in ipairs { "min", "p50", "p99", "max" } do assert.near(0.01, r.latency_s[name], 2e-5, name) end
    assert.equal(600, #r.series)
    assert.equal(20, r.series[300].sent)
    assert.is_true(r.trustworthy)
    assert.is_true(loop:now() < 620)
  end))

  it("knows two delays apart", with(delayed(function(n) return n % 10 == 0 and 0.5 or 0.005 end), function()
    local r = assert(load.run { URL, rate = 100, for_s = 60 })
    sums(r)
    for name, wanted in pairs { min = 0.005, p50 = 0.005, p90 = 0.005, p95 = 0.5, p99 = 0.5, p999 = 0.5, max = 0.5 } do
      assert.near(wanted, r.latency_s[name], 0.002 * wanted, name)
    end
    assert.near(0.0545, r.latency_s.mean, 1e-4)
  end))

  it("counts a stall from when messages were due: no coordinated omission", function()
    local stall
    with(function(n)
      if stall then smpp.sleep(math.max(0, stall - smpp.loop.current():now())) end
      return "id" .. n
    end, function(loop)
      smpp.spawn(function()
        smpp.sleep(4)
        stall = loop:now() + 2
        smpp.sleep(2)
        stall = nil
      end)
      -- A window of 10: after it is full the messages wait for the peer.
      local r = assert(load.run { URL, rate = 100, for_s = 10, window = 10 })
      sums(r)
      assert.equal(1000, r.sent)
      -- 200 of 1000 messages were due in the stall, evenly: a tenth waited more than 1 s, a hundredth more than 1.9 s.
      for name, wanted in pairs { p90 = 1, p95 = 1.5, p99 = 1.9, max = 2 } do assert.near(wanted, r.latency_s[name], 0.02 * wanted, name) end
      assert.is_true(r.latency_s.p50 < 0.001)
      assert.is_true(r.service_time_s.p90 < 0.001, "the service time hides it")
      assert.near(190, r.waited.count, 3)
      assert.near(2, r.waited.max_s, 0.1)
      assert.equal(0, r.late.count) -- the peer's fault, not the generator's
      assert.is_true(r.trustworthy)
    end)()
  end)

  it("follows stages", with(delayed(0.001), function()
    local r = assert(load.run { URL, stages = load.grammar.stages "0:10/s, 10s:10/s, 10s:50/s, 20s:50/s" })
    sums(r)
    assert.equal(600, r.sent)
    assert.equal(10, r.series[5].sent)
    assert.equal(50, r.series[15].sent)
    assert.equal(50, r.series[15].target)
  end))

  it("keeps the warm-up out of all figures", with(delayed(function(n) return n <= 50 and 5 or 0.01 end), function()
    local r = assert(load.run { URL, rate = 10, for_s = 10, warm_up_s = 5 })
    sums(r)
    assert.equal(50, r.warm_up.sent)
    assert.equal(100, r.sent)
    assert.near(0.01, r.latency_s.max, 1e-4)
  end))

  it("spreads over binds", with(delayed(0.01), function(_, server)
    local bound = 0
    server:on("session", function() bound = bound + 1 end)
    local r = assert(load.run { URL, rate = 100, count = 100, binds = 4 })
    assert.same({ wanted = 4, up = 4, refused = {} }, r.binds)
    assert.equal(4, bound)
    assert.equal(100, r.sent)
  end))
end)

describe("smpp.load: the closed model", function()
  it("keeps the window full and no fuller", function()
    local open, most = 0, 0
    with(function(n)
      open = open + 1
      most = math.max(most, open)
      smpp.sleep(0.1)
      open = open - 1
      return "id" .. n
    end, function()
      local r = assert(load.run { URL, closed = true, window = 7, for_s = 10 })
      sums(r)
      assert.equal(7, most)
      assert.near(700, r.sent, 8)
      assert.is_nil(r.rate_target)
      assert.near(0.1, r.latency_s.p99, 1e-3)
    end)()
  end)

  it("ends at a count", with(delayed(0.01), function()
    local r = assert(load.run { URL, closed = true, count = 123 })
    sums(r)
    assert.equal(123, r.sent)
  end))
end)

describe("smpp.load: errors", function()
  it("are refusals, throttles among them", with(function(n)
    if n % 4 == 0 then return nil, "ESME_RTHROTTLED" end
    if n % 10 == 1 then return nil, "ESME_RINVDSTADR" end
    return "x"
  end, function()
    local r = assert(load.run { URL, rate = 100, count = 100 })
    sums(r)
    assert.same({ ESME_ROK = 65, ESME_RTHROTTLED = 25, ESME_RINVDSTADR = 10 }, r.statuses)
    assert.equal(35, r.errors)
    assert.equal(25, r.throttled)
  end))

  it("are messages without an answer, which are in no percentile", with(function(n)
    if n == 5 then smpp.sleep(500) end
    return "x"
  end, function()
    local r = assert(load.run { URL, rate = 10, count = 20, response_timeout_s = 2 })
    sums(r)
    assert.equal(1, r.unknown)
    assert.equal(19, r.latency_s.count)
    assert.is_true(r.latency_s.max < 0.1)
  end))

  it("are messages in flight when the connection is lost; the test goes on when it is back", function()
    with(function(n, _, session)
      if n == 15 then session:close() end
      return "x"
    end, function()
      local r = assert(load.run { URL, rate = 10, for_s = 10 })
      sums(r)
      assert.equal(1, r.unknown)
      assert.equal(100, r.due)
      assert.equal(99, r.ok)
      assert.equal(1, r.reconnections)
      assert.is_true(r.latency_s.max > 0.5) -- the reconnection's back-off is in the latency
    end)()
  end)

  it("end the test when no bind comes back", function()
    with(function(n, _, session)
      if n == 10 then smpp.spawn(function() session:close() end) end
      return "x"
    end, function(_, server)
      smpp.spawn(function()
        smpp.sleep(0.5)
        server:close()
      end)
      local r = assert(load.run { URL, rate = 10, for_s = 60, give_up_s = 5 })
      sums(r)
      assert.equal("lost", r.ended)
      assert.is_true(r.not_sent > 0)
    end)()
  end)

  it("are all messages from where the generator is too late", with(delayed(100), function()
    local r = assert(load.run { URL, rate = 10, for_s = 100, window = 1, max_late_s = 5, response_timeout_s = 200, drain_s = 200 })
    sums(r)
    assert.equal("late", r.ended)
    assert.equal(1000, r.due)
    assert.equal(1, r.sent)
    assert.is_false(r.trustworthy)
  end))

  it("return where no bind succeeds", virtual(function()
    local r, message, code = load.run { URL, rate = 10, count = 1 }
    assert.is_nil(r)
    assert.truthy(message)
    assert.equal("connect_failed", code)
  end))

  it("of the program raise", virtual(function()
    for _, case in ipairs {
      { { URL, rat = 5 }, "did you mean 'rate'" }, { { URL, rate = 5, closed = true }, "closed" }, { { URL, fail_if = "p98 > 1s" }, "one of" },
      { { URL, to = "49[" }, "to: invalid pattern" }, { { URL, encoding = "klingon" }, "klingon" }, { {}, "missing URL" },
      { { URL, script = { mesage = print } }, "did you mean 'message'" }, { { URL, length = "0" }, "length" },
    } do
      local ok, message = smpp.pcall(load.run, case[1])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end))
end)

describe("smpp.load: messages", function()
  local function collect(o)
    local seen = {}
    with(function(_, pdu)
      seen[#seen + 1] = pdu:totable()
      return tostring(#seen)
    end, function()
      o[1], o.seed = URL, o.seed or 5
      o.rate, o.count = o.rate or 100, o.count or 100
      local r = assert(load.run(o))
      sums(r)
      seen.result = r
    end)()
    return seen
  end

  it("have addresses by patterns and shares", function()
    local seen = collect { to = { "70%:4917[7]", "+1[#10]" }, from = "Shop", count = 300 }
    local german = 0
    for i, pdu in ipairs(seen) do
      assert.equal("Shop", pdu.source_addr)
      assert.equal(5, pdu.source_addr_ton)
      if pdu.destination_addr:find "^4917%d%d%d%d%d%d%d$" then
        german = german + 1
      else
        assert.equal(("1%010d"):format(i - 1), pdu.destination_addr)
        assert.equal(1, pdu.dest_addr_ton)
      end
    end
    assert.near(210, german, 30)
  end)

  it("are the same for the same seed", function()
    local a, b, c = collect { seed = 9 }, collect { seed = 9 }, collect { seed = 10 }
    for i = 1, 100 do assert.equal(a[i].destination_addr, b[i].destination_addr) end
    assert.not_equal(a[1].destination_addr, c[1].destination_addr)
  end)

  it("have several parts, each with the reference of its text", function()
    local seen = collect { length = "400", count = 5 }
    assert.equal(15, #seen)
    assert.equal(5, seen.result.messages)
    assert.equal(15, seen.result.sent)
    local references = {}
    for i = 1, 15, 3 do
      local reference = seen[i].short_message:byte(4)
      for k = 0, 2 do
        local octets = seen[i + k].short_message
        assert.equal("\5\0\3" .. string.char(reference, 3, k + 1), octets:sub(1, 6))
        assert.equal(seen[i].destination_addr, seen[i + k].destination_addr)
      end
      assert.is_nil(references[reference])
      references[reference] = true
    end
  end)

  it("have encodings by shares", function()
    local seen = collect { encoding = { "ucs2:30%", "gsm7" }, count = 400 }
    local ucs2 = 0
    for _, pdu in ipairs(seen) do
      if pdu.data_coding == 8 then ucs2 = ucs2 + 1 end
    end
    assert.near(120, ucs2, 40)
  end)

  it("have texts in their order, and fields", function()
    local seen = collect { texts = { "a", "b", "c" }, text_order = true, count = 6, fields = { validity_s = 60, user_message_reference = 7 } }
    assert.equal("abcabc", seen[1].short_message .. seen[2].short_message .. seen[3].short_message .. seen[4].short_message .. seen[5].short_message .. seen[6].short_message)
    assert.equal("000000000100000R", seen[1].validity_period)
    assert.same({ { tag = 0x204, octets = "\0\7" } }, seen[1].tlvs)
  end)

  it("come from a script, which is asked about each answer", function()
    local answered, done = 0, nil
    local seen = collect { script = {
      message = function(n) if n <= 10 then return { to = "49" .. n, text = "n" .. n } end end,
      answered = function(answer)
        answered = answered + 1
        assert.equal("ESME_ROK", answer.status)
      end,
      check = function(answer) return { numbered = tonumber(answer.message_id) ~= nil, never = false } end,
      done = function(result) done = result end,
    }, count = 100 }
    assert.equal(10, #seen)
    assert.equal("n3", seen[3].short_message)
    assert.equal(10, answered)
    assert.equal(seen.result, done)
    assert.same({ numbered = { passed = 10, failed = 0 }, never = { passed = 0, failed = 10 } }, seen.result.checks)
  end)
end)

describe("smpp.load: receipts", function()
  it("are counted, and their latency is from when the message was due", virtual(function()
    local sim = assert(smpp.simulator { port = 2775, deliver_after_s = 3, latency_s = 0.1, outcomes = { DELIVERED = 80, UNDELIVERABLE = 20 }, seed = 3 })
    local r = assert(load.run { URL, rate = 20, for_s = 10, receipts = true })
    sums(r)
    assert.same(200, r.receipts.wanted)
    assert.same(200, r.receipts.final)
    assert.near(160, r.receipts.delivered, 25)
    assert.near(3.1, r.receipt_s.p50, 0.15)
    sim:close()
  end, { seed = 1, limit_s = 1000 }))

  it("that come before their answers count, and those that never come are waited for no longer than asked", function()
    local asked = 0
    with(function(n, pdu, session)
      asked = asked + 1
      if n % 2 == 0 then
        smpp.spawn(function()
          session:deliver_sm { source_addr = pdu.destination_addr, destination_addr = "1", esm_class = 4,
            short_message = ("id:m%d sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:"):format(n) }
        end)
        smpp.sleep(0.5)
      end
      return "m" .. n
    end, function(loop)
      local began = loop:now()
      local r = assert(load.run { URL, rate = 10, count = 10, receipts = true, receipt_wait_s = 7 })
      assert.equal(10, r.receipts.wanted)
      assert.equal(5, r.receipts.final)
      assert.near(8.4, loop:now() - began, 0.5)
    end)()
  end)
end)

describe("smpp.load: a script that raises", function()
  local function message(n) return { to = "49" .. n, text = "x" } end

  it("ends the test, whichever of its functions it is", with(delayed(0.01), function(loop)
    local function bang() error("bang", 0) end
    for name, script in pairs {
      setup = { setup = bang, message = message }, message = { message = function(n) return n < 5 and message(n) or bang() end },
      answered = { message = message, answered = bang }, check = { message = message, check = bang }, done = { message = message, done = bang },
    } do
      local began = loop:now()
      local ok, why = smpp.pcall(load.run, { URL, rate = 10, count = 50, script = script })
      assert.same({ false, "bang" }, { ok, why }, name)
      assert.is_true(loop:now() - began < (name == "done" and 10 or 3), name)
    end
  end))

  it("gives the figures of what was done", with(delayed(0.01), function()
    local run = assert(load.prepare(assert(load.read { URL, rate = 10, count = 50, script = { message = function(n)
      if n == 25 then error("bang") end
      return message(n)
    end } })))
    assert(run:bind())
    local r = run:work()
    sums(r)
    assert.same({ "failed", 24 }, { r.ended, r.ok })
    assert.matches("init_spec.lua:%d+: bang", r.failure)
  end))
end)

describe("smpp.load: memory", function()
  it("does not grow with the duration, but for the row of each second", with(delayed(0.05), function()
    for _, o in ipairs { {}, { length = "10-20" }, { closed = true, window = 1 } } do
      local held, rows = {}, 0
      local r = assert(load.run { URL, rate = not o.closed and 20 or nil, closed = o.closed, window = o.window, length = o.length, for_s = 120,
        on_second = function()
          rows = rows + 1
          if rows % 20 == 0 then
            collectgarbage()
            collectgarbage()
            held[#held + 1] = collectgarbage("count")
          end
        end })
      assert.is_true(#r.series >= 120)
      assert.is_true((held[6] - held[2]) / 80 < 1, ("%g KB a second"):format((held[6] - held[2]) / 80))
    end
  end))
end)

describe("smpp.load: rules", function()
  it("are judged at the end", with(delayed(0.2), function()
    local r = assert(load.run { URL, rate = 10, count = 20, fail_if = { "p99 > 100ms", "errors > 0" } })
    assert.is_true(r.failed)
    assert.is_true(r.fail_if[1].holds)
    assert.is_false(r.fail_if[2].holds)
    assert.near(0.2, r.fail_if[1].value, 1e-3)
  end))

  it("with abort: end the test, after five seconds at the earliest", with(delayed(0.2), function(loop)
    local began = loop:now()
    local r = assert(load.run { URL, rate = 10, for_s = 600, fail_if = "abort: p99 > 100ms" })
    assert.equal("rule", r.ended)
    assert.is_true(r.failed)
    assert.near(5.3, loop:now() - began, 0.5)
  end))
end)
