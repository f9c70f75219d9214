local scenario = require "smpp.scenario"
local scenarios = require "spec.support.scenarios"

local fails, passes, on_both = scenarios.fails, scenarios.passes, scenarios.passes_on_both

describe("smpp.scenario.steps: tasks", function()
  it("go: results, with the line of an error in it", function()
    passes(function(t)
      local task = t:go(function(a, b)
        t:pause(1)
        return a + b, nil, 7
      end, 1, 2)
      t:equal({ task:result() }, { 3, nil, 7 })
      t:equal({ task:result() }, { 3, nil, 7 })
    end)()
    fails("raised", "^broken$", function(t)
      t:go(function()
        t:pause(1)
        error "broken"
      end)
      t:pause(5)
    end, nil, 3)
    fails("limit", "the task of line %d+ has not ended within 1 s", function(t) t:go(function() t:pause(3) end):result(1) end)
  end)

  it("a task that still runs has one second, then it has failed", function()
    passes(function(t) t:go(function() t:pause(0.9) end) end)()
    fails("left_running", "the task of line %d+ has not ended", function(t)
      t:check(true)
      t:go(function() t:pause(2) end)
    end, nil, 2)
  end)

  it("parallel: all, and the first failure stops the others", function()
    passes(function(t)
      local seen = {}
      t:parallel(function() t:pause(2) seen[#seen + 1] = "b" end, function() t:pause(1) seen[#seen + 1] = "a" end)
      t:equal({ seen, t:now() }, { { "a", "b" }, 2 })
    end)()
    local went_on
    fails("check", "^no$", function(t)
      t:parallel(function()
        t:pause(2)
        went_on = true
      end, function() t:fail "no" end)
    end)
    assert.is_nil(went_on)
  end)

  it("times, pause, random, seed", function()
    local function draw(seed)
      local list = {}
      scenarios.passes(function(t)
        t:times(3, function(i) list[i] = t:random(1, 1000000) end)
        t:pause(0.5)
        t:equal({ t:now(), t.seed, t.clock }, { 0.5, seed, "virtual" })
        t:check(t:random() < 1 and t:random(1) == 1)
      end, { seed = seed })()
      return table.concat(list, " ")
    end
    assert.equal(draw(3), draw(3))
    assert.not_equal(draw(3), draw(4))
  end)

  it("within: fails at the line inside that waited", function()
    passes(function(t) t:equal(t:within(1, function() return 7 end), 7) t:pause(2) end)()
    fails("limit", "not finished within 1 s", function(t)
      local smsc = t:smsc()
      t:within(1, function()
        smsc:expect "submit_sm"
      end)
    end, nil, 3)
  end)

  it("inject: rows of a file beside the script", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write "to;name\n491;Ann\n492;\"B;b\"\n"
    file:close()
    passes(function(t)
      local list = {}
      for row in t:inject(path) do list[#list + 1] = row.to .. row.name end
      t:equal(list, { "491Ann", "492B;b" })
    end)()
    os.remove(path)
    fails("script", "inject: cannot read nowhere.csv", function(t) t:inject "nowhere.csv" end)
  end)
end)

describe("smpp.scenario.steps: checks", function()
  it("check, fail, assert and error", function()
    passes(function(t) t:equal(t:check(5), 5) end)()
    fails("check", "^check failed: the value is nil$", function(t) t:check(nil) end, nil, 0)
    fails("check", "^why$", function(t) t:check(false, "why") end)
    fails("raised", "^oops$", function() assert(false, "oops") end, nil, 0)
    fails("raised", "^an error object$", function() error {} end, nil, 0)
    fails("raised", "attempt to", function(t) t.nothing() end, nil, 0)
  end)

  it("equal: deep, and says where", function()
    passes(function(t) t:equal({ a = { 1, "x" } }, { a = { 1, scenario.pattern "^x" } }) end)()
    fails("check", '^ids: a%[2%]%.b: got "x", expected "y"$', function(t) t:equal({ a = { 1, { b = "x" } } }, { a = { 1, { b = "y" } } }, "ids") end)
    fails("check", "^c: got 1, expected nil$", function(t) t:equal({ c = 1 }, {}) end)
    fails("check", "^got 1, expected a table$", function(t) t:equal(1, {}) end)
  end)

  it("skip, at any time", function()
    local result = scenarios.run(function(t)
      t:smsc()
      t:pause(1)
      t:skip "not today"
    end)
    assert.same({ "skip", "not today" }, { result.outcome, result.reason })
  end)

  it("vars and log", function()
    passes(function(t) t:equal(t.vars.host, "x") end, { vars = { host = "x" } })()
    local _, text = fails("check", "x", function(t)
      t:log("sent", 5)
      t:fail "x"
    end)
    assert.truthy(text:find("0.000  sent 5", 1, true))
  end)

  it("defer: the youngest first, also after a failure", function()
    local seen = {}
    local function script(fails_too)
      return function(t)
        t:defer(function() seen[#seen + 1] = "first" end)
        t:defer(function()
          t:pause(0.1)
          seen[#seen + 1] = "second"
        end)
        if fails_too then t:fail "x" end
      end
    end
    passes(script(false))()
    fails("check", "x", script(true))
    assert.same({ "second", "first", "second", "first" }, seen)
    fails("check", "late", function(t) t:defer(function() t:fail "late" end) end, nil, 0)
  end)

  it("refuses what is no function", function()
    fails("script", "go: expected a function, got nil", function(t) t:go() end)
    fails("script", "parallel: expected a function, got number", function(t) t:parallel(function() end, 1) end)
    fails("script", "pause: expected a number of seconds", function(t) t:pause "1" end)
    on_both(function(t) t:defer(function() end) end)()
  end)
end)
