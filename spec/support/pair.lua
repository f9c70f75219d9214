--- Two sessions back to back under virtual time, each with an owner that records its calls.
local sessions = require "smpp.session"
local task = require "smpp.base.task"
local virtual = require "smpp.loop.virtual"

local pair = {}

--- An owner that records calls as { "method", ... }.  `handlers` are by name of the method, called after that.
function pair.owner(handlers)
  local owner = { told = {} }
  for _, name in ipairs { "on_response", "on_refusal", "on_outcome_unknown", "on_room", "on_state", "on_closed", "on_error" } do
    owner[name] = function(self, ...)
      table.insert(self.told, { name, select(2, ...) })
      if handlers and handlers[name] then handlers[name](self, ...) end
    end
  end
  owner.on_request = handlers and handlers.on_request
  --- The calls of one method, in order.
  function owner:all(name)
    local list = {}
    for _, call in ipairs(self.told) do
      if call[1] == name then list[#list + 1] = call end
    end
    return list
  end
  return owner
end

--- What the C session keeps of requests in flight: waiter and fields of each, false where there is none.
---@param session smpp.Session
---@return any[]
function pair.kept(session)
  local list = (debug.getuservalue or debug.getfenv)(session.machine) -- luacheck: compat
  return list
end

--- Runs fn(world) as a task to its end; world: { loop, esme, mc, sleep(seconds) }.
---@param o { esme: table?, mc: table? }  options of the sessions
function pair.run(o, fn)
  local loop = virtual.new { seed = 1, limit_s = 100000 }
  local world, failure, done = { loop = loop }, nil, false
  loop.on_error = function(trace) failure = failure or trace end
  local function session(role, transport, options)
    options.role, options.loop, options.transport, options.machine = role, loop, transport, options.machine or {}
    local made = sessions.new(options)
    made:start()
    return made
  end
  function world.sleep(seconds)
    local token, timer = task.current(), nil
    timer = loop:timer(function()
      timer:close()
      task.wake_for(token, timer)
    end, true)
    timer:start(seconds)
    task.wait(timer)
  end
  local listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, function(transport)
    world.mc = session("mc", transport, o.mc or {})
  end))
  loop:connect({ host = "127.0.0.1", port = 2775 }, function(transport)
    world.esme = session("esme", transport, o.esme or {})
    task.start(function(trace) failure = failure or trace end, function()
      world.sleep(0.1)
      fn(world)
      world.esme:close()
      world.mc:close()
      listener:close()
      done = true
    end)
  end)
  while not failure and not done and loop:step() do end -- luacheck: ignore
  if not failure then loop:run() end
  if not failure and loop:describe() ~= "nothing" then failure = "left open: " .. loop:describe() end
  if failure or not done then error(failure or "nothing can happen any more, and the spec still waits", 0) end
end

--- A handler that accepts all binds.
function pair.take_binds(fn)
  return function(owner, session, pdu, command_id)
    if pdu.command:find "^bind_" then return { system_id = "mc" } end
    return fn(owner, session, pdu, command_id)
  end
end

--- Binds the ESME of a world.
function pair.bind(world) assert(world.esme:bind_transceiver { system_id = "me", interface_version = 0x34 }) end

return pair
