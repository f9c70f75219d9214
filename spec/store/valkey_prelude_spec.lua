local async = require "spec.support.async"
local core = require "smpp.core"
local engine_store = require "spec.support.engine_store"
local fields = require "smpp.store.valkey_fields"
local kinds = require "smpp.store.kinds"
local prelude = require "smpp.store.valkey_prelude"
local smpp = require "smpp"
local stores = require "smpp.store"
local util = require "spec.support.util"

local P = "smpp:{gw}:"
local codec = core.record(kinds.names)

--- Runs a script without an engine.
local function run(body, ...)
  local env = setmetatable({ KEYS = { P }, ARGV = { ... }, redis = {} }, { __index = _G })
  local text, set = prelude.text_of(body, true), setfenv -- luacheck: ignore 113
  local chunk = set and set(assert(loadstring(text)), env) or assert(load(text, "script", "t", env)) -- luacheck: ignore 113
  return chunk()
end

local STRINGS = { "", "x", ("y"):rep(63), ("z"):rep(64), ("w"):rep(300), "\0\n\255" }
local VALUES = { 0, 127, 128, -1, 300000, 2 ^ 53 - 1, 0.5, true, false, { 1, "two", { three = { 4 } } }, {} }

local function value_of(random) return random(2) == 1 and STRINGS[random(#STRINGS)] or VALUES[random(#VALUES)] end

--- How many members the lists and sets of a key have in all.
local function members(data, key)
  local n = 0
  for name, one in pairs(data) do
    if name:sub(1, #P + #key) == P .. key then
      for _ in pairs(one.scores or one.list or {}) do n = n + 1 end
    end
  end
  return n
end

describe("smpp.store.valkey_prelude", function()
  for seed = 1, 20 do
    it(("finds and takes out fields of any record; seed %d"):format(seed), function()
      local random, record, clear, kept = util.random(seed), { key = "k" }, {}, { key = "k" }
      for _ = 1, 12 do
        local name = random(3) == 1 and "own" .. random(3) or kinds.names[1 + random(#kinds.names - 1)]
        if name ~= "state" and name ~= "id" then record[name] = value_of(random) end
      end
      for name, value in pairs(record) do
        if random(3) == 1 and name ~= "key" then clear[#clear + 1] = name else kept[name] = value end
      end
      local octets, names = codec.write(record), {}
      for _, name in ipairs(clear) do names[name] = true end
      local stripped = run("local set = {} note_names(ARGV[2], set) return strip(ARGV[1], set)", octets, codec.write(names))
      assert.same(kept, fields.read("k", "\n\n\n\n\n\n" .. stripped))
      for name, value in pairs(record) do
        local place = fields.places[name]
        local found = place and place ~= fields.places.key and run(("return field_of(ARGV[1], %d)"):format(place), octets)
        if found then assert.equal(type(value) == "string" and value or "", found) end
      end
      assert.equal("", run("return field_of(ARGV[1], 255)", octets))
    end)
  end

  it("keeps no more of a message of nodes than its records and its places in indexes", async.virtual(function(loop)
    local store = engine_store.new(loop)
    local data = store.engine.data
    local function all(make)
      for i = 1, 150 do store:commit(make(("%03d"):format(i)), function(ok, message) assert(ok, message) end) end
      smpp.sleep(0.1)
    end
    local place = { "queue", home = "m:x", due = loop:time(), over = loop:time() + 1000 }
    all(function(key)
      return { { op = "add", kind = "message", record = { key = key, state = "ENROUTE", octets = "x" }, place = place },
        { op = "add", kind = "id", replaces = true, record = { key = key, message = key, since = 5.5 } } }
    end)
    assert.same({ 153, 153, 150, 150, 150 }, {
      members(data, "message:all"), members(data, "message:open"), members(data, "queue:m:x"), members(data, "expiry"), members(data, "id:past"),
    })
    all(function(key)
      return { { op = "change", kind = "message", key = key, from = "ENROUTE", set = { state = "DELIVERED", done = loop:time() }, clear = { "octets" },
        place = { "none" } } }
    end)
    assert.same({ 153, 0, 0, 0, 150 }, {
      members(data, "message:all"), members(data, "message:open"), members(data, "queue:m:x"), members(data, "expiry"), members(data, "message:past"),
    })
    store.queues:old_ids(6, function(list) assert.same({}, list) end)
    store:discard("message", loop:time() + 1, function(ok) assert(ok) end)
    smpp.sleep(1)
    local left = {}
    for key in pairs(data) do left[#left + 1] = key:sub(#P + 1) end
    table.sort(left)
    assert.equal("meta queues run:run1 runs", table.concat(left, " "))
    for _, name in ipairs { "octets", "messages", "open" } do assert.equal("0", data[P .. "meta"].fields[name]) end
    store.kill()
    store.engine.close()
  end))

  it("keeps what came again, and what another may still need, when old records go", async.virtual(function(loop)
    local store = engine_store.new(loop)
    local function put(key, since)
      assert(stores.commit(store, { { op = "add", kind = "id", replaces = true, record = { key = key, message = "m" .. key, since = since } } }))
    end
    for i = 1, 120 do put(tostring(i), 1) end
    put("3", 9)
    assert(stores.commit(store, { { op = "change", kind = "id", key = "5", set = { since = 9 } } }))
    store:discard("id", 5, function(ok) assert(ok) end)
    smpp.sleep(0.1)
    assert.equal("missing", (select(3, stores.get(store, "id", "4"))))
    assert.equal("m3", stores.get(store, "id", "3").message)
    assert.equal("m5", stores.get(store, "id", "5").message)
    store:discard("id", 10, function(ok) assert(ok) end)
    smpp.sleep(0.1)
    assert.equal("missing", (select(3, stores.get(store, "id", "3"))))
    assert.equal("missing", (select(3, stores.get(store, "id", "5"))))
    store.kill()
    store.engine.close()
  end))
end)
