local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local stores = require "smpp.store"
local util = require "spec.support.util"

local WAIT_MS = 500

local function addition(key, place) return { op = "add", kind = "message", record = { key = key, state = "ENROUTE", system_id = "a" }, place = place } end

local function work(loop) return { "work", home = "m:x", due = loop:time() } end
local function queued(loop) return { "queue", home = "m:x", due = loop:time() } end

--- A body with a store whose commits wait for a replica.
local function with(fn, o)
  return async.virtual(function(loop)
    o = o or {}
    local fate = {}
    local engine = models.new(loop, { fate = function(words) return fate.of and fate.of(words) end })
    local store = engine_store.new(loop, { engine = engine, waits = { wait_ms = WAIT_MS, disk = o.disk, replicas = o.replicas } })
    local replica = engine.replicate(0.01)
    smpp.sleep(0.1)
    fn(store, engine, replica, loop, fate)
    store.kill()
    engine.close()
  end)
end

local function has(replica, key) return replica.data["smpp:{gw}:message:r:" .. key] ~= nil end

--- Commands of an engine that begin so.
local function count(engine, word)
  local n = 0
  for _, text in ipairs(engine.commands) do n = n + (text:sub(1, #word + 1) == word .. " " and 1 or 0) end
  return n
end

describe("smpp.store.valkey_waits", function()
  it("end a commit when the replica has it, and not before", with(function(store, engine, replica, loop)
    local since = loop:now()
    assert(stores.commit(store, { addition "1" }))
    assert.is_true(loop:now() - since >= replica.lag_s)
    engine.promote(replica)
    assert.is_true(has(replica, "1"))
  end))

  it("take out what they refuse before the store closes, once", with(function(store, engine, replica, loop)
    replica.is_stopped = true
    local order = {}
    store:commit({ addition("1", queued(loop)) }, function(ok) order[#order + 1] = tostring(ok) end)
    store:close(function() order[#order + 1] = "closed" end)
    smpp.sleep(0.6)
    replica.is_stopped = false
    smpp.sleep(1)
    assert.same({ "nil", "closed" }, order)
    assert.is_nil(engine.data["smpp:{gw}:message:r:1"])
  end))

  it("refuse what no replica has in time, and take it out again", with(function(store, engine, replica, loop)
    replica.is_stopped = true
    for i, place in ipairs { work(loop), queued(loop) } do
      local since = loop:now()
      local ok, message, code = stores.commit(store, { addition(tostring(i), place) })
      assert.same({ nil, "store_failed" }, { ok, code })
      assert.truthy(message:find "^replicas: ", message)
      assert.is_true(loop:now() - since <= WAIT_MS / 1000 + 0.01)
      smpp.sleep(0.1)
      assert.is_nil(engine.data["smpp:{gw}:message:r:" .. i])
    end
    assert.truthy(store.waits.why:find("0 of 1", 1, true), store.waits.why)
    replica.is_stopped = false
    for i = 3, 5 do assert(stores.commit(store, { addition(tostring(i)) })) end
    assert.is_nil(store.waits.why)
    local fields = 0
    for _ in pairs(engine.data["smpp:{gw}:run:" .. store.run].fields) do fields = fields + 1 end
    assert.is_true(fields <= 2, fields) -- results of those that failed are not kept either
  end))

  it("leave what was taken meanwhile, with what was paid for it", with(function(store, engine, replica, loop)
    assert(stores.commit(store, { { op = "add", kind = "counter", record = { key = "c", state = "5" } } }))
    replica.is_stopped = true
    local failed
    store:commit({ addition("1", queued(loop)), { op = "count", kind = "counter", key = "c", set = { by = -2, least = 0 } } }, function(_, _, code)
      failed = code
    end)
    smpp.sleep(0.1)
    local got
    store.queues:take({ { what = "carrier", name = "x", room = 1 } }, {}, function(list) got = list end)
    smpp.sleep(2)
    assert.is_nil(got) -- a node works on nothing that could still be another's
    replica.is_stopped = false
    smpp.sleep(1)
    assert.same({ "store_failed", "1" }, { failed, got[1].record.key })
    assert.truthy(engine.data["smpp:{gw}:message:r:1"])
    assert.equal("3", engine.data["smpp:{gw}:counter:r:c"].text:match "^[^\n]*")
  end))

  it("ask once for many commits, on one of two connections, while others go on", with(function(store, engine, replica)
    replica.lag_s = 0.1
    engine.commands = {}
    local ended = {}
    for round = 1, 3 do
      for i = 1, 100 do
        local key = ("%d-%03d"):format(round, i)
        store:commit({ addition(key) }, function(ok) ended[#ended + 1] = ok and key end)
      end
      smpp.sleep(0.03)
    end
    assert.equal(0, #ended)
    local text = stores.get(store, "message", "3-100") -- the store's own connection does not stand
    assert.equal("ENROUTE", text.state)
    smpp.sleep(0.5)
    assert.equal(300, #ended)
    for i = 2, #ended do assert.is_true(ended[i - 1] < ended[i], "out of order") end
    assert.is_true(count(engine, "WAIT") <= 4, count(engine, "WAIT"))
  end))

  it("make again what another engine does not have, once", with(function(store, engine, replica, loop)
    replica.is_stopped = true -- it gets nothing of what follows
    local ended = {}
    store:commit({ addition "now" }, function(_, _, code) ended.now = code or "ok" end)
    store:commit({ addition "later", patient = true }, function(_, _, code) ended.later = code or "ok" end)
    smpp.sleep(0.1)
    engine.close()
    local other = models.new(loop, { data = replica.data })
    other.replicate()
    smpp.sleep(10)
    assert.equal("ok", ended.later)
    assert.truthy(other.data["smpp:{gw}:message:r:later"])
    assert.equal(ended.now == "ok", other.data["smpp:{gw}:message:r:now"] ~= nil)
    assert.equal("duplicate", (select(3, stores.commit(store, { addition "later" }))))
    other.close()
  end))

  it("read a record as replicas have it; with too few of them it cannot be read", with(function(store, _, replica)
    assert(stores.commit(store, { addition "1" }))
    assert.equal("ENROUTE", stores.settled(store, "message", "1").state)
    assert.equal("missing", (select(3, stores.settled(store, "message", "2"))))
    replica.is_stopped = true
    store:commit({ addition "3", patient = true }, function() end)
    smpp.sleep(0.1)
    assert.truthy(stores.get(store, "message", "3"))
    assert.equal("store_failed", (select(3, stores.settled(store, "message", "3"))))
  end))

  it("count no WAIT that overtook its script, where the engine has forgotten that", with(function(store, engine, replica, loop)
    assert(stores.commit(store, { addition "1" }))
    replica.is_stopped = true
    engine.forget_scripts()
    for _ = 1, 3 do
      local since = loop:now()
      assert.equal("store_failed", (select(3, stores.commit(store, { addition "2" }))))
      assert.is_true(loop:now() - since >= WAIT_MS / 1000 - 0.01)
      engine.forget_scripts()
    end
  end))

  it("let a loose commit end when the engine has it", with(function(store, engine, replica, loop)
    replica.is_stopped = true
    local since = loop:now()
    assert(stores.commit(store, { loose = true, addition "1" }))
    assert.equal(since, loop:now())
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "2" }))))
    assert.truthy(engine.data["smpp:{gw}:message:r:1"])
  end))

  it("wait for disks, where they are asked to: a replica's, as soon as it says so, when it is asked again", with(function(store, engine, replica, loop)
    for round = 1, 3 do
      local since = loop:now()
      assert(stores.commit(store, { addition(tostring(round)) }))
      assert.is_true(loop:now() - since >= replica.lag_s)
      assert.is_true(loop:now() - since < 0.1, loop:now() - since)
    end
    replica.lag_s = 0.3 -- a disk that is as slow is not asked all the time
    engine.commands = {}
    assert(stores.commit(store, { addition "slow" }))
    assert.is_true(count(engine, "WAITAOF") <= 7, count(engine, "WAITAOF"))
    replica.lag_s = 0.01
    engine.has_disk = false
    local since = loop:now()
    assert.same({ nil, "replicas: the engine's own disk has not got it", "store_failed" }, { stores.commit(store, { addition "own" }) })
    assert.is_true(loop:now() - since <= WAIT_MS / 1000 + 0.01)
  end, { disk = true }))

  it("take no other connection's word for a disk, which has written nothing", with(function(store, _, replica, _, fate)
    replica.is_stopped = true
    local connections = 0
    function fate.of(words)
      if words[1] ~= "WAITAOF" then return nil end
      connections = connections + 1
      return connections <= 2 and "lost" or nil
    end
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "1" }))))
    assert.is_true(connections > 2, connections)
  end, { disk = true }))

  it("wait for as many as are asked for", with(function(store, engine)
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "1" }))))
    engine.replicate(0)
    assert(stores.commit(store, { addition "1" }))
  end, { replicas = 2 }))

  it("refuse at once what they would only undo, and keep no more of it", with(function(store, engine, replica, loop)
    replica.is_stopped = true
    local codes = {}
    for n = 1, 300 do
      codes[n] = false
      store:commit({ addition("k" .. n, work(loop)) }, function(_, _, code) codes[n] = code or "ok" end)
      smpp.sleep(0.02)
    end
    smpp.sleep(1)
    for _, code in ipairs(codes) do assert.equal("store_failed", code) end
    assert.is_nil(table.concat(engine.commands, "\n"):find("k290", 1, true))
    assert.is_true(store.waits.last - store.waits.first < 130, store.waits.last - store.waits.first)
    replica.is_stopped = false
    smpp.sleep(2)
    assert(stores.commit(store, { addition "ok" }))
    for i = 1, #codes do assert.is_nil(engine.data["smpp:{gw}:message:r:k" .. i]) end
  end))

  for seed = 1, 8 do
    local disk = seed > 6
    it(("lose nothing that was committed, whatever fails, with a failover in the end; seed %d%s"):format(seed, disk and ", on disks" or ""), async.virtual(function(loop)
      local random, fate = util.random(seed), {}
      local engine = models.new(loop, { fate = function()
        if not fate.loses then return nil end
        local dice = random(12)
        return dice == 1 and "lost" or dice == 2 and "unanswered" or nil
      end })
      local store = engine_store.new(loop, { engine = engine, waits = { wait_ms = WAIT_MS, disk = disk } })
      local replica = engine.replicate(0.02)
      assert(stores.commit(store, { { op = "add", kind = "counter", record = { key = "c", state = "1000" } } }))
      local asked, answers = 0, {}
      local running = true
      for _ = 1, 5 do
        smpp.spawn(function()
          while running do
            asked = asked + 1
            local key = "k" .. asked
            local ok, _, code = stores.commit(store, {
              addition(key, random(2) == 1 and work(loop) or queued(loop)), { op = "count", kind = "counter", key = "c", set = { by = -1, least = 0 } },
            })
            answers[key] = ok and "ok" or code
            smpp.sleep(random(20) / 100)
          end
        end)
      end
      for _ = 1, 12 do
        smpp.sleep(random(10) / 10)
        local dice = random(4)
        if dice == 1 then replica.is_stopped = not replica.is_stopped end
        if dice == 2 then fate.loses = not fate.loses end
        if dice == 3 then engine.drop() end
        if dice == 4 then replica.lag_s = random(60) / 100 end
      end
      local old = engine
      local data = engine.promote(replica) -- in this instant, amid traffic
      old.close()
      fate.loses = false
      engine = models.new(loop, { data = data, info = { run_id = "run-2" } })
      engine.replicate(0.02)
      smpp.sleep(5)
      running = false
      smpp.sleep(10)
      local kept, good = 0, 0
      for key, answer in pairs(answers) do
        local there = engine.data["smpp:{gw}:message:r:" .. key] ~= nil
        if answer == "ok" then
          good = good + 1
          assert.is_true(there, key .. " was answered, and is lost")
        end
        kept = kept + (there and 1 or 0)
      end
      assert.is_true(good > 20, good)
      assert.equal(("%d"):format(1000 - kept), engine.data["smpp:{gw}:counter:r:c"].text:match "^[^\n]*")
      assert.is_true(kept - good <= 5 * 2, ("%d kept, %d answered"):format(kept, good)) -- in flight at the failover: their removal may be lost
      store.kill()
      engine.close()
    end))
  end
end)
