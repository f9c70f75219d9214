local random = require "smpp.base.random"

describe("smpp.base.random", function()
  it("makes the same numbers from a seed on every Lua", function()
    local following, list = random.generator(1), {}
    for i = 1, 5 do list[i] = ("%.9f"):format(following()) end
    assert.same({ "0.065534474", "0.437918372", "0.094089232", "0.357729433", "0.358592811" }, list)
  end)

  it("makes octets of a generator's numbers", function()
    local n = 0
    assert.equal("\0\64\128\192", random.fill(function() n = n + 1 return (n - 1) / 4 end, 4))
  end)

  it("has octets of the system, never the same", function()
    local seen = {}
    for _ = 1, 50 do
      local octets = random.octets(16)
      assert.equal(16, #octets)
      assert.is_nil(seen[octets])
      seen[octets] = true
    end
    assert.equal("", random.octets(0))
  end)

  it("has other octets where the system has none, and none is asked for twice", function()
    local open = io.open
    finally(function() io.open = open end) -- luacheck: ignore 122
    io.open = function() return nil end -- luacheck: ignore 122
    assert.equal(16, #random.octets(16))
  end)
end)
