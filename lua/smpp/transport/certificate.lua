--- smpp.tls: what programs want of certificates beside connections: reading them, and a throw-away one.
local contexts = require "smpp.transport.tls_context"

local certificate = {}

local THROW_AWAY_DAYS = 30

local function entry(name)
  local bare = name:match "^%[(.*)%]$" or name
  local is_address = bare:find(":", 1, true) or bare:find "^%d+%.%d+%.%d+%.%d+$"
  return (is_address and "IP:" or "DNS:") .. bare
end

--- Makes a key (ECDSA P-256) and a certificate that it signs itself.
---@param o? { names: string[]?, days: integer? }  hosts and addresses it is for, beside this machine's; default 30 days
---@return { cert: string, key: string, pin: string }? made  PEM texts, for `tls`; the pin is for clients
---@return string? message
---@return string? code  "tls": TLS is not installed; "bad_value"
function certificate.self_signed(o)
  local openssl, message, code = contexts.openssl()
  if not openssl then return nil, message, code end
  o = o or {}
  local names, seen = {}, {}
  for _, list in ipairs { { "localhost", openssl.host_name(), "127.0.0.1", "::1" }, o.names or {} } do
    for _, name in ipairs(list) do
      local text = entry(name)
      if not seen[text] then names[#names + 1] = text end
      seen[text] = true
    end
  end
  local cert, key = openssl.self_signed("smpp", table.concat(names, ","), o.days or THROW_AWAY_DAYS)
  if not cert then return nil, key, "bad_value" end
  return { cert = cert, key = key, pin = openssl.certificates(cert)[1].pin }
end

--- Reads certificates.
---@param given string  a PEM file, or PEM text
---@return table[]? certificates  in their order; fields as those of session.tls.client (docs/tls.md)
---@return string? message
---@return string? code  "tls"
function certificate.read(given)
  local openssl, message, code = contexts.openssl()
  if not openssl then return nil, message, code end
  local text
  text, message = contexts.read_pem("certificate", given)
  if not text then return nil, message, "tls" end
  local list
  list, message = openssl.certificates(text)
  if not list then return nil, ("certificate %s: %s"):format(given, message), "tls" end
  return list
end

return certificate
