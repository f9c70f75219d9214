-- Messages that wait in the store of a gateway, as `smpp gateway` writes them: its carrier was away all day.
-- Arguments: FILE COUNT.
local codec = require("smpp.codec").codec
local stores = require "smpp.store"

local path, count = arg[1], tonumber(arg[2])
local store = assert(stores.open("sqlite:" .. path, { threads = false, by_address = false, loop = require("smpp.loop.virtual").new { seed = 1 } }))
local BATCH, DAY_S = 1000, 86400
local now = os.time()

local function record_of(i)
  local to = ("4917%08d"):format(i)
  local octets = assert(codec.encode {
    command = "submit_sm", source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = to,
    short_message = "the quick brown fox jumps over the lazy ",
  })
  local id = ("18bcfe56800%07x"):format(i)
  return {
    key = id, id = id, state = "ENROUTE", system_id = "test", source_addr = "TestApp", destination_addr = to, submitted = now,
    expires = now + 2 * DAY_S, octets = octets, registered_delivery = 0, bound = "trx",
  }
end

for first = 1, count, BATCH do
  local changes = {}
  for i = first, math.min(count, first + BATCH - 1) do changes[#changes + 1] = { op = "add", kind = "message", record = record_of(i) } end
  local ok, message
  store:commit(changes, function(...) ok, message = ... end)
  assert(ok, message)
end
store:close()
