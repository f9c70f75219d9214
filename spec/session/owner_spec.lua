local owners = require "smpp.session.owner"
local pair = require "spec.support.pair"
local stats = require "smpp.base.stats"

local MESSAGE = { destination_addr = "491761234567", short_message = "hello" }

describe("smpp.session.owner", function()
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
    counters = counters:snapshot()
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
    assert.equal(1, counters:snapshot().requests)
  end)

  it("made of handlers calls that of the command, and refuses a command without one", function()
    local answered = {}
    local owner = owners.of_handlers {
      [0x04] = function(session, pdu)
        answered[#answered + 1] = pdu.short_message
        return session.role
      end,
      [0x09] = function() return { system_id = "mc" } end,
    }
    pair.run({ mc = { owner = owner } }, function(w)
      pair.bind(w)
      assert.equal("mc", assert(w.esme:submit_sm(MESSAGE)).message_id)
      assert.equal("ESME_RINVCMDID", select(3, w.esme:query_sm { message_id = "1" }))
    end)
    assert.same({ "hello" }, answered)
  end)
end)
