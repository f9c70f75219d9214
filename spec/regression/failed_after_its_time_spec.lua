-- A handler that failed after its request had been answered for it was taken for the one that was just being served: that
-- one's request got its failure.  And a request without an answer kept all that came after it until its time was over.
local mc = require "spec.support.mc"
local task = require "smpp.base.task"

--- Runs fn(w, esme, server, late): "late" waits until late() is called, then fails; the others call `late` and wait.
local function with(options, fn)
  mc.world(function(w)
    local token, key
    local function late() task.wake_for(token, key) end
    options.submit_sm = function(_, pdu)
      if pdu.short_message == "late" then
        token, key = task.current(), {}
        task.wait(key)
        error "on purpose"
      elseif pdu.short_message == "wakes it" then
        late()
      end
      w:sleep(0.5)
      return pdu.short_message
    end
    local server = w:server(options)
    local esme = assert(w:bind())
    fn(w, esme, server, late)
    esme:close()
    server:close()
  end)
end

local function submit(esme, text)
  local response, _, code = esme:submit_sm { destination_addr = "1", short_message = text }
  return response and response.message_id or code
end

describe("a handler that takes too long", function()
  it("and fails in the end harms no other's request", function()
    with({ answer_timeout_s = 1 }, function(w, esme)
      assert.equal("ESME_RSYSERR", submit(esme, "late"))
      assert.equal("wakes it", submit(esme, "wakes it"))
      assert.equal(2, #w.errors)
      assert.matches("^session .* BOUND_TRX: the handler of submit_sm did not answer within 1 s", w.errors[1])
      assert.matches("the handler of submit_sm failed: .*on purpose", w.errors[2])
    end)
  end)

  it("keeps nothing of the requests after its own", function()
    with({ answer_timeout_s = 3600 }, function(w, esme, server, late)
      esme:submit_sm({ destination_addr = "1", short_message = "late" }, function() end)
      for i = 1, 20 do submit(esme, tostring(i)) end
      assert.equal(1, server.sessions[1].incoming.pending)
      late()
      w:sleep(0.1)
      assert.equal(0, server.sessions[1].incoming.pending)
    end)
  end)
end)
