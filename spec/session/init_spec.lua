local unpack = table.unpack or unpack -- luacheck: compat
local core = require "smpp.core"
local pair = require "spec.support.pair"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"

local MESSAGE = { destination_addr = "491761234567", short_message = "hello" }

describe("smpp.session: the owner", function()
  it("is told of states, room in the window, and the end", function()
    local esme = pair.owner()
    local mc = pair.owner { on_request = pair.take_binds(function() return "id" end) }
    pair.run({ esme = { owner = esme, machine = { window = 1 } }, mc = { owner = mc } }, function(w)
      pair.bind(w)
      assert.is_true(w.esme.is_bound)
      w.sleep(0)
      local before = #esme:all "on_room" -- the bind had filled it, too
      w.esme:submit_sm(MESSAGE, function() end)
      assert.equal("window_full", select(3, w.esme:submit_sm(MESSAGE)))
      w.sleep(1)
      assert.equal(before + 1, #esme:all "on_room")
      w.esme:unbind()
      w.sleep(1)
    end)
    local states = {}
    for i, call in ipairs(esme:all "on_state") do states[i] = call[2] end
    assert.same({ "BOUND_TRX", "UNBOUND", "CLOSED" }, states)
    assert.same({ { "on_closed", "unbound" } }, esme:all "on_closed")
    assert.same({ { "on_closed", "unbound" } }, mc:all "on_closed")
  end)

  it("is told of refusals, of responses where somebody counts, and of outcomes that stay unknown", function()
    local counters, esme = stats.new(), pair.owner()
    local mc = pair.owner { on_request = pair.take_binds(function(_, session, pdu)
      if pdu.short_message == "lost" then return session:close() end
      return nil, "ESME_RTHROTTLED"
    end) }
    pair.run({ esme = { owner = esme, counters = counters }, mc = { owner = mc } }, function(w)
      pair.bind(w)
      assert.equal("ESME_RTHROTTLED", select(3, w.esme:submit_sm(MESSAGE)))
      assert.equal("connection_lost", select(3, w.esme:submit_sm { destination_addr = "1", short_message = "lost" }))
    end)
    assert.equal("ESME_RTHROTTLED", esme:all "on_refusal"[1][2].name)
    assert.equal(1, #esme:all "on_response")
    local unknown = esme:all "on_outcome_unknown"
    assert.same({ 1, 0x04, "lost", "connection_lost" }, { #unknown, unknown[1][2], unknown[1][3].short_message, unknown[1][4] })
    assert.same({ 2, 0, 1, 1 }, { counters.requests, counters.answered, counters.refused, counters.unknown })
  end)

  it("may leave out every method", function()
    pair.run({ esme = { owner = {} }, mc = { owner = { on_request = pair.take_binds(function() return "id" end) } } }, function(w)
      pair.bind(w)
      assert.equal("id", assert(w.esme:submit_sm(MESSAGE)).message_id)
      assert.equal("ESME_RINVCMDID", select(3, w.mc:deliver_sm(MESSAGE)))
    end)
  end)

  it("can change, with its counters", function()
    local first, second, counters = pair.owner(), pair.owner(), stats.new()
    pair.run({ esme = { owner = first }, mc = { owner = { on_request = pair.take_binds(function() return nil, "ESME_RSYSERR" end) } } }, function(w)
      pair.bind(w)
      w.esme:submit_sm(MESSAGE)
      w.esme:set_owner(second, counters)
      w.esme:submit_sm(MESSAGE)
    end)
    assert.same({ 1, 1 }, { #first:all "on_refusal", #second:all "on_refusal" })
    assert.same({ 0, 1 }, { #first:all "on_closed", #second:all "on_closed" })
    assert.equal(1, counters.requests)
  end)

  it("hears of malformed data, and listeners of `error` do too", function()
    local mc, heard = pair.owner(), {}
    pair.run({ mc = { owner = mc } }, function(w)
      w.mc:on("error", function(message) heard[#heard + 1] = message end)
      w.esme.transport:write "GET / HTTP/1.1\r\n\r\n"
      w.sleep(1)
    end)
    local errors = mc:all "on_error"
    assert.equal(1, #errors)
    assert.matches("^session %(not bound%) 127.0.0.1:%d+ OPEN: malformed SMPP data %(.*HTTP", errors[1][2])
    assert.equal("malformed", errors[1][3])
    assert.same({ errors[1][2] }, heard)
  end)

  it("resets a connection, and what was pending is lost", function()
    local code
    pair.run({ mc = { owner = { on_request = pair.take_binds(function() end) } } }, function(w)
      pair.bind(w)
      w.esme:submit_sm(MESSAGE, function(_, _, why) code = why end)
      w.esme:reset "on purpose"
      w.sleep(1)
      assert.equal("on purpose", w.esme.end_reason)
    end)
    assert.equal("connection_lost", code)
  end)
end)

describe("smpp.session: events of the C session", function()
  it("have numbers and names from C", function()
    local kinds, n = {}, 0
    for name, event in pairs(core.session_events) do
      kinds[event.kind], n = name, n + 1
    end
    assert.equal(n, #kinds)
    assert.same({ kind = 1, "pdu", "command_id" }, core.session_events.request)
    assert.same({ "pdu", "cookie", "command_status", "reason" }, { unpack(core.session_events.response) })
  end)
end)

describe("smpp.session: a leap of the clock", function()
  --- A world in which the process is stopped while a response is on its way; what became of the request.
  local function stopped_for(seconds, machine)
    local outcome, esme, loop = nil, pair.owner(), nil
    local function answer()
      loop:leap(seconds)
      return "id"
    end
    pair.run({ esme = { owner = esme, machine = machine }, mc = { owner = { on_request = pair.take_binds(answer) } } }, function(w)
      pair.bind(w)
      w.sleep(1)
      loop = w.loop
      w.esme:submit_sm(MESSAGE, function(response, _, code) outcome = response and response.message_id or code end)
      w.sleep(seconds + 1)
      assert.equal("BOUND_TRX", w.esme.state)
    end)
    return outcome
  end

  it("reads what has come before it takes a response for missing", function()
    assert.equal("id", stopped_for(100, { response_s = 60, enquire_link_s = 0 }))
  end)

  it("still takes a response for missing that has not come", function()
    local code
    pair.run({ esme = { machine = { response_s = 60 } }, mc = { answer_timeout_s = 1000, owner = { on_request = pair.take_binds(task.wait) } } }, function(w)
      pair.bind(w)
      w.sleep(1)
      w.esme:submit_sm(MESSAGE, function(_, _, why) code = why end)
      w.sleep(1)
      w.loop:leap(100)
      w.sleep(0.1)
      assert.equal("timeout", code)
    end)
  end)
end)
