local customers = require "smpp.gateway.customer"
local message = require "smpp.route.message"
local routes = require "spec.support.routes"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world
local w = routes.words()

local function admit(own, o, customer)
  customer = customer or customers.new("acme", own)
  local msg = routes.message(o)
  local status, charged = customer:admit(msg, 1000000, message.set)
  return status, msg.changes, charged
end

describe("smpp.gateway.customer", function()
  it("refuses sources, destinations, codings and long messages that are not allowed", function()
    local own = { from = { "12345", w.alphanumeric() }, to = w.prefix "49", codings = { "gsm7", 8 }, max_parts = 2 }
    for _, case in ipairs {
      { { source_addr = "12345" } }, { { source_addr = "Shop", source_addr_ton = 5 } }, { { source_addr = "1" }, "ESME_RINVSRCADR" },
      { { source_addr = "12345", destination_addr = "44" }, "ESME_RINVDSTADR" },
      { { source_addr = "12345", data_coding = 8, short_message = "\0a" } }, { { source_addr = "12345", data_coding = 3 }, "ESME_RSUBMITFAIL" },
      { { source_addr = "12345", message_payload = ("x"):rep(300) } }, { { source_addr = "12345", message_payload = ("x"):rep(400) }, "ESME_RINVMSGLEN" },
    } do
      assert.equal(case[2], (admit(own, case[1])))
    end
  end)

  it("fills in a source, and cuts priority and validity", function()
    local own = { default_from = "12345", max_priority = 1, max_validity_s = 3600 }
    local _, changes = admit(own, { priority_flag = 3 })
    assert.same({ source_addr = "12345", source_addr_ton = 3, source_addr_npi = 0, priority_flag = 1, validity_period = "000000010000000R" }, changes)
    _, changes = admit(own, { source_addr = "1", priority_flag = 1, validity_period = "000000005000000R" })
    assert.is_nil(changes)
    _, changes = admit(own, { source_addr = "1", validity_period = "000002000000000R" })
    assert.same({ validity_period = "000000010000000R" }, changes)
    _, changes = admit(own, { command = "data_sm", source_addr = "1", message_payload = "x" })
    assert.is_nil(changes)
  end)

  it("allows so many messages in a time", function()
    local customer = customers.new("acme", { quota = { n = 2, per_s = 60 } })
    local function at(time) return (customer:admit(routes.message(), time, message.set)) end
    assert.same({ false, false, "ESME_RTHROTTLED", false }, { at(60) or false, at(119) or false, at(119) or false, at(120) or false })
  end)

  it("takes the price of a message by prefix, and never goes below zero", function()
    local own = { credit = 0.3, price = 0.2, price_rows = { { prefix = "49", price = 0.1 }, { prefix = "4915", price = 0.05 } } }
    local customer = customers.new("acme", own)
    local function go(to) return (admit(nil, { destination_addr = to }, customer)) or false end
    assert.same({ false, false, "ESME_RSUBMITFAIL", false, "ESME_RSUBMITFAIL" }, { go "44", go "4915", go "44", go "4915", go "4915" })
    assert.equal(0, customer.balance)
    assert.equal(100000, customer:price_of "491")
  end)

  it("sums amounts without rounding errors, and gives them back", function()
    local customer = customers.new("acme", { credit = 1, price = 0.1 })
    for _ = 1, 10 do assert.is_nil((admit(nil, {}, customer))) end
    assert.equal(0, customer.balance)
    assert.equal("ESME_RSUBMITFAIL", (admit(nil, {}, customer)))
    customer:refund(100000)
    assert.is_nil((admit(nil, {}, customer)))
    customer:refund(nil)
    assert.equal(0, customer.balance)
  end)

  it("keeps credit and quota when the file is loaded again", function()
    local first = customers.new("acme", { credit = 5, quota = { n = 3, per_s = 60 } })
    admit(nil, {}, first)
    local second = customers.new("acme", { credit = 5, quota = { n = 3, per_s = 60 }, price = 2 }, first)
    assert.same({ 4000000, 1 }, { second.balance, second.used })
  end)

  it("gives credit back for a message that is refused, and uses only the carriers that the account may use", function()
    world([[
      listen { port = 2775, accounts = { acme = { password = "secret", credit = 2, carriers = { "b" } } } }
      carrier "a" { "smpp://me:x@localhost:2001" }
      carrier "b" { "smpp://me:x@localhost:2002" }
      route { via = failover { "a", "b" } }
    ]], function(world_)
      local acme = world_:customer()
      world_.carriers[2].answer = function() return nil, "ESME_RINVDSTADR" end
      for _ = 1, 5 do assert.equal("ESME_RINVDSTADR", select(2, submit(acme))) end
      world_.carriers[2].answer = nil
      assert.truthy(submit(acme))
      assert.truthy(submit(acme))
      assert.equal("ESME_RSUBMITFAIL", select(2, submit(acme)))
      assert.same({ 0, 7 }, { #world_.carriers[1].got, #world_.carriers[2].got })
    end)
  end)

  it("is never charged for more than it has, however many come at once", function()
    world([[
      listen { port = 2775, accounts = { acme = { password = "secret", credit = 3 } } }
      carrier "a" { "smpp://me:x@localhost:2001", window = 100 }
      route { via = "a" }
    ]], function(world_)
      local smpp = require "smpp"
      local acme, taken, refused = world_:customer { window = 50 }, 0, 0
      world_.carriers[1].answer = function(_, _, n)
        smpp.sleep(1)
        if n % 2 == 1 then return nil, "ESME_RINVDSTADR" end
        return "id" .. n
      end
      for _ = 1, 20 do
        smpp.spawn(function()
          if submit(acme) then taken = taken + 1 else refused = refused + 1 end
        end)
      end
      smpp.sleep(5)
      assert.same({ 1, 19, 2000000 }, { taken, refused, world_.gateway.customers.acme.balance })
    end, { count = 1 })
  end)
end)
