local cli = require "spec.support.cli"

describe("smpp simulate", function()
  it("runs seeds, in one process or several, with the same results", function()
    local code, out = cli.run { "simulate", "--seeds", "1..6", "--jobs", "1", "--json" }
    assert.equal(0, code)
    local objects = cli.objects(out)
    assert.same({ "seed", 1, "ok" }, { objects[1].event, objects[1].seed, objects[1].outcome })
    assert.same({ "summary", 6, 0 }, { objects[7].event, objects[7].seeds, objects[7].violations })
    local _, other = cli.run { "simulate", "--seeds", "1..6", "--jobs", "2", "--json" }
    local function traces(text)
      local list = {}
      for _, object in ipairs(cli.objects(text)) do list[#list + 1] = object.trace end
      return list
    end
    assert.same(traces(out), traces(other))
    code, out = cli.run { "simulate", "--seed", "3", "--trace" }
    assert.equal(0, code)
    assert.truthy(out:find "^ok  seed 3  %x+  %(.- s%)\n1 seeds, 0 violations\n$")
  end)

  it("lists the invariants, and refuses what there is not", function()
    local code, out = cli.run { "simulate", "--list" }
    assert.equal(0, code)
    cli.has(out, "receipt_lost         every receipt that was asked for arrives")
    cli.has(out, "nondeterministic")
    for _, words in ipairs { { "--only", "nothing" }, { "--seed", "1", "--seeds", "1..2" }, { "--seeds", "2..1" }, { "--plant", "../x" }, { "--plant", "none" } } do
      table.insert(words, 1, "simulate")
      assert.equal(2, (cli.run(words)))
    end
  end)

  it("shrinks a violation, and writes a scenario that fails with its kind", function()
    local path = os.tmpname()
    local stage = require "smpp.simulate.stage"
    local play = stage.play
    stage.play = function(plan)
      local record = play(plan)
      if #plan.messages >= 3 then record.errors[1] = "planted" end
      return record
    end
    local code, out = cli.run { "simulate", "--seed", "2", "--out", path, "--shrink-for", "5" }
    local tested, words = cli.run { "test", path, "--virtual", "--json" }
    stage.play = play
    os.remove(path)
    assert.equal(1, code)
    cli.has(out, "violation  seed 2  raised: planted")
    cli.has(out, "again: smpp simulate --seed 2")
    assert.truthy(out:find("shrunk to 0 faults and 3 messages in %d+ runs: smpp test " .. path:gsub("%p", "%%%0") .. " %-%-virtual"), out)
    assert.equal(1, tested)
    assert.equal("raised", cli.objects(words)[1].failure.kind)
  end)
end)
