local random = require "smpp.base.random"

describe("smpp.base.random", function()
  it("makes the same numbers from a seed on every Lua", function()
    local following, list = random.generator(1), {}
    for i = 1, 5 do list[i] = ("%.9f"):format(following()) end
    assert.same({ "0.065534474", "0.437918372", "0.094089232", "0.357729433", "0.358592811" }, list)
  end)

  it("makes octets from a loop's numbers", function()
    local n = 0
    local loop = { random = function() n = n + 1 return (n - 1) / 4 end }
    assert.equal("\0\64\128\192", random.octets(loop, 4))
  end)
end)
