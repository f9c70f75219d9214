--- Two transports that are connected to each other in memory, on any loop: for tests, and for an ESME and a message
--- centre in one process.  They are those of the virtual loop's network (smpp.loop.virtual_wire).
local wire = require "smpp.loop.virtual_wire"

local memory = {}

--- The part of the virtual loop's interface that a wire needs, made of the interface that all loops have.
local function host_of(loop)
  local host = { guard = loop.guard }
  function host:now() return loop:now() end -- luacheck: ignore self
  function host:timer(fn, keep) return loop:timer(fn, keep) end -- luacheck: ignore self
  function host:defer(fn, arg) loop:defer(fn, arg) end -- luacheck: ignore self
  function host:post(fn, arg) loop:defer(fn, arg) end -- luacheck: ignore self
  function host:after(delay_s, fn) -- luacheck: ignore self
    if delay_s <= 0 then return loop:defer(fn) end
    local timer
    timer = loop:timer(function()
      timer:close()
      fn()
    end, true)
    timer:start(delay_s)
  end
  function host:keep(object, wanted) -- luacheck: ignore self
    if (object.keeping or false) == wanted then return end
    object.keeping = wanted
    if wanted then loop:hold() else loop:release() end
  end
  function host:opened() end
  function host:forget() end
  return host
end

--- A pair of transports; what one writes the other reads.
---@param loop smpp.Loop
---@param peers? { a: { host: string, port: integer }?, b: { host: string, port: integer }? }  addresses of the ends;
---  default: "memory", ports 1 and 2
---@return smpp.Transport a
---@return smpp.Transport b
---@return smpp.Wire link  its faults: link.a_to_b, link.b_to_a, as in docs/loop.md
function memory.pair(loop, peers)
  peers = peers or {}
  local link = wire.new(host_of(loop), peers.a or { host = "memory", port = 1 }, peers.b or { host = "memory", port = 2 })
  return link.a, link.b, link
end

return memory
