local async = require "spec.support.async"
local relay = require "smpp.simulate.relay"
local simulators = require "smpp.simulator"
local smpp = require "smpp"

--- fn(relay, client, mc, seen): a gateway between a client and one carrier.
local function between(o, fn)
  return async.virtual(function()
    local mc = assert(simulators.new { port = 2776 })
    local seen = { failed = {}, sent = 0 }
    local one = relay.open({ window = 2, binds = 1, stored = o.stored }, {
      port = 2775, ports = { 2776 }, accounts = { "esme1" }, numbers = { { number = relay.number_of(1), id = "esme1" } },
      failed = function(message) table.insert(seen.failed, message) end,
      pdu = function(i, _, pdu, direction) if i == 1 and direction == "out" and pdu.command == "submit_sm" then seen.sent = seen.sent + 1 end end,
    })
    local client = assert(smpp.connect { "smpp://esme1:secret@127.0.0.1:2775" })
    smpp.sleep(1)
    fn(one, client, mc, seen)
    client:close()
    one:close()
    mc:close()
    assert.same({}, seen.failed)
  end)
end

describe("smpp.simulate.relay", function()
  it("is a gateway in whose store the states can be read", between({ stored = true }, function(one, client, mc, seen)
    local sent = assert(client:send { from = relay.number_of(1), to = "+4917612345678", text = "Hello", receipt = true })
    smpp.sleep(0.1)
    assert.equal("messages wait in the store of the gateway", one:unsettled())
    smpp.sleep(5)
    assert.is_nil(one:unsettled())
    assert.same({ 1, 1, relay.number_of(1) }, { seen.sent, #mc:messages(), mc:messages()[1].source_addr })
    one:close()
    assert.equal("DELIVERED", one.kept[sent.message_id])
  end))

  it("passes messages through, and says what is not settled", between({}, function(one, client, mc)
    mc:set { latency_s = 5 }
    local sent
    smpp.spawn(function() sent = client:send { from = relay.number_of(1), to = "+4917612345678", text = "Hello" } end)
    smpp.sleep(1)
    assert.truthy(one:unsettled():find "without an outcome")
    smpp.sleep(10)
    assert.is_nil(one:unsettled())
    assert.is_string(sent.message_id)
    assert.same({}, one.kept)
  end))

  it("opens its carriers anew when it is loaded again", between({}, function(one, _, mc, seen)
    local before = one.gateway.carriers[1]
    one:reload()
    assert.are_not.equal(before, one.gateway.carriers[1])
    smpp.sleep(2)
    local client = assert(smpp.connect { "smpp://esme1:secret@127.0.0.1:2775" })
    assert(client:send { from = "1", to = "+4917612345678", text = "Hello" })
    client:close()
    assert.same({ 1, 1 }, { #mc:messages(), seen.sent })
  end))
end)
