local metrics = require "smpp.metrics"
local nodes = require "smpp.nodes"
local with = require("spec.support.node_world").with

describe("smpp.nodes.figures", function()
  it("has the engine, leases and nodes", with(function(world, loop)
    local function get(name, labels)
      labels = labels or {}
      labels.node = "fig-a"
      return metrics.get(name, labels)
    end
    world:start("fig-a", { config = nodes.configuration { s = {} } })
    world:start("fig-b", { config = nodes.configuration { s = { x = 1 } } })
    loop:advance(12)
    assert.equal(1, get "smpp_store_up")
    assert.equal(2, get("smpp_lease_held", { carrier = "a" }))
    assert.equal(2, get "smpp_nodes_live")
    assert.equal(1, get "smpp_config_differs")
    assert.is_true(get("smpp_store_round_trip_seconds").count > 10)
    assert.equal(0, get "smpp_store_failovers")
    local data = world.engine.data
    world.engine.close()
    loop:advance(12)
    assert.equal(0, get "smpp_store_up")
    assert.equal(0, get("smpp_lease_held", { carrier = "a" }))
    assert.equal(2, get("smpp_lease_lost", { carrier = "a" }))
    world:replace_engine(data)
    loop:advance(6)
    assert.equal(1, get "smpp_store_failovers")
    world.nodes["fig-a"].nodes:close()
    assert.equal(0, get "smpp_nodes_live")
  end))

  it("counts files of nodes that are there", with(function(world, loop)
    local function differing() return metrics.get("smpp_config_differs", { node = "fig-c" }) end
    world:start("fig-c", { config = nodes.configuration { s = {} } })
    local other = world:start("fig-d", { config = nodes.configuration { s = { x = 1 } } })
    loop:advance(12)
    assert.equal(1, differing())
    other.nodes:leave(function() other.process:kill() end)
    loop:advance(12)
    assert.equal(0, differing())
  end, { carriers = {} }))
end)
