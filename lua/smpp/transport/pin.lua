--- Pins: the SHA-256 of a public key (DER SubjectPublicKeyInfo, RFC 7469), as people write it.
local pins = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- Base64 of 32 octets given in hex.
local function of_hex(hex)
  local out, bits, held = {}, 0, 0
  for digit in hex:gmatch "%x" do
    held, bits = held * 16 + tonumber(digit, 16), bits + 4
    if bits >= 6 then
      local rest = 2 ^ (bits - 6)
      local index = math.floor(held / rest)
      out[#out + 1] = ALPHABET:sub(index + 1, index + 1)
      held, bits = held % rest, bits - 6
    end
  end
  local index = held * 2 ^ (6 - bits) -- 256 bits leave four
  out[#out + 1] = ALPHABET:sub(index + 1, index + 1)
  return table.concat(out) .. "="
end

--- One pin in its usual form.
---@param text string  sha256/BASE64, sha256//BASE64, base64url, without padding, or hex with or without colons
---@return string? pin  "sha256/BASE64"; nil: malformed
function pins.read(text)
  local body = text:gsub("^[Ss][Hh][Aa]256/", "")
  local hex = body:gsub("^/", ""):gsub(":", "")
  if #hex == 64 and not hex:find "%X" then return "sha256/" .. of_hex(hex) end
  local base64 = body:gsub("-", "+"):gsub("_", "/"):gsub("=$", "")
  if #base64 == 44 then base64 = base64:gsub("^/", "") end -- sha256//, not a digest that begins with a slash
  if #base64 ~= 43 or base64:find "[^%w+/]" then return nil end
  return "sha256/" .. base64 .. "="
end

return pins
