-- One seed of a scenario is the same run in every process, on every Lua: PDUs, log, schedule.
local cli = require "spec.support.cli"
local shell = require "spec.support.shell"

local SCENARIOS = [[
local scenario = require "smpp.scenario"

scenario("a flaky carrier", function(t)
  t:network { latency_s = 0.02, jitter_s = 0.2, bandwidth_octets_per_s = 20000, cut = 0.3 }
  local sim = t:sim { deliver_after_s = { uniform = { 0.5, 20 } }, outcomes = { DELIVERED = 80, UNDELIVERABLE = 20 },
    refusals = { ESME_RTHROTTLED = 10, ESME_RSYSERR = 3 } }
  local esme = t:esme { sim, "me:secret", window = 5, binds = 3 }
  for i = 1, 40 do
    t:go(function()
      t:pause(t:random() * 30)
      local sent, _, code = esme:send { to = ("+4917612345%02d"):format(i), text = ("Grüße Ж "):rep(t:random(1, 30)), receipt = true }
      t:log(i, sent and sent.message_id or code)
      if sent then sent:receipt(60) end
    end)
  end
  t:pause(200)
end)

scenario("a failure", function(t)
  local smsc = t:smsc { bind = true }
  local esme = t:esme { smsc, "me:secret" }
  t:go(function() esme:send { to = "+491761234567", text = "Hello" } end)
  smsc:expect("submit_sm", { destination_addr = "1", short_message = scenario.text "x" })
end)
]]

local function run(interpreter, path)
  local command = ("LUA=%s bin/smpp test --virtual --json --seed 7 %s"):format(interpreter, path)
  local output, code = shell.run(command)
  assert.equal(1, code, output)
  return (output:gsub('"wall_s":[%d.e-]+', '"wall_s":0'))
end

--- Is the module of a Lua there?
local function is_built(interpreter)
  local file = io.open(("%s/%s/smpp/core.so"):format(os.getenv "SMPP_BUILD" or "build", (interpreter:gsub("^lua", ""))))
  if file then file:close() end
  return file ~= nil
end

describe("a seed of scenarios", function()
  it("gives the same results in two processes and on two Luas", function()
    local path = cli.file(SCENARIOS)
    local own = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local first = run(own, path)
    assert.equal(first, run(own, path))
    local others = 0
    for _, other in ipairs { "lua5.4", "luajit", "lua5.1" } do
      if other ~= own and is_built(other) then
        others = others + 1
        assert.equal(first, run(other, path), other)
      end
    end
    os.remove(path)
    assert.is_true(others >= 0) -- `make test` builds all of them
    local objects = cli.objects(first)
    assert.same({ "pass", "fail", 16 }, { objects[1].outcome, objects[2].outcome, #objects[1].trace })
  end)
end)
