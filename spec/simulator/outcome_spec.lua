local latency = require "smpp.simulator.latency"
local random = require "smpp.base.random"
local mc = require "spec.support.mc"
local orders = require "smpp.simulator.directives"
local outcome = require "smpp.simulator.outcome"
local simulator = require "smpp.simulator"

local with = mc.simulated

local function send(esme, to, text, more)
  local fields = { source_addr = "1234", destination_addr = to or "491761234567", short_message = text or "x", registered_delivery = 1 }
  for name, value in pairs(more or {}) do fields[name] = value end
  return esme:submit_sm(fields)
end

describe("smpp.simulator.outcome: a time that varies", function()
  local random = random.generator(7)
  local function many(value, n)
    local list = {}
    for i = 1, n or 2000 do list[i] = latency.draw(value, random) end
    table.sort(list)
    return list
  end

  it("is fixed, uniform, normal, with spikes, by checks, or from a function", function()
    assert.equal(0.5, latency.draw(0.5, random))
    local list = many { uniform = { 1, 3 } }
    assert.is_true(list[1] >= 1 and list[2000] <= 3)
    assert.near(2, list[1000], 0.1)
    list = many { normal = { 2, 0.5 } }
    assert.near(2, list[1000], 0.06)
    assert.near(1.5, list[math.floor(2000 * 0.159)], 0.1)
    assert.is_true(many({ normal = { 0.1, 1 } })[1] == 0)
    list = many { spikes = { 0.1, 9, 10 } }
    assert.equal(0.1, list[1600])
    assert.equal(9, list[1980])
    list = many { checks = { 5, 75, 12 } }
    assert.same({ 5, 5, 12 }, { list[1], list[1400], list[2000] })
    assert.equal(10, list[math.floor(2000 * 0.85)])
    assert.equal(4, latency.draw(function() return 4 end, random))
    assert.equal(0, latency.draw(function() end, random))
  end)

  it("is refused when it is none", function()
    for _, value in ipairs { -1, 0 / 0, "x", {}, { uniform = { 1 } }, { uniform = { 1, "x" } }, { uniform = { 1, 2 }, normal = { 1, 2 } },
      { nosuch = { 1 } }, { checks = { 0, 50, 1 } }, { spikes = { 1, 2, -3 } }, true } do
      assert.is_string(latency.wrong(value))
    end
    for _, value in ipairs { 0, 1.5, { uniform = { 0, 1 } }, { checks = { 1, 50, 9 } }, function() end } do assert.is_nil(latency.wrong(value)) end
  end)
end)

describe("smpp.simulator.outcome: directives in a text", function()
  it("are read", function()
    for text, expected in pairs {
      ["sim: undelivered after 3s"] = { state = "UNDELIVERABLE", after_s = 3 },
      ["SIM: Delivered After 500ms Error 12"] = { state = "DELIVERED", after_s = 0.5, error = 12 },
      ["sim: expired after 2m, no receipt"] = { state = "EXPIRED", after_s = 120, no_receipt = true },
      ["sim: rejected error 7"] = { state = "REJECTED", error = 7 },
      ["sim:enroute"] = { state = false },
      ["sim: reject RINVDSTADR"] = { status = "ESME_RINVDSTADR" }, ["sim: reject invdstadr"] = { status = "ESME_RINVDSTADR" },
      ["sim: reject ESME_RTHROTTLED"] = { status = "ESME_RTHROTTLED" }, ["sim: reject 0x400"] = { status = 1024 }, ["sim: reject 8"] = { status = 8 },
      ["sim: answer after 2.5s"] = { answer_s = 2.5 }, ["sim: drop"] = { fault = "drop" }, ["sim: wrong sequence"] = { fault = "wrong_sequence" },
      ["sim: half pdu"] = { fault = "half_pdu" }, ["sim: reply Hello, you"] = { reply = "Hello, you" },
      ["sim: accepted, reply a, b"] = { state = "ACCEPTED", reply = "a, b" },
      ["sim: fly to the moon"] = { unknown = "fly to the moon" }, ["sim: no way"] = { unknown = "no way" }, ["sim: reply"] = { unknown = "reply" },
      ["sim: answer after soon"] = { unknown = "answer after soon" }, ["sim: enroute now"] = { unknown = "enroute now" }, ["sim: reject NOSUCH, drop"] = { unknown = "reject NOSUCH", fault = "drop" },
    } do
      assert.same(expected, orders.read(text), text)
    end
    assert.is_nil(orders.read "simple text")
    assert.is_nil(orders.read "about sim: cards")
    assert.same({}, orders.read "sim:")
  end)

  it("set a message's outcome, in any coding", function()
    with({}, function(w, sim, esme, got)
      send(esme, nil, "sim: undelivered after 3s error 27")
      w:sleep(2.9)
      assert.equal(0, #got)
      w:sleep(0.2)
      assert.matches("stat:UNDELIV err:027", got[1].short_message)
      assert.equal("ESME_RINVDSTADR", select(3, send(esme, nil, "sim: reject RINVDSTADR")))
      send(esme, nil, "sim: delivered, no receipt")
      send(esme, nil, "\0s\0i\0m\0:\0 \0e\0n\0r\0o\0u\0t\0e", { data_coding = 8 })
      w:sleep(5)
      assert.equal(1, #got)
      assert.equal("ENROUTE", sim:messages()[3].state)
      send(esme, nil, "sim: reply Thanks, bye")
      w:sleep(2)
      assert.equal(3, #got)
      local mo = got[2].esm_class == 0 and got[2] or got[3]
      assert.same({ "Thanks, bye", "491761234567", "1234" }, { mo.short_message, mo.source_addr, mo.destination_addr })
      local before = w.loop:now()
      assert.is_truthy(send(esme, nil, "sim: answer after 4s"))
      assert.equal(4, w.loop:now() - before)
      send(esme, nil, "sim: nonsense")
      assert.matches("unknown \"sim:\" directive 'nonsense'", w.errors[1])
      assert.equal(1, sim.counts.refused)
    end)
    with({ orders = false }, function(_, _, esme) assert.is_truthy(send(esme, nil, "sim: reject RINVDSTADR")) end)
  end)
end)

describe("smpp.simulator.outcome: a message's outcome", function()
  it("is chance, weighted", function()
    with({ outcomes = { DELIVERED = 60, UNDELIVERABLE = 30, ENROUTE = 10 }, seed = 3, deliver_after_s = 0 }, function(w, sim, esme)
      for _ = 1, 1000 do send(esme) end
      w:sleep(2)
      local counts = {}
      for _, message in ipairs(sim:messages()) do
        counts[message.state] = (counts[message.state] or 0) + 1
        assert.equal(message.state == "ENROUTE", message.done == nil)
      end
      assert.near(600, counts.DELIVERED, 50)
      assert.near(300, counts.UNDELIVERABLE, 50)
      assert.near(100, counts.ENROUTE, 30)
    end)
  end)

  it("is the same with the same seed", function()
    local function run(seed)
      local states = {}
      with({ outcomes = { DELIVERED = 50, EXPIRED = 50 }, seed = seed, deliver_after_s = { uniform = { 0, 5 } } }, function(w, sim, esme)
        for _ = 1, 40 do send(esme) end
        w:sleep(6)
        for i, message in ipairs(sim:messages()) do states[i] = message.state .. ("%.3f"):format(message.done) end
      end)
      return table.concat(states, " ")
    end
    assert.equal(run(5), run(5))
    assert.are_not.equal(run(5), run(6))
  end)

  it("follows the destination's first digit", function()
    with({ by_digit = true, deliver_after_s = 0 }, function(w, sim, esme)
      for _, to in ipairs { "1", "22", "+331", "4", "5", "6", "9" } do send(esme, to) end
      w:sleep(1)
      local states = {}
      for i, message in ipairs(sim:messages()) do states[i] = message.state end
      assert.same({ "EXPIRED", "DELETED", "UNDELIVERABLE", "ACCEPTED", "REJECTED", "DELIVERED", "DELIVERED" }, states)
    end)
  end)

  it("follows lists of numbers and patterns", function()
    with({ undeliverable = { "4911", "^4922" }, deliver_after_s = 0, error_codes = { UNDELIVERABLE = 9 } }, function(w, sim, esme, got)
      for _, to in ipairs { "4911", "49110", "49225", "149225" } do send(esme, to) end
      w:sleep(1)
      local states = {}
      for i, message in ipairs(sim:messages()) do states[i] = message.state end
      assert.same({ "UNDELIVERABLE", "DELIVERED", "UNDELIVERABLE", "DELIVERED" }, states)
      assert.matches("err:009", got[1].short_message)
    end)
  end)

  it("follows the first rule that fits", function()
    with({
      deliver_after_s = 0,
      rules = {
        { destination = "^4999", state = "EXPIRED", after_s = 2, error = 13 }, { source = "^77$", state = "REJECTED" },
        { text = "STOP", status = "ESME_RINVDSTADR" }, { system_id = "esme2", state = "SKIPPED" },
        { destination = "^4998", receipt = { stat = "BUFFERD" } }, { destination = "^4997", receipt = false },
        { destination = "^4996", answer_s = 3 }, { destination = "^4995", percent = 0, state = "DELETED" },
        { destination = "^4994", state = false }, { destination = "^4993", fault = "duplicate" },
        function(message)
          if message.destination_addr == "1" then return { state = "UNKNOWN" } end
        end,
      },
    }, function(w, sim, esme, got)
      send(esme, "49991")
      send(esme, "1", nil, { source_addr = "77" })
      send(esme, "1")
      send(esme, "49981")
      send(esme, "49971")
      send(esme, "4995")
      assert.equal("ESME_RINVDSTADR", select(3, send(esme, "5", "please STOP now")))
      local before = w.loop:now()
      send(esme, "4996")
      assert.near(3, w.loop:now() - before, 0.01)
      send(w:bind { system_id = "esme2" }, "6")
      send(esme, "4994")
      send(esme, "4993")
      assert.equal(1, sim.counts.faults)
      w:sleep(3)
      local states = {}
      for i, message in ipairs(sim:messages()) do states[i] = message.state end
      assert.same({ "EXPIRED", "REJECTED", "UNKNOWN", "DELIVERED", "DELIVERED", "DELIVERED", "DELIVERED", "SKIPPED", "ENROUTE", "DELIVERED" }, states)
      local stats = {}
      for _, pdu in ipairs(got) do stats[pdu.source_addr] = pdu.short_message:match "stat:(%S+)" end
      assert.equal("BUFFERD", stats["49981"])
      assert.is_nil(stats["49971"])
      assert.equal(13, sim:messages()[1].error)
    end)
  end)

  it("is refused in parts of the cases", function()
    with({ refusals = { ESME_RSYSERR = 30, ESME_RMSGQFUL = 10 }, seed = 1 }, function(_, sim, esme)
      local codes = {}
      for _ = 1, 1000 do
        local ok, _, code = send(esme)
        code = ok and "ok" or code
        codes[code] = (codes[code] or 0) + 1
      end
      assert.near(100, codes.ESME_RMSGQFUL, 40)
      assert.near(270, codes.ESME_RSYSERR, 60)
      assert.equal(1000, codes.ok + codes.ESME_RMSGQFUL + codes.ESME_RSYSERR)
      assert.equal(1000 - codes.ok, sim.counts.refused)
    end)
  end)

  it("is throttled, in turns", function()
    with({ throttle = { rate_per_s = 5, burst = 2, on_s = 10, off_s = 20 } }, function(w, _, esme)
      local function count(n)
        local ok = 0
        for _ = 1, n do ok = ok + (send(esme) and 1 or 0) end
        return ok
      end
      assert.equal(2, count(6))
      assert.equal("ESME_RTHROTTLED", select(3, send(esme)))
      w:sleep(0.2)
      assert.equal(1, count(3))
      w:sleep(11)
      assert.equal(30, count(30))
      w:sleep(20)
      assert.equal(2, count(30))
    end)
  end)

  it("is discarded after a while", function()
    with({ discard_after_s = 60, deliver_after_s = 0 }, function(w, sim, esme)
      send(esme)
      w:sleep(30)
      assert.equal(1, #sim:messages())
      w:sleep(60)
      assert.equal(0, #sim:messages())
    end)
    with({ deliver_after_s = 0 }, function(w, sim, esme)
      send(esme)
      w:sleep(600)
      assert.equal(1, #sim:messages())
      sim:set { discard_after_s = 60 }
      w:sleep(7)
      assert.equal(0, #sim:messages())
    end)
  end)

  it("must be described well: what is wrong, and where", function()
    for _, case in ipairs {
      { { outcomes = { DELIVRD = 1 } }, 'outcomes.DELIVRD: expected one of "DELIVERED", "EXPIRED", ' },
      { { outcomes = { DELIVRD = 1 } }, "got 'DELIVRD'; did you mean 'DELIVERED'?" },
      { { outcomes = { DELIVERED = -1 } }, "outcomes.DELIVERED: expected a number >= 0, got -1" },
      { { outcomes = { DELIVERED = 0 } }, "outcomes: expected a weight above 0" }, { { outcomes = 5 }, "outcomes: expected a table" },
      { { rules = { { dest = "x" } } }, "unknown option 'rules[1].dest'" },
      { { rules = { { state = false }, { state = "GONE" } } }, 'rules[2].state: expected one of "DELIVERED"' },
      { { rules = { 5 } }, "rules[1]: expected a table of options or a function, got 5" }, { { rules = 5 }, "rules: expected a list of rules, got 5" },
      { { rules = { { after_s = "x" } } }, "rules[1].after_s: expected seconds" },
      { { rules = { { status = "ESME_RSYSER" } } }, "rules[1].status: unknown command_status 'ESME_RSYSER'; did you mean ESME_RSYSERR" },
      { { rules = { { status = "0x400" } } }, "rules[1].status: expected the name or number of a command_status, got '0x400'" },
      { { rules = { { status = 0 } } }, "rules[1].status: expected an integer from 1 to 4294967295, got 0" },
      { { rules = { { fault = "dropp" } } }, "got 'dropp'; did you mean 'drop'?" }, { { rules = { { percent = 101 } } }, "rules[1].percent: expected a number from 0 to 100" },
      { { rules = { { destination = "^49[" } } }, "rules[1].destination: invalid Lua pattern '^49['" },
      { { rules = { { text = "(a" } } }, "rules[1].text: invalid Lua pattern '(a'" }, { { rules = { { source = "a%" } } }, "rules[1].source: invalid Lua pattern 'a%'" },
      { { undeliverable = { 49 } }, "undeliverable[1]: expected a Lua pattern, got 49" }, { { undeliverable = { "1", "^[" } }, "undeliverable[2]: invalid Lua pattern '^['" },
      { { undeliverable = "49" }, "undeliverable: expected a list of numbers and patterns" }, { { deliver_after_s = "1s" }, "deliver_after_s: expected seconds" },
      { { deliver_after_s = { normal = { 1 } } }, "deliver_after_s: normal: expected 2 numbers" }, { { latency_s = -1 }, "latency_s: expected a number >= 0" },
      { { behaviour = "angry" }, 'behaviour: expected one of "dead", ' },
      { { faults = { dropp = 1 } }, "unknown option 'faults.dropp'; did you mean 'faults.drop'?" }, { { faults = { drop = 101 } }, "faults.drop: expected a number" },
      { { mo = { rate = 5 } }, "unknown option 'mo.rate'" }, { { mo = { messages = { "x", 5 } } }, "mo.messages[2]: expected a string or a table, got 5" },
      { { outbind = { host = "h", port = 1, when = "never" } }, 'outbind.when: expected one of "start", "waiting"' }, { { outbind = {} }, "outbind.host: missing" },
      { { outbind = { host = "h" } }, "outbind.port: missing" }, { { throttle = {} }, "throttle.rate_per_s: missing" },
      { { throttle = { rate_per_s = 1, status = "x" } }, "throttle.status: " }, { { bind_status = {} }, "bind_status: " },
      { { bind_status = "ESME_RNO" }, "bind_status: unknown command_status" }, { { refusals = { ESME_RNO = 5 } }, "refusals.ESME_RNO: unknown command_status" },
      { { refusals = { ESME_RSYSERR = 101, ESME_RMSGQFUL = 101 } }, "refusals.ESME_RMSGQFUL: expected a number from 0 to 100" }, { { refusals = 5 }, "refusals: expected a table" },
      { { error_codes = { GONE = 1 } }, "error_codes.GONE: expected one of" }, { { error_codes = { DELIVERED = "x" } }, "error_codes.DELIVERED: expected an integer" },
      { { receipt_extra = { { 1, "x" }, 5 } }, "receipt_extra[2]: expected { tag, octets }" }, { { lists = { a = 5 } }, "lists.a: expected a table" },
      { { lists = { {} } }, "lists[1]: expected a string" }, { { seed = "x" }, "seed: expected a number" }, { { seed = 0 / 0 }, "seed: expected a number" },
      { { nosuch = 1 }, "unknown option 'nosuch'" }, { { delver_after_s = 1 }, "did you mean 'deliver_after_s'" },
      { { accounts = {}, authenticate = print }, "accounts or authenticate, not both" },
    } do
      local ok, message = pcall(function() return (simulator.new(case[1])) end)
      assert.is_false(ok, case[2])
      assert.matches("^spec/simulator/outcome_spec.lua:%d+: ", message) -- whose mistake it is
      assert.is_truthy(message:find(case[2], 1, true), message)
    end
    assert.is_true(outcome.weights_kind.fits { DELIVERED = 1 })
    for _, pattern in ipairs { "^49", "[%]]", "[]]", "[^]%d]", "%[", "%%", "(a)()%1", "%b()", "%f[%d]", "" } do
      assert.is_true(outcome.pattern_kind.fits(pattern), pattern)
    end
  end)

  it("is checked when a function decides: the message is refused, and it is said why", function()
    with({ rules = { function(message) return { [message.destination_addr == "1" and "fault" or "state"] = "x" } end } }, function(w, sim, esme)
      assert.equal("ESME_RSYSERR", select(3, send(esme, "1")))
      assert.equal("ESME_RSYSERR", select(3, send(esme, "2")))
      assert.matches("rules%[1%]%.fault: ", w.errors[1])
      assert.matches("rules%[1%]%.state: expected one of", w.errors[2])
      assert.same({ 0, 0 }, { sim.counts.messages, sim.counts.faults })
    end)
  end)
end)
