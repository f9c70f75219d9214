--- The client certificates that an account accepts: "cn:NAME", "dns:NAME", "sha256:HEX" (of the certificate) or "pin:PIN" (of
--- its public key); complete values are compared.
local kind = require "smpp.base.kind"
local pins = require "smpp.transport.pin"

local certificate = {}

local function hex_of(word)
  local hex = word:gsub(":", ""):lower()
  return #hex == 64 and not hex:find "%X" and hex or nil
end

--- A kind of requirement: normalizes its value (nil: malformed), and tests a certificate.
local DEMANDS = {
  cn = { read = function(word) return word ~= "" and word or nil end, meets = function(client, word) return client.cn == word end },
  dns = {
    read = function(word) return word ~= "" and word:lower() or nil end,
    meets = function(client, word)
      for _, name in ipairs(client.names.dns) do
        if name:lower() == word then return true end
      end
    end,
  },
  sha256 = { read = hex_of, meets = function(client, word) return client.fingerprint == word end },
  pin = { read = pins.read, meets = function(client, word) return client.pin == word end },
}

local function read(text)
  local name, word = text:match "^(%w+):(.*)$"
  local demand = name and DEMANDS[name]
  word = demand and demand.read(word)
  if word then return demand, word end
end

local one = {
  expected = '"cn:NAME", "dns:NAME", "sha256:HEX" or "pin:sha256/BASE64"',
  fits = function(value) return type(value) == "string" and read(value) ~= nil end,
  read = kind.string.read,
}

certificate.kind = kind.either(one, kind.list(one, "these"))

--- Checks the client certificate of an account; returns the reason for a refusal, nil: accepted.
---@param demands string|string[]  one of them must match
---@param client table?  of session.tls; nil: the peer sent no certificate
---@return string? reason
function certificate.mismatch(demands, client)
  if not client then return "no client certificate" end
  if type(demands) == "string" then demands = { demands } end
  for _, text in ipairs(demands) do
    local demand, word = read(text)
    if demand.meets(client, word) then return nil end
  end
  return ("client certificate mismatch: got %s, expected %s"):format(client.subject, table.concat(demands, " or "))
end

return certificate
