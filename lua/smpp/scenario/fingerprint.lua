--- A running hash of a run: the same on every Lua, in every process.
local byte, floor = string.byte, math.floor

---@class smpp.Fingerprint
local Fingerprint = {}
local mt = { __index = Fingerprint, __name = "smpp.Fingerprint" }

local fingerprint = {}

-- Two polynomials modulo primes below 2^32; products stay below 2^53, exact also where numbers are doubles.
local P, Q = 4294967291, 4294967279
local A, B = 65599, 69069

---@return smpp.Fingerprint
function fingerprint.new() return setmetatable({ a = 1, b = 1 }, mt) end

--- Adds octets.
---@param ... string
function Fingerprint:add(...)
  local a, b = self.a, self.b
  for i = 1, select("#", ...) do
    local octets = select(i, ...)
    for at = 1, #octets do
      local c = byte(octets, at) + 1
      a, b = (a * A + c) % P, (b * B + c) % Q
    end
    a, b = (a * A) % P, (b * B + 257) % Q -- where one piece ends
  end
  self.a, self.b = a, b
end

--- What was added so far, as 16 hex digits.
---@return string
function Fingerprint:digest()
  local function word(n) return ("%04x%04x"):format(floor(n / 65536), n % 65536) end
  return word(self.a) .. word(self.b)
end

return fingerprint
