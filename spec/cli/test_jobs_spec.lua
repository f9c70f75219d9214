local cli = require "spec.support.cli"

local folder

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write('local scenario = require "smpp.scenario"\n' .. text)
  file:close()
end

--- The output without what differs: real times.
local function run(...)
  local code, out = cli.run { "test", "--virtual", folder, ... }
  return out:gsub('"wall_s":[%d.e-]+', ""), code
end

describe("smpp.cli.test_jobs", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder)
    for _, name in ipairs { "a", "b", "c" } do
      write(name .. ".lua", ([[
scenario("random", { tags = { "t" } }, function(t)
  local sim = t:sim { latency_s = { uniform = { 0.1, 0.9 } } }
  local esme = t:esme { sim, "me:secret" }
  t:check(esme:send { to = "+491", text = t:random() .. "" })
end)
scenario("%s", function(t)
  t:check(%s, "no")
end)]]):format(name, name == "b" and "false" or "true"))
    end
  end)
  after_each(function() os.execute("rm -r " .. folder) end)

  it("gives the output of one job, in its order, in every form: one seed, other processes", function()
    for _, form in ipairs { "--json", "--tap", "-v" } do
      local alone, code = run(form, "--repeat", "2")
      local together, code_together = run(form, "--repeat", "2", "--jobs", "2")
      assert.equal(1, code)
      assert.same({ code, alone }, { code_together, together })
    end
  end)

  it("passes options on, and stops with --bail", function()
    local out = run("--jobs", "3", "--filter", "random", "--json")
    assert.equal(3, select(2, out:gsub('"outcome":"pass"', "")))
    out = run("--jobs", "2", "--bail", "--json")
    local list = {}
    for outcome in out:gmatch '"outcome":"(%l+)"' do list[#list + 1] = outcome end
    assert.same({ "pass", "pass", "pass", "fail", "skip", "skip" }, list)
  end)

  it("runs again when a file changes, until it is interrupted", function()
    local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local shell = require "spec.support.shell"
    local output = shell.must(([[cd %s && rm b.lua c.lua
LUA=%s "$OLDPWD"/bin/smpp test --virtual --watch a.lua --filter random >out 2>&1 & pid=$!
wait_for waiting out; sed -i 's/"random"/"random again"/' a.lua; wait_for 'random again' out; kill -INT $pid; wait $pid; echo "code $?"]]):format(folder, interpreter))
    assert.equal("code 130\n", output)
  end)
end)
