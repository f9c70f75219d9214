-- Codec benchmark: nanoseconds per decode, per field read, per encode.
local pdus = require "smpp.codec"

local fields = {
  command = "submit_sm", sequence_number = 7, source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1,
  dest_addr_npi = 1, destination_addr = "491761234567", short_message = ("x"):rep(40),
}
local octets = assert(pdus.encode(fields))
local N = 300000

local function time(fn)
  local best = math.huge
  for _ = 1, 5 do
    collectgarbage()
    local start = os.clock()
    fn()
    best = math.min(best, (os.clock() - start) / N * 1e9)
  end
  return best
end

local decode, encode = pdus.decode, pdus.encode
local view = decode(octets)
local names = {}
for name in view:fields() do names[#names + 1] = name end
local loop_ns = time(function() for _ = 1, N do local _ = names end end)

print(("decode to a view %.0f"):format(time(function() for _ = 1, N do decode(octets) end end) - loop_ns))
local sum = 0
for _, name in ipairs(names) do sum = sum + time(function() for _ = 1, N do local _ = view[name] end end) - loop_ns end
print(("read a field (average of all %d) %.0f"):format(#names, sum / #names))
print(("decode to a table %.0f"):format(time(function() for _ = 1, N do decode(octets):totable() end end) - loop_ns))
print(("encode a table %.0f"):format(time(function() for _ = 1, N do encode(fields) end end) - loop_ns))
