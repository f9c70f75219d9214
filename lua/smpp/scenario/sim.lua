--- The actor `sim`: our simulator, which answers by itself.
local listening = require "smpp.scenario.listening"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local simulators = require "smpp.simulator"

local sim = {}

---@class smpp.ScenarioSim  methods of smpp.Simulator, and those of a listening actor
local Sim = {}
local SIMULATOR = simulators.class
local mt = { __name = "smpp.ScenarioSim" }
function mt:__index(name)
  local own = Sim[name]
  if own ~= nil then return own end
  local mc = rawget(self, "mc")
  local value = mc and mc[name]
  if type(SIMULATOR[name]) ~= "function" then return value end
  return function(caller, ...)
    if caller ~= self then return value(caller, ...) end
    self.world:check_alive()
    return value(mc, ...)
  end
end
function mt:__tostring() return self.name end

for name, method in pairs(listening.methods) do Sim[name] = method end

--- A connection of the simulator, as `stop` and `kill` see it.
local Connection = {}
Connection.__index = Connection
function Connection:kill() self.transport:reset() end
function Connection:leave() end -- luacheck: no self

---@param world smpp.ScenarioWorld
---@param given table  options of smpp.simulator
function sim.new(world, given)
  local o = schema.merge(given)
  local name = o.name
  o.name, o.host, o.port, o.loop = nil, "127.0.0.1", 0, world.loop
  local wrong = settings.schema:problem(o)
  if wrong then world:misuse("sim: " .. wrong.message) end
  o.seed = o.seed or world.seed
  local self = setmetatable({ mc = false, accounts = type(o.accounts) == "table" and o.accounts or nil }, mt)
  world:add(self, name, "sim")
  local mc, message = simulators.new(o)
  if not mc then world:abort { kind = "raised", message = message } end
  rawset(self, "mc", mc)
  listening.open(self, world)
  mc:on("pdu", function(session, pdu, direction)
    local own = { host = "127.0.0.1", port = self.port }
    local other = world:name_of_peer(self, session.peer)
    local out = direction == "out"
    world:record(out and self.name or other, out and other or self.name, pdu, {
      from = out and own or session.peer, to = out and session.peer or own,
    })
  end)
  mc:on("error", function(trouble) world:note(self.name .. ": " .. tostring(trouble):match "^[^\n]*") end)
  return self
end

function Sim:accepted(transport)
  self.mc.server:accept(transport)
  return setmetatable({ transport = transport, ended = nil }, Connection)
end

local close = listening.methods.close

--- Closes it for good.
---@async
function Sim:close()
  close(self)
  self.mc:close(1)
end

function Sim:kill()
  listening.methods.kill(self)
  self.mc:close(0)
end

return sim
