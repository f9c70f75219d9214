local pair = require "spec.support.pair"
local task = require "smpp.base.task"

local MESSAGE = { destination_addr = "491761234567", short_message = "hello" }

--- Runs fn(world, esme's owner, mc's owner) with a bound pair.
local function with(handler, fn)
  local esme, mc = pair.owner(), pair.owner { on_request = pair.take_binds(handler or function() return "id" end) }
  pair.run({ esme = { owner = esme }, mc = { owner = mc } }, function(w)
    pair.bind(w)
    fn(w, esme, mc)
  end)
end

describe("smpp.session.ending", function()
  it("is not there before the end begins", function()
    with(nil, function(w)
      assert.same({ false, false, nil }, { w.esme.ending, w.esme:is_over(), w.esme:cause() })
      assert.is_number(w.esme.at)
      assert.is_true(w.esme:begin_unbind())
      assert.same({ true, false, nil }, { w.esme.ending.is_unbinding, w.esme:is_over(), w.esme:cause() })
      w.sleep(1)
      assert.same({ true, true, "unbound" }, { w.esme.closed, w.esme:is_over(), w.esme.end_reason })
      assert.same({}, { w.esme.at, w.mc.at }) -- no alarm is left
    end)
  end)

  it("waits for responses, unbinds, and reports the reason once to each owner; a second unbind is refused", function()
    with(nil, function(w, esme, mc)
      local code
      w.esme:submit_sm(MESSAGE, function(response, _, why) code = response and response.message_id or why end)
      assert.is_true(w.esme:unbind(5))
      assert.equal("id", code)
      assert.same({ nil, "session is closed", "closed" }, { w.esme:unbind() })
      assert.is_false(w.esme:begin_unbind())
      w.sleep(1)
      assert.same({ 1, 1 }, { #esme:all "on_closed", #mc:all "on_closed" })
      assert.same({ "unbound", "unbound" }, { w.esme.end_reason, w.mc.end_reason })
    end)
  end)

  it("writes what is pending before the transport closes", function()
    local got
    with(function(_, _, pdu)
      got = pdu.short_message
      return "id"
    end, function(w)
      w.sleep(0.1) -- the response to the bind is processed
      w.esme:submit_sm(MESSAGE, function() end)
      w.esme:close()
      assert.same({ true, false }, { w.esme:is_over(), w.esme.closed })
      w.sleep(1)
      assert.equal("hello", got)
    end)
  end)

  it("has the cause of a lost transport, which pending requests get, too", function()
    with(function() return task.wait() end, function(w, esme)
      local message, code
      w.esme:submit_sm(MESSAGE, function(_, ...) message, code = ... end)
      w.sleep(0.1)
      w.esme:lost "cable cut"
      assert.equal("cable cut", w.esme:cause())
      w.esme:lost "again"
      w.sleep(1)
      assert.same({ "connection lost (cable cut), outcome unknown", "connection_lost" }, { message, code })
      assert.same({ "cable cut", 1 }, { w.esme.end_reason, #esme:all "on_closed" })
    end)
  end)

  it("wakes the task that waits in unbind", function()
    with(nil, function(w)
      local ended = {}
      for i = 1, 2 do
        task.start(nil, function() ended[i] = w.esme:unbind() end)
      end
      w.sleep(1)
      assert.same({ true, true }, ended)
    end)
  end)
end)
