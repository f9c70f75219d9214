local core = require "smpp.core"
local tracker = require "smpp.receipt.tracker"

--- Resident memory of this process, in octets.
local function resident()
  collectgarbage()
  collectgarbage()
  local file = io.open "/proc/self/status"
  if not file then return nil end
  local kib = file:read("*a"):match "VmRSS:%s+(%d+) kB"
  file:close()
  return tonumber(kib) * 1024
end

describe("a tracker", function()
  it("with a million open messages takes less than 200 MB, though ids are UUIDs", function()
    local before = resident()
    if not before then return pending "no /proc here" end
    local function id(i) return ("%08x-1234-4321-abcd-0123456789ab"):format(i) end
    local store = core.map.new(0, 48 * 3600)
    local t = tracker.new { store = store, id_base = "as-is" }
    for i = 1, 1000000 do t:accepted(i, 1, id(i), 0, "491761234567") end
    assert.equal(1000000, t:count())
    local mine = resident() - before
    assert.is_true(mine < 200e6, ("%.0f MB"):format(mine / 1e6))
    assert.is_true(store:memory() < 200e6)
    assert.equal(777, t:receipt({ id = id(777), state = "DELIVERED", final = true, err = "" }, 1).handle)
  end)
end)
