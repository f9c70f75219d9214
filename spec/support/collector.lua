--- The collector at the worst of moments.
local collector = {}

--- Makes every step of the collector a whole collection, however much is alive, and each the next to the last; returns
--- what undoes it.
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

--- Runs fn, in which a finalizer is called as soon as there is anything to allocate, and again as long as it returns
--- true.  Returns whether fn ran through.
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
