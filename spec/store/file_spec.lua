local conforms = require "spec.support.conforms"
local other_lua = require "spec.support.other_lua"
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
    os.remove(name)
    os.remove(name .. "-lock")
  end
end)

local function open(o) return assert(stores.open("file", o)) end

conforms("smpp.store.file: a store", {
  open = function(o) return open { path = path(), limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final } end,
  reopen = function(store) return open { path = store.path } end, -- as after a crash: nobody closed it
}, describe, it)

local function put(store, key, value, op)
  local result
  store:commit({
    op == "change" and { op = op, kind = "value", key = key, set = { value = value } } or { op = "add", kind = "value", record = { key = key, value = value } },
  }, function(ok, message, code) result = { ok, message, code } end)
  return result
end

local function get(store, key)
  local value
  store:get("value", key, function(record) value = record and record.value end)
  return value
end

local function octets(name)
  local file = assert(io.open(name, "rb"))
  local all = file:read "*a"
  file:close()
  return all
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

describe("smpp.store.file", function()
  it("drops a last entry that is torn, wherever it is cut, and goes on", function()
    local name = path()
    local store = open { path = name }
    put(store, "a", "first")
    local before = #octets(name)
    put(store, "b", "second")
    local all = octets(name)
    for cut = before, #all - 1 do
      write(name, all:sub(1, cut))
      store = open { path = name }
      assert.equal("first", get(store, "a"))
      assert.is_nil(get(store, "b"), cut)
      put(store, "c", "third")
      store = open { path = name }
      assert.equal("third", get(store, "c"))
    end
    for cut = 0, #"smpp store 1" do
      write(name, all:sub(1, cut))
      assert.is_nil(get(open { path = name }, "a"))
    end
  end)

  it("writes the log anew when most of it is not needed, and loses nothing", function()
    local name = path()
    local store = open { path = name, compact_octets = 4096 }
    put(store, "n", 0)
    put(store, "other", "kept")
    local most = 0
    for i = 1, 2000 do
      put(store, "n", i, "change")
      most = math.max(most, store.size)
    end
    assert.is_true(most < 8192, most)
    assert.equal(store.size, #octets(name))
    store = open { path = name }
    assert.same({ 2000, "kept" }, { get(store, "n"), get(store, "other") })
  end)

  it("is for one process at a time", function()
    local name = path()
    local PROGRAM = [[
      local core, stores = require "smpp.core", require "smpp.store"
      local store, message, code = stores.open("file", { path = %q })
      print(message, code)
      io.stdout:flush()
      if not store then return end
      store:commit({ { op = "add", kind = "value", record = { key = "b", value = "second" } } }, function() end)
      os.execute(("kill -9 %%.0f"):format(core.process_id()))
    ]]
    local store = open { path = name }
    put(store, "a", "first")
    assert.matches("another process uses it.*store_failed", other_lua(PROGRAM:format(name)))
    put(store, "c", "third")
    store:close()
    assert.matches("^nil\tnil", other_lua(PROGRAM:format(name)))
    store = assert(stores.open("file", { path = name })) -- the lock has ended with the process
    assert.same({ "first", "second", "third" }, { get(store, "a"), get(store, "b"), get(store, "c") })
    local again = open { path = name } -- this process may have it twice: as a test does that ends a program as by a crash
    store:close()
    store:close()
    assert.matches("another process uses it", other_lua(PROGRAM:format(name)))
    again:close()
    assert.matches("^nil\tnil", other_lua(PROGRAM:gsub('"b"', '"d"'):format(name)))
  end)

  it("reads no other file, and says which it cannot write", function()
    local name = path()
    write(name, "accounts = {}\n")
    local store, message, code = stores.open("file", { path = name })
    assert.is_nil(store)
    assert.equal("store_failed", code)
    assert.matches("not a store", message)
    assert.equal("accounts = {}\n", octets(name))
    store, message, code = stores.open("file", { path = "/nonexistent/folder/x" })
    assert.same({ nil, "store_failed" }, { store, code })
    assert.matches("/nonexistent/folder/x", message)
  end)

  it("takes nothing more when it cannot write, or is closed", function()
    local store = open { path = path() }
    store.handle:close()
    local real = store.handle
    store.handle = setmetatable({}, { __index = { write = function() return nil, "No space left on device" end, close = function() end } })
    local result = put(store, "a", 1)
    assert.same({ nil, "store_failed" }, { result[1], result[3] })
    assert.matches("No space left", result[2])
    store.handle = real
    assert.equal("store_failed", put(store, "b", 1)[3])
    store = open { path = path() }
    store:close()
    assert.equal("store_failed", put(store, "b", 1)[3])
  end)
end)
