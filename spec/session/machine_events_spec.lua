local unpack = table.unpack or unpack -- luacheck: compat
local core = require "smpp.core"
local machine_events = require "smpp.session.machine_events"
local pair = require "spec.support.pair"

describe("smpp.session.machine_events", function()
  it("have numbers and names from C", function()
    local kinds, n = {}, 0
    for name, event in pairs(core.session_events) do
      kinds[event.kind], n = name, n + 1
    end
    assert.equal(n, #kinds)
    assert.same({ kind = 1, "pdu", "command_id" }, core.session_events.request)
    assert.same({ "pdu", "waiter", "command_status", "reason", "sent", "request_id", "fields" }, { unpack(core.session_events.response) })
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

  it("uses an array again after its turn, and another one in a nested turn", function()
    local outer = machine_events.take_slots()
    local inner = machine_events.take_slots()
    assert.are_not.equal(outer, inner)
    local session = { machine = { poll = function() return 0 end } }
    machine_events.process(session, inner, 0)
    assert.equal(inner, machine_events.take_slots())
    machine_events.process(session, inner, 0)
    machine_events.process(session, outer, 0)
    assert.is_false(session.processing)
  end)

  it("polls as long as there are more events", function()
    local polls, seen, states = 0, {}, core.session_events.state.kind
    local session = { on_state = function(_, from, to) seen[#seen + 1] = from .. ">" .. to end }
    session.machine = { poll = function(_, slots)
      polls = polls + 1
      slots[1], slots[2], slots[3], slots[4] = states, "b", "c", false
      return 4, polls < 2
    end }
    local slots = machine_events.take_slots()
    slots[1], slots[2], slots[3], slots[4] = states, "a", "b", false
    machine_events.process(session, slots, 4, true)
    assert.same({ 2, { "a>b", "b>c", "b>c" } }, { polls, seen })
  end)

  it("rejects an unknown event", function()
    assert.has_error(function() machine_events.process({}, { 99 }, 1) end, "internal error: unknown session event 99")
  end)
end)
