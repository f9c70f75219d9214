--- Conformance tests that every store must pass, in this library and elsewhere.
---
---     for _, case in ipairs(require("smpp.store.conformance").cases) do
---       if not case.needs then it(case.name, function() case.run { within = within, open = open } end) end
---     end
---
--- `within(fn)` runs fn as a task to its end.  `open(o)` makes a store for one case, empty, with o.limit messages that are
--- not final at most, o.max_octets, and o.keep_final.  `reopen(store)`, for stores that outlive a process, closes the store as
--- a crash would and opens it again; cases that need it (`case.needs`) are skipped without it.
local codec = require("smpp.codec").codec
local stores = require "smpp.store"

local conformance = { cases = {} }

local function case(name, fn, needs)
  table.insert(conformance.cases, {
    name = name, needs = needs,
    run = function(world) world.within(function() fn(world) end) end,
  })
end

local function show(value)
  if type(value) ~= "table" then return type(value) == "string" and ("%q"):format(value) or tostring(value) end
  local list = {}
  for key, item in pairs(value) do list[#list + 1] = tostring(key) .. " = " .. show(item) end
  table.sort(list)
  return "{ " .. table.concat(list, ", ") .. " }"
end

local function equal(expected, got, what)
  if show(expected) ~= show(got) then error(("%s: expected %s, got %s"):format(what or "value", show(expected), show(got)), 2) end
end

local function message(key, o)
  local record = {
    key = key, id = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2", octets = "text", registered_delivery = 1,
  }
  for name, value in pairs(o or {}) do record[name] = value end
  return record
end

local function add(store, ...)
  local changes = {}
  for i, record in ipairs { ... } do changes[i] = { op = "add", kind = "message", record = record } end
  return stores.commit(store, changes)
end

local function change(store, key, from, set, clear)
  return stores.commit(store, { { op = "change", kind = "message", key = key, from = from, set = set, clear = clear } })
end

local function finish(store, key, at) return change(store, key, "ENROUTE", { state = "DELIVERED", done = at or 1 }) end

local function keys(store, query)
  query.kind = query.kind or "message"
  local list = {}
  for i, record in ipairs(assert(stores.find(store, query))) do list[i] = record.key end
  return table.concat(list, " ")
end

local function code_of(_, _, code) return code end

case("returns copies of the records that were added", function(world)
  local store = world.open {}
  local record = message("1", {
    octets = "\0\255" .. ("x"):rep(70000), done = 0.25, areas = { "a", "b" }, is_broadcast = false, outcome = { state = "DELIVERED", after_s = 1.5 },
    number = 9007199254740991, least = -1, [("name"):rep(50)] = true, empty = "",
  })
  equal(true, add(store, record))
  local before = show(record)
  local got = assert(stores.get(store, "message", "1"))
  equal("number", type(got.serial), "serial")
  got.serial = nil
  equal(before, show(got), "record")
  got.state, got.areas[1] = "DELETED", "changed"
  record.octets = "changed"
  got = assert(stores.get(store, "message", "1"))
  got.serial = nil
  equal(before, show(got), "record after its copies were changed")
end)

case("gives at least the fields that are asked for", function(world)
  local store = world.open {}
  equal(true, add(store, message("1", { octets = "x", destination_addr = "49", own = 5 })))
  local got = assert(stores.get(store, "message", "1", { "state", "destination_addr", "own", "absent" }))
  equal("ENROUTE 49 5 nil", ("%s %s %s %s"):format(got.state, got.destination_addr, got.own, tostring(got.absent)))
end)

case("takes the parameters of a PDU, if it says so", function(world)
  local store = world.open {}
  if not store.takes_pdus then return end
  local pdu = assert(codec.decode((codec.encode {
    command = "submit_sm", sequence_number = 1, source_addr = "1", destination_addr = "49", esm_class = 3, data_coding = 200, short_message = "x",
  })))
  local record = { key = "1", state = "ENROUTE", system_id = "a", source_addr = "2" }
  equal(true, (stores.commit(store, { { op = "add", kind = "message", record = record, pdu = pdu } })))
  local query = { kind = "message", open = true, system_id = "a", source_addr = "2", destination_addr = "49" }
  local got = assert(stores.find(store, query))[1]
  equal("49 3 200 1 nil", ("%s %s %s %s %s"):format(got.destination_addr, got.esm_class, got.data_coding, got.key, tostring(got.short_message)))
  record.key = "2"
  equal(true, (stores.commit(store, { { op = "add", kind = "message", record = record, pdu = pdu } })))
  equal("1 2", keys(store, query))
end)

case("adds the message of a usual submit_sm with its plan, if it says so", function(world)
  local store = world.open { limit = 1 }
  if not store.add_due then return end
  local pdu = assert(codec.decode((codec.encode {
    command = "submit_sm", sequence_number = 1, source_addr = "1", destination_addr = "49", data_coding = 200, short_message = "x",
  })))
  equal(true, store:add_due(pdu, "1", "a", 0x34, 7, 100.5, "DELIVERED", 101.5, 3, 160.5))
  equal("queue_full", code_of(store:add_due(pdu, "2", "a", 0x34, 7, 100.5, "DELIVERED", 101.5, 3)))
  local got = assert(stores.find(store, { kind = "message", open = true, system_id = "a", source_addr = "1", destination_addr = "49" }))[1]
  equal("1 1 ENROUTE a 52 7 100.5 0 DELIVERED 101.5 3 160.5 submit_sm x 200", ("%s %s %s %s %d %d %s %d %s %s %d %s %s %s %d"):format(
    got.key, got.id, got.state, got.system_id, got.version, got.bind, got.submitted, got.error, got.planned, got.planned_at, got.planned_error,
    got.expires, got.command, got.octets, got.data_coding))
  equal("duplicate", code_of(store:add_due(pdu, "1", "a", 0x34, nil, 100.5, false)))
end)

case("gives a message the state that is planned for it, if it says so", function(world)
  local store = world.open {}
  if not store.finish_due then return end
  local query = { kind = "message", open = true, system_id = "a", source_addr = "1" }
  local function due(key, more)
    local record = message(key, {
      system_id = "a", source_addr = "1", planned = "EXPIRED", planned_at = 50, planned_error = 7, registered_delivery = 0, bind = 3,
    })
    for name, value in pairs(more) do record[name] = value end
    equal(true, add(store, record))
    return store:finish_due(key, 100, 50.25)
  end
  equal("EXPIRED", due("1", { own = "kept", registered_delivery = 16 }))
  local got = assert(stores.get(store, "message", "1"))
  equal("EXPIRED 100 7 kept", ("%s %s %s %s"):format(got.state, got.done, got.error, got.own))
  for _, name in ipairs(stores.over) do equal(nil, got[name], name) end
  equal("DELIVERED", due("2", { planned = "DELIVERED", planned_at = 50.25, planned_error = 0 }))
  equal(0, assert(stores.get(store, "message", "2")).error)
  equal("", keys(store, query))
  equal(nil, store:finish_due("1", 100, 100), "final already")
  equal(nil, store:finish_due("unknown", 100, 100))
  for i, more in ipairs {
    { planned_at = 50.5 }, { state = "SCHEDULED" }, { planned = false }, { registered_delivery = 1 }, { notify_at = 40 },
    { outcome = { state = "EXPIRED" } },
  } do
    local key = ("left %d"):format(i)
    equal(nil, due(key, more), key)
    equal(more.state or "ENROUTE", assert(stores.get(store, "message", key)).state, key)
  end
end)

case("reads the caller's tables only during the call", function(world)
  local store = world.open {}
  local changes, results = { { op = "add", kind = "message" } }, {}
  for i = 1, 3 do -- the same tables again, before anything completes
    changes[1].record = message(tostring(i))
    store:commit(changes, function(ok, _, _, context) results[#results + 1] = ok and context end, "context " .. i)
    changes[1].record.key = "changed"
  end
  equal("1 2 3", keys(store, {}))
  equal({ "context 1", "context 2", "context 3" }, results, "completed, in order")
end)

case("returns missing for an unknown key", function(world)
  local store = world.open {}
  equal("missing", code_of(stores.get(store, "message", "1")))
  equal("", keys(store, {}))
  equal("", keys(store, { open = true, system_id = "a", source_addr = "1", destination_addr = "2" }))
end)

case("adds several records of several kinds, or none of them", function(world)
  local store = world.open {}
  local octets = ("\0\1"):rep(300) -- a record may have any
  local function both(key, other)
    return { { op = "add", kind = "message", record = message(key) },
      { op = "add", kind = "value", record = { key = other, group = "g", created = 1, value = octets } } }
  end
  equal(true, stores.commit(store, both("1", "a")))
  equal("duplicate", code_of(stores.commit(store, both("2", "a"))))
  equal("duplicate", code_of(stores.commit(store, both("1", "b"))))
  equal("missing", code_of(stores.get(store, "message", "2")))
  equal("missing", code_of(stores.get(store, "value", "b")))
  equal(true, stores.commit(store, both("2", "b")))
  equal("2", stores.get(store, "message", "2").key)
  equal(octets, stores.get(store, "value", "a").value)
  equal(octets, stores.get(store, "value", "b").value)
end)

case("refuses a duplicate key, and separates the kinds", function(world)
  local store = world.open {}
  add(store, message "1")
  equal("duplicate", code_of(add(store, message "1")))
  equal(true, stores.commit(store, { { op = "add", kind = "id", record = { key = "1", message = "x", since = 1 } } }))
  equal("x", assert(stores.get(store, "id", "1")).message)
end)

case("changes and removes only a record that has the state it should have", function(world)
  local store = world.open {}
  add(store, message("1", { due = 5 }))
  equal("conflict", code_of(change(store, "1", "SCHEDULED", { octets = "no" })))
  equal("conflict", code_of(change(store, "2", nil, { octets = "no" })))
  equal(true, change(store, "1", "ENROUTE", { octets = "new", extra = 1 }, { "due", "absent" }))
  local got = assert(stores.get(store, "message", "1"))
  equal({ "new", 1 }, { got.octets, got.extra })
  equal(nil, got.due)
  equal(true, change(store, "1", nil, { state = "DELETED", done = 1 }))
  equal("conflict", code_of(finish(store, "1")))
  equal("conflict", code_of(stores.commit(store, { { op = "remove", kind = "message", key = "1", from = "ENROUTE" } })))
  equal(true, stores.commit(store, { { op = "remove", kind = "message", key = "1", from = "DELETED" } }))
  equal("conflict", code_of(stores.commit(store, { { op = "remove", kind = "message", key = "1" } })))
end)

case("makes all changes of a commit, or none", function(world)
  local store = world.open {}
  add(store, message "1", message "2")
  local function both(from)
    return stores.commit(store, {
      { op = "change", kind = "message", key = "1", from = "ENROUTE", set = { state = "DELIVERED", done = 1 } },
      { op = "add", kind = "outbound", record = { key = "r1", system_id = "a", octets = "receipt" } },
      { op = "remove", kind = "message", key = "2", from = from },
    })
  end
  equal("conflict", code_of(both "SCHEDULED"))
  equal("1 2", keys(store, { open = true }))
  equal("", keys(store, { kind = "outbound" }))
  equal(true, both "ENROUTE")
  equal("", keys(store, { open = true }))
  equal("1", keys(store, {}))
  equal("r1", keys(store, { kind = "outbound", system_id = "a" }))
  equal("", keys(store, { kind = "outbound", system_id = "b" }))
end)

case("of two changes of the same record, one is refused as a conflict", function(world)
  local store, won = world.open {}, {}
  add(store, message "1")
  for _, state in ipairs { "DELETED", "DELIVERED", "EXPIRED" } do
    store:commit({ { op = "change", kind = "message", key = "1", from = "ENROUTE", set = { state = state, done = 1 } } }, function(ok)
      if ok then won[#won + 1] = state end
    end)
  end
  local got = assert(stores.get(store, "message", "1"))
  equal({ got.state }, won)
end)

case("finds messages between two addresses that are not final, oldest first", function(world)
  local store = world.open {}
  add(store, message "1", message "2", message "3")
  add(store, message("4", { destination_addr = "9" }), message("5", { source_addr = "9" }), message("6", { system_id = "b" }))
  local between = { open = true, system_id = "a", source_addr = "1", destination_addr = "2" }
  equal("1 2 3", keys(store, between))
  finish(store, "2")
  equal("1 3", keys(store, between))
  equal("", keys(store, { open = true, system_id = "a", source_addr = "2", destination_addr = "1" }))
  equal("1 3 4 5 6", keys(store, { open = true }))
  equal("1 2 3 4 5 6", keys(store, {}))
end)

case("finds the messages of a sender, the newest first", function(world)
  local store = world.open {}
  for i = 1, 9 do add(store, message(tostring(i), { source_addr = i % 3 == 0 and "9" or "1", destination_addr = tostring(i) })) end
  finish(store, "7")
  local sender = { system_id = "a", source_addr = "1", newest = true, limit = 4 }
  equal("8 7 5 4", keys(store, sender))
  equal("2 1", keys(store, { system_id = "a", source_addr = "1", newest = true, after = assert(stores.get(store, "message", "4")).serial }))
  equal("3 6 9", keys(store, { system_id = "a", source_addr = "9" }))
end)

case("returns pages, also while records are added and removed", function(world)
  local store = world.open {}
  for i = 1, 25 do add(store, message(("%02d"):format(i))) end
  local seen = {}
  for _, query in ipairs { { kind = "message", open = true, limit = 4 }, { kind = "message", limit = 7, system_id = "a", source_addr = "1" } } do
    assert(stores.walk(store, query, function(record) seen[#seen + 1] = record.key end))
  end
  equal(50, #seen)
  equal({ "01", "25", "01", "25" }, { seen[1], seen[25], seen[26], seen[50] })
  seen = {}
  assert(stores.walk(store, { kind = "message", open = true, limit = 3 }, function(record)
    seen[#seen + 1] = record.key
    finish(store, record.key)
    if #seen == 10 then return false end
  end))
  equal("01 02 03 04 05 06 07 08 09 10", table.concat(seen, " "))
  equal("11", keys(store, { open = true, limit = 1 }))
end)

case("refuses messages above its limit (queue_full)", function(world)
  local store = world.open { limit = 2 }
  equal(true, add(store, message "1", message "2"))
  equal("queue_full", code_of(add(store, message "3")))
  equal(true, finish(store, "1"))
  equal("queue_full", code_of(add(store, message "3", message "4")))
  equal(true, add(store, message "3"))
  equal("queue_full", code_of(add(store, message "4")))
  equal(true, stores.commit(store, { { op = "add", kind = "outbound", record = { key = "r", system_id = "a", octets = "" } } }))
  equal("1 2 3", keys(store, {}))
end)

case("refuses octets above its limit (queue_full), but still finishes stored messages", function(world)
  local store, taken = world.open { max_octets = 100000, keep_final = 1000 }, 0
  local text = ("x"):rep(1000)
  while add(store, message(tostring(taken + 1), { octets = text })) do taken = taken + 1 end
  equal("queue_full", code_of(add(store, message("x", { octets = text }))))
  if taken < 30 or taken > 100 then error(("100000 octets: %d messages of 1000 octets were taken"):format(taken)) end
  equal(true, stores.commit(store, {
    { op = "change", kind = "message", key = "1", from = "ENROUTE", set = { state = "DELIVERED", done = 1 } },
    { op = "add", kind = "outbound", record = { key = "r", system_id = "a", octets = ("r"):rep(150) } },
  }))
  equal(true, finish(store, "2"))
  equal(true, add(store, message("later", { octets = text }))) -- final ones make way
  equal("missing", code_of(stores.get(store, "message", "1")))
end)

case("keeps keep_final final messages, and discards old ones", function(world)
  local store = world.open { keep_final = 3 }
  for i = 1, 5 do add(store, message(tostring(i))) end
  add(store, message "open")
  for i = 1, 5 do finish(store, tostring(i), i) end
  equal("3 4 5 open", keys(store, {}))
  equal("3 4 5 open", keys(store, { system_id = "a", source_addr = "1" }))
  local discard = function(before) store:discard("message", before, function(ok) equal(true, ok) end) end
  discard(5)
  equal("5 open", keys(store, {}))
  equal(true, add(store, message "1")) -- its key is free again
  discard(100)
  equal("open 1", keys(store, {}))
end)

case("discards old ids", function(world)
  local store = world.open {}
  for i = 1, 4 do stores.commit(store, { { op = "add", kind = "id", record = { key = "c/" .. i, message = tostring(i), since = i } } }) end
  store:discard("id", 3, function(ok) equal(true, ok) end)
  equal("c/3 c/4", keys(store, { kind = "id" }))
end)

case("raises for values that are not plain data, and changes nothing", function(world)
  local store = world.open {}
  for _, wrong in ipairs { print, io.stdout, coroutine.create(function() end) } do
    local ok = pcall(store.commit, store, { { op = "add", kind = "message", record = message("1", { session = wrong }) } }, function() end)
    equal(false, ok, "a " .. type(wrong) .. " was taken")
  end
  equal(false, (pcall(store.commit, store, { { op = "add", kind = "massage", record = message "1" } }, function() end)))
  equal("", keys(store, {}))
end)

case("keeps every completed commit after a crash", function(world)
  local store = world.open {}
  for i = 1, 20 do add(store, message(tostring(i), { due = i / 3, outcome = { state = "EXPIRED" } })) end
  finish(store, "7")
  change(store, "8", "ENROUTE", { octets = "new" }, { "due" })
  stores.commit(store, { { op = "add", kind = "outbound", record = { key = "r7", system_id = "a", octets = "\0receipt" } } })
  stores.commit(store, { { op = "add", kind = "counter", record = { key = "message_id", state = "1000" } } })
  local before, after = {}, {}
  stores.walk(store, { kind = "message" }, function(record) before[#before + 1] = show(record) end)
  store = world.reopen(store)
  stores.walk(store, { kind = "message" }, function(record) after[#after + 1] = show(record) end)
  equal(before, after, "messages")
  equal("\0receipt", assert(stores.get(store, "outbound", "r7")).octets)
  equal("1000", assert(stores.get(store, "counter", "message_id")).state)
  equal(true, add(store, message "21"))
  equal("21", keys(store, { system_id = "a", source_addr = "1", newest = true, limit = 1 }))
  equal("conflict", code_of(finish(store, "7")))
end, "reopen")

case("keeps values by name, whatever plain data they are, and lists those of a group in the order in which they came", function(world)
  local store = world.open {}
  local function put(key, group, value) return { op = "add", kind = "value", record = { key = key, group = group, value = value } } end
  assert(stores.commit(store, { put("b", "x", { list = { 1, "two", { three = true } } }), put("a", "x", 1.5), put("c", "y", "text") }))
  equal({ list = { 1, "two", { three = true } } }, assert(stores.get(store, "value", "b")).value)
  equal("b a", keys(store, { kind = "value", group = "x" }))
  equal("a", keys(store, { kind = "value", group = "x", after = assert(stores.get(store, "value", "b")).serial }))
  equal("c", keys(store, { kind = "value", group = "y" }))
  assert(stores.commit(store, {
    { op = "change", kind = "value", key = "a", set = { value = { other = "thing" } } }, { op = "remove", kind = "value", key = "b" },
  }))
  equal({ other = "thing" }, assert(stores.get(store, "value", "a")).value)
  equal("a", keys(store, { kind = "value", group = "x" }))
  equal("missing", select(3, stores.get(store, "value", "b")))
  equal("duplicate", select(3, stores.commit(store, { put("a", "x", 1) })))
end)

case("keeps values over a crash", function(world)
  local store = world.open {}
  assert(stores.commit(store, { { op = "add", kind = "value", record = { key = "k", group = "g", value = { n = 1 } } } }))
  assert(stores.commit(store, { { op = "change", kind = "value", key = "k", set = { value = { n = 2 } } } }))
  store = world.reopen(store)
  equal({ n = 2 }, assert(stores.get(store, "value", "k")).value)
  equal("k", keys(store, { kind = "value", group = "g" }))
end, "reopen")

return conformance
