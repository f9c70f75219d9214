local async = require "spec.support.async"
local conformance = require "smpp.store.conformance"
local conforms = require "spec.support.conforms"
local stores = require "smpp.store"

local paths = {}

local function path()
  local name = os.tmpname()
  os.remove(name)
  paths[#paths + 1] = name
  return name
end

teardown(function()
  for _, name in ipairs(paths) do
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(name .. suffix) end
  end
end)

local has = pcall(require, "smpp.sqlite")
if not has then return end

local function open(o, loop)
  return assert(stores.open("sqlite", {
    path = o.path or path(), limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final, by_address = o.by_address, loop = loop,
  }))
end

conforms("smpp.store.sqlite: without a thread a store", {
  open = function(o, w) return open(o, w.loop) end,
  reopen = function(store, w) return open({ path = store.path }, w.loop) end, -- as after a crash: nobody closed it
}, describe, it)

conforms("smpp.store.sqlite: without indexes by addresses a store", {
  open = function(o, w) return open({ limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final, by_address = false }, w.loop) end,
  reopen = function(store, w) return open({ path = store.path, by_address = false }, w.loop) end,
}, describe, it)

describe("smpp.store.sqlite: with a thread a store", function()
  for _, case in ipairs(conformance.cases) do
    it(case.name, async.luv(function(loop)
      local opened = {}
      case.run {
        within = function(fn) fn() end,
        open = function(o)
          opened[#opened + 1] = open(o, loop)
          assert.truthy(opened[#opened].worker)
          return opened[#opened]
        end,
        reopen = function(store)
          opened[#opened + 1] = open({ path = store.path }, loop)
          return opened[#opened]
        end,
      }
      for _, store in ipairs(opened) do store:close() end
    end))
  end
end)

local function add(store, key, done, context)
  store:commit({ { op = "add", kind = "message", record = { key = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2" } } }, done, context)
end

describe("smpp.store.sqlite", function()
  it("commits what comes during a commit together, completes in order, and keeps the loop running meanwhile", async.luv(function(loop)
    local store, order = open({}, loop), {}
    for i = 1, 500 do
      add(store, tostring(i), function(ok, _, _, context) order[#order + 1] = ok and context end, i)
    end
    assert.equal(0, #order)
    assert.equal(500, #assert(stores.find(store, { kind = "message", limit = 1000 })))
    assert.equal(500, #order)
    for i = 1, 500 do assert.equal(i, order[i]) end
    assert.equal(0, store.pending)
    store:close()
  end))

  it("does one commit's duty when another of its group cannot be", async.luv(function(loop)
    local store, results = open({}, loop), {}
    for i, key in ipairs { "1", "2", "1", "3" } do
      add(store, key, function(ok, _, code) results[i] = ok and "ok" or code end)
    end
    assert.equal(3, #assert(stores.find(store, { kind = "message" })))
    assert.same({ "ok", "ok", "duplicate", "ok" }, results)
    store:close()
  end))

  it("finishes what was sent when it is closed", async.luv(function(loop)
    local name, done = path(), 0
    local store = open({ path = name }, loop)
    for i = 1, 100 do add(store, tostring(i), function(ok) done = done + (ok and 1 or 0) end) end
    store:close(function(ok) assert.is_true(ok) end)
    assert.equal(100, done)
    local code
    add(store, "x", function(_, _, why) code = why end)
    assert.equal("store_failed", code)
    store = open({ path = name }, loop)
    assert.equal(100, #assert(stores.find(store, { kind = "message", limit = 1000 })))
    store:close()
  end))

  it("is opened by its name, and has columns that people can read", async.luv(function(loop)
    local name = path()
    local store = assert(stores.open("sqlite:" .. name, { loop = loop }))
    assert.is_true((stores.commit(store, { { op = "add", kind = "message", record = {
      key = "m1", state = "ENROUTE", system_id = "acme", source_addr = "Shop", destination_addr = "491",
    } } })))
    store:close()
    local db = assert(require("smpp.sqlite").open(name))
    local statement = assert(db:prepare "SELECT key, state, system_id, source_addr, destination_addr, final FROM message")
    assert.same({ "m1", "ENROUTE", "acme", "Shop", "491", 0 }, { statement:row() })
    statement:close()
    db:close()
  end))

  it("refuses a schema that is newer, and what is no database", async.luv(function(loop)
    local name = path()
    open({ path = name }, loop):close()
    local db = assert(require("smpp.sqlite").open(name))
    assert(db:exec "PRAGMA user_version = 99")
    db:close()
    for _, threads in ipairs { true, false } do
      local store, message, code = stores.open("sqlite", { path = name, loop = loop, threads = threads })
      assert.is_nil(store)
      assert.truthy(message:find("schema version 99 is newer", 1, true))
      assert.equal("store_failed", code)
      store, message = stores.open("sqlite", { path = "/nonexistent/x.db", loop = loop, threads = threads })
      assert.is_nil(store)
      assert.truthy(message:find("unable to open", 1, true))
    end
    local file = assert(io.open(name, "wb"))
    file:write(("no database "):rep(100))
    file:close()
    assert.is_nil((stores.open("sqlite", { path = name, loop = loop })))
  end))

  it("discards in pages: commits that come meanwhile do not wait for all of it", async.luv(function(loop)
    local page = require("smpp.store.sqlite_tables").DISCARD
    for _, o in ipairs { {}, { keep_final = 100000, max_octets = 1000000000 }, { threads = false } } do
      o.path, o.loop = path(), loop
      local store, list = assert(stores.open("sqlite", o)), {}
      for i = 1, 3 * page do list[i] = { op = "add", kind = "message", record = { key = tostring(i), state = "DELIVERED", done = i % 7, octets = "x" } } end
      list[#list + 1] = { op = "add", kind = "message", record = { key = "kept", state = "DELIVERED", done = 100 } }
      list[#list + 1] = { op = "add", kind = "message", record = { key = "open", state = "ENROUTE" } }
      assert(stores.commit(store, list))
      local order, context = {}, {}
      store:discard("message", 50, function(ok, _, _, given) order[#order + 1] = ok and given == context and "discarded" end, context)
      assert(stores.commit(store, { { op = "add", kind = "message", record = { key = "new", state = "ENROUTE" } } }))
      order[#order + 1] = "committed"
      async.wait_until(function() return #order == 2 end)
      if o.threads == nil then assert.same({ "committed", "discarded" }, order) end
      local keys = {}
      for i, record in ipairs(stores.find(store, { kind = "message", limit = 10 })) do keys[i] = record.key end
      assert.same({ "kept", "open", "new" }, keys)
      store:close()
    end
  end))

  it("counts what is left for its limits after a discard", async.luv(function(loop)
    local store = assert(stores.open("sqlite", { path = path(), loop = loop, threads = false, keep_final = 10, max_octets = 1000000 }))
    for i = 1, 5 do
      assert(stores.commit(store, { { op = "add", kind = "message", record = { key = tostring(i), state = "DELIVERED", done = i, octets = ("x"):rep(i) } } }))
    end
    store:discard("message", 4)
    local final, octets = store.tables.final, store.tables.octets
    store.tables:count()
    assert.same({ 2, store.tables.final, store.tables.octets }, { final, final, octets })
    store:close()
  end))

  it("is for one process at a time where it is opened exclusively; others may look into it", async.luv(function(loop)
    local path = os.tmpname()
    os.remove(path)
    local function open(o)
      o.loop = loop
      return stores.open("sqlite:" .. path, o)
    end
    local first = assert(open { exclusive = true })
    local second, message, code = open { exclusive = true }
    assert.same({ nil, "store_failed" }, { second, code })
    assert.matches("another process uses it", message)
    assert(open { threads = false }):close()
    first:close()
    assert(open { exclusive = true }):close()
    for _, suffix in ipairs { "", "-wal", "-shm", "-lock" } do os.remove(path .. suffix) end
  end))

  it("fails a commit that cannot be written, and goes on when it can", async.luv(function(loop)
    local name = path()
    local store = open({ path = name }, loop)
    local db = assert(require("smpp.sqlite").open(name))
    local ok, _, code = stores.commit(store, { { op = "add", kind = "message", record = { key = "1", state = "ENROUTE" } } })
    assert.is_true(ok)
    assert(db:exec "CREATE TRIGGER full BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
    local message
    ok, message, code = stores.commit(store, { { op = "add", kind = "message", record = { key = "2", state = "ENROUTE" } } })
    assert.same({ "store_failed" }, { code })
    assert.is_nil(ok)
    assert.truthy(message:find("disk is full", 1, true))
    assert(db:exec "DROP TRIGGER full")
    db:close()
    assert.is_true((stores.commit(store, { { op = "add", kind = "message", record = { key = "2", state = "ENROUTE" } } })))
    assert.equal(2, #assert(stores.find(store, { kind = "message", open = true })))
    store:close()
  end))

  it("keeps what was committed when the process is killed", function()
    local name = path()
    local code = ([[
      package.path, package.cpath = %q, %q
      local stores, loops = require "smpp.store", require "smpp.loop"
      require("smpp").run(function()
        local store, n = assert(stores.open("sqlite:%s")), 0
        while true do
          n = n + 1
          assert(stores.commit(store, { { op = "add", kind = "message", record = { key = tostring(n), state = "ENROUTE" } } }))
          io.write(n, "\n")
          io.flush()
        end
      end)
    ]]):format(package.path, package.cpath, name)
    local script = os.tmpname()
    local file = assert(io.open(script, "wb"))
    file:write(code)
    file:close()
    local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local pipe = assert(io.popen(("timeout -s KILL 0.7 %s %s 2>&1"):format(lua, script)))
    local last = 0
    for line in pipe:lines() do last = math.max(last, tonumber(line) or 0) end
    pipe:close()
    os.remove(script)
    assert.is_true(last > 5, "it committed " .. last)
    async.luv(function(loop)
      local store = open({ path = name }, loop)
      local count = #assert(stores.find(store, { kind = "message", limit = 1000000 }))
      assert.is_true(count == last or count == last + 1, ("%d were told of, %d are there"):format(last, count))
      store:close()
    end)()
  end)
end)
