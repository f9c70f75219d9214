-- Runs the specs with the Lua that runs this file:  lua5.4 spec/run.lua [spec files…]
-- Builds the C module for it first.  LuaRocks calls it as `luarocks test`.
local interpreter = jit and "luajit" or "lua" .. _VERSION:match("%d%.%d")
local id = jit and "jit" or _VERSION:match("%d%.%d")
if not os.getenv("SMPP_NO_BUILD") then
  local ok = os.execute("make -s build LUA=" .. interpreter)
  assert(ok == true or ok == 0, "make build LUA=" .. interpreter .. " failed")
end
package.path = "lua/?.lua;lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "build/" .. id .. "/?.so;" .. package.cpath:gsub("%./%?%.so;?", "")
if #arg == 0 then arg[1] = "spec" end
require "busted.runner" { standalone = false }
