--- The behaviour of the service GatewayAPI, as its SMPP documentation describes it.
local REFERENCE = 0x0204
local COMMANDS = { submit_sm = true } -- besides binds, unbind, enquire_link and generic_nack

--- The user_message_reference as text: two octets are a number, other lengths are text.
local function reference_of(octets)
  if not octets then return "" end
  if #octets ~= 2 then return octets end
  return ("%d"):format(octets:byte(1) * 256 + octets:byte(2))
end

--- TON 0 is treated as 1; priority 3 is refused (needs an approval); ENROUTE is reported, too.
local function admit(_, message, pdu)
  if message.dest_addr_ton == 0 then message.dest_addr_ton = 1 end
  if message.priority_flag == 3 then message.priority_flag = 2 end
  message.reference_octets = pdu:tlv(REFERENCE)
  local delivery = message.registered_delivery
  if delivery % 4 > 0 and delivery % 32 < 16 then message.registered_delivery = delivery + 16 end
end

--- err: the low 12 bits of the SMS error code in base 10; text: the reference; in Latin-1.
local function receipt(_, message, pdu)
  local reference = message.reference_octets
  local tail = ("err:%03d text:"):format(message.error % 0x1000) .. reference_of(reference):sub(1, 20)
  if reference and #reference ~= 2 then pdu.tlvs = { { REFERENCE, reference } } end
  pdu.short_message = pdu.short_message:gsub("err:%S* text:.*$", function() return tail end)
  pdu.data_coding, pdu.esm_class = 3, 4
  return pdu
end

---@type smpp.Behaviour
return {
  settings = { error_codes = { UNDELIVERABLE = 0x107E, REJECTED = 0x1004, EXPIRED = 0x1001 } },
  server = {
    version = "3.4", profile = "gatewayapi", queue_limit = 25000, keep_s = 48 * 3600, spread = "round_robin", window = 10,
    checks = {
      ton = { 0, 1 }, data_coding = { 0, 1, 2, 3, 4, 6, 8, 24, 240 }, decodable = true, schedule = false,
      tlv_lengths = false, -- user_message_reference may be a text
    },
  },
  long = "payload",
  commands = COMMANDS,
  admit = admit,
  receipt = receipt,
}
