-- The message centre's side over real sockets, with the client of this project.
local smpp = require "smpp"

describe("server: over TCP", function()
  it("takes texts of every kind and sends their receipts", function()
    local states, texts = {}, {}
    smpp.run(function()
      local sim = assert(smpp.simulator { port = 0, deliver_after_s = 0.01, accounts = { me = "secret" } })
      local esme = assert(smpp.connect(("smpp://me:secret@127.0.0.1:%d"):format(sim.port)))
      for i, text in ipairs { "Hello", "Hello 👋", ("A long one. "):rep(30) } do
        local sent = assert(esme:send { from = "Test", to = "+491761234567", text = text, receipt = true })
        states[i] = assert(sent:receipt(5)).state
      end
      for i, message in ipairs(sim:messages()) do texts[i] = message.text end
      assert.same({}, esme:close())
      assert.same({ sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }, sim:close())
    end)
    assert.same({ "DELIVERED", "DELIVERED", "DELIVERED" }, states)
    assert.equal("Hello 👋", texts[2])
    assert.equal(("A long one. "):rep(30), table.concat(texts, "", 3))
  end)

  it("ends in good order when the program is told to", function()
    local reason
    smpp.run(function()
      local server = assert(smpp.server { port = 0 })
      server:on("closed", function(_, why) reason = why end)
      local esme = assert(smpp.connect { ("smpp://me@127.0.0.1:%d"):format(server.port), reconnect = false })
      esme:on("error", function() end)
      smpp.spawn(function() server:close() end)
      while esme.state ~= "closed" do smpp.sleep(0.01) end
    end)
    assert.equal("unbound", reason)
  end)

  it("cannot listen where somebody does", function()
    smpp.run(function()
      local first = assert(smpp.server { port = 0 })
      local second, message, code = smpp.server { port = first.port }
      assert.is_nil(second)
      assert.matches("address already in use", message)
      assert.equal("connect_failed", code)
      first:close()
    end)
  end)
end)
