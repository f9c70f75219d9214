-- A client that binds, prints a line and stays bound.  Argument: PORT.
local smpp = require "smpp"

smpp.run(function()
  assert(smpp.connect { host = "127.0.0.1", port = tonumber(arg[1]), system_id = "bench", password = "bench" })
  print "bound"
  io.stdout:flush()
  smpp.sleep(60)
end)
