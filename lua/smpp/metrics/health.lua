--- The health shown at /health: a client is ok with at least one bind, a server while it listens and is not closing.
local health = {}

---@class smpp.Health
---@field role "client"|"server"
local Health = {}
local mt = { __index = Health, __name = "smpp.Health" }

---@param role "client"|"server"
---@param loop smpp.Loop
---@return smpp.Health
function health.new(role, loop)
  return setmetatable({
    role = role, loop = loop,
    object = nil,      -- the client or server; nil: none yet
    was_ok = false, since = loop:now(),
  }, mt)
end

local function bound_of(object)
  if object.pool then -- a client
    local count = 0
    object.pool:each_session(function() count = count + 1 end)
    return count
  end
  return #(object.server or object).sessions
end

--- Notes when the answer has changed.
local function note(self)
  local object, is_ok = self.object, false
  if object and self.role == "client" then
    is_ok = bound_of(object) > 0 and object.state ~= "closing" and object.state ~= "closed"
  elseif object then
    is_ok = not (object.server or object).shutdown
  end
  if is_ok ~= self.was_ok then self.was_ok, self.since = is_ok, self.loop:now() end
  return is_ok
end

--- Looks at a client, pool, server or simulator from now on.
---@param object table
function Health:follow(object)
  self.object = object
  note(self)
  if not object.pool then return end
  object:on("bind", function() note(self) end)
  object:on("state", function() note(self) end)
end

--- The answer now.
---@return { is_ok: boolean, role: string, bound: integer, since_s: number }  since_s: how long it has been so
function Health:read()
  local is_ok = note(self)
  return { is_ok = is_ok, role = self.role, bound = self.object and bound_of(self.object) or 0, since_s = self.loop:now() - self.since }
end

return health
