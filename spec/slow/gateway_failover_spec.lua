-- Two nodes of a gateway as processes, an engine and its replica, Debian's redis-server: the engine is killed amid traffic, and its replica takes its
-- place, again and again.  With durable = "replica" nothing is lost that was answered, also where the replica had not got the last moments.
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local process = require "spec.support.gateway_process"
local proxies = require "spec.support.proxy"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local FAILOVERS = tonumber(os.getenv "NODE_FAILOVERS") or 2
local LIMIT_S = 60 -- for one step, on a busy machine

--- Calls fn(client) with a client of an engine, as soon as there is one.
local function with_client(port, fn)
  local client
  peers.wait("the engine", function()
    client = valkey.connect(("valkey://127.0.0.1:%d"):format(port))
    return client
  end, LIMIT_S)
  local result = fn(client)
  client:close()
  return result
end

local Pair = {}
local mt = { __index = Pair }

--- Starts an engine; of the other one, through a proxy, where `of` is given.
function Pair:start(i, of)
  local command = { "redis-server", "--port", tostring(self.ports[i]), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning",
    "--dir", self.folders[i], "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0" }
  if of then
    self.proxy = proxies.open(loops.current(), self.ports[of], function() end)
    for _, word in ipairs { "--replicaof", "127.0.0.1", tostring(self.proxy.port) } do command[#command + 1] = word end
  end
  self.processes[i] = peers.start("redis-server " .. i, command)
  with_client(self.ports[of or i], function(client)
    if of then peers.wait("the replica", function() return client:call("INFO", "replication"):find "state=online" end, LIMIT_S) end
  end)
end

--- kill -9 of the primary; the replica takes its place, and the old one comes back as its replica.
---@param cut_s number?  so long before, the replica gets nothing more
function Pair:failover(cut_s)
  local old = self.primary
  local new = 3 - old
  if cut_s then
    self.proxy.is_cut = true
    smpp.sleep(cut_s)
  end
  self.processes[old]:stop()
  self.proxy:close()
  with_client(self.ports[new], function(client) assert(client:call("REPLICAOF", "NO", "ONE")) end)
  self.primary = new
  self:start(old, new)
end

--- Runs fn(world, pair) beside two nodes.
local function with(options, fn)
  local root, remove = shell.folder()
  local pair = setmetatable({ ports = { peers.free_ports(2) }, folders = { root .. "/1", root .. "/2" }, processes = {}, primary = 1 }, mt)
  for _, folder in ipairs(pair.folders) do shell.must("mkdir " .. folder) end
  pair:start(1)
  pair:start(2, 1)
  local url = ("valkey://127.0.0.1:%d,127.0.0.1:%d"):format(pair.ports[1], pair.ports[2])
  process.run(loops.current(), { url = url, nodes = 2, options = options }, function(w)
    w:start(1)
    w:start(2)
    fn(w, pair)
  end)
  pair.proxy:close()
  for _, one in ipairs(pair.processes) do one:stop() end
  remove()
end

describe("two nodes, an engine and its replica", function()
  setup(function() shell.need "redis-server" end)

  it(("lose nothing that they answered with durable = \"replica\", failed over %d times"):format(FAILOVERS), function()
    peers.run(function() with(', durable = "replica", wait_ms = 500', function(w, pair)
      w:send(20)
      w:wait(50)
      for i = 1, FAILOVERS do
        smpp.sleep(i % 5 * 0.03)
        pair:failover(i % 2 == 0 and 0.3 or nil)
        w:wait(50)
      end
      local doubles = w:check()
      assert.is_true(doubles < w.answers / 2, ("%d were answered, %d sent twice"):format(w.answers, doubles))
    end) end, 180 + FAILOVERS * 60)
  end)
end)
