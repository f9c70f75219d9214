--- Passwords in octets that somebody will see.
local secrets = {}

--- The octets of a PDU with every octet of a password an asterisk.
---@param pdu smpp.Pdu
---@return string octets
---@return boolean hidden  whether there was one
function secrets.mask(pdu)
  local octets = pdu:octets()
  for _, place in ipairs(pdu:layout()) do
    if place.name == "password" and #place.value > 0 then
      local first = place.offset + 1
      return octets:sub(1, first - 1) .. ("*"):rep(#place.value) .. octets:sub(first + #place.value), true
    end
  end
  return octets, false
end

return secrets
