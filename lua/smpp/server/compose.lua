--- Composes the PDUs of a message for an ESME, from { from, to, text } or the fields of a request.
local address = require "smpp.codec.address"
local mistake = require "smpp.base.mistake"
local smpp_text = require "smpp.text"
local text_compose = require "smpp.text.compose"

local compose = {}

-- Options that are not fields of the PDU.
local OWN = { from = true, to = true, text = true, data = true, encoding = true, long = true, reference = true, parts = true }

--- Tests whether a table has the options from, to, text or data, and not only fields of a PDU.
---@param o table
---@return boolean
function compose.is_message(o)
  return type(o) == "table" and (o.from ~= nil or o.to ~= nil or o.text ~= nil or o.data ~= nil or o.parts ~= nil)
end

--- The error for the key of a message that is neither one of these nor a field of its PDU.
---@param o table
---@param codec table
---@return smpp.Mistake?  nil: all are known
function compose.unknown_key(o, codec)
  for name in pairs(o) do
    if type(name) ~= "string" then return mistake.new "expected name = value, got a value without a name" end
    local known, like = codec.field(o.command or "deliver_sm", name)
    if not known and not OWN[name] and name ~= "tlvs" then return mistake.unknown(name, OWN, like) end
  end
end

local function put_address(fields, value, role)
  if value == nil then return true end
  local found, message, code = address.source(value) -- an ESME may have an alphanumeric address
  if not found then return nil, message, code end
  local prefix = role == "source" and "source_addr" or "dest_addr"
  fields[role == "source" and "source_addr" or "destination_addr"] = found.addr
  fields[prefix .. "_ton"], fields[prefix .. "_npi"] = found.ton, found.npi
  return true
end

---@class smpp.ServerMessage  and fields of a deliver_sm by their names
---@field from string|table|nil  "+491761234567", "Shop", or { addr, ton, npi }
---@field to string|table|nil
---@field text string?      UTF-8; split into parts if it is too long for one
---@field data string?      octets instead (data_coding 4)
---@field encoding string?  of the text, default: the cheapest
---@field long "concat_8bit"|"concat_16bit"|"sar"|"payload"|nil  how a long text is carried, default concat_8bit
---@field reference integer|fun(): integer|nil  reference number of the parts
---@field parts (smpp.Pdu|table)[]?  instead of all above: PDUs as received

--- The PDUs of a message.
---@param o smpp.ServerMessage
---@return table[]? list  fields of a deliver_sm each
---@return string? message
---@return string? code  as smpp.text.split and smpp.codec.address.source
function compose.pdus(o)
  if o.parts then return o.parts end
  local base = {}
  for name, value in pairs(o) do
    if not OWN[name] then base[name] = value end
  end
  local ok, message, code = put_address(base, o.from, "source")
  if ok then ok, message, code = put_address(base, o.to, "destination") end
  if not ok then return nil, message, code end
  if not o.text then
    if o.data and base.data_coding == nil then base.data_coding = 4 end
    return { o.data and text_compose.put(base, o.data) or base }
  end
  local long = o.long or "concat_8bit"
  local parts, info
  parts, info, code = smpp_text.split(o.text, { encoding = o.encoding, udh = long, reference = o.reference })
  if not parts then return nil, info, code end
  local list = {}
  base.esm_class = base.esm_class or 0
  for i = 1, #parts do
    local fields = {}
    for name, value in pairs(base) do fields[name] = value end
    fields.data_coding = nil -- set by the encoding of the text
    list[i] = text_compose.part(fields, parts, info, i, long)
  end
  return list
end

return compose
