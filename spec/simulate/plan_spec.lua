local plan = require "smpp.simulate.plan"

describe("smpp.simulate.plan", function()
  it("follows from its seed, and is plain data in the order of time", function()
    assert.same(plan.make(7), plan.make(7))
    assert.not_same(plan.make(7), plan.make(8))
    local seen = {}
    for seed = 1, 200 do
      local one = plan.make(seed)
      for _, name in ipairs { "messages", "faults" } do
        for i = 2, #one[name] do assert.is_true(one[name][i].at >= one[name][i - 1].at) end
      end
      for _, fault in ipairs(one.faults) do
        seen[fault.what] = true
        assert.is_true(fault.what ~= "reload" or #one.gateways == 1)
      end
      for _, gateway in ipairs(one.gateways) do seen[gateway.stored and "stored" or "through"] = true end
      for _, name in ipairs { "gateways", "bots" } do
        seen[name] = seen[name] or #one[name] == 1
        assert.is_true(#one[name] <= 1)
      end
      assert.equal(#one.bots == 1, #one.talks > 0)
      for _, message in ipairs(one.messages) do assert.is_true(message.client <= #one.clients and message.at <= one.seconds) end
    end
    for _, what in ipairs(plan.faults) do assert.is_true(seen[what], what) end
    assert.same({ true, true, true, true }, { seen.gateways, seen.bots, seen.stored, seen.through })
    assert.equal(33, plan.make(1, { seconds = 33 }).seconds)
  end)
end)
