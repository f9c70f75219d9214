-- What final messages of a simulator take, with a store that keeps all.  Arguments: receipts|none COUNT...
-- Prints, for each COUNT (ascending), by how many octets of resident memory the process has grown for each final message, after full collections.
-- Time is virtual, so that as many messages are open at a time on every machine.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local registered = arg[1] == "receipts" and 1 or 0
local WARM, AT_ONCE, PAUSE_S, FINAL_S = 20000, 1000, 0.1, 3 -- so 10,000 are open at a time: a message ends after a second

local function rss()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "VmRSS:%s*(%d+)"
    if kilobytes then return kilobytes * 1024 end
  end
end

local function collect()
  collectgarbage()
  collectgarbage()
end

smpp.run(function()
  local store = require("smpp.store").open("memory", { keep_final = 2 ^ 40, max_octets = 2 ^ 40 })
  local sim = assert(smpp.simulator { store = store })
  local received = 0
  local esme = assert(smpp.connect { "smpp://bench:bench@127.0.0.1:" .. sim.port, window = 100, deliver_sm = function() received = received + 1 end })
  local sent = 0
  local function send(count)
    while sent < count do
      local last = math.min(count, sent + AT_ONCE)
      smpp.each(function()
        if sent == last then return nil end
        sent = sent + 1
        return sent
      end, 100, function()
        assert(esme:submit_sm {
          source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491761234567",
          short_message = ("x"):rep(40), registered_delivery = registered,
        })
      end)
      smpp.sleep(PAUSE_S)
    end
    smpp.sleep(FINAL_S)
    collect()
    local open = store:load()
    assert(open == 0 and received == sent * registered)
  end
  send(WARM)
  local before = rss()
  for i = 2, #arg do
    local count = tonumber(arg[i])
    send(WARM + count)
    print(("%.0f"):format((rss() - before) / count))
    io.stdout:flush()
  end
  os.exit(0)
end, { loop = virtual.new { seed = 1, limit_s = 1e9 } })
