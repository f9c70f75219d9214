--- For specs of the message centre: virtual time, a server, ESMEs made of bare sessions.
local connection = require "smpp.session"
local task = require "smpp.base.task"
local virtual = require "smpp.loop.virtual"

local mc = {}

local World = {}
local WORLD = { __index = World }

--- Runs fn(world) as a task under virtual time to its end; fails on its error, and on open handles.
---@param fn fun(world: table)
---@param o? table  of smpp.loop.virtual
function mc.world(fn, o)
  local loop = virtual.new(o or { seed = 1, limit_s = 400000 })
  local world = setmetatable({ loop = loop, errors = {} }, WORLD)
  local failure, done
  loop.on_error = function(trace) failure = failure or trace end
  task.start(function(trace) failure = failure or trace end, function()
    fn(world)
    done = true
  end)
  while not failure and not done do
    if not loop:step() then failure = "nothing can happen any more, and the spec still waits" end
  end
  if not failure then
    loop:run()
    local open = loop:describe()
    if open ~= "nothing" then failure = "left open: " .. open end
  end
  if failure then error(failure, 0) end
end

function World:sleep(seconds)
  local token, timer = task.current(), nil
  timer = self.loop:timer(function()
    timer:close()
    task.wake_for(token, timer)
  end, true)
  timer:start(seconds)
  task.wait(timer)
end

--- A server (or the result of `make`) in this world; its errors are collected, not printed.
function World:server(o, make)
  o.loop, o.port = self.loop, o.port or not o.listen and 2775 or nil
  local server = assert((make or require("smpp.server").new)(o))
  server:on("error", function(message) table.insert(self.errors, message) end)
  self.port = server.port
  return server
end

--- A connected transport.
function World:transport(port)
  local token = task.current()
  self.loop:connect({ host = "127.0.0.1", port = port or self.port }, function(transport, message)
    task.wake_for(token, self, transport, message)
  end)
  return assert(task.wait(self))
end

--- An ESME that is connected and not bound.  `handlers` are by command name.
function World:esme(o)
  o = o or {}
  local handlers = {}
  for _, command in ipairs(connection.requests) do handlers[command.id] = o[command.name] end
  local esme = connection.new {
    role = "esme", loop = self.loop, transport = self:transport(o.port), owner = connection.handlers(handlers), answer_timeout_s = o.answer_timeout_s,
    machine = {
      window = o.window or 100, version = o.version, unchecked = o.unchecked, enquire_link_s = o.enquire_link_s or 0,
      response_s = o.response_s,
    },
  }
  esme:on("error", function(message) table.insert(self.errors, "esme: " .. message) end)
  esme:start()
  return esme
end

local FIELDS = { system_id = "esme1", password = "secret", system_type = "", interface_version = 0x34, address_range = "" }

--- A bound ESME; nil, message, code, response if it was refused (its connection is closed then).
---@param o? { type: "transceiver"|"transmitter"|"receiver"? }  and bind fields, and options of esme
function World:bind(o)
  o = o or {}
  local esme, fields = self:esme(o), {}
  for name, value in pairs(FIELDS) do fields[name] = o[name] or value end
  local response, message, code, refused = esme["bind_" .. (o.type or "transceiver")](esme, fields)
  if not response then
    esme:close()
    return nil, message, code, refused
  end
  esme.bind_resp = response
  return esme
end

--- Sends raw octets to the server; returns the octets received until a second passes without any, and whether it closed.
function World:talk(octets)
  local transport, got, closed = self:transport(), {}, false
  transport:start(function(chunk) got[#got + 1] = chunk end, function() closed = true end)
  transport:write(octets)
  self:sleep(1)
  transport:close()
  return table.concat(got), closed
end

--- Runs fn(world, simulator, esme, got) with a simulator, an ESME bound to it, and the deliver_sm that the ESME receives.
---@param options table  of the simulator
---@param fn fun(world: table, simulator: smpp.Simulator, esme: table, got: smpp.Pdu[])
---@param bind? table  as of World:bind
---@param o? { no_errors: boolean? }
function mc.simulated(options, fn, bind, o)
  mc.world(function(w)
    local sim, got = w:server(options, require("smpp.simulator").new), {}
    local fields = { deliver_sm = function(_, pdu) table.insert(got, pdu) end }
    for name, value in pairs(bind or {}) do fields[name] = value end
    fn(w, sim, assert(w:bind(fields)), got)
    sim:close(1)
    if o and o.no_errors and #w.errors > 0 then error(table.concat(w.errors, "\n"), 0) end
  end)
end

return mc
