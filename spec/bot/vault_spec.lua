local async = require "spec.support.async"
local late_store = require "spec.support.late_store"
local mc = require "spec.support.mc"
local vaults = require "smpp.bot.vault"

local function checks(vault)
  assert.same({ nil, "missing" }, { (vault:get "a"), select(3, vault:get "a") })
  assert(vault:put("a", { n = 1 }, "g"))
  assert(vault:put("a", { n = 2 }, "g"))
  assert(vault:put("b", "text", "g"))
  assert(vault:put("c", true, "other"))
  assert.same({ n = 2 }, vault:get "a")
  local list = {}
  vault:each("g", function(key, value) list[#list + 1] = key .. type(value) end)
  assert.same({ "atable", "bstring" }, list)
  assert(vault:put("a", nil, "g"))
  assert.is_nil((vault:get "a"))
  assert(vault:put("a", nil, "g"))
  local items = { { key = "x", value = 1, group = "g", exists = false }, { key = "b", group = "g", exists = true } }
  assert(vault:write(items))
  assert.same({ true, false }, { items[1].exists, items[2].exists })
  -- what is believed of it is wrong: somebody else was first
  assert(vault:write { { key = "x", value = 2, group = "g", exists = false } })
  assert.equal(2, vault:get "x")
  for i = 1, 250 do assert(vault:put("n" .. i, i, "many")) end
  local n = 0
  vault:each("many", function() n = n + 1 end)
  assert.equal(250, n)
end

describe("smpp.bot.vault", function()
  it("keeps values by name, outside a task where the store completes at once", function()
    local vault = assert(vaults.open(nil))
    assert.is_false(vault.is_durable)
    checks(vault)
    assert.is_false(vault.has_waited)
  end)

  it("waits for a store that does not", function()
    mc.world(function(w)
      local vault = assert(vaults.open(late_store.new(w.loop)))
      assert.is_true(vault.is_durable)
      checks(vault)
      assert.is_true(vault.has_waited)
    end)
  end)

  it("opens a file, and says why it cannot", function()
    local path = os.tmpname()
    os.remove(path)
    local vault = assert(vaults.open(path))
    assert(vault:put("a", 1, "g"))
    assert.equal(1, assert(vaults.open(path)):get "a")
    os.remove(path)
    local none, message, code = vaults.open "/nonexistent/x"
    assert.same({ nil, "store_failed" }, { none, code })
    assert.matches("nonexistent", message)
  end)

  it("keeps in SQLite what is called .db or sqlite:, in a file what is not", async.virtual(function()
    local base = os.tmpname()
    os.remove(base)
    for name, path in pairs { [base .. ".db"] = base .. ".db", ["sqlite:" .. base .. "1"] = base .. "1", ["file:" .. base .. "2"] = base .. "2" } do
      local vault, message = vaults.open(name)
      if vault or not message:lower():find "sqlite" then -- SQLite may not be installed
        assert(vault, message)
        assert(vault:put("a", { n = 1 }, "g"))
        vault:close()
        vault = assert(vaults.open(name))
        assert.same({ n = 1 }, vault:get "a")
        vault:close()
        local file = assert(io.open(path, "rb"))
        assert.equal(name:find "^file:" and "smpp" or "SQLi", file:read(4))
        file:close()
      end
      for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
    end
  end))

  it("finds what is not plain data, with its path", function()
    assert.is_nil(vaults.problem({ a = { 1, "x", { [2.5] = true } } }, "memory"))
    local deep = {}
    for _ = 1, 20 do deep = { deep } end
    for path, value in pairs {
      ["memory.a.b"] = { a = { b = print } }, ["memory[1]"] = { io.stdout }, ["memory[\"a b\"]"] = { ["a b"] = 0 / 0 },
      ["memory.x"] = { x = setmetatable({}, {}) },
    } do assert.equal(path, (vaults.problem(value, "memory"))) end
    assert.matches("deep", select(2, vaults.problem(deep, "memory")))
    assert.matches("as key", select(2, vaults.problem({ [true] = 1 }, "memory")))
  end)
end)
