local async = require "spec.support.async"
local behaviours = require "smpp.simulator.behaviours"
local smpp = require "smpp"

describe("smpp.simulator.behaviours", function()
  it("are found by their names, and others are refused with a list of them", function()
    local names = behaviours.names()
    for i, name in ipairs(names) do
      assert.is_table(behaviours.get(name).settings, name)
      assert.is_true(behaviours.kind.fits(name))
      assert.is_true(i == 1 or names[i - 1] < name)
    end
    assert.is_nil(behaviours.get "nonsense")
    for _, value in ipairs { "nonsense", 5, false } do assert.matches("healthy", behaviours.kind.explain(value).message) end
  end)

  it("are options that a simulator takes, under what is given beside them", async.virtual(function()
    for _, name in ipairs(behaviours.names()) do
      local sim = assert(smpp.simulator { behaviour = name, deliver_after_s = 7 })
      assert.equal(7, sim.settings.deliver_after_s, name)
      for key, value in pairs(behaviours.get(name).settings) do
        if key ~= "deliver_after_s" then assert.same(value, sim.settings[key], name .. " " .. key) end
      end
      sim:close(0)
    end
  end))
end)
