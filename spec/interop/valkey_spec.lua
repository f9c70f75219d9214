-- smpp.valkey beside real engines: Redis and Valkey.
local conformance = require "smpp.store.conformance"
local peers = require "spec.support.peers"
local programs = require "spec.support.program"
local real = require "spec.support.real_engines"
local resp = require "smpp.valkey.resp"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local stores = require "smpp.store"
local valkey = require "smpp.valkey"

local REDIS, VALKEY = real.REDIS, real.VALKEY

local folder, remove -- of engines that keep nothing: a replica writes a copy of its primary

--- Starts an engine that keeps nothing.
local function engine(program, port, ...) return real.start(program, { port = port, folder = folder, password = "secret" }, ...) end

--- A client of the engine at a port, which is closed with the spec.
local function connect(port, o)
  local all = { ("valkey://:secret@127.0.0.1:%d"):format(port) }
  for name, value in pairs(o or {}) do all[name] = value end
  return peers.closes(assert(valkey.connect(all)))
end

--- Runs fn beside an engine that keeps what it answered; kill(): three times kill -9, and another start.
---@param program string
---@param fn fun(port: integer, kill: fun())
local function durable(program, fn)
  peers.run(function()
    local data, remove_data = shell.folder()
    local port = peers.lasting_ports(1)
    local function start() return real.start(program, { port = port, folder = data, password = "secret", keeps = true }) end
    local process = start()
    fn(port, function()
      for _ = 1, 3 do
        smpp.sleep(0.1)
        process:stop()
        process = start()
      end
      smpp.sleep(0.1)
    end)
    remove_data()
  end)
end

--- Runs fn(port) beside each of both.
local function beside_each(fn)
  for _, program in ipairs { REDIS, VALKEY } do
    peers.run(function()
      local port = peers.free_ports(1)
      engine(program, port)
      fn(port)
    end)
  end
end

local function addition(key, value) return { op = "add", kind = "value", record = { key = key, value = value } } end

describe("Redis and Valkey", function()
  setup(function()
    real.need(REDIS, VALKEY)
    folder, remove = shell.folder()
  end)

  teardown(function() remove() end)

  it("takes what the client sends, in RESP 2 and 3", function()
    beside_each(function(port)
      for protocol = 2, 3 do
        local client = peers.closes(assert(valkey.connect { ("valkey://default:secret@127.0.0.1:%d/%d"):format(port, protocol), protocol = protocol }))
        local odd = "\0\r\n\255"
        assert.same({ "OK" }, { client:call("SET", odd, odd) })
        assert.equal(odd, (client:call("GET", odd)))
        assert.is_false((client:call("GET", "nothing")))
        assert.equal("9223372036854775807", tostring((client:call("SET", "n", "9223372036854775807") and client:call("INCRBY", "n", 0))))
        assert.equal("WRONGTYPE", (select(3, client:call("LPUSH", "n", 1))))
        assert.same({ "a", "b" }, (client:call("RPUSH", "l", "a", "b") and client:call("LRANGE", "l", 0, -1)))
        assert.same({ 1, false, { "x" } }, (client:call("EVAL", "return {1,false,{'x'}}", 0)))
        local pair = client:call("HSET", "h", "k", "v") and client:call("HGETALL", "h")
        assert.equal("v", protocol == 3 and pair.k or pair[2])
        assert.same({ 1, 2 }, (client:transaction { { "INCR", "t" }, { "INCR", "t" } }))
        assert.equal("EXECABORT", (select(3, client:transaction { { "INCR", "t" }, { "NOPE" } })))
        local script = valkey.script "return { KEYS[1], ARGV[1] }"
        for i = 1, 3 do assert.same({ "k", tostring(i) }, (client:eval(script, { "k" }, { i }))) end
        client:call("SCRIPT", "FLUSH")
        assert.same({ "k", "x" }, (client:eval(script, { "k" }, { "x" })))
        local names, left = client:call("CLIENT", "LIST"), 500
        assert.is_truthy(names:find("name=smpp", 1, true))
        for i = 1, 500 do
          client:call("ECHO", i, function(value)
            assert.equal(tostring(i), value)
            left = left - 1
          end)
        end
        peers.wait("500 replies", function() return left == 0 end)
        client:call "FLUSHDB"
      end
      local client, message, code = valkey.connect(("valkey://wrong@127.0.0.1:%d"):format(port))
      assert.same({ nil, "WRONGPASS" }, { client, code })
      assert.is_truthy(message:find("^127.0.0.1:%d+: WRONGPASS"))
    end)
  end)

  it("runs the programs of docs/valkey.md", function()
    local page = assert(io.open "docs/valkey.md")
    local text, printed = page:read "*a", {}
    page:close()
    peers.run(function()
      local port = peers.free_ports(1)
      engine(VALKEY, port)
      for block in text:gmatch "valkey_spec.lua %-%->\n```lua\n(.-)\n```" do
        local wanted = {}
        for line in block:gmatch "%-%->([^\n]*)" do wanted[#wanted + 1] = line:gsub("…", ""):gsub("%s+", " ") end
        local lines = {}
        local env = setmetatable({
          print = function(...) lines[#lines + 1] = table.concat({ tostring((...)), select(2, ...) }, " ") end,
          require = function(name) -- the program's smpp.run is this task
            if name ~= "smpp" then return require(name) end
            return setmetatable({ run = function(fn) fn() end }, { __index = smpp })
          end,
        }, { __index = _G })
        local chunk = assert(programs.load(block:gsub("localhost:6379", "127.0.0.1:" .. port), "docs/valkey.md", env))
        chunk()
        assert.equal(#wanted, #lines)
        for i, line in ipairs(lines) do
          for word in wanted[i]:gmatch "%S+" do assert.is_truthy(line:find(word, 1, true), ("%s: %s"):format(line, word)) end
        end
        printed[#printed + 1] = #lines
      end
    end)
    assert.same({ 3, 2 }, printed)
  end)

  it("is a store: the cases of all stores", function()
    beside_each(function(port)
      for i, case in ipairs(conformance.cases) do
        local url = ("valkey://:secret@127.0.0.1:%d?prefix=%d"):format(port, i)
        local opened = {}
        local function open(o)
          opened[#opened + 1] = assert(stores.open(url, { limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final }))
          return opened[#opened]
        end
        case.run { within = function(fn) fn() end, open = open, reopen = function() return open {} end }
        for _, store in ipairs(opened) do store:close() end
      end
    end)
  end)

  it("refuses additions when it is full, and takes what finishes work", function()
    beside_each(function(port)
      local client = connect(port)
      local own = peers.closes(assert(stores.open(("valkey://:secret@127.0.0.1:%d?prefix=own"):format(port))))
      local shared = assert(stores.open("valkey", { client = client, shared = true }))
      assert(client:call("HSET", "smpp:{gw}:runs", "r1", "a"))
      shared:joined "r1"
      local function addition(key) return { op = "add", kind = "value", record = { key = key, value = ("x"):rep(1000) } } end
      for _, store in ipairs { own, shared } do -- twice: the second has a result to acknowledge
        for i = 1, 2 do assert(stores.commit(store, { addition("k" .. i) })) end
      end
      assert(client:call("CONFIG", "SET", "maxmemory", 1))
      for _, store in ipairs { own, shared } do
        assert.equal("queue_full", (select(3, stores.commit(store, { addition "k3" }))))
      end
      assert(stores.commit(shared, { { op = "change", kind = "value", key = "k1", set = { value = "y" } }, patient = true }))
      assert(client:call("CONFIG", "SET", "maxmemory", 0))
      for _, store in ipairs { own, shared } do assert(stores.commit(store, { addition "k3" })) end
    end)
  end)

  it("dies by kill -9 as a store: every commit that ended is there, and was made once", function()
    durable(VALKEY, function(port, kill)
      local store = peers.closes(assert(stores.open(("valkey://:secret@127.0.0.1:%d"):format(port), { timeout_s = 20 })))
      local asked, ended, running = 0, 0, true
      for _ = 1, 10 do
        smpp.spawn(function()
          while running do
            asked = asked + 1
            local ok, message = stores.commit(store, { { op = "add", kind = "value", record = { key = "k" .. asked, value = asked } } })
            assert(ok, message) -- "duplicate" would be a second time
            ended = ended + 1
          end
        end)
      end
      kill()
      running = false
      peers.wait("the commits", function() return ended == asked end)
      local count = 0
      assert(stores.walk(store, { kind = "value" }, function() count = count + 1 end))
      assert.is_true(count > 30)
      assert.equal(ended, count)
    end)
  end)

  it("sends messages to subscriptions, and replies between them", function()
    peers.run(function()
      local port = peers.free_ports(1)
      engine(VALKEY, port)
      local url = ("valkey://:secret@127.0.0.1:%d"):format(port)
      local one, two = peers.closes(assert(valkey.connect(url))), peers.closes(assert(valkey.connect(url)))
      local got = {}
      one:subscribe("c", function(payload) got[#got + 1] = payload end)
      assert.equal("PONG", (one:call "PING"))
      for i = 1, 5 do assert.equal(1, (two:call("PUBLISH", "c", i))) end
      assert.equal("PONG", (one:call "PING"))
      peers.wait("5 messages", function() return got[5] end)
      one:unsubscribe "c"
      assert.equal("PONG", (one:call "PING"))
      assert.equal(0, (two:call("PUBLISH", "c", "x")))
    end)
  end)

  it("dies by kill -9, and comes back: what was answered is there, and the client goes on", function()
    durable(REDIS, function(port, kill)
      local client = peers.closes(assert(valkey.connect { ("valkey://:secret@127.0.0.1:%d"):format(port), reconnect = { min_s = 0.05, max_s = 0.1 } }))
      local script, taken, answered, running = valkey.script "return redis.call('RPUSH', KEYS[1], ARGV[1])", 0, {}, true
      for _ = 1, 10 do
        smpp.spawn(function()
          while running do
            taken = taken + 1
            local id = tostring(taken)
            local value, _, code = client:eval(script, { "l" }, { id })
            if value then answered[#answered + 1] = id else assert(code ~= "NOSCRIPT" and code ~= "ERR", code) end
          end
        end)
      end
      kill()
      running = false
      assert.is_true(#answered > 30)
      local kept, found = {}, 0
      for _, id in ipairs((client:call("LRANGE", "l", 0, -1))) do kept[id] = true end
      for _, id in ipairs(answered) do found = found + (kept[id] and 1 or 0) end
      assert.equal(#answered, found)
    end)
  end)

  it("is promoted from a replica: the client follows", function()
    peers.run(function()
      local a, b = peers.free_ports(2)
      engine(VALKEY, a)
      engine(VALKEY, b, "--replicaof", "127.0.0.1", tostring(a))
      local client = peers.closes(assert(valkey.connect { ("valkey://:secret@127.0.0.1:%d,127.0.0.1:%d"):format(b, a), reconnect = { min_s = 0.05 } }))
      assert.equal("127.0.0.1:" .. a, client.address)
      assert(client:call("SET", "k", "v"))
      peers.wait("the replica", function() return client:call("WAIT", 1, 500) == 1 end)
      local other = peers.closes(assert(valkey.connect(("valkey://:secret@127.0.0.1:%d"):format(b))))
      assert(other:call("REPLICAOF", "NO", "ONE"))
      assert(client:call("REPLICAOF", "127.0.0.1", b))
      local _, _, code = client:call("SET", "k", "w")
      assert.equal("READONLY", code)
      peers.wait("the new primary", function() return client.address == "127.0.0.1:" .. b end)
      assert.equal("v", (client:call("GET", "k")))
    end)
  end)

  --- A store of nodes whose commits wait, on the engine at a port.
  local function waiting_store(port, o)
    local client = connect(port, { timeout_s = 20 })
    assert(client:call("HSET", "smpp:{gw}:runs", "r1", "a"))
    local lanes = { connect(port, { timeout_s = 30 }), connect(port, { timeout_s = 30 }) }
    local store = peers.closes(assert(stores.open("valkey", { client = client, shared = true, timeout_s = 20, waits = {
      clients = lanes, disk = o and o.disk, replicas = 1, wait_ms = 10000,
    } })))
    store:joined "r1"
    return store, client
  end

  --- What follows need not last ten seconds.
  local function hurry(store)
    store.waits.wait_command = assert(resp.command({ "WAIT", 1, 300 }, 3))
    store.waits.wait_s = 0.3
  end

  local function wait_for_replica(port)
    local client = connect(port)
    peers.wait("the replica", function() return client:call("WAIT", 1, 500) == 1 and client:call("INFO", "replication"):find "state=online" end)
  end

  it("has a replica, for which commits of a store wait", function()
    peers.run(function()
      local a, b = peers.free_ports(2)
      engine(REDIS, a)
      local replica = engine(REDIS, b, "--replicaof", "127.0.0.1", tostring(a))
      wait_for_replica(a)
      local store, client = waiting_store(a)
      local ended = 0
      for i = 1, 500 do store:commit({ addition("k" .. i, i) }, function(ok) ended = ended + (ok and 1 or 0) end) end
      peers.wait("500 commits", function() return ended == 500 end)
      local other = connect(b)
      assert.equal("500", (other:call("HGET", "smpp:{gw}:meta", "serial:value")))
      assert.equal(1, (other:call("EXISTS", "smpp:{gw}:value:r:k500")))
      assert.equal(7, stores.settled(store, "value", "k7").value)
      client:call("SCRIPT", "FLUSH")
      assert(stores.commit(store, { { op = "remove", kind = "value", key = "k7" } }))
      replica.handle:kill "sigstop"
      hurry(store)
      local ok, message, code = stores.commit(store, { addition("late", 1) })
      assert.same({ nil, "store_failed" }, { ok, code })
      assert.truthy(message:find "^replicas: ")
      peers.wait("its removal", function() return client:call("EXISTS", "smpp:{gw}:value:r:late") == 0 end)
      replica.handle:kill "sigcont"
    end)
  end)

  it("has what commits with WAITAOF were answered on its disk and on its replica's, after kill -9 of both", function()
    peers.run(function()
      local root, remove_root = shell.folder()
      local a, b = peers.lasting_ports(2)
      local function start(port, ...)
        shell.must(("mkdir -p %s/%d"):format(root, port))
        return real.start(VALKEY, { port = port, folder = ("%s/%d"):format(root, port), password = "secret", keeps = true }, ...)
      end
      local one = start(a)
      local two = start(b, "--replicaof", "127.0.0.1", tostring(a))
      wait_for_replica(a)
      local store, client = waiting_store(a, { disk = true })
      local other, running, answered, refused = connect(b), true, {}, 0
      for n = 1, 10 do
        smpp.spawn(function()
          for i = 1, math.huge do
            if not running then break end
            local key = ("k%d.%d"):format(n, i)
            if stores.commit(store, { addition(key, i) }) then answered[#answered + 1] = key else refused = refused + 1 end
          end
        end)
      end
      peers.wait("commits", function() return #answered >= 200 end)
      assert.equal(0, refused)
      one:stop()
      two:stop()
      running = false
      for _, port in ipairs { b, a } do -- each by itself, from its own disk
        start(port)
        local again, asked = connect(port), {}
        for i, key in ipairs(answered) do asked[i] = { "EXISTS", "smpp:{gw}:value:r:" .. key } end
        for i, found in ipairs(again:pipeline(asked)) do assert.equal(1, found, answered[i]) end
      end
      peers.wait("the clients", function() return client.state == "ready" and other.state == "ready" end)
      assert(other:call("REPLICAOF", "127.0.0.1", a))
      wait_for_replica(a)
      local function fails(key)
        local ok, message, code = stores.commit(store, { addition(key, 1) })
        assert.same({ nil, "store_failed" }, { ok, code })
        return message
      end
      assert(stores.commit(store, { addition("both", 1) }))
      assert(other:call("CONFIG", "SET", "appendonly", "no")) -- it has it in its memory, which WAIT would be content with
      hurry(store)
      assert.matches("^replicas: 0 of 1 have it", fails "none")
      assert(client:call("CONFIG", "SET", "appendonly", "no"))
      assert.matches("appendonly is disabled", fails "neither")
      remove_root()
    end)
  end)

  it("is found by sentinels, also the replica that they promote", function()
    peers.run(function()
      local a, b, s = peers.free_ports(3)
      local first = engine(VALKEY, a)
      engine(VALKEY, b, "--replicaof", "127.0.0.1", tostring(a))
      wait_for_replica(a)
      shell.write(folder .. "/sentinel.conf", ([[
        port %d
        bind 127.0.0.1
        dir %s
        requirepass of-sentinel
        sentinel monitor mymaster 127.0.0.1 %d 1
        sentinel auth-pass mymaster secret
        sentinel down-after-milliseconds mymaster 300
      ]]):format(s, folder, a))
      peers.start("sentinel", { VALKEY, folder .. "/sentinel.conf", "--sentinel" })
      local url = ("valkey+sentinel://:secret@127.0.0.1:%d?name=mymaster&sentinel_password=of-sentinel"):format(s)
      local client = peers.closes(assert(valkey.connect { url, wait = true, timeout_s = 20, reconnect = { min_s = 0.05, max_s = 0.1 } }))
      assert(client:call("SET", "k", "v"))
      assert.equal("127.0.0.1:" .. a, client.address)
      local watch = peers.closes(assert(valkey.connect(("valkey://:of-sentinel@127.0.0.1:%d"):format(s))))
      peers.wait("the sentinel's replica", function()
        local list = watch:call("SENTINEL", "REPLICAS", "mymaster")
        return list and list[1] and list[1].flags == "slave" and list[1]["master-link-status"] == "ok"
      end)
      assert.equal(1, (client:call("WAIT", 1, 5000)))
      first:stop()
      peers.wait("the new primary", function() return client.address == "127.0.0.1:" .. b end)
      assert.equal("v", (client:call("GET", "k")))
    end)
  end)
end)
