local async = require "spec.support.async"
local clusters = require "spec.support.valkey_cluster"
local engine_store = require "spec.support.engine_store"
local few = require "spec.support.few"
local smpp = require "smpp"
local stores = require "smpp.store"
local util = require "spec.support.util"

local CREDIT = 100000

--- A body with a cluster and a store in it.
local function with(fn, o)
  return async.virtual(function(loop)
    o = o or {}
    local cluster = clusters.new(loop, { count = 4 })
    local store = engine_store.new(loop, { engine = cluster.nodes[1], url = "valkey+cluster://127.0.0.1,127.0.0.4", waits = o.waits })
    if o.lag_s then cluster.nodes[1].replicate(o.lag_s) end
    assert(stores.commit(store, { { op = "add", kind = "counter", record = { key = "c", state = tostring(CREDIT) } } }))
    fn(store, cluster, loop)
    store.kill()
    cluster.close()
  end)
end

--- Tasks that commit one message after another, each of which costs 1.
local function commit(store, tasks, random)
  local traffic = { running = true, answered = {}, failed = {}, answers = 0, count = 0, left = tasks }
  for _ = 1, tasks do
    smpp.spawn(function()
      while traffic.running do
        traffic.count = traffic.count + 1
        local key = "m" .. traffic.count
        local ok, message, code = stores.commit(store, {
          { op = "add", kind = "message", record = { key = key, state = "ENROUTE", system_id = "a" }, place = { "queue", home = "m:x", due = 1 } },
          { op = "count", kind = "counter", key = "c", set = { by = -1, least = 0 } },
        })
        if ok then traffic.answered[key], traffic.answers = true, traffic.answers + 1 else traffic.failed[#traffic.failed + 1] = code .. " " .. message end
        smpp.sleep(random(20) / 1000)
      end
      traffic.left = traffic.left - 1
    end)
  end
  return traffic
end

--- All that was answered is there, and each message that is there was paid once.
local function check(traffic, cluster)
  traffic.running = false
  smpp.sleep(10)
  assert.equal(0, traffic.left)
  local data, there = cluster.nodes[cluster.owner].data, 0
  for key in pairs(traffic.answered) do
    if not data["smpp:{gw}:message:r:" .. key] then error(key .. " is lost", 0) end
  end
  for i = 1, traffic.count do
    if data["smpp:{gw}:message:r:m" .. i] then there = there + 1 end
  end
  assert.equal(CREDIT - there, tonumber(data["smpp:{gw}:counter:r:c"].text:match "^%d+"))
  for i, node in ipairs(cluster.nodes) do
    if i ~= cluster.owner and i ~= cluster.dead then assert.same({}, node.data) end -- nothing was written elsewhere
  end
  return there
end

describe("smpp.store.valkey in a cluster", function()
  it("commits, reads and finds at the owner of its slot", with(function(store, cluster)
    assert.equal("valkey 127.0.0.1:6379 ready", tostring(store.client))
    assert.equal(tostring(CREDIT), stores.get(store, "counter", "c").state)
    cluster.move(3)
    cluster.moved()
    assert.equal(tostring(CREDIT), stores.get(store, "counter", "c").state)
    assert.equal("127.0.0.3:6379", store.client.address)
  end))

  it("loses nothing, and refuses nothing, where its slot is moved amid commits", function()
    for seed = 1, few(3, 1) do
      with(function(store, cluster)
        local random = util.random(seed)
        local traffic = commit(store, 15, random)
        for _ = 1, 6 do
          smpp.sleep(0.2 + random(100) / 1000)
          cluster.move(cluster.owner % 4 + 1)
          for _, some in ipairs { "message:r:m.*[02468]$", "counter", "queue", "" } do -- keys go one by one
            smpp.sleep(random(200) / 1000)
            cluster.move_keys(some)
          end
          cluster.moved()
        end
        smpp.sleep(0.5)
        assert.same({}, traffic.failed)
        assert.equal(traffic.answers, check(traffic, cluster))
        assert.is_true(traffic.answers > 500, traffic.answers)
        assert.equal(0, store.client.queue_octets)
      end)()
    end
  end)

  it("loses nothing that was answered when its owner dies, where commits wait for the replica that follows it", function()
    for seed = 1, few(4, 1) do
      with(function(store, cluster)
        local random = util.random(seed)
        local traffic = commit(store, 15, random)
        smpp.sleep(0.5 + random(1000) / 1000)
        cluster.dead = 1
        cluster.die(cluster.nodes[1].replicas[1], 2, 3)
        smpp.sleep(3.5)
        local before = traffic.answers
        cluster.nodes[2].replicate(0.02)
        smpp.sleep(6)
        assert.is_true(traffic.answers > before + 100)
        check(traffic, cluster)
        assert.truthy(traffic.failed[1]) -- it was away for longer than a call may last
      end, { waits = { wait_ms = 500 }, lag_s = 0.02 })()
    end
  end)

  it("goes on where its slot was being moved when it had connected", with(function(store, cluster, loop)
    for _, to in ipairs { 3, 1 } do
      cluster.move(to)
      cluster.nodes[cluster.owner].drop()
      smpp.sleep(0.01)
      assert.equal("store_failed", (select(3, stores.commit(store, { { op = "remove", kind = "message", key = "1" } }))))
      smpp.sleep(3)
      cluster.moved()
      smpp.sleep(1)
      assert.equal(tostring(CREDIT), (stores.get(store, "counter", "c") or {}).state)
    end
    cluster.is_down = true
    cluster.nodes[1].drop()
    local since = loop:now()
    while loop:now() < since + 5 do smpp.sleep(0.1) end
    cluster.is_down = false
    smpp.sleep(6)
    assert.equal(tostring(CREDIT), (stores.get(store, "counter", "c") or {}).state)
  end))

  it("fails in time while the cluster is down", with(function(store, cluster, loop)
    cluster.is_down = true
    local since = loop:now()
    local _, message, code = stores.commit(store, { { op = "remove", kind = "message", key = "1" } })
    assert.equal("store_failed", code)
    assert.truthy(message:find("CLUSTERDOWN", 1, true), message)
    assert.is_true(loop:now() - since <= 3)
    cluster.is_down = false
    smpp.sleep(5)
    assert.equal(tostring(CREDIT), stores.get(store, "counter", "c").state)
  end))
end)
