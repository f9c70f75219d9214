-- Connections of TLS that are made and closed, 16 at a time.  Arguments: PORT COUNT PID.  Prints how many a second, own CPU µs for
-- each, and those of the server, by its process id.
local loop = require("smpp.loop").current()
local smpp = require "smpp"
local transports = require "smpp.transport"

local port, count, pid = tonumber(arg[1]), tonumber(arg[2]), arg[3]

local function cpu_of_server()
  local file, ticks = assert(io.open("/proc/" .. pid .. "/stat")), {}
  for word in file:read("*a"):match("%) (.*)"):gmatch "%S+" do ticks[#ticks + 1] = tonumber(word) or 0 end
  file:close()
  return (ticks[12] + ticks[13]) / 100
end

smpp.run(function()
  local chain = assert(transports.chain("connect", { host = "127.0.0.1", port = port, tls = { verify = false } }))
  local function make(n)
    local left = n
    smpp.each(function()
      left = left - 1
      return left >= 0 or nil
    end, 16, function()
      local transport = assert(chain:connect(loop, { host = "127.0.0.1", port = port, connect_timeout_s = 10, timeout_s = 10 }))
      transport:close()
    end)
  end
  make(100)
  local start, own, server = loop:precise(), os.clock(), cpu_of_server()
  make(count)
  local seconds = loop:precise() - start
  print(("%.0f %.0f %.0f"):format(count / seconds, (os.clock() - own) / count * 1e6, (cpu_of_server() - server) / count * 1e6))
end)
