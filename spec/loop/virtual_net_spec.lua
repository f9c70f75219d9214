local async = require "spec.support.async"
local run = require "smpp.loop.run"

local await, collect, wait_until = async.await, async.collect, async.wait_until

describe("smpp.loop.virtual_net", function()
  local function dial(loop, o)
    return await(function(done) loop:connect(o, done) end)
  end

  it("tries all addresses of a name, in turn, and anew each time", async.virtual(function(loop)
    local accepted = {}
    local listener = assert(loop:listen({ host = "10.0.0.2", port = 2775 }, function(t)
      accepted[#accepted + 1] = t
      t:close()
    end))
    loop:declare("mc.example", { "10.0.0.1", "10.0.0.2" })
    local transport = assert(dial(loop, { host = "mc.example", port = 2775 }))
    assert.equal("10.0.0.2", transport.peer.host)
    transport:close()
    loop:declare("mc.example", { "10.0.0.3", "10.0.0.4" })
    local _, message = dial(loop, { host = "mc.example", port = 2775 })
    assert.equal("cannot connect to mc.example:2775: 10.0.0.3: connection refused; 10.0.0.4: connection refused", message)
    loop:declare("mc.example", nil)
    _, message = dial(loop, { host = "mc.example", port = 2775 })
    assert.equal("cannot connect to mc.example:2775: unknown node or service", message)
    assert.equal(1, #accepted)
    listener:close()
  end))

  it("refuses on request", async.virtual(function(loop)
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, function(t) t:close() end))
    loop:refuse("localhost", 2775)
    local _, message, code = dial(loop, { host = "127.0.0.1", port = 2775 })
    assert.equal("cannot connect to 127.0.0.1:2775: connection refused", message)
    assert.equal("connect_failed", code)
    loop:refuse("localhost", 2775, false)
    assert(dial(loop, { host = "127.0.0.1", port = 2775 })):close()
    listener:close()
  end))

  it("answers never on request; each address gets its share of the time", async.virtual(function(loop)
    loop:declare("mc", { "10.0.0.1", "10.0.0.2", "10.0.0.3" })
    local listener = assert(loop:listen({ host = "10.0.0.3", port = 1 }, function(t) t:close() end))
    loop:blackhole("10.0.0.1", 1)
    loop:blackhole("10.0.0.2", 1)
    local transport = assert(dial(loop, { host = "mc", port = 1, timeout_s = 9 }))
    assert.equal(6, loop:now())
    transport:close()
    loop:blackhole("10.0.0.3", 1)
    local _, message, code = dial(loop, { host = "mc", port = 1, timeout_s = 9 })
    assert.equal(15, loop:now())
    assert.equal("cannot connect to mc:1: 10.0.0.1: connection timed out; 10.0.0.2: connection timed out; 10.0.0.3: connection timed out", message)
    assert.equal("connect_failed", code)
    loop:blackhole("mc", 1, false)
    assert(dial(loop, { host = "mc", port = 1, timeout_s = 9 })):close()
    listener:close()
  end))

  it("lets a wildcard listen everywhere", async.virtual(function(loop)
    local count = 0
    local listener = assert(loop:listen({ host = "0.0.0.0", port = 9 }, function(t)
      count = count + 1
      t:close()
    end))
    for _, host in ipairs { "127.0.0.1", "10.1.2.3" } do assert(dial(loop, { host = host, port = 9 })):close() end
    assert.is_nil((dial(loop, { host = "::1", port = 9 })))
    assert.equal(2, count)
    listener:close()
  end))

  it("takes time for the handshake, during which a listener may go", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = 1, 2 end)
    local seen_at
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 1 }, function(t)
      seen_at = loop:now()
      t:close()
    end))
    assert(dial(loop, { host = "127.0.0.1", port = 1 })):close()
    assert.same({ 1, 3 }, { seen_at, loop:now() })
    local connect_message
    loop:connect({ host = "127.0.0.1", port = 1 }, function(_, message) connect_message = message end)
    run.sleep(0.5)
    listener:close()
    wait_until(function() return connect_message end)
    assert.matches("connection refused", connect_message)
    run.sleep(10)
  end))

  it("takes no late answer of an address for that of the next", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s = 5 end)
    loop:declare("mc", { "10.0.0.1", "10.0.0.2" })
    local ends = {}
    local listener = assert(loop:listen({ host = "0.0.0.0", port = 1 }, function(t) ends[#ends + 1] = collect(t) end))
    local _, message = dial(loop, { host = "mc", port = 1, timeout_s = 8 })
    assert.equal("cannot connect to mc:1: 10.0.0.1: connection timed out; 10.0.0.2: connection timed out", message)
    run.sleep(20)
    assert.same({ "connection_lost", "connection_lost" }, { ends[1].code, ends[2].code })
    listener:close()
  end))

  it("gives up a handshake that takes longer than the time there is, or is cancelled", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s = 5 end)
    local at_server
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 1 }, function(t) at_server = collect(t) at_server.t = t end))
    local _, message = dial(loop, { host = "127.0.0.1", port = 1, timeout_s = 2 })
    assert.equal("cannot connect to 127.0.0.1:1: connection timed out", message)
    assert.equal(2, loop:now())
    run.sleep(20)
    assert.equal("connection_lost", at_server.code)
    at_server = nil
    local called = false
    local connect = loop:connect({ host = "127.0.0.1", port = 1 }, function() called = true end)
    run.sleep(1)
    connect:cancel()
    run.sleep(20)
    assert.is_false(called)
    assert.equal("connection_lost", at_server.code)
    listener:close()
  end))
end)
