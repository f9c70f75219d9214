local late = require "spec.support.late_store"
local metrics = require "smpp.metrics"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

--- A function that says by how much a metric has grown since.
local function since(name, labels)
  local before = metrics.get(name, labels)
  return function() return metrics.get(name, labels) - before end
end

describe("smpp.gateway.figures", function()
  it("count each message of a customer once, and each attempt at a carrier", function()
    local seen = {}
    for _, result in ipairs { "forwarded", "stored", "dropped", "delivered", "refused" } do
      seen[result] = since("smpp_gateway_messages", { account = "acme", result = result })
    end
    local at_a = since("smpp_gateway_carrier_messages", { carrier = "a", result = "refused" })
    local at_b = since("smpp_gateway_carrier_messages", { carrier = "b", result = "accepted" })
    local text = support.FILE:gsub("route", [[
      route { to = "1", drop = true }
      route { to = "2", reject = "ESME_RINVDSTADR" }
      route { to = "3", deliver = "bank" }
      route]], 1)
    world(text, function(w)
      local acme = w:customer()
      submit(acme)
      submit(acme)
      for _, to in ipairs { "1", "2", "3" } do submit(acme, { destination_addr = to }) end
      assert.same({ 2, 0, 1, 1, 1 }, { seen.forwarded(), seen.stored(), seen.dropped(), seen.delivered(), seen.refused() })
      assert.same({ 2, 2 }, { at_a(), at_b() })
    end, { carriers = { function() return nil, "ESME_RSYSERR" end } })
  end)

  it("count outcomes that are unknown, receipts of known and unknown messages, and incoming ones", function()
    local unknown = since("smpp_gateway_carrier_messages", { carrier = "a", result = "unknown" })
    local receipts, strange = since("smpp_gateway_receipts", { result = "known" }), since("smpp_gateway_receipts", { result = "unknown" })
    local incoming = since("smpp_gateway_incoming", { carrier = "a" })
    local text = support.FILE:gsub('2001"', '2001", response_timeout_s = 1') .. 'incoming { deliver = "acme" }\n'
    local silent = false
    world(text, function(w)
      local acme = w:customer()
      w:receipt(1, "nobody's")
      smpp.sleep(0.1)
      submit(acme, { registered_delivery = 1 })
      w:receipt(1, "a-1")
      assert(w.carriers[1].server:deliver("me", { command = "deliver_sm", source_addr = "491", destination_addr = "1", short_message = "Hi" }))
      silent = true
      submit(acme)
      smpp.sleep(1)
      assert.same({ 1, 1, 1, 1 }, { unknown(), receipts(), strange(), incoming() })
    end, { count = 1, carriers = { function(_, _, n)
      if silent then smpp.sleep(3) end
      return "a-" .. n
    end } })
  end)

  it("show whether carriers are available, what is on its way and what is stored, as long as the gateway is there", function()
    local stored = since("smpp_gateway_messages", { account = "acme", result = "stored" })
    world('store { "x.db" }\n' .. support.FILE, function(w)
      local acme = w:customer()
      assert.equal(1, metrics.get("smpp_gateway_carrier_available", { carrier = "a" }))
      assert.equal(0, metrics.get("smpp_gateway_carrier_available", { carrier = "b" }))
      submit(acme)
      smpp.sleep(1)
      assert.same({ 1, 1, 1 }, {
        metrics.get("smpp_gateway_carrier_outstanding", { carrier = "a" }), metrics.get "smpp_gateway_stored_messages", stored(),
      })
      smpp.sleep(5)
      assert.equal(0, metrics.get("smpp_gateway_carrier_outstanding", { carrier = "a" }))
      assert.equal(0, metrics.get "smpp_gateway_stored_messages")
    end, { store = function(loop) return late.new(loop) end, carriers = { function()
      smpp.sleep(4)
      return "slow"
    end, false } })
    assert.equal(0, metrics.get("smpp_gateway_carrier_available", { carrier = "a" }))
  end)

  it("count what each rule has matched, and go on after a reload", function()
    local function of(statement, line) return since("smpp_gateway_rule_messages", { statement = statement, line = line }) end
    local tagged, routed, none, incoming, later = of("route", "4"), of("route", "5"), of("route", "none"), of("incoming", "6"), of("route", "3")
    world([[
listen { port = 2775, accounts = { acme = "secret" } }
carrier "a" { "smpp://me:x@localhost:2001" }

route { text = "Hi", tag = "greeting" }
route { to = prefix "49", via = "a" }
incoming { drop = true }
]], function(w)
      local acme = w:customer()
      submit(acme)
      submit(acme, { short_message = "Bye" })
      submit(acme, { destination_addr = "33" })
      assert(w.carriers[1].server:deliver("me", { command = "deliver_sm", source_addr = "491", destination_addr = "1", short_message = "Hi" }))
      smpp.sleep(0.1)
      assert.same({ 2, 2, 1, 1 }, { tagged(), routed(), none(), incoming() })
      w.gateway.options.text = w.text:gsub("route { text[^\n]*\n", ""):gsub("\n\n", "\n")
      assert.is_true(w.gateway:reload())
      submit(acme)
      assert.same({ 2, 2, 1, 1, 1 }, { tagged(), routed(), none(), incoming(), later() })
    end, { count = 1 })
    assert.same({ 2, 2, 1, 1, 1 }, { tagged(), routed(), none(), incoming(), later() })
  end)

  it("give at most a thousand lines a series of their own", function()
    local text, n = { support.FILE }, 1500
    for i = 1, n do text[i + 1] = ('route { to = "9%d", drop = true }\n'):format(1000000 + i) end
    world(table.concat(text):gsub("route { via[^\n]*\n", ""), function(w)
      local state, labels = w.gateway.state, {}
      for i = 1, n do state.matched.route[i] = 1 end
      local metric = require("smpp.metrics").registry.by_name.smpp_gateway_rule_messages
      local sum = 0
      for _, series in ipairs(metric:samples()) do
        labels[#labels + 1] = series.labels[2]
        if tonumber(series.labels[2]) or series.labels[2] == "other" then sum = sum + series.value end
      end
      assert.is_true(#labels <= 1002 and sum >= n, ("%d series"):format(#labels))
      state.matched.route = {}
    end)
  end)
end)
