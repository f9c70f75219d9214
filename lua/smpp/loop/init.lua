--- The loop of the moment: time, timers, sockets and chance, given from outside.  Two implementations share one
--- interface, `smpp.Loop` (docs/loop.md): smpp.loop.luv and smpp.loop.virtual.  Requiring this loads neither.
local loop = {}

local current

--- The loop of the running `smpp.run`, else the one given to `set`, else the luv loop of this Lua state.
---@return smpp.Loop
function loop.current()
  if not current then current = require("smpp.loop.luv").default() end
  return current
end

--- Makes `l` the current loop; nil: the luv loop again, when somebody asks.
---@param l smpp.Loop?
---@return smpp.Loop? previous
function loop.set(l)
  local previous = current
  current = l
  return previous
end

--- A generator of numbers in [0,1) that is the same on every Lua (Park and Miller's).
---@param seed number
---@return fun(): number
function loop.generator(seed)
  local state = math.floor(seed) % 2147483646 + 1
  local function random()
    state = (state * 16807) % 2147483647
    return (state - 1) / 2147483646
  end
  for _ = 1, 4 do random() end -- small seeds give small first numbers
  return random
end

-- xpcall hands arguments on everywhere but in Lua 5.1.
local takes_arguments = select(2, xpcall(function(x) return x end, print, true))

--- Makes the function that guards a loop's callbacks: `guard(fn, a, b)` calls `fn(a, b)`, and an error in it goes
--- to `self.on_error(trace, err)`, since one that reached luv would end the process.
---@param self { on_error: fun(trace: string, err: any) }
---@return fun(fn: function, a?: any, b?: any): boolean
function loop.guard(self)
  local function failed(err)
    local trace = debug.traceback(tostring(err), 2)
    local ok, second = pcall(self.on_error, trace, err)
    if not ok then io.stderr:write(trace, "\nand in its error handler: ", tostring(second), "\n") end
  end
  if takes_arguments then
    return function(fn, a, b) return (xpcall(fn, failed, a, b)) end
  end
  return function(fn, a, b)
    return (xpcall(function() return fn(a, b) end, failed))
  end
end

--- The default of `loop.on_error`.
---@param trace string
function loop.on_error(trace) io.stderr:write("error in a callback of the loop: ", trace, "\n") end

--- Blames the caller of a loop's method for an address that is none.
---@param o table
---@param level integer
function loop.check_address(o, level)
  if type(o) ~= "table" or type(o.host) ~= "string" then error("host: a string expected", level + 1) end
  local port = o.port
  if type(port) ~= "number" or port < 0 or port > 65535 or port % 1 ~= 0 then
    error("port: an integer from 0 to 65535 expected", level + 1)
  end
end

--- host:port as people write it; IPv6 in brackets.
---@param host string
---@param port integer
---@return string
function loop.address(host, port)
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

return loop
