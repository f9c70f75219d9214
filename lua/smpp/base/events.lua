--- Listeners: `object:on(name, fn)`, any number of them, results ignored.
local core = require "smpp.core"
local task = require "smpp.base.task"
local shown = require "smpp.base.shown"

local events = {}

local NONE = {} -- the listeners of an object that has none

--- An error event without a listener goes to the object's `on_unheard`, else to stderr.
local function unheard(message) io.stderr:write("smpp: ", shown.lines(message), "\n") end

-- Apart from `emit`: LuaJIT never compiles a function that makes closures.
local function sink_of(self)
  return function(trace) self:emit("error", trace) end
end

--- Gives a class `on` and `emit`.
---@param class table
---@param names string[]  the events it has
function events.mixin(class, names)
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  class.listeners = NONE

  --- Adds a listener.  It runs as a task, so it may wait; its errors go to the `error` event.
  ---@param name string
  ---@param fn fun(...)
  ---@return table self
  function class:on(name, fn)
    if not known[name] then
      local like = core.suggest(tostring(name), known)
      error(("unknown event '%s'%s"):format(tostring(name), like and ("; did you mean '" .. like .. "'?") or ""), 2)
    end
    if type(fn) ~= "function" then error(("on: expected a function, got a %s"):format(type(fn)), 2) end
    if self.listeners == NONE then self.listeners = {} end
    local listeners = self.listeners
    listeners[name] = listeners[name] or {}
    table.insert(listeners[name], fn)
    return self
  end

  --- Emits an error that is in the log already: only to listeners, unless there is no log.
  ---@param message string
  function class:emit_logged(message, ...)
    if self.listeners.error or not self.write_log then self:emit("error", message, ...) end
  end

  --- Calls all listeners.
  ---@param name string
  ---@return boolean heard
  function class:emit(name, ...)
    local list = self.listeners[name]
    if not list then
      if name == "error" then
        if self.on_unheard then self:on_unheard((...)) else unheard((...)) end
      end
      return false
    end
    local sink = name == "error" and unheard or sink_of(self)
    for i = 1, #list do task.start(sink, list[i], ...) end
    return true
  end
end

--- Returns true if an event of an object has a listener.
---@param object table
---@param name string
---@return boolean
function events.heard(object, name) return object.listeners[name] ~= nil end

return events
