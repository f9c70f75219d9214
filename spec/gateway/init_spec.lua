local gateways = require "smpp.gateway"
local esme = require "spec.support.esme"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

describe("smpp.gateway", function()
  it("listens, binds to its carriers, and says what happens", function()
    world(nil, function(w)
      assert.equal(2775, w.gateway.servers[1].port)
      assert.same({ "a", "b" }, w:logged("bind_up", "carrier"))
      w:customer()
      assert.same({ "acme" }, w:logged("bound", "account"))
      assert.equal("gateway gateway.lua", tostring(w.gateway))
      assert.same({ "a", true }, { w.gateway:stats().carriers[1].name, w.gateway:stats().carriers[1].available })
    end)
  end)

  it("is refused with the line of a mistake, and by a port in use", function()
    local made, message, code, problems = gateways.new { path = "x.lua", text = "listen { port = 1 }\nroute { vai = 1 }" }
    assert.is_nil(made)
    assert.equal("x.lua:2: route: unknown option 'vai'; did you mean 'via'?", message)
    assert.equal("bad_value", code)
    assert.is_true(#problems >= 1)
    esme.run(function()
      local server = assert(smpp.server { port = 2775 })
      made, message, code = gateways.new { path = "x.lua", text = support.FILE, watch_s = 0 }
      assert.is_nil(made)
      assert.equal("connect_failed", code)
      assert.truthy(message:find "2775")
      server:close(0)
    end)
  end)

  it("drains at its end: messages on the way get their answers, new ones are not taken", function()
    world(nil, function(w)
      local acme = w:customer()
      local result
      smpp.spawn(function() result = { submit(acme) } end)
      smpp.sleep(0.1)
      local left = w.gateway:close()
      assert.truthy(result and result[1])
      assert.same({ waiting = 0, unanswered = 0 }, left)
      assert.equal(0, #w.carriers[1].server.sessions)
    end, { carriers = { function()
      smpp.sleep(2)
      return "late"
    end } })
  end)

  it("says at its end how many receipts and messages for customers are lost", function()
    world(support.FILE .. "incoming { deliver = 'acme' }", function(w)
      w.carriers[1].server:deliver("me", { source_addr = "49", destination_addr = "1", short_message = "MO" })
      smpp.sleep(0.1)
      assert.equal(1, w.gateway:close().waiting)
      assert.equal(1, w:logged("lost", "count")[1])
    end)
  end)

  it("answers carriers temporarily while it closes: what they have comes again", function()
    world(support.FILE .. "incoming { deliver = 'acme' }", function(w)
      w.gateway.closing = true
      local pdu = assert(smpp.decode(assert(smpp.encode { command = "deliver_sm", short_message = "x" })))
      assert.same({ nil, "ESME_RX_T_APPN" }, { w.gateway.receiving:deliver(w.gateway.carriers[1], pdu) })
      w.gateway.closing = false
    end)
  end)
end)
