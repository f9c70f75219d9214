local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local fields = require "smpp.store.valkey_fields"
local kinds = require "smpp.store.kinds"
local models = require "spec.support.valkey_model"
local prelude = require "smpp.store.valkey_prelude"
local scripts = require "smpp.store.valkey_scripts"
local smpp = require "smpp"
local stores = require "smpp.store"
local util = require "spec.support.util"

local STATES = { "ENROUTE", "SCHEDULED", "DELIVERED", "EXPIRED" }

--- The octets of a record, as they are counted.
local function size_of(text)
  return prelude.RECORD_OCTETS + #text:match "^[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n(.*)$"
end

--- What the keys of the engine say, against the records: index -> members, as strings; what `meta` counts.
local function indexes(data)
  local found, wanted, counts = {}, {}, { octets = 0, messages = 0, open = 0 }
  for key, value in pairs(data) do
    if value.kind == "set" then
      local list = {}
      for member in pairs(value.scores) do list[#list + 1] = member end
      table.sort(list)
      found[key] = table.concat(list, " ")
    end
  end
  local function enter(name, key) wanted[name] = wanted[name] and wanted[name] .. " " .. key or key end
  local buckets = {}
  local function enlist(index, serial, key)
    local bucket = ("%d"):format(math.floor(serial / 64))
    enter(index .. ":" .. bucket, key)
    buckets[index] = buckets[index] or {}
    buckets[index][bucket] = true
  end
  local keys = {}
  for key in pairs(data) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local prefix, kind, name = key:match "^(smpp:{gw}:)(%l+):r:(.*)$"
    if prefix then
      local record, o = fields.read(name, data[key].text), kinds.kinds[kind]
      counts.octets = counts.octets + size_of(data[key].text)
      enlist(prefix .. kind .. ":all", record.serial, name)
      local final = o.final and o.final[record.state]
      if kind == "message" then counts.messages, counts.open = counts.messages + 1, counts.open + (final and 0 or 1) end
      if o.final and final then enter(prefix .. kind .. ":ended", name) end
      if o.final and not final then enlist(prefix .. kind .. ":open", record.serial, name) end
      if o.age and record[o.age] and (not o.final or final) then enter(prefix .. kind .. ":age", name) end
      for group, row in pairs(o.groups) do
        if not row.open or not final then
          local values = {}
          for i, field in ipairs(row.fields) do values[i] = record[field] or "" end
          enter(prefix .. kind .. ":g:" .. group .. ":" .. table.concat(values, "\0"), name)
        end
      end
    end
  end
  for index, list in pairs(buckets) do
    local numbers = {}
    for bucket in pairs(list) do numbers[#numbers + 1] = bucket end
    table.sort(numbers)
    wanted[index] = table.concat(numbers, " ")
  end
  return found, wanted, counts
end

--- Some changes, drawn.
local function drawn(random)
  local changes, used = {}, {}
  for _ = 1, random(2) do
    local kind = ({ "message", "message", "message", "outbound", "id", "value" })[random(6)]
    local key = tostring(random(25))
    if not used[kind .. key] then
      used[kind .. key] = true
      local op = random(6)
      if op <= 3 then
        local state = STATES[random(3)]
        changes[#changes + 1] = { op = "add", kind = kind, record = {
          key = key, state = kind == "message" and state or nil, system_id = tostring(random(2)), source_addr = tostring(random(2)), group = "g",
          octets = ("x"):rep(random(300)), since = random(100), done = state == "DELIVERED" and random(100) or nil,
        } }
      elseif op <= 5 then
        changes[#changes + 1] = { op = "change", kind = kind, key = key, from = kind == "message" and STATES[random(2)] or nil,
          set = { state = kind == "message" and STATES[random(4)] or nil, done = random(100), note = ("y"):rep(random(50)) },
          clear = random(2) == 1 and { "octets", "none" } or nil }
      else
        changes[#changes + 1] = { op = "remove", kind = kind, key = key }
      end
    end
  end
  return changes
end

describe("smpp.store.valkey_scripts", function()
  for seed = 1, 4 do
    it(("keep indexes and counts that agree with the records, at the limits, too; seed %d"):format(seed), async.virtual(function(loop)
      local random = util.random(seed)
      local engine = models.new(loop, {})
      local store = assert(stores.open("valkey://127.0.0.1", { loop = loop, limit = 14, max_octets = 12000, keep_final = 5 }))
      local codes = {}
      for _ = 1, 300 do
        for _ = 2, random(4) do store:commit(drawn(random), function() end) end -- in the same script
        local _, _, code = stores.commit(store, drawn(random))
        codes[code or "ok"] = (codes[code or "ok"] or 0) + 1
        if random(40) == 1 then store:discard(random(2) == 1 and "id" or "message", random(60), function(ok) assert(ok) end) end
        if random(10) == 1 then
          assert(stores.get(store, "value", "none") == nil)
          local found, wanted, counts = indexes(engine.data)
          assert.same(wanted, found)
          for name, n in pairs(counts) do assert.equal(n, tonumber(engine.data["smpp:{gw}:meta"].fields[name] or 0)) end
        end
      end
      assert.is_true(codes.ok > 10 and codes.conflict > 0 and codes.duplicate > 0, ("%s ok, %s conflict, %s duplicate"):format(tostring(codes.ok), tostring(codes.conflict), tostring(codes.duplicate)))
      store:close()
      engine.close()
      smpp.sleep(0)
    end))
  end

  it("write what many commits change in few commands", async.virtual(function(loop)
    local store = engine_store.new(loop, {})
    local COUNT = 30
    --- The commands of a turn with these changes of each message.
    local function turn(fn)
      local before, ended = store.engine.made, 0
      for i = 1, COUNT do
        store:commit(fn(tostring(i)), function(ok)
          assert.is_true(ok)
          ended = ended + 1
        end)
      end
      smpp.sleep(1)
      assert.equal(COUNT, ended)
      return store.engine.made - before
    end
    smpp.sleep(1)
    local all = turn(function(key)
      local record = { key = key, id = key, state = "ENROUTE", octets = ("x"):rep(100), sending = "a" }
      return { { op = "add", kind = "message", record = record, place = { "work", home = "m:a", due = 1, over = 9 } } }
    end) + turn(function(key)
      return {
        { op = "change", kind = "message", key = key, from = "ENROUTE", guard = "mine", set = { carrier_id = key }, clear = { "sending" }, place = { "none" } },
        { op = "add", kind = "id", replaces = true, record = { key = "a\0i" .. key, message = key, since = 1 } },
      }
    end) + turn(function(key)
      return {
        { op = "change", kind = "message", key = key, from = "ENROUTE", guard = "id:a\0i" .. key, set = { state = "DELIVERED", done = 2 }, clear = { "octets" } },
        { op = "add", kind = "outbound", record = { key = key, system_id = "acme" }, place = { "work", home = "o:acme", due = 2, over = 9 } },
      }
    end) + turn(function(key) return { { op = "remove", kind = "outbound", key = key } } end)
    assert.is_true(all / COUNT < 3, ("%.1f commands for a message"):format(all / COUNT))
    local got = assert(stores.get(store, "message", "7"))
    assert.same({ "7", "DELIVERED", nil, nil }, { got.carrier_id, got.state, got.octets, got.sending })
    store.kill()
    store.engine.close()
  end))

  it("tell the changes of a commit by its words", function()
    local work = { "work", home = "h,1:", due = 1, over = 2 }
    local told = {}
    scripts.each_change(fields.committer(true) {
      { op = "add", kind = "message", record = { key = "1", octets = "$1\r\nx" }, place = work },
      { op = "add", kind = "id", replaces = true, record = { key = "a\0b", since = 1 } },
      { op = "change", kind = "message", key = "2", guard = "id:a\0b", set = { state = "DELIVERED" }, clear = { "octets", "own" }, place = work },
      { op = "change", kind = "outbound", key = "3", place = { "queue", home = "o:a", due = 1 } },
      { op = "count", kind = "counter", key = "4", set = { by = -5, least = 0 } },
      { op = "count", kind = "counter", key = "5", set = { by = 1, most = 9, per_s = 60 } },
      { op = "remove", kind = "outbound", key = "", guard = "mine", place = { "none" } },
    }, function(...) told[#told + 1] = { ... } end)
    assert.same({
      { "add", "message", "1", "work" }, { "put", "id", "a\0b", "" }, { "change", "message", "2", "work" }, { "change", "outbound", "3", "queue" },
      { "count", "counter", "4", "", -5, "" }, { "count", "counter", "5", "", 1, "60" }, { "remove", "outbound", "", "none" },
    }, told)
  end)

  for seed = 1, 2 do
    it(("count what waits where nodes share a store; seed %d"):format(seed), async.virtual(function(loop)
      local random = util.random(seed)
      local store = engine_store.new(loop, {})
      local engine = store.engine
      for _ = 1, 200 do
        for _ = 2, random(4) do store:commit(drawn(random), function() end) end
        stores.commit(store, drawn(random))
        if random(10) == 1 then
          local open, waiting = 0, 0
          for key, value in pairs(engine.data) do
            local kind, name = key:match "^smpp:{gw}:(%l+):r:(.*)$"
            local is_open = kind == "message" and not stores.is_final(fields.read(name, value.text).state)
            if is_open then open = open + 1 end
            if is_open or kind == "outbound" then waiting = waiting + size_of(value.text) end
          end
          local meta = engine.data["smpp:{gw}:meta"].fields
          assert.same({ open, waiting }, { tonumber(meta.open or 0), tonumber(meta.waiting or 0) })
        end
      end
      store.kill()
      engine.close()
    end))
  end
end)
