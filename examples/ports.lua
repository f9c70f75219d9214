-- Sends octets to an application port, as WAP push does: the port is in the user data header before the octets.
local smpp = require "smpp"

smpp.run(function()
  local url = arg[1] or "smpp://smppclient1:password@localhost"
  local esme = assert(smpp.connect {
    url,
    message = function(msg)
      local header = msg.parts[1].udh
      if header and header.ports then
        print(("%d octets from %s for port %d"):format(#msg.data, msg.from, header.ports.dest))
      else
        print("no port: " .. (msg.text or "octets"))
      end
    end,
  })
  local ports = { { name = "port_16bit", dest_port = 2948, orig_port = 9200 } }
  local sent = assert(esme:send { from = "12345", to = "+491761234567", data = ("\1\6"):rep(100), elements = ports })
  print(#sent.parts .. " parts, each with the ports in its header")

  -- The same with a header of one's own: esm_class 0x40 (UDHI) marks it.
  local header = assert(smpp.udh.encode(ports))
  assert(esme:submit_sm {
    destination_addr = "491761234567", dest_addr_ton = "international", dest_addr_npi = "isdn",
    esm_class = 0x40, data_coding = "binary", short_message = header .. "\1\6\3",
  })
end)
