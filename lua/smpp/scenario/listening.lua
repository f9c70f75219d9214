--- What actors that are connected to have in common: a port of their own on 127.0.0.1, numbered connections, stop and start.
local lines = require "smpp.scenario.line"
local network = require "smpp.scenario.network"

local listening = {}

local HOST = "127.0.0.1"

--- A URL to bind with; without a system_id: of the first account, else of "me".
local function url_of(actor, system_id)
  local accounts = actor.accounts or {}
  if not system_id then
    for id in pairs(accounts) do
      if not system_id or id < system_id then system_id = id end
    end
  end
  local account = accounts[system_id or ""]
  local password = type(account) == "table" and account.password or account
  return ("smpp://%s:%s@%s:%d"):format(system_id or "me", type(password) == "string" and password or "secret", actor.host, actor.port)
end

--- Listens.  The actor has `accepted(transport, number)`, which returns what has `kill`, or nil.
---@param actor table
---@param world smpp.ScenarioWorld
function listening.open(actor, world)
  actor.host, actor.port = HOST, 0
  actor.url = function(self, id) return url_of(actor, self ~= actor and self or id) end -- actor.url "id", actor:url "id"
  actor.connections, actor.connection_count, actor.connection_changes = {}, 0, {}
  listening.listen(actor, world)
end

--- Begins to listen, on the actor's port; 0: any.
---@param actor table
---@param world smpp.ScenarioWorld
function listening.listen(actor, world)
  local message
  actor.listener, message = world.loop:listen({ host = HOST, port = actor.port }, function(transport)
    if world.over then return transport:reset() end
    actor.connection_count = actor.connection_count + 1
    local n = actor.connection_count
    actor.connections[n] = actor:accepted(transport, n) or false
    world:changed(actor.connection_changes)
  end)
  if not actor.listener then world:abort { kind = "raised", message = message } end
  actor.port = actor.listener.port
end

--- The methods of actors that listen.
listening.methods = {}
local methods = listening.methods

local function reset_all(self)
  for i = 1, self.connection_count do
    local connection = self.connections[i]
    if connection then connection:kill() end
  end
end

--- Resets its connections; connects are refused until `start`.
function methods:stop()
  local world = self.world
  world:check_alive()
  if not self.listener then return end
  self.listener:close()
  self.listener = nil
  reset_all(self)
  if self.inbox then self.inbox:stop_watching() end
  if world.clock == "real" then self.reserved = world.loop:reserve { host = HOST, port = self.port } end
end

--- Listens again, on the same port.
function methods:start()
  local world = self.world
  world:check_alive()
  if self.listener then return end
  if self.reserved then self.reserved:close() end
  self.reserved = nil
  listening.listen(self, world)
end

local function leave(self)
  if self.listener then self.listener:close() end
  if self.reserved then self.reserved:close() end
  self.listener, self.reserved = nil, nil
end

--- Closes it for good: its connections end orderly.
function methods:close()
  leave(self)
  for i = 1, self.connection_count do
    local connection = self.connections[i]
    if connection and not connection.ended then connection:leave() end
  end
end

--- Ends it at once.
function methods:kill()
  leave(self)
  reset_all(self)
end

--- The end of this actor on its n-th connection, for faults of the network.
---@async
---@param n? integer  default 1
---@return smpp.ScenarioLink
function methods:link(n) return network.link(self.world, self, n) end

--- A line for a new connection.
---@return smpp.ScenarioLine
function listening.line(actor, world, transport, number, raw)
  return lines.new(world, actor, transport, {
    number = number, own = { host = HOST, port = actor.port }, raw = raw, records = true,
    peer_name = function() return world:name_of_peer(actor, transport.peer) end,
  })
end

return listening
