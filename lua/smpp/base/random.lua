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

--- Unpredictable octets from /dev/urandom; without it (weaker) from the clock and the address of a table.
---@param count integer
---@return string
function random.octets(count)
  local file = io.open("/dev/urandom", "rb")
  if file then
    file:setvbuf "no" -- else a page is read
    local octets = file:read(count)
    file:close()
    if octets and #octets == count then return octets end
  end
  local address = tonumber(tostring({}):match "0x(%x+)" or "0", 16)
  return random.fill(random.generator(os.time() * 1000003 + os.clock() * 1000000 + address % 1000003), count)
end

--- Octets from a generator.
---@param number fun(): number  in [0,1)
---@param count integer
---@return string
function random.fill(number, count)
  local octets = {}
  for i = 1, count do octets[i] = string.char(math.floor(number() * 256)) end
  return table.concat(octets)
end

return random
