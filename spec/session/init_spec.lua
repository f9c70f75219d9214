local pair = require "spec.support.pair"
local task = require "smpp.base.task"

local MESSAGE = { destination_addr = "491761234567", short_message = "hello" }

describe("smpp.session", function()
  it("resets a connection, and what was pending is lost", function()
    local codes, messages = {}, {}
    pair.run({ mc = { owner = { on_request = pair.take_binds(function() end) } } }, function(w)
      pair.bind(w)
      w.esme:submit_sm(MESSAGE, function(_, ...) messages[1], codes[1] = ... end)
      w.sleep(0)
      w.esme:submit_sm(MESSAGE, function(_, ...) messages[2], codes[2] = ... end) -- not written yet
      w.esme:reset "on purpose"
      w.sleep(1)
      assert.equal("on purpose", w.esme.end_reason)
    end)
    assert.same({ "connection_lost", "not_sent" }, codes)
    assert.same({ "connection lost (on purpose), outcome unknown", "connection lost (on purpose) before it was sent" }, messages)
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

  it("reads an enquire_link_resp that has come before it ends the session for its absence", function()
    pair.run({ esme = { machine = { enquire_link_s = 30, enquire_link_response_s = 10 } }, mc = { owner = { on_request = pair.take_binds() } } }, function(w)
      pair.bind(w)
      local leaps = 0
      w.mc:on("pdu", function(pdu, direction)
        if pdu.command ~= "enquire_link_resp" or direction ~= "out" or leaps > 0 then return end
        leaps = leaps + 1
        w.loop:leap(100) -- the response is on its way, and its timeout of 10 s is over
      end)
      w.sleep(31)
      assert.equal(1, leaps)
      w.sleep(1)
      assert.equal("BOUND_TRX", w.esme.state)
    end)
  end)

  it("ends the session for an enquire_link_resp that has not come", function()
    pair.run({ esme = { machine = { enquire_link_s = 30, enquire_link_response_s = 10 } }, mc = { owner = { on_request = pair.take_binds() } } }, function(w)
      pair.bind(w)
      w.mc:pause()
      w.sleep(31)
      assert.equal("BOUND_TRX", w.esme.state)
      w.loop:leap(100)
      w.sleep(0.1)
      assert.equal("CLOSED", w.esme.state)
    end)
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
