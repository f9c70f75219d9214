--- Actors that connect and say what the script says: a scripted `esme`, `connect` (a real SMSC), and `peer` (raw octets).
local inboxes = require "smpp.scenario.inbox"
local kind = require "smpp.base.kind"
local lines = require "smpp.scenario.line"
local listening = require "smpp.scenario.listening"
local network = require "smpp.scenario.network"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local version = require "smpp.codec.version"

local speaker = {}

---@class smpp.ScenarioSpeaker
local Speaker = {}
local mt = { __index = Speaker, __name = "smpp.ScenarioSpeaker" }
function mt:__tostring() return self.name end

--- Options of a scripted esme, and of connect.
speaker.options = schema.new {
  { 1, kind.any }, { 2, "string" }, { "scripted", "boolean" }, { "name", "string" }, { "version", version.kind, "3.4" },
  { "auto", kind.list("string", "commands"), { "enquire_link", "unbind" } }, { "unexpected", kind.one_of("fail", "ignore"), "fail" },
  { "system_type", "string" }, { "address_range", "string" }, { "tls", kind.either("boolean", "table") },
}
speaker.peer_options = schema.new { { 1, kind.any }, { "listen", "boolean" }, { "name", "string" }, { "tls", kind.either("boolean", "table") } }

local BINDS = { trx = "bind_transceiver", tx = "bind_transmitter", rx = "bind_receiver" }

--- Connects behind the script.
local function connect(self, target)
  local world = self.world
  local chain, wrong = require("smpp.transport").chain("connect", { tls = target.tls })
  if not chain then
    self.refused = wrong
    return
  end
  task.start(world.sink, function()
    local transport, message = chain:connect(world.loop, {
      host = target.host, port = target.port, connect_timeout_s = 10, timeout_s = 10,
    }, self.attempt)
    if not transport then
      self.refused = message
    elseif world.over or self.gone then
      return transport:reset()
    else
      world:own_port(transport.local_port, self.name)
      self.line = lines.new(world, self, transport, {
        number = 1, own = { host = "127.0.0.1", port = transport.local_port or 0 }, raw = self.raw,
        records = not target.actor or target.actor.silent, peer_name = function() return target.name end,
      })
      self.line.peer = { host = target.host, port = target.port }
      self.line:start()
    end
    world:changed(self.changes)
  end)
end

---@param world smpp.ScenarioWorld
---@param o table  read
---@param target { host: string, port: integer, name: string, actor: table?, tls: any, system_id: string?, password: string? }
---@param what "esme"|"connect"|"peer"
---@return smpp.ScenarioSpeaker
function speaker.new(world, o, target, what)
  local self = setmetatable({
    system_id = target.system_id or "me", password = target.password or "",
    version = version.of(o.version or "3.4"),
    bind_fields = { system_type = o.system_type, address_range = o.address_range },
    raw = what == "peer" or nil, line = nil, target = nil, refused = nil, changes = {}, attempt = {}, gone = false, connection_count = 0,
  }, mt)
  world:add(self, o.name, what)
  if what ~= "peer" then self.inbox = inboxes.new(self, o) end
  self.target = target
  connect(self, target)
  return self
end

--- Resets its connection.
function Speaker:stop()
  self.world:check_alive()
  if self.attempt.cancel then self.attempt.cancel() end
  if self.line and not self.line.ended then self.line:reset() end
  if self.inbox then self.inbox:stop_watching() end
end

--- Connects again, after `stop` or an end.
function Speaker:start()
  self.world:check_alive()
  if self.line and not self.line.ended then return end
  self.line, self.refused, self.attempt = nil, nil, {}
  connect(self, self.target)
end

function Speaker:arrived(line, pdu, entry)
  if line:take_response(pdu) then return end
  self.inbox:take(line, pdu, entry)
end

function Speaker:line_ended() self.world:changed(self.changes) end

function Speaker:trouble()
  if self.line and self.line.malformed then return "what came is malformed: " .. self.line.malformed end
end

--- Its connection; waits for it.
---@async
---@return smpp.ScenarioLine
function Speaker:session()
  local world = self.world
  world:check_alive()
  world:await(10, self.changes, function() return self.line or self.refused end)
  if not self.line then
    local why = self.refused or "no answer within 10 s"
    world:abort { kind = "expect", actor = self.name, message = ("%s is not connected: %s"):format(self.name, why) }
  end
  return self.line
end

--- Whether it is connected, or was refused; waits for that.
---@async
---@return boolean? ok
---@return string? message
function Speaker:connected()
  local world = self.world
  world:check_alive()
  world:await(10, self.changes, function() return self.line or self.refused end)
  if self.line then return true end
  return nil, self.refused or "no answer within 10 s"
end

--- Sends a bind and waits for ESME_ROK.
---@async
---@param how? "trx"|"tx"|"rx"
---@return smpp.Pdu response
function Speaker:bind(how)
  local world = self.world
  local command = BINDS[how or "trx"]
  if not command then world:unknown("bind", how, BINDS) end
  return self:session():send(command, schema.merge({
    system_id = self.system_id, password = self.password, interface_version = self.version,
  }, self.bind_fields)):expect("ESME_ROK")
end

for _, name in ipairs { "send", "write", "read", "read_pdu", "reset", "half_close", "stall", "resume", "expect_closed", "expect_silence" } do
  Speaker[name] = function(self, ...) return self:session()[name](self:session(), ...) end
end

--- Its end of its connection, for faults of the network.
---@async
---@return smpp.ScenarioLink
function Speaker:link() return network.link(self.world, self, 1) end

for _, name in ipairs { "expect", "expect_all", "never", "on" } do
  Speaker[name] = function(self, ...)
    self:session()
    return self.inbox[name](self.inbox, ...)
  end
end

--- Closes its connection orderly.
function Speaker:close()
  self.gone = true
  if self.attempt.cancel then self.attempt.cancel() end
  if self.line and not self.line.ended then self.line:leave() end
end

function Speaker:kill()
  self.gone = true
  if self.attempt.cancel then self.attempt.cancel() end
  if self.line then self.line:kill() end
end

-- ---- a peer that listens ----

---@class smpp.ScenarioPeer
local Peer = {}
local PEER = { __index = Peer, __name = "smpp.ScenarioPeer" }
function PEER:__tostring() return self.name end

for name, method in pairs(listening.methods) do Peer[name] = method end

--- A peer that listens, and speaks on its first connection.
---@param world smpp.ScenarioWorld
---@param o table
function speaker.listener(world, o)
  local self = setmetatable({}, PEER)
  world:add(self, o.name, "peer")
  listening.open(self, world)
  return self
end

function Peer:accepted(transport, number)
  local line = listening.line(self, self.world, transport, number, true)
  line:start()
  return line
end

function Peer:arrived() end -- luacheck: no self
function Peer:line_ended() end -- luacheck: no self

--- Its n-th connection; waits for it.
---@async
---@param n? integer
---@return smpp.ScenarioLine
function Peer:session(n)
  local world = self.world
  world:check_alive()
  local line = world:await(world.within_s, self.connection_changes, function() return self.connections[n or 1] end)
  return line or world:abort { kind = "expect", actor = self.name, message = "nobody has connected to " .. self.name }
end

for _, name in ipairs { "write", "read", "read_pdu", "reset", "half_close", "resume", "expect_closed", "expect_silence" } do
  Peer[name] = function(self, ...) return self:session()[name](self:session(), ...) end
end
Peer.stall = function(self) return self:session():stall() end

return speaker
