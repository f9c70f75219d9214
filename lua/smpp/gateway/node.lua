--- A gateway that is one of several on one engine: its life as a node decides what it may work on, and what of others it takes over.
local common = require "smpp.gateway.common"
local node_figures = require "smpp.nodes.figures"
local nodes = require "smpp.nodes"
local options = require "smpp.nodes.options"
local records = require "smpp.gateway.records"
local registry = require("smpp.metrics").registry
local run = require "smpp.loop.run"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local valkey = require "smpp.valkey"

local node = {}

---@class smpp.GatewayNode
---@field nodes smpp.Nodes?
---@field failure string?  why it cannot be a node: a mistake
local Node = {}
local mt = { __index = Node, __name = "smpp.GatewayNode" }

local LEAVE_S = 2 -- for the last words to the engine

--- A client of the engine, which the gateway closes when its carriers have answered.
local function connect(o, loop, name, more_s)
  local client, message, code = valkey.connect {
    o.url, password_file = o.password_file, password_env = "SMPP_STORE_PASSWORD", wait = true, loop = loop, timeout_s = o.timeout_s + more_s,
    client_name = name, tag = o.prefix .. ":{gw}:",
  }
  if client then run.closed(client) end
  return client, message, code
end

--- What commits wait for, where they do.
local function waits_of(o, loop)
  if o.durable == "engine" then return nil end
  local clients = {}
  for i = 1, 2 do
    clients[i] = assert(connect(o, loop, "smpp-gateway-wait", o.wait_ms / 1000))
  end
  return { clients = clients, disk = o.durable == "disk", replicas = o.replicas, wait_ms = o.wait_ms }
end

--- The store of a gateway in an engine.
---@param o table  of the statement `store`, with `url`
---@param loop smpp.Loop
---@return smpp.Store? store
---@return string? message
---@return string? code
function node.store(o, loop)
  local client, message, code = connect(o, loop, "smpp-gateway", 0)
  if not client then return nil, message, code end
  return stores.open("valkey", { client = client, shared = true, prefix = o.prefix, timeout_s = o.timeout_s, loop = loop, waits = waits_of(o, loop) })
end

--- Joins the nodes of the engine, when the gateway listens.
---@param gateway smpp.Gateway
---@param o table  of the statement `store`
---@return smpp.GatewayNode? node
---@return string? message
function node.open(gateway, o)
  local first = gateway.servers[1]
  local name, message = options.name(o.node, first and first.port)
  if not name then return nil, message end
  local self = setmetatable({
    gateway = gateway, store = gateway.store, client = gateway.store.client, o = o, name = name,
    nodes = nil, failure = nil,
    burying = {},               -- run -> true: its work is being put back into queues
    sink = gateway.forward.sink,
  }, mt)
  gateway.ids:share(function()
    self.store.queues:numbers(function(from, to) gateway.ids:lend(from, from and to) end)
  end)
  self.nodes = nodes.open(self.client, {
    name = name, prefix = o.prefix, lease_s = o.lease_s, durable = o.durable, max_waiting_octets = o.max_waiting_octets,
    version = require("smpp")._VERSION, loop = gateway.loop,
    address = first and ("%s:%d"):format(first.host, first.port) or "", config = common.of(gateway.config),
  })
  gateway.nodes = self.nodes -- carriers' binds are its leases
  local waits = self.store.waits
  if waits then waits.on_failure = function(failure) node_figures.errors:add(1, name, failure) end end
  registry:label_all("node", name)
  if gateway.http and gateway.http.console then gateway.http.console:named(name) end
  if o.record then -- each node writes its own
    local before, ending = o.record:match "^(.*)(%.[^./]*)$"
    gateway.books.records = records.new(("%s-%s%s"):format(before or o.record, name, ending or ""))
  end
  self:listen()
  self.client:subscribe(self.store.place .. "wake", function(queue) gateway.books.waiting.parked:woken(queue) end)
  local function check() task.start(self.sink, self.check, self) end
  self.client:on("ready", check)
  self.client:on("failed", function(why, code)
    if code == "cluster" then self:fail(why) end -- it will not be another one
  end)
  if self.client.state == "ready" then check() end
  return self
end

---@private
function Node:listen()
  local gateway, list = self.gateway, self.nodes
  local function log(level, event, fields) gateway:log(level, event, fields) end
  list:on("life", function(run)
    self.store:joined(run)
    task.start(self.sink, gateway.books.joined, gateway.books)
  end)
  list:on("died", function(why)
    self.store:joined(nil)
    log("error", "node_ended", { reason = why })
    self:forget()
  end)
  list:on("orphans", function(runs)
    for _, run in ipairs(runs) do self:bury(run) end
  end)
  list:on("joined", function(name) log("info", "node_joined", { name = name }) end)
  list:on("left", function(name) log("info", "node_left", { name = name }) end)
  list:on("dead", function(name) log("warn", "node_dead", { name = name }) end)
  list:on("away", function(why) log("error", "store_away", { reason = why }) end)
  list:on("back", function(after_s) log("info", "store_back", { after_s = after_s }) end)
  list:on("failover", function(old, new)
    log("warn", "store_failover", { from = old, to = new })
    gateway.books.waiting.parked.lanes:give_up_again()
  end)
  list:on("engine", function(address, version) log("info", "store_engine", { address = address, version = version, durable = self.o.durable }) end)
  list:on("differs", function(name, differences)
    if differences[1] then log("warn", "config_differs", { name = name, reason = table.concat(differences, "; ") }) end
  end)
  list:on("lease", function(carrier, slot, what, from, fence)
    local event = "lease_" .. (what == "from" and "taken" or what)
    log(what == "lost" and "warn" or "info", event, { carrier = carrier, slot = slot, from = from, fence = fence })
  end)
  list:on("room", function(what, why)
    if what == "unsafe" then return log("error", "store_failed", { reason = why }) end
    log(what == "full" and "warn" or "info", what == "full" and "store_full" or "store_room", { reason = why })
  end)
  list:on("refused", function(why, code) self:fail(why, code) end)
  list:on("error", self.sink)
end

--- It cannot be a node: the gateway tells who runs it.
---@private
---@param why string
---@param code string?  "settings", "format": the file, or this program, does not fit the other nodes
function Node:fail(why, code)
  if self.failure then return end
  self.failure = why
  self.gateway:log("error", "node_refused", { reason = why })
  self.gateway:emit("refused", why, code)
end

--- Looks whether the engine is as it has to be.
---@async
---@private
function Node:check()
  for _, one in ipairs(nodes.check(self.client, self.o) or {}) do -- nil: it is away again, and looked at when it is back
    if one.severity == "error" then return self:fail(one.message) end
    self.gateway:log("warn", "store_warning", { reason = one.message })
  end
end

--- Puts the work of a run that is over back into queues.
---@private
function Node:bury(run)
  if self.burying[run] then return end
  self.burying[run] = true
  self.store.queues:bury(run, function(ok)
    self.burying[run] = nil
    if not ok then return end -- the next beat tells of it again
    self.nodes:settled(run)
    self.gateway.books.waiting.parked:look()
  end)
end

--- What this node had is no longer its own: others take it over.
---@private
function Node:forget()
  local gateway = self.gateway
  gateway.books:forget()
  for _, server in ipairs(gateway.servers) do
    for _, account in pairs(server.accounts) do server.outbound:forget(account) end
  end
  if gateway.http then gateway.http.webhooks:forget() end
end

--- The file was loaded again.
function Node:reloaded() self.nodes:set_configuration(common.of(self.gateway.config)) end

--- Is the engine away?
---@return boolean
function Node:is_away() return self.nodes.engine.is_away or not self.nodes.run end

--- Is there another node that lives?
---@return boolean
function Node:has_others()
  for _, one in ipairs(self.nodes:nodes()) do
    if one.state ~= "dead" and not one.is_self then return true end
  end
  return false
end

--- Waits for fn(done), but not for long.
local function within(loop, fn)
  local token, key = task.need(), {}
  local timer = loop:timer(function() task.wake_for(token, key) end, true)
  timer:start(LEAVE_S)
  fn(function() task.wake_for(token, key) end)
  task.wait(key)
  timer:close()
end

--- Leaves: what it still has is the others', at once.
---@async
function Node:close()
  within(self.gateway.loop, function(done) self.store:close_calls(done) end)
  within(self.gateway.loop, function(done) self.nodes:leave(done) end)
  if self.store.waits then self.store.waits:close() end
  self.client:close()
  registry:label_all(nil)
end

return node
