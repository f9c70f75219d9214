local mc = require "spec.support.mc"
local stored = require "smpp.server.stored"
local stores = require "smpp.store"

local ACCOUNT = { system_id = "a" }

--- A store in memory whose commits fail while `store.is_broken`.
local function breakable()
  local store = stores.memory()
  local commit = store.commit
  function store.commit(self, changes, done, context)
    if self.is_broken then return done(nil, "disk full", "store_failed", context) end
    return commit(self, changes, done, context)
  end
  return store
end

local function with(fn)
  mc.world(function(w)
    local store, errors = breakable(), {}
    local items = stored.new(store, w.loop, function(message) errors[#errors + 1] = message end)
    local function put(octets)
      local item = { account = ACCOUNT }
      local ok
      items:put(item, octets, function(done) ok = done end)
      return ok and item
    end
    fn(w, store, items, put, errors)
    items:close()
  end)
end

local function count(store) return #stores.find(store, { kind = "outbound" }) end

describe("smpp.server.stored", function()
  it("puts items under keys of their own, and reads them again", function()
    with(function(_, store, items, put)
      local one, two = put "one", put "two"
      assert.not_equal(one.key, two.key)
      local got
      items:load(two, function(record, _, _, item) got = { record.octets, item } end)
      assert.same({ "two", two }, got)
      assert.is_true(items:is_own(one.key))
      store.is_broken = true
      assert.is_nil(put "three")
      store.is_broken = false
    end)
  end)

  it("takes out what is settled, together, and again when the store had failed", function()
    with(function(w, store, items, put, errors)
      local list = {}
      for i = 1, 5 do list[i] = put(tostring(i)) end
      assert.is_true(items:settle(list[1].key))
      assert.is_false(items:settle(list[2].key))
      assert.equal(5, count(store))
      items:flush()
      assert.equal(3, count(store))
      items:settle(list[1].key) -- gone already: the others go all the same
      items:settle(list[3].key)
      items:flush()
      assert.equal(2, count(store))
      assert.same({}, errors)
      store.is_broken = true
      items:settle(list[4].key)
      items:flush()
      w:sleep(2)
      assert.matches("cannot remove 1 settled messages from the store.*disk full", errors[1])
      store.is_broken = false
      w:sleep(10)
      assert.equal(1, count(store))
    end)
  end)

  it("keeps a receipt that the store has drafted by its serial, until it is settled", function()
    with(function(w, store, items, put)
      local one, now = put "one", w.loop:time()
      stores.commit(store, { { op = "add", kind = "message", record = {
        key = "m", id = "m", state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2", octets = "text", planned = "DELIVERED",
        planned_at = now, planned_error = 0, registered_delivery = 1, version = 0x34, submitted = now, data_coding = 0, esm_class = 0,
        source_addr_ton = 1, source_addr_npi = 1, dest_addr_ton = 1, dest_addr_npi = 1,
      } } })
      local item = { account = ACCOUNT }
      assert.is_false(items:commit_due("m", item, now))
      assert.equal("DELIVERED", (store:draft_due("m", now, now, true)))
      assert.is_true(items:commit_due("m", item, now))
      assert.matches("id:m sub:001", items:octets(item))
      local list = stores.find(store, { kind = "outbound" })
      assert.is_true(#list == 2 and items:is_own(list[2].key) and list[2].key ~= one.key)
      assert.is_true(items:settle(item.key))
      assert.is_false(items:settle(one.key))
      items:flush()
      assert.equal(0, count(store))
      assert.is_nil(items:octets(item))
      assert.is_true(items:settle(item.key)) -- gone already
      items:flush()
    end)
  end)

  it("walks what an earlier run has left, and nothing of its own", function()
    with(function(w, store, items, put)
      put "old"
      w:sleep(1)
      local later = stored.new(store, w.loop, error)
      later:put({ account = { system_id = "b" } }, "new", function() end)
      local seen = {}
      later:walk(nil, function(record) seen[#seen + 1] = record.octets end)
      assert.same({ "old" }, seen)
      later:walk("b", function(record) seen[#seen + 1] = record.octets end)
      assert.same({ "old" }, seen)
      later:close()
      items:walk("b", function(record) seen[#seen + 1] = record.octets end)
      assert.same({ "old", "new" }, seen)
    end)
  end)
end)
