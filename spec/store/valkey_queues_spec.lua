local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes.scripts"
local queues = require "smpp.store.valkey_queues"
local smpp = require "smpp"
local stores = require "smpp.store"
local task = require "smpp.base.task"

--- Waits for a call of queues: its results.
local function wait(store, method, ...)
  local token, key = task.need(), {}
  local words = { ... }
  words[#words + 1] = function(...) task.wake_for(token, key, ...) end
  store.queues[method](store.queues, (table.unpack or unpack)(words)) -- luacheck: compat
  return task.wait(key)
end

--- The keys that a node takes, in order.
local function take(store, wishes, o)
  local list, more = wait(store, "take", wishes, o or {})
  local keys = {}
  for i, one in ipairs(list or {}) do keys[i] = one.record.key end
  return table.concat(keys, " "), more
end

local function addition(key, place, fields)
  local record = { key = key, state = "ENROUTE", system_id = "acme" }
  for name, value in pairs(fields or {}) do record[name] = value end
  return { op = "add", kind = "message", record = record, place = place }
end

local function change(key, set, o)
  local out = { op = "change", kind = "message", key = key, set = set }
  for name, value in pairs(o or {}) do out[name] = value end
  return out
end

--- A body with two nodes of an engine.
local function with(fn)
  return async.virtual(function(loop)
    local o = {}
    local engine = models.new(loop, { fate = function(...) return o.fate and o.fate(...) end })
    local a, b = engine_store.new(loop, { engine = engine }), engine_store.new(loop, { engine = engine })
    smpp.sleep(0.1)
    fn(a, b, engine, loop, o)
    a.kill()
    b.kill()
    engine.close()
  end)
end

local function carrier(name, room) return { what = "carrier", name = name, room = room or 10 } end

describe("smpp.store.valkey_queues", function()
  it("give what is due to whom it is for, once, the oldest first", with(function(a, b, _, loop)
    local now = loop:time()
    assert(stores.commit(a, {
      addition("2", { "queue", home = "m:x,y", due = now - 1 }), addition("1", { "queue", home = "m:x,y", due = now - 2 }),
      addition("3", { "queue", home = "m:z", due = now - 3 }), addition("later", { "queue", home = "m:x", due = now + 100 }),
      addition("own", { "work", home = "m:x", due = now }),
    }))
    assert.equal("", (take(b, { carrier "other" })))
    assert.equal("1", (take(b, { carrier("y", 1) })))
    assert.equal("2", (take(a, { carrier "x" })))
    assert.equal("", (take(b, { carrier "x", carrier "y" })))
    assert.equal("3", (take(a, { { what = "queue", name = "m:z", room = 5 } })))
    assert.equal("later", (take(a, { carrier "x" }, { early = true })))
  end))

  it("give a page at most, and say that there is more", with(function(a, _, _, loop)
    for i = 1, 150 do assert(stores.commit(a, { addition(("%03d"):format(i), { "queue", home = "m:x", due = loop:time() }) })) end
    smpp.sleep(0.1)
    local first, more = take(a, { carrier("x", 1000) })
    assert.same({ 100, true }, { select(2, first:gsub("%d+", "")), more })
    first, more = take(a, { carrier("x", 1000) })
    assert.same({ 50, false }, { select(2, first:gsub("%d+", "")), more })
  end))

  it("give what is over, whoever wants it, and with `all` what was due then", with(function(a, b, engine, loop)
    local now = loop:time()
    assert(stores.commit(a, {
      addition("over", { "queue", home = "m:x", due = now + 1000, over = now + 5 }), addition("1", { "queue", home = "m:x", due = now }),
      addition("s", { "queue", home = "s:x", due = now + 50 }),
    }))
    assert.equal("", (take(b, {})))
    assert.equal("1", (take(b, {}, { all = now + 1 })))
    smpp.sleep(6)
    assert.equal("over", (take(b, {})))
    assert.is_nil(engine.data["smpp:{gw}:expiry"])
    assert.equal("", (take(b, { carrier "x" }, { early = true }))) -- a scheduled one is never early
  end))

  it("let only the node that has a record change it, and nobody whose run is over", with(function(a, b, engine, loop)
    assert(stores.commit(a, { addition("1", { "work", home = "m:x", due = loop:time(), over = loop:time() + 1000 }) }))
    local function code(store, o) return (select(3, stores.commit(store, { change("1", { n = 1 }, o) }))) end
    assert.equal("conflict", code(b, { guard = "mine" }))
    assert.equal("conflict", code(b, { guard = "idle" }))
    assert.is_nil(code(a, { guard = "mine" }))
    assert.equal(false, (wait(b, "bury", a.run))) -- it lives
    local run = a.kill().run
    assert.equal(true, (wait(b, "bury", run)))
    smpp.sleep(0.1)
    assert.is_nil(code(b, { guard = "idle" }))
    assert.equal("1", (take(b, { carrier "x" })))
    local old = engine_store.new(loop, { engine = engine })
    old:joined(run)
    assert.equal("taken_over", code(old))
    assert.same({ nil, "store_failed" }, { (wait(old, "take", {}, {})), (select(3, wait(old, "take", {}, {}))) })
    old.kill()
  end))

  it("put a record where a change says, and take it out when it is removed", with(function(a, _, engine, loop)
    assert(stores.commit(a, { addition("1", { "work", home = "m:x", due = loop:time() }) }))
    assert(stores.commit(a, { change("1", {}, { place = { "queue", home = "m:y", due = 5, over = 9 } }) }))
    assert.same({ nil, true, true }, { engine.data["smpp:{gw}:work:" .. a.run], engine.data["smpp:{gw}:queue:m:y"] ~= nil,
      engine.data["smpp:{gw}:expiry"] ~= nil })
    assert(stores.commit(a, { { op = "remove", kind = "message", key = "1" } }))
    assert.same({}, { engine.data["smpp:{gw}:queue:m:y"], engine.data["smpp:{gw}:expiry"] })
    assert(stores.commit(a, { addition("2", { "work", home = "m:x", due = loop:time() }) }))
    assert(stores.commit(a, { change("2", {}, { place = { "none" } }) }))
    assert.is_nil(engine.data["smpp:{gw}:work:" .. a.run])
  end))

  it("refuse an addition to a queue that is long enough", with(function(a)
    local function code(key) return (select(3, stores.commit(a, { addition(key, { "queue", home = "o:acme", due = 1, most = 2 }) }))) end
    assert.same({ nil, nil, "queue_full" }, { code "1", code "2", code "3" })
  end))

  it("give the same again where the reply was lost", with(function(a, _, _, loop, o)
    for i = 1, 3 do assert(stores.commit(a, { addition(tostring(i), { "queue", home = "m:x", due = loop:time() + i / 10 }) })) end
    smpp.sleep(1)
    local count = 0
    o.fate = function(words)
      if not words[1]:find "^EVAL" then return nil end
      count = count + 1
      return count == 1 and "unanswered" or nil
    end
    assert.equal("1 2 3", (take(a, { carrier "x" })))
    assert.equal(3, count) -- with a look at the format by the new connection
    assert.equal("", (take(a, { carrier "x" })))
  end))

  it("take nothing for a call that reaches the engine late, when it has been made over another connection", with(function(a, b, engine, loop, o)
    local function put(key) assert(stores.commit(b, { addition(key, { "queue", home = "m:x", due = loop:time() }) })) end
    put "1"
    smpp.sleep(0.1)
    local late
    o.fate = function(words, _, script)
      if late or script ~= queues.scripts.take.text then return nil end
      late = words
      return "lost"
    end
    assert.equal("1", (take(a, { carrier "x" })))
    assert.equal("", (take(a, { carrier "x" })))
    put "2"
    smpp.sleep(0.1)
    engine.late(late)
    assert.equal("2", (take(b, { carrier "x" })))
  end))

  it("give a set of more than a page in several calls", with(function(a, _, _, loop)
    for i = 1, 150 do assert(stores.commit(a, { addition(("%03d"):format(i), { "queue", home = "j:2:x", due = loop:time() + 60 }) })) end
    local wish = { { what = "set", name = "j:2:x", room = 2 } }
    local first, more = take(a, wish)
    assert.same({ 100, true }, { select(2, first:gsub("%d+", "")), more })
    assert.equal(50, select(2, take(a, wish):gsub("%d+", "")))
    assert.same({ "", false }, { take(a, wish) })
  end))

  it("go on where somebody has deleted a record by hand", with(function(a, _, engine, loop)
    local now = loop:time()
    for _, key in ipairs { "1", "2", "3" } do
      assert(stores.commit(a, { addition(key, { "queue", home = "m:x", due = now, over = key ~= "1" and now + 5 or nil }) }))
    end
    engine.data["smpp:{gw}:message:r:1"] = nil
    engine.data["smpp:{gw}:message:r:2"] = nil
    smpp.sleep(6)
    assert.equal("3", (take(a, { carrier "x" })))
    assert.same({}, { engine.data["smpp:{gw}:queue:m:x"], engine.data["smpp:{gw}:expiry"] })
    assert.equal(1, #assert(stores.find(a, { kind = "message" })))
  end))

  it("leave nothing of a run that has left", with(function(a, _, engine, loop)
    assert(stores.commit(a, { addition("1", { "queue", home = "m:x", due = loop:time() }) }))
    smpp.sleep(0.1)
    assert.equal("1", (take(a, { carrier "x" })))
    assert(stores.commit(a, { change("1", {}, { place = { "none" } }) }))
    assert.truthy(engine.data["smpp:{gw}:given:" .. a.run])
    local left
    a.client:run(nodes.leave, { 1, a.place, "a", a.run }, 4, function(reply) left = reply end)
    smpp.sleep(0.1)
    assert.equal(1, left)
    assert.is_nil(engine.data["smpp:{gw}:given:" .. a.run])
  end))

  it("count without going below or above, in one step with what is paid for", with(function(a, b, _, loop)
    assert(stores.commit(a, { { op = "add", kind = "counter", record = { key = "credit/acme", state = "5" } },
      { op = "add", kind = "counter", record = { key = "quota/acme", state = "60 0 0" } } }))
    local function pay(store, key)
      return (select(3, stores.commit(store, { addition(key), { op = "count", kind = "counter", key = "credit/acme", set = { by = -2, least = 0 } } })))
    end
    assert.same({ nil, nil, "exceeded" }, { pay(a, "1"), pay(b, "2"), pay(a, "3") })
    assert.equal("missing", (select(3, stores.get(a, "message", "3"))))
    assert.equal("1", stores.get(b, "counter", "credit/acme").state)
    smpp.sleep(60 - loop:time() % 60) -- quotas begin with the minute
    local function use(store)
      local what = { op = "count", kind = "counter", key = "quota/acme", set = { by = 1, most = 2, per_s = 60 } }
      return (select(3, stores.commit(store, { what })))
    end
    assert.same({ nil, nil, "exceeded" }, { use(a), use(b), use(a) })
    smpp.sleep(60)
    assert.is_nil(use(b))
  end))

  it("hand out numbers once, and find the message of an id", with(function(a, b)
    local first, last = wait(a, "numbers")
    assert.equal(999, last - first)
    assert.equal(last + 1, (wait(b, "numbers")))
    assert(stores.commit(a, { addition "1", { op = "add", kind = "id", replaces = true, record = { key = "x\0i7", message = "1", since = 5 } } }))
    assert(stores.commit(a, { { op = "add", kind = "id", replaces = true, record = { key = "x\0i7", message = "1", part = 2, since = 5 } } }))
    local id, message = wait(b, "resolve", { "x\0i8", "x\0i7" })
    assert.same({ 2, "1" }, { id.part, message.key })
    assert.is_nil((wait(b, "resolve", { "y\0i7" })))
    assert.same({ { key = "x\0i7", message = "1" } }, (wait(b, "old_ids", 6)))
    assert(stores.commit(a, { change("1", { state = "DELIVERED", done = 1 }) }))
    assert.same({}, (wait(b, "old_ids", 6)))
    assert.equal("missing", (select(3, stores.get(a, "id", "x\0i7"))))
  end))

  it("take a changed record as it is given", with(function(a, b)
    local kept = { key = "1", id = "1", state = "ENROUTE", system_id = "acme", octets = "text", sending = "x", submitted = 1.5, error = "9" }
    local full = {}
    for name, value in pairs(kept) do full[name] = value end
    assert(stores.commit(a, { { op = "add", kind = "message", record = full } }))
    full.carrier, full.sending = "x", nil
    assert(stores.commit(a, { change("1", { carrier = "x" }, { clear = { "sending" }, whole = full }) }))
    full.serial = 1
    assert.same(full, (stores.get(b, "message", "1")))
    assert(stores.commit(a, { change("1", { state = "DELIVERED", done = 5 }, { rest = a:rest(full) }) }))
    local got = stores.get(b, "message", "1")
    assert.same({ "DELIVERED", 5, "x", 1.5, "1" }, { got.state, got.done, got.carrier, got.submitted, got.id })
    assert.same({}, { got.octets, got.error })
    assert(stores.commit(a, { { op = "remove", kind = "message", key = "1" } }))
    assert.equal("missing", (select(3, stores.get(b, "message", "1"))))
  end))

  it("end a message by an id of a carrier only while the id is its own", with(function(a, b)
    local function name(message) return { op = "add", kind = "id", replaces = true, record = { key = "x\0i7", message = message, since = 5 } } end
    local function code(key) return (select(3, stores.commit(b, { change(key, { state = "DELIVERED" }, { from = "ENROUTE", guard = "id:x\0i7" }) }))) end
    assert(stores.commit(a, { addition "1", addition "2" }))
    assert.equal("conflict", code "1") -- there is none
    assert(stores.commit(a, { name "1" }))
    assert.equal("conflict", code "2")
    assert(stores.commit(a, { name "2" }))
    assert.equal("conflict", code "1")
    assert.is_nil(code "2")
    assert.equal("conflict", code "2") -- it is final
  end))

  it("of a lane are one node's until it has none of them, or has ended and its work has gone back", with(function(a, b, engine)
    local function queue(key, lane) return addition(key, { "queue", home = ("l:%d:x"):format(lane), due = 0 }) end
    local wish = { { what = "carrier", name = "x", room = 1 } }
    for _, key in ipairs { "1", "2" } do assert(stores.commit(a, { queue(key, 7) })) end
    assert(stores.commit(b, { queue("3", 8) }))
    assert.equal("1", take(a, wish))
    assert.equal("3", take(b, wish))
    assert.equal("", take(b, wish))
    assert(stores.commit(a, { change("1", nil, { place = { "none" } }) }))
    assert.equal("", take(b, wish)) -- not told yet
    assert.equal("2", take(a, wish, { free = { 7 } })) -- it was the first to ask
    assert.equal(a.run, engine.data["smpp:{gw}:lanes"].fields["7"])
    assert(stores.commit(b, { queue("4", 7) }))
    engine.data["smpp:{gw}:runs"].fields[a.run] = nil
    assert.equal("", take(b, wish)) -- "2" comes before
    assert.is_true(wait(b, "bury", a.run))
    assert.equal("2", take(b, wish))
    assert.equal("4", take(b, wish))
    take(b, {}, { free = { 7, 8, 9 } })
    assert.is_nil(engine.data["smpp:{gw}:lanes"])
  end))

  it("of a lane are due in the order in which they came, but those for later", with(function(a, b, engine)
    local function put(store, key, due) assert(stores.commit(store, { addition(key, { "queue", home = "l:7:x", due = due }) })) end
    put(a, "b", 0)
    put(b, "a", a:time() - 10)
    put(a, "later", a:time() + 5)
    engine.clock_ahead_s = -3
    put(b, "0", 0)
    engine.clock_ahead_s = 0
    assert.equal("b a 0", take(a, { { what = "carrier", name = "x", room = 9 } }))
    smpp.sleep(6)
    assert.equal("later", take(a, { { what = "carrier", name = "x", room = 9 } }))
  end))

  it("go on in order, and nothing waits, where the clock of a promoted replica is behind", with(function(a, b, engine, loop)
    local function put(store, key, more_s)
      assert(stores.commit(store, { addition(key, { "queue", home = "m:x", due = store:time() + more_s }) }))
      smpp.sleep(0.2)
    end
    local function look(store) assert.equal("", (take(store, { carrier "y" }))) end
    local function pass(seconds)
      for _ = 1, seconds do
        smpp.sleep(1)
        look(a)
      end
    end
    look(a)
    look(b)
    put(a, "1", 0)
    put(b, "2", 0)
    put(a, "later", 5)
    look(b)
    local before = b:time()
    engine.clock_ahead_s = -3600
    for _, store in ipairs { a, b } do
      look(store)
      assert.is_true(store:time() >= before)
    end
    put(b, "3", 0)
    put(a, "4", 0)
    assert.equal("1 2 3 4", (take(a, { carrier "x" })))
    pass(6)
    assert.equal("later", (take(b, { carrier "x" })))
    local since = loop:now()
    before = a:time()
    pass(100)
    local pace = (a:time() - before) / (loop:now() - since)
    assert.is_true(pace > 0.89 and pace < 1, pace)
    engine.clock_ahead_s = 0 -- it is right again
    pass(30)
    assert.is_true(math.abs(a:time() - loop:time()) < 0.1, a:time() - loop:time())
  end))

  it("count quotas by a clock that does not go back", with(function(a, _, engine, loop)
    assert(stores.commit(a, { { op = "add", kind = "counter", record = { key = "q", state = "60 0 0" } } }))
    smpp.sleep(61 - loop:time() % 60)
    local function use()
      return (select(3, stores.commit(a, { { op = "count", kind = "counter", key = "q", set = { by = 1, most = 2, per_s = 60 } } })))
    end
    assert.same({ nil, nil, "exceeded" }, { use(), use(), use() })
    engine.clock_ahead_s = -30 -- the minute before
    assert.equal("exceeded", use())
  end))
end)
