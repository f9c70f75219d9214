--- The throw-away certificate of a simulator that is asked for TLS and given none.
local certificates = require "smpp.transport.certificate"
local schema = require "smpp.base.schema"

local certificate = {}

local function lacks_one(tls) return tls == true or type(tls) == "table" and not tls.cert and not (tls.certs and tls.certs[1]) end

--- Options of a server, with a certificate wherever TLS has none.
---@param o table  options of a server
---@return table? o      the same, where nothing is lacking
---@return string? pin_or_message  of the certificate made; nil: none was
---@return string? code  "tls"
function certificate.fill(o)
  local pin, message, code
  local function filled(address)
    if not lacks_one(address.tls) then return address end
    local made
    made, message, code = certificates.self_signed { names = { address.host } }
    if not made then return address end
    pin = pin or made.pin
    return schema.merge(address, { tls = schema.merge(address.tls ~= true and address.tls or nil, { cert = made.cert, key = made.key }) })
  end
  o = filled(o)
  if o.listen then
    local list = {}
    for i, address in ipairs(o.listen) do list[i] = filled(address) end
    o = schema.merge(o, { listen = list })
  end
  if message then return nil, message, code end
  return o, pin
end

return certificate
