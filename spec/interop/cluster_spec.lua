-- Clusters of Valkey and Redis: the client, with TLS, and two nodes of a gateway as processes, while the slot of their keys has another owner.
local conformance = require "smpp.store.conformance"
local loops = require "smpp.loop"
local nodes = require "smpp.nodes"
local peers = require "spec.support.peers"
local pki = require "spec.support.pki"
local process = require "spec.support.gateway_process"
local real = require "spec.support.real_engines"
local shell = require "spec.support.shell"
local slots = require "smpp.valkey.slots"
local smpp = require "smpp"
local stores = require "smpp.store"
local valkey = require "smpp.valkey"

local LIMIT_S = 60 -- for one step, on a busy machine
local SLOT = slots.of "gw"

local Cluster = {}
local mt = { __index = Cluster }

--- How this Lua runs the command, from the checkout.
local function command(arguments)
  local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
  return ("LUA_PATH=%s LUA_CPATH=%s LUA=%s %s bin/smpp %s"):format(shell.quote(package.path), shell.quote(package.cpath), lua, lua, arguments)
end

--- Options of a client of these hosts, by their numbers.
function Cluster:options(numbers, o)
  local all = { hosts = {}, tls = self.tls and { ca = self.tls.ca, cert = self.tls.cert, key = self.tls.key } or nil, reconnect = { max_s = 0.2 } }
  for k, i in ipairs(numbers) do all.hosts[k] = { host = self.host, port = self.ports[i] } end
  for name, value in pairs(o or {}) do all[name] = value end
  return all
end

--- Starts the process of a node; the first time on other ports where its own are taken by now.
function Cluster:start(i)
  local one
  local function dead() return one.exited and not self.processes[i] end
  repeat
    one = peers.start("node " .. i, real.command(self.program, { port = self.ports[i], folder = self.folders[i], keeps = true, tls = self.tls },
      "--cluster-enabled", "yes", "--cluster-port", tostring(self.ports[i + self.count]), "--cluster-node-timeout", "15000",
      "--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", self.tls and "hostname" or "ip"))
    peers.wait("node " .. i, function()
      local client = valkey.connect(self:options { i })
      local is_own = client and (client:call("CONFIG", "GET", "dir") or {}).dir == self.folders[i]
      if client and not is_own then client:close() end
      self.clients[i] = is_own and client or nil
      return is_own or dead()
    end, LIMIT_S)
    if dead() then self.ports[i], self.ports[i + self.count] = peers.lasting_ports(2) end
  until self.clients[i]
  self.processes[i] = one
end

--- kill -9; its replica takes its place when the traffic has seen that, by an order: when it does so by itself is the engine's business.
function Cluster:fail_over(i, replica)
  self.clients[i]:close()
  self.clients[i] = nil
  self.processes[i]:stop()
  smpp.sleep(0.2)
  self:ask(replica, "CLUSTER", "FAILOVER", "TAKEOVER")
end

function Cluster:ask(i, ...)
  local reply, message = self.clients[i]:call(...)
  if reply == nil then error(("node %d: %s"):format(i, message), 2) end
  return reply
end

--- The number of the node that has a slot, as node i sees it.
function Cluster:owner(i)
  local place = slots.places(self:ask(i, "CLUSTER", "SLOTS"), SLOT, "")
  for n = 1, self.count do
    if place and place.host == self.host and place.port == self.ports[n] then return n end
  end
end

--- Waits until all nodes say so.
function Cluster:agrees(owner)
  peers.wait(("node %d to be the owner everywhere"):format(owner), function()
    for i in pairs(self.clients) do
      if self:owner(i) ~= owner or not self:ask(i, "CLUSTER", "INFO"):find("cluster_state:ok", 1, true) then return false end
    end
    return true
  end, LIMIT_S)
end

--- Waits until a primary has a replica.
function Cluster:has_replica(i)
  peers.wait("the replica of " .. i, function() return self:ask(i, "INFO", "replication"):find("state=online", 1, true) end, LIMIT_S)
end

--- Begins to move the slot.
function Cluster:begin(from, to)
  self:ask(to, "CLUSTER", "SETSLOT", SLOT, "IMPORTING", self:ask(from, "CLUSTER", "MYID"))
  self:ask(from, "CLUSTER", "SETSLOT", SLOT, "MIGRATING", self:ask(to, "CLUSTER", "MYID"))
end

--- Moves its keys, and ends it, as redis-cli --cluster reshard does.
---@return integer count  of keys
function Cluster:finish(from, to)
  local count = 0
  while true do
    local keys = self:ask(from, "CLUSTER", "GETKEYSINSLOT", SLOT, 100)
    if #keys == 0 then break end
    local words = { "MIGRATE", "127.0.0.1", self.ports[to], "", 0, 5000, "KEYS" }
    for _, key in ipairs(keys) do words[#words + 1] = key end
    self:ask(from, (table.unpack or unpack)(words)) -- luacheck: compat
    count = count + #keys
  end
  local id = self:ask(to, "CLUSTER", "MYID")
  for _, i in ipairs { to, from } do self:ask(i, "CLUSTER", "SETSLOT", SLOT, "NODE", id) end
  return count
end

--- Runs fn(cluster) beside a cluster of three primaries and so many replicas: node 4 is one of node 2, node 5 of node 3.
---@param program string
---@param replicas integer
---@param tls { cert: string, key: string, ca: string }?
---@param fn fun(cluster: table)
local function with(program, replicas, tls, fn)
  local root, remove = shell.folder()
  local count = 3 + replicas
  local self = setmetatable({
    program = program, tls = tls, host = tls and "localhost" or "127.0.0.1",
    count = count, ports = { peers.lasting_ports(2 * count) }, folders = {}, processes = {}, clients = {},
  }, mt)
  for i = 1, count do
    self.folders[i] = root .. "/" .. i
    shell.must("mkdir " .. self.folders[i])
    self:start(i)
    self:ask(i, "CLUSTER", "SET-CONFIG-EPOCH", i)
    if i <= 3 then self:ask(i, "CLUSTER", "ADDSLOTSRANGE", math.floor((i - 1) * 16384 / 3), math.floor(i * 16384 / 3) - 1) end
    if i > 1 then self:ask(i, "CLUSTER", "MEET", "127.0.0.1", self.ports[1], self.ports[1 + count]) end
  end
  for i = 4, count do
    local id = self:ask(i - 2, "CLUSTER", "MYID")
    peers.wait("the meeting", function() return self.clients[i]:call("CLUSTER", "REPLICATE", id) == "OK" end, LIMIT_S)
    self:has_replica(i - 2)
  end
  self:agrees(2)
  fn(self)
  for _, client in pairs(self.clients) do client:close() end
  for _, one in pairs(self.processes) do one:stop() end
  remove()
end

describe("a cluster", function()
  setup(function() real.need(real.REDIS, real.VALKEY) end)

  it("is followed by the client, with TLS: from any node, by MOVED and ASK, where the owner dies, and by scripts when a whole slot has moved", function()
    if not pcall(require, "smpp.openssl") then pending "smpp.openssl is not built: OpenSSL's headers are missing" end
    local files = pki.new()
    local ca = files:issue { cn = "CA", ca = true }
    local one = files:issue { cn = "node", names = "DNS:localhost", issuer = ca } -- for a name that the nodes announce, and not for their address
    local tls = { cert = one.cert, key = one.key, ca = ca.cert }
    peers.run(function() with(real.VALKEY, 1, tls, function(cluster)
      local url = ("valkeys+cluster://localhost:%d,localhost:%d?ca=%s"):format(cluster.ports[1], cluster.ports[3], tls.ca)
      local own = ("&cert=%s&key=%s"):format(tls.cert, tls.key)
      local client = peers.closes(assert(valkey.connect { url .. own, tag = "gw", timeout_s = 20, reconnect = { max_s = 0.2 } }))
      local script = valkey.script "return (redis.call('GET', KEYS[1] .. 'a') or '-') .. (redis.call('GET', KEYS[1] .. 'b') or '-')"
      local function address(i) return "localhost:" .. cluster.ports[i] end
      assert.equal(address(2), client.address)
      assert.same({ "OK", "OK" }, (client:transaction { { "SET", "{gw}a", 1 }, { "SET", "{gw}b", 2 } }))
      assert.equal("12", (client:eval(script, { "{gw}" })))
      assert.equal("MOVED", (select(3, client:call("GET", "foo")))) -- slot 12182, of node 3
      local _, message = cluster.clients[1]:call("GET", "{gw}a")
      assert.truthy(message:find("a cluster: expected a URL like valkey+cluster://host", 1, true), message)
      assert.same({ "error", "cluster" }, { nodes.check(cluster.clients[1], {})[1].severity, nodes.check(cluster.clients[1], {})[1].word })
      for _, problem in ipairs(nodes.check(client, {})) do assert.equal("warning", problem.severity) end
      for _, wrong in ipairs { url, (url:gsub("localhost", "127.0.0.1")) .. own } do -- without its own certificate; by a name that a node's is not for
        local refused, _, code = valkey.connect { wrong, tag = "gw" }
        assert.is_nil(refused)
        assert.truthy(code == "tls" or code == "connection_lost", code)
      end
      local heard = 0
      client:subscribe("news", function() heard = heard + 1 end)

      cluster:begin(2, 3)
      cluster:ask(2, "MIGRATE", "127.0.0.1", cluster.ports[3], "{gw}a", 0, 1000)
      assert.same({ "1", "2", false }, client:pipeline { { "GET", "{gw}a" }, { "GET", "{gw}b" }, { "GET", "{gw}c" } })
      local got
      smpp.spawn(function() got = client:eval(script, { "{gw}" }) end)
      smpp.sleep(0.3)
      assert.is_nil(got)
      assert.equal(1, cluster:finish(2, 3))
      peers.wait("the script", function() return got end)
      assert.equal("12", got)
      assert.equal(address(3), client.address)
      cluster:agrees(3)

      cluster:begin(3, 2)
      cluster:finish(3, 2)
      assert.same({ "1", "2" }, (client:transaction { { "GET", "{gw}a" }, { "GET", "{gw}b" } }))
      assert.equal(address(2), client.address)
      peers.wait("the replica", function() return cluster:ask(2, "WAIT", 1, 100) == 1 end)
      cluster:fail_over(2, 4) -- none of the URL's hosts has told the client of node 4
      local value, _, code = client:call("GET", "{gw}a") -- it waits, where it was not sent before the end was seen
      assert.truthy(value == "1" or code == "connection_lost", code)
      assert.equal("12", (client:eval(script, { "{gw}" })))
      assert.equal(address(4), client.address)
      peers.wait("a message of another node", function()
        cluster:ask(1, "PUBLISH", "news", "x")
        return heard > 0
      end)
    end) end, 180)
    files.remove()
  end)

  it("carries stores as any other engine, and a gateway of two nodes: nothing that was answered is lost by failovers and by moving the slot", function()
    peers.run(function() with(real.REDIS, 2, nil, function(cluster)
      local url = ("valkey+cluster://127.0.0.1:%d,127.0.0.1:%d"):format(cluster.ports[1], cluster.ports[3])
      for i, case in ipairs(conformance.cases) do
        local opened = {}
        local function open(o)
          opened[#opened + 1] = assert(stores.open(("%s?prefix=%d"):format(url, i), { limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final }))
          return opened[#opened]
        end
        case.run { within = function(fn) fn() end, open = open, reopen = function() return open {} end }
        for _, store in ipairs(opened) do store:close() end
      end
      process.run(loops.current(), { url = url, nodes = 2, options = ', durable = "replica", wait_ms = 500' }, function(w)
        w:start(1)
        w:start(2)
        w:send(20)
        w:wait(50)
        cluster:fail_over(2, 4)
        cluster:agrees(4)
        cluster:start(2) -- a replica of its own replica, now
        cluster:has_replica(4)
        w:wait(50)
        cluster:begin(4, 3)
        cluster:finish(4, 3)
        cluster:agrees(3)
        w:wait(50)
        cluster:ask(5, "CLUSTER", "FAILOVER")
        cluster:agrees(5)
        w:wait(50)
        local output = shell.run(command(("nodes '%s' --json"):format(url)))
        assert.truthy(output:find(('"address":"127.0.0.1:%d"'):format(cluster.ports[5]), 1, true), output)
        local doubles = w:check()
        assert.is_true(doubles < w.answers / 2, ("%d were answered, %d sent twice"):format(w.answers, doubles))
      end)
    end) end, 300)
  end)
end)
