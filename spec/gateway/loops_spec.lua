local esme = require "spec.support.esme"
local gateways = require "smpp.gateway"
local loops = require "smpp.gateway.loops"
local property = require "spec.support.property"
local routes = require "spec.support.routes"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit = support.submit

--- A gateway that listens on a port, takes accounts `peer` and `user`, and sends everything to the other's port.
local function text_of(port, other, more)
  return ([[
listen { port = %d, accounts = { peer = "x", user = "x" } }
carrier "out" { "smpp://peer:x@localhost:%d" }
%s
route { via = "out" }
incoming { deliver = "peer" }
]]):format(port, other, more or "")
end

--- Two gateways that send to one another; fn(customer, records by gateway).
local function circle(o, fn)
  esme.run(function()
    local records, list = { {}, {} }, {}
    for i, port in ipairs { 3001, 3002 } do
      list[i] = assert(gateways.new {
        path = "g.lua", text = (o.stored and 'store "x.db"\n' or "") .. text_of(port, 6003 - port, o.more), watch_s = 0,
        log = function(record) table.insert(records[i], record) end, store = o.stored and stores.memory() or nil,
      })
    end
    smpp.sleep(3)
    local got = {}
    local user = assert(smpp.connect { "smpp://user:x@localhost:3001", response_timeout_s = 60, deliver_sm = function(pdu)
      got[#got + 1] = pdu
      return true
    end })
    fn(user, records, got, list)
    user:close(1)
    for _, one in ipairs(list) do smpp.spawn(function() one:close(1) end) end
    smpp.sleep(5)
  end)
end

local function logged(records, event)
  local list = {}
  for _, one in ipairs(records) do
    if one.event == event then list[#list + 1] = one end
  end
  return list
end

describe("smpp.gateway.loops", function()
  it("end a message that goes round between two gateways: refused the whole way back", function()
    circle({}, function(user, records, _, list)
      local started = list[1].loop:now()
      assert.same({ nil, "ESME_RSUBMITFAIL" }, { submit(user) })
      assert.is_true(list[1].loop:now() - started < 5)
      local refused = logged(records[1], "loop_refused")
      assert.same({ 1, "peer", "user", 6 }, { #refused, refused[1].account, refused[1].first, refused[1].passes })
      assert.same({}, logged(records[2], "loop_refused"))
      assert.same({ nil, "ESME_RSUBMITFAIL" }, { submit(user) }) -- again
    end)
  end)

  it("also where rules change the message on its way", function()
    circle({ more = 'route { to = prefix "00", set = { destination_addr = e164 { country = "49" }, source_addr = "777" } }' }, function(user, records)
      assert.same({ nil, "ESME_RSUBMITFAIL" }, { submit(user, { destination_addr = "0049151" }) })
      assert.equal(1, #logged(records[1], "loop_refused"))
    end)
  end)

  it("with stores: the customer gets the receipt of the refusal", function()
    circle({ stored = true }, function(user, records, got)
      assert.truthy(submit(user, { registered_delivery = 1 }))
      smpp.sleep(30)
      local refused = logged(records[1], "loop_refused")
      assert.same({ 1, 25 }, { #refused, refused[1] and refused[1].passes })
      assert.equal(1, #got)
      assert.matches("stat:REJECTD", got[1].short_message)
    end)
  end)

  it("can be let alone", function()
    circle({ more = "gateway { loops = false, queue_s = 1 }" }, function(user, records)
      submit(user)
      assert.same({}, logged(records[1], "loop_refused"))
    end)
  end)

  it("are no equal messages of several customers", function()
    support.world(nil, function(w)
      local acme, bank, pending = w:customer { window = 50 }, w:customer { url = "smpp://bank:hidden@localhost:2775", window = 50 }, 0
      for i = 1, 60 do
        pending = pending + 1
        smpp.spawn(function()
          assert(submit(i % 3 == 0 and acme or bank))
          pending = pending - 1
        end)
      end
      smpp.sleep(10)
      assert.equal(0, pending)
      assert.same({}, w:logged "loop_refused")
    end, { carriers = { function()
      smpp.sleep(1)
      return "x"
    end } })
  end)

  it("of MO: one carrier's message that another brings again and again", function()
    support.world(support.FILE .. 'incoming { deliver = "acme" }\n', function(w)
      local acme = w:customer()
      for i = 1, 30 do
        w.carriers[i == 1 and 1 or 2].server:deliver("me", { source_addr = "49", destination_addr = "1", short_message = "MO" })
        smpp.sleep(0.1)
      end
      assert.equal(25, #acme.got)
      local refused = w:logged("loop_refused", "carrier")
      assert.same({ "b", "a" }, { refused[1], w:logged("loop_refused", "first")[1] })
    end)
  end)

  --- Messages of some texts by accounts in turn, some of them returning: what is refused is what a list of all passes says.
  it("are found by the rule, whatever else passes; memory is bounded", function()
    property.holds(40, function(random, case)
      local now, passes = 0, random(5) + 1
      local loop = { now = function() return now end, random_octets = function(_, n) return ("k"):rep(n) end }
      local detector = loops.new(loop, { passes = passes, within_s = 10 })
      local first, by, times, returns, last = {}, {}, {}, {}, {}
      case.steps = {}
      for _ = 1, random(60) do
        now = now + random(7) - 1
        local words, account = ({ "a", "b", "c" })[random(3)], ({ "x", "y", "z" })[random(3)]
        table.insert(case.steps, words .. account .. now)
        local msg = routes.message { short_message = words }
        if last[words] and now - last[words] > 10 then first[words], by[words], times[words], returns[words] = nil, nil, 0, 0 end
        local expected = false
        if first[words] and first[words] ~= account then
          by[words] = by[words] or account
          if by[words] == account then
            returns[words], last[words] = (returns[words] or 0) + 1, now
            expected = returns[words] >= passes * times[words]
          end
        end
        local found = detector:check(msg, account) ~= nil
        assert.equal(expected, found)
        if not found then
          last[words] = now
          first[words] = first[words] or account
          if first[words] == account then times[words] = (times[words] or 0) + 1 end
          detector:pass(msg, account, false)
        end
      end
    end)
    local loop = { now = function() return 0 end, random_octets = function(_, n) return ("k"):rep(n) end }
    local detector, count = loops.new(loop, { passes = 2, within_s = 10 }), 0
    for i = 1, 40000 do
      local msg = routes.message { destination_addr = tostring(i) }
      detector:check(msg, "a")
      detector:pass(msg, "a", false)
    end
    for _ in pairs(detector.mark) do count = count + 1 end
    assert.is_true(count <= 4096)
  end)
end)
