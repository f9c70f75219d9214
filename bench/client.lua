-- A client: WINDOW tasks for each of its connections that call esme:submit_sm.
-- Arguments: PORT COUNT WINDOW CONNECTIONS WARM PID [receipts|tls].  Prints, for COUNT messages after WARM others: seconds, own CPU
-- seconds and, given its process id, those of the server.  With `receipts` each message requests a receipt, and all are awaited.
local smpp = require "smpp"
local loop = require("smpp.loop").current()

local port, count, window = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])
local connections, warm = tonumber(arg[4] or 1), tonumber(arg[5] or 0)
local registered, received = arg[7] == "receipts" and 1 or 0, 0

local function cpu_of(pid)
  if not pid then return 0 end
  local file, ticks = assert(io.open("/proc/" .. pid .. "/stat")), {}
  for word in file:read("*a"):match("%) (.*)"):gmatch "%S+" do ticks[#ticks + 1] = tonumber(word) or 0 end
  file:close()
  return (ticks[12] + ticks[13]) / 100
end

smpp.run(function()
  local esmes, text = {}, ("x"):rep(40)
  for i = 1, connections do
    esmes[i] = assert(smpp.connect { host = "127.0.0.1", port = port, system_id = "bench", password = "bench", window = window,
      tls = arg[7] == "tls" and { verify = false } or nil,
      deliver_sm = function() received = received + 1 end })
  end
  local function burst(n)
    local wall, cpu, peer = loop:precise(), os.clock(), cpu_of(arg[6])
    local left, expected = n, received + n * registered
    local function items()
      if left == 0 then return nil end
      left = left - 1
      return esmes[left % connections + 1]
    end
    smpp.each(items, window * connections, function(esme)
      assert(esme:submit_sm {
        source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1,
        destination_addr = "491761234567", short_message = text, registered_delivery = registered,
      })
    end)
    while received < expected do smpp.sleep(0.001) end
    return loop:precise() - wall, os.clock() - cpu, cpu_of(arg[6]) - peer
  end
  if warm > 0 then burst(warm) end
  print(("%.6f %.6f %.2f"):format(burst(count)))
  for _, esme in ipairs(esmes) do esme:close() end
end)
