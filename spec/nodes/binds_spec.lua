local with = require("spec.support.node_world").with

--- Asks a node; its answer.
local function ask(world, loop, name, account, count, most)
  local ok
  world.nodes[name].nodes:count_binds(account, count, most, function(answer) ok = answer end)
  loop:advance(0.01)
  return ok
end

local function two(fn)
  return with(function(world, loop)
    world:start "a"
    world:start "b"
    loop:advance(1)
    fn(world, loop)
  end, { carriers = {} })
end

describe("smpp.nodes.binds", function()
  it("counts the binds of all nodes, exactly", two(function(world, loop)
    assert.is_true(ask(world, loop, "a", "acme", 1, 3))
    assert.is_true(ask(world, loop, "b", "acme", 1, 3))
    assert.is_true(ask(world, loop, "b", "acme", 2, 3))
    assert.is_false(ask(world, loop, "a", "acme", 2, 3))
    assert.is_true(ask(world, loop, "a", "other", 1, 1))
    assert.is_true(ask(world, loop, "b", "acme", 1, 3))
    assert.is_true(ask(world, loop, "a", "acme", 2, 3))
    assert.is_false(ask(world, loop, "b", "acme", 2, 3))
    assert.is_true(ask(world, loop, "a", "acme", 0, 3))
    assert.is_true(ask(world, loop, "b", "acme", 3, 3))
  end))

  it("tells how many there are at the nodes that live", two(function(world, loop)
    local function read(name)
      local count = "none"
      world.nodes[name].nodes.bind_counts:read("acme", function(answer) count = answer end)
      loop:advance(0.01)
      return count
    end
    assert.equal(0, read "a")
    ask(world, loop, "a", "acme", 2, 3)
    world.nodes.b.nodes:count_binds("acme", 5, nil, function() end)
    assert.equal(7, read "b")
    world:kill "b"
    loop:advance(14)
    assert.equal(2, read "a")
    world.engine.close()
    loop:advance(5)
    assert.is_nil(read "a")
  end))

  it("decides for one of two that come at once", two(function(world, loop)
    local answers = {}
    for i, name in ipairs { "a", "b" } do world.nodes[name].nodes:count_binds("acme", 1, 1, function(ok) answers[i] = ok end) end
    loop:advance(0.1)
    assert.is_true(answers[1] ~= answers[2])
  end))

  it("lets one go also above a limit that has become smaller", two(function(world, loop)
    for i = 1, 3 do assert.is_true(ask(world, loop, "a", "acme", i, 3)) end
    assert.is_true(ask(world, loop, "a", "acme", 2, 1))
    assert.is_false(ask(world, loop, "a", "acme", 3, 1))
  end))

  it("drops those of a dead node within lease_s and two seconds", two(function(world, loop)
    assert.is_true(ask(world, loop, "a", "acme", 2, 2))
    world:kill "a"
    loop:advance(9)
    assert.is_false(ask(world, loop, "b", "acme", 1, 2))
    loop:advance(5)
    assert.is_true(ask(world, loop, "b", "acme", 2, 2))
    assert.is_nil(world.engine.data["smpp:{gw}:binds:acme"].fields[world.nodes.a.nodes.run])
  end))

  it("keeps to the last known share while the engine is away", two(function(world, loop)
    assert.is_true(ask(world, loop, "a", "acme", 1, 3))
    assert.is_true(ask(world, loop, "b", "acme", 1, 3))
    assert.is_true(ask(world, loop, "a", "acme", 1, 3)) -- now it has heard of the other's
    local data = world.engine.data
    world.engine.close()
    loop:advance(3)
    assert.is_true(ask(world, loop, "a", "acme", 2, 3))
    assert.is_false(ask(world, loop, "a", "acme", 3, 3))
    assert.is_true(ask(world, loop, "a", "acme", 1, 3))
    assert.is_true(ask(world, loop, "a", "new", 1, 1))
    world:replace_engine(data)
    loop:advance(6)
    assert.equal("1", data["smpp:{gw}:binds:new"].fields[world.nodes.a.nodes.run])
    assert.is_false(ask(world, loop, "b", "new", 1, 1))
  end))

  it("tells a new life's counts", two(function(world, loop)
    assert.is_true(ask(world, loop, "a", "acme", 2, 3))
    world.nodes.a.process:stop()
    loop:advance(20)
    assert.is_true(ask(world, loop, "b", "acme", 2, 3))
    world.nodes.a.process:go_on()
    loop:advance(3)
    assert.equal("2", world.engine.data["smpp:{gw}:binds:acme"].fields[world.nodes.a.nodes.run])
    assert.is_false(ask(world, loop, "b", "acme", 3, 3))
  end))
end)
