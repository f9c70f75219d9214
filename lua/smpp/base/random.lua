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

--- Octets that no peer can guess, as the seed of a map against keys made to collide.
---@param loop smpp.Loop
---@param count integer
---@return string
function random.octets(loop, count)
  local octets = {}
  for i = 1, count do octets[i] = string.char(math.floor(loop:random() * 256)) end
  return table.concat(octets)
end

return random
