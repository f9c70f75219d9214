--- How the collector works in programs that run for long (docs/performance.md).
local collector = {}

local jit = rawget(_G, "jit")
local is_generational = _VERSION == "Lua 5.4" -- its command starts so; other Luas have no such mode

-- Of a gateway on Lua 5.4: what is allocated between two young collections.  Each stops all else, for as long as there is young; but a
-- message that waits for the disk should not live longer than two of them.
local NURSERY_KIB, NURSERY_STORED_KIB = 512, 4096

--- A gateway: many small steps, since a message waits for each.
---@param is_stored boolean
function collector.for_gateway(is_stored)
  collectgarbage() -- of reading the file
  if jit then
    collectgarbage("setpause", 200)
    collectgarbage("setstepmul", 25) -- what is made meanwhile is mostly garbage, and marked by nobody: a cycle ends all the same
  elseif is_generational then
    local nursery_kib = is_stored and NURSERY_STORED_KIB or NURSERY_KIB
    collectgarbage("generational", math.max(2, math.min(60, math.floor(100 * nursery_kib / collectgarbage "count"))), 100)
  else
    collectgarbage("setpause", 400)
  end
end

-- Of a bot on Lua 5.4: a heap above which the pause is short, and how often it is looked at.
local LARGE_KIB, LOOK_S = 32768, 1

--- A bot, where a hundred thousand coroutines may sleep: each young collection of Lua 5.4 would visit all of them, and what becomes old while
--- its message is handled would stay until the heap has doubled.
---@param loop smpp.Loop
---@return fun() stop  looks at the heap no more
function collector.for_bot(loop)
  if not is_generational then return function() end end
  collectgarbage("incremental", 400, 200)
  local timer
  timer = loop:timer(function()
    collectgarbage("setpause", collectgarbage "count" > LARGE_KIB and 140 or 400)
    timer:start(LOOK_S)
  end)
  timer:start(LOOK_S)
  return function() timer:close() end
end

return collector
