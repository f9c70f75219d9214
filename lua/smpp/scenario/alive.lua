--- Who may still send something to an actor: a wait that nobody can end fails at once, and says why.
local run = require "smpp.loop.run"

local alive = {}

--- How long a silence must last: what has ended may have left something that is on its way.
alive.GRACE_S = 0.25

--- Why a client of ours sends nothing any more; nil: it may.
local function end_of_client(actor)
  if not rawget(actor, "is_settled") then return nil end
  local refused, client = rawget(actor, "refused"), rawget(actor, "client")
  if refused then return ("%s is not bound: %s"):format(actor.name, tostring(refused[1]):match "^[^\n]*") end
  return client and client.state == "closed" and actor.name .. " is closed" or nil
end

--- Why an actor makes no connection any more; nil: it may; false: it never made one.
local function end_of(actor, other)
  if rawget(other, "is_settled") ~= nil then return end_of_client(other) end
  if rawget(other, "process") then
    local ended = other.ended
    if not ended or actor.connection_count == 0 then return nil end -- it may have left a process behind
    return ("%s has ended with exit code %s"):format(other.name, tostring(ended.code))
  end
  if rawget(other, "connections") then return false end
  if rawget(other, "attempt") then
    if other.line then return other.line.ended and ("the connection of %s has ended (%s)"):format(other.name, other.line.ended) or nil end
    return other.refused and ("%s is not connected: %s"):format(other.name, other.refused) or other.gone and other.name .. " is closed" or nil
  end
  return false
end

--- Has the script, or a program around it, a client of its own?
local function has_other_clients(world)
  local known = {}
  for _, actor in ipairs(world.actors) do
    local mc = rawget(actor, "mc")
    for _, object in ipairs { rawget(actor, "client") or false, rawget(actor, "pending") or false, mc or false, mc and mc.server or false } do
      known[object] = true
    end
  end
  for _, object in ipairs(run.open()) do
    if not known[object] then return true end
  end
  return false
end

--- Does another task of the script run, which may do something?
local function has_other_tasks(world, current)
  --- Does a task wait for the result of the current one, or of one that does?
  local function waits(token)
    local entry = world.waits_for[token]
    return entry ~= nil and not entry.done and (entry.token == current or waits(entry.token))
  end
  if world.main and world.main ~= current and not waits(world.main) then return true end
  for _, entry in ipairs(world.tasks) do
    if not entry.done and entry.token ~= current and not waits(entry.token) then return true end
  end
  return next(world.timers) ~= nil
end

--- Why nothing can come to an actor any more; nil: something may.
---@param world smpp.ScenarioWorld
---@param actor table     whose inbox is waited for
---@param session smpp.ScenarioLine?  only what comes on this connection counts
---@param current thread  the task that waits
---@return string? reason
function alive.why_silent(world, actor, session, current)
  if session then return session.ended and ("its connection has ended (%s)"):format(session.ended) or nil end
  if has_other_tasks(world, current) then return nil end
  if not rawget(actor, "connections") then -- it connects itself
    return actor.line and actor.line.ended and ("its connection has ended (%s)"):format(actor.line.ended) or nil
  end
  for i = 1, actor.connection_count do
    local connection = actor.connections[i]
    if connection and not connection.ended then return nil end
  end
  local reasons = {}
  for _, other in ipairs(world.actors) do
    if other ~= actor then
      local reason = end_of(actor, other)
      if reason == nil then return nil end
      if reason then reasons[#reasons + 1] = reason end
    end
  end
  if has_other_clients(world) then return nil end
  if #reasons > 0 then return table.concat(reasons, "; ") end
  if world.clock == "virtual" then return actor.connection_count > 0 and "all connections have ended" or "no actor connects to it" end
end

return alive
