--- The luv module, loaded once and kept.
---
--- luv runs its callbacks on the coroutine that loaded it, even a dead or a collected one; so that this is never a
--- task's, the main program loads luv, or a coroutine of its own.  And it frees its loop with its module, but goes on
--- to use it when it is loaded again, as where modules are unloaded between the files of a test run.  So the registry
--- keeps both.
local KEY = "smpp.luv"
local registry = debug.getregistry()

local function load_luv()
  if package.loaded.luv then return package.loaded.luv end
  local co, is_main = coroutine.running()
  if not co or is_main then return require "luv" end
  local loader = coroutine.create(function() return require "luv" end)
  registry[KEY .. ".loader"] = loader
  return select(2, assert(coroutine.resume(loader)))
end

registry[KEY] = registry[KEY] or load_luv()
package.loaded.luv = registry[KEY]
return registry[KEY]
