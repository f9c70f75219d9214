local cluster = require "spec.support.cluster"
local clusters = require "spec.support.valkey_cluster"
local gateways = require "smpp.gateway"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit = support.submit

local FILE = cluster.FILE:gsub("valkey://127.0.0.1", "valkey+cluster://127.0.0.9,127.0.0.2")

describe("smpp.gateway.node in a cluster", function()
  it("goes on where its slot is moved, or has another owner: nothing is lost, and nothing sent twice", function()
    cluster.run(FILE, function(w)
      local customers = { w:customer_of "a", w:customer_of "b" }
      local running, answered, refused = true, {}, 0
      for i = 1, 10 do
        smpp.spawn(function()
          local n = 0
          while running do
            n = n + 1
            local id = submit(customers[i % 2 + 1], { short_message = ("%d/%d"):format(i, n) })
            if id then answered[("%d/%d"):format(i, n)] = true else refused = refused + 1 end
            smpp.sleep(0.05)
          end
        end)
      end
      smpp.sleep(3)
      assert.equal(0, refused)
      for _, to in ipairs { 3, 1 } do
        w.engine.move(to)
        smpp.sleep(0.3)
        w.engine.move_keys "message" -- as if it stood still in the middle
        smpp.sleep(0.5)
        w.engine.moved()
        smpp.sleep(8)
      end
      running = false
      smpp.sleep(5)
      local got, count = {}, 0
      for _, carrier in ipairs(w.carriers) do
        for _, pdu in ipairs(carrier.got) do got[pdu.short_message] = (got[pdu.short_message] or 0) + 1 end
      end
      for text in pairs(answered) do
        count = count + 1
        assert.equal(1, got[text], text)
      end
      assert.is_true(count > 500, count)
      assert.equal(0, refused) -- a second is less than timeout_s
      assert.same({}, w:logged "failed")
      assert.same({ 4, 0 }, { #w:logged "store_failover", #w:logged "node_dead" }) -- at both nodes
      assert.equal("127.0.0.1:6379", w.gateways.a.store.client.address)
    end, { engine = clusters.new })
  end)

  it("is away, and refuses messages, for as long as its slot is being moved", function()
    cluster.run(FILE, function(w)
      local acme = w:customer_of "a"
      assert.truthy(submit(acme))
      w.engine.move(3)
      local since = w.loop:now()
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      assert.is_true(w.loop:now() - since <= 3)
      smpp.sleep(5)
      local away = w:logged("store_away", "reason")
      assert.equal(1, #away)
      assert.truthy(away[1]:find("ASK", 1, true), away[1])
      w.engine.moved()
      smpp.sleep(10)
      assert.equal(1, #w:logged "store_back")
      assert.truthy(submit(acme))
      smpp.sleep(1)
      assert.same({}, w:logged "failed")
    end, { engine = clusters.new, names = { "a" } })
  end)

  it("is refused with a plain URL, with a database, and where there is no cluster", function()
    cluster.run(cluster.FILE, function(w)
      smpp.sleep(10)
      assert.same({ "the engine is a cluster: expected a URL like valkey+cluster://host" }, w:logged("node_refused", "reason"))
    end, { engine = clusters.new, names = { "a" } })
    cluster.run(FILE, function(w)
      smpp.sleep(10)
      local reasons = w:logged("node_refused", "reason")
      assert.equal(1, #reasons)
      assert.truthy(reasons[1]:find("no cluster: expected a URL like valkey://host", 1, true), reasons[1])
    end, { engine = function(loop)
      return models.new(loop, { host = "127.0.0.2" })
    end, names = { "a" } })
    local gateway, message = gateways.new { path = "gateway.lua", text = 'store { "valkey+cluster://a/3" }\n' .. support.FILE, watch_s = 0 }
    assert.is_nil(gateway)
    assert.truthy(message:find("db: expected 0 in a cluster, which has no other, got 3", 1, true), message)
  end)
end)
