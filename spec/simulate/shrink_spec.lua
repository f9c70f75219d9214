local plans = require "smpp.simulate.plan"
local shrink = require "smpp.simulate.shrink"

describe("smpp.simulate.shrink", function()
  it("keeps what is needed, and makes its numbers small", function()
    local plan
    for seed = 1, 1000 do
      plan = plans.make(seed)
      if #plan.gateways > 0 and #plan.bots > 0 and #plan.clients > 1 and #plan.faults > 3 and #plan.messages > 15 then break end
    end
    local function fails(one)
      local long, cut
      for _, message in ipairs(one.messages) do long = long or message.length >= 100 end
      for _, fault in ipairs(one.faults) do cut = cut or fault.what == plan.faults[2].what end
      return long and cut and one.seconds >= 3
    end
    local before = #plan.messages
    local small, runs = shrink.shrink(plan, function(one) return fails(one) or false end, function() return true end)
    assert.same({ 1, 1, 0, 1 }, { #small.clients, #small.messages, #small.replies, #small.faults })
    assert.same({ 0, 0, 0 }, { #small.gateways, #small.bots, #small.talks })
    assert.is_true(small.messages[1].length >= 100 and small.messages[1].length < 200)
    assert.same({ 0, 1 }, { small.messages[1].at, small.faults[1].link })
    assert.is_true(small.seconds >= 3 and small.seconds < plan.seconds)
    assert.equal(before, #plan.messages) -- the plan itself is not changed
    assert.is_true(runs > 5 and runs < 500)
  end)

  it("stops when it may not go on", function()
    local plan, left = plans.make(3), 5
    local _, runs = shrink.shrink(plan, function() return false end, function()
      left = left - 1
      return left > 0
    end)
    assert.is_true(runs < 5)
  end)
end)
