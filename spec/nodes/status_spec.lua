local nodes = require "smpp.nodes"
local status = require "smpp.nodes.status"
local task = require "smpp.base.task"
local with = require("spec.support.node_world").with

local PLACE = "smpp:{gw}:"

--- What is read, or what `fn` returns, in a task on the loop.
local function ask(world, loop, fn)
  local results
  task.spawn(function() results = { fn(world.nodes.a.client) } end)
  loop:advance(3)
  return (table.unpack or unpack)(results, 1, 3) -- luacheck: compat
end

local function read(world, loop)
  return ask(world, loop, function(client) return status.read(client, PLACE) end)
end

describe("smpp.nodes.status", function()
  it("has the engine, nodes with leases, and what waits", with(function(world, loop)
    world:start("a", { config = nodes.configuration { s = {} } })
    world:start("b", { config = nodes.configuration { s = {} } })
    loop:advance(12)
    local data = world.engine.data
    data[PLACE .. "queues"] = { kind = "members", members = { ["m:x,y"] = true, ["s:x,y"] = true, ["o:acme"] = true, ["l:7:x,y"] = true } }
    data[PLACE .. "queue:m:x,y"] = { kind = "set", scores = { ["message:1"] = 1700000000, ["message:2"] = 1700000005 } }
    data[PLACE .. "queue:s:x,y"] = { kind = "set", scores = { ["message:3"] = 1800000000 } }
    data[PLACE .. "queue:l:7:x,y"] = { kind = "set", scores = { ["message:5"] = 1700000007 } }
    data[PLACE .. "queue:o:acme"] = { kind = "set", scores = { ["outbound:1"] = 1 } }
    data[PLACE .. "work:" .. world.nodes.a.nodes.run] = { kind = "set", scores = { ["message:4"] = 1 } }
    data[PLACE .. "counter:all"] = { kind = "set", scores = { ["0"] = 0, ["1"] = 1 } }
    data[PLACE .. "counter:all:0"] = { kind = "set", scores = { ["credit/acme"] = 1, ["quota/acme"] = 2 } }
    data[PLACE .. "counter:all:1"] = { kind = "set", scores = { ["credit/bank"] = 65 } }
    data[PLACE .. "counter:r:credit/acme"] = { kind = "string", text = "12500000\n1\n\n\n\n\n" }
    data[PLACE .. "counter:r:credit/bank"] = { kind = "string", text = "0\n65\n\n\n\n\n" }
    data[PLACE .. "meta"].fields.messages, data[PLACE .. "meta"].fields.open = "2000", "5"
    local got = assert(read(world, loop))
    assert.same({ 2000, 5, 500 }, { got.engine.messages, got.engine.open, got.engine.octets_per_message })
    assert.same({ "127.0.0.1:6379", "7.0.15", "master", 0, 1000000, 0, "noeviction" },
      { got.engine.address, got.engine.version, got.engine.role, got.engine.replicas, got.engine.used, got.engine.max, got.engine.policy })
    assert.same({ "a", "b" }, { got.nodes[1].node, got.nodes[2].node })
    assert.same({ 2, 1, "live" }, { #got.nodes[1].leases - (got.nodes[1].leases[3] and 1 or 0), got.nodes[1].working, got.nodes[1].state })
    assert.equal(5, got.nodes[1].binds + got.nodes[2].binds)
    assert.is_true(got.nodes[1].beat_s < 4)
    assert.same({ "a", "number" }, { got.nodes[1].leases[1].carrier, type(got.nodes[1].leases[1].fence) })
    assert.equal(1, #got.queues)
    assert.same({ "x,y", 4 }, { got.queues[1].carrier, got.queues[1].waiting })
    assert.is_true(math.abs(got.queues[1].oldest_s - 12) < 2)
    assert.same({ { account = "acme", waiting = 1, credit = 12.5 }, { account = "bank", waiting = 0, credit = 0 } }, got.accounts)
    assert.is_true(status.is_well(got))
  end))

  it("has no octets for a message where there is none", with(function(world, loop)
    world:start("a", { config = nodes.configuration { s = {} } })
    loop:advance(3)
    local engine = assert(read(world, loop)).engine
    assert.same({ 0, 0 }, { engine.messages, engine.open })
    assert.is_nil(engine.octets_per_message)
  end))

  it("is not well where a node is dead, or its file another", with(function(world, loop)
    world:start("a", { config = nodes.configuration { s = {} } })
    world:start("b", { config = nodes.configuration { s = { x = 1 } } })
    loop:advance(3)
    assert.is_false(status.is_well(assert(read(world, loop))))
    world:kill "a"
    world:start("c", { config = nodes.configuration { s = { x = 1 } } })
    world.nodes.a.client = world.nodes.c.client
    world.nodes.b.nodes.others.bury = function() end
    world.nodes.c.nodes.others.bury = function() end
    loop:advance(13)
    local got = assert(read(world, loop))
    assert.equal("dead", got.nodes[1].state)
    assert.is_false(status.is_well(got))
  end))

  it("changes credit, never below zero", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    local function credit(...)
      local words = { ... }
      return ask(world, loop, function(client) return status.credit(client, PLACE, words[1], words[2], words[3]) end)
    end
    assert.same({ nil, "account 'acme' has no credit in the books", "missing" }, { credit("acme", 5, true) })
    world.engine.data[PLACE .. "counter:r:credit/acme"] = { kind = "string", text = "12500000\n1\n\n\n\n\n" }
    assert.equal(112.75, (credit("acme", 100.25, true)))
    assert.equal(12.75, (credit("acme", -100, true)))
    assert.same({ nil, "account 'acme': it has 12.75", "too_little" }, { credit("acme", -13, true) })
    assert.equal(7, (credit("acme", 7, false)))
    assert.equal("7000000\n1\n\n\n\n\n", world.engine.data[PLACE .. "counter:r:credit/acme"].text)
  end))

  it("asks a node to drain", with(function(world, loop)
    world:start "a"
    world:start "b"
    loop:advance(8)
    local function drain(name)
      return ask(world, loop, function(client) return status.drain(client, PLACE, name) end)
    end
    assert.same({ nil, "no node 'c'", "missing" }, { drain "c" })
    assert.is_true((drain "b"))
    loop:advance(3)
    assert.equal("draining", world.nodes.b.nodes.state)
    assert.equal("a4 b0", (world:shares "a"))
    assert.equal("draining", assert(read(world, loop)).nodes[2].state)
  end))

  it("says why the engine does not answer", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    world.engine.close()
    local got, message, code = read(world, loop)
    assert.is_nil(got)
    assert.is_string(message)
    assert.is_string(code)
  end))
end)
