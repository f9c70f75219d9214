local cli = require "spec.support.cli"
local shell = require "spec.support.shell"

local folder

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write('local scenario = require "smpp.scenario"\n' .. text)
  file:close()
  return path
end

local PASSES = 'scenario("passes", { tags = { "good" } }, function(t)\n  t:pause(1)\nend)\n'
local FAILS = 'scenario("fails", function(t)\n  t:check(false, "no")\nend)\n'
local SKIPS = 'scenario("skips", { skip = "why" }, function(t) end)\n'

local function run(...) return cli.run { "test", "--virtual", ... } end

describe("smpp test", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder)
  end)
  after_each(function() os.execute("rm -r " .. folder) end)

  it("runs files and folders, and ends with 0, or 1", function()
    local good, bad = write("a.lua", PASSES .. SKIPS), write("b.lua", FAILS)
    local code, out = run(good)
    assert.same({ 0, "1 passed, 0 failed, 1 skipped" }, { code, cli.lines(out)[3] })
    assert.equal(("ok    %s:2  passes  (1 s)"):format(good), cli.lines(out)[1])
    assert.equal(("skip  %s:5  skips  (0 s)  why"):format(good), cli.lines(out)[2])
    code, out = run(folder)
    assert.equal(1, code)
    cli.has(out, ("FAIL  %s:2  fails"):format(bad))
    cli.has(out, ("%s:3: no"):format(bad))
    cli.has(out, "again: smpp test " .. bad .. " --filter 'fails' --virtual --seed 1")
    cli.has(out, "1 passed, 1 failed, 1 skipped")
    code, out = run(write("c.lua", SKIPS))
    assert.equal(0, code)
    cli.has(out, "all were skipped")
  end)

  it("ends with 2 when there is nothing to run", function()
    for _, words in ipairs {
      {}, { folder .. "/none.lua" }, { write("a.lua", "x = = 1") }, { write("b.lua", "") }, { folder },
      { write("c.lua", PASSES), "--filter", "nothing" }, { write("d.lua", PASSES), "--json", "--tap" }, { write("e.lua", PASSES), "--seed", "x" },
      { write("f.lua", PASSES), "--junit", folder .. "/none/x.xml" },
    } do
      local code, _, err = run((table.unpack or unpack)(words)) -- luacheck: compat
      assert.equal(2, code)
      cli.has(err, "smpp: ")
    end
  end)

  it("filters, lists, repeats, sets values, and says what was skipped as a failure", function()
    local path = write("a.lua", PASSES .. FAILS .. 'scenario("value", function(t) t:equal(t.vars.x, "a=b") t:check(t.seed < 6) end)')
    assert.equal(0, (run(path, "--tag", "good")))
    local code, out = run(path, "--filter", "a.lua: value", "--set", "x=a=b", "--seed", "4", "--repeat", "3")
    assert.equal(1, code)
    cli.has(out, "2 passed, 1 failed")
    cli.has(out, "--seed 6")
    code, out = run(path, "--list")
    assert.same({ 0, path .. ":2  passes" }, { code, cli.lines(out)[1] })
    code, out = run(write("b.lua", SKIPS), "--no-skip")
    assert.equal(1, code)
    cli.has(out, "skipped: why")
    code, out = run(path, "--filter", "passes", "--limit", "0.5")
    assert.equal(1, code)
    cli.has(out, "not finished within 0.5 s")
    local _, _, err = run(path, "--seed", "random")
    assert.truthy(err:find "seed %d+")
  end)

  it("stops after the first failure with --bail; the rest is skipped", function()
    local code, out = run(write("a.lua", FAILS .. PASSES), "--bail", "--json")
    assert.equal(1, code)
    local objects = cli.objects(out)
    assert.same({ "fail", "skip", "--bail" }, { objects[1].outcome, objects[2].outcome, objects[2].reason })
    assert.same({ 0, 1, 1 }, { objects[3].passed, objects[3].failed, objects[3].skipped })
  end)

  it("writes a capture of each scenario", function()
    local path = write("a.lua", 'scenario("bind it!", function(t)\n  local smsc = t:smsc { bind = true }\n  t:check(t:esme({ smsc, "a:secret" }):connected())\nend)')
    assert.equal(0, (run(path, "--pcap", folder .. "/captures")))
    local _, out = cli.run { "decode", "-b", folder .. "/captures/a-bind-it-.pcapng" }
    cli.has(out, "bind_transceiver_resp")
    cli.has(out, "unbind_resp")
  end)

  it("shows what passed with -v", function()
    local path = write("a.lua", 'scenario("x", function(t) t:log("a word") end)')
    local _, out = run(path, "-v")
    cli.has(out, "0.000  a word")
  end)

  it("runs on the real clock by default", function()
    local path = write("a.lua", 'scenario("x", function(t)\n  t:equal(t.clock, "real")\n  local smsc = t:smsc { bind = true }\n  t:check(t:esme({ smsc, "a:x" }):connected())\nend)')
    assert.equal(0, (cli.run { "test", path }))
  end)

  it("is interrupted with 130; what has finished is reported", function()
    local path = write("a.lua", PASSES:gsub("pause%(1%)", "pause(0)") .. 'scenario("long", function(t) t:pause(20) end)\n' .. FAILS)
    local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local output = shell.must(("(LUA=%s timeout -s INT 1 bin/smpp test --junit %s/x.xml %s; echo code $?) 2>&1"):format(interpreter, folder, path))
    cli.has(output, "1 passed, 0 failed, 0 skipped")
    cli.has(output, "interrupted")
    cli.has(shell.must("cat " .. folder .. "/x.xml"), 'tests="1"')
  end)
end)
