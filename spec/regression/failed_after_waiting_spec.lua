-- A handler that failed after it had waited was answered only once answer_timeout_s was over.
local mc = require "spec.support.mc"

local function submit(w, esme, text)
  local start = w.loop:now()
  local resp, _, code = esme:submit_sm { destination_addr = "1", short_message = text }
  return resp and resp.message_id or code, w.loop:now() - start
end

--- A server whose handler does what the text says: waits 0.1 s, fails, or both.
local function world(body)
  return function()
    mc.world(function(w)
      local server = w:server { submit_sm = function(_, pdu)
        if pdu.short_message:find "wait" then w:sleep(0.1) end
        if pdu.short_message:find "fail" then error "on purpose" end
        return pdu.short_message
      end }
      local esme = assert(w:bind())
      body(w, esme, server)
      esme:close()
      server:close()
    end)
  end
end

describe("a handler that fails", function()
  it("after it waited is answered at once", world(function(w, esme)
    local code, took_s = submit(w, esme, "wait, fail")
    assert.equal("ESME_RSYSERR", code)
    assert.is_true(took_s < 1, tostring(took_s))
    assert.equal(1, #w.errors)
    assert.matches("the handler of submit_sm failed", w.errors[1])
  end))

  it("in a coroutine that served another request before answers its own", world(function(w, esme)
    assert.equal("wait", (submit(w, esme, "wait")))
    local code, took_s = submit(w, esme, "fail")
    assert.equal("ESME_RSYSERR", code)
    assert.is_true(took_s < 1, tostring(took_s))
  end))

  it("leaves the others their answers", world(function(w, esme)
    local results, left = {}, 0
    for i, text in ipairs { "wait 1", "wait, fail 2", "3", "fail 4", "wait 5" } do
      left = left + 1
      esme:submit_sm({ destination_addr = "1", short_message = text }, function(resp, _, code)
        results[i], left = resp and resp.message_id or code, left - 1
      end)
    end
    while left > 0 do w:sleep(0.01) end
    assert.same({ "wait 1", "ESME_RSYSERR", "3", "ESME_RSYSERR", "wait 5" }, results)
    assert.is_true(w.loop:now() < 1)
  end))

  it("and those that waited are not kept until their time is over", world(function(w, esme, server)
    local session = server.sessions[1]
    for _ = 1, 20 do submit(w, esme, "wait") end
    assert.is_true(session.incoming.pending == 0)
  end))
end)
