--- Text -> fields of a PDU: decides which field carries the octets of a part.
local compose = {}

local ON_AIR_MAX = 140 -- octets of one short message
local SHORT_MESSAGE_MAX = 254 -- 3.4, 4.4.1; 5.0 allows one more
local UDHI = 0x40

--- Puts octets into short_message, or into message_payload (3.4, 5.3.2.32) if they are too long for it,
--- or more than one short message and `payload` is asked for.
---@param fields table
---@param octets string
---@param payload? boolean
---@return table fields
function compose.put(fields, octets, payload)
  if #octets > SHORT_MESSAGE_MAX or (payload and #octets > ON_AIR_MAX) then
    fields.message_payload = octets
  else
    fields.short_message = octets
  end
  return fields
end

--- Puts one part of smpp.text.split into the fields of its PDU: octets, data_coding unless there is one, the bit in
--- esm_class for a user data header (UDHI), the sar TLVs.
---@param fields table  changed
---@param parts { octets: string }[]
---@param info smpp.TextInfo
---@param i integer  which part
---@param long? string  "payload", "sar", or another value of `udh` of smpp.text.split
---@return table fields
function compose.part(fields, parts, info, i, long)
  if fields.data_coding == nil then fields.data_coding = info.data_coding end
  local esm_class = fields.esm_class or 0
  if info.esm_class ~= 0 and type(esm_class) == "number" and esm_class % (2 * UDHI) < UDHI then
    fields.esm_class = esm_class + info.esm_class
  end
  if long == "sar" and #parts > 1 then
    fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = info.reference, #parts, i
  end
  return compose.put(fields, parts[i].octets, long == "payload")
end

return compose
