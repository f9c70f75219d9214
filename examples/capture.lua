-- Writes the PDUs of a session to a pcapng file for Wireshark, then reads the file and prints the response times.
local smpp = require "smpp"
local pcap = require "smpp.capture"

local path = arg[1] or os.tmpname()

smpp.run(function()
  local esme = assert(smpp.connect "smpp://smppclient1:password@localhost")
  local trace = assert(smpp.trace.new(path))
  trace:follow(esme)
  local sent = assert(esme:send { from = "TestApp", to = "+491761234567", text = "Recorded.", receipt = true })
  assert(sent:receipt(10))
  esme:close()
  trace:close()
end)

local file = assert(io.open(path, "rb"))
local summary = assert(pcap.read(pcap.source(file), function(item)
  if item.kind ~= "pdu" then return end
  print(("%s -> %s  %s"):format(item.from, item.to, tostring(item.pdu)))
  if item.latency_s then print(("  answered after %.1f ms"):format(item.latency_s * 1000)) end
end))
file:close()
print(("%d PDUs, %d requests without an answer"):format(summary.pdus, #summary.unanswered))
if not arg[1] then os.remove(path) end
