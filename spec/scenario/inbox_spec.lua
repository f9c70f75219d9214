local scenario = require "smpp.scenario"
local scenarios = require "spec.support.scenarios"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

--- A bound message centre and a scripted ESME.
local function pair(t, o)
  o = o or {}
  o.bind = true
  local smsc = t:smsc(o)
  local esme = t:esme { smsc, "me:secret", scripted = true, unexpected = "ignore" }
  esme:bind()
  return smsc, esme
end

local function submit(esme, to) return esme:send("submit_sm", { destination_addr = to, short_message = to }) end

describe("smpp.scenario.inbox: expect", function()
  it("takes the oldest, waits for it, and hands its fields over", on_both(function(t)
    local smsc, esme = pair(t)
    local one = submit(esme, "1")
    local first = smsc:expect("submit_sm", { destination_addr = "1" })
    t:equal({ first.destination_addr, first.pdu.command, first.session == smsc:session() }, { "1", "submit_sm", true })
    first:answer { message_id = "x" }
    t:equal(one:expect().message_id, "x")
    local began = t:now()
    t:go(function()
      t:pause(0.2)
      submit(esme, "2")
    end)
    t:check(smsc:expect("submit_sm"):answer().at_s - began >= 0.19)
  end))

  it("fails at once when the oldest is another one, also when it comes while it waits", function()
    local failure = fails("expect", "expected submit_sm with destination_addr \"2\", got \"1\"", function(t)
      local smsc, esme = pair(t)
      submit(esme, "1")
      submit(esme, "2")
      t:pause(0.1)
      smsc:expect("submit_sm", { destination_addr = "2" })
    end, nil, 5)
    assert.same({ "2", 0 }, { failure.nearest.pdu.fields.destination_addr, #failure.nearest.differs }) -- it came, but not first
    fails("expect", "expected query_sm, got submit_sm", function(t)
      local smsc, esme = pair(t, { unexpected = "ignore" })
      t:go(function()
        t:pause(1)
        submit(esme, "1")
      end)
      smsc:expect("query_sm", {}, { within_s = 3 })
    end, nil, 6)
  end)

  it("shows of several PDUs the nearest, the newest first", function()
    local failure = fails("expect", "nothing came within 1 s", function(t)
      local smsc, esme = pair(t)
      for _, to in ipairs { "1", "2", "3" } do
        submit(esme, to)
        smsc:expect("submit_sm"):answer()
      end
      smsc:expect("submit_sm", { destination_addr = "2", source_addr = "9" }, { within_s = 1 })
    end)
    assert.equal("2", failure.nearest.pdu.fields.destination_addr)
    assert.same({ "source_addr", '"9"', '""' }, { failure.nearest.differs[1].field, failure.nearest.differs[1].expected, failure.nearest.differs[1].got })
  end)

  it("any: the first that matches; what lies before stays", passes(function(t)
    local smsc, esme = pair(t)
    submit(esme, "1")
    submit(esme, "2")
    t:pause(0.1)
    smsc:expect("submit_sm", { destination_addr = "2" }, { any = true }):answer()
    smsc:expect("submit_sm", { destination_addr = "1" }):answer()
    t:go(function() submit(esme, "3") submit(esme, "4") end)
    smsc:expect("submit_sm", { destination_addr = "4" }, { any = true }):answer()
    smsc:expect("submit_sm", { destination_addr = "3" }):answer()
  end))

  it("optional: nil when another one is the oldest, or none comes; takes nothing then", passes(function(t)
    local smsc, esme = pair(t)
    t:equal(smsc:expect("submit_sm", {}, { optional = true, within_s = 1 }), nil)
    t:equal(t:now(), 1)
    submit(esme, "1")
    t:pause(0.1)
    t:equal(smsc:expect("query_sm", { optional = true }), nil)
    t:check(smsc:expect("submit_sm", { optional = true })):answer()
  end))

  it("times: a list, answered one by one", passes(function(t)
    local smsc, esme = pair(t)
    t:go(function()
      for i = 1, 3 do submit(esme, ("%d"):format(i)):expect() end
    end)
    local list = smsc:expect("submit_sm", { times = 3, answer = { message_id = "7" } })
    t:equal({ #list, list[3].destination_addr }, { 3, "3" })
    for i = 1, 2 do submit(esme, ("%d"):format(i)) end
    t:equal(#smsc:expect("submit_sm", { times = { 1, 5 }, within_s = 1, answer = true }), 2)
    t:equal(#smsc:expect("submit_sm", { times = { 0, 5 }, within_s = 1 }), 0)
  end))

  it("times fails when fewer come", function()
    fails("expect", "nothing came within 2 s", function(t)
      local smsc, esme = pair(t)
      submit(esme, "1")
      smsc:expect("submit_sm", { times = 2, within_s = 2 })
    end, nil, 3)
  end)

  it("not_before_s: too early fails", function()
    fails("expect", "submit_sm came after 1 s, expected not before 2 s", function(t)
      local smsc, esme = pair(t)
      t:go(function()
        t:pause(1)
        submit(esme, "1")
      end)
      smsc:expect("submit_sm", {}, { not_before_s = 2 })
    end, nil, 6)
    passes(function(t)
      local smsc, esme = pair(t)
      t:go(function()
        t:pause(2)
        submit(esme, "1")
      end)
      smsc:expect("submit_sm", {}, { not_before_s = 2 }):answer()
    end)()
  end)

  it("session: of one connection only", passes(function(t)
    local smsc = t:smsc { bind = true }
    local a = t:esme { smsc, "a:x", scripted = true }
    local b = t:esme { smsc, "b:x", scripted = true }
    a:bind()
    b:bind()
    submit(a, "1")
    submit(b, "2")
    t:pause(0.1)
    t:equal(smsc:session(2):expect("submit_sm"):answer().destination_addr, "2")
    t:equal(smsc:expect("submit_sm", { session = smsc:session(1) }):answer().destination_addr, "1")
  end))

  it("says that nobody has connected, or what came that is no PDU", function()
    fails("expect", "nobody has connected", function(t) t:smsc():bound() end)
    fails("expect", "what came is malformed", function(t)
      local smsc = t:smsc()
      t:peer { smsc }:write "GET / HTTP/1.0\r\n\r\n"
      smsc:bound()
    end)
  end)

  it("refuses unknown commands, fields and options", function()
    fails("script", "unknown command 'submit_ms'; did you mean 'submit_sm'", function(t) t:smsc():expect "submit_ms" end, nil, 0)
    fails("script", "unknown field 'destination'", function(t) t:smsc():expect("submit_sm", { destination = "1" }) end)
    fails("script", "unknown option 'withins'", function(t) t:smsc():expect("submit_sm", {}, { withins = 1 }) end)
  end)
end)

describe("smpp.scenario.inbox: expect_all", function()
  it("takes each once in any order; the list is in the script's", passes(function(t)
    local smsc, esme = pair(t)
    submit(esme, "2")
    t:pause(0.1)
    t:go(function()
      esme:send("query_sm", { message_id = "9" })
      submit(esme, "1")
    end)
    local list = smsc:expect_all { { "submit_sm", { destination_addr = "1" } }, { "submit_sm", { destination_addr = "2" } }, { "query_sm" }, answer = true }
    t:equal({ list[1].destination_addr, list[2].destination_addr, list[3].message_id }, { "1", "2", "9" })
  end))

  it("fails for what is not in the list, and for what does not come", function()
    fails("expect", "got \"3\"", function(t)
      local smsc, esme = pair(t)
      submit(esme, "1")
      submit(esme, "3")
      smsc:expect_all { { "submit_sm", { destination_addr = "1" } }, { "submit_sm", { destination_addr = "2" } } }
    end, nil, 4)
    fails("expect", "nothing came within 1 s", function(t)
      local smsc, esme = pair(t)
      submit(esme, "1")
      smsc:expect_all { { "submit_sm", { destination_addr = "1" } }, { "query_sm" }, within_s = 1, answer = true }
    end)
  end)
end)

describe("smpp.scenario.inbox: never, on, auto, the end", function()
  it("never: waits, and lets others pass", on_both(function(t)
    local smsc, esme = pair(t)
    submit(esme, "1")
    smsc:never("submit_sm", { destination_addr = "2" }, { for_s = 0.2 })
    smsc:expect("submit_sm"):answer()
    smsc:never("query_sm", { for_s = 0.1 })
  end))

  it("never: fails at once for what is there, or comes", function()
    fails("never", "submit_sm came, which must never come", function(t)
      local smsc, esme = pair(t)
      submit(esme, "1")
      t:pause(0.1)
      smsc:never("submit_sm", { for_s = 5 })
    end, nil, 4)
    fails("never", "submit_sm came", function(t)
      local smsc, esme = pair(t)
      smsc:never("submit_sm")
      t:pause(2)
      submit(esme, "1")
      smsc:expect("submit_sm")
    end, nil, 2)
  end)

  it("never without a time ends when the actor stops", passes(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "a:x", scripted = true }
    esme:bind()
    smsc:never "submit_sm"
    smsc:stop()
    smsc:start()
    local again = t:esme { smsc, "a:x", scripted = true }
    again:bind()
    submit(again, "1")
    smsc:expect("submit_sm"):answer()
  end))

  it("on: answers what no expect takes, the latest rule first", passes(function(t)
    local smsc, esme = pair(t)
    smsc:on("submit_sm"):answer "ESME_RTHROTTLED"
    smsc:on("submit_sm", { destination_addr = "2" }, { times = 1 }):answer(function(pdu) return { message_id = pdu.destination_addr } end)
    submit(esme, "1"):expect "ESME_RTHROTTLED"
    t:equal(submit(esme, "2"):expect().message_id, "2")
    submit(esme, "2"):expect "ESME_RTHROTTLED"
    local waits = t:go(function() return smsc:expect("submit_sm") end)
    local request = submit(esme, "3")
    waits:result():answer { message_id = "z" }
    t:equal(request:expect().message_id, "z")
  end))

  it("on with times fails at the end when it was used less", function()
    fails("rule", "used 1 times, expected 2", function(t)
      local smsc, esme = pair(t)
      smsc:on("submit_sm", {}, { times = 2 }):answer()
      submit(esme, "1"):expect()
    end, nil, 2)
  end)

  it("auto: enquire_link and unbind, unless an expect for them waits", passes(function(t)
    local smsc, esme = pair(t)
    esme:send("enquire_link"):expect()
    local waits = t:go(function() return smsc:expect "enquire_link" end)
    local request = esme:send "enquire_link"
    waits:result():answer "ESME_RSYSERR"
    request:expect "ESME_RSYSERR"
    esme:send("unbind"):expect()
    t:equal(smsc:expect_closed(), "unbound")
  end))

  it("auto = {}: nothing is answered", function()
    fails("unexpected", "enquire_link came, which the script did not expect", function(t)
      local smsc, esme = pair(t, { auto = {} })
      esme:send "enquire_link"
      t:check(smsc)
      t:pause(1)
    end, nil, 5)
    fails("script", "unknown command 'enquire'", function(t) t:smsc { auto = { "enquire" } } end)
  end)

  it("an inbox that is not empty fails at the `end`; unexpected = \"ignore\" does not", function()
    fails("unexpected", "submit_sm came", function(t)
      local _, esme = pair(t)
      submit(esme, "1")
      t:pause(0.1)
    end, nil, 4)
    passes(function(t)
      local _, esme = pair(t, { unexpected = "ignore" })
      submit(esme, "1")
      t:pause(0.1)
    end)()
    fails("unexpected", "submit_sm_resp came", function(t)
      local _, esme = pair(t)
      esme:write { command = "submit_sm_resp", sequence_number = 77, message_id = "x" }
      t:pause(0.1)
    end)
  end)

  it("takes scenario.text and the like in rules too", passes(function(t)
    local smsc, esme = pair(t)
    smsc:on("submit_sm", { short_message = scenario.text "hi" }):answer { message_id = "5" }
    t:equal(esme:send("submit_sm", { short_message = "hi" }):expect().message_id, "5")
  end))
end)
