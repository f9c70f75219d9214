-- A client: WINDOW tasks that call esme:submit_sm.  Arguments: PORT COUNT WINDOW.
-- Prints seconds and CPU seconds of COUNT messages, after a tenth as many to warm up.
local smpp = require "smpp"
local loop = require("smpp.loop").current()

local port, count, window = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])

smpp.run(function()
  local esme = assert(smpp.connect { host = "127.0.0.1", port = port, system_id = "bench", password = "bench", window = window })
  local text = ("x"):rep(40)
  local function burst(n)
    local wall, cpu = loop:precise(), os.clock()
    local left = n
    local function items()
      if left == 0 then return nil end
      left = left - 1
      return true
    end
    smpp.each(items, window, function()
      assert(esme:submit_sm {
        source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1,
        destination_addr = "491761234567", short_message = text,
      })
    end)
    return loop:precise() - wall, os.clock() - cpu
  end
  burst(math.max(window, math.floor(count / 10)))
  local wall, cpu = burst(count)
  print(("%.6f %.6f"):format(wall, cpu))
  esme:close()
end)
