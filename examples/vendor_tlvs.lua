-- Names for vendor TLVs.  India's regulator requires an entity and a template id in every message; each carrier has its own tags.
local smpp = require "smpp"

-- On one connection: a profile.  For all of this Lua state: smpp.declare_tlv { tag =, name =, type = }.
local profile = {
  tlvs = {
    { tag = 0x1400, name = "pe_id", type = "cstring" },
    { tag = 0x1401, name = "template_id", type = "cstring" },
  },
}

smpp.run(function()
  local esme = assert(smpp.connect {
    "smpp://smppclient1:password@localhost",
    profile = profile,
    defaults = { pe_id = "1201159080000000000" }, -- with every message
  })
  esme:on("pdu", function(pdu, direction) print(direction, pdu) end)
  assert(esme:send { from = "MYBANK", to = "+919876543210", text = "Your card was used.", template_id = "1207161000000000000" })

  -- TLVs without a name are sent and read by tag.
  assert(esme:send { from = "MYBANK", to = "+919876543210", text = "Bye.", tlvs = { { 0x2FFF, "\1\2" } } })
end)
