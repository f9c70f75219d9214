--- Which client certificates an account takes: "cn:NAME", "dns:NAME", "sha256:HEX" (of the certificate) or "pin:PIN" (of its
--- public key), compared whole.
local kind = require "smpp.base.kind"
local pins = require "smpp.transport.pin"

local certificate = {}

local function hex_of(word)
  local hex = word:gsub(":", ""):lower()
  return #hex == 64 and not hex:find "%X" and hex or nil
end

--- One kind of demand: the word in its usual form (nil: malformed), and whether a certificate meets it.
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

--- Why a certificate is not what an account demands; nil: it is.
---@param demands string|string[]  any of them
---@param client table?  of session.tls; nil: the peer gave none
---@return string? reason
function certificate.mismatch(demands, client)
  if not client then return "no client certificate" end
  if type(demands) == "string" then demands = { demands } end
  for _, text in ipairs(demands) do
    local demand, word = read(text)
    if demand.meets(client, word) then return nil end
  end
  return ("client certificate is %s, expected %s"):format(client.subject, table.concat(demands, " or "))
end

return certificate
