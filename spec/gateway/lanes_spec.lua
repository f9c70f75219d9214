local cluster = require "spec.support.cluster"
local smpp = require "smpp"
local support = require "spec.support.gateways"
local util = require "spec.support.util"

local submit = support.submit

local FILE = cluster.FILE:gsub('("smpp://me:x@localhost:2001",)', '%1 order = "destination", binds = 2,'):gsub("route.*", 'route { via = "a" }\n')

--- The texts that a carrier has got for each destination, in order.
local function got(w)
  local out = {}
  for _, pdu in ipairs(w.carriers[1].got) do
    local list = out[pdu.destination_addr] or {}
    out[pdu.destination_addr] = list
    list[#list + 1] = pdu.short_message
  end
  return out
end

--- A carrier that takes its time, and sees whether two requests to a destination are under way at once.
local function watched(w, seconds)
  local open, seen = {}, { twice = 0 }
  w.carriers[1].answer = function(_, pdu, n)
    local to = pdu.destination_addr
    if open[to] then seen.twice = seen.twice + 1 end
    open[to] = true
    smpp.sleep(type(seconds) == "function" and seconds() or seconds)
    open[to] = nil
    return "a-" .. n
  end
  return seen
end

describe("smpp.gateway.lanes", function()
  it("keep the order of a destination, whichever node takes a message", function()
    cluster.run(FILE, function(w)
      local random = util.seeded(7)
      local seen = watched(w, function() return random(20) / 100 end)
      local binds, expected = { w:customer_of("a", { window = 50 }), w:customer_of("b", { window = 50 }) }, {}
      for to = 491, 496 do
        local list = {}
        expected[tostring(to)] = list
        smpp.spawn(function()
          for n = 1, 15 do
            assert(submit(binds[random(2)], { destination_addr = tostring(to), short_message = "m" .. n }))
            list[n] = "m" .. n
            smpp.sleep(random(10) / 50)
          end
        end)
      end
      smpp.sleep(20)
      assert.same(expected, got(w))
      assert.equal(0, seen.twice)
      assert.is_nil(w.engine.data["smpp:{gw}:lanes"])
      assert.same({}, w:logged "failed")
    end)
  end)

  it("go on after a crash with what the dead node had, before what came later", function()
    cluster.run(FILE, function(w)
      local first, second = w:customer_of "a", w:customer_of "b"
      w.carriers[1].answer = function() smpp.sleep(1000) end
      assert(submit(first, { short_message = "m1" }))
      smpp.sleep(0.2)
      local owner = next(w.engine.data["smpp:{gw}:lanes"].fields)
      local name = w.engine.data["smpp:{gw}:lanes"].fields[owner] == w.gateways.a.store.run and "a" or "b"
      for n = 2, 4 do assert(submit(name == "a" and second or first, { short_message = "m" .. n })) end
      smpp.sleep(0.3)
      local others = name == "a" and second or first
      w:crash(name)
      w.carriers[1].answer = nil
      w.carriers[1].got = {}
      assert(submit(others, { short_message = "m5" }))
      smpp.sleep(15)
      assert.same({ ["491"] = { "m1", "m2", "m3", "m4", "m5" } }, got(w))
    end)
  end)

  it("are given up again at an engine that was behind", function()
    cluster.run(FILE, function(w)
      local first = w:customer_of "a"
      assert(submit(first))
      smpp.sleep(1)
      local lanes = { ["7"] = w.gateways.a.store.run, ["8"] = w.gateways.b.store.run }
      w.engine.data["smpp:{gw}:lanes"] = { kind = "hash", fields = lanes, count = 0 }
      w.gateways.a.node.nodes:emit("failover", "x", "y")
      smpp.sleep(1)
      assert.same({ ["8"] = w.gateways.b.store.run }, lanes)
    end)
  end)

  it("are in the order of the engine, though the clocks of nodes differ", function()
    cluster.run(FILE, function(w)
      local first, second = w:customer_of "a", w:customer_of "b"
      w.gateways.a.store.offset = 5
      w.gateways.b.store.offset = -5
      w.carriers[1].answer = function(_, _, n)
        smpp.sleep(1)
        return "a-" .. n
      end
      for n = 1, 6 do assert(submit(n % 2 == 1 and first or second, { short_message = "m" .. n })) end
      smpp.sleep(30)
      assert.same({ ["491"] = { "m1", "m2", "m3", "m4", "m5", "m6" } }, got(w))
    end)
  end)
end)
