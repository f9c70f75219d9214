local async = require "spec.support.async"
local conformance = require "smpp.store.conformance"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local stores = require "smpp.store"
local util = require "spec.support.util"

local URL = "valkey://127.0.0.1"

local function open(loop, o)
  return assert(stores.open(URL, { loop = loop, limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final }))
end

describe("smpp.store.valkey: a store", function()
  for _, case in ipairs(conformance.cases) do
    it(case.name, async.virtual(function(loop)
      local engine, opened = models.new(loop, {}), {}
      local function new(o)
        opened[#opened + 1] = open(loop, o)
        return opened[#opened]
      end
      case.run {
        within = function(fn) fn() end,
        open = new,
        reopen = function() return new {} end, -- as after a crash: nobody closed it
      }
      for _, store in ipairs(opened) do store:close() end
      engine.close()
    end))
  end
end)

local function message(key, o)
  local record = { key = key, state = "ENROUTE", system_id = "a", source_addr = "1", destination_addr = "2" }
  for name, value in pairs(o or {}) do record[name] = value end
  return { op = "add", kind = "message", record = record }
end

--- A body with an engine and a store of it.
local function with(o, fn)
  return async.virtual(function(loop)
    local engine = models.new(loop, o)
    local store = assert(stores.open(URL, { loop = loop, timeout_s = o.timeout_s }))
    fn(store, engine, loop)
    store:close()
    engine.close()
  end)
end

describe("smpp.store.valkey", function()
  it("keeps each type of value", with({}, function(store)
    local record = { text = "s\0\r\n", number = 0.1, whole = 2 ^ 53, yes = true, no = false, list = { 1, { a = "b" } } }
    assert(stores.commit(store, { message("1", record) }))
    local got = assert(stores.get(store, "message", "1"))
    for name, value in pairs(record) do assert.same(value, got[name]) end
  end))

  it("is full where the engine says OOM, and fails where it says anything else", function()
    local word = "OOM"
    local engines_of = require "spec.support.valkey"
    async.virtual(function(loop)
      local engine = engines_of.new(loop, { answer = function(words)
        if words[1] == "SCRIPT" then return engines_of.reply(("0"):rep(40)) end
        if words[2] and words[2]:find "HSETNX" then return ":2\r\n" end
        return ("-%s no\r\n"):format(word)
      end })
      local store = assert(stores.open(URL, { loop = loop }))
      assert.same({ nil, "the store is full: OOM no", "queue_full" }, { stores.commit(store, { message "1" }) })
      word = "MISCONF"
      assert.same({ nil, "MISCONF no", "store_failed" }, { stores.commit(store, { message "1" }) })
      assert.equal("store_failed", (select(3, stores.get(store, "message", "1"))))
      assert.equal("store_failed", (select(3, stores.find(store, { kind = "message" }))))
      store:close()
      engine.close()
    end)()
  end)

  it("fails within its limit where there is no engine, and goes on when there is one", async.virtual(function(loop)
    local store = assert(stores.open(URL, { loop = loop, timeout_s = 3 }))
    local start = loop:now()
    local ok, text, code = stores.commit(store, { message "1" })
    assert.same({ nil, "store_failed" }, { ok, code })
    assert.is_truthy(text:find "^not sent: no connection within")
    assert.is_true(loop:now() - start <= 3)
    local engine = models.new(loop, {})
    smpp.sleep(6)
    assert.is_true(stores.commit(store, { message "1" }))
    store:close()
    engine.close()
  end))

  it("refuses what another format wrote", with({}, function(store, engine)
    assert(stores.commit(store, { message "1" }))
    engine.data["smpp:{gw}:meta"].fields.format = "3"
    engine.drop()
    smpp.sleep(1)
    assert.same({ nil, "the store has format 3, this program 2", "store_failed" }, { stores.commit(store, { message "2" }) })
  end))

  it("waits for its calls before it closes", with({}, function(store)
    local order = {}
    store:commit({ message "1" }, function(ok) order[#order + 1] = ok end)
    store:close(function() order[#order + 1] = "closed" end)
    smpp.sleep(1)
    assert.same({ true, "closed" }, order)
  end))

  it("reads long lists in pages", with({}, function(store, engine)
    for i = 1, 250 do store:commit({ message(("%03d"):format(i)) }, function(ok) assert(ok) end) end
    assert(stores.get(store, "message", "001"))
    engine.commands = {}
    for limit, calls in pairs { [100] = 1, [150] = 2, [250] = 3, [1000] = 3 } do
      local list = assert(stores.find(store, { kind = "message", open = true, limit = limit, newest = true }))
      assert.equal(math.min(limit, 250), #list)
      assert.same({ "250", ("%03d"):format(251 - #list) }, { list[1].key, list[#list].key })
      local count = 0
      for _, text in ipairs(engine.commands) do count = count + (text:find "^EVAL" and 1 or 0) end
      engine.commands = {}
      assert.equal(calls, count)
    end
    for i = 60, 140 do assert(stores.commit(store, { { op = "remove", kind = "message", key = ("%03d"):format(i) } })) end -- a bucket of the index is gone
    for _, newest in ipairs { true, false } do
      local seen = {}
      assert(stores.walk(store, { kind = "message", open = true, newest = newest, limit = 30 }, function(record) seen[#seen + 1] = tonumber(record.key) end))
      assert.equal(250 - 81, #seen)
      for i = 2, #seen do assert.is_true((seen[i] < seen[i - 1]) == newest) end
    end
  end))

  it("has prefixes, which keep two stores in one engine apart", with({}, function(store, _, loop)
    local other = assert(stores.open(URL .. "?prefix=other&timeout_s=1", { loop = loop }))
    assert(stores.commit(store, { message "1" }))
    assert.equal("missing", (select(3, stores.get(other, "message", "1"))))
    assert(stores.commit(other, { message "1" }))
    other:close()
  end))

  it("forgets the results of commits that are known", with({}, function(store, engine)
    for i = 1, 50 do assert(stores.commit(store, { message(tostring(i)) })) end
    local fields = 0
    for _ in pairs(engine.data["smpp:{gw}:run:" .. store.run].fields) do fields = fields + 1 end
    assert.is_true(fields <= 2)
  end))

  for seed = 1, 8 do
    it(("makes each commit once, in order, however connections end; seed %d"):format(seed), function()
      local random = util.random(seed)
      local function fate(words)
        if words[1] == "SCRIPT" then return nil end
        local n = random(25)
        return n == 1 and "lost" or n == 2 and "unanswered" or nil
      end
      with({ fate = fate, timeout_s = 60 }, function(store, engine, loop)
        local expected, asked, ended, last = {}, 0, 0, 0
        smpp.spawn(function()
          for _ = 1, 10 do
            smpp.sleep(random(20) / 20)
            engine.drop()
          end
        end)
        for i = 1, 120 do
          local key = tostring(random(12))
          local op = random(3)
          local change
          if op == 1 then
            change = message(key)
          elseif op == 2 then
            change = { op = "change", kind = "message", key = key, set = { count = i } }
          else
            change = { op = "remove", kind = "message", key = key }
          end
          local has = expected[key] ~= nil
          local wanted = op == 1 and has and "duplicate" or op ~= 1 and not has and "conflict" or true
          if wanted == true then expected[key] = op == 1 and 0 or op == 2 and i or nil end
          asked = asked + 1
          local number = asked
          store:commit({ change }, function(ok, _, code)
            ended = ended + 1
            assert(last == number - 1, "out of order")
            last = number
            assert((ok or code) == wanted, ("%d: %s, expected %s"):format(number, tostring(ok or code), tostring(wanted)))
          end)
          if random(4) == 1 then smpp.sleep(random(10) / 50) end
        end
        local limit = loop:now() + 60
        while ended < asked and loop:now() < limit do smpp.sleep(0.5) end
        assert.equal(asked, ended)
        local records = {}
        assert(stores.walk(store, { kind = "message" }, function(record) records[record.key] = record.count or 0 end))
        assert.same(expected, records)
      end)()
    end)
  end
end)
