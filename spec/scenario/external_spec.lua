local external = require "smpp.scenario.external"
local scenarios = require "spec.support.scenarios"

local REAL = { virtual = false }
local function passes(fn) return scenarios.passes(fn, REAL) end
local function fails(kind, pattern, fn, line) return scenarios.fails(kind, pattern, fn, REAL, line) end

describe("smpp.scenario.external", function()
  it("splits a command like a shell, without one", function()
    assert.same({ "a", "b c", 'd"e', "f g", "", "$x\\y" }, external.words [[a "b c" 'd"e' f\ g '' "\$x\y"]])
    assert.same({ nil, "unterminated quote in the command" }, { external.words "a 'b" })
    assert.same({ "a b", "1-2" }, external.fill({ "{x}", "{y}-2" }, { x = "a b", y = 1 }))
    assert.same({ nil, "z" }, { external.fill({ "{z}" }, {}) })
  end)

  it("runs beside the script: lines, input, exit code, folder, environment", passes(function(t)
    local smsc = t:smsc { accounts = { acme = "secret" } }
    local program = t:external { smsc, "sh -c 'echo $0 $1 $WHO; read x; echo got $x; exit 3' {port} {url}", env = { WHO = "me" } }
    local line, port, url = program:line "^(%d+) (%S+) me$"
    t:equal({ tonumber(port), url }, { smsc.port, smsc:url() })
    t:check(line)
    local waits = t:go(function() return program:wait() end)
    program:write "hello\n"
    program:line "^got hello$"
    t:equal(waits:result(), 3)
    t:check(program.output:find "got hello")
  end))

  it("of which the target may be left out", passes(function(t)
    local smsc = t:smsc()
    t:equal(t:external({ "echo {port}", name = "client" }):line "%d+", tostring(smsc.port))
  end))

  it("that ends with an error fails the scenario at once, at the line that waits", function()
    local failure, text = fails("external", "external ended with exit code 4: sh %-c", function(t)
      local smsc = t:smsc()
      t:external { smsc, "sh -c 'sleep 0.05; echo words; exit 4'" }
      smsc:bound()
    end, 3)
    assert.truthy(failure.output:find "words")
    assert.truthy(text:find("output of external:\n    words", 1, true))
    passes(function(t)
      t:external { t:smsc(), "sh -c 'exit 4'", exit = "any" }
      t:pause(0.1)
    end)()
    fails("external", "was ended by signal 9", function(t)
      t:external { t:smsc(), "sh -c 'kill -9 $$'" }
      t:pause(2)
    end)
    passes(function(t)
      local program = t:external { t:smsc(), "sleep 100" }
      program:signal "KILL"
      t:equal(program:wait(), 137)
    end)()
  end)

  it("is ready by a line, a port of its output, or when its port accepts", function()
    passes(function(t)
      local listener = t:smsc()
      local program = t:external { listener, "sh -c 'sleep 0.05; echo ready now; sleep 100'", ready = "^ready" }
      t:check(program.output:find "ready")
      local says = t:external { listener, "sh -c 'echo listening on x:" .. listener.port .. "; sleep 100'", port = "listening on .*:(%d+)" }
      t:equal(says.port, listener.port)
      t:check(t:peer({ says }):connected())
    end)()
    local began = os.time()
    fails("external", "ended with exit code 0 before it was ready", function(t) t:external { "true", listens = true } end, 0)
    assert.is_true(os.time() - began < 5)
  end)

  it("is skipped where it is missing, and in virtual time", function()
    local function reason(fn, virtual)
      local result = scenarios.run(fn, { virtual = virtual or false })
      assert.equal("skip", result.outcome)
      return result.reason
    end
    assert.equal("no-such-program is not installed", reason(function(t) t:external { t:smsc(), "no-such-program {port}" } end))
    assert.equal("not-there is not installed", reason(function(t) t:external { t:smsc(), "true", needs = { "not-there" } } end))
    assert.equal("external needs the real clock", reason(function(t) t:external "true" end, true))
    fails("script", "nothing to put in place of {prot}", function(t) t:external { t:smsc(), "true {prot}" } end)
    fails("script", "name the actor", function(t)
      t:smsc()
      t:smsc()
      t:external "true {port}"
    end)
  end)

  it("is ended with the scenario, children included", passes(function(t)
    local program = t:external { t:smsc(), "sh -c 'trap \"\" TERM; sleep 100 & echo $!; wait'" }
    t:check(program:line "^%d+$")
  end))

  it("fails when it does not end, or says nothing", function()
    fails("external", "external has not ended within 0.1 s", function(t) t:external({ t:smsc(), "sleep 100" }):wait(0.1) end, 0)
    fails("external", "no line of external matches 'x' within 0.1 s", function(t) t:external({ t:smsc(), "sleep 100" }):line("x", 0.1) end)
    fails("external", "no line of external matches 'x', it has ended", function(t) t:external({ t:smsc(), "true" }):line("x", 2) end)
  end)
end)
