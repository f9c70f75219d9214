local configuration = require "smpp.nodes.configuration"
local others = require "smpp.nodes.others"
local scripts = require "smpp.nodes.scripts"

local function show(...)
  local words = { ... }
  for i = 1, #words do words[i] = tostring(words[i]) end
  return table.concat(words, " ")
end

--- The others of a node "a", with a clock, and what it told and asked.
local function new()
  local world = { now = 0, told = {}, asked = {}, frozen = false, stored = {} }
  local nodes = {
    name = "a", lease_s = 10, place = "p:", sent_at = 0, config = configuration.of { s = { x = 1 } },
    loop = { now = function() return world.now end },
    engine = {
      is_frozen = function() return world.frozen end,
      command = function(_, done, name, key, value)
        if name == "SET" then world.stored[key] = value else done(world.stored[key] or false) end
      end,
    },
    emit = function(_, ...) world.told[#world.told + 1] = show(...) end,
    ask = function(_, script, _, ...) world.asked[#world.asked + 1] = { script, ... } end,
  }
  world.others = others.new(nodes)
  function world.read(records)
    local list = {}
    for name, record in pairs(records) do
      local fields = { "config", record.config or "", "state", record.state or "live", "started", "5" }
      for _, key in ipairs { "run", "beat" } do fields[#fields + 1], fields[#fields + 2] = key, record[key] end
      list[#list + 1] = { name, fields }
    end
    return world.others:read(list)
  end
  world.nodes = nodes
  return world
end

describe("smpp.nodes.others", function()
  it("live while their beats go on", function()
    local world = new()
    assert.equal("ra", world.read({ a = { run = "ra", beat = "1" }, b = { run = "rb", beat = "1" } }).run)
    assert.same({ "joined b rb" }, world.told)
    assert.is_true(world.others:is_live "rb")
    assert.is_false(world.others:is_live "rc")
    assert.equal("b", world.others:name_of "rb")
    world.now = 10
    world.read { b = { run = "rb", beat = "2" } }
    world.now = 20.9
    assert.is_true(world.others:is_live "rb")
    world.now = 21
    assert.is_false(world.others:is_live "rb")
    assert.equal("dead", world.others:list()[1].state)
    world.read { b = { run = "rb2", beat = "0", state = "draining" } }
    assert.equal("joined b rb2", world.told[2])
    assert.is_false(world.others:is_live "rb2")
    assert.is_false(world.others:is_live "rb")
  end)

  it("are buried when they are dead, but not while the engine may be behind", function()
    local world = new()
    world.read { b = { run = "rb", beat = "1" } }
    world.now, world.frozen = 11, true
    world.read { b = { run = "rb", beat = "1" } }
    assert.equal(0, #world.asked)
    world.frozen = false
    world.read { b = { run = "rb", beat = "1" } }
    assert.same({ { scripts.bury, "b", "rb", "1" } }, world.asked)
    world.read {}
    assert.same({ "joined b rb", "dead b rb" }, world.told)
  end)

  it("have left where their records go in time, and are dead where another has buried them", function()
    local world = new()
    world.read { b = { run = "rb", beat = "1" }, c = { run = "rc", beat = "1" } }
    world.now = 3
    world.read { c = { run = "rc", beat = "1" } }
    world.now = 10.5
    world.read {}
    assert.equal("left b rb", world.told[3])
    assert.equal("dead c rc", world.told[4])
  end)

  it("remember no more of nodes that are long gone than of those that are there", function()
    local world = new()
    world.stored["p:config:c"] = configuration.write(configuration.of({ s = { x = 2 } }).parts)
    for i = 1, 1500 do world.read { ["n" .. i] = { run = "r" .. i, beat = "1", config = "c" } } end
    for _, name in ipairs { "names", "told", "differing" } do
      local count = 0
      for _ in pairs(world.others[name]) do count = count + 1 end
      assert.is_true(count <= 1001, name)
    end
  end)

  it("have configurations, which are compared once for each change", function()
    local world, theirs = new(), configuration.of { s = { x = 2 } }
    world.stored["p:config:" .. theirs.hash] = configuration.write(theirs.parts)
    for _ = 1, 3 do world.read { b = { run = "rb", beat = "1", config = theirs.hash } } end
    assert.equal(2, #world.told)
    assert.is_truthy(world.told[2]:find "^differs b table")
    assert.equal(1, world.others:least("s: x", 1))
    assert.equal(2, world.others:least("s: x", 9))
    assert.equal(2, world.others:least("s: x"))
    world.read { b = { run = "rb", beat = "1", config = "unknown" } }
    assert.equal(2, #world.told)
    world.stored["p:config:unknown"] = configuration.write(world.nodes.config.parts)
    world.read { b = { run = "rb", beat = "1", config = "unknown" } }
    assert.is_truthy(world.told[3]:find "^differs b table") -- the same again
    world.others:put_configuration()
    assert.equal("s: \tyes\ns: x\t1\n", world.stored["p:config:" .. world.nodes.config.hash])
  end)
end)
