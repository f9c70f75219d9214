local cli = require "spec.support.cli"

local function run(text, ...)
  local path = cli.file('local scenario = require "smpp.scenario"\n' .. text)
  local code, out = cli.run { "test", "--virtual", path, ... }
  os.remove(path)
  return out, path, code
end

local FAILS = 'scenario("fails # <&>", function(t)\n  t:fail("a \\"word\\" \\0 <x>")\nend)\n'

describe("smpp.cli.test_output", function()
  it("writes TAP", function()
    local out, path = run('scenario("a", function() end)\nscenario("b", { skip = "why" }, function() end)\n' .. FAILS, "--tap")
    local lines = cli.lines(out)
    assert.same({ "TAP version 13", "1..3", ("ok 1 - %s: a"):format(path), ("ok 2 - %s: b # SKIP why"):format(path) }, { lines[1], lines[2], lines[3], lines[4] })
    assert.same({ ("not ok 3 - %s: fails \\# <&>"):format(path), "  ---", '  message: "a \\"word\\" \\x00 <x>"' }, { lines[5], lines[6], lines[7] })
    assert.same({ "  line: 5", '  kind: "check"' }, { lines[9], lines[10] })
    assert.equal("  ...", lines[12])
  end)

  it("writes JUnit, with what XML cannot hold escaped", function()
    local xml = os.tmpname()
    local _, path = run('scenario("a", function(t) t:pause(2) end)\nscenario("b", { skip = "why" }, function() end)\n' .. FAILS, "--junit", xml)
    local file = assert(io.open(xml))
    local text = file:read "*a"
    file:close()
    os.remove(xml)
    cli.has(text, ('<testsuite name="%s" tests="3" failures="1" skipped="1" time="2">'):format(path))
    cli.has(text, ('<testcase classname="%s" name="a" file="%s" line="2" time="2"/>'):format((path:gsub("%.lua$", "")), path))
    cli.has(text, '<skipped message="why"/>')
    cli.has(text, 'name="fails # &lt;&amp;&gt;"')
    cli.has(text, '<failure message="a &quot;word&quot; \\x00 &lt;x&gt;" type="check">')
    cli.has(text, "again: smpp test")
  end)

  it("writes JSON with a summary", function()
    local objects = cli.objects((run('scenario("a", function() end)', "--json")))
    assert.same({ "scenario", "pass", "summary", 1, 0, 0 },
      { objects[1].event, objects[1].outcome, objects[2].event, objects[2].passed, objects[2].failed, objects[2].skipped })
  end)

  it("dims what was answered without being asked for, on a terminal", function()
    local scenario = [[scenario("x", function(t)
      local smsc = t:smsc { bind = true }
      local esme = t:esme { smsc, "a:x", scripted = true }
      esme:bind()
      t:fail "here"
    end)]]
    local out = run(scenario, "--color", "always")
    assert.truthy(out:find("\27[2m      0.000  |<", 1, true), out)
    assert.is_nil((run(scenario, "--color", "never")):find("\27", 1, true))
  end)
end)
