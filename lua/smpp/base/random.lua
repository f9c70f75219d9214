--- Pseudo-random numbers that are the same on every Lua, for runs that can be repeated.
local random = {}

--- A generator of numbers in [0,1) that is the same on every Lua (Park and Miller's).
---@param seed number
---@return fun(): number
function random.generator(seed)
  local state = math.floor(seed) % 2147483646 + 1
  local function following()
    state = (state * 16807) % 2147483647
    return (state - 1) / 2147483646
  end
  for _ = 1, 4 do following() end -- small seeds give small first numbers
  return following
end

return random
