-- Runs specs with the Lua that runs this file:  lua5.4 spec/run.lua [spec files or folders…]
-- Builds the C module for it first (unless SMPP_NO_BUILD is set).  LuaRocks calls it as `luarocks test`.
-- Without arguments: all but those of spec/slow, interop, packaging and tree, which need other programs.
-- SMPP_BUILD is the folder of the builds (default build); SMPP_RUNNING a file that says which spec runs;
-- SMPP_GC=1000 collects all garbage every 1000 instructions of the virtual machine.
local interpreter = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")
local id = jit and "jit" or _VERSION:match("%d%.%d")
local build = os.getenv("SMPP_BUILD") or "build"

if not os.getenv("SMPP_NO_BUILD") then
  local ok = os.execute(("make -s build LUA=%s B=%s"):format(interpreter, build))
  assert(ok == true or ok == 0, "make build LUA=" .. interpreter .. " failed")
end
package.path = "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path
-- No ./?.so: LuaRocks may have left a module for another Lua there.
package.cpath = build .. "/" .. id .. "/?.so;" .. package.cpath:gsub("%./%?%.so;?", "")

require "smpp.base.iterate" -- before busted and dkjson keep `pairs` for themselves
-- busted unloads modules between files, and luv frees its loop with its module: this keeps a reference.
pcall(require, "smpp.loop.uv")

if #arg == 0 then
  local find = assert(io.popen("find spec -name '*_spec.lua' | sort"))
  for path in find:lines() do
    local folder = path:match("^spec/([^/]+)/")
    if not (folder == "slow" or folder == "interop" or folder == "packaging" or folder == "tree") then arg[#arg + 1] = path end
  end
  find:close()
end

--- Sets a hook for the whole run.  Hooks belong to a coroutine, so each new one gets it too.
local function hook_everywhere(hook, mask, count)
  local create = coroutine.create
  local function hooked(fn)
    local co = create(fn)
    debug.sethook(co, hook, mask, count)
    return co
  end
  coroutine.create = hooked
  coroutine.wrap = function(fn)
    local co = hooked(fn)
    return function(...)
      local function result(ok, ...)
        if not ok then error((...), 0) end
        return ...
      end
      return result(coroutine.resume(co, ...))
    end
  end
  debug.sethook(hook, mask, count)
end

-- Objects that the binding does not keep alive are collected at once.
local every = tonumber(os.getenv("SMPP_GC"))
if every then hook_everywhere(function() collectgarbage() end, "", every) end

local counted = os.getenv("SMPP_COVERAGE")
if counted then hook_everywhere(require("spec.support.line_counter").start(counted), "l") end

arg[#arg + 1] = "--helper=spec/support/running.lua"
require "busted.runner" { standalone = false }
