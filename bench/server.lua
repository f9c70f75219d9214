-- A server whose submit_sm handler reads four fields.  Prints its port; runs until killed.  Arguments: [tls [no-tickets]].
local smpp = require "smpp"

local tls
if arg[1] == "tls" then
  local made = assert(smpp.tls.self_signed())
  tls = { cert = made.cert, key = made.key, tickets = arg[2] ~= "no-tickets" }
end

smpp.run(function()
  local n, read = 0, 0
  local server = assert(smpp.server {
    port = 0, max_connections = 20000, backlog = 1024, tls = tls,
    submit_sm = function(_, pdu)
      local text = pdu.short_message
      read = read + #pdu.source_addr + #pdu.destination_addr + pdu.data_coding + #text
      n = n + 1
      return tostring(n)
    end,
  })
  io.stdout:write(server.port, "\n")
  io.stdout:flush()
end)
