local mc = require "spec.support.mc"
local messages = require "smpp.service.lifecycle"
local simulator = require "smpp.simulator"
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

describe("smpp.store.tables: in memory", function()
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
    assert.same({}, store.open) -- nothing of addresses that are done with
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

describe("smpp.store.tables: one of another program", function()
  --- Keeps what it has in a store in memory, and takes its time.
  local function slow(w)
    local inner, store = stores.memory(), {}
    for _, name in ipairs { "add", "get", "update", "between", "list", "count", "discard" } do
      store[name] = function(_, ...)
        w:sleep(0.01)
        return inner[name](inner, ...)
      end
    end
    function store.update(_, message_)
      w:sleep(0.01)
      store.noted = message_
      return inner:update(message_)
    end
    return store, inner
  end

  it("may wait in each of its methods", function()
    mc.world(function(w)
      local store, inner = slow(w)
      local sim, got = w:server({ store = store, discard_after_s = 100, deliver_after_s = 2 }, simulator.new), {}
      local esme = w:bind { deliver_sm = function(_, pdu) got[#got + 1] = pdu.receipted_message_id .. pdu.short_message:match " stat:(%u+)" end }
      local function submit(flag)
        return esme:submit_sm {
          source_addr = "1", destination_addr = "4900", registered_delivery = 0x11, short_message = "x", replace_if_present_flag = flag,
        }
      end
      assert.same({ "1", "2" }, { submit(0).message_id, submit(1).message_id })
      assert.is_truthy(esme:submit_multi { source_addr = "1", registered_delivery = 1, dest_address = { { destination_addr = "1" }, { destination_addr = "2" } } })
      assert.same({ "3", 2 }, { store.noted.id, store.noted.siblings })
      assert.is_truthy(esme:replace_sm { message_id = "2", source_addr = "1", registered_delivery = 0x11, short_message = "new" })
      assert.equal("2", store.noted.id)
      assert.is_truthy(esme:cancel_sm { message_id = "3", source_addr = "1", destination_addr = "2" })
      assert.is_truthy(esme:cancel_sm { source_addr = "1", destination_addr = "1" })
      assert.equal(1, esme:query_sm({ message_id = "2", source_addr = "1" }).message_state)
      w:sleep(3)
      assert.same({ "3DELETED", "3DELETED", "2ENROUTE", "2DELIVRD" }, got)
      assert.equal("new", inner:get("2").octets)
      assert.equal("ESME_RCANCELFAIL", select(3, esme:cancel_sm { message_id = "2", source_addr = "1" }))
      local scheduled = math.ceil(w.loop:time()) + 1
      esme:submit_sm { source_addr = "7", destination_addr = "1", schedule_delivery_time = require("smpp.codec.timestamp").absolute(scheduled) }
      w:sleep(scheduled - 0.005 - w.loop:time())
      assert.is_truthy(esme:cancel_sm { message_id = "4", source_addr = "7" }) -- found while the store notes that it is on its way
      w:sleep(10)
      assert.equal("DELETED", inner:get("4").state)
      w:sleep(200)
      assert.same({}, inner:list())
      sim:close()
      assert.same({}, w.errors)
    end)
  end)

  it("may have messages from before a restart", function()
    mc.world(function(w)
      local store, server, got, now = stores.memory(), w:server {}, {}, w.loop:time()
      for i, o in ipairs {
        { schedule = now + 5 }, { expires = now - 100 }, { state = "SCHEDULED", schedule = now - 5 }, {}, { state = "DELIVERED", done = now },
      } do
        o.registered_delivery, o.submitted, o.error, o.octets, o.esm_class, o.data_coding = 1, now - 1000, 0, "text", 0, 0
        store:add(message(tostring(i), o))
      end
      store:update(store:get "5")
      local life = messages.new { server = server, store = store, plan = function() return { state = "DELIVERED", after_s = 2 } end }
      for _, m in ipairs(store:list()) do
        if not stores.is_final(m.state) then life:replan(m) end
      end
      w:bind { system_id = "a", deliver_sm = function(_, pdu)
        got[#got + 1] = ("%s %s %d"):format(pdu.receipted_message_id, pdu.short_message:match " stat:(%u+)", w.loop:time() - now)
      end }
      w:sleep(10)
      assert.same({ "2 EXPIRED 0", "3 DELIVRD 2", "4 DELIVRD 2", "1 DELIVRD 7" }, got)
      life:close()
      server:close()
    end)
  end)
end)
