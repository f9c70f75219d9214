local scenarios = require "spec.support.scenarios"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

local function pair(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "me:secret", scripted = true, unexpected = "ignore" }
  esme:bind()
  return smsc, esme
end

describe("smpp.scenario.arrival: answers", function()
  it("ESME_ROK with counted ids, a status, fields, a function", on_both(function(t)
    local smsc, esme = pair(t)
    local requests = {}
    for i = 1, 5 do requests[i] = esme:send("submit_sm", { destination_addr = "1" }) end
    smsc:expect("submit_sm"):answer()
    smsc:expect("submit_sm"):answer()
    smsc:expect("submit_sm"):answer "ESME_RSYSERR"
    smsc:expect("submit_sm"):answer { message_id = "x", status = "ESME_RTHROTTLED" }
    smsc:expect("submit_sm"):answer(function(pdu) return { message_id = "for " .. pdu.destination_addr } end)
    t:equal({ requests[1]:expect().message_id, requests[2]:expect().message_id }, { "1", "2" })
    t:equal(requests[3]:expect("ESME_RSYSERR").command_length, 16)
    requests[4]:expect { status = "ESME_RTHROTTLED", message_id = "x" }
    requests[5]:expect { message_id = "for 1" }
  end))

  it("later, split, and with a wrong header", on_both(function(t)
    local smsc, esme = pair(t)
    local one = esme:send "submit_sm"
    local arrival = smsc:expect "submit_sm"
    arrival:answer({ message_id = "late" }, { after_s = 0.1, split = { 4, 12 } })
    local began = t:now()
    t:equal(one:expect().message_id, "late")
    t:check(t:now() - began >= 0.09)
    arrival:answer({ message_id = "wrong" }, { again = true, raw = { sequence_number = 99 }, split = 1 })
    t:equal(esme:expect("submit_sm_resp", { sequence_number = 99 }).message_id, "wrong")
  end))

  it("twice only on purpose; never where there is no response", function()
    fails("script", "is answered already", function(t)
      local smsc, esme = pair(t)
      esme:send "submit_sm"
      smsc:expect("submit_sm"):answer():answer()
    end, nil, 3)
    fails("script", "has no response", function(t)
      local smsc, esme = pair(t)
      smsc:session():send("alert_notification", { source_addr = "1", esme_addr = "2" })
      esme:expect("alert_notification"):answer()
    end)
    fails("script", "answer: unknown option 'after'", function(t)
      local smsc, esme = pair(t)
      esme:send "submit_sm"
      smsc:expect("submit_sm"):answer(nil, { after = 1 })
    end)
  end)

  it("of binds: as the accounts say", passes(function(t)
    local smsc = t:smsc { accounts = { acme = "secret" }, version = "5.0", system_id = "mc" }
    local function bind(id, password)
      local esme = t:esme { smsc, id .. ":" .. password, scripted = true, version = "5.0" }
      local request = esme:send("bind_transmitter", { system_id = id, password = password, interface_version = 0x50 })
      smsc:expect("bind_transmitter"):answer()
      return request
    end
    bind("acme", "secret"):expect { status = "ESME_ROK", system_id = "mc", sc_interface_version = 0x50 }
    bind("acme", "wrong"):expect "ESME_RINVPASWD"
    bind("other", "secret"):expect "ESME_RINVSYSID"
  end))
end)

describe("smpp.scenario.arrival: requests", function()
  it("expect a status or fields of their response", passes(function(t)
    local smsc, esme = pair(t)
    smsc:on("submit_sm"):answer { message_id = "7" }
    t:equal(esme:send("submit_sm"):expect().message_id, "7")
    esme:send("submit_sm"):expect("ESME_ROK", { within_s = 1 })
    smsc:on("query_sm"):answer "ESME_RQUERYFAIL"
    esme:send("query_sm"):expect { status = "ESME_RQUERYFAIL" }
    esme:send("cancel_sm")
    smsc:expect("cancel_sm")
    t:equal(esme:send("cancel_sm"):expect({}, { optional = true, within_s = 1 }), nil)
    smsc:expect("cancel_sm")
    local nacked = esme:send "replace_sm"
    smsc:expect("replace_sm")
    smsc:session():write { command = "generic_nack", status = "ESME_RINVCMDID", sequence_number = nacked.sequence_number }
    nacked:expect "ESME_RINVCMDID"
  end))

  it("fail with the line, the response and what differs", function()
    local failure = fails("expect", "expected submit_sm_resp with command_status ESME_ROK, got ESME_RSYSERR", function(t)
      local smsc, esme = pair(t)
      smsc:on("submit_sm"):answer "ESME_RSYSERR"
      esme:send("submit_sm"):expect()
    end, nil, 3)
    assert.equal("submit_sm_resp", failure.nearest.pdu.command)
    fails("expect", "expected submit_sm_resp, nothing came within 5 s", function(t)
      local smsc, esme = pair(t)
      local request = esme:send "submit_sm"
      smsc:expect "submit_sm"
      request:expect()
    end, nil, 4)
    fails("expect", "expected submit_sm_resp, the connection was reset", function(t)
      local smsc, esme = pair(t)
      local request = esme:send "submit_sm"
      smsc:expect("submit_sm").session:reset()
      request:expect()
    end)
    fails("expect", "with command submit_sm_resp, got query_sm_resp", function(t)
      local smsc, esme = pair(t)
      local request = esme:send "submit_sm"
      local number = smsc:expect("submit_sm").sequence_number
      smsc:session():write { command = "query_sm_resp", sequence_number = number }
      request:expect()
    end)
  end)

  it("of a message centre go to the session", passes(function(t)
    local smsc, esme = pair(t)
    local request = smsc:session():send("deliver_sm", { short_message = "hi" })
    esme:expect("deliver_sm", { short_message = "hi" }):answer "ESME_RX_T_APPN"
    request:expect "ESME_RX_T_APPN"
  end))
end)
