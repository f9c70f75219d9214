local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local stores = require "smpp.store"

local function addition(key) return { op = "add", kind = "value", record = { key = key, value = 1 } } end

--- A body with a shared store, and an engine whose fate is o.fate.
local function with(fn)
  return async.virtual(function(loop)
    local o = {}
    local engine = models.new(loop, { fate = function(words) return o.fate and o.fate(words) end })
    local store = engine_store.new(loop, { engine = engine })
    smpp.sleep(0.1)
    fn(store, engine, o, loop)
    store.kill()
    engine.close()
  end)
end

local function is_commit(words) return words[1]:find "^EVAL" and table.concat(words, " "):find("add", 1, true) end

describe("smpp.store.valkey_calls", function()
  it("end within their limit, unless they are patient: these go on until the engine has answered", with(function(store, engine, _, loop)
    engine.close()
    local since = loop:now()
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "a" }))))
    assert.is_true(loop:now() - since <= 3)
    local ended
    store:commit({ addition "b", patient = true }, function(ok) ended = ok end)
    smpp.sleep(100)
    assert.is_nil(ended)
    local other = models.new(loop, { data = engine.data })
    smpp.sleep(10)
    assert.is_true(ended)
    assert.equal("missing", (select(3, stores.get(store, "value", "a"))))
    assert.equal(1, stores.get(store, "value", "b").value)
    other.close()
  end))

  it("undo what the engine has done and could not tell in time: additions, and what was counted", with(function(store, engine, o)
    assert(stores.commit(store, { { op = "add", kind = "counter", record = { key = "c", state = "100" } } }))
    o.fate = function(words) return is_commit(words) and "unanswered" or nil end
    local ok, _, code = stores.commit(store, { addition "a", { op = "count", kind = "counter", key = "c", set = { by = -30, least = 0 } } })
    assert.same({ nil, "store_failed" }, { ok, code })
    assert.truthy(engine.data["smpp:{gw}:value:r:a"])
    o.fate = nil
    smpp.sleep(10)
    assert.equal("missing", (select(3, stores.get(store, "value", "a"))))
    assert.equal("100", stores.get(store, "counter", "c").state)
  end))

  it("change nothing where they reach the engine late, when they have been made over another connection", with(function(store, engine, o)
    local late
    o.fate = function(words)
      if late or not is_commit(words) then return nil end
      late = words
      return "lost"
    end
    assert(stores.commit(store, { addition "a" }))
    assert(stores.commit(store, { { op = "remove", kind = "value", key = "a" } }))
    assert(stores.commit(store, { addition "b" }))
    engine.late(late)
    assert.equal("missing", (select(3, stores.get(store, "value", "a"))))
  end))

  it("are undone before the store closes", with(function(store, engine, o)
    o.fate = function(words) return is_commit(words) and "unanswered" or nil end
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "a" }))))
    o.fate = nil
    local closed = 0
    store:close(function() closed = closed + 1 end)
    smpp.sleep(10)
    assert.equal(1, closed)
    assert.is_nil(engine.data["smpp:{gw}:value:r:a"])
  end))

  it("have results that the engine keeps for a day after the last one", with(function(store, engine)
    for i = 1, 3 do
      assert(stores.commit(store, { addition("k" .. i) }))
      local results = engine.data["smpp:{gw}:run:" .. store.run]
      assert.equal(86400, results.expire_s)
      results.expire_s = nil
    end
  end))

  it("undo nothing that was never made", with(function(store, engine, o)
    o.fate = function(words) return is_commit(words) and "lost" or nil end
    assert.equal("store_failed", (select(3, stores.commit(store, { addition "a" }))))
    o.fate = nil
    assert(stores.commit(store, { addition "b" }))
    smpp.sleep(10)
    assert.equal("missing", (select(3, stores.get(store, "value", "a"))))
    assert.truthy(engine.data["smpp:{gw}:value:r:b"])
  end))
end)
