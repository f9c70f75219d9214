-- std "min" is what all of Lua 5.1 to 5.4 and LuaJIT have.
std = "min"
max_line_length = 150
read_globals = { "jit" }
exclude_files = { "spec/interop/node/node_modules" }
-- A method may do without its object, and a parameter may have the name of the module it belongs to.
self = false
ignore = { "431" }
-- Specs hold long lines of data, and take apart `nil, message, code` of which they look at one.
files["spec"] = { std = "+busted", max_line_length = false, ignore = { "311" },
  read_globals = { "unpack", table = { fields = { "unpack" } } } }
files["docs"] = { max_line_length = false } -- texts
files["spec/run.lua"] = { globals = { "arg", "coroutine" } }
files["rockspec/*.rockspec"] = { std = "rockspec" }
files["bin/smpp"] = { globals = { "_" } }
-- A file for `smpp gateway`, in an environment of its own.
files["examples/gateway.lua"] = { ignore = { "113" } }
