local conforms = require "spec.support.conforms"
local few = require "spec.support.few"
local stores = require "smpp.store"

conforms("smpp.store.memory: a store", {
  open = function(o) return stores.open("memory", o) end,
  reopen = function(store) return store end, -- as long as the process lives
}, describe, it)

describe("smpp.store.memory", function()
  local function message(key, o)
    local record = { key = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2" }
    for name, value in pairs(o or {}) do record[name] = value end
    return record
  end

  local function ok(done) assert.is_true(done) end

  local function add(store, record) store:commit({ { op = "add", kind = "message", record = record } }, ok) end

  local function finish(store, key)
    store:commit({ { op = "change", kind = "message", key = key, from = "ENROUTE", set = { state = "DELIVERED", done = 1 } } }, ok)
  end

  it("counts what it holds, and nothing when all is gone", function()
    local store = stores.open "memory"
    local function nothing() end
    store:find({ kind = "message", system_id = "a", source_addr = "1" }, nothing)
    store:find({ kind = "message", open = true, system_id = "a", source_addr = "1", destination_addr = "2" }, nothing)
    for i = 1, 1000 do add(store, message(tostring(i), { octets = ("x"):rep(i), source_addr = tostring(i % 7) })) end
    local open, octets = store:load()
    assert.equal(1000, open)
    assert.is_true(octets > 1000 * 1001 / 2)
    for i = 1, 1000 do finish(store, tostring(i)) end
    assert.equal(0, (store:load()))
    store:discard("message", 2, ok)
    assert.same({ 0, 0, 0 }, { store:load() })
  end)

  it("keeps a final message in at most 250 octets, however many there are", function()
    local most, COUNT = 0, few(40000, 8000)
    local function make(n)
      local store = stores.open("memory", { keep_final = n, limit = n })
      for i = 1, n do
        local key = tostring(i)
        add(store, message(key, {
          id = key, source_addr = "1234", destination_addr = "4917612" .. 345678 + i, octets = ("x"):rep(40), service_type = "", source_addr_ton = 1,
          source_addr_npi = 1, dest_addr_ton = 1, dest_addr_npi = 1, esm_class = 0, protocol_id = 0, priority_flag = 0, registered_delivery = 1,
          data_coding = 0, command = "submit_sm", version = 0x34, submitted = 1700000000.5, error = 0, due = 1700000001.5,
        }))
        finish(store, key)
        if i >= 2000 and i % 500 == 0 then most = math.max(most, select(3, store:load()) / i) end -- also where arrays have just grown
      end
      return store
    end
    local before = collectgarbage "count"
    local store = make(COUNT)
    collectgarbage()
    collectgarbage()
    assert.is_true((collectgarbage "count" - before) * 1024 < 100000)
    local open, _, taken = store:load()
    assert.equal(0, open)
    assert.is_true(most < 250 - 16, most) -- 16: of the allocator
    assert.is_true(taken <= most * COUNT)
    store:find({ kind = "message", system_id = "a", source_addr = "1234" }, function(list) assert.equal(100, #list) end)
    assert.is_true(select(3, store:load()) / COUNT < 250 + 40) -- with the index of a group
  end)

  it("lets a long list of records that are gone grow short", function()
    local store = stores.open("memory", { keep_final = 5 })
    add(store, message "first")
    add(store, message "second")
    local function find()
      local list
      store:find({ kind = "message", open = true, system_id = "a", source_addr = "1", destination_addr = "2" }, function(found) list = found end)
      return list
    end
    assert.equal(2, #find())
    store:find({ kind = "message", system_id = "a", source_addr = "1" }, function(found) assert.equal(2, #found) end)
    for i = 1, 2000 do
      add(store, message(tostring(i)))
      finish(store, tostring(i))
    end
    assert.is_true(select(3, store:load()) < 10000)
    local list = find()
    assert.same({ 2, "first", "second" }, { #list, list[1].key, list[2].key })
  end)

  it("takes new limits while it runs, and refuses unknown options", function()
    local store = stores.open("memory", { limit = 1 })
    add(store, message "1")
    store:configure { limit = 2 }
    add(store, message "2")
    assert.error_matches(function() stores.open("memory", { limits = 1 }) end, "did you mean 'limit'")
    assert.error_matches(function() stores.open "memmory" end, "did you mean 'memory'")
  end)
end)
