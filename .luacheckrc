-- std "min" is what all of Lua 5.1 to 5.4 and LuaJIT have.
std = "min"
-- A method may do without its object.
self = false
max_line_length = 150
read_globals = { "jit" }
exclude_files = { "spec/interop/node/node_modules" }
files["spec"] = { std = "+busted" }
files["spec/run.lua"] = { globals = { "arg", "coroutine" } }
files["rockspec/*.rockspec"] = { std = "rockspec" }
files["bin/smpp"] = { globals = { "_" } }
