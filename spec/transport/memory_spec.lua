local async = require "spec.support.async"
local memory = require "smpp.transport.memory"
local run = require "smpp.loop.run"

for _, name in ipairs { "virtual", "luv" } do
  local on = async[name]
  describe("smpp.transport.memory (" .. name .. ")", function()
    it("carries octets both ways, and ends", on(function(loop)
      local a, b = memory.pair(loop)
      a:write "early" -- before anybody reads
      local at_a, at_b = async.collect(a), async.collect(b)
      b:write "back"
      async.wait_until(function() return at_a.octets == "back" and at_b.octets == "early" end)
      a:shutdown()
      async.wait_until(function() return at_b.closed == 1 end)
      assert.is_nil(at_b.message)
      b:write "after the end"
      async.wait_until(function() return at_a.octets == "backafter the end" end)
      b:close()
      async.wait_until(function() return at_a.closed == 1 end)
      a:close()
    end))

    it("resets", on(function(loop)
      local a, b = memory.pair(loop)
      local at_b = async.collect(b)
      a:reset()
      async.wait_until(function() return at_b.closed == 1 end)
      assert.equal("connection_lost", at_b.code)
    end))

    it("has the faults of a virtual connection", on(function(loop)
      local a, b, link = memory.pair(loop)
      link.a_to_b.chunk, link.a_to_b.latency_s = 2, 0.002
      local chunks, before = {}, loop:now()
      b:start(function(chunk) chunks[#chunks + 1] = chunk end, function() end)
      a:write "abcde"
      async.wait_until(function() return #chunks == 3 end)
      assert.same({ "ab", "cd", "e" }, chunks)
      assert.is_true(loop:now() - before >= 0.0015)
      a:close()
      b:close()
    end))

    it("names its ends", on(function(loop)
      local a, b = memory.pair(loop)
      assert.same({ "memory", 2, "memory", 1 }, { b.peer.host, b.local_port, a.peer.host, a.local_port })
      a:reset()
      b:reset()
      a, b = memory.pair(loop, { a = { host = "192.0.2.1", port = 7 }, b = { host = "192.0.2.2", port = 2775 } })
      assert.same({ "192.0.2.1", "192.0.2.2", 2775, "memory 192.0.2.2:2775" }, { b.peer.host, a.peer.host, a.peer.port, tostring(a) })
      a:reset()
      b:reset()
    end))

    it("keeps the loop alive as a socket does, and no longer", on(function(loop)
      local a, b = memory.pair(loop)
      local late
      async.collect(b)
      async.collect(a)
      run.spawn(function()
        run.sleep(0.002)
        late = true
        a:close()
        b:close()
      end)
      assert.is_nil(late)
    end))

    it("carries a session with a simulator, whose faults are done", on(function(loop)
      local sim = assert(require("smpp.simulator").new { loop = loop, port = 0, orders = true, faults = { duplicate = 100 } })
      local a, b = memory.pair(loop)
      assert.is_truthy(sim.server:accept(b))
      local esme = require("smpp.session").new { role = "esme", loop = loop, transport = a, machine = { window = 10 } }
      local strays = 0
      esme:on("stray", function() strays = strays + 1 end)
      esme:start()
      assert.is_truthy(esme:bind_transceiver { system_id = "me", interface_version = 0x34 })
      assert.is_truthy(esme:submit_sm { destination_addr = "49", short_message = "x" })
      async.wait_until(function() return strays == 1 end)
      esme:unbind()
      sim:close()
    end))

    it("carries a session between a server and an ESME", on(function(loop)
      local server = assert(require("smpp.server").new { loop = loop, port = 0, submit_sm = function() return "id 1" end })
      local a, b = memory.pair(loop)
      assert.is_truthy(server:accept(b))
      local esme = require("smpp.session").new { role = "esme", loop = loop, transport = a, machine = { window = 10 } }
      esme:start()
      assert.is_truthy(esme:bind_transceiver { system_id = "me", interface_version = 0x34 })
      assert.equal("id 1", esme:submit_sm({ destination_addr = "1" }).message_id)
      esme:unbind()
      server:close()
      local c, d = memory.pair(loop)
      assert.is_nil((server:accept(d))) -- it is closed
      c:close()
    end))
  end)
end
