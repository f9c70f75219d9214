local core = require "smpp.core"
local kinds = require "smpp.store.kinds"

if not pcall(require, "smpp.sqlite") then return end

local tables = require "smpp.store.sqlite_tables"

local write = core.record(kinds.names).write

local function message(key, o)
  local record = { key = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2" }
  for name, value in pairs(o or {}) do record[name] = value end
  return { op = "add", kind = "message", key = key, octets = write(record) }
end

local function commit(...) return { op = "commit", changes = { ... } } end

local function finish(key) return commit { op = "change", kind = "message", key = key, from = "ENROUTE", set = { state = "DELIVERED", done = 1 } } end

local function codes(results)
  local list = {}
  for i, result in ipairs(results) do list[i] = result.ok and "ok" or result.code end
  return list
end

--- The indexes of a database.
local function indexes_of(opened)
  return opened.db:prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"):all()
end

describe("smpp.store.sqlite_tables", function()
  local t
  before_each(function() t = tables.open(":memory:", { limit = 1000, max_octets = 1e9 }) end)
  after_each(function() t:close() end)

  it("counts what its limits are about, also after a transaction that failed", function()
    t:perform { commit(message "1", message "2", message("3", { state = "DELIVERED", done = 1 })), finish "2" }
    local before = { t.open, t.final, t.octets, t.ended }
    assert.same({ 1, 2 }, { t.open, t.final })
    t:count()
    assert.same(before, { t.open, t.final, t.octets, t.ended })
    t.db:exec "CREATE TRIGGER full BEFORE INSERT ON message WHEN NEW.key = 'bad' BEGIN SELECT RAISE(ABORT, 'full'); END"
    assert.same({ "ok", "store_failed", "ok" }, codes(t:perform { commit(message "4"), commit(message "5", message "bad"), commit(message "6") }))
    assert.equal(3, t.open)
    local octets = t.octets
    t:count()
    assert.equal(octets, t.octets)
    assert.same({ "missing" }, codes(t:perform { { op = "get", kind = "message", key = "5" } }))
    t:perform { commit { op = "remove", kind = "message", key = "1" }, commit { op = "remove", kind = "message", key = "2" } }
    assert.same({ 2, 1 }, { t.open, t.final })
  end)

  it("removes indexes by addresses where they are not wanted, also from a file that has them, and makes none again", function()
    local path = os.tmpname()
    os.remove(path)
    local function indexes(o)
      local opened = tables.open(path, o)
      local list = indexes_of(opened)
      opened:close()
      return table.concat(list, " ")
    end
    local with = indexes {}
    assert.matches("message_between", with, 1, true)
    assert.matches("message_sender", with, 1, true)
    local without = indexes { by_address = false }
    assert.equal((with:gsub("message_between ?", ""):gsub("message_sender ?", ""):gsub(" $", "")), without)
    assert.equal(without, indexes {})
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("uses an index for each query that stores support", function()
    for kind, o in pairs(kinds.kinds) do
      for _, group in pairs(o.groups) do
        local where = {}
        for _, name in ipairs(group.fields) do where[#where + 1] = '"' .. name .. '" = ?' end
        if group.open then where[#where + 1] = "final = 0" end
        local plan = t.db:prepare(("EXPLAIN QUERY PLAN SELECT record FROM %s WHERE %s AND serial > ? ORDER BY serial"):format(kind, table.concat(where, " AND "))):all()
        local text = table.concat(plan, " ")
        assert.truthy(text:find("USING INDEX " .. kind .. "_", 1, true), text)
        assert.is_nil(text:find("TEMP B-TREE", 1, true), text)
      end
    end
    local plan = table.concat(t.db:prepare("EXPLAIN QUERY PLAN SELECT record FROM message WHERE final = 0 AND serial > 5 ORDER BY serial"):all(), " ")
    assert.truthy(plan:find("message_open", 1, true), plan)
  end)

  it("makes its schema once, and knows its version", function()
    assert.equal(tables.VERSION, (t.db:prepare("PRAGMA user_version"):row()))
    local name = os.tmpname()
    tables.open(name, {}):close()
    local again = tables.open(name, { limit = 5 })
    again:perform { commit(message "1") }
    again:close()
    again = tables.open(name, { limit = 5 })
    assert.equal(1, again.open)
    again:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(name .. suffix) end
  end)

  it("gives no serial twice", function()
    t:perform { commit(message "1"), commit { op = "remove", kind = "message", key = "1" }, commit(message "2") }
    local result = t:perform({ { op = "get", kind = "message", key = "2" } })[1]
    assert.equal(2, result.serials[1])
  end)

  it("counts nothing where there are no limits: an opening reads no records", function()
    local name = os.tmpname()
    local first = tables.open(name, {})
    first:perform { commit(message "1"), finish "1", commit(message "2") }
    first:close()
    local again = tables.open(name, {})
    assert.same({ 0, 0, 0, 1 }, { again.open, again.final, again.octets, again.ended })
    again:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(name .. suffix) end
  end)
end)
