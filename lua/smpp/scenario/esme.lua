--- The actor `esme`: our client, connected behind the script; and the reading of who an actor connects to.
local clients = require "smpp.client"
local log = require "smpp.base.log"
local net = require "smpp.base.net"
local network = require "smpp.scenario.network"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local settings = require "smpp.client.options"
local speaker = require "smpp.scenario.speaker"
local task = require "smpp.base.task"
local urls = require "smpp.client.url"

local esme = {}

---@class smpp.ScenarioEsme  methods and fields of smpp.Client, and:
---@field client smpp.Client?  once it is bound
local Esme = {}

local CLIENT = clients.class

-- What is not the proxy's own is the client's: methods wait until the first bind is settled.
local mt = { __name = "smpp.ScenarioEsme" }
esme.metatable = mt
function mt:__index(name)
  local own = Esme[name]
  if own ~= nil then return own end
  local client = rawget(self, "client")
  local value
  if client then value = client[name] else value = CLIENT[name] end
  if type(value) ~= "function" then return value end
  return function(caller, ...)
    if caller ~= self then return value(caller, ...) end
    local ready, message, code = self:settled()
    if not ready then return nil, message, code end
    return ready[name](ready, ...)
  end
end
function mt:__tostring() return self.name end

--- { host, port, name, actor } of a target: an actor, an external program that listens, or a URL.
---@param world smpp.ScenarioWorld
---@param target any
---@return table list  with system_id, password, tls of a URL
function esme.targets(world, target)
  local list = {}
  if type(target) == "string" then
    local parsed, message = urls.parse(target)
    if not parsed then world:misuse(message) end
    for i, host in ipairs(parsed.hosts) do
      list[i] = { host = host.host, port = host.port, name = net.address(host.host, host.port) }
    end
    list.system_id, list.password, list.tls, list.url = parsed.system_id, parsed.password, parsed.tls, target
    return list
  end
  if type(target) ~= "table" then world:misuse "expected an actor, a list of actors or a URL" end
  for i, actor in ipairs(rawget(target, "port") and { target } or target) do
    if type(actor) ~= "table" or not rawget(actor, "port") then world:misuse "expected an actor that listens, or a list of them" end
    list[i] = { host = actor.host, port = actor.port, name = actor.name, actor = actor }
  end
  if #list == 0 then world:misuse "expected an actor that listens, or a list of them" end
  return list
end

--- "id:password"
local function credentials(world, word)
  if word == nil then return nil, nil end
  local id, password = word:match "^([^:]*):(.*)$"
  if not id then world:misuse 'expected "system_id:password"' end
  return id, password
end

local function first_target(list)
  local target = list[1]
  target.system_id, target.password, target.tls = list.system_id, list.password, list.tls
  return target
end

--- A scripted ESME, or the connection of `t:connect`.
---@param world smpp.ScenarioWorld
---@param given table
---@param what "esme"|"connect"
---@return smpp.ScenarioSpeaker
function esme.scripted(world, given, what)
  world:check_options(speaker.options, given, what)
  local target = first_target(esme.targets(world, given[1]))
  local id, password = credentials(world, given[2])
  target.system_id, target.password = id or target.system_id, password or target.password
  if given.tls ~= nil then target.tls = given.tls end
  return speaker.new(world, speaker.options:fill(given), target, what)
end

--- A peer of raw octets.
function esme.peer(world, given)
  world:check_options(speaker.peer_options, given, "peer")
  if given.listen then return speaker.listener(world, given) end
  local target = first_target(esme.targets(world, given[1]))
  if given.tls ~= nil then target.tls = given.tls end
  return speaker.new(world, given, target, "peer")
end

local function names_of(list)
  local names = {}
  for i, target in ipairs(list) do names[i] = net.address(target.host, target.port) end
  return names
end

--- Writes down what passes, unless the actor at the other end does.
local function watch(self, targets, user)
  local world, by_address = self.world, {}
  for _, target in ipairs(targets) do by_address[net.address(target.host, target.port)] = target end
  return function(pdu, direction, session)
    local transport = session.transport
    world:own_port(transport.local_port, self.name)
    local target = by_address[session.host or ""]
    if not (target and target.actor and not target.actor.silent) then
      local other = target and target.name or session.host or "?"
      local own, peer = { host = "127.0.0.1", port = transport.local_port or 0 }, session.peer
      local out = direction == "out"
      world:record(out and self.name or other, out and other or self.name, pdu, { from = out and own or peer, to = out and peer or own })
    end
    if user then return user(pdu, direction, session) end
  end
end

--- Our client.
---@param world smpp.ScenarioWorld
---@param given table  target, "id:password", options of smpp.connect
---@return smpp.ScenarioEsme
function esme.new(world, given)
  local targets = esme.targets(world, given[1])
  local id, password = credentials(world, given[2])
  local o = schema.merge(given)
  o[1], o[2], o.name = nil, nil, nil
  if targets.url then o.url = targets.url else o.hosts = names_of(targets) end
  o.system_id, o.password = o.system_id or id, o.password or password
  local wrong = not targets.url and settings.schema:problem(o) or nil
  if wrong then world:misuse("esme: " .. wrong.message) end
  local self = setmetatable({ client = nil, refused = nil, is_settled = false, changes = {}, waiting_on = {} }, mt)
  world:add(self, given.name, "esme")
  o.loop, o.pdu = world.loop, watch(self, targets, o.pdu)
  if world.trace and o.log == nil then
    local seen, count = {}, 0
    o.log = function(record)
      if record.session then -- its id goes on with the process: here it is the first, the second …
        if not seen[record.session] then count, seen[record.session] = count + 1, count + 1 end
        record.session = seen[record.session]
      end
      for name, value in pairs(record) do
        if type(value) == "number" then record[name] = ("%.14g"):format(value) end -- each Lua has its own form
      end
      record.time = 0
      world.trace:add(log.line(record))
    end
  end
  local opened = #run.open()
  task.start(world.sink, function()
    local client, message, code = clients.connect(o)
    rawset(self, "client", client or nil)
    rawset(self, "refused", not client and { message, code } or nil)
    rawset(self, "is_settled", true)
    if client then
      for _, item in ipairs(self.waiting_on) do client:on(item[1], item[2]) end
      client:on("state", function(state) if state == "closed" then world:changed(world.ends) end end)
      if not client.listeners.error then client:on("error", function(trouble) world:note(self.name .. ": " .. trouble:match "^[^\n]*") end) end
    end
    world:changed(self.changes)
    world:changed(world.ends)
  end)
  local open = run.open()
  rawset(self, "pending", #open > opened and open[#open] or nil)
  return self
end

--- Waits until the first bind is settled.
---@async
---@return smpp.Client? client
---@return string? message
---@return string? code
function Esme:settled()
  local world = self.world
  world:check_alive()
  if not self.is_settled then world:await(math.huge, self.changes, function() return self.is_settled end) end
  if self.client then return self.client end
  return nil, self.refused[1], self.refused[2]
end

--- Waits until it is bound.
---@async
---@param seconds? number  default: until the first bind is settled
---@return boolean? bound
---@return string? message
---@return string? code
function Esme:connected(seconds)
  local world = self.world
  world:check_alive()
  if seconds then world:await(seconds, self.changes, function() return self.is_settled end) end
  if seconds and not self.is_settled then return nil, ("not bound within %g s"):format(seconds), "timeout" end
  local client, message, code = self:settled()
  if not client then return nil, message, code end
  return true
end

--- Adds a listener, also before it is bound.
---@param name string
---@param fn fun(...)
function Esme:on(name, fn)
  if self.client then self.client:on(name, fn) else table.insert(self.waiting_on, { name, fn }) end
  return self
end

--- Its end of its n-th connection, for faults of the network.
---@async
---@param n? integer
function Esme:link(n) return network.link(self.world, self, n) end

--- Unbinds and closes.
---@async
---@param seconds? number
function Esme:close(seconds)
  if self.client then return self.client:close(seconds) end
  return {}
end

--- The end of a scenario that passed: unbinds, and closes, within so many seconds.
---@async
---@param seconds number
function Esme:finish(seconds)
  local world = self.world
  world:rest(seconds, self.changes, function() return self.is_settled end)
  if self.client then self.client:close(seconds) else self:kill() end
end

--- Resets its connections.
function Esme:stop()
  self.world:check_alive()
  if self.client then self.client.pool:each_session(function(session) session:reset "reset by the script" end) end
end

--- Closes a client at once.
---@param client smpp.Client
function esme.drop(client)
  client.pool:each_session(function(session) session:reset "the scenario is over" end)
  task.start(function() end, function() client:close(0) end)
end

function Esme:kill()
  local client = self.client or rawget(self, "pending")
  if client and client.state ~= "closed" then esme.drop(client) end
end

return esme
