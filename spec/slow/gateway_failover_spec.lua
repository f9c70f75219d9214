-- Two nodes of a gateway as processes, an engine and its replica, Valkey: the engine is killed amid traffic, and its replica takes its place, again and
-- again.  With durable = "replica" nothing is lost that was answered, also where the replica had not got the last moments; with "disk" nor where both
-- are killed at once, and the replica goes on with what its disk has.
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local process = require "spec.support.gateway_process"
local proxies = require "spec.support.proxy"
local real = require "spec.support.real_engines"
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
  local words = {}
  if of then
    self.proxy = proxies.open(loops.current(), self.ports[of], function() end)
    words = { "--replicaof", "127.0.0.1", tostring(self.proxy.port) }
  end
  self.processes[i] = real.start(real.VALKEY, { port = self.ports[i], folder = self.folders[i], keeps = true }, (table.unpack or unpack)(words)) -- luacheck: compat
  if not of then return end
  with_client(self.ports[of], function(client)
    peers.wait("the replica", function() return client:call("INFO", "replication"):find "state=online" end, LIMIT_S)
  end)
end

--- kill -9 of the primary; the replica takes its place, and the old one comes back as its replica.
---@param cut_s number?   so long before, the replica gets nothing more
---@param is_both boolean?  it is killed, too, in the same instant, and starts again
function Pair:failover(cut_s, is_both)
  local old = self.primary
  local new = 3 - old
  if cut_s then
    self.proxy.is_cut = true
    smpp.sleep(cut_s)
  end
  if is_both then self.processes[new].handle:kill "sigkill" end
  self.processes[old]:stop()
  self.proxy:close()
  if is_both then
    self.processes[new]:stop()
    self:start(new)
  end
  with_client(self.ports[new], function(client) assert(client:call("REPLICAOF", "NO", "ONE")) end)
  self.primary = new
  self:start(old, new)
end

--- Runs fn(world, pair) beside two nodes.
local function with(options, fn)
  local root, remove = shell.folder()
  local pair = setmetatable({ ports = { peers.lasting_ports(2) }, folders = { root .. "/1", root .. "/2" }, processes = {}, primary = 1 }, mt)
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
  setup(function() real.need(real.VALKEY) end)

  for _, case in ipairs { { "replica", FAILOVERS }, { "disk", math.ceil(FAILOVERS / 2) } } do
    local durable, count = case[1], case[2]
    it(("lose nothing that they answered with durable = %q, failed over %d times"):format(durable, count), function()
      peers.run(function() with((', durable = %q, wait_ms = 500'):format(durable), function(w, pair)
        w:send(20)
        w:wait(50)
        for i = 1, count do
          smpp.sleep(i % 5 * 0.03)
          pair:failover(durable == "replica" and i % 2 == 0 and 0.3 or nil, durable == "disk")
          w:wait(50)
        end
        local doubles = w:check()
        assert.is_true(doubles < w.answers / 2, ("%d were answered, %d sent twice"):format(w.answers, doubles))
      end) end, 180 + count * 60)
    end)
  end
end)
