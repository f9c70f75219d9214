--- Garbage collection at the worst possible time.
local collector = {}

--- Makes every step of the collector a full collection, without pauses between them; returns a function that restores the
--- settings.
local function whole_steps()
  if _VERSION == "Lua 5.4" then
    collectgarbage("incremental", 0, 1000, 40)
    return function() collectgarbage("incremental", 200, 100, 13) end
  end
  local step, pause = collectgarbage("setstepmul", 100000000), collectgarbage("setpause", 0)
  return function()
    collectgarbage("setstepmul", step)
    collectgarbage("setpause", pause)
  end
end

local function arm(finalizer)
  local function run()
    if finalizer() then arm(finalizer) end
  end
  local newproxy = rawget(_G, "newproxy")
  if newproxy then
    getmetatable(newproxy(true)).__gc = run
  else
    setmetatable({}, { __gc = run })
  end
end

--- Runs fn with a finalizer that is called at the next allocation, and again while it returns true.  Returns whether fn
--- returned without an error.
function collector.with_finalizer(finalizer, fn)
  local undo = whole_steps()
  local ok = pcall(function()
    collectgarbage()
    collectgarbage "stop"
    arm(finalizer)
    collectgarbage "restart"
    fn()
  end)
  undo()
  return ok
end

return collector
