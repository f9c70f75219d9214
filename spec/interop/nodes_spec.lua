-- smpp.nodes beside a real engine, Valkey; spec/slow/nodes_process_spec.lua has them beside Redis.
local nodes = require "smpp.nodes"
local peers = require "spec.support.peers"
local real = require "spec.support.real_engines"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local status = require "smpp.nodes.status"
local valkey = require "smpp.valkey"

local folder, remove

local function engine(port, ...) return real.start(real.VALKEY, { port = port, folder = folder }, ...) end

--- A node with leases of a carrier; `open`: slot -> lease.
local function start(url, name, o)
  local one = { open = {}, told = {}, client = peers.closes(assert(valkey.connect { url, wait = true, reconnect = { min_s = 0.05, max_s = 0.2 } })) }
  one.nodes = peers.closes(nodes.open(one.client, { name = name, lease_s = 2, process = o and o.process or "" }))
  for _, event in ipairs { "life", "died", "joined", "left", "dead", "failover" } do
    one.nodes:on(event, function(...) one.told[#one.told + 1] = event .. " " .. tostring((...)) end)
  end
  one.leases = one.nodes:leases("a", {
    binds = 4,
    taken = function(lease)
      one.open[lease.slot] = lease
      lease:bound()
    end,
    lost = function(lease) one.open[lease.slot] = nil end,
    give_back = function(lease)
      one.open[lease.slot] = nil
      lease:done()
    end,
  })
  return one
end

local function count(one)
  local n = 0
  for _ in pairs(one.open) do n = n + 1 end
  return n
end

--- Waits until the nodes have so many.
local function wait_for(list, each)
  peers.wait("the leases", function()
    for i, one in ipairs(list) do
      if count(one) ~= each[i] then return false end
    end
    return true
  end)
end

--- How this Lua runs the command, from the checkout.
local function command(arguments)
  local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
  return ("LUA_PATH=%s LUA_CPATH=%s LUA=%s %s bin/smpp %s"):format(shell.quote(package.path), shell.quote(package.cpath), lua, lua, arguments)
end

describe("nodes on Valkey", function()
  setup(function()
    real.need(real.VALKEY)
    folder, remove = shell.folder()
  end)

  teardown(function() remove() end)

  it("share leases, and take over those of the dead", function()
    peers.run(function()
      local port = peers.free_ports(1)
      engine(port)
      local url = ("valkey://127.0.0.1:%d"):format(port)
      local a = start(url, "a")
      wait_for({ a }, { 4 })
      local b = start(url, "b")
      wait_for({ a, b }, { 2, 2 })
      local read = assert(status.read(b.client, "smpp:{gw}:"))
      assert.same({ "a", 2, "live", "b", 2, "live" },
        { read.nodes[1].node, read.nodes[1].binds, read.nodes[1].state, read.nodes[2].node, read.nodes[2].binds, read.nodes[2].state })
      assert.is_true(status.is_well(read))
      a.nodes:close() -- without a word
      a.client:close()
      a.open = {}
      local began = b.nodes.loop:now()
      wait_for({ b }, { 4 })
      local took_s = b.nodes.loop:now() - began
      assert.is_true(took_s > 1.5 and took_s < 10, took_s)
      local c = start(url, "c")
      wait_for({ b, c }, { 2, 2 })
      local left
      b.nodes:drain(function() b.nodes:leave(function() left = true end) end)
      wait_for({ c }, { 4 })
      peers.wait("the end of b", function() return left end)
    end)
  end)

  it("keep their leases where the engine is full", function()
    peers.run(function()
      local port = peers.free_ports(1)
      engine(port)
      local url = ("valkey://127.0.0.1:%d"):format(port)
      local a = start(url, "a")
      wait_for({ a }, { 4 })
      local own = peers.closes(assert(valkey.connect(url)))
      assert(own:call("CONFIG", "SET", "maxmemory", "1000000"))
      local fences = a.nodes.fence
      smpp.sleep(2) -- leases end without a renewal in 1.4 s
      assert.equal("OOM", (select(3, own:call("SET", "x", "y"))))
      assert.equal(4, count(a))
      assert.equal(fences, a.nodes.fence)
      local b = start(url, "b")
      wait_for({ a, b }, { 2, 2 })
      local found = {}
      for _, one in ipairs(assert(nodes.check(own, {}))) do found[one.word] = one.severity end
      assert.same({ appendonly = "warning" }, found)
      assert(own:call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"))
      assert.equal("maxmemory-policy", nodes.check(own, {})[1].word)
    end)
  end)

  it("count binds and rates over all", function()
    peers.run(function()
      local port = peers.free_ports(1)
      engine(port)
      local url = ("valkey://127.0.0.1:%d"):format(port)
      local a, b = start(url, "a"), start(url, "b")
      wait_for({ a, b }, { 2, 2 })
      local answers = {}
      for i, one in ipairs { a, b } do one.nodes:count_binds("acme", 1, 1, function(ok) answers[i] = ok end) end
      peers.wait("the answers", function() return answers[1] ~= nil and answers[2] ~= nil end)
      assert.is_true(answers[1] ~= answers[2])
      local taken, running = 0, true
      for _, one in ipairs { a, b } do
        local grants = peers.closes(one.nodes:grants("carrier:a", 500, "carrier a: rate_per_s"))
        local function go()
          while running and grants:take() do taken = taken + 1 end
          if running then grants:wait(go) end
        end
        go()
      end
      smpp.sleep(1)
      running = false
      assert.is_true(taken > 250 and taken <= 500 * 1.2 + 50 + 50, taken) -- the engine's clock goes on while this process waits
    end)
  end)

  it("go on at the replica that takes the engine's place, and take nothing from it at first", function()
    peers.run(function()
      local p, q = peers.free_ports(2)
      local first = engine(p)
      engine(q, "--replicaof", "127.0.0.1", tostring(p))
      local url = ("valkey://127.0.0.1:%d,127.0.0.1:%d"):format(p, q)
      local a, b = start(url, "a"), start(url, "b")
      wait_for({ a, b }, { 2, 2 })
      local other = peers.closes(assert(valkey.connect(("valkey://127.0.0.1:%d"):format(q))))
      peers.wait("the replica", function() return a.client:call("WAIT", 1, 500) == 1 end)
      first:stop()
      assert(other:call("REPLICAOF", "NO", "ONE"))
      peers.wait("the failover", function()
        for _, one in ipairs { a, b } do
          if not table.concat(one.told, ","):find("failover 127.0.0.1:" .. p, 1, true) then return false end
        end
        return true
      end)
      assert.is_true(a.nodes.engine:is_frozen(a.nodes.loop:now()) or b.nodes.engine:is_frozen(b.nodes.loop:now()))
      wait_for({ a, b }, { 2, 2 })
      peers.wait("the end of the freeze", function()
        for _, one in ipairs { a, b } do
          if one.nodes.engine:is_frozen(one.nodes.loop:now()) then return false end
        end
        return true
      end)
      smpp.sleep(0.5) -- a beat and a renewal
      wait_for({ a, b }, { 2, 2 })
      for slot in pairs(a.open) do assert.is_nil(b.open[slot]) end
    end)
  end)

  it("keep a gateway from running on an engine that drops what it likes: exit 3", function()
    peers.run(function()
      local port, own = peers.free_ports(2)
      engine(port, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
      shell.write(folder .. "/gateway.lua", ([[
        store { "valkey://127.0.0.1:%d" }
        listen { port = %d, accounts = { acme = "secret" } }
        carrier "a" { "smpp://me:x@127.0.0.1:1" }
        route { via = "a" }
      ]]):format(port, own))
      local output, code = shell.run("timeout 30 env " .. command("gateway " .. folder .. "/gateway.lua"))
      assert.equal(3, code)
      assert.matches("gateway.lua: maxmemory%-policy .*noeviction", output)
    end)
  end)
end)
