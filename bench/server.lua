-- A server whose submit_sm handler reads four fields.  Prints its port; ends when killed.
local smpp = require "smpp"

smpp.run(function()
  local n = 0
  local server = assert(smpp.server {
    port = 0, max_connections = 20000,
    submit_sm = function(_, pdu)
      local _, _, _, _ = pdu.source_addr, pdu.destination_addr, pdu.data_coding, pdu.short_message
      n = n + 1
      return tostring(n)
    end,
  })
  io.stdout:write(server.port, "\n")
  io.stdout:flush()
end)
