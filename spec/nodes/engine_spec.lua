local clusters = require "spec.support.valkey_cluster"
local engines = require "smpp.nodes.engine"
local models = require "spec.support.valkey_model"
local scripts = require "smpp.nodes.scripts"
local valkey = require "smpp.valkey"
local virtual = require "smpp.loop.virtual"

--- A body with an engine, its model, and what its owner was told.
local function with(fn)
  return function()
    local loop, told = virtual.new {}, {}
    local model = models.new(loop, {})
    local client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, loop = loop })
    local engine
    engine = engines.new(client, loop, 10, {
      connected = function() told[#told + 1] = "connected" end,
      emit = function(name) told[#told + 1] = name end,
      frozen = function() told[#told + 1] = "frozen" end,
    }, "a")
    engine:start()
    loop:advance(0.1)
    fn(engine, loop, told, function(info)
      model.close()
      if info then model = models.new(loop, { info = info }) end
    end)
    engine:close()
    client:close()
    model.close()
  end
end

describe("smpp.nodes.engine", function()
  it("is not asked before it is known", with(function(engine, loop, told)
    assert.same({ "connected" }, told)
    assert.is_false(engine:can_ask())
    engine:look(function(ok) told[#told + 1] = tostring(ok) end)
    loop:advance(0.1)
    assert.same({ "connected", "engine", "true" }, told)
    assert.is_true(engine:can_ask())
    assert.equal("run-1/replid-1", engine.id)
    assert.is_false(engine:is_frozen(loop:now()))
  end))

  it("freezes where it is another, or has started again", with(function(engine, loop, told, replace)
    engine:look(function() end)
    loop:advance(0.1)
    for i, info in ipairs { { run_id = "run-2" }, { run_id = "run-2", master_replid = "replid-2" } } do
      replace(info)
      loop:advance(1)
      assert.is_false(engine:can_ask())
      engine:look(function() end)
      loop:advance(0.1)
      assert.same({ "frozen", "failover", "engine" }, { told[#told - 2], told[#told - 1], told[#told] })
      assert.is_true(engine:is_frozen(loop:now() + 9.8), i)
      assert.is_false(engine:is_frozen(loop:now() + 10))
    end
  end))

  it("asks nothing of a node of a cluster that it has not looked at: a script does not follow its slot", function()
    local loop, told, replies = virtual.new {}, {}, {}
    local cluster = clusters.new(loop)
    local client = assert(valkey.connect { "valkey+cluster://127.0.0.1", tag = "gw", wait = true, loop = loop })
    local engine
    engine = engines.new(client, loop, 10, {
      connected = function() told[#told + 1] = "connected" end, emit = function(name) told[#told + 1] = name end,
      frozen = function() told[#told + 1] = "frozen" end,
    }, "a")
    engine:start()
    loop:advance(0.1)
    engine:look(function() end)
    loop:advance(0.1)
    engine.id = nil
    client:call("GET", "{gw}a", function() end) -- it is moved before INFO is answered
    engine:look(function() end)
    cluster.owner = 2
    loop:advance(0.05)
    assert.equal("127.0.0.1:6379", engine.address)
    cluster.owner = 1
    client:call("GET", "{gw}a", function() end)
    loop:advance(0.5)
    engine:look(function() end)
    loop:advance(0.1)
    for i = 1, #told do told[i] = nil end
    cluster.move(2)
    cluster.moved()
    local script = valkey.script "return redis.call('HSET', KEYS[1] .. 'h', 'a', '1')"
    engine:run(script, { 1, "smpp:{gw}:" }, 2, function(reply, _, code) replies[#replies + 1] = tostring(reply) .. " " .. code end)
    loop:advance(0.5)
    assert.same({ "nil MOVED" }, replies)
    assert.is_true(engines.passes "MOVED")
    assert.same({}, cluster.nodes[2].data)
    assert.is_false(engine:can_ask())
    engine:look(function() end)
    loop:advance(0.1)
    assert.same({ "connected", "frozen", "failover", "engine" }, told)
    engine:close()
    client:close()
    cluster.close()
  end)

  it("freezes where the others know another", with(function(engine, loop, told)
    engine:look(function() end)
    loop:advance(0.1)
    engine:compare ""
    engine:compare(engine.id)
    assert.is_false(engine:is_frozen(loop:now()))
    engine:compare "run-0/replid-0"
    assert.is_true(engine:is_frozen(loop:now()))
    engine:compare "run-0/replid-0"
    assert.same({ "connected", "engine", "frozen" }, told)
  end))

  it("is away after a second without a connection", with(function(engine, loop, told, replace)
    engine:look(function() end)
    loop:advance(1.5)
    assert.is_false(engine.is_away)
    replace(nil)
    loop:advance(0.9)
    assert.is_false(engine.is_away)
    loop:advance(0.2)
    assert.is_true(engine.is_away)
    replace { run_id = "run-1" }
    loop:advance(6)
    engine:run(scripts.rows, { 1, "smpp:{gw}:", "a" }, 3, function(reply) told[#told + 1] = type(reply) end)
    loop:advance(0.1)
    assert.same({ "connected", "engine", "away", "connected", "back", "table" }, told)
  end))

  it("tells errors that pass from others", function()
    for _, code in ipairs { "LOADING", "READONLY", "timeout", "connection_lost", "BUSY" } do assert.is_true(engines.passes(code), code) end
    for _, code in ipairs { "NOPERM", "NOAUTH", "ERR", "WRONGTYPE" } do assert.is_false(engines.passes(code), code) end
  end)
end)
