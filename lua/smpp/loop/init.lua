--- The current event loop: time, timers, sockets and random numbers behind one interface.  Two implementations share one
--- interface, `smpp.Loop` (docs/loop.md): smpp.loop.luv and smpp.loop.virtual.  Requiring this loads neither.
require "smpp.base.iterate"

local loop = {}

local current

--- The loop of the running `smpp.run`, else the one given to `set`, else the luv loop of this Lua state.
---@return smpp.Loop
function loop.current()
  if not current then current = require("smpp.loop.luv").default() end
  return current
end

--- Makes `l` the current loop; nil: the luv loop again, made on demand.
---@param l smpp.Loop?
---@return smpp.Loop? previous
function loop.set(l)
  local previous = current
  current = l
  return previous
end

return loop
