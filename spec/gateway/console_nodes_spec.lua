local cluster = require "spec.support.cluster"
local consoles = require "smpp.gateway.console"
local http_json = require "smpp.http.json"
local smpp = require "smpp"
local support = require "spec.support.gateways"

--- What the page gets of all nodes.
local function read(console)
  local object, message, code = console:actions().nodes[2] {}
  return object and http_json.read(http_json.write(object)), message, code
end

describe("smpp.gateway.console_nodes", function()
  it("has nodes, slots, queues, accounts and the engine, whichever node is asked", function()
    local text = cluster.FILE:gsub('"secret"', '{ password = "secret", credit = 25 }'):gsub('2001"', '2001", binds = 2')
    cluster.run(text, function(w)
      smpp.sleep(1)
      local console = consoles.new(w.gateways.b)
      local all = read(console)
      assert.same({ "a", "live", false, "127.0.0.1:2775" },
        { all.nodes[1].name, all.nodes[1].state, all.nodes[1].is_self, all.nodes[1].address })
      assert.same({ "b", true, false }, { all.nodes[2].name, all.nodes[2].is_self, all.nodes[2].differs })
      assert.same({ "a", 2, 1, 2 }, { all.carriers[1].name, all.carriers[1].binds, all.carriers[1].slots[1].slot, #all.carriers[1].slots })
      assert.is_true(all.carriers[1].slots[1].node ~= all.carriers[1].slots[2].node)
      assert.same({ "127.0.0.1:6379", "7.0.15", "master" }, { all.engine.address, all.engine.version, all.engine.role })
      assert.same({ {}, "acme", 25 }, { all.queues, all.accounts[1].name, all.accounts[1].credit })
      assert.equal(all.nodes[1].binds + all.nodes[2].binds, #all.carriers[1].slots + #all.carriers[2].slots)
      w:crash "a"
      smpp.sleep(1)
      assert.equal("live", read(console).nodes[1].state)
      smpp.sleep(2.5)
      local states = {}
      for i, one in ipairs(read(console).nodes) do states[i] = one.name .. " " .. one.state end
      assert.truthy(({ ["a dead,b live"] = true, ["b live"] = true })[table.concat(states, ",")], table.concat(states, ","))
      smpp.sleep(3)
      w.engine.close()
      smpp.sleep(5)
      local nothing, message, code = read(console)
      assert.is_nil(nothing)
      assert.matches("^the engine is away: ", message)
      assert.equal("store", code)
      console:close()
    end)
  end)

  it("is not there for a gateway that is one", function()
    support.world(nil, function(w)
      local console = consoles.new(w.gateway)
      assert.equal("not_found", select(3, read(console)))
      console:close()
    end)
  end)
end)
