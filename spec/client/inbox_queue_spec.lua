local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, connect = world.run, world.server, world.connect

--- Delivers a text to the one session of a server; got[text] becomes the status of the answer.
local function deliver(s, text, got)
  s.sessions[1]:deliver_sm({ source_addr = "491", destination_addr = "492", short_message = text }, function(response, _, code)
    got[text] = response and response.status or code
  end)
end

describe("smpp.client.inbox: a message that nobody listens to yet", function()
  it("waits for a listener, and is answered by it", function()
    run(function()
      local s, got, heard = server(), {}, {}
      local esme = assert(connect { answer_timeout_s = 10 })
      deliver(s, "one", got)
      deliver(s, "two", got)
      smpp.sleep(5)
      assert.same({}, got)
      esme:on("message", function(msg) heard[#heard + 1] = msg.text end)
      smpp.sleep(1)
      assert.same({ one = "ESME_ROK", two = "ESME_ROK" }, got)
      assert.same({ "one", "two" }, heard)
      esme:close()
      s:close()
    end)
  end)

  it("is refused after answer_timeout_s, which is reported once a minute, not for each", function()
    run(function()
      local s, got, errors = server(), {}, {}
      local esme = assert(connect { answer_timeout_s = 2 })
      esme:on("error", function(message) errors[#errors + 1] = message end)
      for i = 1, 5 do
        deliver(s, "text " .. i, got)
        smpp.sleep(4)
        assert.equal("ESME_RX_T_APPN", got["text " .. i])
      end
      assert.equal(1, #errors)
      assert.matches("the handler of deliver_sm did not answer within 2 s", errors[1])
      smpp.sleep(60)
      deliver(s, "later", got)
      smpp.sleep(4)
      assert.equal(2, #errors)
      esme:close()
      s:close()
    end)
  end)

  it("is left to the MC when the client closes", function()
    run(function()
      local s, got = server(), {}
      local esme = assert(connect {})
      deliver(s, "kept", got)
      smpp.sleep(1)
      esme:close()
      assert.same({ kept = "ESME_RX_T_APPN" }, got)
      s:close()
    end)
  end)
end)

describe("smpp.client.inbox: a handler", function()
  it("that takes too long is reported with each message, and so is its late result", function()
    run(function()
      local s, got, errors, runs = server(), {}, {}, 0
      local esme = assert(connect { answer_timeout_s = 2, message = function()
        runs = runs + 1
        smpp.sleep(5)
      end })
      esme:on("error", function(message) errors[#errors + 1] = message end)
      deliver(s, "one", got)
      smpp.sleep(10)
      deliver(s, "two", got)
      smpp.sleep(10)
      assert.same({ one = "ESME_RX_T_APPN", two = "ESME_RX_T_APPN" }, got)
      assert.same({ 2, 4 }, { runs, #errors })
      for i = 1, 3, 2 do
        assert.matches("^session me 127.0.0.1:2775 BOUND_TRX: the handler of deliver_sm did not answer within 2 s", errors[i])
        assert.matches("late result of the handler of deliver_sm %(after 5 s%): ESME_ROK was dropped", errors[i + 1])
      end
      esme:close()
      s:close()
    end)
  end)
end)
