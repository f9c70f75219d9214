local collector = require "smpp.cli.collector"
local virtual = require "smpp.loop.virtual"

describe("smpp.cli.collector", function()
  it("of a bot pauses shorter where the heap is large", function()
    if _VERSION ~= "Lua 5.4" then return end
    local was, pauses = collectgarbage "generational", {}
    local loop = virtual.new {}
    local stop = collector.for_bot(loop)
    local function look()
      loop:advance(1.5)
      pauses[#pauses + 1] = collectgarbage("setpause", 200)
    end
    local modes = { collectgarbage "generational", collectgarbage "incremental" }
    collectgarbage()
    local large = collectgarbage "count" > 30000
    look()
    local ballast = ("x"):rep(40 * 1024 * 1024)
    look()
    assert.equal(40 * 1024 * 1024, #ballast)
    stop()
    look()
    collectgarbage(was)
    assert.equal("incremental", modes[1])
    assert.same({ large and 140 or 400, 140, 200 }, pauses)
  end)

  it("of a gateway on Lua 5.4 is one of generations, with short ones", function()
    if _VERSION ~= "Lua 5.4" then return end
    local was = collectgarbage "incremental"
    collector.for_gateway(false)
    local mode = collectgarbage "incremental"
    collectgarbage(was)
    assert.equal("generational", mode)
  end)
end)
