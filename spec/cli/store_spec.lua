local async = require "spec.support.async"
local cli = require "spec.support.cli"
local stores = require "smpp.store"

local has = cli.has

if not pcall(require, "smpp.sqlite") then return end

--- A store with some messages; calls fn(path).
local function with_store(fn)
  return async.virtual(function(loop)
    local path = os.tmpname()
    os.remove(path)
    local store = assert(stores.open("sqlite:" .. path, { loop = loop }))
    local function add(key, o)
      local record = { key = key, id = key, state = "ENROUTE", system_id = "acme", source_addr = "Shop", destination_addr = "49" .. key, submitted = 1700000000, expires = 1700172800 }
      for name, value in pairs(o or {}) do record[name] = value end
      assert(stores.commit(store, { { op = "add", kind = "message", record = record } }))
    end
    add "1"
    add("2", { carrier = "telco_a", carrier_id = "x-7", sent = 1700000001, maybe_twice = true })
    add("3", { state = "DELIVERED", done = 1700000009, system_id = "bank", carrier = "telco_a", carrier_id = "x-8", sent = 1700000002 })
    add("4", { state = "REJECTED", done = 1700000005, error = "011" })
    add("5", { state = "SCHEDULED", schedule = 1700003600 })
    assert(stores.commit(store, { { op = "add", kind = "outbound", record = { key = "r", system_id = "acme", octets = "" } } }))
    fn(path, store)
    store:close()
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)
end

local function run(...) return cli.run({ "store", ... }, { run = cli.inside }) end

describe("smpp store", function()
  it("counts what waits, while another has it open", with_store(function(path)
    local code, out = run(path)
    assert.equal(0, code)
    assert.equal("5 messages, 3 waiting; 1 receipts and messages for customers\n       1  DELIVERED\n       2  ENROUTE\n       1  REJECTED\n       1  SCHEDULED\n"
      .. "       3  waiting, account acme\n       1  waiting, carrier telco_a\n", out)
    local object = cli.objects(select(2, run(path, "--json")))[1]
    assert.same({ 5, 3, 1, 2, 3, 1 }, { object.messages, object.waiting, object.outbound, object.state.ENROUTE, object.account.acme, object.carrier.telco_a })
  end))

  it("finds a message that was cut by the ids of its parts, and says which part another was joined with", with_store(function(path, store)
    for _, record in ipairs {
      { key = "6", carrier = "telco_a", carrier_id = "p-1", part_ids = { "p-1", "p-2" }, sent = 1700000001 }, { key = "7", joined = "6" },
    } do
      record.id, record.state, record.system_id, record.submitted, record.expires = record.key, "ENROUTE", "acme", 1700000000, 1700172800
      assert(stores.commit(store, { { op = "add", kind = "message", record = record } }))
    end
    has(select(2, run(path, "--id", "p-2")), "taken by telco_a as p-1, p-2")
    assert.same({ "p-1", "p-2" }, cli.objects(select(2, run(path, "--id", "6", "--json")))[1].part_ids)
    has(select(2, run(path, "--id", "7")), "sent with its first part, 6")
  end))

  it("finds a message by its id, the carrier's id, or a number, and shows its life", with_store(function(path)
    local code, out = run(path, "--id", "x-7")
    assert.equal(0, code)
    assert.equal("2  ENROUTE  Shop > 492  maybe twice\n   2023-11-14 22:13:20  accepted from acme\n   2023-11-14 22:13:21  taken by telco_a as x-7\n"
      .. "   2023-11-16 22:13:20  expires\n", out)
    has(select(2, run(path, "--id", "3")), "2023-11-14 22:13:29  DELIVERED")
    has(select(2, run(path, "--number", "+49 4")), "REJECTED err 011")
    has(select(2, run(path, "--id", "5")), "2023-11-14 23:13:20  scheduled")
    local list = cli.objects(select(2, run(path, "--number", "Shop", "--json", "--limit", "2")))
    assert.same({ "5", "4" }, { list[1].id, list[2].id })
    assert.is_nil(list[3])
    assert.equal(2, #cli.objects(select(2, run(path, "--carrier", "telco_a", "--json"))))
    assert.equal(1, #cli.objects(select(2, run(path, "--account", "acme", "--state", "rejected", "--json"))))
    assert.equal(3, #cli.objects(select(2, run(path, "--waiting", "--json"))))
    local missing, _, err = run(path, "--id", "9")
    assert.equal(1, missing)
    has(err, "no such message")
  end))

  it("deletes final messages by state and age, and no others", with_store(function(path, store)
    assert.equal(2, (run(path, "--delete")))
    has(select(2, run(path, "--delete", "--state", "DELIVERED", "--older", "60")), "1 messages deleted")
    assert.equal("missing", select(3, stores.get(store, "message", "3")))
    has(select(2, run(path, "--delete", "--state", "ENROUTE")), "0 messages deleted")
    has(select(2, run(path, "--delete", "--older", "1")), "1 messages deleted")
    assert.truthy(stores.get(store, "message", "1"))
  end))

  it("opens no file that is not there, and says what is none", with_store(function()
    local code, _, err = run "/nonexistent/x.db"
    assert.equal(2, code)
    has(err, "cannot open /nonexistent/x.db")
    local path = cli.file(("text "):rep(500))
    assert.equal(2, (run(path)))
    os.remove(path)
    for word, expected in pairs {
      ["sqlit:x.db"] = "unknown store 'sqlit'; did you mean 'sqlite'?", ["sqlite:"] = "cannot open : No such file or directory",
      ["valkey://"] = "invalid host '': expected host[:port], IPv6 as [addr]:port", ["valkey://a?lease_s=x"] = "lease_s: expected",
    } do
      code, _, err = run(word)
      assert.equal(2, code)
      has(err, "smpp: " .. expected)
    end
  end))

  it("ends with 3 where an engine is away", with_store(function()
    local code, out, err = run "valkey://127.0.0.1:9?prefix=eu"
    assert.same({ 3, "" }, { code, out })
    has(err, "cannot connect to 127.0.0.1:9")
  end))
end)
