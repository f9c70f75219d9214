local with = require("spec.support.node_world").with

--- The lease of a slot that a node holds.
local function lease_of(world, name, carrier, slot) return world.nodes[name].leases[carrier].held[slot] end

local function has_line(world, pattern)
  for _, line in ipairs(world.lines) do
    if line:find(pattern) then return line end
  end
end

describe("smpp.nodes.leases", function()
  it("gives one node all slots at once", with(function(world)
    world:start "a"
    assert.is_true(world:until_full(5) < 2)
    assert.equal("a4", (world:shares "a"))
    assert.equal("a1", (world:shares "b"))
  end))

  it("shares them evenly when another node comes, one slot a second", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    world:start "b"
    loop:advance(10)
    assert.equal("a2 b2", (world:shares "a"))
    local times = {}
    for _, line in ipairs(world.lines) do times[#times + 1] = tonumber(line:match "^(%S+) b lease a %d taken") end
    assert.equal(2, #times)
    assert.is_true(times[2] - times[1] >= 0.5, times[2] - times[1])
    world:start "c"
    loop:advance(10)
    local shares, total = world:shares "a"
    assert.equal(4, total)
    assert.is_truthy(shares:find "^a[12] b[12] c[12]$", shares)
    assert.equal("a1 b0 c0", (world:shares "b")) -- who holds it keeps it
  end))

  it("hands the slots of a dead node to the others within lease_s and a few seconds", with(function(world, loop)
    world:start "a"
    world:start "b"
    loop:advance(15)
    assert.equal("a2 b2", (world:shares "a"))
    world:kill "a"
    local took = world:until_full(20)
    assert.is_true(took > 8 and took < 16, tostring(took))
    assert.equal("b4", (world:shares "a"))
    assert.is_truthy(has_line(world, "b lease a %d from a"))
    assert.is_truthy(has_line(world, "b dead a"))
  end))

  it("hands them over at once where the node leaves", with(function(world, loop)
    world:start "a"
    world:start "b"
    loop:advance(15)
    local one = world.nodes.a
    one.nodes:drain(function() one.nodes:leave(function() one.process:kill() end) end)
    loop:advance(2) -- to drain, and to bind
    assert.equal("b4", (world:shares "a"))
    assert.is_true(world:is_full())
    assert.is_truthy(has_line(world, "b left a"))
    assert.is_nil(has_line(world, "b dead a"))
  end))

  it("takes the slots of its own life before at once, where that process is seen dead", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    world:kill "a"
    loop:advance(0.5)
    world:start "a"
    assert.is_true(world:until_full(5) < 2)
  end))

  it("waits for lease_s where it cannot see that", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    world:kill "a"
    loop:advance(0.5)
    world:start("a", { process = "", has_ended = function() return false end })
    assert.is_true(world:until_full(20) > 10)
  end))

  it("counts a lease from when its renewal was sent, not from the reply", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    local lease = lease_of(world, "a", "a", 1)
    loop:advance(3)
    world.engine.stand_still(true)
    local before = lease.deadline
    while not lease.leases.asking do loop:advance(0.1) end
    loop:advance(1.5)
    world.engine.stand_still(false)
    loop:advance(0.1)
    assert.is_true(lease.deadline > before)
    assert.is_true(lease.deadline < loop:now() + 7 - 1.5, lease.deadline - loop:now())
  end))

  it("loses a lease at its deadline, closes, and only then frees the slot", with(function(world, loop)
    local one = world:start "a"
    world:until_full(5)
    local lease = lease_of(world, "a", "a", 1)
    one.process:cut_off(true)
    loop:advance(lease.deadline - loop:now() - 0.01)
    assert.is_true(lease:is_held(loop:now()))
    loop:advance(0.02)
    assert.is_false(lease:is_held(loop:now()))
    assert.is_true(lease.close_s > 0.9 and lease.close_s <= 1)
    assert.equal(lease, one.open.a[1])
    loop:advance(1)
    assert.is_nil(one.open.a[1])
    assert.is_truthy(has_line(world, "a lease a 1 lost"))
  end))

  it("frees no slot before its connection is closed, also where the engine is there again", with(function(world, loop)
    local one = world:start "a"
    world:start "b"
    loop:advance(15)
    local lease
    for _, held in pairs(one.leases.a.held) do lease = lease or held end
    world.engine.stand_still(true)
    loop:advance(lease.deadline - loop:now() + 0.05)
    world.engine.stand_still(false)
    loop:advance(0.5)
    assert.is_false(one.leases.a.asking)
    assert.equal(lease, one.open.a[lease.slot])
    assert.equal(one.nodes.run, world.engine.data["smpp:{gw}:lease:a"].fields[tostring(lease.slot)]:match "^%S+")
    loop:advance(3)
    assert.is_true(one.open.a[lease.slot] ~= lease)
  end))

  it("closes at once after standing still for longer", with(function(world, loop)
    local one = world:start "a"
    world:until_full(5)
    local lease = lease_of(world, "a", "a", 1)
    one.process:stop()
    loop:advance(20)
    assert.is_false(lease:is_held(loop:now())) -- before any timer of it has run
    one.process:go_on()
    loop:advance(0)
    assert.equal(0, lease.close_s)
    assert.is_true(one.open.a[1] ~= lease)
  end))

  it("loses a slot that the engine says is another's", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    world.engine.data["smpp:{gw}:lease:a"].fields["2"] = "other 99 1"
    loop:advance(2.1)
    assert.is_nil(lease_of(world, "a", "a", 2))
    assert.is_truthy(has_line(world, "a lease a 2 lost"))
    assert.is_truthy(lease_of(world, "a", "a", 1))
    assert.is_true(world.nodes.a.nodes.fence >= 99)
    loop:advance(14)
    assert.is_true(lease_of(world, "a", "a", 2).fence > 99)
  end))

  it("gives back what it took where the reply was lost", with(function(world, loop)
    local one = world:start "a"
    loop:advance(0.1)
    world:until_full(5)
    local rows = world.engine.data["smpp:{gw}:lease:a"].fields
    local held = one.leases.a
    held.held[3], held.count = nil, held.count - 1 -- as if the reply had never come
    one.open.a[3] = nil
    assert.is_truthy(rows["3"])
    assert.is_true(world:until_full(5) < 4)
  end))

  it("takes nothing where the reply comes after the deadline of what it took", with(function(world, loop)
    local one = world:start("a", { carriers = {} })
    loop:advance(1)
    local taken = 0
    local run = one.nodes.engine.run
    one.nodes.engine.run = function(self, script, words, count, done)
      if words[3] ~= "a" then return run(self, script, words, count, done) end
      run(self, script, words, count, function(...)
        local reply = { ... }
        one.nodes:later(7.5, function() done(reply[1], reply[2], reply[3]) end)
      end)
    end
    local leases = one.nodes:leases("a", { binds = 1, taken = function() taken = taken + 1 end, lost = function() end, give_back = function() end })
    loop:advance(40)
    assert.equal(0, taken)
    assert.equal(0, leases.count)
  end))

  it("takes nothing for lease_s from another engine, which may be behind", with(function(world, loop)
    world:start "a"
    world:start "b"
    local before = world.engine.copy()
    loop:advance(15)
    assert.equal("a2 b2", (world:shares "a"))
    world.nodes.a.process:cut_off(true)
    world:replace_engine(before) -- where nobody has anything
    loop:advance(6)
    assert.equal("b0", (world:shares "a"):match "b%d")
    world:until_full(30)
    assert.equal("b4", (world:shares "a"):match "b%d")
    assert.is_truthy(has_line(world, "b failover 127.0.0.1:6379 127.0.0.1:6379"))
  end, { carriers = { a = 4 } }))

  it("takes nothing for lease_s in a life that began after the engine was replaced", with(function(world, loop)
    world:start "a"
    loop:advance(3)
    local before = world.engine.copy()
    before["smpp:{gw}:lease:a"] = nil -- it has not heard of any
    world.nodes.a.process:cut_off(true)
    world:replace_engine(before)
    loop:advance(1)
    world:start "b"
    loop:advance(5)
    assert.equal("b0", (world:shares "a"):match "b%d")
    world:until_full(30)
  end, { carriers = { a = 4 } }))

  it("sees rows anew after a failover", with(function(world, loop)
    world:start "a"
    world:start "b"
    loop:advance(15)
    world:kill "a"
    loop:advance(9)
    local at = loop:now()
    world:replace_engine(world.engine.copy())
    world:until_full(30)
    assert.is_true(loop:now() - at >= 11, loop:now() - at)
  end, { carriers = { a = 4 } }))

  it("never asks where the engine is not known yet: a queue could lead to another", with(function(world, loop)
    local one = world:start "a"
    world:until_full(5)
    local sent = 0
    local run = one.client.run
    function one.client.run(...)
      sent = sent + 1
      return run(...)
    end
    world.engine.close()
    loop:advance(0.5)
    sent = 0
    one.leases.a:ask()
    one.nodes:tick()
    assert.equal(0, sent)
  end))

  it("gives a slot back after three failures, for 30 s, where another may do better", with(function(world, loop)
    world.refuses.aa = true
    world:start "a"
    world:start "b"
    loop:advance(20)
    assert.equal("a0 b4", (world:shares "a"))
    world.refuses = {}
    loop:advance(5)
    assert.equal("a0 b4", (world:shares "a"))
    loop:advance(30)
    assert.equal("a2 b2", (world:shares "a"))
  end))

  it("goes on trying where there is nobody else", with(function(world, loop)
    world.refuses.aa = true
    world:start "a"
    loop:advance(20)
    world.refuses = {}
    assert.is_true(world:until_full(5) < 1)
  end))

  it("keeps to the smaller number where files differ", with(function(world, loop)
    world:start("a", { carriers = { a = 4 } })
    loop:advance(3)
    world:start("b", { carriers = { a = 3 } })
    loop:advance(15)
    assert.equal(3, (select(2, world:shares "a")))
    assert.is_nil(world.engine.data["smpp:{gw}:lease:a"].fields["4"])
    world:kill "b"
    loop:advance(20)
    assert.equal("a4", (world:shares "a"))
  end, { carriers = { a = 4 } }))

  it("leaves a carrier to the nodes that know it", with(function(world, loop)
    world:start("a", { carriers = { a = 4 } })
    world:start("b", { carriers = { b = 1 } })
    loop:advance(15)
    assert.equal("a4 b0", (world:shares "a"))
    assert.equal("a0 b1", (world:shares "b"))
    local stopped
    world.nodes.a.leases.a:stop(function() stopped = true end)
    loop:advance(3)
    assert.is_true(stopped)
    assert.is_nil(world.engine.data["smpp:{gw}:lease:a"])
    assert.is_nil(world.engine.data["smpp:{gw}:want:a"])
  end))

  it("stops without the engine, too", with(function(world, loop)
    world:start "a"
    world:until_full(5)
    world.engine.close()
    local stopped
    world.nodes.a.leases.a:stop(function() stopped = true end)
    loop:advance(2)
    assert.is_true(stopped)
    assert.same({}, world.nodes.a.open.a)
  end))

  it("raises fences, also beyond those of an engine that is behind", with(function(world, loop)
    world:start "a"
    loop:advance(3)
    local high = world.nodes.a.nodes.fence
    assert.is_true(high >= 5)
    world.engine.data["smpp:{gw}:meta"].fields.fence = "1"
    world.nodes.a.leases.b:stop(function() end)
    loop:advance(3)
    local lease
    world.nodes.a.nodes:leases("c", { binds = 1, taken = function(one) lease = one end, lost = function() end, give_back = function() end })
    loop:advance(1)
    assert.is_true(lease.fence > high)
  end))
end)
