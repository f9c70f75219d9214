local async = require "spec.support.async"
local cli = require "spec.support.cli"
local lines = require "smpp.cli.gateway_nodes"
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes"
local smpp = require "smpp"

local FILE = [[
store { "valkey://127.0.0.1", node = "%s", lease_s = 2 }
listen { port = %d, accounts = { acme = "secret" } }
carrier "telco" { "smpp://me:x@localhost:2001" }
route { via = "telco" }
]]

describe("smpp.cli.gateway_nodes", function()
  it("is a line for each change of nodes, leases and the engine, and an object with --json", function()
    local a, b = cli.file(FILE:format("a", 2775)), cli.file(FILE:format("b", 2776))
    local first, second
    async.virtual(function(loop)
      local engine = models.new(loop, {})
      local carrier = assert(smpp.server { port = 2001, submit_sm = function() return "1" end })
      local o = { run = cli.inside }
      smpp.spawn(function() first = { cli.run({ "gateway", a, "--for", "30" }, o) } end)
      smpp.sleep(2)
      smpp.spawn(function() second = { cli.run({ "gateway", b, "--for", "12", "--json" }, o) } end)
      smpp.sleep(16)
      engine.close()
      smpp.sleep(3)
      engine = models.new(loop, { data = engine.data, info = { run_id = "run-2", master_replid = "replid-2" } })
      for _ = 1, 60 do
        if not first then smpp.sleep(0.5) end
      end
      carrier:close(0)
      engine.close()
    end)()
    os.remove(a)
    os.remove(b)
    local _, out = (table.unpack or unpack)(first) -- luacheck: compat
    local list = cli.lines(out)
    assert.same({ "listening on 127.0.0.1:2775", "node a" }, { list[1], list[2] })
    local at = 1
    for _, line in ipairs {
      "store engine 127.0.0.1:6379 7.0.15 durable engine", "lease telco 1 taken", "node b joined", "node b left", "store away: ",
      "store back after ", "lease telco 1 given",
    } do
      local from = out:find("\n" .. line, at, true)
      assert.truthy(from, line .. " is not in\n" .. out)
      at = from
    end
    cli.has(out, "\nstore failover: 127.0.0.1:6379 → 127.0.0.1:6379\n")
    cli.has(out, "\nlease telco 1 lost\n")
    local objects = {}
    for _, object in ipairs(cli.objects(second[2])) do objects[object.event] = object end
    assert.equal("b", objects.node.name)
    assert.same({ "127.0.0.1:6379", "7.0.15", "engine" }, { objects.store_engine.address, objects.store_engine.version, objects.store_engine.durable })
  end)

  it("is why it ends with 2 where the engine has another format, newer or older", function()
    local a, b = cli.file(FILE:format("a", 2775)), cli.file(FILE:format("b", 2776))
    for _, other in ipairs { nodes.FORMAT + 1, nodes.FORMAT - 1 } do
      local first, second
      async.virtual(function(loop)
        local engine = models.new(loop, {})
        local carrier = assert(smpp.server { port = 2001, submit_sm = function() return "1" end })
        smpp.spawn(function() first = { cli.run({ "gateway", a, "--for", "20" }, { run = cli.inside }) } end)
        smpp.sleep(2)
        engine.data["smpp:{gw}:meta"].fields.format = tostring(other)
        smpp.spawn(function() second = { cli.run({ "gateway", b, "--for", "10" }, { run = cli.inside }) } end)
        smpp.sleep(8)
        assert.truthy(second)
        local esme = assert(smpp.connect "smpp://acme:secret@localhost:2775")
        assert.truthy(esme:submit_sm { destination_addr = "491", short_message = "goes on" }) -- who was there before goes on
        esme:close()
        for _ = 1, 60 do
          if not first then smpp.sleep(0.5) end
        end
        carrier:close(0)
        engine.close()
      end)()
      assert.same({ 0, 2 }, { first[1], second[1] })
      cli.has(second[3], ("format %d, this program %d"):format(other, nodes.FORMAT))
    end
    os.remove(a)
    os.remove(b)
  end)

  it("says whose a lease was, and nothing of other events", function()
    assert.equal("lease telco 2 from b", lines.of { event = "lease_taken", carrier = "telco", slot = 2, from = "b" })
    assert.equal("node b dead", lines.of { event = "node_dead", name = "b" })
    assert.is_nil(lines.of { event = "bind_up" })
  end)
end)
