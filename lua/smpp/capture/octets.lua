--- Integers in octets, either byte order, and reading octets of a capture.
local octets = {}

local byte = string.byte

--- 16 bits, the high octet first, at a position.
function octets.be16(s, at)
  local a, b = byte(s, at, at + 1)
  return a * 256 + b
end

--- 32 bits, the high octet first.
function octets.be32(s, at)
  local a, b, c, d = byte(s, at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

--- 16 bits, the low octet first.
function octets.le16(s, at)
  local a, b = byte(s, at, at + 1)
  return b * 256 + a
end

--- 32 bits, the low octet first.
function octets.le32(s, at)
  local a, b, c, d = byte(s, at, at + 3)
  return ((d * 256 + c) * 256 + b) * 256 + a
end

--- A function that gives the next octets: read(n) -> up to n of them, nil at the end.
---@param from string|file*  the octets themselves, or an object with :read(n)
---@param first? string  octets that were read from it already
---@return fun(n: integer): string?
function octets.source(from, first)
  if type(from) == "string" then
    local at = 1
    return function(n)
      if at > #from then return nil end
      local piece = from:sub(at, at + n - 1)
      at = at + n
      return piece
    end
  end
  local rest = first or ""
  return function(n)
    if rest == "" then return from:read(n) end
    local piece = rest:sub(1, n)
    rest = rest:sub(n + 1)
    if #piece < n then piece = piece .. (from:read(n - #piece) or "") end
    return piece
  end
end

return octets
