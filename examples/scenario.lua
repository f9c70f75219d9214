-- A test under virtual time: connections are cut in the middle of PDUs, and every message must have a known outcome.
-- It takes no real time, and the same seed makes the same run on every machine and every Lua.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local loop = virtual.new { seed = tonumber(arg[1]) or 7 }
loop:on_link(function(link)
  link.a_to_b.latency_s = 0.02
  link.b_to_a.latency_s = function() return 0.02 + 0.1 * loop:random() end
  link.b_to_a:cut_after(500 + math.floor(2000 * loop:random())) -- octets until it is cut
end)

smpp.run(function()
  local mc = assert(smpp.simulator())
  local received = 0
  mc:on("message", function() received = received + 1 end)

  local esme = assert(smpp.connect { "smpp://test:test@localhost", window = 20 })
  esme:on("state", function(state, _, reason) print(("%7.3f s  %s  %s"):format(loop:now(), state, reason or "")) end)

  local i = 0
  local counts = esme:send_all(function()
    i = i + 1
    if i <= 300 then return { from = "Test", to = "+491761234567", text = "number " .. i } end
  end)
  local unknown = counts.codes.connection_lost or 0
  print(("%d accepted, %d unknown, %d received"):format(counts.sent, unknown, received))
  assert(counts.sent + unknown == 300 and received >= counts.sent and received <= 300)

  esme:close()
  mc:close()
end, { loop = loop })
