local scenario = require "smpp.scenario"
local simulate = require "smpp.simulate"
local stage = require "smpp.simulate.stage"

--- Runs fn with a bug that long messages show: a client keeps one in its queue.
local function with_bug(fn)
  local play = stage.play
  stage.play = function(plan)
    local record = play(plan)
    for _, message in ipairs(plan.messages) do
      if message.length > 300 then record.clients[message.client].stats.queued = 1 end
    end
    return record
  end
  local ok, err = pcall(fn)
  stage.play = play
  assert(ok, err)
end

describe("smpp.simulate", function()
  it("finds nothing in some seeds, twice the same way", function()
    for seed = 1, 14 do
      local result = simulate.seed(seed)
      assert.equal("ok", result.outcome, ("seed %d: %s: %s"):format(seed, tostring(result.kind), tostring(result.message)))
      if seed <= 3 then assert.equal(result.trace, simulate.seed(seed).trace) end
    end
  end)

  it("finds what runs leave in memory, at every 50th seed", function()
    local play, kept = stage.play, {}
    assert.equal("ok", simulate.seed(50, { only = { memory = true } }).outcome)
    stage.play = function(plan)
      kept[#kept + 1] = ("x"):rep(1000000) .. #kept
      return play(plan)
    end
    local result, other = simulate.seed(50, { only = { memory = true } }), simulate.seed(51, { only = { memory = true } })
    stage.play = play
    assert.same({ "violation", "memory", "ok" }, { result.outcome, result.kind, other.outcome })
    assert.is_truthy(result.message:find "^a run leaves %d+ KB in memory$")
  end)

  it("finds a bug, shrinks the plan, and the plan fails as a scenario with the same kind", function()
    with_bug(function()
      local result, plan
      for seed = 1, 100 do
        result, plan = simulate.seed(seed, { only = { books = true } })
        if result.outcome == "violation" then break end
      end
      assert.equal("books", result.kind)
      local left = 60
      local small = simulate.shrink(plan, "books", function()
        left = left - 1
        return left > 0
      end)
      assert.is_true(#small.messages < #plan.messages)
      assert.equal("books", simulate.play(small, { books = true }).kind)
      assert.same({ 1, 1 }, { #small.clients, #small.messages })
      local failed = scenario.run("x", { virtual = true }, function(t) simulate.scenario(t, small, "books") end)
      assert.equal("books", failed.failure.kind)
    end)
    local real = scenario.run("x", function(t) simulate.scenario(t, { clients = {} }) end)
    assert.same({ "skip", "t:simulate needs --virtual" }, { real.outcome, real.reason })
  end)
end)
