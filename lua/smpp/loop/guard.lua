--- Protected callbacks: an error that reached luv would end the process.
local shown = require "smpp.base.shown"

local guards = {}

-- xpcall hands arguments on everywhere but in Lua 5.1.
local takes_arguments = select(2, xpcall(function(x) return x end, print, true))

--- Makes the function that runs a loop's callbacks protected: `guard(fn, a, b, c)` calls `fn(a, b, c)`, and an error in it goes
--- to `self.on_error(trace, err)`, since one that reached luv would end the process.
---@param self { on_error: fun(trace: string, err: any) }
---@return fun(fn: function, a?: any, b?: any, c?: any): boolean
function guards.guard(self)
  local function failed(err)
    local trace = debug.traceback(tostring(err), 2)
    local ok, second = pcall(self.on_error, trace, err)
    if not ok then io.stderr:write(shown.lines(trace), "\nand in its error handler: ", shown.lines(second), "\n") end
  end
  if takes_arguments then
    return function(fn, a, b, c) return (xpcall(fn, failed, a, b, c)) end
  end
  return function(fn, a, b, c)
    return (xpcall(function() return fn(a, b, c) end, failed))
  end
end

--- The default of `loop.on_error`.
---@param trace string
function guards.on_error(trace) io.stderr:write("error in a callback of the loop: ", shown.lines(trace), "\n") end

return guards
