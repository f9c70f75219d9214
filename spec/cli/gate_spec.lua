local async = require "spec.support.async"
local gates = require "smpp.cli.gate"
local smpp = require "smpp"

describe("smpp.cli.gate", function()
  it("lets items through, holds them while it is paused, and ends the iteration when it is shut", async.virtual(function(loop)
    local gate, n, taken = gates.new(), 0, {}
    local next_item = gate:wrap(function()
      n = n + 1
      return n
    end)
    for _ = 1, 2 do
      smpp.spawn(function()
        local item = next_item()
        while item do
          taken[#taken + 1] = { item, loop:now() }
          smpp.sleep(1)
          item = next_item()
        end
        taken[#taken + 1] = "end"
      end)
    end
    smpp.sleep(0.5)
    gate:pause(true)
    smpp.sleep(5)
    assert.same({ { 1, 0 }, { 2, 0 } }, taken)
    gate:pause(false)
    smpp.sleep(0.1)
    assert.same({ 3, 5.5 }, taken[3])
    gate:pause(true)
    smpp.sleep(2)
    gate:shut()
    smpp.sleep(1)
    assert.same({ "end", "end" }, { taken[5], taken[6] })
    assert.equal(4, n)
  end))
end)
