local stores = require "smpp.store"

local function message(id, o)
  local m = { key = id, id = id, system_id = "a", source_addr = "1", destination_addr = "2", state = "ENROUTE", service_type = "" }
  for name, value in pairs(o or {}) do m[name] = value end
  return m
end

local function ids(list)
  local out = {}
  for i, m in ipairs(list) do out[i] = m.id end
  return out
end

describe("a store in memory", function()
  it("gives back what it was given", function()
    local store = stores.memory()
    local first = message "x"
    assert.is_true(store:add(first))
    assert.equal(first, store:get "x")
    assert.is_nil(store:get "y")
    assert.equal(1, store:count())
    assert.equal(1, first.serial)
  end)

  it("refuses what is above its limit of messages that are not final", function()
    local store = stores.memory { limit = 2 }
    local one = message "1"
    store:add(one)
    store:add(message "2")
    local ok, _, code = store:add(message "3")
    assert.same({ nil, "queue_full" }, { ok, code })
    one.state, one.done = "DELIVERED", 5
    store:update(one)
    store:update(one) -- harmless twice
    assert.equal(1, store:count())
    assert.is_true(store:add(message "3"))
    assert.is_nil((store:add(message "4")))
  end)

  it("finds what is between two addresses and not final, oldest first", function()
    local store = stores.memory()
    for _, id in ipairs { "1", "2", "3" } do store:add(message(id)) end
    store:add(message("4", { destination_addr = "9" }))
    store:add(message("5", { source_addr = "9" }))
    store:add(message("6", { system_id = "b" }))
    assert.same({ "1", "2", "3" }, ids(store:between("a", "1", "2")))
    local two = store:get "2"
    two.state, two.done = "EXPIRED", 1
    store:update(two)
    assert.same({ "1", "3" }, ids(store:between("a", "1", "2")))
    assert.same({}, store:between("a", "2", "1"))
    assert.same({ "1", "2", "3", "4", "5", "6" }, ids(store:list()))
  end)

  it("keeps so many final ones, and forgets those of long ago", function()
    local store = stores.memory { keep_final = 3 }
    for i = 1, 5 do
      local m = message(tostring(i))
      store:add(m)
      m.state, m.done = "DELIVERED", i
      store:update(m)
    end
    assert.same({ "3", "4", "5" }, ids(store:list()))
    store:discard(5)
    assert.same({ "5" }, ids(store:list()))
    store:discard(100)
    assert.same({}, store:list())
    assert.equal(0, store:count())
  end)

  it("does not forget a message that took the key of a forgotten one", function()
    local store = stores.memory { keep_final = 1 }
    local old, new = message "1", message "1"
    store:add(old)
    old.state, old.done = "DELETED", 1
    store:update(old)
    store:add(new)
    store:discard(100)
    assert.equal(new, store:get "1")
  end)

  it("knows which states are the last", function()
    for state, final in pairs {
      SCHEDULED = false, ENROUTE = false, DELIVERED = true, EXPIRED = true, DELETED = true, UNDELIVERABLE = true, ACCEPTED = true,
      UNKNOWN = true, REJECTED = true, SKIPPED = true,
    } do assert.equal(final, stores.is_final(state)) end
  end)
end)
