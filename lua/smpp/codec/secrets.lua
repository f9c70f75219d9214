--- Masks passwords in octets that are shown.  In a truncated or malformed PDU everything that may be a password is masked.
local core = require "smpp.core"

local secrets = {}

local HAS_PASSWORD = {} -- command_id -> true
for _, command in ipairs(core.protocol.commands()) do
  for _, param in ipairs(command.params) do
    if param.name == "password" then HAS_PASSWORD[command.id] = true end
  end
end

local HEADER_OCTETS = 16

--- The range of octets of a PDU that are, or may be, its password.
---@param pdu smpp.Pdu
---@return integer? first  from 1; nil: none
---@return integer? last
function secrets.range(pdu)
  if not HAS_PASSWORD[pdu.command_id] then return nil end
  local first = HEADER_OCTETS + 1
  for _, place in ipairs(pdu:layout()) do
    if place.name == "password" then
      if place.value == "" then return nil end
      return place.offset + 1, place.offset + #place.value
    end
    if place.name == "system_id" then first = place.offset + place.length + 1 end -- the password stands behind it
  end
  if first > pdu.command_length then return nil end
  return first, pdu.command_length
end

--- The octets of a PDU with every octet of a password an asterisk.
---@param pdu smpp.Pdu
---@return string octets
---@return boolean hidden  whether there was one
function secrets.mask(pdu)
  local octets = pdu:octets()
  local first, last = secrets.range(pdu)
  if not first then return octets, false end
  return octets:sub(1, first - 1) .. ("*"):rep(last - first + 1) .. octets:sub(last + 1), true
end

--- Returns true if octets of an incomplete PDU may contain a password; always, if their beginning is missing.
---@param octets string
---@param is_part boolean  they are a part of something that began before them
---@return boolean
function secrets.may_hold(octets, is_part)
  return is_part or octets:find("%z%z%z[\1\2\9\11]%z%z%z%z") ~= nil -- the header of a bind or an outbind
end

return secrets
