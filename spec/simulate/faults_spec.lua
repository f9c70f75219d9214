local faults = require "smpp.simulate.faults"
local plan = require "smpp.simulate.plan"

describe("smpp.simulate.faults", function()
  it("are those of the plans", function()
    local count = 0
    for _, what in ipairs(plan.faults) do assert.equal("function", type(faults[what]), what) end
    for _ in pairs(faults) do count = count + 1 end
    assert.equal(#plan.faults, count)
  end)

  it("choose a message centre and a port by their number, and undo what lasts", function()
    local set, refused = {}, {}
    local function centre(name)
      return {
        default = "default", set = function(_, o) for key, value in pairs(o) do table.insert(set, name .. " " .. key .. " " .. tostring(value)) end end,
        drop = function(_, _, how) table.insert(set, name .. " " .. how) end,
      }
    end
    local stage = {
      centres = { centre "a", centre "b" }, ports = { 1, 2, 3 }, links = {},
      loop = { refuse = function(_, _, port, on) table.insert(refused, { port, on }) end },
    }
    faults.slow(stage, { link = 2, value = 5 })()
    faults.drop(stage, { link = 3 })
    faults.unbind(stage, { link = 4 })
    assert.same({ "b latency_s 5", "b latency_s default", "a reset", "b unbind" }, set)
    faults.refuse(stage, { link = 5 })()
    assert.same({ { 2 }, { 2, false } }, refused)
    for _, what in ipairs { "cut", "cut_after", "stall", "reload" } do assert.is_nil(faults[what](stage, { link = 1, octets = 1 }), what) end -- nothing is open
  end)
end)
