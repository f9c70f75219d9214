--- Several gateways on a model of an engine, each a node: customers of any of them, carriers, crashes.
local esme = require "spec.support.esme"
local gateways = require "smpp.gateway"
local log = require "smpp.base.log"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local cluster = {}

local World = setmetatable({}, { __index = support.World })
local WORLD = { __index = World }

cluster.FILE = [[
store { "valkey://127.0.0.1", node = "%s", lease_s = 2 }
listen { port = %d, accounts = { acme = "secret", bank = "hidden" } }
carrier "a" { "smpp://me:x@localhost:2001", reconnect = { fixed_s = 0.5 } }
carrier "b" { "smpp://me:x@localhost:2002", reconnect = { fixed_s = 0.5 } }
route { via = failover { "a", "b" } }
]]

--- Runs fn(world) beside nodes "a" and "b" of this file, with %s for the name and %d for the port; nil: cluster.FILE.
---@param text string?
---@param fn fun(world: table)
---@param o { carriers: table<integer, function|false>?, names: string[]?, fate: function?, lag_s: number?,
---  engine: (fun(loop: smpp.Loop): table)? }?  lag_s: of a replica of the engine; engine: default a model of one
function cluster.run(text, fn, o)
  o = o or {}
  esme.run(function(loop)
    local world = setmetatable({ loop = loop, records = {}, carriers = {}, customers = {}, gateways = {}, ports = {}, text = text or cluster.FILE }, WORLD)
    world.engine = o.engine and o.engine(loop) or models.new(loop, { fate = o.fate })
    world.replica = o.lag_s and world.engine.replicate(o.lag_s)
    for i = 1, 2 do
      if not (o.carriers and o.carriers[i] == false) then world:carrier(i, o.carriers and o.carriers[i], o.server) end
    end
    for _, name in ipairs(o.names or { "a", "b" }) do world:join(name) end
    smpp.sleep(1)
    fn(world)
    for _, customer in ipairs(world.customers) do customer:close(1) end
    for _, gateway in pairs(world.gateways) do gateway:close() end
    for _, one in pairs(world.carriers) do one.server:close(0) end
    world.engine.close()
    for _, record in ipairs(world.records) do
      if log.events[record.event] ~= record.level then error(("event not in smpp.base.log: %s %s"):format(record.level, record.event), 0) end
    end
  end)
end

--- Starts a node.
function World:join(name)
  self.ports[name] = self.ports[name] or 2774 + (name:byte() - 96)
  local gateway, message = gateways.new {
    path = "gateway.lua", text = self.text:gsub("%%s", name):gsub("%%d", self.ports[name]), watch_s = 0,
    log = function(record)
      record.of = name
      table.insert(self.records, record)
    end,
  }
  if not gateway then error(message, 0) end
  self.gateways[name] = gateway
  self.gateway = gateway
  return gateway
end

--- kill -9 of a node.
function World:crash(name)
  local gateway = self.gateways[name]
  self.gateways[name] = nil
  support.cut(gateway)
  gateway.node.nodes:close()
  gateway.store.closed = true
  if gateway.store.waits then gateway.store.waits:close() end
  gateway.store.client:close()
  smpp.sleep(0.1)
end

--- A customer of a node.
function World:customer_of(name, o)
  o = o or {}
  o.url = ("smpp://%s@localhost:%d"):format(o.as or "acme:secret", self.ports[name])
  o.as = nil
  return self:customer(o)
end

--- The record of a message, in the engine.
function World:kept(id)
  local _, gateway = next(self.gateways)
  return (stores.get(gateway.store, "message", id))
end

return cluster
