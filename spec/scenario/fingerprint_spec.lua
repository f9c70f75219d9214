local fingerprint = require "smpp.scenario.fingerprint"

describe("smpp.scenario.fingerprint", function()
  local function digest(...)
    local f = fingerprint.new()
    f:add(...)
    return f:digest()
  end

  it("is the same on every Lua", function()
    assert.equal("0001003f00010ece", digest(""))
    assert.equal(digest("a", "b"), digest("a", "b"))
    local f = fingerprint.new()
    for i = 1, 1000 do f:add(("%d"):format(i), "\0\255") end
    assert.equal(16, #f:digest())
    assert.equal("9e40ecb1c7ce0ad6", f:digest())
  end)

  it("tells octets, their order and their pieces apart", function()
    local seen = {}
    for _, one in ipairs { digest "", digest "\0", digest "\0\0", digest("a", "b"), digest("ab"), digest("ba"), digest("b", "a") } do
      assert.is_nil(seen[one])
      seen[one] = true
    end
  end)
end)
