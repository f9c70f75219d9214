--- Bound C sessions of both roles, without a connection.
local pdus = require "smpp.codec"

local bound = {
  BIND = { system_id = "a", password = "b", system_type = "", interface_version = 0x34, address_range = "" }, -- fields of a bind
}

--- That of an ESME, and the slots of its bind_resp.
function bound.esme(options)
  local esme, slots = pdus.codec.session(options or { role = "esme", now = 0 }), {}
  local sequence = esme:request(0x09, bound.BIND, "the bind", 0)
  esme:receive(pdus.encode { command = "bind_transceiver_resp", sequence_number = sequence, system_id = "mc" }, 0, slots)
  return esme, slots
end

--- That of an MC, with the octets of its bind_resp taken, and a table for slots.
function bound.mc(codec)
  local mc, slots = (codec or pdus.codec).session { role = "mc", now = 0 }, {}
  local bind = pdus.encode { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 }
  mc:receive(bind, 0, slots)
  assert(mc:respond(slots[2], {}, 0))
  mc:poll(slots)
  mc:output()
  return mc, slots
end

return bound
