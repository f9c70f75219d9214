local configuration = require "smpp.nodes.configuration"
local nodes = require "smpp.nodes"
local scripts = require "smpp.nodes.scripts"
local valkey = require "smpp.valkey"
local virtual = require "smpp.loop.virtual"
local with = require("spec.support.node_world").with

local NONE = { carriers = {} }

--- The lines of one node and event, without times.
local function lines(world, name, event)
  local list = {}
  for _, line in ipairs(world.lines) do
    local words = line:match("^%S+ " .. name .. " " .. event .. " ?(.*)$")
    if words then list[#list + 1] = words end
  end
  return list
end

describe("smpp.nodes", function()
  it("joins, and sees others join, leave and die", with(function(world, loop)
    local a = world:start "a"
    world:start "b"
    world:start "c"
    loop:advance(3)
    assert.equal("live", a.nodes.state)
    assert.same({ "a", "b", "c" }, { a.nodes:nodes()[1].name, a.nodes:nodes()[2].name, a.nodes:nodes()[3].name })
    assert.is_true(a.nodes:nodes()[1].is_self)
    assert.equal(2, #lines(world, "a", "joined"))
    local b = world.nodes.b
    b.nodes:leave(function() b.process:kill() end)
    world:kill "c"
    loop:advance(1)
    assert.equal(1, #lines(world, "a", "left"))
    loop:advance(8)
    assert.equal("live", a.nodes:nodes()[2].state)
    assert.is_true(a.nodes:nodes()[2].beat_s > 6)
    loop:advance(5)
    assert.same({ "c " .. world.nodes.c.nodes.run }, lines(world, "a", "dead"))
    assert.equal(1, #a.nodes:nodes())
    assert.equal(1, #lines(world, "a", "left"))
  end, NONE))

  it("tells of runs whose work nobody has, until it is taken", with(function(world, loop)
    local a = world:start "a"
    world:start "b"
    loop:advance(1)
    local run, settled, told = world.nodes.b.nodes.run, a.nodes.settled, {}
    a.nodes.settled = function() end
    a.nodes:on("orphans", function(list) told[#told + 1] = list[1] end)
    world:kill "b"
    loop:advance(20)
    assert.is_true(#told >= 3)
    assert.equal(run, told[3])
    a.nodes.settled = settled
    loop:advance(2.5)
    local count = #told
    loop:advance(10)
    assert.equal(count, #told)
  end, NONE))

  it("begins another life after it was taken for dead", with(function(world, loop)
    local a = world:start "a"
    world:start "b"
    loop:advance(1)
    local run = a.nodes.run
    assert.is_true(a.nodes:is_alive(loop:now()))
    a.process:stop()
    loop:advance(20)
    assert.is_false(a.nodes:is_alive(loop:now()))
    a.process:go_on()
    loop:advance(1)
    assert.equal(1, #lines(world, "a", "died"))
    assert.equal(2, #lines(world, "a", "life"))
    assert.is_true(a.nodes.run ~= run)
    assert.is_true(a.nodes:is_alive(loop:now()))
    assert.equal(0, #lines(world, "b", "left"))
  end, NONE))

  it("says once that the engine is away, again each minute, and when it is back", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    local data = world.engine.data
    world.engine.close()
    loop:advance(0.9)
    assert.equal(0, #lines(world, "a", "away"))
    loop:advance(30)
    assert.equal(1, #lines(world, "a", "away"))
    assert.is_true(world.nodes.a.nodes.engine.is_away)
    loop:advance(60)
    assert.equal(2, #lines(world, "a", "away"))
    world:replace_engine(data)
    loop:advance(6)
    local back = lines(world, "a", "back")
    assert.equal(1, #back)
    assert.is_true(tonumber(back[1]) > 90 and tonumber(back[1]) < 97, back[1])
    assert.is_false(world.nodes.a.nodes.engine.is_away)
    assert.equal(1, #lines(world, "a", "failover"))
  end, NONE))

  it("says nothing of a connection that is made anew within a second", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    world.engine.drop()
    loop:advance(5)
    for _, event in ipairs { "away", "back", "failover", "died" } do assert.equal(0, #lines(world, "a", event), event) end
  end, NONE))

  it("joins when the engine comes", with(function(world, loop)
    world.engine.close()
    world:start "a"
    loop:advance(10)
    assert.is_nil(world.nodes.a.nodes.run)
    world:replace_engine({})
    loop:advance(6)
    assert.equal("live", world.nodes.a.nodes.state)
  end, NONE))

  it("does not join where another node of this name lives", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    local first = world.nodes.a
    world:start("a", { process = "", has_ended = function() return false end })
    loop:advance(9)
    assert.equal(0, #lines(world, "a", "refused"))
    loop:advance(30)
    assert.same({ "another live node of this name duplicate" }, lines(world, "a", "refused"))
    assert.is_nil(world.nodes.a.nodes.run)
    assert.is_truthy(first.nodes.run)
    first.nodes:close()
    first.client:close()
  end, NONE))

  it("does not join an engine of a newer format, or with other settings", with(function(world, loop)
    world:start "a"
    loop:advance(1)
    world:start("b", { lease_s = 20 })
    loop:advance(1)
    assert.same({ "lease_s: the other nodes have 10 settings" }, lines(world, "b", "refused"))
    world.engine.data["smpp:{gw}:meta"].fields.format = tostring(scripts.FORMAT + 1)
    world:start "c"
    loop:advance(1)
    assert.same({ ("the engine has format %d, this program %d format"):format(scripts.FORMAT + 1, scripts.FORMAT) }, lines(world, "c", "refused"))
  end, NONE))

  it("says once what another node's configuration has otherwise, and when it is the same again", with(function(world, loop)
    local function config(binds) return configuration.of { ["carrier a"] = { binds = binds } } end
    local told = {}
    local function listen(one, name) one.nodes:on("differs", function(other, list) told[#told + 1] = name .. other .. " " .. table.concat(list, "; ") end) end
    listen(world:start("a", { config = config(2) }), "a")
    listen(world:start("b", { config = config(3) }), "b")
    loop:advance(20)
    table.sort(told)
    assert.same({ "ab carrier a: binds 2, there 3", "ba carrier a: binds 3, there 2" }, told)
    assert.equal(2, world.nodes.b.nodes:least("carrier a: binds", 3))
    assert.equal(2, world.nodes.a.nodes:least("carrier a: binds", 2))
    assert.equal(7, world.nodes.a.nodes:least("carrier a: rate_per_s", 7))
    told = {}
    world.nodes.a.nodes:set_configuration(config(3))
    loop:advance(5)
    table.sort(told)
    assert.same({ "ab ", "ba " }, told)
  end, NONE))

  it("drains where its record says so", with(function(world, loop)
    local a, asked = world:start "a", false
    a.nodes:on("drain", function() asked = true end)
    loop:advance(3)
    world.engine.data["smpp:{gw}:node:a"].fields.drain = "1"
    loop:advance(4)
    assert.is_true(asked)
    assert.equal("draining", a.nodes.state)
    assert.same({}, a.open.a)
    assert.equal("draining", a.nodes:nodes()[1].state)
  end, { carriers = { a = 2 } }))

  it("closes all that it has opened", function()
    local loop = virtual.new {}
    local client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, loop = loop })
    local one = nodes.open(client, { name = "a", loop = loop })
    one:leases("x", { binds = 1, taken = function() end, lost = function() end, give_back = function() end })
    assert.error_matches(function() one:leases("x", {}) end, "they are there already")
    one:close()
    one:close()
    client:close()
    loop:advance(1)
    assert.equal("nothing", loop:describe())
  end)
end)
